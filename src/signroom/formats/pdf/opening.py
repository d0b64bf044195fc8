"""Open a PDF with qpdf, and beside it the file's own bytes: what is meant, and where exactly it stands.

qpdf is tolerant and says what it had to repair. What it repaired is never written anywhere: an update of ours needs
the exact offset and the raw bytes of the few objects that it writes again.
"""

from __future__ import annotations

import io
import mmap
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pikepdf

from signroom.domain.errors import InvalidPdf, PdfTooComplex, ProtectedPdf
from signroom.domain.pdf_facts import PdfEncryption, StringCipher
from signroom.formats.pdf.crossref import NoChain, Section, read_chain
from signroom.formats.pdf.syntax import BadSyntax, Reference, indirect_object, integer, value_end
from signroom.formats.pdf.view import View
from signroom.formats.pdf.whole_table import Place
from signroom.formats.pdf.writing_encrypted import Encrypter

_REBUILT = re.compile(r"reconstruct", re.IGNORECASE)
_LOST = re.compile(r"unable to find trailer|unexpected EOF|EOF while|EOF after|expected endstream", re.IGNORECASE)
_END = b"%%EOF"
_ROOM_BEHIND = 900
"""Bytes behind %%EOF in which qpdf and others still find it."""
_MAX_OBJECT_STREAM = 64 << 20
_BUFFER = 1 << 16
_NOWHERE = b"startxref\n0\n%%EOF\n"
"""It makes qpdf search the whole file for objects."""
_CIPHERS = {
    "none": StringCipher.NONE,
    "rc4": StringCipher.RC4,
    "aes": StringCipher.AES_128,
    "aesv3": StringCipher.AES_256,
}
COMPRESSED = 2
"""The type of a cross-reference entry of an object in an object stream (ISO 32000-1, table 18)."""


@dataclass(slots=True)
class OpenPdf:
    """A PDF that is open for reading."""

    buffer: mmap.mmap
    pdf: pikepdf.Pdf
    table: dict[tuple[int, int], pikepdf.XrefEntry]
    sections: tuple[Section, ...]
    """The newest first; empty when the table had to be rebuilt."""
    header: int
    """Where %PDF- stands. qpdf counts its offsets from there."""
    damage: str
    """What is wrong with its cross-reference table; empty when nothing is."""
    encryption: PdfEncryption | None
    _object_streams: dict[int, dict[int, bytes]] = field(default_factory=dict)

    @property
    def rebuilt(self) -> bool:
        return not self.sections

    def raw(self, reference: Reference) -> bytes | None:
        """The value of an object as the file has it, of a stream its dictionary; None for one that is missing.

        Raises: InvalidPdf when something else is at its place.
        """
        entry = self.table.get((reference.number, reference.generation))
        if entry is None:
            return None
        place = place_of(reference.number, reference.generation, entry, self.header)
        if place.compressed:
            return self._streamed(place.offset).get(reference.number)
        try:
            found = indirect_object(self.buffer, place.offset)
        except BadSyntax as error:
            raise InvalidPdf(f"Object {reference.number} cannot be read: {error}.") from error
        if found.reference != reference:
            raise InvalidPdf(f"Where object {reference.number} should be is another one.")
        return found.value

    def writable(self, reference: Reference) -> bytes | None:
        """As `raw`, for a place outside of an object stream: the strings of an encrypted file are plain inside."""
        found = self.raw(reference)
        if found is None or self.encryption is None or not self.is_compressed(reference):
            return found
        return Encrypter(self.encryption, reference.number).strings_in(found)

    def is_compressed(self, reference: Reference) -> bool:
        entry = self.table.get((reference.number, reference.generation))
        return entry is not None and entry.type == COMPRESSED

    def _streamed(self, number: int) -> dict[int, bytes]:
        """The objects of an object stream (ISO 32000-1, 7.5.7), by number."""
        if number not in self._object_streams:
            stream = self.pdf.get_object(number, 0)
            data = bytes(stream.read_bytes())
            if len(data) > _MAX_OBJECT_STREAM:
                raise PdfTooComplex
            first, count = int(stream["/First"]), int(stream["/N"])
            words = [integer(word) for word in data[:first].split()[: 2 * count]]
            found: dict[int, bytes] = {}
            for name, offset in zip(words[::2], words[1::2], strict=False):
                if name is None or offset is None:
                    raise InvalidPdf(f"The object stream {number} is damaged.")
                try:
                    found[name] = data[first + offset : value_end(data, first + offset)].strip()
                except BadSyntax as error:
                    raise InvalidPdf(f"Object {name} cannot be read: {error}.") from error
            self._object_streams[number] = found
        return self._object_streams[number]


