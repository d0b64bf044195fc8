"""Judge the signers of a CMS object like a stranger's, one by one (EN 319 102-1, 5.2; RFC 5652, 5.6).

Integrity only: digest, signed attributes, value, and that the attributes name the certificate. Whom to trust is
`trust`'s affair.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signroom.domain.errors import EmptyFile, InvalidCms, NotSigned
from signroom.domain.examination import Examination, ExaminedSignature
from signroom.domain.signature import DigestValue, Indication, SignatureType, SignatureVerdict, Verdict
from signroom.domain.validation import Check, Outcome, ValidationItem, ValidationResults
from signroom.formats.cms_facts import (
    DIGESTS,
    attributes_of,
    certificates_of,
    message_digest_of,
    policy_of,
    signature_algorithm_of,
    signer_certificate,
)
from signroom.formats.cms_reading import CmsFile, Content, digest, only_refusals, read_cms, whole

if TYPE_CHECKING:
    from asn1crypto.cms import SignerInfo

_MAX_SIGNERS = 1000
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Data:
    """The content, or digests of it that came from outside."""

    content: Content | None
    hashes: tuple[DigestValue, ...]

    def digest(self, algorithm: str) -> bytes | None:
        """`algorithm` as on the wire; None when it cannot be known."""
        if self.content is not None:
            return digest(self.content, algorithm.lower())
        return next((h.value for h in self.hashes if h.algorithm == algorithm), None)


@dataclass(frozen=True, slots=True)
class JudgedSigner:
    signer: SignerInfo
    verdict: SignatureVerdict
    results: ValidationResults
    data_missing: bool
    """The content's digest is not known, so nothing could be compared."""


def verify(file: Path, data: Path | None) -> Verdict:
    """Raises: InvalidCms, NotSigned for what is no CMS object."""
    found = _read(file)
    with only_refusals():
        content = found.content if found.content is not None else (None if data is None else whole(data))
        return Verdict(tuple(one.verdict for one in judge(found, Data(content, ()))))


def examine(
    file: Path, data: Path | None, data_hashes: tuple[DigestValue, ...], extract_to: Path | None
) -> Examination:
    """Raises: EmptyFile, NotSigned, InvalidCms."""
    if file.stat().st_size == 0:
        raise EmptyFile
    found = _read(file)
    with only_refusals():
        content = found.content if found.content is not None else (None if data is None else whole(data))
        judged = judge(found, Data(content, data_hashes))
        if not judged:
            raise NotSigned
        certificates = [c.dump() for c in certificates_of(found.signed)]
        signatures = tuple(_examined(one, certificates) for one in judged)
    if extract_to is not None and found.content is not None:
        with extract_to.open("wb") as target:
            for chunk in found.content.chunks():
                target.write(chunk)
    missing = next((s.message_digest.algorithm for s, one in _pairs(signatures, judged) if one.data_missing), None)
    return Examination(SignatureType.CMS, signatures, found.content is not None, missing)


def judge(found: CmsFile, data: Data) -> list[JudgedSigner]:
    """In the order of the object. To be used inside `only_refusals`."""
    signers = list(found.signed["signer_infos"])
    if len(signers) > _MAX_SIGNERS:
        raise InvalidCms(f"It has more than {_MAX_SIGNERS} signers.")
    digests: dict[str, bytes | None] = {}
    return [_judge(found, signer, data, digests) for signer in signers]


def _read(file: Path) -> CmsFile:
    found = read_cms(file)
    if found is None:
        raise NotSigned
    return found


def _pairs(signatures: tuple[ExaminedSignature, ...], judged: list[JudgedSigner]) -> list[tuple[Any, JudgedSigner]]:
    return [(s, one) for s, one in zip(signatures, judged, strict=True) if s.message_digest is not None]


