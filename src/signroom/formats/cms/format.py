"""CMS as a format of the catalogue. The content of a detached object comes along as `data`."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from signroom.domain.augmentation import Augmentation, FileLevels, LaidOutAugmentation
from signroom.domain.examination import Examination
from signroom.domain.signature import (
    CheckedValue,
    CmsOptions,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    PdfReading,
    Prepared,
    TrustedChain,
    Verdict,
)
from signroom.formats.cms import cades, verification
from signroom.formats.cms.lasting import levels, steps
from signroom.formats.cms.lasting.tokens import signature_timestamp
from signroom.ports.files import Augmented, FileNeeded, Signed, Stored


def inspect(file: Path, options: CmsOptions, data: Path | None) -> Inspection:
    return cades.inspect(file, options, data)


def prepare(
    file: Path | None,
    options: CmsOptions,
    trusted: TrustedChain,
    *,
    algorithm: DigestAlgorithm,
    now: datetime,
    data: Path | None,
    reading: PdfReading | None,  # noqa: ARG001
    timestamp_room: int,  # noqa: ARG001
) -> Prepared:
    if file is None:
        raise FileNeeded
    return cades.prepare(file, trusted, algorithm=algorithm, now=now, options=options, data=data)


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    return cades.embed(original, prepared, checked, output)


def sign(
    original: Path,
    prepared: Prepared,
    checked: CheckedValue,
    output: Path,
    *,
    content: Path | None,
    reading: PdfReading | None,  # noqa: ARG001
    timestamp: bytes | None,
) -> Signed:
    unsigned = () if timestamp is None else (signature_timestamp(checked.value, timestamp),)
    stored = cades.embed(original, prepared, checked, output, unsigned)
    return Signed(stored, verification.verify(output, content))


def verify(file: Path, data: Path | None) -> Verdict:
    return verification.verify(file, data)


def examine(
    file: Path, data: Path | None, data_hashes: tuple[DigestValue, ...], extract_to: Path | None
) -> Examination:
    return verification.examine(file, data, data_hashes, extract_to)


def signature_imprint(_prepared: Prepared, checked: CheckedValue, algorithm: DigestAlgorithm) -> bytes:
    return hashlib.new(algorithm.value.lower(), checked.value).digest()


def read_levels(file: Path, data: Path | None) -> FileLevels:
    return levels.read_levels(file, data)


def lay_out_augmentation(
    file: Path,
    augmentation: Augmentation,
    *,
    now: datetime,  # noqa: ARG001
    data: Path | None,
    reading: PdfReading | None,  # noqa: ARG001
) -> LaidOutAugmentation:
    return steps.lay_out(file, augmentation, data)


def augment(
    file: Path,
    laid_out: LaidOutAugmentation,
    *,
    token: bytes | None,
    data: Path | None,
    reading: PdfReading | None,  # noqa: ARG001
) -> Augmented:
    return steps.augment(file, laid_out, token, data)
