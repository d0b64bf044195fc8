"""Files and what is done with them: blobs, signature formats, pictures, file-name patterns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from signroom.domain.application import ApplicationCaller, Caller
from signroom.domain.augmentation import Augmentation, FileLevels, LaidOutAugmentation
from signroom.domain.branding import Logo
from signroom.domain.document import Document, StoredFile
from signroom.domain.examination import Examination
from signroom.domain.session import Session
from signroom.domain.signature import (
    NO_OPTIONS,
    CheckedValue,
    ClaimedValue,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    OptionsByType,
    PdfReading,
    Prepared,
    SignatureType,
    SigningOptions,
    TrustedChain,
    Verdict,
    XmlOptions,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a streamed upload came to. ``length`` in bytes; ``sha256`` raw."""

    length: int
    sha256: bytes


def content_of(file: StoredFile) -> Stored:
    """What `file` must still be when it is read."""
    return Stored(file.length, file.sha256)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed file that was written, and the verdict on it."""

    stored: Stored
    verdict: Verdict
    reading: PdfReading | None = None
    """Of the PDF as it is now, so that what is appended next need not read it; None: somebody has to read it."""


@dataclass(frozen=True, slots=True)
class Augmented:
    """A signed file that got validation data or a timestamp."""

    stored: Stored
    reading: PdfReading | None = None
    """As in `Signed`."""


SMALL = 1 << 20
"""Bytes of a file that is looked at together with others."""


@dataclass(frozen=True, slots=True)
class ToInspect:
    """What `Formats.inspect` needs of one document."""

    file: Path
    wanted: SignatureType | None = None
    options: OptionsByType = NO_OPTIONS
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class ToPrepare:
    """What `Formats.prepare` needs of one document."""

    file: Path | None
    options: SigningOptions
    data: Path | None = None
    reading: PdfReading | None = None
    timestamp_room: int = 0


@dataclass(frozen=True, slots=True)
class ToSign:
    """What `Formats.sign` needs of one document."""

    original: Path
    prepared: Prepared
    checked: CheckedValue
    output: Path
    content: Path | None = None
    reading: PdfReading | None = None


class FileNeeded(Exception):
    """What was read at upload is not enough on this machine: the file itself is needed."""


class Blobs(Protocol):
    """Immutable files under keys: a second write of a key brings the same bytes again."""

    async def write_stream(self, key: str, chunks: AsyncIterator[bytes], *, limit: int, durable: bool = True) -> Stored:
        """Store `chunks` as they come, hashing on the way; durable when this returns.

        Without `durable` it is so only after `keep`: for a file that may be refused.

        Raises: FileTooLarge past `limit` bytes (nothing stays behind), StorageUnavailable.
        """

    def keep(self, *keys: str) -> None:
        """Make blobs durable that were written without being so, all at once. Raises: StorageUnavailable."""

    def write_file(self, key: str, file: Path) -> None:
        """Store a finished file, durable when this returns. `file` may be moved away. Raises: StorageUnavailable."""

    def write_files(self, files: Mapping[str, Path]) -> None:
        """`write_file` for files by their keys. What they have in common is flushed once."""

    def read_stream(self, key: str, expected: Stored | None) -> AsyncIterator[bytes]:
        """The blob in chunks, compared with what is `expected`: never all of a blob that has changed.

        At most 1 MB is compared before the first chunk. Of a larger blob the last chunk is held back until all was
        compared. None as `expected` compares nothing: for blobs whose digest somebody else compares.

        Raises: BlobNotFound at the first chunk, FileChanged, StorageUnavailable.
        """

    def as_file(self, key: str, expected: Stored | None) -> AbstractContextManager[Path]:
        """The blob as a local file, for reading only, compared with what is `expected` before it is handed out.

        Raises: BlobNotFound, FileChanged, StorageUnavailable.
        """

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder for files on their way into the store, on the same disk where there is one; emptied afterwards."""

    def answers(self) -> bool:
        """True when the store can be reached and written to; asks it without writing."""

    def beginning_with(self, *beginnings: str) -> list[str]:
        """The keys of all blobs whose keys begin with one of these. What follows the last slash of it is the beginning
        of a name: what lies in folders of that name is left out.

        Ask for many at once: a local disk then reads each folder once. A folder with 40,000 names takes some 0.1 s.

        On a local disk half a file is among them, too: one that is being written, or whose process was killed.

        Raises: StorageUnavailable.
        """

    def delete(self, key: str) -> None:
        """Forget a blob; quiet when there is none. The writing of a file fails when its half is deleted.

        Raises: StorageUnavailable.
        """


MAX_PAGE_TEXT = 50_000
MAX_SIZES = 5_000
"""Of a file with so many changes of the page size, the pages after them count as being as large as the last one."""


