"""Raise the signatures of a PDF to a higher level (EN 319 142-1, 6.3), with what is appended alone.

A signature timestamp goes into the gap of its signature, where there is room and nothing that was signed later covers
it. Otherwise a document timestamp is appended, which serves B-T as well. Validation data get an update of their own in
front of the document timestamp that covers them, as other programs write and expect it.

With a `PdfReading` the file is not parsed: what is done costs what is appended. The file is then the one that was read;
up to 1 MB that is compared, and of a larger one its length.
"""

from __future__ import annotations

import hashlib
import mmap
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from signroom.domain.augmentation import NO_DATA, Augmentation, LaidOutAugmentation, TimestampUse
from signroom.domain.errors import (
    AugmentationImpossible,
    BrokenSignature,
    InvalidPdf,
    NotSigned,
    TimestampTooLarge,
    VerificationFailed,
)
from signroom.domain.pdf_facts import PdfFacts
from signroom.domain.signature import DigestAlgorithm, Indication, PdfLayout, PdfReading, SignatureVerdict
from signroom.formats.pdf.lasting import in_place
from signroom.formats.pdf.lasting.after import facts_after
from signroom.formats.pdf.lasting.store_update import StoreUpdate, build_store_update, check_store_update, grown
from signroom.formats.pdf.names import new_field_name
from signroom.formats.pdf.parsing import only_refusals, require_pdf
from signroom.formats.pdf.reading.opening import open_pdf
from signroom.formats.pdf.signing.own_update import read_update
from signroom.formats.pdf.signing.plan import plan_update
from signroom.formats.pdf.signing.running_hash import NO_STATE, CannotResume, RunningSha256
from signroom.formats.pdf.signing.tail import build_tail
from signroom.formats.pdf.tokens import require_intact
from signroom.formats.pdf.verification import judge
from signroom.ports.files import Augmented, Stored

_CHUNK = 1 << 20
_COMPARED = 1 << 20
"""Bytes of a file that is compared with its reading."""
_PREVIOUS = re.compile(rb"/Prev (\d{1,18})")
_CHANGED = "The file is not the one that was laid out."


def lay_out(file: Path, augmentation: Augmentation, reading: PdfReading | None) -> LaidOutAugmentation:
    """Raises: NotSigned, AugmentationImpossible, a DocumentRejected."""
    if augmentation.use is TimestampUse.SIGNATURE:
        place = in_place.find(file, augmentation)
        if place is not None:
            imprint = _hash(augmentation.digest_algorithm, place.value).digest()
            return LaidOutAugmentation(augmentation, imprint, file.stat().st_size)
        augmentation = replace(augmentation, data=NO_DATA, behind=False)
    facts = reading_of(file, reading).facts
    _require_length(file, facts.length)
    update = build_store_update(facts, augmentation.data, behind=augmentation.behind)
    appended = b"" if update is None else update.appended
    if augmentation.use is None:
        return LaidOutAugmentation(augmentation, None, facts.length, before=appended)
    layout = build_tail(
        facts if update is None else _with_store(facts, update),
        field_name=new_field_name(),
        now=None,
        reserved=2 * augmentation.timestamp_room,
    )
    before = appended + layout.before
    imprint = range_digest(facts, replace(layout, before=before), augmentation.digest_algorithm, file)
    return LaidOutAugmentation(augmentation, imprint, facts.length, before, layout.contents_length, layout.after)


