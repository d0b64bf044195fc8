"""PDF as a format of the catalogue. A PDF has its content inside: nothing beside it is ever needed."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from signroom.domain.augmentation import Augmentation, FileLevels, LaidOutAugmentation
from signroom.domain.examination import Examination
from signroom.domain.signature import (
    CheckedValue,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    PdfOptions,
    PdfReading,
    Prepared,
    SignatureType,
    TrustedChain,
    Verdict,
)
from signroom.domain.signature_policy import stated_policy
from signroom.formats.pdf import examination, pades, verification
from signroom.formats.pdf.lasting import augmentation as lasting
from signroom.formats.pdf.lasting import levels
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
    timestamp_room: int,
) -> Prepared:
    policy = stated_policy(options.signature_policy, SignatureType.PDF)
    if reading is not None:
        return pades.lay_out(
            reading.facts,
            trusted,
            algorithm,
            now,
            appearance=options.appearance,
            file=file,
            timestamp_room=timestamp_room,
            policy=policy,
        )
    if file is None:
        raise FileNeeded
    return pades.prepare(
        file, trusted, algorithm, now, options.appearance, timestamp_room=timestamp_room, policy=policy
    )


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
    return pades.sign(original, prepared, checked, output, reading=reading, timestamp=timestamp)


def verify(file: Path, _data: Path | None) -> Verdict:
    return verification.verify(file)


def examine(
    file: Path, _data: Path | None, _data_hashes: tuple[DigestValue, ...], _extract_to: Path | None
) -> Examination:
    return examination.examine(file)


def signature_imprint(_prepared: Prepared, checked: CheckedValue, algorithm: DigestAlgorithm) -> bytes:
    return hashlib.new(algorithm.value.lower(), checked.value).digest()


def read_levels(file: Path, _data: Path | None) -> FileLevels:
    return levels.read_levels(file)


def lay_out_augmentation(
    file: Path,
    augmentation: Augmentation,
    *,
    now: datetime,  # noqa: ARG001
    data: Path | None,  # noqa: ARG001
    reading: PdfReading | None,
) -> LaidOutAugmentation:
    return lasting.lay_out(file, augmentation, reading)


def augment(
    file: Path,
    laid_out: LaidOutAugmentation,
    *,
    token: bytes | None,
    data: Path | None,  # noqa: ARG001
    reading: PdfReading | None,
) -> Augmented:
    return lasting.augment(file, laid_out, token, reading)
