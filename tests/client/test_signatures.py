"""Signatures without a page: made with a key of the application's own, inspected, and used to log in."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from signroom_client import (
    Check,
    Digest,
    DigestAlgorithm,
    FileReference,
    MeasurementUnits,
    NewDocument,
    PdfSignatureOptions,
    Rectangle,
    RefusedError,
    SecurityContexts,
    SignatureAlgorithm,
    SignatureNotPreparedError,
    SignatureType,
    SignroomClient,
    UnexpectedAnswerError,
    VisualPosition,
    VisualRepresentation,
    VisualText,
    sign_digest,
)
from signroom_client.models import PreparedSignature, ToSign
from signroom_client.signing import signature_of

from tests.api.requests import demo_signer
from tests.client.conftest import PDF, sign
from tests.harness.server import Server
from tests.pki import authority
from tests.verifiers.programs import nss_database, require_accepted


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p521"])
def test_a_file_is_signed_with_a_key_that_stays_here(
    signroom: SignroomClient, pdf: Path, tmp_path: Path, kind: str
) -> None:
    leaf = authority.leaf(kind)

    document = signroom.sign_locally(pdf, leaf.certificate, leaf.signing_key)

    assert len(document.signers) == 1
    target = tmp_path / "signed.pdf"
    signroom.download(document, target)
    roots = [authority.root().certificate_der]
    require_accepted(target, nss_database(tmp_path / "nss", roots), roots)


def test_a_certificate_may_be_der_or_pem(signroom: SignroomClient, pdf: Path) -> None:
    leaf = authority.leaf("p256")
    for given in (leaf.certificate_der, leaf.certificate.public_bytes(Encoding.PEM)):
        assert signroom.sign_locally(pdf, given, leaf.signing_key).signed_file is not None


def test_a_document_key_goes_along(signroom: SignroomClient, pdf: Path) -> None:
    leaf, key = authority.leaf("p256"), signroom.allocate_document_key()

    document = signroom.sign_locally(
        pdf, leaf.certificate, leaf.signing_key, document_key=key.key, signature_type=SignatureType.PDF
    )

    assert document.key == key.key


def test_a_certificate_that_will_not_do_says_why(signroom: SignroomClient, pdf: Path) -> None:
    leaf = authority.leaf("expired")

    with pytest.raises(SignatureNotPreparedError) as caught:
        signroom.sign_locally(pdf, leaf.certificate, leaf.signing_key)

    assert caught.value.code == "CertificateValidationFailed"
    assert Check.CERTIFICATE_EXPIRED in {item.type for item in caught.value.validation_results.errors}
    assert caught.value.certificate is not None


def test_a_certificate_of_another_world_says_why(signroom: SignroomClient, pdf: Path) -> None:
    leaf = authority.leaf("p256")

    with pytest.raises(SignatureNotPreparedError):
        signroom.sign_locally(pdf, leaf.certificate, leaf.signing_key, security_context_id=SecurityContexts.TEST)


def test_a_damaged_file_says_so(signroom: SignroomClient) -> None:
    leaf = authority.leaf("p256")

    with pytest.raises(SignatureNotPreparedError) as caught:
        signroom.sign_locally(FileReference.from_bytes(b"%PDF-1.7 no", "a.pdf"), leaf.certificate, leaf.signing_key)

    assert caught.value.code == "CorruptedPdf"


def test_another_key_than_the_certificates_is_refused(signroom: SignroomClient, pdf: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        signroom.sign_locally(pdf, authority.leaf("p256").certificate, authority.leaf("p384").signing_key)

    assert caught.value.code == "InvalidSignatureValue"


def test_the_steps_may_be_taken_one_by_one_and_the_last_one_twice(signroom: SignroomClient, pdf: Path) -> None:
    leaf = authority.leaf("rsa3072")

    prepared = signroom.prepare_signature(pdf, leaf.certificate)
    assert prepared.to_sign_hash is not None
    assert prepared.to_sign is not None
    assert prepared.state is not None
    value = sign_digest(prepared.to_sign_hash, leaf.signing_key)
    first, again = (signroom.complete_signature(prepared.state, value) for _ in range(2))

    assert hashlib.new(prepared.to_sign.digest_algorithm, prepared.to_sign.data).digest() == prepared.to_sign.hash
    assert first.id == again.id


def test_a_digest_that_does_not_belong_to_the_bytes_is_not_signed() -> None:
    honest = Digest(DigestAlgorithm.SHA256, hashlib.sha256(b"shown").digest())
    prepared = PreparedSignature(
        success=True,
        state="s",
        to_sign_hash=honest,
        to_sign=ToSign(b"other", honest.value, DigestAlgorithm.SHA256),
    )

    with pytest.raises(UnexpectedAnswerError, match="digest"):
        signature_of(prepared, authority.leaf("p256").signing_key)


def test_keys_and_digests_that_are_not_for_signing_are_refused() -> None:
    other: Any = ed25519.Ed25519PrivateKey.generate()
    good = Digest(DigestAlgorithm.SHA256, b"x" * 32)

    with pytest.raises(TypeError, match="neither"):
        sign_digest(good, other)
    with pytest.raises(ValueError, match="SHA1"):
        sign_digest(Digest(DigestAlgorithm.SHA1, b"x" * 20), authority.leaf("p256").signing_key)


def test_a_visible_signature_is_laid_out_by_options(signroom: SignroomClient, pdf: Path) -> None:
    """What the service says of a page that is not there shows that the options arrived."""
    leaf = authority.leaf("p256")

    def options(page: int) -> PdfSignatureOptions:
        place = Rectangle(left=2, bottom=2, width=6, height=2)
        position = VisualPosition(page_number=page, manual=place, measurement_units=MeasurementUnits.CENTIMETERS)
        text = VisualText(text="Signed by {{name}}", font_size=9, include_signing_time=True)
        return PdfSignatureOptions(visual_representation=VisualRepresentation(position=position, text=text))

    document = signroom.sign_locally(pdf, leaf.certificate, leaf.signing_key, pdf_signature_options=options(1))
    with pytest.raises(RefusedError) as caught:
        signroom.sign_locally(pdf, leaf.certificate, leaf.signing_key, pdf_signature_options=options(99))

    assert document.signed_file is not None
    assert caught.value.code == "BadVisualRepresentation"


# -- inspection ------------------------------------------------------------------------------------


def test_a_signed_file_is_inspected(server: Server, signroom: SignroomClient, pdf: Path, tmp_path: Path) -> None:
    created = signroom.create_session(documents=[NewDocument(pdf)])
    sign(server, created.redirect_url)
    document = signroom.when_completed(created.session_id).documents[0]
    signroom.download(document, tmp_path / "signed.pdf")

    by_path = signroom.inspect_signature(tmp_path / "signed.pdf", security_context_id=SecurityContexts.TEST)
    assert document.signed_file is not None
    by_address = signroom.inspect_signature(document.signed_file, validate=False)

    assert by_path.valid
    assert [s.certificate.subject_common_name for s in by_path.signers if s.certificate] == ["Ana (DEMO)"]
    assert by_path.signers[0].signing_time is not None
    assert by_path.signers[0].signature is not None
    assert by_path.signers[0].signature.signature_algorithm_name is SignatureAlgorithm.SHA256_WITH_ECDSA
    assert len(by_address.signers) == 1
    assert by_address.signers[0].validation_results is None
    assert not by_address.valid, "nothing was validated"


def test_a_changed_file_is_not_valid(signroom: SignroomClient, pdf: Path) -> None:
    leaf = authority.leaf("p256")
    signed = bytearray(signroom.download_bytes(signroom.sign_locally(pdf, leaf.certificate, leaf.signing_key)))
    place = signed.index(b"MediaBox")
    signed[place : place + 8] = b"MediaBxo"

    found = signroom.inspect_signature(FileReference.from_bytes(bytes(signed), "changed.pdf"))

    assert not found.valid
    assert found.signers[0].validation_results is not None
    assert found.signers[0].validation_results.errors


def test_a_file_without_signatures_is_no_valid_one(signroom: SignroomClient) -> None:
    with pytest.raises(RefusedError) as caught:
        signroom.inspect_signature(FileReference.from_bytes(PDF, "plain.pdf"))

    assert caught.value.code == "NotSigned"


# -- log in ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept_in", ["file", "browser"])
def test_a_person_logs_in_with_a_certificate_once(signroom: SignroomClient, server: Server, kept_in: str) -> None:
    key, der = demo_signer(server)
    if kept_in == "browser":
        key, chain = server.page(server.open_session()["redirectUrl"]).demo_key()
        der = base64.b64decode(chain[0])
    certificate = x509.load_der_x509_certificate(der)

    challenge = signroom.prepare_authentication()
    value = sign_digest(challenge.to_sign_hash, key)
    found = signroom.complete_authentication(challenge.state, certificate, value)
    replayed = signroom.complete_authentication(challenge.state, certificate, value)

    assert found.success
    assert found.certificate is not None
    assert found.certificate.serial_number == str(certificate.serial_number)
    assert not replayed.success
    assert replayed.failure == "StaleSession"


def test_somebody_elses_signature_logs_nobody_in(signroom: SignroomClient) -> None:
    challenge = signroom.prepare_authentication()
    value = sign_digest(challenge.to_sign_hash, authority.leaf("p384").signing_key)

    with pytest.raises(RefusedError) as caught:
        signroom.complete_authentication(challenge.state, authority.leaf("p256").certificate, value)

    assert caught.value.code == "InvalidSignatureValue"


def test_an_expired_certificate_logs_nobody_in(signroom: SignroomClient) -> None:
    leaf = authority.leaf("expired")
    challenge = signroom.prepare_authentication()

    found = signroom.complete_authentication(
        challenge.state, leaf.certificate, sign_digest(challenge.to_sign_hash, leaf.signing_key)
    )

    assert not found.success
    assert found.failure == "CertificateFailedValidation"
    assert not found.validation_results.valid
