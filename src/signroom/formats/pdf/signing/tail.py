"""Put an update together from its plan (ISO 32000-1, 7.5.6): the file stays a prefix, and is not opened.

Order: the objects that are written again, the field where it is new, the signature dictionary with its gap, what is
drawn, and a cross-reference section of the same kind as the newest one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import itemgetter

from signroom.domain.pdf_facts import ChangedObject, CrossReferenceKind, PdfFacts
from signroom.domain.signature import PdfLayout
from signroom.formats.pdf.reading import whole_table
from signroom.formats.pdf.reading.syntax import Dictionary
from signroom.formats.pdf.reading.whole_table import Place
from signroom.formats.pdf.reading.writing_encrypted import Encrypter

_PRINTED_AND_LOCKED = 4 | 128
"""Flags of the widget (12.5.3): PDF/A wants the first."""
_RANGE_ROOM = 48
"""Bytes for four numbers of the byte range."""
_NOTHING_SEEN = b"<</Type/XObject/Subtype/Form/BBox[0 0 0 0]/Length 0>>stream\n\nendstream"
_NEW_ID = 16
_TABLE_ROW = b"%010d %05d n \n"
_STREAM_ROW = struct.Struct(">BQH")
"""Type, offset of eight bytes, generation of two."""
_WHERE = itemgetter(2, 3)
"""Offset and generation of a `Place`."""


def build_tail(
    facts: PdfFacts,
    *,
    field_name: str,
    now: datetime | None,
    reserved: int,
    drawn: Sequence[bytes] = (),
    appearance: int = 0,
) -> PdfLayout:
    """The update with a gap of `reserved` hexadecimal digits for the CMS object.

    `drawn` are the values of the objects of a visible signature, numbered from `first_drawn`, and `appearance` is the
    number of the form XObject among them. The byte range is filled in. Without a time (`now`) the update is that of a
    document timestamp (EN 319 142-1, 5.4.3), whose token has the time.
    """
    start = b"" if facts.ends_line else b"\n"
    writer = Writer(facts.length + len(start))
    signature = facts.signature_number
    objects = drawn or _unseen(facts)
    seen = (appearance if drawn else first_drawn(facts)) if objects else None
    for changed in facts.changed:
        writer.add(changed.number, _changed(facts, changed, seen), changed.generation)
    if facts.added_page is not None:
        writer.add(signature + 1, facts.added_page)
    for number, value in enumerate(objects, first_drawn(facts)):
        writer.add(number, Encrypter(facts.encryption, number).value(value))
    if facts.fills is None:
        writer.add(facts.next_number, _field(facts, field_name, signature, seen))
    head, rest = _signature(facts, signature, now)
    writer.begin(signature)
    writer.raw(head)
    range_at = len(writer.data)
    writer.raw(b" " * _RANGE_ROOM + rest)
    gap_at = len(writer.data)
    writer.skip(reserved + 2)
    writer.raw(b">>\nendobj\n")
    next_free = first_drawn(facts) + len(objects)
    writer.raw(cross_reference(facts, writer, next_free))
    before, after = bytearray(start + bytes(writer.data[:gap_at])), bytes(writer.data[gap_at:])
    first = facts.length + len(before)
    ranges = b"[0 %d %d %d]" % (first, first + reserved + 2, len(after))
    at = len(start) + range_at
    before[at : at + len(ranges)] = ranges
    return PdfLayout(bytes(before), reserved + 2, after)


def first_drawn(facts: PdfFacts) -> int:
    """The number of the first object of what a visible signature shows."""
    return facts.signature_number + (1 if facts.added_page is None else 2)


class Writer:
    """Bytes at an offset of the file, and where each object begins."""

    def __init__(self, offset: int) -> None:
        self.data = bytearray()
        self.places: list[Place] = []
        self._offset = offset

    @property
    def position(self) -> int:
        """In the file."""
        return self._offset + len(self.data)

    def begin(self, number: int, generation: int = 0) -> None:
        self.places.append(Place(number, False, self.position, generation))
        self.raw(b"%d %d obj\n" % (number, generation))

    def add(self, number: int, value: bytes, generation: int = 0) -> None:
        self.begin(number, generation)
        self.raw(value + b"\nendobj\n")

    def raw(self, data: bytes) -> None:
        self.data += data

    def skip(self, length: int) -> None:
        """Leave a gap that is not part of the data."""
        self._offset += length


def _unseen(facts: PdfFacts) -> tuple[bytes, ...]:
    # PDF/A wants an appearance, and is never encrypted; an empty encrypted stream would not be empty.
    # A field that the author has made looks as they have made it.
    return () if facts.encryption is not None or facts.fills is not None else (_NOTHING_SEEN,)


def _changed(facts: PdfFacts, changed: ChangedObject, appearance: int | None) -> bytes:
    """Its new value; a field that is filled in gets its appearance only now."""
    if facts.fills is None or facts.fills.number != changed.number or appearance is None:
        return changed.new
    return Dictionary(changed.new).with_entry("AP", b"<</N %d 0 R>>" % appearance)


def _field(facts: PdfFacts, name: str, signature: int, appearance: int | None) -> bytes:
    """Field and widget in one dictionary (12.5.6.19, 12.7.4.5)."""
    strings = Encrypter(facts.encryption, facts.next_number)
    box = (0.0, 0.0, 0.0, 0.0) if facts.site is None else facts.site.box
    rectangle = b" ".join(_number(side) for side in box)
    shown = b"" if appearance is None else b"/AP<</N %d 0 R>>" % appearance
    return b"<</Type/Annot/Subtype/Widget/FT/Sig/T%b/V %d 0 R/F %d/Rect[%b]/P %d %d R%b>>" % (
        strings.string(name.encode()) if facts.encryption else b"(%b)" % name.encode(),
        signature,
        _PRINTED_AND_LOCKED,
        rectangle,
        *facts.page,
        shown,
    )


def _number(value: float) -> bytes:
    """A real number without an exponent (7.3.3)."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return (b"0" if text in ("", "-0") else text.encode()) if value else b"0"


