"""One door to all formats: which module inspects, prepares, embeds, verifies and examines a file of which kind.

Runs inside the workers, but for `prepare_few`. The module of a format is imported when a file of that kind comes by.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

from signroom.domain.augmentation import Augmentation, FileLevels, LaidOutAugmentation
from signroom.domain.errors import DataNotExpected, EmptyFile
from signroom.domain.examination import Examination
from signroom.domain.signature import (
    CheckedValue,
    CmsOptions,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    OptionsByType,
    PdfOptions,
    PdfReading,
    Prepared,
    SignatureType,
    SigningOptions,
    TrustedChain,
    Verdict,
    XmlOptions,
)
from signroom.domain.signature_policy import stated_policy
from signroom.formats.beginning import Beginning, beginning_of
from signroom.ports.files import Augmented, Signed, Stored, ToInspect, ToPrepare, ToSign

P = ParamSpec("P")
R = TypeVar("R")
O_contra = TypeVar("O_contra", PdfOptions, CmsOptions, XmlOptions, contravariant=True)

_FEW = 4
"""Documents that are prepared without the sandbox."""


class Format(Protocol[O_contra]):
    """What each format can do. A module implements it: ``format.py`` in the format's folder.

    The promises are those of the ``Formats`` port.
    """

    def inspect(self, file: Path, options: O_contra, data: Path | None, /) -> Inspection: ...

    def prepare(
        self,
        file: Path | None,
        options: O_contra,
        trusted: TrustedChain,
        /,
        *,
        algorithm: DigestAlgorithm,
        now: datetime,
        data: Path | None,
        reading: PdfReading | None,
        timestamp_room: int,
    ) -> Prepared: ...

    def embed(self, original: Path, prepared: Prepared, checked: CheckedValue, output: Path, /) -> Stored: ...

    def sign(
        self,
        original: Path,
        prepared: Prepared,
        checked: CheckedValue,
        output: Path,
        /,
        *,
        content: Path | None,
        reading: PdfReading | None,
        timestamp: bytes | None,
    ) -> Signed: ...

    def signature_imprint(self, prepared: Prepared, checked: CheckedValue, algorithm: DigestAlgorithm, /) -> bytes: ...

    def read_levels(self, file: Path, data: Path | None, /) -> FileLevels: ...

    def lay_out_augmentation(
        self,
        file: Path,
        augmentation: Augmentation,
        /,
        *,
        now: datetime,
        data: Path | None,
        reading: PdfReading | None,
    ) -> LaidOutAugmentation: ...

    def augment(
        self,
        file: Path,
        laid_out: LaidOutAugmentation,
        /,
        *,
        token: bytes | None,
        data: Path | None,
        reading: PdfReading | None,
    ) -> Augmented: ...

    def verify(self, file: Path, data: Path | None, /) -> Verdict: ...

    def examine(
        self, file: Path, data: Path | None, data_hashes: tuple[DigestValue, ...], extract_to: Path | None, /
    ) -> Examination: ...


def _pdf() -> Format[PdfOptions]:
    from signroom.formats.pdf import format as pdf

    return pdf


def _cms() -> Format[CmsOptions]:
    from signroom.formats.cms import format as cms

    return cms


def _xml() -> Format[XmlOptions]:
    from signroom.formats.xml import format as xml

    return xml


_FORMATS: Mapping[SignatureType, Callable[[], Format[Any]]] = {
    SignatureType.PDF: _pdf,
    SignatureType.CMS: _cms,
    SignatureType.XML: _xml,
}


def inspect(file: Path, wanted: SignatureType | None, options: OptionsByType, data: Path | None) -> Inspection:
    kind = wanted or sniff(file)
    _require_use_of_data(kind, data, options.cms.data_hashes)
    return _FORMATS[kind]().inspect(file, options.of(kind), data)


def inspect_and_compare(
    file: Path, wanted: SignatureType | None, options: OptionsByType, data: Path | None
) -> Inspection:
    """`inspect`, and `compare_pages` where pages are shown. Raises: what those raise."""
    inspection = inspect(file, wanted, options, data)
    if inspection.reading is not None:
        compare_pages(file, inspection.reading, inspection.pages)
    return inspection


def inspect_all(documents: Sequence[ToInspect], seconds: float = math.inf) -> tuple[Inspection | None, ...]:
    """None for each document that did not pass, and for those that are left after so many seconds of the processor."""
    until, found = time.process_time() + seconds, list[Inspection | None]()
    for one in documents:
        late = bool(found) and time.process_time() >= until
        found.append(None if late else _or_none(inspect_and_compare, one.file, one.wanted, one.options, one.data))
    return tuple(found)


def compare_pages(file: Path, reading: PdfReading, pages: int) -> None:
    """A signature that is laid out by `reading` changes nothing that the `pages` pages show. Raises: InvalidPdf."""
    from signroom.formats.pdf.preflight import compare_pages as compare_pages_of_pdf

    compare_pages_of_pdf(file, reading.facts, pages)


def prepare(
    file: Path | None,
    options: SigningOptions,
    trusted: TrustedChain,
    *,
    algorithm: DigestAlgorithm,
    now: datetime,
    data: Path | None,
    reading: PdfReading | None = None,
    timestamp_room: int = 0,
) -> Prepared:
    """Raises: FileNeeded, and what the port's `prepare` raises."""
    return _FORMATS[options.signature_type]().prepare(
        file,
        options,
        trusted,
        algorithm=algorithm,
        now=now,
        data=data,
        reading=reading,
        timestamp_room=timestamp_room,
    )


