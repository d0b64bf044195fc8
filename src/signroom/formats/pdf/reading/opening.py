"""Open a PDF with qpdf, and beside it the file's own bytes: what is meant, and where exactly it stands.

qpdf is tolerant and says what it had to repair. What it repaired is never written anywhere: an update of ours needs
the exact offset and the raw bytes of the few objects that it writes again.
"""

from __future__ import annotations

import io
import mmap
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pikepdf

from signroom.domain.errors import InvalidPdf, ProtectedPdf
from signroom.domain.pdf_facts import PdfEncryption, StringCipher
from signroom.formats.pdf.reading.crossref import NoChain, Section, SectionKind, read_chain
from signroom.formats.pdf.reading.large_objects import require_no_large_objects
from signroom.formats.pdf.reading.limits import limit_qpdf, require_all_read
from signroom.formats.pdf.reading.object_table import ObjectTable
from signroom.formats.pdf.reading.syntax import (
    BadSyntax,
    Dictionary,
    Reference,
    indirect_object,
    integer,
    skip_space,
    value_end,
)
from signroom.formats.pdf.reading.view import View
from signroom.formats.pdf.reading.whole_table import Place
from signroom.formats.pdf.reading.writing_encrypted import Encrypter

_REBUILT = re.compile(r"reconstruct", re.IGNORECASE)
_LOST = re.compile(r"unable to find trailer|unexpected EOF|EOF while|EOF after|expected endstream", re.IGNORECASE)
_WRONG_LENGTH = re.compile(r"object (\d+) \d+.*(?:recover stream length|lacks /Length)")
_UNKNOWN_ENCRYPTION = re.compile(r"unsupported encryption|encryption (?:filter|dictionary)", re.IGNORECASE)
_HOPELESS = "Too many warnings"
"""qpdf would find as many the second time."""
_TWO_KINDS = "It has two kinds of cross-reference tables, and {}. Save it again as a PDF."
_END = b"%%EOF"
_ROOM_BEHIND = 900
"""Bytes behind %%EOF in which qpdf and others still find it."""
_MOST_SPACE = 2
"""Bytes of white space between the address of a section and the section: one line end."""
_SPACE = b"\0\t\n\f\r "
_BUFFER = 1 << 16
_NOWHERE = b"startxref\n0\n%%EOF\n"
"""It makes qpdf search the whole file for objects."""
_CIPHERS = {
    "none": StringCipher.NONE,
    "rc4": StringCipher.RC4,
    "aes": StringCipher.AES_128,
    "aesv3": StringCipher.AES_256,
}
OBJECT = re.compile(rb"[\r\n](\d{1,10}) (\d{1,5}) obj\b")
"""The beginning of an object, as programs find it that search a file."""
_HEADER = re.compile(rb"[\x00\t\n\x0c\r ]{0,16}+(\d{1,10}+)[\x00\t\n\x0c\r ]+\d{1,5}[\x00\t\n\x0c\r ]+obj")
"""The same at the place that a table names."""
_MOST_DIGITS = 10
"""Of an object's number."""
_NAMED_BACKWARDS = rb"R[\x00\t\n\x0c\r ]+\d{1,5}[\x00\t\n\x0c\r ]+(\d{%d,10}|\d{%d}[%b-9])"
"""A reference from its end: there are fewer letters than digits to begin at, which takes a tenth of the time."""
_MOST_TO_SEARCH = 4 << 20
"""Bytes of a file that is searched for references: 0.1 s."""
_MOST_IN_STREAM = 100_000
"""Objects of one object stream. Usual are 100 to 200."""
_CRYPT_FILTERS = 4
"""The version of encryption that began to name ciphers; before it all is RC4 (ISO 32000-1, table 20)."""
_MANY = 20_000
"""Objects from which on it matters how much memory is needed for each."""
_LEAST_LENGTH = 3
"""Bytes of a file for each object: qpdf passes over numbers for which a file is too short."""


