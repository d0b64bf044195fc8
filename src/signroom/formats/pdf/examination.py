"""A stranger's signed PDF, taken apart: what each signature says of itself, and what `verification` finds in it.

The findings follow the verdict, so that both never say different things. Document timestamps (EN 319 142-1, 5.4.3)
are listed too; their authority is not judged here, so none of them passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from signroom.domain.errors import NotSigned
from signroom.domain.examination import Examination, ExaminedSignature, SignaturePolicy
from signroom.domain.signature import DigestValue, Indication, SignatureType, SignatureVerdict
from signroom.domain.validation import Check, Outcome, ValidationItem, ValidationResults
from signroom.formats.cms.facts import (
    attributes_of,
    certificates_of,
    is_signer,
    message_digest_of,
    policy_of,
    signature_algorithm_of,
)
from signroom.formats.malformed import MALFORMED
from signroom.formats.pdf.embedded import UnreadableSignature, embedded_signatures
from signroom.formats.pdf.parsing import only_refusals, open_reader, require_pdf
from signroom.formats.pdf.verification import judge

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

_CHUNK = 1 << 20
_DIGEST_IS_RIGHT = "The message digest is that of the signed bytes."
_CERTIFICATE_IS_BOUND = "The signed attributes name the signer's certificate."
_VALUE_IS_RIGHT = "The signature value fits the signed attributes and the certificate's key."


@dataclass(frozen=True, slots=True)
class _Container:
    """What can be said of a CMS object with one signer, whether it holds or not."""

    certificates: tuple[bytes, ...]
    message_digest: DigestValue | None
    signature_algorithm: str | None
    value: bytes
    policy: SignaturePolicy | None
    content_type: str | None
    """As the signed attribute has it."""
    binds_certificate: bool
    """Signing-certificate, or its second version, is there (RFC 5035)."""
    has_signer_certificate: bool


_NOTHING = _Container((), None, None, b"", None, None, binds_certificate=False, has_signer_certificate=False)


def examine(file: Path) -> Examination:
    """Raises: NotSigned, a DocumentRejected when the file cannot be read."""
    with file.open("rb") as stream:
        require_pdf(stream)
        with only_refusals():
            reader = open_reader(stream)
            signatures = (*_signatures(reader), *_timestamps(reader))
    if not signatures:
        raise NotSigned
    # The unreadable ones first: nobody knows when they were made.
    in_order = sorted(signatures, key=lambda found: found[0])
    return Examination(SignatureType.PDF, tuple(signature for _, signature in in_order))


def _signatures(reader: PdfFileReader) -> Iterator[tuple[int, ExaminedSignature]]:
    """(revision, signature): -1 for those that cannot be read."""
    for verdict, found in zip(judge(reader).signatures, embedded_signatures(reader), strict=True):
        if isinstance(found, UnreadableSignature):
            container = _container(_contents(reader, found.field_name))
            yield -1, _examined(verdict, container, _why_unreadable(found, container))
        else:
            container = _container(found.pkcs7_content)
            yield found.signed_revision, _examined(verdict, container, _findings(verdict, container))


def _examined(
    verdict: SignatureVerdict,
    container: _Container,
    items: tuple[ValidationItem, ...],
    *,
    is_document_timestamp: bool = False,
) -> ExaminedSignature:
    return ExaminedSignature(
        verdict=verdict,
        results=ValidationResults(items),
        issuers=tuple(der for der in container.certificates if der != verdict.certificate),
        message_digest=container.message_digest,
        signature_algorithm=container.signature_algorithm,
        value=container.value,
        policy=container.policy,
        is_document_timestamp=is_document_timestamp,
    )


# -- findings --------------------------------------------------------------------------------------


def _findings(verdict: SignatureVerdict, container: _Container) -> tuple[ValidationItem, ...]:
    """The verdict's reason begins with the sub-indication of EN 319 102-1 (5.1.3), where it has one."""
    reason = verdict.reason or ""
    match verdict.indication, reason.partition(":")[0].partition(" ")[0]:
        case Indication.TOTAL_PASSED, _:
            return _all_right(container)
        case _, "HASH_FAILURE":
            return (_error(Check.MESSAGE_DIGEST_MISMATCH, "The signed bytes were changed."), _binding(container))
        case _, "SIG_CRYPTO_FAILURE":
            message = "The signature value does not fit the signed attributes and the certificate's key."
            return (
                _passed(Check.MESSAGE_DIGEST_MISMATCH, _DIGEST_IS_RIGHT),
                _binding(container),
                _error(Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED, message),
            )
        case _, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE":
            message = "The digest or the key is too weak today: it proves nothing by itself."
            return (
                *_all_right(container),
                ValidationItem(
                    Check.ALGORITHM_NOT_ALLOWED, Outcome.WARNING, message, detail=container.signature_algorithm
                ),
            )
        case _, "FORMAT_FAILURE":
            return (_malformed(container, reason),)
        case indication, _:
            # The bytes are those that were signed, and what a reader shows today is something else, or may be.
            outcome = Outcome.ERROR if indication is Indication.TOTAL_FAILED else Outcome.WARNING
            item = ValidationItem(Check.MESSAGE_DIGEST_MISMATCH, outcome, _sentence(reason))
            return (item, *_all_right(container)[1:])