def _judge(found: CmsFile, signer: SignerInfo, data: Data, digests: dict[str, bytes | None]) -> JudgedSigner:
    certificate = signer_certificate(found.signed, signer)
    if certificate is None:
        item = _error(Check.SIGNING_CERTIFICATE_NOT_FOUND, "The signer's certificate is not in the CMS object.")
        return _judged(signer, None, Indication.INDETERMINATE, "NO_SIGNING_CERTIFICATE_FOUND", (item,))
    algorithm = DIGESTS.get(signer["digest_algorithm"]["algorithm"].native)
    if algorithm is None:
        item = _error(Check.ALGORITHM_NOT_ALLOWED, "The digest algorithm is not known here.")
        return _judged(signer, certificate, Indication.INDETERMINATE, "CRYPTO_CONSTRAINTS_FAILURE", (item,))
    if algorithm not in digests:  # a large content is read once per algorithm
        digests[algorithm] = data.digest(algorithm)
    known = digests[algorithm]
    kind = found.signed["encap_content_info"]["content_type"].native
    try:
        return _checked(signer, certificate, known, kind)
    except _MALFORMED as error:
        item = _error(Check.DECODE_ERROR, "The signature is not well formed.", type(error).__name__)
        return _judged(signer, certificate, Indication.TOTAL_FAILED, "FORMAT_FAILURE", (item,))


def _checked(signer: SignerInfo, certificate: Any, known: bytes | None, kind: str) -> JudgedSigner:
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity

    attributes = attributes_of(signer)
    # Without the content the digest that the signer claims stands in: the value is then judged, the content is not.
    compared = known
    if compared is None:
        compared = attributes["message_digest"].native if "message_digest" in attributes else None
    if compared is None:
        return _judged(signer, certificate, Indication.INDETERMINATE, "SIGNED_DATA_NOT_FOUND", (), data_missing=True)
    try:
        intact, valid = validate_sig_integrity(signer, certificate, kind, compared)
    except SignatureValidationError as error:
        item = _malformed(attributes, kind, str(error.ades_subindication.standard_name))
        return _judged(signer, certificate, Indication.TOTAL_FAILED, "FORMAT_FAILURE", (item,))
    items, indication, reason = _weighed(signer, certificate, bool(intact), bool(valid), missing=known is None)
    missing = reason == "SIGNED_DATA_NOT_FOUND"
    return _judged(signer, certificate, indication, reason, items, data_missing=missing)


def _weighed(
    signer: SignerInfo, certificate: Any, intact: bool, valid: bool, *, missing: bool
) -> tuple[tuple[ValidationItem, ...], Indication, str | None]:
    """The checks, and what they come to: the first failure decides (EN 319 102-1, 5.2)."""
    digest_item, binding = _digest_item(intact=intact, missing=missing), _binding(attributes_of(signer), certificate)
    if not intact:
        return (digest_item, binding), Indication.TOTAL_FAILED, "HASH_FAILURE"
    if not valid:
        message = "The signature value does not fit the signed attributes and the certificate's key."
        value = _error(Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED, message)
        return (digest_item, binding, value), Indication.TOTAL_FAILED, "SIG_CRYPTO_FAILURE"
    message = "The signature value fits the signed attributes and the certificate's key."
    value = ValidationItem(Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED, Outcome.PASSED, message)
    items = (digest_item, binding, value)
    if binding.outcome is Outcome.ERROR:
        return items, Indication.TOTAL_FAILED, "FORMAT_FAILURE"
    if missing:
        return items, Indication.INDETERMINATE, "SIGNED_DATA_NOT_FOUND"
    if not _strong(signer, certificate):
        message = "The digest or the key is too weak today: it proves nothing by itself."
        weak = ValidationItem(Check.ALGORITHM_NOT_ALLOWED, Outcome.WARNING, message)
        return (*items, weak), Indication.INDETERMINATE, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
    return items, Indication.TOTAL_PASSED, None


