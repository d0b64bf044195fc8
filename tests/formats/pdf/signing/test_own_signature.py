"""The check of our own CMS object: each property is broken once, and each time it is refused for that reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signroom.domain.errors import VerificationFailed
from signroom.domain.signature import CertificateChain, DigestAlgorithm, PdfLayout, Prepared
from signroom.formats.cms.signed_data import signed_attributes, signed_data
from signroom.formats.pdf import pades
from signroom.formats.pdf.signing.own_signature import require_own_signature
from tests.formats.conftest import chain_of, prepared, value
from tests.harness.server import signature
from tests.pki import authority
from tests.trust.certificates_by_hand import SEQUENCE, certificate, der, oid

CONTENT = b"what the byte range covers"
DIGEST = hashlib.sha256(CONTENT).digest()
OCTETS, SET, FIRST = 0x04, 0x31, 0xA0
DATA, SIGNED_DATA, ENVELOPED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.3"
SHA256, SHA384 = "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2"
WITH_P256, WITH_RSA = "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.11"
NULL, ONE = b"\x05\x00", b"\x02\x01\x01"
OTHER = certificate()
"""A certificate that has nothing to do with it."""


def preparation(
    signer: str = "p256", algorithm: DigestAlgorithm = DigestAlgorithm.SHA256, chain: CertificateChain | None = None
) -> Prepared:
    chain = chain or chain_of(signer)
    digest = hashlib.new(algorithm.value, CONTENT).digest()
    attributes = signed_attributes(chain.certificate, digest)
    return Prepared(len(CONTENT), algorithm, digest, attributes, chain, PdfLayout(b"", 1, b""))


def written(prepared: Prepared, signer: str = "p256") -> bytes:
    key = authority.leaf(signer).signing_key
    made = signature(key, prepared.to_sign, prepared.digest_algorithm.value)
    return signed_data(prepared.chain, prepared.to_sign, made, prepared.digest_algorithm)


@cache
def one_of_ours() -> bytes:
    return written(preparation())


# -- what is right ---------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
@pytest.mark.parametrize("signer", authority.GOOD)
def test_what_we_write_is_accepted_with_each_key_and_digest(signer: str, algorithm: DigestAlgorithm) -> None:
    plan = preparation(signer, algorithm)

    require_own_signature(written(plan, signer) + bytes(100), plan.document_digest, plan)
    require_own_signature(written(plan, signer), plan.document_digest, plan)


def test_a_value_that_ends_with_zeros_is_not_taken_for_padding() -> None:
    plan = preparation()
    while not (made := written(plan)).endswith(b"\x00"):  # one in 256
        pass

    require_own_signature(made + bytes(3), DIGEST, plan)


def test_the_signature_in_a_file_is_accepted(tmp_path: Path, written: Callable[[str], Path]) -> None:
    file, output = written("plain"), tmp_path / "signed.pdf"
    plan = prepared(file, "rsa2048")
    pades.embed(file, plan, value(plan, "rsa2048"), output)
    content = output.read_bytes()
    layout = plan.layout_as(PdfLayout)
    start = plan.original_length + len(layout.before)
    contents = content[start : start + layout.contents_length]
    digest = hashlib.sha256(content[:start] + content[start + layout.contents_length :]).digest()

    require_own_signature(bytes.fromhex(contents[1:-1].decode()), digest, plan)


# -- what is wrong ---------------------------------------------------------------------------------


def sequence(*parts: bytes) -> bytes:
    return der(SEQUENCE, *parts)


def set_of(tag: int, *parts: bytes) -> bytes:
    return der(tag, *sorted(parts))


def attribute(kind: str, *values: bytes) -> bytes:
    return sequence(oid(kind), set_of(SET, *values))


def parts_of(certificate: bytes) -> tuple[bytes, bytes]:
    from asn1crypto.x509 import Certificate

    body = Certificate.load(certificate)["tbs_certificate"]
    return body["issuer"].dump(), body["serial_number"].dump()


def binding(certificate: bytes, *more: bytes, named: bytes | None = None) -> bytes:
    issuer, serial = parts_of(named or certificate)
    digest = der(OCTETS, hashlib.sha256(certificate).digest())
    return sequence(sequence(sequence(digest, sequence(sequence(der(0xA4, issuer)), serial)), *more))


OWN = authority.leaf("p256").certificate_der
CONTENT_TYPE = attribute("1.2.840.113549.1.9.3", oid(DATA))
MESSAGE_DIGEST = attribute("1.2.840.113549.1.9.4", der(OCTETS, DIGEST))
BINDING = attribute("1.2.840.113549.1.9.16.2.47", binding(OWN))


@dataclass(frozen=True)
class Variant:
    """A CMS object like ours, and where it differs."""

    kind: str = SIGNED_DATA
    version: bytes = ONE
    digests: Sequence[bytes] = (sequence(oid(SHA256), NULL),)
    content: bytes = sequence(oid(DATA))
    certificates: Sequence[bytes] = (OWN, authority.root_der())
    lists: bytes = b""
    signers: int = 1
    signer_version: bytes = ONE
    named: bytes = OWN
    digest: str = SHA256
    attributes: Sequence[bytes] = (CONTENT_TYPE, MESSAGE_DIGEST, BINDING)
    algorithm: str = WITH_P256
    key: str = "p256"
    unsigned: bytes = b""
    value: bytes | None = None

    def to_sign(self) -> bytes:
        return set_of(SET, *self.attributes)

    def made(self) -> bytes:
        value = self.value or signature(authority.leaf(self.key).signing_key, self.to_sign())
        signer = sequence(
            self.signer_version,
            sequence(*parts_of(self.named)),
            sequence(oid(self.digest), NULL),
            set_of(FIRST, *self.attributes),
            sequence(oid(self.algorithm)),
            der(OCTETS, value),
            self.unsigned,
        )
        signed = sequence(
            self.version,
            set_of(SET, *self.digests),
            self.content,
            set_of(FIRST, *self.certificates),
            self.lists,
            set_of(SET, *[signer] * self.signers),
        )
        return sequence(oid(self.kind), der(FIRST, signed))


FORM = "not in the form"
BROKEN = {
    "enveloped data": (Variant(kind=ENVELOPED_DATA), "no SignedData"),
    "version 3": (Variant(version=b"\x02\x01\x03"), "version"),
    "signer of version 3": (Variant(signer_version=b"\x02\x01\x03"), "version"),
    "two digests": (Variant(digests=(sequence(oid(SHA256), NULL), sequence(oid(SHA384), NULL))), "digest algorithms"),
    "no digest": (Variant(digests=()), "digest algorithms"),
    "another digest of the signer": (Variant(digest=SHA384), "signer's digest algorithm"),
    "another content type": (Variant(content=sequence(oid(ENVELOPED_DATA))), "content type"),
    "content inside": (Variant(content=sequence(oid(DATA), der(FIRST, der(OCTETS, CONTENT)))), FORM),
    "no signer's certificate": (Variant(certificates=(authority.root_der(),)), "signer's certificate is missing"),
    "no issuer": (Variant(certificates=(OWN,)), "issuer is missing"),
    "a stranger's certificate": (Variant(certificates=(OWN, authority.root_der(), OTHER)), "does not belong"),
    "a certificate twice": (Variant(certificates=(OWN, OWN, authority.root_der())), "or one twice"),
    "revocation lists": (Variant(lists=der(0xA1)), FORM),
    "no signers": (Variant(signers=0), "exactly one signer"),
    "two signers": (Variant(signers=2), "exactly one signer"),
    "named another": (Variant(named=authority.leaf("p384").certificate_der), "identifier names another"),
    "no content type": (Variant(attributes=(MESSAGE_DIGEST, BINDING)), "three"),
    "no message digest": (Variant(attributes=(CONTENT_TYPE, BINDING)), "three"),
    "no binding": (Variant(attributes=(CONTENT_TYPE, MESSAGE_DIGEST)), "three"),
    "content type twice": (Variant(attributes=(CONTENT_TYPE, CONTENT_TYPE, MESSAGE_DIGEST, BINDING)), "twice"),
    "message digest twice": (
        Variant(
            attributes=(
                CONTENT_TYPE,
                MESSAGE_DIGEST,
                attribute("1.2.840.113549.1.9.4", der(OCTETS, bytes(32))),
                BINDING,
            )
        ),
        "twice",
    ),
    "binding twice": (Variant(attributes=(CONTENT_TYPE, MESSAGE_DIGEST, BINDING, BINDING)), "twice"),
    "a time": (
        Variant(
            attributes=(
                CONTENT_TYPE,
                MESSAGE_DIGEST,
                BINDING,
                attribute("1.2.840.113549.1.9.5", der(23, b"260101000000Z")),
            )
        ),
        "three",
    ),
    "two message digests in one": (
        Variant(
            attributes=(
                CONTENT_TYPE,
                attribute("1.2.840.113549.1.9.4", der(OCTETS, DIGEST), der(OCTETS, bytes(32))),
                BINDING,
            )
        ),
        "exactly one value",
    ),
    "no value in one": (
        Variant(attributes=(CONTENT_TYPE, attribute("1.2.840.113549.1.9.4"), BINDING)),
        "exactly one value",
    ),
    "another signed content type": (
        Variant(attributes=(attribute("1.2.840.113549.1.9.3", oid(ENVELOPED_DATA)), MESSAGE_DIGEST, BINDING)),
        "signed content type",
    ),
    "another message digest": (
        Variant(
            attributes=(CONTENT_TYPE, attribute("1.2.840.113549.1.9.4", der(OCTETS, bytes(32))), BINDING),
        ),
        "message digest",
    ),
    "bound to another certificate": (
        Variant(
            attributes=(
                CONTENT_TYPE,
                MESSAGE_DIGEST,
                attribute("1.2.840.113549.1.9.16.2.47", binding(OTHER, named=OWN)),
            )
        ),
        "attributes name another",
    ),
    "bound to another number": (
        Variant(
            attributes=(
                CONTENT_TYPE,
                MESSAGE_DIGEST,
                attribute("1.2.840.113549.1.9.16.2.47", binding(OWN, named=OTHER)),
            )
        ),
        "attributes name another",
    ),
    "another algorithm": (Variant(algorithm=WITH_RSA), "does not fit the key"),
    "another key": (Variant(key="p384"), "value does not fit"),
    "no value": (Variant(value=b"\x00"), "value does not fit"),
    "unsigned attributes": (Variant(unsigned=der(0xA1, attribute("1.2.3", NULL))), "attributes that are not signed"),
}


def test_the_variants_without_a_difference_are_accepted() -> None:
    require_own_signature(Variant().made(), DIGEST, replace(preparation(), to_sign=Variant().to_sign()))


@pytest.mark.parametrize("fault", BROKEN)
def test_each_fault_is_refused_with_its_reason(fault: str) -> None:
    variant, reason = BROKEN[fault]
    plan = replace(preparation(), to_sign=variant.to_sign())

    with pytest.raises(VerificationFailed, match=reason):
        require_own_signature(variant.made() + bytes(8), DIGEST, plan)


def test_attributes_that_nobody_has_consented_to_are_refused() -> None:
    plan = replace(preparation(), to_sign=signed_attributes(OWN, bytes(32)))

    with pytest.raises(VerificationFailed, match="not those that were prepared"):
        require_own_signature(Variant().made(), DIGEST, plan)


def test_the_digest_of_another_file_is_refused() -> None:
    plan, other = preparation(), hashlib.sha256(b"other").digest()

    with pytest.raises(VerificationFailed, match="not that of the file"):
        require_own_signature(written(plan), other, plan)
    with pytest.raises(VerificationFailed, match="not the one that was prepared"):
        require_own_signature(written(plan), DIGEST, replace(plan, document_digest=other))


@pytest.mark.parametrize("behind", [b"\x01", b"\x00\x00\x00\x30", b"0000", b" "])
def test_only_zeros_may_stand_behind_it(behind: bytes) -> None:
    plan = preparation()

    with pytest.raises(VerificationFailed, match="other than zeros"):
        require_own_signature(written(plan) + bytes(5) + behind + bytes(5), DIGEST, plan)


def test_what_is_not_der_is_refused() -> None:
    plan = preparation()
    made = written(plan)
    body = made[4:]
    longer = b"\x30\x83\x00" + made[2:]
    indefinite = b"\x30\x80" + body + b"\x00\x00"
    unsorted = made.replace(CONTENT_TYPE + MESSAGE_DIGEST, MESSAGE_DIGEST + CONTENT_TYPE)
    assert unsorted != made

    for wrong in (longer, indefinite, unsorted, made[:-1], b"", b"\x30", b"\x30\x82", body, b"text" * 100):
        with pytest.raises(VerificationFailed):
            require_own_signature(wrong, DIGEST, plan)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_octet_counts_for_nothing(data: st.DataObject) -> None:
    plan = preparation()
    made = one_of_ours()
    position = data.draw(st.integers(0, len(made) - 1))
    changed = made[:position] + bytes([made[position] ^ data.draw(st.integers(1, 255))]) + made[position + 1 :]

    with pytest.raises(VerificationFailed):
        require_own_signature(changed, DIGEST, plan)