@dataclass(slots=True)
class OpenPdf:
    """A PDF that is open for reading."""

    buffer: mmap.mmap
    pdf: pikepdf.Pdf
    table: ObjectTable
    sections: tuple[Section, ...]
    """The newest first; empty when the table had to be rebuilt."""
    damage: str
    """What is wrong with its cross-reference table; empty when nothing is."""
    encryption: PdfEncryption | None
    claimed: tuple[Section, ...] = ()
    """The sections of a file whose table had to be rebuilt, and which some programs follow all the same."""
    leads_nowhere: bool = False
    """A row of its table leads to no object: some programs search the file then, and others do not."""
    agreed_on: dict[Reference, Dictionary] = field(default_factory=dict)
    """Dictionaries in which qpdf sees the same entries: the catalog is needed several times for one plan."""
    _object_streams: dict[int, ObjectStream] = field(default_factory=dict)

    @property
    def rebuilt(self) -> bool:
        return not self.sections

    def raw(self, reference: Reference) -> bytes | None:
        """The value of an object as the file has it; None for one that is missing.

        Raises: InvalidPdf when something else is at its place, when it is a stream, or when programs disagree on it.
        """
        place = self.table.get(reference.number, reference.generation)
        if place is None:
            if self.table.has_number(reference.number):
                # Some programs do not look at the generation.
                raise InvalidPdf(f"Object {reference.number} has another generation than references to it say.")
            return None
        if place.compressed:
            return self._streamed(place)
        try:
            found = indirect_object(self.buffer, place.offset)
        except BadSyntax as error:
            raise InvalidPdf(f"Object {reference.number} cannot be read: {error}.") from error
        if found.reference != reference:
            raise InvalidPdf(f"Where object {reference.number} should be is another one.")
        if found.stream_at is not None:
            raise InvalidPdf(f"Object {reference.number} is a stream, which it must not be.")
        return found.value

    def writable(self, reference: Reference, home: Reference | None = None) -> bytes | None:
        """As `raw`, for an update: where strings are encrypted, they are so for the object `home`.

        It is the object itself when none is given. In an object stream strings are plain (7.5.7).
        """
        found = self.raw(reference)
        compressed = self.is_compressed(reference)
        home = home or reference
        if found is None or self.encryption is None or (home == reference and not compressed):
            return found
        source = None if compressed else Encrypter(self.encryption, reference.number, reference.generation)
        try:
            return Encrypter(self.encryption, home.number, home.generation).strings_in(found, source)
        except BadSyntax as error:
            raise InvalidPdf(f"Object {reference.number} cannot be read: {error}.") from error

    def named_above(self, highest: int) -> set[int]:
        """The numbers above `highest` that references name, those to nothing too.

        Of a large file none: it would take too long.
        """
        if len(self.buffer) > _MOST_TO_SEARCH:
            return set()
        found = named_in(self.buffer[:], highest)
        searched = 0
        for number in self.table.object_streams():
            with suppress(InvalidPdf):
                data, _, _ = ObjectStream.unpacked(self.pdf, number)
                found |= named_in(data, highest)
                searched += len(data)
            if searched > _MOST_TO_SEARCH:
                break
        return found

    def is_compressed(self, reference: Reference) -> bool:
        place = self.table.get(reference.number, reference.generation)
        return place is not None and place.compressed

    def _streamed(self, place: Place) -> bytes:
        """An object of an object stream (ISO 32000-1, 7.5.7)."""
        if place.offset not in self._object_streams:
            self._object_streams[place.offset] = ObjectStream.read(self.pdf, place.offset)
        return self._object_streams[place.offset].value(place)


