"""A stranger's signed PDF, taken apart: what each signature says of itself, and what `verification` finds in it.

The findings follow the verdict, so that both never say different things. Document timestamps (EN 319 142-1, 5.4.3)
are listed too; their authority is not judged here, so none of them passes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from signroom.domain.errors import InvalidPdf, NotSigned
from signroom.domain.examination import Examination, ExaminedSignature, SignaturePolicy
from signroom.domain.signature import DigestValue, Indication, SignatureType, SignatureVerdict
from signroom.domain.validation import Check, Outcome, ValidationItem, ValidationResults
from signroom.formats.cms.facts import (
    attributes_of,
    certificates_of,
    issuers_of,
    message_digest_of,
    policy_of,
    signature_algorithm_of,
)
from signroom.formats.cms.foreign import Integrity
from signroom.formats.malformed import MALFORMED
from signroom.formats.pdf.earlier.embedded import EmbeddedSignature
from signroom.formats.pdf.earlier.window import is_mended, mapped, opened
from signroom.formats.pdf.parsing import only_refusals, require_pdf
from signroom.formats.pdf.verification import JudgedSignature, judge_all, later_items

_BARE = "/adbe.x509.rsa_sha1"
_NOT_JUDGED = "the timestamp's authority is not judged"


@dataclass(frozen=True, slots=True)
class _Container:
    """What can be said of a CMS object's first signer, whether it holds or not."""

    certificates: tuple[bytes, ...] = ()
    """In the order of the object, the signer's own too."""
    issuers: tuple[bytes, ...] = ()
    message_digest: DigestValue | None = None
    signature_algorithm: str | None = None
    value: bytes = b""
    policy: SignaturePolicy | None = None


def examine(file: Path) -> Examination:
    """Raises: NotSigned, a DocumentRejected when the file cannot be read."""
    with file.open("rb") as stream:
        require_pdf(stream)
    with only_refusals(), mapped(file) as buffer, opened(buffer) as pdf:
        judged = judge_all(pdf, buffer)
        if not judged and is_mended(pdf):
            raise InvalidPdf("Its cross-reference table is damaged: a signature that was in it may be lost.")
    if not judged:
        raise NotSigned
    return Examination(SignatureType.PDF, tuple(_examined(one) for one in judged))


def _examined(one: JudgedSignature) -> ExaminedSignature:
    verdict = _of_timestamp(one.verdict) if one.signature.is_timestamp else one.verdict
    container = _container(one.signature, verdict.certificate)
    return ExaminedSignature(
        verdict=verdict,
        results=ValidationResults(_items(one)),
        issuers=container.issuers,
        message_digest=container.message_digest,
        signature_algorithm=container.signature_algorithm,
        value=container.value,
        policy=container.policy,
        is_document_timestamp=one.signature.is_timestamp,
    )


def _of_timestamp(verdict: SignatureVerdict) -> SignatureVerdict:
    if verdict.indication is not Indication.TOTAL_PASSED:
        return verdict
    return replace(verdict, indication=Indication.INDETERMINATE, reason=_NOT_JUDGED)


def _items(one: JudgedSignature) -> tuple[ValidationItem, ...]:
    """The checks of its signers, and what was appended later."""
    if one.later is None:
        message = "The byte range leaves out more than the signature."
        return (ValidationItem(Check.DECODE_ERROR, Outcome.ERROR, message),)
    found: list[ValidationItem] = []
    for signer in one.signers:
        if signer.results.items:
            found += signer.results.items
        elif signer.integrity is Integrity.UNSUPPORTED:
            found.append(ValidationItem(Check.ALGORITHM_NOT_ALLOWED, Outcome.ERROR, str(signer.reason)))
        else:
            found.append(ValidationItem(Check.DECODE_ERROR, Outcome.ERROR, str(signer.reason)))
    return (*found, *later_items(one.later))


def _container(signature: EmbeddedSignature, certificate: bytes) -> _Container:
    """As much as can be read of it."""
    from asn1crypto.cms import ContentInfo
    from asn1crypto.core import OctetString

    try:
        if signature.subfilter == _BARE:
            issuers = tuple(der for der in signature.certificates if der != certificate)
            return _Container(
                signature.certificates, issuers, None, "SHA1WithRSA", OctetString.load(signature.contents).native
            )
        data = ContentInfo.load(signature.contents)["content"]
        certificates = certificates_of(data)
        signer = data["signer_infos"][0]
        attributes = attributes_of(signer)
        return _Container(
            certificates=tuple(one.dump() for one in certificates),
            issuers=issuers_of(certificate, certificates),
            message_digest=message_digest_of(signer, attributes),
            signature_algorithm=signature_algorithm_of(signer),
            value=signer["signature"].native,
            policy=policy_of(attributes),
        )
    except MALFORMED:
        return _Container()
