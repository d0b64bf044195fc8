"""Judge the signatures of a PDF like a stranger's: nothing is known of how the file was made.

Integrity only: byte range, digest, signed attributes, value, and whether later changes were allowed (ISO 32000-1,
12.8.2; EN 319 102-1). Whom to trust is `trust`'s affair. Nothing is fetched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from signroom.domain.signature import Indication, SignatureVerdict, Verdict
from signroom.formats.parsing import only_refusals, open_reader, require_pdf

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

# pyHanko's difference analysis costs about 0.2 ms an object and looks at all of them.
_MAX_OBJECTS_TO_COMPARE = 25_000


def verify(file: Path) -> Verdict:
    """All signatures of `file`, in the order they were made. Raises: a DocumentRejected when it cannot be read."""
    with file.open("rb") as stream:
        require_pdf(stream)
        with only_refusals():
            return judge(open_reader(stream))


def judge(reader: PdfFileReader) -> Verdict:
    """The verdict on an open file. To be used inside `only_refusals`."""
    compare = int(reader.trailer["/Size"]) <= _MAX_OBJECTS_TO_COMPARE
    return Verdict(tuple(_judge(s, compare=compare) for s in reader.embedded_regular_signatures))


def _judge(signature: EmbeddedPdfSignature, *, compare: bool) -> SignatureVerdict:
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    indication, reason = _indication(signature, compare=compare)
    return SignatureVerdict(
        field_name=str(signature.field_name),
        indication=indication,
        reason=reason,
        certificate=signature.signer_cert.dump(),
        signed_at=_utc(signature.self_reported_timestamp),
        covers_whole_file=signature.coverage == SignatureCoverageLevel.ENTIRE_FILE,
    )


def _indication(signature: EmbeddedPdfSignature, *, compare: bool) -> tuple[Indication, str | None]:
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    try:
        signature.compute_integrity_info(skip_diff=not compare)
        intact, valid = validate_sig_integrity(
            signature.signer_info, signature.signer_cert, "data", signature.compute_digest()
        )
    except (SignatureValidationError, SigningError, ValueError) as error:
        return Indication.TOTAL_FAILED, f"FORMAT_FAILURE ({type(error).__name__})"
    if not (intact and valid):
        return Indication.TOTAL_FAILED, "SIG_CRYPTO_FAILURE" if intact else "HASH_FAILURE"
    if signature.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return Indication.TOTAL_FAILED, "the signature does not cover its whole revision"
    allowed = signature.summarise_integrity_info()["docmdp_ok"]
    match allowed:
        case None:
            return Indication.INDETERMINATE, "too many objects to compare the later changes"
        case False:
            return Indication.TOTAL_FAILED, "the file was changed after this signature in a way that it does not allow"
        case _:
            return Indication.TOTAL_PASSED, None


def _utc(time: datetime | None) -> datetime | None:
    if time is None:
        return None
    # ISO 32000-1, 7.9.4: without an offset the relation to UTC is unknown; UTC is the best guess.
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
