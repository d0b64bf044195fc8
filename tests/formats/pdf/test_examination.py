"""Signed PDFs taken apart: ours, other software's, and broken ones."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from asn1crypto import cms

from signroom.domain.errors import DocumentRejected, NotSigned
from signroom.domain.examination import ExaminedSignature
from signroom.domain.signature import DigestValue, Indication, SignatureType
from signroom.domain.validation import Check, Outcome
from signroom.formats.pdf import pades
from signroom.formats.pdf.examination import examine
from tests.formats.conftest import NOW, prepared, signed, value
from tests.pki import authority
from tests.vectors import forged_pdfs

Written = Callable[[str], Path]
Change = Callable[[bytes], bytes]

DIGEST, BOUND, VALUE = (
    Check.MESSAGE_DIGEST_MISMATCH,
    Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH,
    Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED,
)


def checks(signature: ExaminedSignature, outcome: Outcome) -> list[Check]:
    return [item.check for item in signature.results.with_outcome(outcome)]


@pytest.mark.parametrize(("signer", "algorithm"), [("rsa3072", "SHA256WithRSA"), ("p384", "SHA256WithECDSA")])
def test_our_own_signature_shows_its_facts_and_all_its_checks_pass(
    written: Written, signer: str, algorithm: str
) -> None:
    output = signed(written("ten-pages"), signer)

    found = examine(output)
    (one,) = found.signatures

    assert (found.signature_type, found.has_encapsulated_content, found.missing_data_hash) == (
        SignatureType.PDF,
        None,
        None,
    )
    assert one.verdict.indication is Indication.TOTAL_PASSED
    assert one.verdict.certificate == authority.leaf(signer).certificate_der
    assert (one.verdict.signed_at, one.verdict.field_name[:10]) == (NOW, "Signature-")
    assert one.issuers == (authority.root_der(),)
    assert one.signature_algorithm == algorithm
    assert one.message_digest is not None
    assert one.message_digest.algorithm == "SHA256"
    assert one.message_digest.value == _digest_of_ranges(output)
    assert one.policy is None
    assert not one.is_document_timestamp
    assert checks(one, Outcome.PASSED) == [DIGEST, BOUND, VALUE]
    assert one.results.valid


def test_the_value_is_the_one_that_the_key_made(written: Written, tmp_path: Path) -> None:
    file = written("plain")
    layout = prepared(file, "rsa2048")
    made = value(layout, "rsa2048")
    pades.embed(file, layout, made, tmp_path / "signed.pdf")

    assert examine(tmp_path / "signed.pdf").signatures[0].value == made.value


def test_signatures_come_in_the_order_they_were_made(written: Written) -> None:
    output = signed(signed(written("plain"), "p521"), "rsa2048")

    found = examine(output).signatures

    assert [s.verdict.certificate for s in found] == [authority.leaf(n).certificate_der for n in ("p521", "rsa2048")]
    assert [s.verdict.covers_whole_file for s in found] == [False, True]
    assert all(s.results.valid for s in found)


@pytest.mark.parametrize("name", ["plain", "acroform", "xfa-dynamic", "encrypted-owner"])
def test_a_file_without_signature_is_told_apart_from_a_broken_one(written: Written, name: str) -> None:
    with pytest.raises(NotSigned):
        examine(written(name))


@pytest.mark.parametrize("name", ["truncated", "encrypted-user", "prev-loop", "objstm-bomb", "negative-startxref"])
def test_a_file_that_cannot_be_read_is_refused(written: Written, name: str) -> None:
    with pytest.raises(DocumentRejected) as caught:
        examine(written(name))
    assert not isinstance(caught.value, NotSigned)


def test_a_changed_byte_is_a_wrong_digest(written: Written) -> None:
    output = signed(written("plain"), "p256")
    output.write_bytes(output.read_bytes().replace(b"agree.", b"argue."))

    (one,) = examine(output).signatures

    assert one.verdict.indication is Indication.TOTAL_FAILED
    assert checks(one, Outcome.ERROR) == [DIGEST]
    assert VALUE not in checks(one, Outcome.PASSED)


def test_another_value_is_told_apart_from_another_digest(written: Written, tmp_path: Path) -> None:
    file = written("plain")
    layout = prepared(file, "rsa2048")
    strange = value(replace(layout, to_sign=layout.to_sign + b"x"), "rsa2048")
    pades.embed(file, layout, strange, tmp_path / "signed.pdf")

    (one,) = examine(tmp_path / "signed.pdf").signatures

    assert checks(one, Outcome.ERROR) == [VALUE]
    assert checks(one, Outcome.PASSED) == [DIGEST, BOUND]


def test_an_appended_change_fails_although_digest_and_value_hold(written: Written) -> None:
    output = signed(written("plain"), "p256")
    text = b"BT /F1 18 Tf 72 720 Td (Page 1: you owe me a million.) Tj ET"
    output.write_bytes(_with_object(output.read_bytes(), 4, b"<</Length %d>>stream\n%b\nendstream" % (len(text), text)))

    (one,) = examine(output).signatures

    assert checks(one, Outcome.ERROR) == [Check.SIGNATURE_POLICY_MISMATCH]
    assert "changed after this signature" in one.results.errors[0].message
    assert checks(one, Outcome.PASSED) == [DIGEST, BOUND, VALUE]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: b"", Check.DECODE_ERROR),
        (lambda c: b"\xab" * len(c), Check.DECODE_ERROR),
        (forged_pdfs.without_certificates, Check.SIGNING_CERTIFICATE_NOT_FOUND),
        (forged_pdfs.with_another_certificate, Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH),
    ],
    ids=["empty", "garbage", "no-certificate", "other-certificate"],
)
def test_a_container_that_does_not_hold_says_why(tmp_path: Path, change: Change, expected: Check) -> None:
    file = tmp_path / "forged.pdf"
    file.write_bytes(forged_pdfs.with_contents(forged_pdfs.signed_by_pyhanko(), change))

    (one,) = examine(file).signatures

    assert checks(one, Outcome.ERROR) == [expected]
    assert one.verdict.field_name == "Other"
    assert "rsa2048" not in str(one.results)  # the signer's name: it may hold a personal number


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda a: a.pop(0), Check.REQUIRED_SIGNED_ATTRIBUTE_MISSING),
        (lambda a: a[0].__setitem__("values", ["1.2.3.4"]), Check.CONTENT_TYPE_MISMATCH),
    ],
    ids=["no-content-type", "other-content-type"],
)
def test_signed_attributes_that_are_missing_or_wrong_are_named(
    tmp_path: Path, change: Callable[[list[cms.CMSAttribute]], object], expected: Check
) -> None:
    def edit(container: bytes) -> bytes:
        found = cms.ContentInfo.load(container)
        signer = found["content"]["signer_infos"][0]
        attributes = sorted(signer["signed_attrs"], key=lambda a: a["type"].native != "content_type")
        change(attributes)
        signer["signed_attrs"] = cms.CMSAttributes(attributes)
        der: bytes = found.dump(force=True)
        return der

    file = tmp_path / "forged.pdf"
    file.write_bytes(forged_pdfs.with_contents(forged_pdfs.signed_by_pyhanko(), edit))

    (one,) = examine(file).signatures

    assert checks(one, Outcome.ERROR) == [expected]


def test_an_outdated_digest_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "sha1.pdf"
    file.write_bytes(forged_pdfs.signed_by_pyhanko(md_algorithm="sha1"))

    (one,) = examine(file).signatures

    assert one.signature_algorithm == "SHA1WithRSA"
    assert one.message_digest is not None
    assert one.message_digest.algorithm == "SHA1"
    assert checks(one, Outcome.WARNING)[-1] is Check.ALGORITHM_NOT_ALLOWED
    assert one.results.valid


def test_a_policy_that_the_signer_named_is_read(tmp_path: Path) -> None:
    from pyhanko.sign.ades.api import CAdESSignedAttrSpec
    from pyhanko.sign.ades.cades_asn1 import SignaturePolicyId, SignaturePolicyIdentifier
    from pyhanko.sign.fields import SigSeedSubFilter

    digest = hashlib.sha256(b"policy").digest()
    policy = SignaturePolicyId(
        {
            "sig_policy_id": "2.16.76.1.7.1.11.1.1",
            "sig_policy_hash": {"digest_algorithm": {"algorithm": "sha256"}, "digest": digest},
            "sig_policy_qualifiers": [
                {"sig_policy_qualifier_id": "sp_uri", "sig_qualifier": "http://policies.example/ad-rb.der"}
            ],
        }
    )
    spec = CAdESSignedAttrSpec(signature_policy_identifier=SignaturePolicyIdentifier("signature_policy_id", policy))
    file = tmp_path / "policy.pdf"
    file.write_bytes(
        forged_pdfs.signed_by_pyhanko(
            subfilter=SigSeedSubFilter.PADES, cades_signed_attr_spec=spec, md_algorithm="sha512"
        )
    )

    (one,) = examine(file).signatures

    assert one.signature_algorithm == "SHA512WithRSA"
    assert one.policy is not None
    assert (one.policy.oid, one.policy.uri) == ("2.16.76.1.7.1.11.1.1", "http://policies.example/ad-rb.der")
    assert one.policy.digest == DigestValue("SHA256", digest)
    assert one.results.valid


def test_a_document_timestamp_is_listed_and_does_not_pass_for_a_signature(written: Written) -> None:
    output = signed(written("plain"), "p256")
    stamped = output.with_name("stamped.pdf")
    stamped.write_bytes(_timestamped(output.read_bytes()))

    signature, timestamp = examine(stamped).signatures

    assert (signature.is_document_timestamp, signature.verdict.indication) == (False, Indication.TOTAL_PASSED)
    assert (timestamp.is_document_timestamp, timestamp.verdict.indication) == (True, Indication.INDETERMINATE)
    assert timestamp.verdict.certificate == authority.leaf("rsa2048").certificate_der
    assert timestamp.verdict.signed_at is not None
    assert timestamp.verdict.covers_whole_file
    assert checks(timestamp, Outcome.PASSED) == [DIGEST, BOUND, VALUE]


def test_a_timestamp_of_other_bytes_fails(written: Written) -> None:
    file = written("plain")
    file.write_bytes(_timestamped(file.read_bytes()).replace(b"agree.", b"argue."))

    (timestamp,) = examine(file).signatures

    assert (timestamp.is_document_timestamp, timestamp.verdict.indication) == (True, Indication.TOTAL_FAILED)
    assert checks(timestamp, Outcome.ERROR) == [DIGEST]


def _timestamped(content: bytes) -> bytes:
    from asn1crypto.x509 import Certificate
    from cryptography.hazmat.primitives import serialization
    from pyhanko.keys.pemder import load_private_key_from_pemder_data
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.signers import PdfTimeStamper
    from pyhanko.sign.timestamps import DummyTimeStamper

    leaf = authority.leaf("rsa2048")
    key = leaf.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    stamper = DummyTimeStamper(
        Certificate.load(leaf.certificate_der), load_private_key_from_pemder_data(key, passphrase=None)
    )

    async def stamp() -> bytes:
        writer = IncrementalPdfFileWriter(io.BytesIO(content))
        out = await PdfTimeStamper(stamper).async_timestamp_pdf(writer, "sha256", validation_context=None)
        made: bytes = out.getvalue()
        return made

    return asyncio.run(stamp())


def _digest_of_ranges(file: Path) -> bytes:
    content = file.read_bytes()
    (found,) = re.findall(rb"/ByteRange ?\[0 (\d+) (\d+) (\d+)\]", content)
    first, second, rest = map(int, found)
    return hashlib.sha256(content[:first] + content[second : second + rest]).digest()


def _with_object(content: bytes, number: int, body: bytes) -> bytes:
    """An incremental update that replaces one object."""
    size = max(int(n) for n in re.findall(rb"/Size (\d+)", content))
    (root, *_) = re.findall(rb"/Root (\d+ \d+ R)", content)
    previous = int(re.findall(rb"startxref\s+(\d+)", content)[-1])
    at = len(content)
    out = content + b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, at)
    trailer = b"trailer\n<</Size %d/Root %b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (size, root, previous, len(out))
    return out + table + trailer