def prepare_all(
    documents: Sequence[ToPrepare], trusted: TrustedChain, *, algorithm: DigestAlgorithm, now: datetime
) -> tuple[Prepared | None, ...]:
    """None for each document that was not prepared."""
    return tuple(
        _or_none(
            prepare,
            document.file,
            document.options,
            trusted,
            algorithm=algorithm,
            now=now,
            data=document.data,
            reading=document.reading,
            timestamp_room=document.timestamp_room,
        )
        for document in documents
    )


def prepare_few(
    documents: Sequence[ToPrepare], trusted: TrustedChain, *, algorithm: DigestAlgorithm, now: datetime
) -> tuple[Prepared, ...] | None:
    """`prepare` of each in the service itself, where that opens no file and takes little for sure; None otherwise."""
    if len(documents) > _FEW:
        return None
    prepared = []
    for document in documents:
        one = _or_none(_prepare_soon, document, trusted, algorithm, now)
        if one is None:
            return None
        prepared.append(one)
    return tuple(prepared)


def _prepare_soon(
    document: ToPrepare, trusted: TrustedChain, algorithm: DigestAlgorithm, now: datetime
) -> Prepared | None:
    options, reading = document.options, document.reading
    if reading is None or not isinstance(options, PdfOptions):
        return None
    from signroom.formats.pdf.signing.laid_out import put_together_soon

    policy = stated_policy(options.signature_policy, SignatureType.PDF)
    room = document.timestamp_room
    return put_together_soon(reading.facts, options, trusted, algorithm, now, timestamp_room=room, policy=policy)


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    return _FORMATS[prepared.signature_type]().embed(original, prepared, checked, output)


def sign(
    original: Path,
    prepared: Prepared,
    checked: CheckedValue,
    output: Path,
    *,
    content: Path | None = None,
    reading: PdfReading | None = None,
    timestamp: bytes | None = None,
) -> Signed:
    return _FORMATS[prepared.signature_type]().sign(
        original, prepared, checked, output, content=content, reading=reading, timestamp=timestamp
    )


def sign_all(documents: Sequence[ToSign]) -> tuple[Signed | None, ...]:
    """None for each document whose file was not written and judged."""
    return tuple(
        _or_none(sign, one.original, one.prepared, one.checked, one.output, content=one.content, reading=one.reading)
        for one in documents
    )


def _or_none(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """The result of `function`; None when it fails. Whoever asks for one document alone hears why."""
    try:
        return function(*args, **kwargs)
    except MemoryError:  # what comes after it would fail, too
        raise
    except Exception:  # noqa: BLE001
        return None


def signature_imprint(prepared: Prepared, checked: CheckedValue, algorithm: DigestAlgorithm) -> bytes:
    return _FORMATS[prepared.signature_type]().signature_imprint(prepared, checked, algorithm)


def read_levels(file: Path, kind: SignatureType, data: Path | None) -> FileLevels:
    return _FORMATS[kind]().read_levels(file, data)


def lay_out_augmentation(
    file: Path,
    kind: SignatureType,
    augmentation: Augmentation,
    *,
    now: datetime,
    data: Path | None,
    reading: PdfReading | None,
) -> LaidOutAugmentation:
    return _FORMATS[kind]().lay_out_augmentation(file, augmentation, now=now, data=data, reading=reading)


def augment(
    file: Path,
    kind: SignatureType,
    laid_out: LaidOutAugmentation,
    *,
    token: bytes | None,
    data: Path | None,
    reading: PdfReading | None,
) -> Augmented:
    return _FORMATS[kind]().augment(file, laid_out, token=token, data=data, reading=reading)


def verify(file: Path, kind: SignatureType, data: Path | None) -> Verdict:
    return _FORMATS[kind]().verify(file, data)


def examine(
    file: Path, data: Path | None, data_hashes: tuple[DigestValue, ...], extract_to: Path | None
) -> Examination:
    """Raises: EmptyFile, NotSigned, DataNotExpected, another DocumentRejected."""
    kind = signed_kind(file)
    _require_use_of_data(kind, data, data_hashes)
    return _FORMATS[kind]().examine(file, data, data_hashes, extract_to)


def _require_use_of_data(kind: SignatureType, data: Path | None, data_hashes: tuple[DigestValue, ...]) -> None:
    """A caller who sends data wants it compared, and only a CMS object is about data beside it.

    Raises: DataNotExpected.
    """
    if kind is not SignatureType.CMS and (data is not None or data_hashes):
        raise DataNotExpected


def canonical(file: Path, options: XmlOptions) -> bytes:
    """Of XML only."""
    from signroom.formats.xml.xades import canonical as canonical_xml

    return canonical_xml(file, options)


def sniff(file: Path) -> SignatureType:
    """What an unasked file is signed as: PDF for a PDF, even a damaged one; CMS for everything else.

    Raises: EmptyFile.
    """
    return SignatureType.PDF if _beginning(file) is Beginning.PDF else SignatureType.CMS


def signed_kind(file: Path) -> SignatureType:
    """The format whose signatures are looked for in a file that is to be inspected. Raises: EmptyFile."""
    match _beginning(file):
        case Beginning.PDF:
            return SignatureType.PDF
        case Beginning.MARKUP:
            return SignatureType.XML
        case _:
            return SignatureType.CMS


def _beginning(file: Path) -> Beginning:
    """Raises: EmptyFile."""
    found = beginning_of(file)
    if found is Beginning.EMPTY:
        raise EmptyFile
    return found