def _all_right(container: _Container) -> tuple[ValidationItem, ...]:
    return (
        _passed(Check.MESSAGE_DIGEST_MISMATCH, _DIGEST_IS_RIGHT),
        _binding(container),
        _passed(Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED, _VALUE_IS_RIGHT),
    )


def _binding(container: _Container) -> ValidationItem:
    """`embedded_signatures` lets no signature through whose attribute names another certificate."""
    if container.binds_certificate:
        return _passed(Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH, _CERTIFICATE_IS_BOUND)
    message = "The signed attributes do not say which certificate is the signer's: another one could be put there."
    return ValidationItem(Check.SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION, Outcome.WARNING, message)


def _malformed(container: _Container, reason: str) -> ValidationItem:
    if container.content_type is None:
        return _error(Check.REQUIRED_SIGNED_ATTRIBUTE_MISSING, "The signed attribute content-type is missing.")
    if container.content_type != "data":
        return _error(Check.CONTENT_TYPE_MISMATCH, "The signed attribute content-type is not data.")
    if container.message_digest is None:
        return _error(Check.REQUIRED_SIGNED_ATTRIBUTE_MISSING, "The signed attribute message-digest is missing.")
    return _error(Check.DECODE_ERROR, "The signature is not well formed.", reason)


def _why_unreadable(found: UnreadableSignature, container: _Container) -> tuple[ValidationItem, ...]:
    if found.reason != "NO_SIGNING_CERTIFICATE_FOUND":
        return (_error(Check.DECODE_ERROR, "The signature cannot be read.", found.reason),)
    if container.has_signer_certificate:
        message = "The signed attributes name another certificate than the signer's."
        return (_error(Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH, message),)
    return (_error(Check.SIGNING_CERTIFICATE_NOT_FOUND, "The signer's certificate is not in the signature."),)


def _passed(check: Check, message: str) -> ValidationItem:
    return ValidationItem(check, Outcome.PASSED, message)


def _error(check: Check, message: str, detail: str | None = None) -> ValidationItem:
    return ValidationItem(check, Outcome.ERROR, message, detail)


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


# -- facts -----------------------------------------------------------------------------------------


def _contents(reader: PdfFileReader, field_name: str) -> bytes:
    """/Contents of a signature that `embedded_signatures` could not read; empty when it is not even text."""
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.sign.fields import enumerate_sig_fields
    from pyhanko.sign.validation.pdf_embedded import extract_contents

    for name, value, _ in enumerate_sig_fields(reader, filled_status=True):
        if str(name) == field_name:
            try:
                found: bytes = extract_contents(value.get_object())
            except (*MALFORMED, PdfReadError):
                return b""
            return found
    return b""


