"""PDF as a format of the catalogue. A PDF has its content inside: nothing beside it is ever needed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

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
from signroom.ports.files import FileNeeded, Signed, Stored


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
) -> Signed:
    return pades.sign(original, prepared, checked, output, reading)


def verify(file: Path, _data: Path | None) -> Verdict:
    return verification.verify(file)


def examine(
    file: Path, _data: Path | None, _data_hashes: tuple[DigestValue, ...], _extract_to: Path | None
) -> Examination:
    return examination.examine(file)
