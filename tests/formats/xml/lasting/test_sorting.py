"""Whose the validation data is: the signer's, or that of a timestamp authority."""

from __future__ import annotations

from signroom.domain.augmentation import NO_DATA, ValidationData
from signroom.formats.xml.lasting.sorting import split, without
from tests.pki import three_tiers
from tests.pki.three_tiers import NOW

SIGNER, STAMPER = three_tiers.signer("p256"), three_tiers.stamper(0)
OF_SIGNER, OF_STAMPER = three_tiers.data_of_signer("p256"), three_tiers.data_of_stamper()


def test_what_belongs_to_nobody_but_the_authority_is_its_own() -> None:
    of_signer, of_stamper = split(OF_SIGNER + OF_STAMPER, SIGNER.der, [STAMPER.der], ())
    # The list of the common root is the signer's, too.
    assert of_signer == OF_SIGNER
    assert of_stamper == without(OF_STAMPER, OF_SIGNER)
    assert of_stamper.certificates == (STAMPER.der, STAMPER.issuers[0].der)
    assert of_stamper.lists == (three_tiers.revocation_list(STAMPER.issuers[0], NOW),)


def test_certificates_that_are_elsewhere_lead_upwards() -> None:
    lists = ValidationData(lists=OF_STAMPER.lists)
    above = [holder.der for holder in STAMPER.issuers]
    of_signer, of_stamper = split(lists, SIGNER.der, [STAMPER.der], [*above, *SIGNER.chain.issuers])
    assert (len(of_signer.lists), len(of_stamper.lists)) == (1, 1)


def test_an_answer_about_the_authority_is_its_own() -> None:
    answer = three_tiers.ocsp_response(STAMPER, NOW)
    _, of_stamper = split(OF_SIGNER + ValidationData(responses=(answer,)), SIGNER.der, [STAMPER.der], ())
    assert of_stamper.responses == (answer,)


def test_what_cannot_be_read_stays_with_the_signer() -> None:
    odd = ValidationData((b"no certificate",), (b"no list", b""), (b"no answer", b"\x30\x03\x0a\x01\x06"))
    assert split(odd, SIGNER.der, [STAMPER.der, b"?"], (b"?",)) == (odd, NO_DATA)
    assert split(OF_SIGNER, b"?", [b"?"], ()) == (OF_SIGNER, NO_DATA)
