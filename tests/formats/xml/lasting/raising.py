"""XML files signed below three tiers of authorities, and raised level by level as the service does it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from signroom.domain.augmentation import Augmentation, FileLevels, TimestampUse, ValidationData
from signroom.domain.level import Level
from signroom.domain.signature import (
    WHOLE_DOCUMENT,
    CheckedValue,
    DigestAlgorithm,
    Prepared,
    TrustedChain,
    XmlOptions,
)
from signroom.formats import values
from signroom.formats.xml import format as xml
from signroom.ports.files import Signed, Stored
from tests.pki import three_tiers
from tests.pki.three_tiers import NOW

SHA256 = DigestAlgorithm.SHA256
PLAIN = b'<a xmlns="urn:a"><b Id="b">text</b></a>'


def around(signature: str) -> str:
    """Namespaces and xml:lang that the signature inherits."""
    return f'<r xmlns="urn:r" xmlns:u="urn:unused" xml:lang="pt"><u:part Id="part">1</u:part>{signature}</r>'


def prepared(file: Path, signer: str, options: XmlOptions = WHOLE_DOCUMENT) -> tuple[Prepared, CheckedValue]:
    """The layout of one more signature, and the value that the signer's key makes of it."""
    holder = three_tiers.signer(signer)
    layout = xml.prepare(
        file,
        options,
        TrustedChain(holder.chain),
        algorithm=SHA256,
        now=NOW,
        data=None,
        reading=None,
        timestamp_room=0,
    )
    return layout, values.check_values([layout.claimed(holder.sign(layout.to_sign))])[0]


def sign(file: Path, signer: str, options: XmlOptions = WHOLE_DOCUMENT, *, stamped: bool = True) -> bytes:
    """`file` gets one more signature, of level B-T unless it is not `stamped`. Returns its value."""
    layout, checked = prepared(file, signer, options)
    token = three_tiers.stamp(xml.signature_imprint(layout, checked, SHA256)) if stamped else None
    put_in(file, layout, checked, token)
    return checked.value


def put_in(file: Path, layout: Prepared, checked: CheckedValue, token: bytes | None) -> Signed:
    output = file.with_suffix(".signed")
    found = xml.sign(file, layout, checked, output, content=None, reading=None, timestamp=token)
    output.replace(file)
    return found


def data_of(signer: str) -> ValidationData:
    return three_tiers.data_of_signer(signer) + three_tiers.data_of_stamper()


def step(file: Path, augmentation: Augmentation, at: datetime = NOW, generation: int = 0) -> None:
    """Both halves of a step, with a token between them where one is wanted."""
    laid_out = xml.lay_out_augmentation(file, augmentation, now=at, data=None, reading=None)
    token = None if laid_out.imprint is None else three_tiers.stamp(laid_out.imprint, at, generation)
    found = xml.augment(file, laid_out, token=token, data=None, reading=None)
    assert found.stored == Stored(file.stat().st_size, hashlib.sha256(file.read_bytes()).digest())


def archive(file: Path, value: bytes, data: ValidationData) -> None:
    step(file, Augmentation(TimestampUse.ARCHIVE, data, value))


def levels(file: Path) -> FileLevels:
    return xml.read_levels(file, None)


def reached(file: Path) -> list[Level]:
    """The level of each signature, when all of its timestamps hold."""
    found = levels(file).signatures
    assert all(stamp.intact for one in found for stamp in one.timestamps)
    return [one.level for one in found]
