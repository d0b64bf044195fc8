"""A little builder of PDF files, which writes what it is told and knows where each object stands.

It has three ways to write a cross-reference (`Form`), because each fault has siblings in the other two.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pikepdf

Objects = dict[int, bytes]
"""Object number -> body."""
HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
FREE = (0, 0, 65535)


class Form(StrEnum):
    """How the cross-reference is written (ISO 32000-1, 7.5.4 and 7.5.8)."""

    TABLE = "table"
    STREAM = "stream"
    HYBRID = "hybrid"


FORMS = tuple(Form)


def text_of_page(number: int) -> str:
    """What page `number` (from 1) of every file shows."""
    return f"Page {number}: the parties agree."


def content(text: str, *, at: int = 720) -> bytes:
    """A content stream that shows `text` in large letters."""
    return stream(b"BT /F1 24 Tf 72 %d Td (%b) Tj ET" % (at, text.encode("latin-1")))


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(data), data)


CATALOG, PAGES, FONT, PAGE, CONTENT = 1, 2, 3, 4, 5
"""Numbers in `document`: the first page and its content; the following ones are 6 and 7, 8 and 9 ..."""


def document(
    pages: int = 2,
    *,
    catalog: bytes = b"",
    page: bytes = b"",
    tree: bytes | None = None,
    more: Mapping[int, bytes] | None = None,
) -> Objects:
    """The objects of a small document; `catalog` and `page` are further entries of the catalog and the first page.

    Args:
        tree: the whole body of the page tree's root, in place of the ordinary one.
        more: further objects, or others in the place of ordinary ones.
    """
    numbers = [PAGE + 2 * n for n in range(pages)]
    kids = b" ".join(b"%d 0 R" % n for n in numbers)
    objects: Objects = {
        CATALOG: b"<</Type/Catalog/Pages 2 0 R%b>>" % catalog,
        PAGES: tree if tree is not None else b"<</Type/Pages/Count %d/Kids[%b]>>" % (pages, kids),
        FONT: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    for index, number in enumerate(numbers):
        objects[number] = page_body(number + 1, entries=page if index == 0 else b"")
        objects[number + 1] = content(text_of_page(index + 1))
    return {**objects, **(more or {})}


def page_body(contents: int, *, entries: bytes = b"", font: int = FONT) -> bytes:
    return b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 842]/Contents %d 0 R/Resources<</Font<</F1 %d 0 R>>>>%b>>" % (
        contents,
        font,
        entries,
    )


@dataclass
class Writer:
    """A file that grows. Offsets are those of the file as it is at that moment."""

    out: bytearray = field(default_factory=lambda: bytearray(HEADER))
    places: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """Object number -> (kind, offset or object stream, generation or index): of this section only."""
    section: int = 0
    """Where the last cross-reference section stands."""

    @classmethod
    def after(cls, file: bytes) -> Writer:
        """To append a section to `file`."""
        writer = cls(bytearray(file))
        writer.section = last_startxref(file)
        return writer

    def add(self, number: int, body: bytes, generation: int = 0) -> None:
        self.places[number] = (1, len(self.out), generation)
        self.out += b"%d %d obj\n%b\nendobj\n" % (number, generation, body)

    def add_all(self, objects: Mapping[int, bytes]) -> None:
        for number, body in objects.items():
            self.add(number, body)

    def pack(
        self,
        number: int,
        objects: Mapping[int, bytes],
        compress: Callable[[bytes], bytes] = zlib.compress,
        unlisted: Mapping[int, bytes] | None = None,
    ) -> None:
        """Write `objects` into the object stream `number`; those in `unlisted` get no place."""
        index, bodies = b"", b""
        for place, (inner, body) in enumerate({**objects, **(unlisted or {})}.items()):
            index += b"%d %d " % (inner, len(bodies))
            bodies += body + b"\n"
            if inner in objects:
                self.places[inner] = (2, number, place)
        entries = b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode" % (index.count(b" ") // 2, len(index))
        self.add(number, stream(compress(index + bodies), entries))

    def free(self, number: int) -> None:
        self.places[number] = FREE

    @property
    def size(self) -> int:
        return max(self.places) + 1

    def table(
        self,
        trailer: bytes = b"/Root 1 0 R",
        *,
        size: bytes | None = None,
        first: bool = True,
        entry_end: bytes = b" \n",
        write: Callable[[dict[int, tuple[int, int, int]]], bytes] | None = None,
        startxref: Callable[[int], int] = lambda at: at,
    ) -> Writer:
        """Write a table, its trailer and its address; begin a new section.

        Args:
            size: the value of /Size, when it is not to be the right one; empty: no /Size at all.
            first: the section has the free entry of object 0.
            write: makes the table itself, in place of the ordinary one.
            startxref: makes the address that is written from the right one.
        """
        places = {0: FREE, **self.places} if first else dict(self.places)
        shown = b"%d" % self.size if size is None else size
        entries = trailer + (b"/Size " + shown if shown else b"")
        self.section = len(self.out)
        rows = write(places) if write is not None else table(places, entry_end)
        self.out += b"xref\n%btrailer\n<<%b>>\n" % (rows, entries)
        return self._end(startxref)

    def stream(
        self,
        number: int,
        trailer: bytes = b"/Root 1 0 R",
        *,
        size: bytes | None = None,
        compress: Callable[[bytes], bytes] | None = zlib.compress,
        startxref: Callable[[int], int] = lambda at: at,
        shift: int = 0,
    ) -> Writer:
        """The same as a cross-reference stream, whose own object is `number`."""
        self.xref_stream(number, trailer, size=size, compress=compress, shift=shift)
        self.section = self.places[number][1]
        return self._end(startxref)

    def xref_stream(
        self,
        number: int,
        trailer: bytes = b"/Root 1 0 R",
        *,
        size: bytes | None = None,
        compress: Callable[[bytes], bytes] | None = zlib.compress,
        shift: int = 0,
    ) -> None:
        """The stream alone, without its address: as /XRefStm of a hybrid file has it."""
        self.places[number] = (1, len(self.out), 0)
        places = {0: FREE, **self.places}
        data = bytearray()
        for kind, where, last in (places[n] for n in sorted(places)):
            data += bytes([kind]) + (where + shift * (kind == 1)).to_bytes(4, "big") + last.to_bytes(2, "big")
        index = b" ".join(b"%d %d" % pair for pair in runs(places))
        entries = b"/Type/XRef/W[1 4 2]/Index[%b]%b/Size %d" % (index, trailer, self.size)
        if size is not None:
            entries = entries[: entries.rindex(b"/Size")] + (b"/Size " + size if size else b"")
        packed = bytes(data) if compress is None else compress(bytes(data))
        self.out += b"%d 0 obj\n%b\nendobj\n" % (
            number,
            stream(packed, entries + (b"/Filter/FlateDecode" if compress is not None else b"")),
        )

    def _end(self, startxref: Callable[[int], int]) -> Writer:
        self.out += b"startxref\n%d\n%%%%EOF\n" % startxref(self.section)
        self.places = {}
        return self

    @property
    def file(self) -> bytes:
        return bytes(self.out)


def runs(numbers: Mapping[int, object]) -> list[tuple[int, int]]:
    """(first, count) of each run of numbers."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and sum(found[-1]) == number:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((number, 1))
    return found