def place_of(number: int, generation: int, entry: pikepdf.XrefEntry, header: int) -> Place:
    """Where qpdf says that an object lies, in bytes from the beginning of the file."""
    if entry.type == COMPRESSED:
        return Place(number, True, entry.obj_stream_number or 0, entry.obj_stream_index or 0)
    return Place(number, False, (entry.offset or 0) + header, generation)


@contextmanager
def open_pdf(file: Path) -> Iterator[OpenPdf]:
    """To be used inside ``parsing.only_refusals``. Raises: InvalidPdf, ProtectedPdf."""
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        header = buffer.find(b"%PDF-", 0, 1024)
        if header:
            raise InvalidPdf("There is something before its beginning (%PDF-). Save it again as a PDF.")
        sections, why = _chain(buffer)
        try:
            with ExitStack() as files:
                pdf = _tolerantly_opened(files, file, stream.fileno(), buffer, sections)
                warnings = pdf.get_warnings()
                rebuilt = any(_REBUILT.search(w) for w in warnings)
                if rebuilt and any(_LOST.search(w) for w in warnings):
                    raise InvalidPdf("A part of the file is missing: its end, or more.")
                if rebuilt and sections:
                    why, sections = "its cross-reference table is wrong", ()
                elif sections and _stated(buffer) != sections[0].offset:
                    why = "startxref is wrong"
                yield OpenPdf(buffer, pdf, pdf.get_xref_table(), sections, header, why, _encryption(pdf))
        except pikepdf.PasswordError as error:
            raise ProtectedPdf from error
        except pikepdf.PdfError as error:
            raise InvalidPdf(_without_name(str(error))) from error


def _tolerantly_opened(
    files: ExitStack, file: Path, descriptor: int, buffer: mmap.mmap, sections: tuple[Section, ...]
) -> pikepdf.Pdf:
    """qpdf rebuilds a table that leads nowhere; one that leads to wrong objects only when it is told nothing of it."""
    try:
        pdf = files.enter_context(_opened(file, descriptor, *_as_qpdf_wants_it(buffer, sections)))
        if len(pdf.pages):  # walks the page tree: what it had to rebuild there is in the table, too
            return pdf
    except pikepdf.PasswordError:
        raise
    except pikepdf.PdfError:
        if not sections:
            raise
    end = max(buffer.rfind(b"startxref"), 0) or len(buffer)
    pdf = files.enter_context(_opened(file, descriptor, end, _NOWHERE))
    len(pdf.pages)
    return pdf


@contextmanager
def _opened(file: Path, descriptor: int, length: int, end: bytes) -> Iterator[pikepdf.Pdf]:
    if not end:
        with pikepdf.open(file, inherit_page_attributes=False) as pdf:  # much faster than through Python
            yield pdf
        return
    with (
        io.BufferedReader(View(descriptor, length, end), _BUFFER) as view,
        pikepdf.open(view, inherit_page_attributes=False) as pdf,
    ):
        yield pdf


def _encryption(pdf: pikepdf.Pdf) -> PdfEncryption | None:
    """Raises: ProtectedPdf for a way of encrypting that is not known."""
    if not pdf.is_encrypted:
        return None
    found = pdf.encryption
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

    A startxref that is a few bytes off, and kilobytes of padding behind %%EOF, would make it rebuild the table.
    """
    at = buffer.rfind(b"startxref")
    if not sections or at < 0:
        return len(buffer), b""
    end = buffer.find(_END, at)
    if _stated(buffer) == sections[0].offset and 0 <= len(buffer) - end < _ROOM_BEHIND:
        return len(buffer), b""
    return at, b"startxref\n%d\n%%%%EOF\n" % sections[0].offset


def _stated(buffer: mmap.mmap) -> int | None:
    """Where the newest section is said to begin."""
    at = buffer.rfind(b"startxref") + len(b"startxref")
    words = buffer[at : at + 32].split()
    return integer(words[0]) if words else None


def _without_name(message: str) -> str:
    """qpdf's message without the name that it gives the file."""
    return message.rpartition(": ")[2][:200].strip().capitalize() + "."
