"""The CMS object of a new PAdES signature: the same octets as pyHanko's, and openssl accepts it."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from pathlib import Path

import pytest
from asn1crypto.cms import CMSAttributes, ContentInfo
from asn1crypto.x509 import Certificate
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from signroom.domain.errors import BadCertificate, CertificateKeyNotSupported
from signroom.domain.signature import CertificateChain, DigestAlgorithm
from signroom.formats.cms.reading import header
from signroom.formats.cms.signed_data import (
    longest_signed_data,
    signed_attributes,
    signed_data,
    with_signature_timestamp,
)
from tests.harness.server import signature
from tests.pki import authority
from tests.pki.reissued import name, reissued, with_false_written_out
from tests.trust import certificates_by_hand
from tests.trust.certificates_by_hand import BMP, IA5, PRINTABLE, T61, UTF8
from tests.verifiers.cms import openssl_accepts

CONTENT = b"%PDF-1.7 what the byte range covers"
COMMON_NAME, ORGANIZATION, NUMBER, LOCALITY = "2.5.4.3", "2.5.4.10", "2.5.4.5", "2.5.4.7"
ISSUERS = {
    "T61 with Latin-1": name([(COMMON_NAME, T61, "Autoridade de João".encode("latin-1"))]),
    "BMP": name([(COMMON_NAME, BMP, "Ελλάς".encode("utf-16-be"))]),
    "UTF8": name([(ORGANIZATION, UTF8, "Τεστ 証明書".encode())], [(COMMON_NAME, UTF8, "ñandú".encode())]),
    "several values in one": name(
        [(COMMON_NAME, UTF8, b"Authority"), (NUMBER, PRINTABLE, b"12345"), (LOCALITY, IA5, b"x")]
    ),
    "empty text": name([(COMMON_NAME, UTF8, b"")]),
    "long": name(*[[(ORGANIZATION, UTF8, b"o" * 200)]] * 5),
}
SERIALS = {
    "top bit set": bytes.fromhex("00ff00000000000001"),
    "20 octets": bytes.fromhex("7f" + "ff" * 19),
    "21 octets, top bit set": bytes.fromhex("00" + "ff" * 20),
    "one octet": b"\x01",
    "zero": b"\x00",
}


def pyhankos(chain: CertificateChain, digest: bytes, algorithm: DigestAlgorithm, value: bytes) -> tuple[bytes, bytes]:
    """What pyHanko makes of the same: the attributes and the whole object."""
    from pyhanko.sign.signers import ExternalSigner
    from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    store = SimpleCertificateStore()
    store.register_multiple([Certificate.load(der) for der in chain.issuers if der != chain.certificate])
    signer = ExternalSigner(Certificate.load(chain.certificate), store, value)
    plain = PdfCMSSignedAttributes(signing_time=None)
    lowered = algorithm.value.lower()
    attributes = asyncio.run(signer.signed_attrs(digest, lowered, use_pades=True, attr_settings=plain)).dump()
    made = asyncio.run(signer.async_sign_prescribed_attributes(lowered, CMSAttributes.load(attributes)))
    return attributes, made.dump()


def require_the_same(chain: CertificateChain, algorithm: DigestAlgorithm = DigestAlgorithm.SHA256) -> None:
    digest = hashlib.new(algorithm.value, CONTENT).digest()
    value = b"\x5a" * 256
    attributes = signed_attributes(chain.certificate, digest)

    assert (attributes, signed_data(chain, attributes, value, algorithm)) == pyhankos(chain, digest, algorithm, value)


def require_accepted_by_openssl(
    folder: Path, chain: CertificateChain, signer: str, algorithm: DigestAlgorithm, *, judged: bool = False
) -> None:
    attributes = signed_attributes(chain.certificate, hashlib.new(algorithm.value, CONTENT).digest())
    value = signature(authority.leaf(signer).signing_key, attributes, algorithm.value)
    file, content = folder / "signature.p7s", folder / "content"
    file.write_bytes(signed_data(chain, attributes, value, algorithm))
    content.write_bytes(CONTENT)
    assert openssl_accepts(file, authority.root_pem() if judged else None, content) == CONTENT
    content.write_bytes(CONTENT + b"x")
    assert openssl_accepts(file, authority.root_pem() if judged else None, content) is None


def chain_of(signer: str, *issuers: bytes) -> CertificateChain:
    return CertificateChain(authority.leaf(signer).certificate_der, issuers)


@cache
def issuer(number: int) -> bytes:
    """Some certificate; the names must not be those of the signer."""
    return reissued(certificates_by_hand.certificate(), serial=bytes([number + 1]))


@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
@pytest.mark.parametrize("signer", authority.GOOD)
def test_each_key_and_digest_gives_the_octets_of_pyhanko_and_openssl_accepts_them(
    tmp_path: Path, signer: str, algorithm: DigestAlgorithm
) -> None:
    chain = chain_of(signer, authority.root_der())

    require_the_same(chain, algorithm)
    require_accepted_by_openssl(tmp_path, chain, signer, algorithm, judged=True)


@pytest.mark.parametrize("count", range(5))
def test_a_chain_may_have_any_number_of_issuers(tmp_path: Path, count: int) -> None:
    chain = chain_of("p256", *map(issuer, range(count)))

    require_the_same(chain)
    require_accepted_by_openssl(tmp_path, chain, "p256", DigestAlgorithm.SHA256)


def test_a_certificate_that_came_twice_is_in_it_once() -> None:
    root, own = authority.root_der(), authority.leaf("p256").certificate_der
    chain = chain_of("p256", root, issuer(1), root, own, issuer(1))
    attributes = signed_attributes(own, bytes(32))

    require_the_same(chain)
    made = signed_data(chain, attributes, b"value", DigestAlgorithm.SHA256)
    assert [made.count(der) for der in (root, own, issuer(1))] == [1, 1, 1]


@pytest.mark.parametrize("kind", SERIALS)
def test_a_serial_number_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    chain = CertificateChain(reissued(authority.leaf("p256").certificate_der, serial=SERIALS[kind]))

    require_the_same(chain)
    require_accepted_by_openssl(tmp_path, chain, "p256", DigestAlgorithm.SHA256)


@pytest.mark.parametrize("kind", ISSUERS)
def test_an_issuers_name_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    chain = CertificateChain(reissued(authority.leaf("p256").certificate_der, issuer=ISSUERS[kind]))

    require_the_same(chain)
    require_accepted_by_openssl(tmp_path, chain, "p256", DigestAlgorithm.SHA256)


_TEXTS = st.one_of(
    st.tuples(st.just(UTF8), st.text(max_size=70).map(str.encode)),
    st.tuples(
        st.just(BMP), st.text(st.characters(max_codepoint=0xD7FF), max_size=70).map(lambda t: t.encode("utf-16-be"))
    ),
    st.tuples(st.just(T61), st.binary(max_size=70)),
    st.tuples(st.just(PRINTABLE), st.text("ABCxyz 0123'()+,-./:=?", max_size=70).map(str.encode)),
)
_ATTRIBUTES = st.tuples(st.sampled_from([COMMON_NAME, ORGANIZATION, NUMBER, LOCALITY]), _TEXTS).map(
    lambda pair: (pair[0], *pair[1])
)
_NAMES = st.lists(st.lists(_ATTRIBUTES, min_size=1, max_size=3), max_size=4).map(lambda names: name(*names))
_SERIALS = st.integers(0, 2**160).map(lambda number: number.to_bytes(number.bit_length() // 8 + 1, "big"))


@given(issuer=_NAMES, serial=_SERIALS, algorithm=st.sampled_from(DigestAlgorithm))
@settings(max_examples=60, deadline=None)
def test_whatever_the_names_and_numbers_are_the_octets_are_those_of_pyhanko(
    issuer: bytes, serial: bytes, algorithm: DigestAlgorithm
) -> None:
    signer = reissued(authority.leaf("p384").certificate_der, issuer=issuer, serial=serial)
    chain = CertificateChain(signer, (authority.root_der(),))

    signed_data(chain, signed_attributes(signer, bytes(32)), b"value", algorithm)

    try:
        require_the_same(chain, algorithm)
    except (TypeError, ValueError):  # pyHanko cannot write some T61 texts again
        reject()


# -- certificates that are odd, and what is none ---------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        with_false_written_out(authority.leaf("p256").certificate_der),
        reissued(authority.leaf("p256").certificate_der, serial=b"\x00\x01"),
        reissued(authority.leaf("p256").certificate_der, issuer=name([(COMMON_NAME, PRINTABLE, b"A & B")])),
        reissued(authority.leaf("p256").certificate_der, serial=b"\x80\x01"),
        reissued(authority.leaf("p256").certificate_der, serial=b"\x00", issuer=name([(COMMON_NAME, T61, b"\x9d")])),
    ],
    ids=[
        "FALSE written out",
        "a zero too many",
        "an ampersand in a PrintableString",
        "a negative number",
        "zero and T61",
    ],
)
def test_what_a_strict_reader_refuses_and_authorities_issue_is_taken_byte_for_byte(odd: bytes) -> None:
    attributes = signed_attributes(odd, bytes(32))
    made = signed_data(CertificateChain(odd, (odd,)), attributes, b"value", DigestAlgorithm.SHA256)

    assert made.count(odd) == 1
    parts = Certificate.load(odd)["tbs_certificate"]
    named = parts["issuer"].dump() + parts["serial_number"].dump()
    assert named in made.replace(odd, b"")
    assert parts["issuer"].dump() in attributes


@pytest.mark.parametrize("place", ["signer", "issuer"])
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "longer", "pem", "key", "sequence", "indefinite"])
def test_what_is_no_certificate_is_refused(damage: str, place: str) -> None:
    good = authority.leaf("p256").certificate_der
    bad = {
        "empty": b"",
        "text": b"certificate",
        "cut": good[:-1],
        "longer": good + b"\x00",
        "pem": authority.root_pem(),
        "key": Certificate.load(good).public_key.dump(),
        "sequence": b"\x30\x00",
        "indefinite": b"\x30\x80" + good[4:] + b"\x00\x00",
    }[damage]
    chain = CertificateChain(bad) if place == "signer" else CertificateChain(good, (bad,))

    with pytest.raises(BadCertificate):
        longest_signed_data(chain, DigestAlgorithm.SHA256)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_certificate_is_refused_or_taken_as_it_is(data: st.DataObject) -> None:
    good = authority.leaf("p256").certificate_der
    position = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:position] + bytes([good[position] ^ data.draw(st.integers(1, 255))]) + good[position + 1 :]

    try:
        attributes = signed_attributes(damaged, bytes(32))
        made = signed_data(CertificateChain(damaged), attributes, b"value", DigestAlgorithm.SHA256)
    except (BadCertificate, CertificateKeyNotSupported):
        return
    assert damaged in made
    assert len(CMSAttributes.load(attributes, strict=True)) == 3


def test_a_key_of_another_kind_is_refused_before_anybody_signs() -> None:
    with pytest.raises(CertificateKeyNotSupported):
        longest_signed_data(chain_of("ed25519"), DigestAlgorithm.SHA256)


def test_an_rsa_key_that_is_for_pss_only_is_refused() -> None:
    usual = Certificate.load(authority.leaf("rsa2048").certificate_der).public_key
    usual["algorithm"] = {"algorithm": "rsassa_pss"}
    for_pss = reissued(authority.leaf("rsa2048").certificate_der, public_key=usual.dump())

    with pytest.raises((CertificateKeyNotSupported, BadCertificate)):
        longest_signed_data(CertificateChain(for_pss), DigestAlgorithm.SHA256)


# -- the room --------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
@pytest.mark.parametrize("signer", authority.GOOD)
def test_the_room_is_exactly_what_the_longest_value_needs(signer: str, algorithm: DigestAlgorithm) -> None:
    chain = chain_of(signer, authority.root_der())
    attributes = signed_attributes(chain.certificate, hashlib.new(algorithm.value).digest())
    room = longest_signed_data(chain, algorithm)
    lengths = [
        len(
            signed_data(
                chain, attributes, signature(authority.leaf(signer).signing_key, attributes, algorithm.value), algorithm
            )
        )
        for _ in range(20)
    ]

    assert max(lengths) <= room
    assert max(lengths) >= room - 4  # ECDSA values lose an octet now and then


@pytest.mark.parametrize("length", [1, 100, 127, 128, 5000, 70_000])
def test_the_room_for_a_timestamp_is_exactly_what_a_token_of_that_length_needs(length: int) -> None:
    chain = chain_of("rsa2048", authority.root_der())
    attributes = signed_attributes(chain.certificate, bytes(32))
    value, token = bytes(256), header(0x30, length) + bytes(length)

    made = signed_data(chain, attributes, value, DigestAlgorithm.SHA256, token)

    assert len(made) == longest_signed_data(chain, DigestAlgorithm.SHA256, len(token))
    (signer,) = ContentInfo.load(made, strict=True)["content"]["signer_infos"]
    (attribute,) = signer["unsigned_attrs"]
    assert attribute["type"].native == "signature_time_stamp_token"
    assert attribute.dump().endswith(token)
    plain = signed_data(chain, attributes, value, DigestAlgorithm.SHA256)
    assert with_signature_timestamp(plain, token) == made


def test_a_timestamp_is_put_beside_what_is_not_signed_already() -> None:
    chain = chain_of("rsa2048", authority.root_der())
    made = signed_data(chain, signed_attributes(chain.certificate, bytes(32)), bytes(256), DigestAlgorithm.SHA256)
    tokens = [header(0x30, length) + bytes(length) for length in (300, 3, 300)]

    for token in tokens:  # two of them are the same
        made = with_signature_timestamp(made, token)

    (signer,) = ContentInfo.load(made, strict=True)["content"]["signer_infos"]
    found = [attribute["values"][0].dump() for attribute in signer["unsigned_attrs"]]
    assert sorted(found) == sorted(tokens)
    encoded = [attribute.dump() for attribute in signer["unsigned_attrs"]]
    assert encoded == sorted(encoded)  # X.690, 11.6


@pytest.mark.parametrize("content", [b"", b"\x30\x00", b"\x30\x80\x00\x00", b"\x04\x02ab", bytes(20)])
def test_what_is_no_signed_data_gets_no_timestamp(content: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        with_signature_timestamp(content, b"\x30\x00")
