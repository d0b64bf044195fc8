"""The ``Sandbox`` and ``Pictures`` ports on a pool of spawned, limited processes.

Parsing hostile files and hashing large ones must neither stop the event loop nor take the service down. A crew ends
the one worker whose task takes too long or dies, and only that task fails; the standard library's pool would be broken
as a whole (``docs/decisions/0077-a-crew-of-our-own.md``). Who waits, and for how long, is in
``docs/decisions/0027-a-fair-queue.md``.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from signroom.domain.augmentation import Augmentation, FileLevels, LaidOutAugmentation
from signroom.domain.branding import Logo
from signroom.domain.errors import (
    BadLogo,
    CmsTooComplex,
    DocumentRejected,
    PdfTooComplex,
    PreviewNotAvailable,
    ProcessingUnavailable,
    SignatureRejected,
    StorageUnavailable,
    XmlTooComplex,
)
from signroom.domain.examination import Examination
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
    XmlOptions,
)
from signroom.formats import catalogue
from signroom.ports.files import (
    SMALL,
    Augmented,
    PagesOfASize,
    Search,
    Signed,
    ToInspect,
    ToPrepare,
    ToSign,
    Turn,
)
from signroom.ports.operations import Measured, Timed
from signroom.sandbox.crew import WorkerDied
from signroom.sandbox.processes import Deadline, Processes
from signroom.sandbox.queue import Bounds, Kind
from signroom.sandbox.worker import Within

P = ParamSpec("P")
R = TypeVar("R")

_SHOW = Deadline(wall=5, processor=4)
"""For one page that somebody looks at."""
_LOOK = Deadline(wall=20, processor=2)
"""For looking at a file, beyond reading it once."""
_COMPARE = Deadline(wall=20, processor=2)
"""For drawing the pages that a signature might change."""
_AT_ONCE = Deadline(wall=20, processor=0.5)
"""For both of a small file, which takes some milliseconds. Then it is done step by step."""
_TOGETHER = Deadline(wall=20, processor=1)
"""The same for some small files. Who is left after `_TOGETHER_SECONDS` of the processor is looked at alone."""
_TOGETHER_SECONDS = 0.3
_LAY_OUT = Deadline(wall=20, processor=15)
"""For preparing a signature, and for what belongs to it: canonical octets, checking values."""
_EMBED = Deadline(wall=60, processor=30)
"""For writing the signed file and checking it: a pass over the whole file and more."""
_TAKE_APART = Deadline(wall=20, processor=15)
"""For a stranger's signed file."""
_PICTURE = Deadline(wall=5, processor=2)
_READ_IN_A_SECOND = {SignatureType.PDF: 50 << 20, SignatureType.CMS: 50 << 20, SignatureType.XML: 25 << 20}
"""Bytes that are read in a second of processor time: XML is parsed and written in its canonical form."""


class PooledFormats:
    """The processes of this service. What is done for somebody goes through `of`."""

    def __init__(
        self,
        workers: int,
        timed: Timed = lambda kind, name, **about: nullcontext(),  # noqa: ARG005
        refused: Callable[[str], None] = lambda kind: None,  # noqa: ARG005
        bounds: Bounds | None = None,
    ) -> None:
        """`timed` is of a `Meter`: it times each task, and its wait for a worker. `refused` gets the kind of a task
        that found no place. `bounds` are for tests.
        """
        self._timed = timed
        self._processes = Processes(workers, lambda kind: refused(kind.label), bounds)

    def warm_up(self) -> None:
        """Start the workers, without waiting; each loads the libraries first."""
        self._processes.warm_up()

    def close(self) -> None:
        """End the workers. Calls that are under way raise ProcessingUnavailable."""
        self._processes.close()

    def of(self, turn: Turn) -> FormatsOfTurn:
        return FormatsOfTurn(self._processes, self._timed, turn)

    async def read_logo(self, turn: Turn, content: bytes) -> Logo:
        """The ``Pictures`` port."""
        from signroom.formats.logo import read_logo

        try:
            return await self.of(turn).run(Kind.INSPECTION, _PICTURE, read_logo, content)
        except (_WorkerDied, _TookTooLong) as error:
            raise BadLogo("It cannot be read.") from error

    def tasks(self) -> Iterable[Measured]:
        """How much there is to do: numbers for a `Meter`."""
        return self._processes.measured()

    def standstill(self) -> str | None:
        """Why the queue does not move; None when it does."""
        oldest = self._processes.standstill()
        return None if oldest is None else f"nothing moves; the oldest task is there for {oldest:.0f} s"