def _container(content: bytes) -> _Container:
    """As much as can be read of it: `_NOTHING` when it is no CMS object with one signer."""
    from asn1crypto.cms import ContentInfo

    try:
        data = ContentInfo.load(content)["content"]
        (signer,) = data["signer_infos"]
        attributes = attributes_of(signer)
        certificates = certificates_of(data)
        return _Container(
            certificates=tuple(certificate.dump() for certificate in certificates),
            message_digest=message_digest_of(signer, attributes),
            signature_algorithm=signature_algorithm_of(signer),
            value=signer["signature"].native,
            policy=policy_of(attributes),
            content_type=attributes["content_type"].native if "content_type" in attributes else None,
            binds_certificate=bool({"signing_certificate", "signing_certificate_v2"} & attributes.keys()),
            has_signer_certificate=any(is_signer(signer, certificate) for certificate in certificates),
        )
    except MALFORMED:
        return _NOTHING


# -- document timestamps ---------------------------------------------------------------------------


def _timestamps(reader: PdfFileReader) -> Iterator[tuple[int, ExaminedSignature]]:
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.sign.fields import enumerate_sig_fields
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

    for name, value, field in enumerate_sig_fields(reader, filled_status=True):
        if value.get_object().get("/Type", "/Sig") != "/DocTimeStamp":
            continue
        try:
            signature = EmbeddedPdfSignature(reader, field, str(name))
            yield signature.signed_revision, _timestamp(signature)
        except (*MALFORMED, PdfReadError, SignatureValidationError) as error:
            verdict = _unproven(str(name), Indication.TOTAL_FAILED, "FORMAT_FAILURE")
            item = _error(Check.DECODE_ERROR, "The document timestamp cannot be read.", type(error).__name__)
            yield -1, _examined(verdict, _NOTHING, (item,), is_document_timestamp=True)


def _timestamp(signature: EmbeddedPdfSignature) -> ExaminedSignature:
    """Its imprint and its value (RFC 3161, 2.4.2). Raises: what pyHanko raises for a token that is none."""
    from pyhanko.sign.general import byte_range_digest
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    token = signature.signed_data["encap_content_info"]["content"]
    imprint = token.parsed["message_imprint"]
    name = imprint["hash_algorithm"]["algorithm"].native
    _, digest = byte_range_digest(signature.reader.stream, signature.byte_range, name, chunk_size=_CHUNK)
    signature.external_digests[name] = digest  # pyHanko finds it there
    signature.compute_integrity_info(skip_diff=True)
    inner = hashlib.new(signature.md_algorithm, bytes(token)).digest()
    intact, valid = validate_sig_integrity(signature.signer_info, signature.signer_cert, "tst_info", inner)
    covers = signature.coverage is not None and signature.coverage >= SignatureCoverageLevel.ENTIRE_REVISION
    right = imprint["hashed_message"].native == digest and covers
    if not right:
        indication, reason = Indication.TOTAL_FAILED, "HASH_FAILURE"
        item = _error(Check.MESSAGE_DIGEST_MISMATCH, "The document timestamp is not of this file.")
    elif not (intact and valid):
        indication, reason = Indication.TOTAL_FAILED, "SIG_CRYPTO_FAILURE"
        item = _error(Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED, "The document timestamp's value is wrong.")
    else:
        indication, reason = Indication.INDETERMINATE, "the timestamp's authority is not judged"
        item = _passed(Check.MESSAGE_DIGEST_MISMATCH, _DIGEST_IS_RIGHT)
    time: datetime = token.parsed["gen_time"].native
    verdict = SignatureVerdict(
        field_name=str(signature.field_name),
        indication=indication,
        reason=reason,
        certificate=signature.signer_cert.dump(),
        signed_at=time.astimezone(UTC),
        covers_whole_file=signature.coverage == SignatureCoverageLevel.ENTIRE_FILE
        and indication is not Indication.TOTAL_FAILED,
    )
    return _examined(verdict, _container(signature.pkcs7_content), (item,), is_document_timestamp=True)


def _unproven(field_name: str, indication: Indication, reason: str) -> SignatureVerdict:
    return SignatureVerdict(field_name, indication, reason, b"", None, covers_whole_file=False)
