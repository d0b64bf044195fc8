"""PAdES baseline B-B (EN 319 142-1), cut in two where the key leaves the building.

`prepare` lays the signature out and returns the bytes to be signed; `embed` puts the value in, any time later and
in any process. The certificate is bound by signing-certificate-v2 (RFC 5035); the claimed time is /M of the
signature dictionary, since EN 319 142-1 (6.3) forbids the signing-time attribute.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from signroom.domain.appearance import Appearance, AppearanceText, Place, Positioning
from signroom.domain.errors import InvalidPdf, VerificationFailed
from signroom.domain.pdf_facts import PdfFacts, SignatureSite
from signroom.domain.signature import (
    CheckedValue,
    DigestAlgorithm,
    Indication,
    PdfLayout,
    PdfReading,
    Prepared,
    SignatureVerdict,
    TrustedChain,
    Verdict,
)
from signroom.domain.signature_policy import SignaturePolicy
from signroom.formats.cms.signed_data import signed_data
from signroom.formats.pdf.lasting.after import facts_after
from signroom.formats.pdf.lasting.augmentation import padded
from signroom.formats.pdf.preflight import facts_of
from signroom.formats.pdf.signing.laid_out import is_seen, put_together
from signroom.formats.pdf.signing.own_signature import require_own_signature
from signroom.formats.pdf.signing.own_update import CheckedUpdate, Gap, read_update
from signroom.formats.pdf.signing.running_hash import CannotResume, RunningSha256
from signroom.formats.pdf.signing.tail import first_drawn
from signroom.formats.pdf.tokens import require_timestamp
from signroom.formats.pdf.verification import verify
from signroom.formats.pdf.visible.appearance import Drawing, Site, draw
from signroom.ports.files import Signed, Stored

_CHUNK = 1 << 20
_OURS = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M"
"""How the signature dictionary of `tail` begins."""
_NAME = re.compile(rb"/FT/Sig/T\(([^()]+)\)")
_TIME = re.compile(rb"/M\(D:(\d{14})\+00'00'\)")
_IN_A_FIELD = Appearance(Positioning(1), AppearanceText("{{name}}", include_signing_time=True))
"""What is drawn in a field of the file: no words, since nobody has said in which language."""


def prepare(
    file: Path,
    trusted: TrustedChain,
    algorithm: DigestAlgorithm,
    now: datetime,
    appearance: Appearance | None = None,
    *,
    timestamp_room: int = 0,
    policy: SignaturePolicy | None = None,
) -> Prepared:
    """`lay_out` for a file that nobody has read yet. Raises: a DocumentRejected, and what `lay_out` raises."""
    facts = facts_of(file, appearance)
    return lay_out(
        facts,
        trusted,
        algorithm,
        now,
        appearance=appearance,
        file=file,
        timestamp_room=timestamp_room,
        policy=policy,
    )


def lay_out(
    facts: PdfFacts,
    trusted: TrustedChain,
    algorithm: DigestAlgorithm,
    now: datetime,
    *,
    appearance: Appearance | None = None,
    file: Path | None = None,
    timestamp_room: int = 0,
    policy: SignaturePolicy | None = None,
) -> Prepared:
    """Lay out a signature field with a gap for the CMS object. The file is read only where its hash was not kept.

    The gap has `timestamp_room` bytes for a token.

    Raises: BadCertificate when `trusted` holds anything but certificates, CertificateKeyNotSupported, BadAppearance;
    FileNeeded when the hash was not kept and there is no `file`.
    """
    drawing = _drawing(facts, appearance, trusted.chain.certificate, now)
    return put_together(
        facts,
        trusted,
        algorithm,
        now,
        drawn=() if drawing is None else drawing.objects,
        appearance=0 if drawing is None else drawing.appearance,
        file=file,
        timestamp_room=timestamp_room,
        policy=policy,
    )


def _drawing(facts: PdfFacts, appearance: Appearance | None, certificate: bytes, now: datetime) -> Drawing | None:
    """What is seen; None for nothing. Raises: BadAppearance, BadCertificate."""
    if facts.site is None or not is_seen(facts, appearance):
        return None
    return draw(_site(facts.site), appearance or _IN_A_FIELD, certificate, now, first_drawn(facts))


def _site(stored: SignatureSite) -> Site:
    place = Place(stored.left, stored.top, stored.width, stored.height)
    return Site(stored.page, stored.box, place, stored.turns)


@dataclass(frozen=True, slots=True)
class Written:
    """A signed file that was written and read back."""

    stored: Stored
    range_digest: bytes
    """Of the byte range, computed from what was written."""
    contents: bytes
    """What is in the gap, delimiters included."""


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    """Write the signed file and read it back once.

    Raises: InvalidPdf when `original` is not the file that was prepared,
    VerificationFailed when the signature does not fit its place.
    """
    return write(original, prepared, checked, output).stored


def write(
    original: Path, prepared: Prepared, checked: CheckedValue, output: Path, timestamp: bytes | None = None
) -> Written:
    """As `embed`, with the digest of what was written. Raises: TimestampTooLarge."""
    layout = prepared.layout_as(PdfLayout)
    container = signed_data(prepared.chain, prepared.to_sign, checked.value, prepared.digest_algorithm)
    contents = _filled(layout, container)
    if timestamp is not None:
        require_timestamp(timestamp, checked.value)
        container = signed_data(prepared.chain, prepared.to_sign, checked.value, prepared.digest_algorithm, timestamp)
        contents = padded(container, layout.contents_length)
    shutil.copyfile(original, output)
    with output.open("ab") as target:
        target.write(layout.before + contents + layout.after)
    gap = Gap(
        prepared.original_length + len(layout.before), prepared.original_length + len(layout.before) + len(contents)
    )
    written = _read_back(output, gap, prepared.digest_algorithm)
    expected = gap.end + len(layout.after)
    if written.stored.length != expected or written.range_digest != prepared.document_digest:
        output.unlink()
        raise InvalidPdf("The stored file is not the one that was prepared.")
    return written


def _read_back(output: Path, gap: Gap, algorithm: DigestAlgorithm) -> Written:
    """One pass over what was written; SHA-256 of the part before the gap serves both digests."""
    whole = hashlib.sha256()
    shared = algorithm is DigestAlgorithm.SHA256
    signed = whole if shared else hashlib.new(algorithm.value.lower())
    with output.open("rb") as stream:
        for chunk in _chunks(stream, gap.start):
            whole.update(chunk)
            if not shared:
                signed.update(chunk)
        signed = signed.copy()
        contents = stream.read(gap.end - gap.start)
        whole.update(contents)
        rest = stream.read()
    whole.update(rest)
    signed.update(rest)
    return Written(Stored(gap.end + len(rest), whole.digest()), signed.digest(), contents)


def _chunks(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (chunk := stream.read(min(_CHUNK, length))):
        length -= len(chunk)
        yield chunk


def sign(
    original: Path,
    prepared: Prepared,
    checked: CheckedValue,
    output: Path,
    *,
    reading: PdfReading | None,
    timestamp: bytes | None = None,
) -> Signed:
    """`embed`, and judge what was written. Raises: InvalidPdf, VerificationFailed, TimestampTooLarge."""
    written = write(original, prepared, checked, output, timestamp)
    layout = prepared.layout_as(PdfLayout)
    # A process of an older version, which runs beside this one during a roll-out, lays out otherwise.
    if reading is None or _OURS not in layout.before:
        return Signed(written.stored, verify(output))
    update = check_output(output, prepared, reading.facts, written.range_digest, timestamp)
    own = _own_verdict(layout, reading.facts, prepared.chain.certificate)
    return Signed(written.stored, Verdict((*reading.earlier, own)), _reading(reading, layout, written, update, own))


def _reading(
    before: PdfReading, layout: PdfLayout, written: Written, update: CheckedUpdate, own: SignatureVerdict
) -> PdfReading | None:
    """Of the file with its new signature; None when somebody has to read it."""
    facts = before.facts
    try:
        running = RunningSha256(facts.sha256_state)
    except CannotResume:
        return None
    for part in (layout.before, written.contents, layout.after):
        running.update(part)
    if running.digest() != written.stored.sha256:
        return None
    after = facts_after(facts, update, length=written.stored.length, state=running.state(), store=facts.store)
    return None if after is None else PdfReading(after, (*before.earlier, replace(own, covers_whole_file=False)))


def _own_verdict(layout: PdfLayout, facts: PdfFacts, certificate: bytes) -> SignatureVerdict:
    """On the signature that `check_output` has let through. An encrypted file has its name and time encrypted."""
    # Objects of the file come first, which may say anything.
    at = layout.before.rindex(_OURS)
    names, time = _NAME.findall(layout.before, 0, at), _TIME.search(layout.before, at)
    return SignatureVerdict(
        field_name=facts.fills.name if facts.fills is not None else names[-1].decode() if names else "",
        indication=Indication.TOTAL_PASSED,
        reason=None,
        certificate=certificate,
        signed_at=datetime.strptime(time[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC) if time else None,
        covers_whole_file=True,
    )


def check_output(
    output: Path, prepared: Prepared, facts: PdfFacts, range_digest: bytes, timestamp: bytes | None = None
) -> CheckedUpdate:
    """The update adds one signature and nothing else, and that signature is right. Raises: VerificationFailed."""
    with output.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        update, gap = read_update(buffer, facts)
        contents = bytes.fromhex(buffer[gap.start + 1 : gap.end - 1].decode("ascii"))
    require_own_signature(contents, range_digest, prepared, timestamp)
    return update


def _filled(layout: PdfLayout, container: bytes) -> bytes:
    """/Contents with the CMS object in it, padded with zeros. Raises: VerificationFailed when it does not fit."""
    room = layout.contents_length - 2
    text = container.hex().encode()
    if len(text) > room:
        raise VerificationFailed("The signature is larger than the space that was reserved for it.")
    return b"<" + text.ljust(room, b"0") + b">"