def entry(place: tuple[int, int, int], end: bytes = b" \n") -> bytes:
    """A row of a table. What is in an object stream is called free there (ISO 32000-1, 7.5.8.4)."""
    kind, where, generation = place
    if kind == 2:
        where, generation = 0, 65535
    return b"%010d %05d %b%b" % (where, generation, b"n" if kind == 1 else b"f", end)


def table(places: Mapping[int, tuple[int, int, int]], end: bytes = b" \n") -> bytes:
    return b"".join(
        b"%d %d\n" % (first, count) + b"".join(entry(places[n], end) for n in range(first, first + count))
        for first, count in runs(places)
    )


def written(
    objects: Mapping[int, bytes],
    form: Form = Form.TABLE,
    *,
    trailer: bytes = b"",
    size: bytes | None = None,
    startxref: Callable[[int], int] = lambda at: at,
    out: bytes = HEADER,
    before: bytes = b"",
    behind: bytes = b"",
) -> bytes:
    """A file of one section. In the two newer forms all that is not a stream lies in an object stream.

    In a hybrid file only the last page does: the rest must be seen by readers of tables alone.

    Args:
        out: what the file begins with; offsets count from its first byte.
        before: bytes that no offset counts.
        behind: bytes after the end.
    """
    return before + _written(objects, form, trailer, size, startxref, out) + behind


