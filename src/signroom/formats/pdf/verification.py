"""Judge the signatures of a PDF like a stranger's: nothing is known of how the file was made.

Integrity only: byte range, digest, signed attributes, value, and whether later changes were allowed (ISO 32000-1,
12.8.2; EN 319 102-1). Whom to trust is `trust`'s affair. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from signroom.domain.signature import Indication, SignatureVerdict, Verdict
from signroom.formats.malformed import MALFORMED
from signroom.formats.pdf.embedded import UnreadableSignature, embedded_signatures
from signroom.formats.pdf.parsing import only_refusals, open_reader, require_pdf

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

Conclusion = tuple[Indication, str | None]

# pyHanko's difference analysis walks all objects: some 0.5 ms each, and 0.05 ms more for each later revision.
_COMPARE_BUDGET = 275_000
_FIRST_WALK = 10
_CHUNK = 1 << 20


def verify(file: Path) -> Verdict:
    """All signatures of `file`, in the order they were made. Raises: a DocumentRejected when it cannot be read."""
    with file.open("rb") as stream:
        require_pdf(stream)
        with only_refusals():
            return judge(open_reader(stream))


def judge(reader: PdfFileReader) -> Verdict:
    """The verdict on an open file. To be used inside `only_refusals`."""
    found = embedded_signatures(reader)
    compare = _affordable(reader, [s for s in found if not isinstance(s, UnreadableSignature)])
    return Verdict(
        tuple(_unread(s) if isinstance(s, UnreadableSignature) else _judge(s, compare=compare) for s in found)
    )


def _affordable(reader: PdfFileReader, signatures: Sequence[EmbeddedPdfSignature]) -> bool:
    last = reader.xrefs.total_revisions - 1
    later = sum(last - s.signed_revision for s in signatures)
    if not later:
        return True
    objects = sum(len(reader.xrefs.explicit_refs_in_revision(n)) for n in range(last + 1))
    return bool(objects * (_FIRST_WALK + later) <= _COMPARE_BUDGET)


def _unread(signature: UnreadableSignature) -> SignatureVerdict:
    # A kind that only old readers know is not broken; a thing that is no signature at all is.
    indication = Indication.TOTAL_FAILED if signature.certificate is None else Indication.INDETERMINATE
    return SignatureVerdict(
        field_name=signature.field_name,
        indication=indication,
        reason=f"FORMAT_FAILURE: {signature.reason}",
        certificate=signature.certificate or b"",
        signed_at=None,
        covers_whole_file=False,
    )


def _judge(signature: EmbeddedPdfSignature, *, compare: bool) -> SignatureVerdict:
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    indication, reason = _mathematics(signature) or _later_changes(signature, compare=compare) or _strength(signature)
    whole = signature.coverage == SignatureCoverageLevel.ENTIRE_FILE
    return SignatureVerdict(
        field_name=str(signature.field_name),
        indication=indication,
        reason=reason,
        certificate=signature.signer_cert.dump(),
        signed_at=_claimed_time(signature),
        covers_whole_file=whole and indication is not Indication.TOTAL_FAILED,
    )


def _mathematics(signature: EmbeddedPdfSignature) -> Conclusion | None:
    """Range, digest and value; None when all are right."""
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity

    try:
        if not _leaves_out_only_itself(signature):
            return Indication.TOTAL_FAILED, "FORMAT_FAILURE: the byte range leaves out more than the signature"
        digest = _digest(signature)
        signature.compute_integrity_info(skip_diff=True)
        intact, valid = validate_sig_integrity(signature.signer_info, signature.signer_cert, "data", digest)
    except SignatureValidationError as error:
        # By name: the message may quote the signer's name, and with it a personal number.
        return Indication.TOTAL_FAILED, f"FORMAT_FAILURE: {error.ades_subindication.standard_name}"
    except (*MALFORMED, PdfReadError) as error:
        return Indication.TOTAL_FAILED, f"FORMAT_FAILURE ({type(error).__name__})"
    if not intact:
        return Indication.TOTAL_FAILED, "HASH_FAILURE"
    return None if valid else (Indication.TOTAL_FAILED, "SIG_CRYPTO_FAILURE")


def _leaves_out_only_itself(signature: EmbeddedPdfSignature) -> bool:
    """The gap of the ByteRange is the hexadecimal string of /Contents, all of it and nothing else (EN 319 142-1, 5.4).

    pyHanko 0.38 compares lengths only. With /Contents as a literal string, which takes half the space, a whole other
    document fits into the gap beside it (signature wrapping), and that signature passes there.
    """
    match list(signature.byte_range):
        case [0, int(first), int(second), int(rest)]:
            gap = 2 * len(signature.pkcs7_content) + 2
        case _:
            return False
    stream = signature.reader.stream
    if first <= 0 or rest < 0 or second - first != gap or second + rest > stream.seek(0, 2):
        return False
    stream.seek(first)
    return bool(stream.read(gap).lower() == b"<%b>" % signature.pkcs7_content.hex().encode())


def _digest(signature: EmbeddedPdfSignature) -> bytes:
    """Like pyHanko's, which reads 4 KiB at a time; it finds this one in its cache."""
    from pyhanko.sign.general import byte_range_digest

    name = signature.external_md_algorithm
    _, digest = byte_range_digest(signature.reader.stream, signature.byte_range, name, chunk_size=_CHUNK)
    signature.external_digests[name] = digest
    return digest


def _later_changes(signature: EmbeddedPdfSignature, *, compare: bool) -> Conclusion | None:
    """What was appended after the signature; None when nothing was, or only what it allows."""
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    if signature.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return Indication.TOTAL_FAILED, "the signature does not cover its whole revision"
    if signature.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return None
    if not compare:
        return Indication.INDETERMINATE, "too many objects to compare the later changes"
    try:
        signature.compute_integrity_info()
        allowed = signature.summarise_integrity_info()["docmdp_ok"]
    except (*MALFORMED, PdfReadError) as error:
        return Indication.INDETERMINATE, f"the later changes cannot be compared ({type(error).__name__})"
    if not allowed:
        return Indication.TOTAL_FAILED, "the file was changed after this signature in a way that it does not allow"
    return None


def _strength(signature: EmbeddedPdfSignature) -> Conclusion:
    """Digests and keys that could be forged today prove nothing by themselves (EN 319 102-1, 5.2.8)."""
    from pyhanko.sign.validation.utils import DEFAULT_ALGORITHM_USAGE_POLICY as POLICY

    algorithm, digest = (signature.signer_info[part] for part in ("signature_algorithm", "digest_algorithm"))
    key = signature.signer_cert.public_key
    if POLICY.signature_algorithm_allowed(algorithm, None, key) and POLICY.digest_algorithm_allowed(digest, None):
        return Indication.TOTAL_PASSED, None
    return Indication.INDETERMINATE, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE: a digest or key that is too weak today"


def _claimed_time(signature: EmbeddedPdfSignature) -> datetime | None:
    """None also for a date that is not one: many programs write them."""
    from pyhanko.pdf_utils.misc import PdfReadError

    try:
        time = signature.self_reported_timestamp
        if time is None:
            return None
        # ISO 32000-1, 7.9.4: without an offset the relation to UTC is unknown; UTC is the best guess.
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (*MALFORMED, PdfReadError):
        return None
