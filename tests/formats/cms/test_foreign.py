"""Strangers' signatures in PDFs: what is right is intact, what was changed is broken, what is not known is neither."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from signroom.domain.validation import Check, Outcome
from signroom.formats.cms.foreign import ForeignSignature, Integrity, judge_contents
from signroom.formats.cms.hashing import digest_of, is_known
from tests.pki import authority
from tests.trust.certificates_by_hand import der, oid
from tests.vectors import foreign_cms
from tests.vectors.foreign_cms import (
    DATA,
    DIGESTS,
    SIGNING_CERTIFICATE_V2,
    Object,
    Signer,
    attribute,
    ec_signer,
    rsa_signer,
    sequence,
)
from tests.verifiers.cms import signed_by_openssl

DETACHED, CADES, SHA1 = "adbe.pkcs7.detached", "ETSI.CAdES.detached", "adbe.pkcs7.sha1"
BARE, TIMESTAMP = "adbe.x509.rsa_sha1", "ETSI.RFC3161"
CONTENT = b"%PDF-1.7 what the byte range covers"
OTHER = CONTENT + b" and more"
PADDING = bytes(64)


def digests(content: bytes = CONTENT) -> Callable[[str], bytes | None]:
    return lambda name: digest_of(content, name) if is_known(name) else None


def judged(
    contents: bytes, kind: str = DETACHED, content: bytes = CONTENT, certificate: bytes | None = None
) -> ForeignSignature:
    (one,) = judge_contents(contents, kind, digests(content), certificate)
    return one


def made(signer: Signer, **oddities: object) -> bytes:
    return Object(CONTENT, [signer], **oddities).made()  # type: ignore[arg-type]


def p256() -> Signer:
    return ec_signer("sha256", "1.2.840.10045.4.3.2")


# -- families --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", foreign_cms.STRONG)
def test_each_family_is_intact_and_one_changed_letter_breaks_it(kind: str) -> None:
    signer = foreign_cms.STRONG[kind]()
    contents = made(signer) + PADDING

    one = judged(contents)
    assert (one.integrity, one.reason, one.is_weak) == (
        Integrity.INTACT,
        "The signed attributes do not say which certificate is the signer's: another one could be put there.",
        False,
    )
    assert one.certificate == signer.certificate
    assert judged(contents, content=OTHER).integrity is Integrity.BROKEN


@pytest.mark.parametrize("kind", [*foreign_cms.STRONG, *foreign_cms.WEAK])
def test_a_value_of_other_attributes_is_broken(kind: str) -> None:
    signer = (foreign_cms.STRONG | foreign_cms.WEAK)[kind]()
    changed = Signer(signer.certificate, signer.algorithm, lambda octets: signer.sign(octets + b"x"), signer.digest)

    one = judged(made(changed))
    assert one.integrity is Integrity.BROKEN
    assert Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED in {item.check for item in one.results.errors}


@pytest.mark.parametrize("kind", foreign_cms.WEAK)
def test_what_is_weak_today_is_intact_with_a_warning(kind: str) -> None:
    one = judged(made(foreign_cms.WEAK[kind]()))

    assert (one.integrity, one.is_weak) == (Integrity.INTACT, True)
    assert Check.ALGORITHM_NOT_ALLOWED in {item.check for item in one.results.with_outcome(Outcome.WARNING)}
    assert one.results.valid


@pytest.mark.parametrize("kind", foreign_cms.UNSUPPORTED)
def test_what_cannot_be_computed_is_unsupported(kind: str) -> None:
    one = judged(made(foreign_cms.UNSUPPORTED[kind]()))

    assert one.integrity is Integrity.UNSUPPORTED
    assert one.reason is not None
    assert "not known here" in one.reason


def test_a_digest_that_does_not_fit_is_broken_whatever_the_value_is() -> None:
    contents = made(foreign_cms.UNSUPPORTED["GOST"]())

    assert judged(contents, content=OTHER).integrity is Integrity.BROKEN


# -- what other programs make ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signer", "options"),
    [
        ("rsa2048", []),
        ("rsa2048", ["-md", "sha512"]),
        ("rsa2048", ["-stream"]),
        ("rsa2048", ["-stream", "-nodetach"]),
        ("rsa2048", ["-noattr"]),
        ("rsa2048", ["-cades"]),
        ("rsa3072", ["-keyopt", "rsa_padding_mode:pss"]),
        ("p256", []),
        ("p521", ["-md", "sha512"]),
    ],
)
def test_what_openssl_signs_is_intact(tmp_path: Path, signer: str, options: Sequence[str]) -> None:
    contents = by_openssl(tmp_path, signer, *options) + PADDING

    for kind in (DETACHED, CADES):
        one = judged(contents, kind)
        assert (one.integrity, one.is_weak) == (Integrity.INTACT, False)
        assert one.certificate == authority.leaf(signer).certificate_der
        assert judged(contents, kind, OTHER).integrity is Integrity.BROKEN


def test_a_signer_who_is_named_by_a_key_identifier_is_found(tmp_path: Path) -> None:
    key, certificate, content = tmp_path / "key.pem", tmp_path / "certificate.pem", tmp_path / "content"
    content.write_bytes(CONTENT)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-noenc"]
    command += ["-subj", "/CN=Somebody", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    contents = signed_by_openssl(content, key, certificate, tmp_path / "signature", "-keyid").read_bytes()

    assert judged(contents).integrity is Integrity.INTACT
    assert judged(contents, content=OTHER).integrity is Integrity.BROKEN


def test_sha1_of_openssl_is_weak_and_its_time_is_told(tmp_path: Path) -> None:
    one = judged(by_openssl(tmp_path, "rsa2048", "-md", "sha1"))

    assert (one.integrity, one.is_weak) == (Integrity.INTACT, True)
    assert one.claimed_at is not None
    assert abs((datetime.now(UTC) - one.claimed_at).total_seconds()) < 600


def by_openssl(folder: Path, signer: str, *options: str) -> bytes:
    content, key, certificate = folder / "content", folder / "key.pem", folder / "certificate.pem"
    content.write_bytes(CONTENT)
    leaf = authority.leaf(signer)
    key.write_bytes(leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(leaf.certificate.public_bytes(Encoding.PEM))
    return signed_by_openssl(content, key, certificate, folder / "signature", *options).read_bytes()


# -- old habits ------------------------------------------------------------------------------------


def test_each_signer_is_judged_by_himself() -> None:
    good, weak, strange = p256(), rsa_signer("sha1"), foreign_cms.UNSUPPORTED["a digest of nobody"]()
    contents = Object(CONTENT, [good, weak, replace(weak, sign=lambda _: bytes(256)), strange]).made()

    results = judge_contents(contents, DETACHED, digests())
    wanted = [Integrity.INTACT, Integrity.INTACT, Integrity.BROKEN, Integrity.UNSUPPORTED]
    # The signers of an object are a set: they may stand in any order.
    assert sorted(one.integrity for one in results) == sorted(wanted)
    assert [one.is_weak for one in results if one.integrity is Integrity.INTACT].count(True) == 1


@pytest.mark.parametrize("unsorted", [False, True])
def test_attributes_may_be_written_in_any_order(unsorted: bool) -> None:
    assert judged(made(p256(), unsorted=unsorted)).integrity is Integrity.INTACT


def test_attributes_that_were_signed_as_they_were_written_are_intact() -> None:
    signer = p256()

    def in_their_order(octets: bytes) -> bytes:
        from asn1crypto.cms import CMSAttributes

        members = [one.dump() for one in CMSAttributes.load(octets)]
        return signer.sign(der(0x31, *members[::-1]))

    odd = Signer(signer.certificate, signer.algorithm, in_their_order)
    assert judged(made(odd, unsorted=True)).integrity is Integrity.INTACT


def test_attributes_are_taken_as_they_are_and_not_written_anew() -> None:
    """The first certificate is named by the default digest, the second by the same digest written out."""
    signer = p256()
    first = sequence(der(0x04, hashlib.sha256(signer.certificate).digest()))
    second = sequence(sequence(oid(DIGESTS["sha256"])), der(0x04, hashlib.sha256(authority.root_der()).digest()))
    binding = attribute(SIGNING_CERTIFICATE_V2, sequence(sequence(first, second)))

    one = judged(made(signer, more=(binding,)))
    assert (one.integrity, one.reason) == (Integrity.INTACT, None)


def test_attributes_of_indefinite_length_are_read() -> None:
    binding = sequence(oid("1.2.3.4"), b"\x31\x80" + der(0x04, b"of no known kind") + b"\x00\x00")

    assert judged(made(p256(), more=(binding,))).integrity is Integrity.INTACT
    assert judged(made(p256(), more=(binding,), unsorted=True)).integrity is Integrity.INTACT


def test_no_attributes_are_intact_where_a_digest_is_enough() -> None:
    assert judged(made(rsa_signer("sha256"), attributes=False)).integrity is Integrity.INTACT
    assert judged(made(p256(), attributes=False)).integrity is Integrity.INTACT
    assert judged(made(p256(), attributes=False), content=OTHER).integrity is Integrity.BROKEN
    # Ed25519 signs the message itself, which is not at hand.
    ed25519 = foreign_cms.STRONG["Ed25519"]()
    assert judged(made(ed25519, attributes=False)).integrity is Integrity.UNSUPPORTED


def test_the_value_says_which_digest_it_was_made_of() -> None:
    """Signers of old programs wrote SHA-1 beside a value over SHA-256."""
    wrong = rsa_signer("sha256", "1.2.840.113549.1.1.5")
    one = judged(made(wrong))

    assert (one.integrity, one.is_weak) == (Integrity.INTACT, False)


# -- attributes ------------------------------------------------------------------------------------


def test_the_named_certificate_must_be_the_signers() -> None:
    signer = p256()

    one = judged(made(signer, named=signer.certificate))
    assert (one.integrity, one.reason) == (Integrity.INTACT, None)
    one = judged(made(signer, named=authority.root_der()))
    assert one.integrity is Integrity.BROKEN
    assert one.reason == "The signed attributes name another certificate than the signer's."


@pytest.mark.parametrize(
    "oddities",
    [
        {"without_certificates": True},
        {"signed_kind": None},
        {"signed_kind": "1.2.840.113549.1.7.3"},
        {"more": (attribute("1.2.840.113549.1.9.3", oid(DATA)),)},
        {"more": (attribute("1.2.840.113549.1.9.52", der(0x30, der(0x30, oid("1.3.14.3.2.26")))),)},
    ],
    ids=["no certificate", "no content type", "another content type", "content type twice", "other algorithms"],
)
def test_what_cannot_be_judged_is_unproven(oddities: dict[str, object]) -> None:
    one = judged(made(p256(), **oddities))

    assert one.integrity is Integrity.UNPROVEN
    assert one.reason


def test_what_is_no_cms_object_is_unproven() -> None:
    good = made(p256())
    for contents in (b"", bytes(100), b"text", good[:-40], good[:20], b"\x30\x80", Object(CONTENT, []).made()):
        assert judged(contents).integrity is Integrity.UNPROVEN


def test_a_kind_that_nobody_knows_is_unsupported() -> None:
    one = judged(made(p256()), "ENTRUST.ppkms", certificate=authority.root_der())

    assert (one.integrity, one.certificate) == (Integrity.UNSUPPORTED, authority.root_der())


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damage_is_judged_and_nothing_is_raised(data: st.DataObject) -> None:
    good = _GOOD
    position = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:position] + bytes([good[position] ^ data.draw(st.integers(1, 255))]) + good[position + 1 :]

    for kind in (DETACHED, SHA1, BARE, TIMESTAMP):
        for one in judge_contents(damaged, kind, digests(), authority.root_der()):
            assert one.integrity in Integrity


_GOOD = made(p256(), named=p256().certificate, inside=b"content")


# -- adbe.pkcs7.sha1 and adbe.x509.rsa_sha1 --------------------------------------------------------


@pytest.mark.parametrize("attributes", [True, False])
def test_a_signed_sha1_is_intact_and_weak(attributes: bool) -> None:
    digest = digest_of(CONTENT, "sha1")
    contents = Object(digest, [rsa_signer("sha256")], inside=digest, attributes=attributes).made() + PADDING

    one = judged(contents, SHA1)
    assert (one.integrity, one.is_weak) == (Integrity.INTACT, True)
    broken = judged(contents, SHA1, OTHER)
    assert (broken.integrity, broken.is_weak) == (Integrity.BROKEN, False)
    assert Check.MESSAGE_DIGEST_MISMATCH in {item.check for item in broken.results.errors}


def test_a_sha1_that_is_not_inside_is_judged_as_detached() -> None:
    contents = made(rsa_signer("sha1"))

    assert judged(contents, SHA1).integrity is Integrity.INTACT
    assert judged(contents, SHA1, OTHER).integrity is Integrity.BROKEN


@pytest.mark.parametrize(("digest", "weak"), [("sha1", True), ("sha256", False), ("sha512", False)])
def test_a_bare_value_is_judged_with_the_certificate_beside_it(digest: str, weak: bool) -> None:
    signer = rsa_signer(digest)
    contents = der(0x04, signer.sign(CONTENT)) + PADDING

    one = judged(contents, BARE, certificate=signer.certificate)
    assert (one.integrity, one.is_weak, one.certificate) == (Integrity.INTACT, weak, signer.certificate)
    assert judged(contents, BARE, OTHER, signer.certificate).integrity is Integrity.BROKEN
    other = rsa_signer(digest, bits=3071).certificate
    assert judged(contents, BARE, certificate=other).integrity is Integrity.BROKEN


def test_a_bare_value_that_cannot_be_judged_is_not_broken() -> None:
    signer = rsa_signer("sha1")
    contents = der(0x04, signer.sign(CONTENT))

    assert judged(contents, BARE).integrity is Integrity.UNPROVEN
    assert judged(contents, BARE, certificate=b"none").integrity is Integrity.UNPROVEN
    assert judged(b"", BARE, certificate=signer.certificate).integrity is Integrity.UNPROVEN
    assert judged(contents, BARE, certificate=p256().certificate).integrity is Integrity.UNSUPPORTED


# -- document timestamps ---------------------------------------------------------------------------


def token(content: bytes, digest: str = "sha256") -> bytes:
    """By pyHanko's authority of the tests."""
    from asn1crypto.keys import PrivateKeyInfo
    from asn1crypto.x509 import Certificate
    from pyhanko.sign.timestamps import DummyTimeStamper

    leaf = authority.leaf("rsa2048")
    key = leaf.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    stamper = DummyTimeStamper(Certificate.load(leaf.certificate_der), PrivateKeyInfo.load(key), fixed_dt=STAMPED)
    made = asyncio.run(stamper.async_timestamp(hashlib.new(digest, content).digest(), digest))
    der: bytes = made.dump()
    return der


STAMPED = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def test_a_document_timestamp_is_intact_and_tells_its_time() -> None:
    contents = token(CONTENT) + PADDING

    one = judged(contents, TIMESTAMP)
    assert (one.integrity, one.is_weak, one.claimed_at) == (Integrity.INTACT, False, STAMPED)
    assert one.certificate == authority.leaf("rsa2048").certificate_der
    assert judged(contents, TIMESTAMP, OTHER).integrity is Integrity.BROKEN


def test_a_timestamp_over_sha1_is_weak() -> None:
    one = judged(token(CONTENT, "sha1"), TIMESTAMP)

    assert (one.integrity, one.is_weak) == (Integrity.INTACT, True)


def test_a_signature_is_no_timestamp() -> None:
    assert judged(made(p256()), TIMESTAMP).integrity is Integrity.UNPROVEN
    assert judged(made(p256(), inside=CONTENT), TIMESTAMP).integrity is Integrity.UNPROVEN
