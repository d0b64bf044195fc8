"""PAdES B-B, judged by poppler, qpdf, MuPDF and pyHanko."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from asn1crypto.cms import CMSAttributes, ContentInfo

from signroom.domain.errors import (
    BadCertificate,
    CertifiedPdf,
    InvalidPdf,
    ProtectedPdf,
    SignatureRejected,
    VerificationFailed,
)
from signroom.domain.signature import CheckedValue, DigestAlgorithm, Indication, PdfLayout, TrustedChain
from signroom.formats import values
from signroom.formats.pdf import pades
from signroom.formats.pdf.verification import verify
from tests.formats.conftest import NOW, ROOTS, chain_of, prepared, signed, trusted, value
from tests.harness.server import signature
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

Written = Callable[[str], Path]


@pytest.mark.parametrize("signer", authority.GOOD)
def test_every_kind_of_key_makes_a_signature_that_all_verifiers_accept(
    written: Written, nss: Path, signer: str
) -> None:
    output = signed(written("ten-pages"), signer)

    verifiers.require_accepted(output, nss, ROOTS)
    (verdict,) = verify(output).signatures
    assert verdict.indication is Indication.TOTAL_PASSED
    assert verdict.certificate == authority.leaf(signer).certificate_der
    assert verdict.signed_at == NOW
    assert verdict.covers_whole_file


@pytest.mark.parametrize("name", hard_pdfs.GOOD)
def test_every_file_that_preflight_accepts_can_be_signed(written: Written, nss: Path, name: str) -> None:
    output = signed(written(name), "rsa2048")

    (by_pdfsig,) = verifiers.pdfsig(output, nss)
    assert by_pdfsig.valid
    assert by_pdfsig.whole_document
    assert verifiers.mutool(output) == [True]
    assert verify(output).intact


def test_a_second_and_a_third_signer_keep_the_earlier_signatures_valid(written: Written, nss: Path) -> None:
    output = signed(signed(signed(written("xref-stream"), "rsa2048"), "p256"), "p521")

    verifiers.require_accepted(output, nss, ROOTS, signatures=3)
    verdict = verify(output)
    assert [s.indication for s in verdict.signatures] == [Indication.TOTAL_PASSED] * 3
    assert [s.covers_whole_file for s in verdict.signatures] == [False, False, True]
    assert [s.certificate for s in verdict.signatures] == [
        authority.leaf(n).certificate_der for n in ("rsa2048", "p256", "p521")
    ]


def test_a_file_certified_for_forms_may_be_signed_and_stays_certified(written: Written, nss: Path) -> None:
    verifiers.require_accepted(signed(written("certified-forms"), "p256"), nss, ROOTS, signatures=2)


def test_the_original_is_a_prefix_of_the_signed_file(written: Written) -> None:
    file = written("ten-pages")
    before = file.read_bytes()

    output = signed(file, "p256")

    assert file.read_bytes() == before
    assert output.read_bytes().startswith(before)


def test_what_is_to_be_signed_are_der_attributes_with_the_digest_and_the_certificate_and_no_time(
    written: Written,
) -> None:
    file = written("plain")
    layout = prepared(file, "p256")

    attributes = {a["type"].native: a["values"][0] for a in CMSAttributes.load(layout.to_sign)}
    update = layout.layout_as(PdfLayout)
    digest = hashlib.sha256(file.read_bytes() + update.before + update.after).digest()

    # EN 319 142-1, 6.3: signing-time must not be there; the certificate is bound by signing-certificate-v2.
    assert set(attributes) == {"content_type", "message_digest", "signing_certificate_v2"}
    assert attributes["message_digest"].native == digest == layout.document_digest
    assert layout.to_sign[0] == 0x31


@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
def test_each_digest_algorithm_is_used_throughout(written: Written, nss: Path, algorithm: DigestAlgorithm) -> None:
    file = written("plain")
    layout = pades.prepare(file, trusted("rsa3072"), algorithm, NOW)
    raw = signature(authority.leaf("rsa3072").signing_key, layout.to_sign, algorithm)
    output = file.with_name("signed.pdf")

    pades.embed(file, layout, values.check_values([layout.claimed(raw)])[0], output)

    verifiers.require_accepted(output, nss, ROOTS)


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("signer", ["p256", "p384", "p521"])
def test_ecdsa_values_may_come_as_der_or_as_two_numbers(written: Written, signer: str) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    layout = prepared(written("plain"), signer)
    key = authority.leaf(signer).signing_key
    der = signature(key, layout.to_sign)
    width = (key.key_size + 7) // 8
    r, s = decode_dss_signature(der)

    checked = (CheckedValue(der),)
    assert values.check_values([layout.claimed(r.to_bytes(width, "big") + s.to_bytes(width, "big"))]) == checked
    assert values.check_values([layout.claimed(der)]) == checked


@pytest.mark.parametrize("signer", ["rsa2048", "p256"])
def test_a_value_that_does_not_belong_is_refused(written: Written, signer: str) -> None:
    layout = prepared(written("plain"), signer)
    other = prepared(written("ten-pages"), signer)
    key = authority.leaf(signer).signing_key
    good = signature(key, layout.to_sign)
    hashed_twice = signature(key, hashlib.sha256(layout.to_sign).digest())
    strangers = signature(authority.leaf("rsa3072" if signer == "rsa2048" else "p384").signing_key, layout.to_sign)

    for wrong in (b"", b"garbage", good[:-1], good + b"\0", good.hex().encode(), hashed_twice, strangers):
        with pytest.raises(SignatureRejected):
            values.check_values([layout.claimed(wrong)])
    with pytest.raises(SignatureRejected):
        values.check_values([other.claimed(good)])
    with pytest.raises(SignatureRejected):
        values.check_values([replace(layout, chain=chain_of("ed25519")).claimed(good)])


def test_keys_that_are_too_weak_or_of_another_curve_are_refused_although_the_value_is_right(written: Written) -> None:
    layout = prepared(written("plain"), "p256")
    for signer in ("rsa1024", "p256k1"):
        other = replace(layout, chain=chain_of(signer))
        with pytest.raises(SignatureRejected):
            values.check_values([other.claimed(signature(authority.leaf(signer).signing_key, layout.to_sign))])


def test_a_certificate_that_is_none_is_refused_as_such_and_not_blamed_on_the_file(written: Written) -> None:
    file = written("plain")
    good = chain_of("p256")
    for bad in (
        replace(good, certificate=b""),
        replace(good, certificate=good.certificate + b"\0"),
        replace(good, issuers=(b"garbage",)),
    ):
        with pytest.raises(BadCertificate):
            pades.prepare(file, TrustedChain(bad), DigestAlgorithm.SHA256, NOW)
    with pytest.raises(SignatureRejected):
        values.check_values([replace(prepared(file, "p256"), chain=replace(good, certificate=b"x")).claimed(b"y")])


def test_certificates_that_came_twice_are_embedded_once(written: Written) -> None:
    file = written("plain")
    chain = chain_of("p256")
    twice = replace(chain, issuers=(*chain.issuers, *chain.issuers, chain.certificate))
    layout = pades.prepare(file, TrustedChain(twice), DigestAlgorithm.SHA256, NOW)
    output = file.with_name("signed.pdf")

    pades.embed(file, layout, value(layout, "p256"), output)

    (contents,) = re.findall(rb"/Contents<([0-9a-f]+)>", output.read_bytes())
    embedded = ContentInfo.load(bytes.fromhex(contents.decode()))["content"]["certificates"]
    assert {c.dump() for c in embedded} == {chain.certificate, *chain.issuers}
    assert len(embedded) == 2


# -- files that are not what was prepared ----------------------------------------------------------


def test_another_file_than_the_prepared_one_is_refused_and_nothing_is_left(written: Written) -> None:
    file = written("plain")
    layout = prepared(file, "p256")
    der = value(layout, "p256")
    output = file.with_name("signed.pdf")

    for content in (hard_pdfs.make("ten-pages"), file.read_bytes()[:-1] + b"x", b""):
        other = file.with_name("other.pdf")
        other.write_bytes(content)
        with pytest.raises(InvalidPdf):
            pades.embed(other, layout, der, output)
        assert not output.exists()


def test_a_container_that_does_not_fit_its_place_is_refused(written: Written) -> None:
    file = written("plain")
    layout = prepared(file, "p256")
    tight = replace(layout, layout=replace(layout.layout_as(PdfLayout), contents_length=100))

    with pytest.raises(VerificationFailed):
        pades.embed(file, tight, value(layout, "p256"), file.with_name("signed.pdf"))


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("encrypted-user", ProtectedPdf),
        ("certified-no-changes", CertifiedPdf),
        ("locked-fields", CertifiedPdf),
        ("truncated", InvalidPdf),
    ],
)
def test_preparing_refuses_what_preflight_refuses(written: Written, name: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        prepared(written(name), "p256")


# -- tampering -------------------------------------------------------------------------------------


def test_one_changed_letter_is_seen_by_every_verifier(written: Written, nss: Path) -> None:
    output = signed(written("plain"), "p256")
    output.write_bytes(output.read_bytes().replace(b"the parties agree", b"the parties argue"))

    (verdict,) = verify(output).signatures
    assert (verdict.indication, verdict.reason) == (Indication.TOTAL_FAILED, "HASH_FAILURE")
    assert not verifiers.pdfsig(output, nss)[0].valid
    assert not verifiers.pyhanko(output, ROOTS)[0].intact
    assert verifiers.mutool(output) == [False]


def test_every_byte_that_is_covered_counts(written: Written) -> None:
    """One byte in fifty is changed, each in a copy of its own: no copy passes."""
    output = signed(written("plain"), "p256")
    content = output.read_bytes()
    start = content.index(b"/Contents<") + len(b"/Contents<")
    end = content.index(b">", start)
    copy = output.with_name("copy.pdf")
    for position in range(0, len(content), 50):
        if start <= position < end:
            continue  # the signature itself: it cannot cover its own bytes (ISO 32000-1, 12.8.1)
        copy.write_bytes(content[:position] + bytes([content[position] ^ 0x01]) + content[position + 1 :])
        try:
            passed = [s.indication for s in verify(copy).signatures if s.covers_whole_file]
            assert Indication.TOTAL_PASSED not in passed, position
        except InvalidPdf:
            continue


def test_a_page_changed_by_a_later_update_breaks_the_signature(written: Written, nss: Path) -> None:
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    output = signed(written("plain"), "p256")
    with output.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream)
        page, _ = writer.find_page_for_modification(0)
        content = writer.add_object(generic.StreamObject(stream_data=b"BT (Something else) Tj ET"))
        page.get_object()["/Contents"] = content
        writer.update_container(page.get_object())
        writer.write_in_place()

    (verdict,) = verify(output).signatures
    assert verdict.indication is Indication.TOTAL_FAILED
    assert "changed after this signature" in (verdict.reason or "")
    assert not verdict.covers_whole_file
    assert not verifiers.pdfsig(output, nss)[0].whole_document


def test_both_signatures_of_a_file_with_many_objects_are_judged(tmp_path: Path) -> None:
    file = tmp_path / "many.pdf"
    file.write_bytes(hard_pdfs.many_objects(26_000))

    found = verify(signed(signed(file, "p256"), "rsa2048")).signatures

    assert [signature.indication for signature in found] == [Indication.TOTAL_PASSED] * 2
