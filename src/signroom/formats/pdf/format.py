"""PDF as a format of the catalogue. A PDF has its content inside: nothing beside it is ever needed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from signroom.domain.augmentation import Augmentation, FileLevels, LaidOutAugmentation
from signroom.domain.errors import AugmentationImpossible
from signroom.domain.examination import Examination
from signroom.domain.signature import (
    CheckedValue,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    PdfOptions,
    PdfReading,
    Prepared,
    TrustedChain,
    Verdict,
)
from signroom.formats.pdf import examination, pades, verification
from signroom.formats.pdf.preflight import inspect as read
from signroom.ports.files import Augmented, FileNeeded, Signed, Stored


def inspect(file: Path, options: PdfOptions, _data: Path | None) -> Inspection:
    return read(file, options.appearance)


def prepare(
    file: Path | None,
    options: PdfOptions,
    trusted: TrustedChain,
    *,
    algorithm: DigestAlgorithm,
    now: datetime,
    data: Path | None,  # noqa: ARG001
    reading: PdfReading | None,
    timestamp_room: int,  # noqa: ARG001
) -> Prepared:
    if reading is not None:
        return pades.lay_out(reading.facts, trusted, algorithm, now, appearance=options.appearance, file=file)
    if file is None:
        raise FileNeeded
    return pades.prepare(file, trusted, algorithm, now, options.appearance)


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    return pades.embed(original, prepared, checked, output)


def sign(
    original: Path,
    prepared: Prepared,
    checked: CheckedValue,
    output: Path,
    *,
    content: Path | None,  # noqa: ARG001
    reading: PdfReading | None,
    timestamp: bytes | None,
) -> Signed:
    if timestamp is not None:
        raise AugmentationImpossible
    return pades.sign(original, prepared, checked, output, reading)


def verify(file: Path, _data: Path | None) -> Verdict:
    return verification.verify(file)


def examine(
    file: Path, _data: Path | None, _data_hashes: tuple[DigestValue, ...], _extract_to: Path | None
) -> Examination:
    return examination.examine(file)


def signature_imprint(_prepared: Prepared, _checked: CheckedValue, _algorithm: DigestAlgorithm) -> bytes:
    raise AugmentationImpossible


def read_levels(_file: Path, _data: Path | None) -> FileLevels:
    raise AugmentationImpossible


def lay_out_augmentation(
    _file: Path,
    _augmentation: Augmentation,
    *,
    now: datetime,  # noqa: ARG001
    data: Path | None,  # noqa: ARG001
    reading: PdfReading | None,  # noqa: ARG001
) -> LaidOutAugmentation:
    raise AugmentationImpossible


def augment(
    _file: Path,
    _laid_out: LaidOutAugmentation,
    *,
    token: bytes | None,  # noqa: ARG001
    data: Path | None,  # noqa: ARG001
    reading: PdfReading | None,  # noqa: ARG001
) -> Augmented:
    raise AugmentationImpossible
