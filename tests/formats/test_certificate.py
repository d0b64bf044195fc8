"""Certificates with ``&``, ``@``, ``*`` or ``_`` in a PrintableString: they are read, used, and stay what they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from asn1crypto import pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from signroom.domain.certificate import Certificate
from signroom.domain.errors import BadCertificate
from signroom.domain.security_context import ITALY
from signroom.domain.signature import (
    NO_OPTIONS,
    CertificateChain,
    CmsOptions,
    DigestAlgorithm,
    Indication,
    PdfOptions,
    SignatureType,
    SigningOptions,
    TrustedChain,
    XmlOptions,
)
from signroom.formats import catalogue, values
from signroom.formats.certificate import key_octets, load_certificate, signed_octets, subject_octets
from signroom.formats.pdf.visible.placeholders import filled
from signroom.trust.anchor_folder import AnchorFolder
from signroom.trust.certificates import read_certificate
from signroom.trust.lists import ReadList, Useless, find_entry, find_signer
from signroom.trust.paths import find_path, read_link, signed_by
from signroom.trust.revocation import _request
from tests.formats.conftest import NOW
from tests.formats.pdf.visible.test_appearance import seen_at
from tests.harness.server import signature
from tests.pki import authority
from tests.pki.odd_names import issued, key, revocation_list
from tests.vectors import hard_pdfs

PERSON, COMPANY, AUTHORITY = "Ann & Bob_*@", "Foo & Bar Ltd", "Toy & Sons CA"
KINDS: tuple[tuple[SigningOptions, bytes], ...] = (
    (PdfOptions(), hard_pdfs.make("plain")),
    (CmsOptions(), b"some content"),
    (XmlOptions(), b"<a><b/></a>"),
)


def signer() -> bytes:
    return issued(PERSON, COMPANY, AUTHORITY, NOW, is_ca=False)


def root() -> bytes:
    return issued(AUTHORITY, COMPANY, AUTHORITY, NOW, is_ca=True)


def test_the_library_alone_refuses_it() -> None:
    for der in (signer(), root()):
        with pytest.raises(ValueError, match="PrintableString"):
            x509.load_der_x509_certificate(der)


def test_it_is_read_and_stays_what_it_is() -> None:
    found: Certificate = read_certificate(signer())

    assert found.subject.first("CN") == PERSON
    assert found.issuer.first("CN") == AUTHORITY
    assert found.subject.first("O") == COMPANY
    assert found.der == signer()
    assert found.sha256 == hashlib.sha256(signer()).digest()


def test_other_certificates_are_read_as_ever() -> None:
    der = authority.leaf("rsa2048").certificate_der
    plain = x509.load_der_x509_certificate(der)

    assert load_certificate(der) == plain
    assert signed_octets(der) == plain.tbs_certificate_bytes
    assert subject_octets(der) == plain.subject.public_bytes()
    digest = hashlib.sha1(key_octets(der), usedforsecurity=False).digest()
    assert digest == x509.SubjectKeyIdentifier.from_public_key(plain.public_key()).digest


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 40, 300])
def test_what_is_no_certificate_is_none(cut: int) -> None:
    with pytest.raises(BadCertificate):
        read_certificate(signer()[:cut])
    with pytest.raises(BadCertificate):
        read_certificate(b"\x30\x84\xff\xff\xff\xff" + signer()[cut:])
    with pytest.raises(BadCertificate):
        read_certificate(b"\x30\x80" * 500 + signer())


def test_its_path_leads_to_an_authority_with_such_a_name(tmp_path: Path) -> None:
    leaf, above = read_link(signer()), read_link(root())

    assert signed_by(leaf, above)
    assert find_path(leaf, (), (above,), NOW).anchored
    forged = signer().replace(b"Ann & Bob", b"Ann & Bon")
    assert not signed_by(read_link(forged), above)


def test_a_responder_is_asked_about_the_name_as_it_is() -> None:
    request = _request(read_link(signer()), read_link(root()), hashes.SHA256())

    assert request.issuer_name_hash == hashlib.sha256(subject_octets(root())).digest()
    assert b"\x13" in subject_octets(root())


def test_the_list_of_such_an_authority_is_read_and_verified() -> None:
    octets = revocation_list(AUTHORITY, COMPANY, NOW, 7)
    with pytest.raises(ValueError, match="PrintableString"):
        _ = x509.load_der_x509_crl(octets).issuer
    leaf, above = read_link(signer()), read_link(root())

    found = ReadList(octets)
    assert find_signer(found, above, ()) is above
    entry = find_entry(found, leaf)
    assert entry is not None
    forged = ReadList(octets)
    forged.octets = octets.replace(b"Toy & Sons", b"Toy & Song")
    with pytest.raises(Useless, match="does not verify"):
        find_signer(forged, above, ())


def test_an_administrator_may_trust_it(tmp_path: Path) -> None:
    armoured = serialization.Encoding.PEM
    plain = authority.root().certificate.public_bytes(armoured)
    folder = tmp_path / ITALY.name
    folder.mkdir()
    (folder / "roots.pem").write_bytes(b"# ours\n" + plain + pem.armor("CERTIFICATE", root()))

    roots = AnchorFolder(tmp_path, {}).anchors(ITALY).roots
    assert [link.der for link in roots] == [authority.root_der(), root()]


@pytest.mark.parametrize(("options", "content"), KINDS)
def test_a_document_is_signed_with_it(options: SigningOptions, content: bytes, tmp_path: Path) -> None:
    file, output = tmp_path / "document", tmp_path / "signed"
    file.write_bytes(content)

    sign(file, options, output)

    kind = options.signature_type
    (verdict,) = catalogue.verify(output, kind, None).signatures
    assert verdict.indication is Indication.TOTAL_PASSED
    assert verdict.certificate == signer()
    examination = catalogue.examine(output, None, (), None)
    assert [one.verdict.certificate for one in examination.signatures] == [signer()]
    if kind is SignatureType.PDF:
        catalogue.inspect(output, kind, NO_OPTIONS, None)


def test_a_visible_signature_shows_the_name(tmp_path: Path) -> None:
    file, output = tmp_path / "document.pdf", tmp_path / "signed.pdf"
    file.write_bytes(hard_pdfs.make("plain"))

    sign(file, PdfOptions(seen_at(text="{{signerName}} of {{organization}}, {{issuer_cn}}")), output)

    (verdict,) = catalogue.verify(output, SignatureType.PDF, None).signatures
    assert verdict.indication is Indication.TOTAL_PASSED
    assert filled("{{signerName}}", signer(), NOW) == PERSON
    assert filled("{{issuer_cn}}", signer(), NOW) == AUTHORITY


def sign(file: Path, options: SigningOptions, output: Path) -> None:
    chain = TrustedChain(CertificateChain(signer(), (root(),)))
    layout = catalogue.prepare(file, options, chain, algorithm=DigestAlgorithm.SHA256, now=NOW, data=None)
    (checked,) = values.check_values([layout.claimed(signature(key(), layout.to_sign))])
    catalogue.embed(file, layout, checked, output)
