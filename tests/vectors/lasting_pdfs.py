"""PDFs that are signed with the three-tier PKI and raised step by step, as the service does it, but without a network.

signed = sign(file, output, "rsa2048", timestamp=True)              # B-T
raise_to(output, ARCHIVE, data, reading=signed.reading)             # B-LTA
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from signroom.domain.appearance import Appearance, AppearanceText, Positioning
from signroom.domain.augmentation import NO_DATA, Augmentation, TimestampUse, ValidationData
from signroom.domain.signature import (
    CheckedValue,
    DigestAlgorithm,
    PdfOptions,
    PdfReading,
    Prepared,
    TrustedChain,
)
from signroom.formats import values
from signroom.formats.pdf import format as pdf
from signroom.formats.pdf.lasting import augmentation
from signroom.ports.files import Augmented, Signed
from tests.pki import three_tiers
from tests.vectors import hard_pdfs
from tests.vectors.pdf.builder import Form, document, written
from tests.vectors.pdf.empty_fields import form, widget

ROOM = 12 << 10
SIGNATURE, ARCHIVE = TimestampUse.SIGNATURE, TimestampUse.ARCHIVE
VISIBLE = PdfOptions(Appearance(Positioning(1), AppearanceText("Signed by {{name}}")))

KINDS: Mapping[str, Callable[[], bytes]] = {
    "table": lambda: hard_pdfs.make("plain"),
    "object-streams": lambda: hard_pdfs.make("xref-stream"),
    "cross-reference-stream": functools.partial(written, document(), Form.STREAM),
    "hybrid": lambda: hard_pdfs.make("hybrid"),
    "encrypted-owner": lambda: hard_pdfs.make("encrypted-owner"),
    "form": lambda: hard_pdfs.make("acroform"),
    "empty-field": functools.partial(written, form(widget())),
}
"""What differs in how an update is written."""


def prepare(
    file: Path, kind: str = "rsa2048", *, room: int = ROOM, options: PdfOptions | None = None
) -> tuple[Prepared, CheckedValue, PdfReading]:
    options = options or PdfOptions()
    reading = pdf.inspect(file, options, None).reading
    assert reading is not None
    signer = three_tiers.signer(kind)
    prepared = pdf.prepare(
        None,
        options,
        TrustedChain(signer.chain),
        algorithm=DigestAlgorithm.SHA256,
        now=three_tiers.NOW,
        data=None,
        reading=reading,
        timestamp_room=room,
    )
    (checked,) = values.check_values([prepared.claimed(signer.sign(prepared.to_sign))])
    return prepared, checked, reading


def sign(
    file: Path,
    output: Path,
    kind: str = "rsa2048",
    *,
    timestamp: bool = True,
    room: int = ROOM,
    options: PdfOptions | None = None,
) -> Signed:
    """B-T, or B-B without a `timestamp`."""
    prepared, checked, reading = prepare(file, kind, room=room, options=options)
    imprint = pdf.signature_imprint(prepared, checked, DigestAlgorithm.SHA256)
    token = three_tiers.stamp(imprint) if timestamp else None
    return pdf.sign(file, prepared, checked, output, content=None, reading=reading, timestamp=token)


def raise_to(
    file: Path,
    use: TimestampUse | None,
    data: ValidationData = NO_DATA,
    *,
    value: bytes | None = None,
    reading: PdfReading | None = None,
    at: datetime = three_tiers.NOW,
    generation: int = 0,
    room: int = ROOM,
    algorithm: DigestAlgorithm = DigestAlgorithm.SHA256,
    behind: bool = False,
) -> Augmented:
    """One step of augmentation, `at` that time, with the timestamps of that generation."""
    step = Augmentation(use, data, value, room, algorithm, behind)
    laid_out = pdf.lay_out_augmentation(file, step, now=at, data=None, reading=reading)
    token = None
    if laid_out.imprint is not None:
        name = algorithm.value.lower()
        token = three_tiers.stamp(laid_out.imprint, at, generation, algorithm=name)
    return pdf.augment(file, laid_out, token=token, data=None, reading=reading)


def all_data(*kinds: str) -> ValidationData:
    """Of these signers, and of the first timestamp authority."""
    return functools.reduce(
        ValidationData.__add__, map(three_tiers.data_of_signer, kinds), three_tiers.data_of_stamper()
    )


def archive_again(file: Path, *, reading: PdfReading | None = None) -> Augmented:
    """Twice: each time before the authority of the timestamp before ends. Good for 39 years."""
    five, eighteen = (three_tiers.NOW + timedelta(days=365 * years) for years in (5, 18))
    second = three_tiers.data_of_stamper(five) + three_tiers.data_of_stamper(five, 1)
    third = three_tiers.data_of_stamper(eighteen, 1) + three_tiers.data_of_stamper(eighteen, 2)
    done = raise_to(file, ARCHIVE, second, at=five, generation=1, reading=reading)
    return raise_to(file, ARCHIVE, third, at=eighteen, generation=2, reading=done.reading)


def read(file: Path) -> PdfReading:
    """What somebody who reads a signed file finds out, for a document timestamp."""
    return augmentation.reading_of(file, None)