def _digest_item(*, intact: bool, missing: bool) -> ValidationItem:
    if missing:
        message = "The content is not here, so its digest could not be compared."
        return ValidationItem(Check.MESSAGE_DIGEST_MISMATCH, Outcome.WARNING, message)
    if intact:
        message = "The message digest is that of the content."
        return ValidationItem(Check.MESSAGE_DIGEST_MISMATCH, Outcome.PASSED, message)
    return _error(Check.MESSAGE_DIGEST_MISMATCH, "The content was changed, or is another one.")


def _binding(attributes: dict[str, Any], certificate: Any) -> ValidationItem:
    """Signing-certificate (RFC 2634) or its second version (RFC 5035): the first entry is the signer's."""
    named = attributes.get("signing_certificate_v2") or attributes.get("signing_certificate")
    if named is None:
        message = "The signed attributes do not say which certificate is the signer's: another one could be put there."
        return ValidationItem(Check.SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION, Outcome.WARNING, message)
    first = named["certs"][0]
    second = "signing_certificate_v2" in attributes
    algorithm = first["hash_algorithm"]["algorithm"].native if second else "sha1"
    if hashlib.new(algorithm, certificate.dump(), usedforsecurity=False).digest() != first["cert_hash"].native:
        return _error(
            Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH,
            "The signed attributes name another certificate than the signer's.",
        )
    message = "The signed attributes name the signer's certificate."
    return ValidationItem(Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH, Outcome.PASSED, message)


def _malformed(attributes: dict[str, Any], kind: str, reason: str) -> ValidationItem:
    for name in ("content_type", "message_digest"):
        if name not in attributes:
            text = name.replace("_", "-")
            return _error(Check.REQUIRED_SIGNED_ATTRIBUTE_MISSING, f"The signed attribute {text} is missing.")
    if attributes["content_type"].native != kind:
        return _error(Check.CONTENT_TYPE_MISMATCH, "The signed attribute content-type is not the content's.")
    return _error(Check.DECODE_ERROR, "The signature is not well formed.", reason)


def _strong(signer: SignerInfo, certificate: Any) -> bool:
    """Digests and keys that could be forged today prove nothing by themselves (EN 319 102-1, 5.2.8)."""
    from pyhanko.sign.validation.utils import DEFAULT_ALGORITHM_USAGE_POLICY as POLICY

    algorithm, hashing = signer["signature_algorithm"], signer["digest_algorithm"]
    return bool(
        POLICY.signature_algorithm_allowed(algorithm, None, certificate.public_key)
        and POLICY.digest_algorithm_allowed(hashing, None)
    )


def _judged(
    signer: SignerInfo,
    certificate: Any,
    indication: Indication,
    reason: str | None,
    items: tuple[ValidationItem, ...],
    *,
    data_missing: bool = False,
) -> JudgedSigner:
    verdict = SignatureVerdict(
        field_name="",
        indication=indication,
        reason=reason,
        certificate=b"" if certificate is None else certificate.dump(),
        signed_at=_claimed_time(signer),
        covers_whole_file=indication is Indication.TOTAL_PASSED,
    )
    return JudgedSigner(signer, verdict, ValidationResults(items), data_missing)


def _claimed_time(signer: SignerInfo) -> datetime | None:
    try:
        found = attributes_of(signer).get("signing_time")
        time = None if found is None else found.native
    except _MALFORMED:
        return None
    return time.astimezone(UTC) if isinstance(time, datetime) else None


def _examined(one: JudgedSigner, certificates: list[bytes]) -> ExaminedSignature:
    attributes = attributes_of(one.signer)
    return ExaminedSignature(
        verdict=one.verdict,
        results=one.results,
        issuers=tuple(der for der in certificates if der != one.verdict.certificate),
        message_digest=message_digest_of(one.signer, attributes),
        signature_algorithm=signature_algorithm_of(one.signer),
        value=one.signer["signature"].native,
        policy=policy_of(attributes),
    )


def _error(check: Check, message: str, detail: str | None = None) -> ValidationItem:
    return ValidationItem(check, Outcome.ERROR, message, detail)