@dataclass(frozen=True, slots=True)
class PagesOfASize:
    """So many pages that follow each other have this size, in points as a reader shows them (rotated, cropped)."""

    count: int
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Area:
    """Where words are on a page: parts of its width and height from its upper left corner, each from 0 to 1."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Words that were found. ``page`` counts from 0; ``areas`` has one entry for each line that they are on."""

    page: int
    areas: tuple[Area, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """What one call of a search has found. ``next_page``: where the next call goes on; None: all was searched."""

    found: tuple[Occurrence, ...]
    next_page: int | None


@dataclass(frozen=True, slots=True)
class Turn:
    """For whom something is done in the limited processes: whoever asks for much waits behind their own tasks."""

    subscription_id: UUID
    application_id: UUID | None = None
    """None: the operator."""
    session_id: UUID | None = None
    """None: the application itself."""

    @classmethod
    def of_caller(cls, caller: Caller, session_id: UUID | None = None) -> Turn:
        application = caller.application.id if isinstance(caller, ApplicationCaller) else None
        return cls(caller.subscription_id, application, session_id)

    @classmethod
    def of_session(cls, session: Session) -> Turn:
        return cls(session.subscription_id, session.application_id, session.id)

    @classmethod
    def of_document(cls, document: Document) -> Turn:
        return cls(document.subscription_id, document.application_id, document.session_id)


class Sandbox(Protocol):
    """Limited processes, shared by all. Nobody's tasks delay another's for long."""

    def of(self, turn: Turn) -> Formats:
        """The formats, for what is done for `turn`: `ports.formats.of(Turn.of_document(document)).preview(...)`."""


class Formats(Protocol):
    """Bytes -> prepared -> signed. No network, no key. Runs off the event loop, in limited processes.

    Waiting for a process holds no thread. A task that waits is dropped when its caller is cancelled.

    Each method raises ProcessingUnavailable when the processes are exhausted or restarting, QueueFull when too much
    waits for them, ShareUsed when too much of the same session or application waits, and StorageUnavailable when a
    file cannot be read or written. ``data`` is the content of a detached CMS object that is signed once more.
    """

    def require_place(self) -> None:
        """Say now already that a file would not be looked at, before it is taken in. Raises: QueueFull, ShareUsed."""

    async def inspect(
        self,
        file: Path,
        wanted: SignatureType | None = None,
        options: OptionsByType = NO_OPTIONS,
        data: Path | None = None,
    ) -> Inspection:
        """Say what `file` is and what stands in the way of signing it as `wanted`.

        None: PDF for a PDF, else CMS. Raises: a DocumentRejected.
        """

    async def inspect_all(self, documents: Sequence[ToInspect]) -> tuple[Inspection | None, ...]:
        """`inspect` for some documents of at most `SMALL` bytes together, in their order.

        None for each that did not pass, and where all together take long: to inspect it alone says why. Raises:
        Unavailable.
        """

    async def prepare(
        self,
        file: Path | None,
        options: SigningOptions,
        trusted: TrustedChain,
        *,
        algorithm: DigestAlgorithm,
        now: datetime,
        data: Path | None = None,
        reading: PdfReading | None = None,
        timestamp_room: int = 0,
    ) -> Prepared:
        """Lay out one signature and return the bytes to be signed. Its type is that of the `options`.

        A PDF with a `reading` is not opened: None will do for `file`. `timestamp_room`: bytes that are kept free for a
        signature timestamp, where its room must be known before (PDF).

        Raises: a DocumentRejected, BadCertificate, FileNeeded when `file` is None and something of it is needed.
        """

    async def prepare_all(
        self, documents: Sequence[ToPrepare], trusted: TrustedChain, *, algorithm: DigestAlgorithm, now: datetime
    ) -> tuple[Prepared | None, ...]:
        """`prepare` for small documents together, in their order.

        None for each that was not prepared, whatever the reason: to prepare it alone says why.
        """

    def prepare_few(
        self, documents: Sequence[ToPrepare], trusted: TrustedChain, *, algorithm: DigestAlgorithm, now: datetime
    ) -> tuple[Prepared, ...] | None:
        """`prepare` on the caller's thread, for up to four PDFs with a small `reading` and nothing to be drawn.

        No file is opened, and each takes less than a millisecond. None for all others, and where something is wrong:
        ask `prepare`. The certificates were read by `Trust.read` before.
        """

    async def canonical(self, file: Path, options: XmlOptions) -> bytes:
        """The octets of an XML document whose digest is signed. Raises: a DocumentRejected."""

    async def check_values(self, values: Sequence[ClaimedValue]) -> tuple[CheckedValue, ...]:
        """Verify each value over its bytes with its certificate, in the order of `values`.

        ECDSA values may come as r||s (IEEE P1363) or DER. Raises: SignatureRejected.
        """

    def check_few(self, values: Sequence[ClaimedValue]) -> tuple[CheckedValue, ...] | None:
        """The same on the caller's thread, for up to four of usual size: all take less than three milliseconds.

        None when they are more, or unusual: ask `check_values`. Their certificates were read by `Trust.read` before.
        Raises: SignatureRejected.
        """

    async def sign(
        self,
        original: Path,
        prepared: Prepared,
        checked: CheckedValue,
        output: Path,
        *,
        content: Path | None = None,
        reading: PdfReading | None = None,
        timestamp: bytes | None = None,
    ) -> Signed:
        """Write the signed file to `output`, and judge what was written.

        A PDF with a `reading` is judged by what must have stayed since then, everything else like a stranger's file.
        `content` is the content of a detached CMS object. `timestamp` is a token (DER) for the `signature_imprint`:
        with it the file is of level B-T.

        Raises: DocumentRejected when `original` is not what was prepared, VerificationFailed; TimestampTooLarge when
        the room that was prepared does not hold the token.
        """

    async def sign_all(self, documents: Sequence[ToSign]) -> tuple[Signed | None, ...]:
        """`sign` for small documents together, in their order, without timestamps.

        None for each whose file was not written and judged, whatever the reason: to sign it alone says why.
        """

    async def signature_imprint(self, prepared: Prepared, checked: CheckedValue, algorithm: DigestAlgorithm) -> bytes:
        """The digest that a signature timestamp is about, before the signed file is written.

        PDF and CMS: of the signature value (EN 319 122-1, 5.3). XML: of the canonical ds:SignatureValue
        (EN 319 132-1, 5.3).
        """

    async def read_levels(self, file: Path, kind: SignatureType, data: Path | None = None) -> FileLevels:
        """How far each signature of `file` has come. Raises: NotSigned, a DocumentRejected."""

    async def lay_out_augmentation(
        self,
        file: Path,
        kind: SignatureType,
        augmentation: Augmentation,
        *,
        now: datetime,
        data: Path | None = None,
        reading: PdfReading | None = None,
    ) -> LaidOutAugmentation:
        """Lay out one step to a higher level, and say what the authority is to stamp. `file` is not changed.

        A PDF with a `reading` is not parsed. `now` is the claimed time of a document timestamp's dictionary.

        Raises: NotSigned, AugmentationImpossible, a DocumentRejected.
        """

    async def augment(
        self,
        file: Path,
        kind: SignatureType,
        laid_out: LaidOutAugmentation,
        *,
        token: bytes | None = None,
        data: Path | None = None,
        reading: PdfReading | None = None,
    ) -> Augmented:
        """Do the step: `file` itself is changed, a scratch file of the caller's. The result is checked.

        Of a PDF every byte stays but for the gap of a signature that gets its timestamp. A step that fails leaves the
        file as it was.

        Raises: TimestampTooLarge, VerificationFailed, AugmentationImpossible, a DocumentRejected.
        """

    async def examine(
        self,
        file: Path,
        data: Path | None = None,
        data_hashes: tuple[DigestValue, ...] = (),
        extract_to: Path | None = None,
    ) -> Examination:
        """Take a signed file of any type apart, for inspection; encapsulated content goes to `extract_to`.

        Raises: NotSigned, a DocumentRejected.
        """

    async def preview(self, file: Path, page: int, width: int) -> bytes:
        """A picture (PNG or JPEG) of a page of a PDF, counted from 0, `width` pixels wide or less.

        Raises: PreviewNotAvailable.
        """

    async def page_sizes(self, file: Path) -> tuple[PagesOfASize, ...]:
        """The sizes of all pages of a PDF, in their order. Raises: PreviewNotAvailable."""

    async def find_words(self, file: Path, words: str, first_page: int) -> Search:
        """Look for `words` from `first_page` (from 0) on, upper and lower case alike, for about a second.

        Raises: PreviewNotAvailable.
        """

    async def page_text(self, file: Path, page: int) -> str:
        """The words of a page of a PDF, counted from 0, at most `MAX_PAGE_TEXT` characters.

        Raises: PreviewNotAvailable.
        """


class Cache(Protocol):
    """What can be made again, kept for a while in a bounded room. Safe to call from threads."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes, turn: Turn) -> None:
        """Keep it for a minute. Older values are forgotten for it, first those of whoever holds most of the room.

        A value that is larger than the room is not kept.
        """

    def forget(self, beginning: str) -> None:
        """Forget all values whose keys begin so."""


class Pictures(Protocol):
    """Strangers' pictures, decoded where they can do no harm."""

    async def read_logo(self, turn: Turn, content: bytes) -> Logo:
        """What kind of picture `content` is: a PNG, JPEG or WebP that can be shown.

        Raises: BadLogo, ProcessingUnavailable, QueueFull, ShareUsed.
        """


class NamePatterns(Protocol):
    """Regular expressions that managers write, in time that grows with the name only."""

    def require_valid(self, pattern: str) -> None:
        """Raises: BadFileNamePattern, with what is wrong and where."""

    def matches(self, pattern: str, name: str) -> bool:
        """True when `pattern` matches all of `name`. Raises: BadFileNamePattern."""