@dataclass(frozen=True, slots=True)
class ObjectStream:
    """An object stream, decompressed and decrypted."""

    data: bytes
    first: int
    words: tuple[bytes, ...]
    """Numbers and offsets, alternating."""

    @classmethod
    def read(cls, pdf: pikepdf.Pdf, number: int) -> ObjectStream:
        """Raises: InvalidPdf."""
        data, first, count = cls.unpacked(pdf, number)
        return cls(data, first, tuple(data[: max(0, first)].split(maxsplit=2 * count)[: 2 * count]))

    @staticmethod
    def unpacked(pdf: pikepdf.Pdf, number: int) -> tuple[bytes, int, int]:
        """Its data, where the first object begins in them, and how many there are. Raises: InvalidPdf."""
        stream = pdf.get_object(number, 0)
        if isinstance(stream, pikepdf.Stream):
            first, count = stream.get("/First"), stream.get("/N")
            if isinstance(first, int) and isinstance(count, int) and 0 <= count <= _MOST_IN_STREAM:
                return bytes(stream.read_bytes()), first, count
        raise InvalidPdf(f"The object stream {number} is damaged.")

    def numbers(self) -> set[int]:
        words = self.words[::2]
        try:
            return set(map(int, words))
        except ValueError:
            return {number for word in words if (number := integer(word)) is not None}

    def value(self, place: Place) -> bytes:
        """Raises: InvalidPdf."""
        name, at = [*self.words[2 * place.generation :][:2], b"", b""][:2]
        offset = integer(at)
        # Readers differ in which counts, the number or the index. Here both must be right.
        if integer(name) != place.number or offset is None or offset < 0 or self.words[::2].count(name) != 1:
            raise InvalidPdf(f"The object stream {place.offset} is damaged.")
        try:
            start = skip_space(self.data, self.first + offset)
            return self.data[start : value_end(self.data, start)]
        except BadSyntax as error:
            raise InvalidPdf(f"Object {place.number} cannot be read: {error}.") from error


@cache
def _naming_with(digits: int, first: bytes) -> re.Pattern[bytes]:
    """References to numbers with more digits than `digits`, or with as many and no smaller one than `first` in front.

    Few are to numbers above the highest one, and all of those are among them.
    """
    return re.compile(_NAMED_BACKWARDS % (min(digits + 1, _MOST_DIGITS), digits - 1, first))


def named_in(data: bytes, highest: int) -> set[int]:
    """The numbers above `highest` that references in `data` name."""
    named = _naming_with(len(str(highest)), str(highest)[:1].encode())
    # One at a time: a list of all references would take as much memory as the file's objects.
    found = named.finditer(data[::-1])
    return {number for match in found if (number := int(match[1][::-1])) > highest}


@contextmanager
def open_pdf(file: Path) -> Iterator[OpenPdf]:
    """To be used inside ``parsing.only_refusals``. Raises: InvalidPdf, ProtectedPdf, PdfTooComplex."""
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        if buffer.find(b"%PDF-", 0, 1024):
            raise InvalidPdf("There is something before its beginning (%PDF-). Save it again as a PDF.")
        require_no_large_objects(buffer)
        sections, why = _chain(buffer)
        if sections and OBJECT.search(buffer, max(buffer.rfind(_END), buffer.rfind(b"startxref"))):
            raise InvalidPdf("Its last update is not complete: some programs show it, others do not.")
        limit_qpdf()
        try:
            with ExitStack() as files:
                pdf, table, said, nowhere = _tolerantly_opened(files, file, stream.fileno(), buffer, sections)
                warnings = require_all_read(pdf, said)
                rebuilt = any(_REBUILT.search(w) for w in warnings)
                if rebuilt and any(_LOST.search(w) for w in warnings):
                    raise InvalidPdf("A part of the file is missing: its end, or more.")
                claimed: tuple[Section, ...] = ()
                if rebuilt and sections:
                    why, sections, claimed = "its cross-reference table is wrong", (), sections
                if not sections and "/XRefStm" in pdf.trailer:
                    # qpdf finds no objects in object streams then. They would be lost.
                    raise InvalidPdf(_TWO_KINDS.format(why))
                if sections and not _leads_to(buffer, sections[0].offset):
                    why = "startxref is wrong"
                    if any("XRefStm" in section.trailer.names() for section in sections):
                        # Programs that search for objects then do not find those either.
                        raise InvalidPdf(_TWO_KINDS.format(why))
                yield OpenPdf(buffer, pdf, table, sections, why, _encryption(pdf), claimed, nowhere)
                warnings += require_all_read(pdf)
                _require_whole_streams(warnings, table)
        except pikepdf.PasswordError as error:
            raise ProtectedPdf("It opens with a password only. Save it without one, and sign that.") from error
        except pikepdf.PdfError as error:
            if _UNKNOWN_ENCRYPTION.search(str(error)):
                raise ProtectedPdf("It is encrypted in a way that is not known.") from error
            raise InvalidPdf(_without_name(str(error))) from error