class FormatsOfTurn:
    """The ``Formats`` port for one turn. Each call waits for a worker, without a thread."""

    def __init__(self, processes: Processes, timed: Timed, turn: Turn) -> None:
        self._processes, self._timed, self._turn = processes, timed, turn

    def require_place(self) -> None:
        self._processes.require_place(self._turn, Kind.INSPECTION)

    async def inspect(
        self,
        file: Path,
        wanted: SignatureType | None = None,
        options: OptionsByType = NO_OPTIONS,
        data: Path | None = None,
    ) -> Inspection:
        of = wanted or _kind_of(file, catalogue.sniff)
        if _octets(file, data) <= SMALL:
            # What ended the worker is not known then: reading it, or drawing its pages. So it is done step by step.
            with suppress(_WorkerDied, _TookTooLong):
                at_once = catalogue.inspect_and_compare
                return await self.run(Kind.INSPECTION, _AT_ONCE, at_once, file, wanted, options, data)
        deadline = _for_size(_LOOK, of, file, data)
        inspection = await self._read(of, Kind.INSPECTION, deadline, catalogue.inspect, file, wanted, options, data)
        if inspection.reading is not None:
            # A page that takes too much to draw is no reason to refuse: `catalogue.sign` compares the objects anyway.
            with suppress(_WorkerDied, _TookTooLong):
                compare = catalogue.compare_pages
                await self.run(Kind.INSPECTION, _COMPARE, compare, file, inspection.reading, inspection.pages)
        return inspection

    async def inspect_all(self, documents: Sequence[ToInspect]) -> tuple[Inspection | None, ...]:
        # Who died, or took too long, shows when each is inspected alone.
        with suppress(_WorkerDied, _TookTooLong):
            return await self.run(
                Kind.INSPECTION, _TOGETHER, catalogue.inspect_all, tuple(documents), _TOGETHER_SECONDS
            )
        return (None,) * len(documents)

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
        # A file that ends its worker each time must not keep the other documents of its session from being signed.
        of = options.signature_type
        return await self._read(
            of,
            Kind.SIGNING,
            _for_size(_LAY_OUT, of, file, data),
            catalogue.prepare,
            file,
            options,
            trusted,
            algorithm=algorithm,
            now=now,
            data=data,
            reading=reading,
            timestamp_room=timestamp_room,
        )

    async def prepare_all(
        self, documents: Sequence[ToPrepare], trusted: TrustedChain, *, algorithm: DigestAlgorithm, now: datetime
    ) -> tuple[Prepared | None, ...]:
        deadline = _for_sizes(_LAY_OUT, [(one.options.signature_type, (one.file, one.data)) for one in documents])
        function = catalogue.prepare_all
        try:
            return await self.run(Kind.SIGNING, deadline, function, documents, trusted, algorithm=algorithm, now=now)
        except (_WorkerDied, _TookTooLong):  # whose fault it is shows when each is prepared alone
            return (None,) * len(documents)

    def prepare_few(
        self, documents: Sequence[ToPrepare], trusted: TrustedChain, *, algorithm: DigestAlgorithm, now: datetime
    ) -> tuple[Prepared, ...] | None:
        with self._timed("format", "prepare"):
            return catalogue.prepare_few(documents, trusted, algorithm=algorithm, now=now)

    async def canonical(self, file: Path, options: XmlOptions) -> bytes:
        deadline = _for_size(_LAY_OUT, SignatureType.XML, file)
        return await self._read(SignatureType.XML, Kind.SIGNING, deadline, catalogue.canonical, file, options)

    async def check_values(self, values: Sequence[ClaimedValue]) -> tuple[CheckedValue, ...]:
        from signroom.formats.values import check_values

        try:
            return await self.run(Kind.SIGNING, _LAY_OUT, check_values, values)
        except _ComputedTooLong as error:
            raise SignatureRejected("Checking the values takes too much.") from error

    def check_few(self, values: Sequence[ClaimedValue]) -> tuple[CheckedValue, ...] | None:
        from signroom.formats.values import check_few

        with self._timed("format", "check_values"):
            return check_few(values)

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
        of = prepared.signature_type
        try:
            return await self.run(
                Kind.SIGNING,
                _for_size(_EMBED, of, original, content),
                catalogue.sign,
                original,
                prepared,
                checked,
                output,
                content=content,
                reading=reading,
                timestamp=timestamp,
            )
        except _ComputedTooLong as error:
            raise _TOO_COMPLEX[of] from error

    async def sign_all(self, documents: Sequence[ToSign]) -> tuple[Signed | None, ...]:
        read = [(one.prepared.signature_type, (one.original, one.content)) for one in documents]
        try:
            return await self.run(Kind.SIGNING, _for_sizes(_EMBED, read), catalogue.sign_all, documents)
        except (_WorkerDied, _TookTooLong):  # whose fault it is shows when each is signed alone
            return (None,) * len(documents)

    async def signature_imprint(self, prepared: Prepared, checked: CheckedValue, algorithm: DigestAlgorithm) -> bytes:
        return await self.run(Kind.SIGNING, _LAY_OUT, catalogue.signature_imprint, prepared, checked, algorithm)

    async def read_levels(self, file: Path, kind: SignatureType, data: Path | None = None) -> FileLevels:
        deadline = _for_size(_TAKE_APART, kind, file, data)
        return await self._read(kind, Kind.SIGNING, deadline, catalogue.read_levels, file, kind, data)

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
        return await self._read(
            kind,
            Kind.SIGNING,
            _for_size(_LAY_OUT, kind, file, data),
            catalogue.lay_out_augmentation,
            file,
            kind,
            augmentation,
            now=now,
            data=data,
            reading=reading,
        )

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
        try:
            return await self.run(
                Kind.SIGNING,
                _for_size(_EMBED, kind, file, data),
                catalogue.augment,
                file,
                kind,
                laid_out,
                token=token,
                data=data,
                reading=reading,
            )
        except _ComputedTooLong as error:
            raise _TOO_COMPLEX[kind] from error

    async def examine(
        self,
        file: Path,
        data: Path | None = None,
        data_hashes: tuple[DigestValue, ...] = (),
        extract_to: Path | None = None,
    ) -> Examination:
        of = _kind_of(file, catalogue.signed_kind)
        deadline = _for_size(_TAKE_APART, of, file, data)
        try:
            return await self.run(Kind.INSPECTION, deadline, catalogue.examine, file, data, data_hashes, extract_to)
        except (_WorkerDied, _TookTooLong) as error:
            raise _TOO_COMPLEX[of] from error

    async def preview(self, file: Path, page: int, width: int) -> bytes:
        from signroom.formats.pdf.preview import render

        return await self._show(render, file, page, width)

    async def page_sizes(self, file: Path) -> tuple[PagesOfASize, ...]:
        from signroom.formats.pdf.preview import page_sizes

        return await self._show(page_sizes, file)

    async def find_words(self, file: Path, words: str, first_page: int) -> Search:
        from signroom.formats.pdf.preview import find_words

        return await self._show(find_words, file, words, first_page)

    async def page_text(self, file: Path, page: int) -> str:
        from signroom.formats.pdf.preview import text

        return await self._show(text, file, page)

    async def _read(
        self,
        of: SignatureType,
        kind: Kind,
        deadline: Deadline,
        function: Callable[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Raises: PdfTooComplex, CmsTooComplex, XmlTooComplex when the file takes more than a worker may use."""
        try:
            return await self.run(kind, deadline, function, *args, **kwargs)
        except _ComputedTooLong as error:
            raise _TOO_COMPLEX[of] from error
        except (_WorkerDied, _TookTooLong):
            # Somebody else may have ended it, or the machine was busy with others. Once more, and it is the file.
            try:
                return await self.run(kind, deadline, function, *args, **kwargs)
            except (_WorkerDied, _TookTooLong) as error:
                raise _TOO_COMPLEX[of] from error

    async def _show(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await self.run(Kind.PREVIEW, _SHOW, function, *args, **kwargs)
        except (_WorkerDied, _TookTooLong) as error:
            raise PreviewNotAvailable("Drawing it takes too much.") from error

    async def run(
        self, kind: Kind, deadline: Deadline, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Wait for a worker, then for the result of `function` in it. Raises: what it raises, and Unavailable."""
        with self._timed("format", function.__name__):
            call = Within(deadline.processor, function, *args, **kwargs)
            place = self._processes.submit(self._turn, kind, deadline.wall, call)
            begun = place.task.begun
            try:
                with self._timed("sandbox_wait", kind.label):
                    if begun.done():  # a process was free: the event loop needs no turn to say so
                        begun.result()
                    else:
                        await asyncio.wrap_future(begun)
                result: R = await asyncio.wrap_future(place.task.ended)
            except asyncio.CancelledError:
                self._processes.withdraw(place)
                raise
            except WorkerDied as error:
                if error.exitcode == -signal.SIGPROF:
                    raise _ComputedTooLong from error
                raise _WorkerDied from error
            except MemoryError as error:  # nobody ended the worker: a second try would cost the same again
                raise _ComputedTooLong from error
            except TimeoutError as error:
                raise _TookTooLong from error
            except OSError as error:
                raise StorageUnavailable from error
            finally:
                # They hold what went wrong, and that holds this frame: only the search for garbage would find them.
                del place, begun
            return result


_TOO_COMPLEX: Mapping[SignatureType, type[DocumentRejected]] = {
    SignatureType.PDF: PdfTooComplex,
    SignatureType.CMS: CmsTooComplex,
    SignatureType.XML: XmlTooComplex,
}


def _kind_of(file: Path, decide: Callable[[Path], SignatureType]) -> SignatureType:
    """What the beginning of `file` says. Raises: EmptyFile, StorageUnavailable."""
    try:
        return decide(file)
    except OSError as error:
        raise StorageUnavailable from error


def _for_size(deadline: Deadline, of: SignatureType, *files: Path | None) -> Deadline:
    """More of the processor for reading the files once. Raises: StorageUnavailable when one is not there."""
    return Deadline(deadline.wall, deadline.processor + _octets(*files) / _READ_IN_A_SECOND[of])


def _octets(*files: Path | None) -> int:
    """Bytes of all of them. Raises: StorageUnavailable when one is not there."""
    try:
        return sum(file.stat().st_size for file in files if file is not None)
    except OSError as error:
        raise StorageUnavailable from error


def _for_sizes(deadline: Deadline, documents: Iterable[tuple[SignatureType, Sequence[Path | None]]]) -> Deadline:
    """As `_for_size`, for documents that are read one after the other. Raises: StorageUnavailable."""
    for of, files in documents:
        deadline = _for_size(deadline, of, *files)
    return deadline


class _WorkerDied(ProcessingUnavailable):
    """It was killed, or ran out of memory."""


class _TookTooLong(ProcessingUnavailable):
    """It reached its deadline."""


class _ComputedTooLong(_TookTooLong):
    """It has used the processor or the memory that it may: nobody but the file is to blame."""