def augment(file: Path, laid_out: LaidOutAugmentation, token: bytes | None, reading: PdfReading | None) -> Augmented:
    """Raises: TimestampTooLarge, VerificationFailed, AugmentationImpossible, a DocumentRejected."""
    _require_length(file, laid_out.file_length)
    use = laid_out.augmentation.use
    if use is not None and token is None:
        raise AugmentationImpossible("There is no timestamp.")
    if use is TimestampUse.SIGNATURE and not laid_out.contents_length:
        in_place.fill(file, laid_out, token or b"")
        stored, state = hashed(file)
        known = None if reading is None else replace(reading, facts=replace(reading.facts, sha256_state=state))
        return Augmented(stored, known)
    known_before = reading_of(file, reading)
    facts = known_before.facts
    if facts.length != laid_out.file_length:
        raise InvalidPdf(_CHANGED)
    _require_same(file, facts, laid_out, is_read=reading is None)
    contents = b""
    if laid_out.contents_length:
        contents = padded(token or b"", laid_out.contents_length)
        require_intact(token or b"", _only(laid_out))
    with _appended(file, laid_out.before + contents + laid_out.after):
        after = _checked(file, facts, laid_out, token)
    running = _resumed(facts.sha256_state, laid_out.before, contents, laid_out.after)
    if running is None:
        stored, state = hashed(file)
    else:
        length = facts.length + len(laid_out.before) + len(contents) + len(laid_out.after)
        stored, state = Stored(length, running.digest()), running.state()
    now = None if after is None else replace(after, sha256_state=state)
    return Augmented(stored, None if now is None else PdfReading(now, known_before.earlier))


def padded(container: bytes, length: int) -> bytes:
    """/Contents with `container`, as long as the gap. Raises: TimestampTooLarge."""
    digits = container.hex().encode()
    if len(digits) > length - 2:
        raise TimestampTooLarge
    return b"<" + digits.ljust(length - 2, b"0") + b">"


def range_digest(facts: PdfFacts, layout: PdfLayout, algorithm: DigestAlgorithm, file: Path) -> bytes:
    """Of the byte range: the file, and the update without the gap."""
    if algorithm is DigestAlgorithm.SHA256:
        running = _resumed(facts.sha256_state, layout.before, layout.after)
        if running is not None:
            return running.digest()
    whole = _hash(algorithm)
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            whole.update(chunk)
    whole.update(layout.before)
    whole.update(layout.after)
    return whole.digest()


def hashed(file: Path) -> tuple[Stored, bytes]:
    """All of `file`, read once, and the state of its running hash."""
    try:
        running = RunningSha256()
    except CannotResume:
        plain = hashlib.sha256()
        length = _feed(file, plain.update)
        return Stored(length, plain.digest()), NO_STATE
    length = _feed(file, running.update)
    return Stored(length, running.digest()), running.state()


def _feed(file: Path, update: Callable[[bytes], None]) -> int:
    length = 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            update(chunk)
            length += len(chunk)
    return length


def _hash(algorithm: DigestAlgorithm, octets: bytes = b"") -> hashlib._Hash:
    return hashlib.new(algorithm.value.lower(), octets)


def _resumed(state: bytes, *parts: bytes) -> RunningSha256 | None:
    """The hash that has this state, and that has then seen the parts; None when it cannot be gone on with."""
    try:
        running = RunningSha256(state)
    except CannotResume:
        return None
    for part in parts:
        running.update(part)
    return running


def reading_of(file: Path, reading: PdfReading | None) -> PdfReading:
    """The plan of an update that nobody sees. Raises: NotSigned, BrokenSignature, a DocumentRejected."""
    if reading is not None and reading.earlier and reading.facts.catalog is not None and not _shows(reading.facts):
        _require_unbroken(reading.earlier)
        return reading
    with file.open("rb") as stream:
        require_pdf(stream)
    with only_refusals(), open_pdf(file) as opened:
        signatures = judge(opened.pdf, opened.buffer).signatures
        if not signatures:
            raise NotSigned
        _require_unbroken(signatures)
        if opened.damage:
            raise InvalidPdf(f"It is signed and damaged ({opened.damage}): mending it would break the signature.")
        facts = plan_update(opened, page_index=0, sha256_state=hashed(file)[1])
    return PdfReading(facts, tuple(replace(one, covers_whole_file=False) for one in signatures))


def _require_unbroken(signatures: Sequence[SignatureVerdict]) -> None:
    """Raises: BrokenSignature."""
    broken = next((one for one in signatures if one.indication is Indication.TOTAL_FAILED), None)
    if broken is not None:
        raise BrokenSignature(f"{broken.field_name}: {broken.reason}")


def _shows(facts: PdfFacts) -> bool:
    """The plan is that of a signature that is seen, or of one in a field or on a page that is made for it."""
    return facts.site is not None or facts.fills is not None or facts.added_page is not None


