"""PDF as a format of the catalogue. A PDF has its content inside: nothing beside it is ever needed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from signroom.domain.examination import Examination
from signroom.domain.signature import (
    CertificateChain,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    PdfOptions,
    Prepared,
    Verdict,
)
from signroom.formats.pdf import examination, pades, preflight, verification
from signroom.ports.files import Stored


def inspect(file: Path, options: PdfOptions, _data: Path | None) -> Inspection:
    return preflight.inspect(file, options.appearance)


def prepare(
    file: Path,
    options: PdfOptions,
    chain: CertificateChain,
    *,
    algorithm: DigestAlgorithm,
    now: datetime,
    data: Path | None,  # noqa: ARG001
) -> Prepared:
    return pades.prepare(file, chain, algorithm, now, options.appearance)


def embed(original: Path, prepared: Prepared, value: bytes, output: Path) -> Stored:
    return pades.embed(original, prepared, value, output)


def verify(file: Path, _data: Path | None) -> Verdict:
    return verification.verify(file)


def examine(
    file: Path, _data: Path | None, _data_hashes: tuple[DigestValue, ...], _extract_to: Path | None
) -> Examination:
    return examination.examine(file)