def _require_whole_streams(warnings: list[str], table: ObjectTable) -> None:
    """No object stream is longer or shorter than it says: some programs find nothing in it. Raises: InvalidPdf."""
    wrong = {int(found[1]) for warning in warnings if (found := _WRONG_LENGTH.search(warning))}
    if wrong and (among := wrong & table.object_streams()):
        raise InvalidPdf(f"The object stream {min(among)} is damaged.")


def _tolerantly_opened(
    files: ExitStack, file: Path, descriptor: int, buffer: mmap.mmap, sections: tuple[Section, ...]
) -> tuple[pikepdf.Pdf, ObjectTable, list[str], bool]:
    """The file, where its objects are, what qpdf has said so far, and whether a row leads to no object.

    qpdf rebuilds a table that leads nowhere; one that leads to wrong objects only when it is told nothing of it.

    Raises: InvalidPdf for an object that the table leads to, and that is not found without it, and for a table that
    only some programs can read and that says otherwise than a search.
    """
    first = None
    length, end = _as_qpdf_wants_it(buffer, sections)
    table = None if end else _table_alone(descriptor, buffer, sections)
    try:
        first = pdf = files.enter_context(_opened(file, descriptor, length, end))
        pages, said = _touch(pdf), [str(warning) for warning in pdf.get_warnings()]
        rebuilt = any(_REBUILT.search(warning) for warning in said)
        if table is None or rebuilt:
            table = ObjectTable(pdf)
        if not sections and not rebuilt:
            _require_found(table, buffer)
        found = pages and (not sections or _leads_to(buffer, sections[0].offset) or _is_found(table, buffer))
        astray, nowhere = _lead_wrong(table, buffer) if sections else (False, False)
        if found and not astray:
            return pdf, table, said, nowhere
    except pikepdf.PasswordError:
        raise
    except pikepdf.PdfError as error:
        if not sections or _HOPELESS in str(error):
            raise
    end_of_file = max(buffer.rfind(b"startxref"), 0) or len(buffer)
    pdf = files.enter_context(_opened(file, descriptor, end_of_file, _NOWHERE))
    _touch(pdf)
    table = ObjectTable(pdf)
    if first is not None:
        _require_none_lost(first, table)
    return pdf, table, [], False


