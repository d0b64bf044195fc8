"""What is not raised, and what strangers' files are like: coded errors, and the file as it was."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from asn1crypto import cms, core
from asn1crypto.ocsp import OCSPResponse
from cryptography.hazmat.primitives import serialization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signroom.domain.augmentation import NO_DATA, Augmentation, LaidOutAugmentation, TimestampUse, ValidationData
from signroom.domain.errors import (
    AugmentationImpossible,
    BrokenSignature,
    CmsTooComplex,
    DataFileRequired,
    DataMismatch,
    NotSigned,
    Refused,
    TimestampTooLarge,
    VerificationFailed,
)
from signroom.domain.level import Level
from signroom.domain.signature import ATTACHED, DigestAlgorithm, TrustedChain
from signroom.formats.cms import format as cms_format
from signroom.formats.values import check_values
from tests.formats.cms.lasting.raised import (
    CONTENT,
    DETACHED,
    all_data,
    raise_level,
    sign,
    signers,
    to_archive,
)
from tests.pki import three_tiers
from tests.pki.three_tiers import NOW, stamp

SIGNATURE, ARCHIVE = TimestampUse.SIGNATURE, TimestampUse.ARCHIVE


@pytest.fixture
def content(tmp_path: Path) -> Path:
    file = tmp_path / "content.bin"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def file(content: Path, tmp_path: Path) -> Path:
    """A signature of level B-B."""
    target = tmp_path / "signed.p7m"
    sign(content, "p256", target)
    return target


def lay_out(file: Path, augmentation: Augmentation, data: Path | None = None) -> LaidOutAugmentation:
    return cms_format.lay_out_augmentation(file, augmentation, now=NOW, data=data, reading=None)


def augment(file: Path, laid_out: LaidOutAugmentation, token: bytes | None, data: Path | None = None) -> None:
    cms_format.augment(file, laid_out, token=token, data=data, reading=None)


def require_refused(error: type[Refused], file: Path, act: Callable[[], object]) -> None:
    """The file stays as it is, and nothing is left beside it."""
    before, beside = file.read_bytes(), sorted(file.parent.iterdir())
    with pytest.raises(error):
        act()
    assert file.read_bytes() == before
    assert sorted(file.parent.iterdir()) == beside


@pytest.mark.parametrize("use", [SIGNATURE, ARCHIVE])
def test_a_token_that_does_not_fit_changes_nothing(file: Path, use: TimestampUse) -> None:
    laid_out = lay_out(file, Augmentation(use, all_data("p256")))
    assert laid_out.imprint is not None
    good = stamp(laid_out.imprint)
    wrong = {
        "another imprint": stamp(bytes(32)),
        "no token": b"no token",
        "nothing": b"",
        "another algorithm": stamp(hashlib.sha512(b"").digest(), algorithm="sha512"),
        "no certificate": stamp(laid_out.imprint, certificates=False),
        "something behind it": good + b"\0",
        "a damaged value": good[:-1] + bytes([good[-1] ^ 1]),
    }
    for token in wrong.values():
        require_refused(VerificationFailed, file, lambda token=token: augment(file, laid_out, token))  # type: ignore[misc]
    large = stamp(laid_out.imprint, padding_bytes=256 << 10)
    require_refused(TimestampTooLarge, file, lambda: augment(file, laid_out, large))
    require_refused(AugmentationImpossible, file, lambda: augment(file, laid_out, None))
    augment(file, laid_out, good)


def test_a_signature_is_not_written_with_a_wrong_timestamp(content: Path, tmp_path: Path) -> None:
    prepared = cms_format.prepare(
        content,
        ATTACHED,
        TrustedChain(three_tiers.signer("p256").chain),
        algorithm=DigestAlgorithm.SHA256,
        now=NOW,
        data=None,
        reading=None,
        timestamp_room=0,
    )
    (checked,) = check_values([prepared.claimed(three_tiers.signer("p256").sign(prepared.to_sign))])
    output = tmp_path / "signed.p7m"

    with pytest.raises(VerificationFailed):
        cms_format.sign(content, prepared, checked, output, content=None, reading=None, timestamp=stamp(bytes(32)))
    assert not output.exists()


@pytest.mark.parametrize("use", [SIGNATURE, ARCHIVE, None])
def test_a_file_that_changed_after_the_lay_out_is_refused(file: Path, use: TimestampUse | None) -> None:
    original = file.read_bytes()
    laid_out = lay_out(file, Augmentation(use, all_data("p256")))
    token = None if laid_out.imprint is None else stamp(laid_out.imprint)
    value = signers(file)[0]["signature"].native
    changes = [
        original + b"\0",
        original.replace(value, value[:-1] + bytes([value[-1] ^ 1])),
        original.replace(b"Three tiers intermediate", b"Three tiers Intermediate", 1),
    ]
    if use is ARCHIVE:
        changes.append(original.replace(b"neither text", b"neither Text", 1))
    for changed in changes:
        assert changed != original
        file.write_bytes(changed)
        require_refused(AugmentationImpossible, file, lambda: augment(file, laid_out, token))


def test_what_cannot_be_raised_is_told(file: Path, content: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.p7m"
    sign(file, "rsa2048", both)
    broken = tmp_path / "broken.p7m"
    broken.write_bytes(file.read_bytes().replace(b"neither text", b"neither Text", 1))

    require_refused(NotSigned, content, lambda: lay_out(content, Augmentation(SIGNATURE)))
    require_refused(NotSigned, content, lambda: cms_format.read_levels(content, None))
    require_refused(AugmentationImpossible, file, lambda: lay_out(file, Augmentation(SIGNATURE, NO_DATA, b"another")))
    for use in (SIGNATURE, ARCHIVE):
        require_refused(AugmentationImpossible, both, lambda use=use: lay_out(both, Augmentation(use)))  # type: ignore[misc]
    require_refused(BrokenSignature, broken, lambda: lay_out(broken, Augmentation(ARCHIVE)))
    for data in (
        ValidationData((b"nothing",)),
        ValidationData((), (b"",)),
        ValidationData((), (), (b"\x30\x80\0\0",)),
        ValidationData((), (three_tiers.revocation_list(three_tiers.root(), NOW) + b"\0",)),
        ValidationData((), (b"\x30\x84\x01\x00\x00\x00" + b"\x04\x84\x00\xff\xff\xfa" + bytes((1 << 24) - 6),)),
    ):
        require_refused(AugmentationImpossible, file, lambda data=data: lay_out(file, Augmentation(None, data)))  # type: ignore[misc]


def test_a_detached_signature_needs_its_content_or_the_same_digest(content: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "signed.p7s", tmp_path / "other.bin"
    sign(content, "p256", file, DETACHED, content=content, stamped=True)
    other.write_bytes(b"another")
    long = Augmentation(ARCHIVE, all_data("p256"), digest_algorithm=DigestAlgorithm.SHA512)

    require_refused(DataMismatch, file, lambda: lay_out(file, to_archive(None, all_data("p256")), other))
    require_refused(DataFileRequired, file, lambda: lay_out(file, long))
    raise_level(file, to_archive(None, all_data("p256")))
    raise_level(file, long, data=content)

    found = cms_format.read_levels(file, content).signatures[0]
    assert [(one.use, one.intact) for one in found.timestamps] == [(SIGNATURE, True), (ARCHIVE, True), (ARCHIVE, True)]
    without = cms_format.read_levels(file, None).signatures[0]
    assert sorted(one.intact for one in without.timestamps) == [False, True, True]


def test_a_second_timestamp_stands_beside_the_first(file: Path) -> None:
    for _ in range(2):
        raise_level(file, Augmentation(SIGNATURE, digest_algorithm=DigestAlgorithm.SHA384))

    (found,) = cms_format.read_levels(file, None).signatures
    assert [(one.use, one.intact) for one in found.timestamps] == [(SIGNATURE, True)] * 2
    assert found.timestamps[0].authority.certificate == three_tiers.stamper(0).der
    assert found.level is Level.B_T


def with_unsigned(file: Path, *attributes: bytes) -> None:
    """Attributes that another program has put there, as they are."""
    object_ = cms.ContentInfo.load(file.read_bytes())
    signer = object_["content"]["signer_infos"][0]
    joined = b"".join(attributes)
    old = signer.dump()
    fields = signer.contents
    added = b"\xa1\x82" + len(joined).to_bytes(2, "big") + joined
    new = b"\x30\x82" + (len(fields) + len(added)).to_bytes(2, "big") + fields + added
    parts = [object_["content"][name].dump() for name in ("version", "digest_algorithms", "encap_content_info")]
    parts.append(object_["content"]["certificates"].dump())
    signed = b"".join([*parts, _tlv(0x31, new)])
    assert old != new
    file.write_bytes(_tlv(0x30, object_["content_type"].dump() + _tlv(0xA0, _tlv(0x30, signed))))


def _tlv(tag: int, octets: bytes) -> bytes:
    return bytes([tag, 0x84]) + len(octets).to_bytes(4, "big") + octets


def attribute(kind: str, *values: bytes) -> bytes:
    return cms_attribute(core.ObjectIdentifier(kind).dump(), values)


def cms_attribute(kind: bytes, values: tuple[bytes, ...]) -> bytes:
    joined = b"".join(values)
    inner = kind + b"\x31\x82" + len(joined).to_bytes(2, "big") + joined
    return b"\x30\x82" + len(inner).to_bytes(2, "big") + inner


def test_odd_unsigned_attributes_of_strangers_hide_nothing(file: Path, tmp_path: Path) -> None:
    value = signers(file)[0]["signature"].native
    good = stamp(hashlib.sha256(value).digest())
    plain = file.read_bytes()
    kinds = ("1.2.840.113549.1.9.16.2.14", "0.4.0.1733.2.4", "1.2.840.113549.1.9.16.2.24", "1.2.3")
    odd = {
        "garbage in each": [attribute(kind, b"\x04\x02no") for kind in kinds],
        "the same twice": [attribute(kinds[0], good), attribute(kinds[0], good)],
        "two values": [attribute(kinds[0], good, stamp(bytes(32)))],
        "no values": [attribute(kinds[0])],
        "no attribute": [b"\x04\x02no"],
    }
    for attributes in odd.values():
        file.write_bytes(plain)
        with_unsigned(file, *attributes)
        (found,) = cms_format.read_levels(file, None).signatures
        assert found.level in {Level.B_B, Level.B_T}
        both = tmp_path / "both.p7m"
        new = sign(file, "rsa2048", both, stamped=True)
        raise_level(both, to_archive(new, all_data("rsa2048")))
        assert Level.B_LTA in {one.level for one in cms_format.read_levels(both, None).signatures}
        assert any(attributes[0] in one.dump() for one in signers(both))


def test_more_timestamps_than_anybody_makes_are_refused(file: Path) -> None:
    with_unsigned(file, attribute("1.2.840.113549.1.9.16.2.14", *(b"\x04\x02no",) * 501))

    require_refused(CmsTooComplex, file, lambda: cms_format.read_levels(file, None))
    require_refused(CmsTooComplex, file, lambda: lay_out(file, Augmentation(SIGNATURE, all_data("p256"))))


def test_a_timestamp_of_something_else_is_no_level(file: Path) -> None:
    with_unsigned(
        file,
        attribute("1.2.840.113549.1.9.16.2.14", stamp(bytes(32))),
        attribute("0.4.0.1733.2.4", stamp(bytes(32))),
    )
    raise_level(file, Augmentation(None, all_data("p256")))

    (found,) = cms_format.read_levels(file, None).signatures
    assert found.level is Level.B_B
    assert [one.intact for one in found.timestamps] == [False, False]


def test_a_timestamp_by_sha1_is_read(file: Path) -> None:
    """Many old files have one."""
    value = signers(file)[0]["signature"].native
    digest = hashlib.sha1(value).digest()  # noqa: S324
    with_unsigned(file, attribute("1.2.840.113549.1.9.16.2.14", stamp(digest, algorithm="sha1")))

    (found,) = cms_format.read_levels(file, None).signatures
    assert (found.level, found.timestamps[0].intact) == (Level.B_T, True)


OLD = {"archiveTimestamp": "1.2.840.113549.1.9.16.2.27", "archiveTimestampV2": "1.2.840.113549.1.9.16.2.48"}


@pytest.mark.parametrize("kind", OLD.values(), ids=OLD)
def test_an_old_archive_timestamp_is_recognised_and_left_alone(file: Path, kind: str) -> None:
    """Its imprint is about all that is there, so nothing can be added beside it."""
    value = signers(file)[0]["signature"].native
    data = all_data("p256")
    lists = _tlv(0xA0, _tlv(0x30, _joined(data.lists)))
    answers = _tlv(0xA1, _tlv(0x30, _joined(_basic(one) for one in data.responses)))
    with_unsigned(
        file,
        attribute("1.2.840.113549.1.9.16.2.14", stamp(hashlib.sha256(value).digest())),
        attribute("1.2.840.113549.1.9.16.2.23", _tlv(0x30, _joined(data.certificates))),
        attribute("1.2.840.113549.1.9.16.2.24", _tlv(0x30, lists + answers)),
        attribute(kind, stamp(bytes(32), algorithm="sha256")),
    )
    found = cms_format.read_levels(file, None)

    assert [one.level for one in found.signatures] == [Level.B_LTA]
    assert [one.intact for one in found.signatures[0].timestamps] == [True, False]
    assert set(data.certificates) <= set(found.data.certificates)
    assert set(data.lists) == set(found.data.lists)
    assert found.data.responses == data.responses
    require_refused(AugmentationImpossible, file, lambda: lay_out(file, Augmentation(None, data)))
    require_refused(AugmentationImpossible, file, lambda: cms_format.inspect(file, ATTACHED, None))


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)


def _basic(response: bytes) -> bytes:
    der: bytes = OCSPResponse.load(response)["response_bytes"]["response"].parsed.dump()
    return der


def test_what_is_not_der_is_not_archived(file: Path) -> None:
    """Some verifiers hash what they have written anew."""
    signer = signers(file)[0]
    attributes = [one.dump() for one in signer["signed_attrs"]]
    unsorted = b"".join(reversed(attributes))
    octets = file.read_bytes()
    assert signer["signed_attrs"].contents in octets
    file.write_bytes(octets.replace(signer["signed_attrs"].contents, unsorted, 1))

    require_refused(AugmentationImpossible, file, lambda: lay_out(file, to_archive(None, all_data("p256"))))
    raise_level(file, Augmentation(SIGNATURE, all_data("p256")))
    assert cms_format.read_levels(file, None).signatures[0].level is Level.B_LT


def test_a_text_form_becomes_der(file: Path) -> None:
    file.write_bytes(b"-----BEGIN CMS-----\n" + base64.encodebytes(file.read_bytes()) + b"-----END CMS-----\n")

    raise_level(file, Augmentation(SIGNATURE))
    raise_level(file, to_archive(None, all_data("p256")))

    assert file.read_bytes()[:1] == b"\x30"
    assert cms_format.read_levels(file, None).signatures[0].level is Level.B_LTA


def test_data_that_is_there_is_not_added_twice(file: Path) -> None:
    raise_level(file, Augmentation(SIGNATURE))
    raise_level(file, Augmentation(None, all_data("p256")))
    length = file.stat().st_size
    raise_level(file, Augmentation(None, all_data("p256")))

    assert file.stat().st_size == length
    found = cms_format.read_levels(file, None).data
    assert set(found.lists) == set(all_data("p256").lists)
    assert found.responses == all_data("p256").responses


def test_a_level_is_more_than_some_data(file: Path) -> None:
    """Without revocation data for an authority between, or for the timestamp's, it is no B-LT."""
    raise_level(file, Augmentation(SIGNATURE))
    data = all_data("p256")
    for number in range(len(data.lists)):
        some = ValidationData(data.certificates, data.lists[:number] + data.lists[number + 1 :], data.responses)
        plain = file.read_bytes()
        raise_level(file, to_archive(None, some))
        assert cms_format.read_levels(file, None).signatures[0].level is Level.B_T
        file.write_bytes(plain)
    raise_level(file, Augmentation(None, data))
    assert cms_format.read_levels(file, None).signatures[0].level is Level.B_LT


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_refused_or_reported(data: st.DataObject, tmp_path: Path, content: Path) -> None:
    good, file = tmp_path / "good.p7m", tmp_path / "damaged.p7m"
    if not good.exists():
        sign(content, "p256", good, stamped=True)
        raise_level(good, to_archive(None, all_data("p256")))
    damaged = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - len(CONTENT) - 1))
        damaged[place if place < 80 else place + len(CONTENT)] = data.draw(st.integers(0, 255))
    file.write_bytes(damaged)

    for act in (
        lambda: cms_format.read_levels(file, None),
        lambda: raise_level(file, Augmentation(SIGNATURE)),
        lambda: raise_level(file, to_archive(None, all_data("p256"))),
    ):
        try:
            act()
        except Refused:
            continue


@pytest.mark.parametrize("options", [["-noattr"], []])
def test_what_is_no_cades_signature_is_not_raised(content: Path, tmp_path: Path, options: list[str]) -> None:
    """DSS fails on a file without signed attributes that was raised, and calls the other one no CAdES."""
    target, holder = tmp_path / "plain.p7m", three_tiers.signer("p256")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key.write_bytes(holder.key.private_bytes(pem, private, serialization.NoEncryption()))
    certificate.write_bytes(holder.certificate.public_bytes(pem))
    command = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-outform", "DER", *options]
    files = {"-in": content, "-signer": certificate, "-inkey": key, "-out": target}
    subprocess.run([*command, *(str(part) for pair in files.items() for part in pair)], check=True, capture_output=True)

    for use in TimestampUse:
        with pytest.raises(AugmentationImpossible, match="no CAdES"):
            cms_format.lay_out_augmentation(target, Augmentation(use), now=NOW, data=None, reading=None)