def _with_store(facts: PdfFacts, update: StoreUpdate) -> PdfFacts:
    """The facts of the file with validation data. Raises: AugmentationImpossible."""
    running = _resumed(facts.sha256_state, update.appended)
    state = NO_STATE if running is None else running.state()
    length = facts.length + len(update.appended)
    found = facts_after(facts, update.update, length=length, state=state, store=update.store)
    if found is None:
        raise AugmentationImpossible("Its form cannot be read.")
    return found


def _require_length(file: Path, length: int) -> None:
    if file.stat().st_size != length:
        raise InvalidPdf(_CHANGED)


def _require_same(file: Path, facts: PdfFacts, laid_out: LaidOutAugmentation, *, is_read: bool) -> None:
    """The file is the one whose imprint was stamped. Raises: InvalidPdf."""
    if laid_out.imprint is not None:
        layout = PdfLayout(laid_out.before, laid_out.contents_length, laid_out.after)
        algorithm = laid_out.augmentation.digest_algorithm
        if range_digest(facts, layout, algorithm, file) != laid_out.imprint:
            raise InvalidPdf(_CHANGED)
    if not is_read and facts.length <= _COMPARED:
        running = _resumed(facts.sha256_state)
        if running is not None and running.digest() != hashlib.sha256(file.read_bytes()).digest():
            raise InvalidPdf(_CHANGED)


def _only(laid_out: LaidOutAugmentation) -> Callable[[str], bytes | None]:
    name = laid_out.augmentation.digest_algorithm.value.lower()
    return lambda asked: laid_out.imprint if asked == name else None


@contextmanager
def _appended(file: Path, update: bytes) -> Iterator[None]:
    """`file` with `update`; as it was when the block fails."""
    length = file.stat().st_size
    try:
        with file.open("ab") as target:
            target.write(update)
        yield
    except BaseException:
        with file.open("r+b") as target:
            target.truncate(length)
        raise


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where the updates of one step end, in bytes of the file."""

    store: int
    """Of the validation data; the old end of the file where there are none."""
    file: int


def _checked(file: Path, facts: PdfFacts, laid_out: LaidOutAugmentation, token: bytes | None) -> PdfFacts | None:
    """Read back what was written. The facts as they are then, but for the hash. Raises: VerificationFailed."""
    ends = _ends(laid_out)
    after: PdfFacts | None = facts
    if ends.store > facts.length:
        with _mapped(file, ends.store) as buffer:
            update = check_store_update(buffer, facts, laid_out.augmentation.data, behind=laid_out.augmentation.behind)
        store = grown(facts, laid_out.augmentation.data, update, behind=laid_out.augmentation.behind)
        after = facts_after(facts, update, length=ends.store, state=facts.sha256_state, store=store)
    if not laid_out.contents_length:
        return after
    if after is None:
        raise VerificationFailed("The update that was written cannot be followed.")
    with _mapped(file, ends.file) as buffer:
        stamp, gap = read_update(buffer, after, timestamp=True)
        contents = bytes.fromhex(buffer[gap.start + 1 : gap.end - 1].decode("ascii"))
    is_there = gap.start == laid_out.file_length + len(laid_out.before) and contents.rstrip(b"\0") == (
        token or b""
    ).rstrip(b"\0")
    if not is_there:
        raise VerificationFailed("The timestamp is not where it was to be.")
    return facts_after(after, stamp, length=ends.file, state=after.sha256_state, store=after.store)


def _ends(laid_out: LaidOutAugmentation) -> _Ends:
    """Raises: VerificationFailed."""
    length = laid_out.file_length
    end = length + len(laid_out.before) + laid_out.contents_length + len(laid_out.after)
    if not laid_out.contents_length:
        return _Ends(end, end)
    found = _PREVIOUS.search(laid_out.after)
    section = int(found[1]) if found else 0
    if section < length:
        return _Ends(length, end)
    mark = b"startxref\n%d\n%%%%EOF\n" % section
    at = laid_out.before.find(mark, section - length)
    if at < 0:
        raise VerificationFailed("The update that was written cannot be followed.")
    return _Ends(length + at + len(mark), end)


@contextmanager
def _mapped(file: Path, length: int) -> Iterator[mmap.mmap]:
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), length, access=mmap.ACCESS_READ) as buffer:
        yield buffer