def _table_alone(descriptor: int, buffer: mmap.mmap, sections: tuple[Section, ...]) -> ObjectTable | None:
    """The table of a file with many objects, read while qpdf has read nothing else; None for other files.

    With the catalog qpdf reads the whole object stream that the catalog is in, and makes an object of each reference
    there: 40 MB for 200,000. It would have them while it tells the table, which takes 70 MB more. So the table is told
    by another reader, which finds a catalog of ours with one empty page. The rows are the same: qpdf reads all sections
    before it reads the catalog. It changes nothing of them later, unless it makes a table anew. Then it tells that one.

    A table that is no stream is left out: qpdf would read each row of it by a call, and there the catalog is alone.
    """
    highest = max((section.highest for section in sections), default=0)
    tree, page = highest + 1, highest + 2
    if not sections or highest < _MANY or page * _LEAST_LENGTH >= len(buffer):
        return None
    if any(section.kind is not SectionKind.STREAM for section in sections):
        return None
    end = b"\n%d 0 obj\n<</Type/Pages/Count 1/Kids[%d 0 R]>>\nendobj\n" % (tree, page)
    places = len(buffer) + 1, len(buffer) + len(end)
    end += b"%d 0 obj\n<</Type/Page/Parent %d 0 R/MediaBox[0 0 9 9]>>\nendobj\n" % (page, tree)
    at = len(buffer) + len(end)
    end += b"xref\n%d 2\n%010d 00000 n \n%010d 00000 n \n" % (tree, *places)
    root = b"<</Type/Catalog/Pages %d 0 R>>" % tree
    end += b"trailer\n<</Size %d/Prev %d/Root%b>>\n" % (page + 1, sections[0].offset, root)
    end += b"startxref\n%d\n%%%%EOF\n" % at
    try:
        with _behind_another_end(descriptor, len(buffer), end) as pdf:
            table = ObjectTable(pdf, but=((tree, 0), (page, 0)))
            rebuilt = any(_REBUILT.search(str(warning)) for warning in pdf.get_warnings())
    except pikepdf.PdfError:
        return None  # the file itself is to say what is wrong with it
    # For qpdf the file is longer by our end. What leads there could be read differently.
    return None if rebuilt or max(table.offsets(), default=0) >= len(buffer) else table


def _require_none_lost(before: pikepdf.Pdf, after: ObjectTable) -> None:
    """Some programs follow the table that is there, and would not find all of it in the one that is made anew."""
    known = set(after.numbers())
    for key in sorted(key for key in before.get_xref_table() if key[0] and key[0] not in known):
        found = before.get_object(*key)
        if isinstance(found, pikepdf.Stream) and found.get("/Type") in ("/XRef", "/ObjStm"):
            continue
        if found is not None:
            raise InvalidPdf(f"Object {key[0]} is there for some programs only.")


def _is_found(table: ObjectTable, buffer: mmap.mmap) -> bool:
    """The table says of each object what a search of the file says.

    To be asked where the address of the table is wrong, or a row of it: some programs read the table, others search.
    """
    searched = {int(match[1]): match.start(1) for match in OBJECT.finditer(buffer)}
    # Of a number that is there in two generations the second one counts.
    rows = {place.number: place for place in table.places()}
    return searched == {number: place.offset for number, place in rows.items() if not place.compressed}


def _require_found(table: ObjectTable, buffer: mmap.mmap) -> None:
    """A search finds the objects that the table leads to, and no others.

    To be asked where only some programs can read the table, and others search. A row that leads to no object counts
    for nothing, for all of them.

    Raises: InvalidPdf.
    """
    searched = {int(match[1]): match.start(1) for match in OBJECT.finditer(buffer)}
    numbers = set(table.numbers())
    wrong = set(searched) - numbers | {one.number for one in table.places() if one.compressed} & searched.keys()
    for number, offset in table.plain():
        header = _HEADER.match(buffer, offset)
        if header is not None and int(header[1]) == number and header.start(1) != searched.get(number):
            wrong.add(number)
    if wrong:
        raise InvalidPdf(
            f"Its cross-reference table is damaged, and object {min(wrong)} is there for some programs only."
        )


def _lead_wrong(table: ObjectTable, buffer: mmap.mmap) -> tuple[bool, bool]:
    """Whether a row leads to the beginning of an object with another number, and whether one leads to no object.

    qpdf finds that out when it reads the object, and only pages and forms are read here. Programs show such a file
    differently: some pass over the object, some search the file for all objects.
    """
    nowhere = False
    for number, offset in table.plain():
        usual = b"%d 0 obj" % number
        if buffer[offset : offset + len(usual)] == usual:
            continue  # without a search, for hundreds of thousands
        there = _HEADER.match(buffer, offset)
        if there is None:
            nowhere = True
        elif int(there[1]) != number:
            return True, nowhere
    return False, nowhere