def _written(
    objects: Mapping[int, bytes],
    form: Form,
    trailer: bytes,
    size: bytes | None,
    startxref: Callable[[int], int],
    out: bytes,
) -> bytes:
    writer = Writer(bytearray(out))
    trailer = (b"" if b"/Root" in trailer else b"/Root 1 0 R") + trailer
    packed = packable(objects, form)
    writer.add_all({n: b for n, b in objects.items() if n not in packed})
    if form is Form.TABLE:
        return writer.table(trailer, size=size, startxref=startxref).file
    beyond = max(objects) + 1
    if form is Form.STREAM:
        writer.pack(beyond, packed)
        return writer.stream(beyond + 1, trailer, size=size, startxref=startxref).file
    plain = dict(writer.places)
    writer.places = {}
    writer.pack(beyond, packed)
    at = len(writer.out)
    writer.xref_stream(beyond + 1, b"")
    writer.places = {**dict.fromkeys(writer.places, FREE), **plain}
    # As word processors do: a whole table, and then an empty one that leads to the stream.
    whole = b"%d" % writer.size if size is None else size
    writer.table(trailer, size=whole)
    again = b"" if b"/Prev" in trailer else trailer
    again = again if b"/Root" in again else b"/Root 1 0 R" + again
    end = again + b"/Prev %d/XRefStm %d" % (writer.section, at)
    return writer.table(end, size=whole, write=lambda _: b"0 0\n", startxref=startxref).file


def packable(objects: Mapping[int, bytes], form: Form) -> Objects:
    """Those of `objects` that `written` puts into an object stream."""
    if form is Form.TABLE:
        return {}
    plain = {n: b for n, b in objects.items() if b"stream\n" not in b and b"/ByteRange" not in b}
    if form is Form.STREAM:
        return plain
    last = max(n for n, body in plain.items() if b"/Type/Page/" in body)
    return {last: plain[last]}


def updated(file: bytes, objects: Mapping[int, bytes], trailer: bytes = b"", *, size: int | None = None) -> bytes:
    """`file` with one more section of the same form as its last one."""
    writer = Writer.after(file)
    at, end = writer.section, root_of(file) + trailer + b"/Prev %d" % writer.section
    beyond = max([highest(file), *objects]) + 1
    writer.add_all(objects)
    if file[at : at + 4] != b"xref":
        return writer.stream(beyond, end, size=None if size is None else b"%d" % size).file
    return writer.table(end, first=not objects, size=b"%d" % (beyond if size is None else size)).file


def highest(file: bytes) -> int:
    """The highest object number that `file` has or claims to have."""
    written = (int(number) for number in re.findall(rb"(?:^|[\r\n])(\d+) \d+ obj", file))
    claimed = (int(size) - 1 for size in re.findall(rb"/Size (\d{1,9})", file))
    return max(0, *written, *claimed)


def entries_of(dictionary: pikepdf.Object, *without: str) -> bytes:
    """The entries of a dictionary as they are written, references kept; those named in `without` are left out."""
    kept = pikepdf.Dictionary({key: value for key, value in dictionary.items() if key not in without})
    return bytes(kept.unparse()[2:-2])


def root_of(file: bytes) -> bytes:
    """The entry /Root of the file's last trailer."""
    roots: list[bytes] = re.findall(rb"/Root\s*(\d+ \d+ R)", file)
    return b"/Root " + roots[-1]


def last_startxref(file: bytes) -> int:
    return int(re.findall(rb"startxref\s+(\d+)", file)[-1])
