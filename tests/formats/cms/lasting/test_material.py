"""What revocation data says of certificates, and how much of a hostile one is looked at."""

from __future__ import annotations

from time import process_time

from signroom.domain.augmentation import ValidationData
from signroom.formats.cms.lasting.material import Known, material_of_object
from signroom.formats.cms.writing import sequence
from tests.pki import three_tiers
from tests.pki.three_tiers import NOW

SIGNER = three_tiers.signer("p256").der


def data_without(number: int) -> ValidationData:
    data = three_tiers.data_of_signer("p256", NOW)
    return ValidationData(data.certificates, data.lists[:number] + data.lists[number + 1 :], data.responses)


def test_each_certificate_below_the_root_needs_revocation_data() -> None:
    data = three_tiers.data_of_signer("p256", NOW)

    assert Known(data).is_complete_for(SIGNER)
    assert Known(data).is_complete_for(three_tiers.responder().der)
    assert Known(data).is_complete_for(three_tiers.root().der)
    assert not Known(ValidationData(data.certificates, data.lists)).is_complete_for(SIGNER)
    assert not any(Known(data_without(number)).is_complete_for(SIGNER) for number in range(2))
    assert not Known(data).is_complete_for(three_tiers.stamper(0).der)
    assert not Known(data).is_complete_for(b"")


def test_a_list_of_the_issuer_serves_as_well_as_a_response() -> None:
    data = three_tiers.data_of_signer("p256", NOW)
    lists = (*data.lists, three_tiers.revocation_list(three_tiers.issuing(), NOW))

    assert Known(ValidationData(data.certificates, lists)).is_complete_for(SIGNER)


def test_a_list_of_millions_of_parts_costs_no_more_than_another() -> None:
    hostile = sequence(0x30, sequence(0x30, bytes(6 << 20)))
    data = three_tiers.data_of_signer("p256", NOW)
    before = process_time()

    found = Known(ValidationData(data.certificates, (hostile, *data.lists), (hostile, *data.responses)))

    assert found.is_complete_for(SIGNER)
    assert process_time() - before < 0.5


def test_what_is_neither_list_nor_response_is_passed_over() -> None:
    odd = (b"\xa1\x00", b"\xa1\x02\x05\x00", b"\xa2\x00", sequence(0xA1, bytes.fromhex("06012a"), b"\x05\x00"))

    assert material_of_object((b"\xa0\x00", SIGNER), odd) == ValidationData((SIGNER,))
