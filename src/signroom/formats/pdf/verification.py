"""Judge the signatures of a PDF like a stranger's: nothing is known of how the file was made.

Integrity only: byte range, digest, signed attributes, value, and whether later changes were allowed (ISO 32000-1,
12.8.2; EN 319 102-1). Whom to trust is `trust`'s affair. Nothing is fetched.

There are three outcomes. Broken (TOTAL-FAILED) is a digest or a value that does not fit, a byte range that leaves out
more than the signature, and a forbidden change. Unproven and unsupported (INDETERMINATE, the reason says which) is what
cannot be read or judged, and what is too weak to prove anything. All else is intact.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pikepdf

from signroom.domain.signature import Indication, SignatureVerdict, Verdict
from signroom.domain.validation import Check, Outcome, ValidationItem
from signroom.formats.cms.foreign import ForeignSignature, Integrity, judge_contents
from signroom.formats.pdf.earlier.embedded import EmbeddedSignature, embedded_signatures
from signroom.formats.pdf.earlier.places import Places
from signroom.formats.pdf.earlier.ranges import RangeDigests
from signroom.formats.pdf.earlier.revisions import Later, LaterChanges, Revisions
from signroom.formats.pdf.earlier.window import mapped, opened
from signroom.formats.pdf.parsing import only_refusals, require_pdf
from signroom.formats.pdf.reading.syntax import Buffer

Conclusion = tuple[Indication, str | None]

_WEAK = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE: unproven: a digest or key that is too weak today"
_OUTSIDE = "FORMAT_FAILURE: the byte range leaves out more than the signature"
_CHANGED = "the file was changed after this signature in a way that it does not allow"
_SEVERITY = (Integrity.BROKEN, Integrity.UNPROVEN, Integrity.UNSUPPORTED, Integrity.INTACT)


@dataclass(frozen=True, slots=True)
class JudgedSignature:
    """One signature or document timestamp with all that its verdict rests on."""

    signature: EmbeddedSignature
    signers: tuple[ForeignSignature, ...]
    """Of its contents; there is at least one. What was not looked at has one that says so."""
    later: LaterChanges | None
    """None when nothing could be signed by it: the byte range is none."""
    verdict: SignatureVerdict


def verify(file: Path) -> Verdict:
    """All signatures of `file`, in the order they were made. Raises: a DocumentRejected when it cannot be read."""
    with file.open("rb") as stream:
        require_pdf(stream)
    with only_refusals(), mapped(file) as buffer, opened(buffer) as pdf:
        return judge(pdf, buffer)


def judge(pdf: pikepdf.Pdf, buffer: Buffer, *, as_if_one_more: bool = False) -> Verdict:
    """The verdict on an open file. Document timestamps are no signatures. To be used inside `only_refusals`.

    Args:
        pdf: what `buffer` holds, opened without `inherit_page_attributes`.
        as_if_one_more: judge as if one signature more were appended: the verdict that holds after we sign.
    """
    judged = judge_all(pdf, buffer, as_if_one_more=as_if_one_more)
    return Verdict(tuple(one.verdict for one in judged if not one.signature.is_timestamp))


def judge_all(pdf: pikepdf.Pdf, buffer: Buffer, *, as_if_one_more: bool = False) -> list[JudgedSignature]:
    """Signatures and document timestamps, in the order they were made. To be used inside `only_refusals`."""
    places = Places(pdf)
    found = embedded_signatures(pdf, buffer, places)
    digests = RangeDigests(buffer, (one.signed for one in found if one.signed is not None))
    revisions = Revisions(pdf, buffer, places, as_if_one_more)
    return [_judge(one, digests, revisions) for one in found]


def _judge(signature: EmbeddedSignature, digests: RangeDigests, revisions: Revisions) -> JudgedSignature:
    signed = signature.signed
    beside = next(iter(signature.certificates), None)
    kind = signature.subfilter.removeprefix("/")
    signers = judge_contents(
        signature.contents, kind, lambda name: None if signed is None else digests.digest(signed, name), beside
    )
    later = None if signed is None else revisions.after(signature)
    indication, reason = _conclusion(signers, later)
    first = signers[0]
    warnings = () if later is None or indication is Indication.TOTAL_FAILED else later.warnings
    verdict = SignatureVerdict(
        field_name=signature.field_name,
        indication=indication,
        reason=reason,
        certificate=first.certificate or beside or b"",
        signed_at=first.claimed_at if signature.is_timestamp else signature.claimed_time or first.claimed_at,
        covers_whole_file=signature.end == len(revisions.buffer) and indication is not Indication.TOTAL_FAILED,
        warnings=warnings,
    )
    return JudgedSignature(signature, signers, later, verdict)


def _conclusion(signers: tuple[ForeignSignature, ...], later: LaterChanges | None) -> Conclusion:
    worst = min(signers, key=lambda one: _SEVERITY.index(one.integrity))
    broken = _broken(worst, later)
    if broken is not None:
        return Indication.TOTAL_FAILED, broken
    if worst.integrity is not Integrity.INTACT:
        return Indication.INDETERMINATE, f"{worst.integrity}: {worst.reason}"
    if later is not None and later.kind is Later.UNKNOWN:
        return Indication.INDETERMINATE, f"{Integrity.UNPROVEN}: {later.reason}"
    if any(one.is_weak for one in signers):
        return Indication.INDETERMINATE, _WEAK
    return Indication.TOTAL_PASSED, None


def _broken(worst: ForeignSignature, later: LaterChanges | None) -> str | None:
    if later is None:
        return _OUTSIDE
    if worst.integrity is Integrity.BROKEN:
        return _why_broken(worst)
    return f"{_CHANGED}: {later.reason}" if later.kind is Later.FORBIDDEN else None


def _why_broken(signer: ForeignSignature) -> str:
    """The sub-indication of EN 319 102-1, 5.1.3, first."""
    checks = {item.check for item in signer.results.errors}
    if Check.MESSAGE_DIGEST_MISMATCH in checks:
        return "HASH_FAILURE"
    if Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED in checks:
        return "SIG_CRYPTO_FAILURE"
    return f"FORMAT_FAILURE: {signer.reason}"


def later_items(later: LaterChanges | None) -> tuple[ValidationItem, ...]:
    """What was appended, as checks. The digest is right whatever was appended: none of them says otherwise."""
    check = Check.SIGNATURE_POLICY_MISMATCH
    if later is None:
        return ()
    if later.kind is Later.FORBIDDEN:
        message = f"The file was changed after this signature in a way that it does not allow: {later.reason}."
        return (ValidationItem(check, Outcome.ERROR, message),)
    if later.kind is Later.UNKNOWN:
        message = f"Whether later changes are allowed is not known: {later.reason}."
        return (ValidationItem(check, Outcome.WARNING, message),)
    return tuple(ValidationItem(check, Outcome.WARNING, f"After this signature: {text}.") for text in later.warnings)
