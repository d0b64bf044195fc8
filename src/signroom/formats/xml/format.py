"""XML as a format of the catalogue. The signature is inside the document: nothing beside it is ever needed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from signroom.domain.augmentation import Augmentation, FileLevels, LaidOutAugmentation
from signroom.domain.examination import Examination
from signroom.domain.signature import (
    CheckedValue,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    PdfReading,
    Prepared,
    TrustedChain,
    Verdict,
    XmlOptions,
)
from signroom.formats.xml import examination, xades
from signroom.formats.xml.lasting import levels, steps
from signroom.formats.xml.reading import XmlDocument
from signroom.ports.files import Augmented, FileNeeded, Signed, Stored


def inspect(file: Path, options: XmlOptions, _data: Path | None) -> Inspection:
    return xades.inspect(file, options)


def prepare(
    file: Path | None,
    options: XmlOptions,
    trusted: TrustedChain,
    *,
    algorithm: DigestAlgorithm,
    now: datetime,
    data: Path | None,  # noqa: ARG001
    reading: PdfReading | None,  # noqa: ARG001
    timestamp_room: int,  # noqa: ARG001
) -> Prepared:
    if file is None:
        raise FileNeeded
    return xades.prepare(file, trusted, algorithm, now, options)


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    return xades.embed(original, prepared, checked, output)


def sign(
    original: Path,
    prepared: Prepared,
    checked: CheckedValue,
    output: Path,
    *,
    content: Path | None,  # noqa: ARG001
    reading: PdfReading | None,  # noqa: ARG001
    timestamp: bytes | None,
) -> Signed:
    return xades.sign(original, prepared, checked, output, timestamp)


def verify(file: Path, _data: Path | None) -> Verdict:
    return xades.verify(file)


def examine(
    file: Path, _data: Path | None, _data_hashes: tuple[DigestValue, ...], _extract_to: Path | None
) -> Examination:
    return examination.examine(file)


def signature_imprint(prepared: Prepared, checked: CheckedValue, algorithm: DigestAlgorithm) -> bytes:
    return xades.signature_imprint(prepared, checked, algorithm)


def read_levels(file: Path, _data: Path | None) -> FileLevels:
    return levels.read_levels(XmlDocument.read(file))


def lay_out_augmentation(
    file: Path,
    augmentation: Augmentation,
    *,
    now: datetime,  # noqa: ARG001
    data: Path | None,  # noqa: ARG001
    reading: PdfReading | None,  # noqa: ARG001
) -> LaidOutAugmentation:
    return steps.lay_out(file, augmentation)


def augment(
    file: Path,
    laid_out: LaidOutAugmentation,
    *,
    token: bytes | None,
    data: Path | None,  # noqa: ARG001
    reading: PdfReading | None,  # noqa: ARG001
) -> Augmented:
    return Augmented(steps.augment(file, laid_out, token))
