"""A signature timestamp in the gap of a signature that is in a file (EN 319 142-1, 6.3; EN 319 122-1, 5.3).

Nothing that is signed changes: /Contents is what the byte range leaves out. Where another signature or a document
timestamp covers the gap, it must stay.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from signroom.domain.augmentation import Augmentation, LaidOutAugmentation, TimestampUse
from signroom.domain.errors import BrokenSignature, InvalidPdf, NotSigned, TimestampTooLarge, VerificationFailed
from signroom.domain.signature import Indication
from signroom.formats.cms.signed_data import with_signature_timestamp
from signroom.formats.pdf.earlier.window import mapped, opened
from signroom.formats.pdf.lasting.levels import read_levels, signed_value
from signroom.formats.pdf.parsing import only_refusals, require_pdf
from signroom.formats.pdf.tokens import require_intact
from signroom.formats.pdf.verification import JudgedSignature, judge_all

_CAN_BE_RAISED = {"/ETSI.CAdES.detached", "/adbe.pkcs7.detached"}


@dataclass(frozen=True, slots=True)
class GapWithRoom:
    """Where a token can go."""

    value: bytes
    """The signature's."""
    container: bytes
    """Its CMS object, without padding."""
    start: int
    """Of /Contents, in bytes of the file, delimiters included."""
    end: int

    @property
    def longest(self) -> int:
        """Bytes of a CMS object that fits."""
        return (self.end - self.start - 2) // 2


def find(file: Path, augmentation: Augmentation) -> GapWithRoom | None:
    """The gap of the signature that the step is about. None when it must stay, or has no room for the token.

    Raises: NotSigned, BrokenSignature, a DocumentRejected.
    """
    with file.open("rb") as stream:
        require_pdf(stream)
    with only_refusals(), mapped(file) as buffer, opened(buffer) as pdf:
        judged = judge_all(pdf, buffer)
    signatures = [one for one in judged if not one.signature.is_timestamp]
    if not signatures:
        raise NotSigned
    broken = next((one.verdict for one in signatures if one.verdict.indication is Indication.TOTAL_FAILED), None)
    if broken is not None:
        raise BrokenSignature(f"{broken.field_name}: {broken.reason}")
    wanted = augmentation.signature_value
    meant = [one for one in signatures if wanted is None or signed_value(one.signature.contents) == wanted]
    if wanted is not None and not meant:
        raise NotSigned("It has no such signature.")
    return _gap(meant[0], judged, augmentation.timestamp_room) if len(meant) == 1 else None


def fill(file: Path, laid_out: LaidOutAugmentation, token: bytes) -> None:
    """Write the token into its gap, and check it there. `file` is as it was when that fails.

    Raises: TimestampTooLarge, VerificationFailed, InvalidPdf when the file is not the one that was laid out.
    """
    place = find(file, laid_out.augmentation)
    algorithm = laid_out.augmentation.digest_algorithm.value.lower()
    if place is None or hashlib.new(algorithm, place.value).digest() != laid_out.imprint:
        raise InvalidPdf("The file is not the one that was laid out.")
    require_intact(token, lambda name: laid_out.imprint if name == algorithm else None)
    container = with_signature_timestamp(place.container, token)
    if len(container) > place.longest:
        raise TimestampTooLarge
    old = place.container.hex().encode().ljust(place.end - place.start - 2, b"0")
    new = container.hex().encode().ljust(place.end - place.start - 2, b"0")
    try:
        _write(file, place.start + 1, new)
        _require_there(file, place.value, token)
    except BaseException:
        _write(file, place.start + 1, old)
        raise


def _gap(meant: JudgedSignature, judged: list[JudgedSignature], room: int) -> GapWithRoom | None:
    signature = meant.signature
    signed = signature.signed
    if signed is None or signature.subfilter not in _CAN_BE_RAISED or signed.start:
        return None
    # Others that may have signed what is in the gap now.
    others = [one.signature for one in judged if one is not meant]
    if any(one.signed is None or one.end > signed.gap for one in others):
        return None
    container = _container(signature.contents)
    value = signed_value(signature.contents)
    if container is None or value is None:
        return None
    gap = GapWithRoom(value, container, signed.gap, signed.behind_gap)
    try:
        return gap if len(with_signature_timestamp(container, bytes(room))) <= gap.longest else None
    except (ValueError, IndexError):
        return None


def _container(contents: bytes) -> bytes | None:
    """Without the padding; None when it does not begin with a definite length (X.690, 8.1.3)."""
    more = contents[1] & 0x7F if len(contents) > 1 and contents[1] & 0x80 else 0
    if len(contents) < 2 or contents[1] == 0x80:
        return None
    length = int.from_bytes(contents[2 : 2 + more], "big") if more else contents[1]
    end = 2 + more + length
    return contents[:end] if end <= len(contents) and not contents[end:].strip(b"\0") else None


def _write(file: Path, at: int, digits: bytes) -> None:
    with file.open("r+b") as target:
        target.seek(at)
        target.write(digits)


def _require_there(file: Path, value: bytes, token: bytes) -> None:
    """The signature has the timestamp, and all are intact. Raises: VerificationFailed, a DocumentRejected."""
    found = next((one for one in read_levels(file).signatures if one.value == value), None)
    stamps = [] if found is None else [one for one in found.timestamps if one.use is TimestampUse.SIGNATURE]
    if not stamps or not stamps[-1].intact:
        raise VerificationFailed("The timestamp is not in the signature.")
    with only_refusals(), mapped(file) as buffer, opened(buffer) as pdf:
        judged = judge_all(pdf, buffer)
        is_written = buffer.find(token.hex().encode()) >= 0
    if not is_written or any(one.verdict.indication is Indication.TOTAL_FAILED for one in judged):
        raise VerificationFailed("A signature is broken by the timestamp.")