def _signature(facts: PdfFacts, number: int, now: datetime | None) -> tuple[bytes, bytes]:
    """What is before and behind the byte range in the signature dictionary (12.8.1; EN 319 142-1, 5.4)."""
    if now is None:
        return b"<</Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161/ByteRange", b"/Contents"
    time = f"D:{now.astimezone(UTC):%Y%m%d%H%M%S}+00'00'".encode()
    encrypter = Encrypter(facts.encryption, number)
    made_at = encrypter.string(time) if facts.encryption else b"(%b)" % time
    head = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M%b%b/ByteRange" % (made_at, _lock(facts))
    return head, b"/Contents"


def _lock(facts: PdfFacts) -> bytes:
    """/Reference, which says what is locked from now on (FieldMDP, 12.8.2.4). /P is there as Acrobat writes it."""
    lock = None if facts.fills is None else facts.fills.lock
    if lock is None:
        return b""
    level = b"" if lock.level is None else b"/P %d" % lock.level
    listed = b"".join(b"<%b>" % name.hex().encode() for name in lock.names)
    names = b"" if lock.action == "All" else b"/Fields[%b]" % listed
    parameters = b"/Type/TransformParams/V/1.2/Action/%b%b%b" % (lock.action.encode(), names, level)
    root = dict(facts.trailer)["Root"]
    return b"/Reference[<</Type/SigRef/TransformMethod/FieldMDP/Data %b/TransformParams<<%b>>>>]" % (root, parameters)


def cross_reference(facts: PdfFacts, writer: Writer, next_free: int) -> bytes:
    """The section and the end of the file. `next_free` is the first number that no object of the update has."""
    at = writer.position
    known = tuple(whole_table.unpacked(facts.table)) if facts.table else ()
    if facts.kind is CrossReferenceKind.TABLE and facts.previous is not None:
        changed = {place.number for place in writer.places}
        hidden = [place for place in known if place.number not in changed]
        if hidden:  # a stream with nothing in it is an error for some readers
            return _hybrid(facts, writer, next_free, hidden)
        known = ()
    places = {place.number: place for place in known}
    places |= {place.number: place for place in writer.places}
    if facts.kind is CrossReferenceKind.STREAM:
        places[next_free] = Place(next_free, False, at, 0)
        size = max(next_free + 1, facts.least_size)
        section = _stream(sorted(places.values()), next_free, _trailer(facts, size))
    else:
        size = max(next_free, facts.least_size)
        rows = sorted(places.values())
        section = _table(rows, whole=facts.previous is None) + b"trailer\n<<%b>>\n" % _trailer(facts, size)
    return section + b"startxref\n%d\n%%%%EOF\n" % at


def _hybrid(facts: PdfFacts, writer: Writer, number: int, hidden: Sequence[Place]) -> bytes:
    """A table, and a stream with the objects that it cannot show (7.5.8.4)."""
    stream_at = writer.position
    size = max(number + 1, facts.least_size)
    stream = _stream(hidden, number, b"/Size %d" % size)
    at = stream_at + len(stream)
    rows = sorted([*writer.places, Place(number, False, stream_at, 0)])
    trailer = b"trailer\n<<%b/XRefStm %d>>\n" % (_trailer(facts, size), stream_at)
    return stream + _table(rows, whole=False) + trailer + b"startxref\n%d\n%%%%EOF\n" % at


def _table(places: Sequence[Place], *, whole: bool) -> bytes:
    parts = [b"xref\n"]
    if whole and (not places or places[0].number):
        parts.append(b"0 1\n0000000000 65535 f \n")
    for run in _runs(places):
        parts.append(b"%d %d\n" % (run[0].number, len(run)))
        parts.extend(map(_TABLE_ROW.__mod__, map(_WHERE, run)))
    return b"".join(parts)


def _stream(places: Sequence[Place], number: int, trailer: bytes) -> bytes:
    """7.5.8."""
    index = b" ".join(b"%d %d" % (run[0].number, len(run)) for run in _runs(places))
    data = b"".join(_STREAM_ROW.pack(1 + place[1], place[2], place[3]) for place in places)
    return b"%d 0 obj\n<</Type/XRef/W[1 8 2]/Index[%b]/Length %d%b>>stream\n%b\nendstream\nendobj\n" % (
        number,
        index,
        len(data),
        trailer,
        data,
    )


def _runs(places: Sequence[Place]) -> Iterable[Sequence[Place]]:
    """Places with consecutive numbers."""
    if places and places[-1].number - places[0].number + 1 == len(places):
        yield places
        return
    run: list[Place] = []
    for place in places:
        if run and place.number != run[-1].number + 1:
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _trailer(facts: PdfFacts, size: int) -> bytes:
    kept = b"".join(b"/%b %b" % (name.encode("latin-1"), value) for name, value in facts.trailer)
    previous = b"" if facts.previous is None else b"/Prev %d" % facts.previous
    # The second part is new with each update (14.4). An encrypted file needs its first part as it is.
    changing = b"<%b>" % os.urandom(_NEW_ID).hex().encode()
    identifier = b"" if facts.permanent_id is None else b"/ID[%b%b]" % (facts.permanent_id, changing)
    return b"/Size %d%b%b%b" % (size, previous, kept, identifier)