def _touch(pdf: pikepdf.Pdf) -> int:
    """Read what an update changes, so that qpdf finds out what it has to rebuild. The number of pages."""
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary):
        form.get("/Fields")
    return len(pdf.pages)


@contextmanager
def _opened(file: Path, descriptor: int, length: int, end: bytes) -> Iterator[pikepdf.Pdf]:
    if not end:
        with pikepdf.open(file, inherit_page_attributes=False) as pdf:  # much faster than through Python
            yield pdf
        return
    with _behind_another_end(descriptor, length, end) as pdf:
        yield pdf


@contextmanager
def _behind_another_end(descriptor: int, length: int, end: bytes) -> Iterator[pikepdf.Pdf]:
    with (
        io.BufferedReader(View(descriptor, 0, length, end), _BUFFER) as view,
        pikepdf.open(view, inherit_page_attributes=False) as pdf,
    ):
        yield pdf


def _encryption(pdf: pikepdf.Pdf) -> PdfEncryption | None:
    """Raises: ProtectedPdf for a way of encrypting that is not known."""
    if not pdf.is_encrypted:
        return None
    found = pdf.encryption
    if found.V < _CRYPT_FILTERS:
        return PdfEncryption(bytes(found.encryption_key), StringCipher.RC4, StringCipher.RC4)
    strings, streams = _CIPHERS.get(found.string_method.name), _CIPHERS.get(found.stream_method.name)
    if strings is None or streams is None:
        raise ProtectedPdf("It is encrypted in a way that is not known.")
    return PdfEncryption(bytes(found.encryption_key), strings, streams)


def _chain(buffer: mmap.mmap) -> tuple[tuple[Section, ...], str]:
    try:
        return read_chain(buffer), ""
    except NoChain as error:
        return (), str(error)


def _as_qpdf_wants_it(buffer: mmap.mmap, sections: tuple[Section, ...]) -> tuple[int, bytes]:
    """(length, end): how much of the file qpdf sees, and what it sees behind.

    A startxref that is a few bytes off, and kilobytes of padding behind %%EOF, would make it rebuild the table. Of a
    hybrid file (7.5.8.4) it would not see the objects that the table calls free and the stream beside it shows: here
    an empty table comes first that has the same stream.
    """
    at = buffer.rfind(b"startxref")
    if not sections or at < 0:
        return len(buffer), b""
    newest = sections[0]
    hybrid = newest.kind is SectionKind.TABLE and newest.trailer.get("XRefStm") is not None
    if hybrid:
        trailer = newest.trailer.with_entry("Prev", b"%d" % newest.offset)
        return at, b"\nxref\n0 0\ntrailer\n%b\nstartxref\n%d\n%%%%EOF\n" % (trailer, at + 1)
    end = buffer.find(_END, at)
    if _leads_to(buffer, newest.offset) and 0 <= len(buffer) - end < _ROOM_BEHIND:
        return len(buffer), b""
    return at, b"startxref\n%d\n%%%%EOF\n" % newest.offset


def _leads_to(buffer: mmap.mmap, offset: int) -> bool:
    """startxref names `offset`, where the newest section begins, or white space in front of it.

    Some programs that sign count one byte too few. All readers pass over the line end in front of the section.
    """
    at = buffer.rfind(b"startxref") + len(b"startxref")
    words = buffer[at : at + 32].split()
    stated = integer(words[0]) if words else None
    return stated is not None and 0 <= offset - stated <= _MOST_SPACE and not buffer[stated:offset].strip(_SPACE)


def _without_name(message: str) -> str:
    """qpdf's message without the name that it gives the file, and what to do."""
    return f"It cannot be followed ({message.rpartition(': ')[2][:200].strip()}). Open it and save it again as a PDF."
