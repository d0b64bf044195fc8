"""The signatures that are in a PDF: which there are, and what their dictionaries say (ISO 32000-1, 12.7.4.5, 12.8.1).

What is read is data of a stranger. One signature that cannot be read does not hide the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from mmap import MADV_DONTNEED, mmap
from typing import Any

import pikepdf

from signroom.formats.pdf.earlier.places import Place, Places
from signroom.formats.pdf.earlier.window import header_at
from signroom.formats.pdf.reading.syntax import (
    BadSyntax,
    Buffer,
    Dictionary,
    indirect_object,
    integer,
    items,
    reference,
    skip_space,
)

Value = Any
"""What pikepdf gives for a value: its objects, and plain Python values for numbers and booleans."""

_WINDOW = 16 << 20
"""Bytes that are searched at a time."""
_LONGEST = 64 << 20
"""Bytes of a signature dictionary: some programs leave megabytes of room for the signature."""
_MAX_FIELDS = 100_000
_MAX_DEPTH = 64
_MAX_NAME = 1000
_TIMESTAMP = "/ETSI.RFC3161"
_REFERENCES = re.compile(rb"\[(?: \d+ \d+ R)* \]")
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Range:
    """The signed bytes: all from `start` to `end` but the gap. Offsets count from the beginning of the file."""

    start: int
    gap: int
    behind_gap: int
    end: int


@dataclass(frozen=True, slots=True)
class EmbeddedSignature:
    """One filled signature field, in the words of its dictionary."""

    field_name: str
    field: Place | None
    """None for a field that is no object of its own."""
    value: Place | None
    """Where the signature dictionary is; None when it lies inside the field."""
    subfilter: str
    contents: bytes
    """With the padding."""
    certificates: tuple[bytes, ...]
    """/Cert of the old kinds, whose certificates lie beside the value."""
    signed: Range | None
    """None for a ByteRange that is none, or that leaves out more than /Contents."""
    claimed_time: datetime | None

    @property
    def is_timestamp(self) -> bool:
        """A document timestamp, whatever /Type says (EN 319 142-1, 5.4.3)."""
        return self.subfilter == _TIMESTAMP

    @property
    def end(self) -> int:
        """Where the signed revision ends; 0 when nobody knows."""
        return self.signed.end if self.signed is not None else 0


@dataclass(frozen=True, slots=True)
class Field:
    """A terminal field, or a widget of one (12.7.3)."""

    name: str
    kind: str
    """/FT, its own or inherited."""
    node: Value
    value: Value
    """/V, its own or inherited."""


def embedded_signatures(pdf: pikepdf.Pdf, buffer: Buffer, places: Places) -> list[EmbeddedSignature]:
    """In the order they were made; those of which that is not known come first."""
    base = header_at(buffer)
    seen: set[Place] = set()
    found = [
        one
        for field in form_fields(pdf)
        if field.kind == "/Sig"
        for one in _signature(field, buffer, base, places, seen)
    ]
    # Few files have signatures that their form does not name, and pages can have very many annotations.
    if _count(buffer, b"/ByteRange", len(found)) > len(found):
        found += [one for field in _widgets_of_pages(pdf) for one in _signature(field, buffer, base, places, seen)]
    return sorted(found, key=lambda one: one.end)


def _count(buffer: Buffer, word: bytes, enough: int) -> int:
    """How often `word` is in `buffer`, up to one more than `enough`.

    What was read of a mapped file is given back on the way: it counts as memory of the process.
    """
    at = count = 0
    while at < len(buffer) and count <= enough:
        end = min(at + _WINDOW, len(buffer))
        found = buffer.find(word, at, end + len(word) - 1)
        if found >= 0:
            count, at = count + 1, found + 1
            continue
        at = end
        if isinstance(buffer, mmap):
            buffer.madvise(MADV_DONTNEED)
    return count


def _signature(
    field: Field, buffer: Buffer, base: int, places: Places, seen: set[Place]
) -> Iterator[EmbeddedSignature]:
    """The signature of a field that is not empty and was not `seen`."""
    place = place_of(field.value)
    if not isinstance(field.value, pikepdf.Dictionary):
        yield from _unreadable(buffer, base, places, field)
        return
    if place is not None:
        if place in seen:
            return
        seen.add(place)
    if not _is_empty(field.value):
        yield _read(field, _raw(buffer, base, places, field), len(buffer), base)


def _widgets_of_pages(pdf: pikepdf.Pdf) -> Iterator[Field]:
    """Signature widgets in the order of the pages."""
    for page in pages(pdf):
        for node in elements(page.get("/Annots")):
            if not isinstance(node, pikepdf.Dictionary):
                continue
            if node.get("/Subtype") == "/Widget" and inherited(node, "/FT") == "/Sig":
                yield Field(full_name(node), "/Sig", node, inherited(node, "/V"))


def form_fields(pdf: pikepdf.Pdf) -> Iterator[Field]:
    """The terminal fields of the interactive form, each once. A field that is reached in a circle ends there."""
    form = pdf.Root.get("/AcroForm")
    if not isinstance(form, pikepdf.Dictionary):
        return
    seen: set[Place] = set()
    waiting: list[tuple[Value, str, str, Value, int]] = [
        (node, "", "", None, 0) for node in reversed(elements(form.get("/Fields")))
    ]
    left = _MAX_FIELDS
    while waiting and left:
        node, name, kind, value, depth = waiting.pop()
        left -= 1
        if not isinstance(node, pikepdf.Dictionary) or depth > _MAX_DEPTH:
            continue
        place = place_of(node)
        if place is not None:
            if place in seen:
                continue
            seen.add(place)
        part = text_of(node.get("/T"))
        name = (f"{name}.{part}" if name else part)[:_MAX_NAME] if part is not None else name
        kind = name_of(node.get("/FT")) or kind
        value = node.get("/V", value)
        kids = [kid for kid in elements(node.get("/Kids")) if isinstance(kid, pikepdf.Dictionary)]
        below = [kid for kid in kids if "/T" in kid]
        if below:
            waiting += [(kid, name, kind, value, depth + 1) for kid in reversed(below)]
        else:
            yield Field(name, kind, node, value)


def pages(pdf: pikepdf.Pdf) -> Iterator[Value]:
    """The pages in their order, as the page tree has them, which is not mended on the way."""
    seen: set[Place] = set()
    waiting = [(pdf.Root.get("/Pages"), 0)]
    while waiting:
        node, depth = waiting.pop()
        if not isinstance(node, pikepdf.Dictionary) or depth > _MAX_DEPTH:
            continue
        kids = node.get("/Kids")
        if kids is None or node.get("/Type") == "/Page":
            yield node
            continue
        place = place_of(node)
        if place is not None:
            if place in seen:
                continue
            seen.add(place)
        waiting += [(kid, depth + 1) for kid in reversed(elements(kids))]


def elements(value: Value) -> list[Value]:
    """Those of an array; none when it is something else."""
    return list(value) if isinstance(value, pikepdf.Array) else []


def listed(value: Value) -> list[Place | Value]:
    """The elements of an array, those that are references as places: the objects behind them are not read."""
    if not isinstance(value, pikepdf.Array):
        return []
    text = value.unparse(resolved=True)
    if _REFERENCES.fullmatch(text):
        numbers = iter(map(int, text[1:-1].replace(b"R", b"").split()))
        return list(zip(numbers, numbers, strict=True))
    return [place_of(one) or one for one in value]


def place_of(value: Value) -> Place | None:
    """Of an object that stands in the file by itself; None for all others."""
    if not isinstance(value, pikepdf.Object) or not value.is_indirect:
        return None
    return value.objgen


def inherited(node: Value, key: str) -> Value:
    """A value of a field or a page, its own or that of a node above it."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(node, pikepdf.Dictionary):
            return None
        if key in node:
            return node[key]
        node = node.get("/Parent")
    return None


def full_name(node: Value) -> str:
    """Partial names, joined by dots, the topmost first (12.7.3.2)."""
    parts: list[str] = []
    for _ in range(_MAX_DEPTH):
        if not isinstance(node, pikepdf.Dictionary):
            break
        part = text_of(node.get("/T"))
        if part is not None:
            parts.insert(0, part)
        node = node.get("/Parent")
    return ".".join(parts)[:_MAX_NAME]


def text_of(value: Value) -> str | None:
    """A text string; None when it is something else."""
    try:
        return str(value) if isinstance(value, pikepdf.String) else None
    except UnicodeDecodeError:
        return bytes(value).decode("latin-1")


def name_of(value: Value) -> str:
    """A name with its solidus; empty when it is something else, or no text."""
    try:
        return str(value) if isinstance(value, pikepdf.Name) else ""
    except UnicodeDecodeError:
        return ""


def numbers_of(value: Value) -> tuple[float, ...]:
    """The numbers of an array; empty when it is something else."""
    try:
        return tuple(float(number) for number in elements(value))
    except (TypeError, ValueError, OverflowError):
        return ()


# -- the dictionary --------------------------------------------------------------------------------


def _is_empty(value: Value) -> bool:
    """A dictionary that signs nothing: no contents at all, or zeros for a range that covers nothing."""
    contents = _octets(value.get("/Contents"))
    if not contents.strip(b"\0"):
        return not contents or not any(numbers_of(value.get("/ByteRange")))
    return False


def _octets(value: Value) -> bytes:
    return bytes(value) if isinstance(value, pikepdf.String) else b""


@dataclass(frozen=True, slots=True)
class _Raw:
    """A signature dictionary as the file has it, and where it begins."""

    dictionary: Dictionary
    at: int


def _raw(buffer: Buffer, base: int, places: Places, field: Field) -> _Raw | None:
    """None when it cannot be found as bytes of the file, so that no gap of a ByteRange can be around its contents."""
    try:
        place = place_of(field.value)
        if place is not None:
            return _object(buffer, base, places.entries[place])
        holder = field.node
        for _ in range(_MAX_DEPTH):
            if "/V" in holder:
                break
            holder = holder["/Parent"]
        place = place_of(holder)
        found = _object(buffer, base, places.entries[place]) if place is not None else None
        inside = found.dictionary.place("V") if found is not None else None
        if found is None or inside is None:
            return None
        return _Raw(Dictionary(found.dictionary.raw[inside[0] : inside[1]]), found.at + inside[0])
    except (BadSyntax, KeyError, TypeError):
        return None


def _object(buffer: Buffer, base: int, entry: Any) -> _Raw | None:
    if entry.type != 1 or entry.offset is None:
        return None
    at = base + entry.offset
    found = indirect_object(buffer, at, _LONGEST)
    start = skip_space(buffer, buffer.find(b"obj", at) + 3)
    return _Raw(Dictionary(found.value), start)


def _unreadable(buffer: Buffer, base: int, places: Places, field: Field) -> Iterator[EmbeddedSignature]:
    """A signature dictionary that the reader takes for null, because something in it is no value: not an empty one."""
    place = place_of(field.node)
    try:
        holder = _object(buffer, base, places.entries[place]) if place is not None else None
        value = reference(holder.dictionary.get("V")) if holder is not None else None
        raw = _object(buffer, base, places.entries[value.number, value.generation]) if value is not None else None
    except (BadSyntax, KeyError):
        return
    if raw is not None and value is not None and raw.dictionary.get("Contents"):
        contents = _contents(raw, pikepdf.Dictionary())
        kind = (raw.dictionary.get("SubFilter") or b"").decode("latin-1")
        where = value.number, value.generation
        yield EmbeddedSignature(field.name, place, where, kind, contents, (), None, None)


def _read(field: Field, raw: _Raw | None, length: int, base: int) -> EmbeddedSignature:
    value = field.value
    node, place = place_of(field.node), place_of(value)
    return EmbeddedSignature(
        field_name=field.name,
        field=node,
        value=place,
        subfilter=name_of(value.get("/SubFilter")),
        contents=_octets(value.get("/Contents")) if raw is None else _contents(raw, value),
        certificates=_certificates(value.get("/Cert")),
        signed=None if raw is None else _signed_range(raw, value, length, base),
        claimed_time=date_of(value.get("/M")),
    )


def _contents(raw: _Raw, value: Value) -> bytes:
    """As the file has it: a reader of an encrypted file may take a signature for an encrypted string (7.6.2)."""
    digits = raw.dictionary.get("Contents") or b""
    try:
        return bytes.fromhex(digits.strip(b"<>").decode("ascii"))
    except ValueError:
        return _octets(value.get("/Contents"))


def _certificates(value: Value) -> tuple[bytes, ...]:
    if isinstance(value, pikepdf.String):
        return (bytes(value),)
    return tuple(bytes(one) for one in elements(value) if isinstance(one, pikepdf.String))


def _signed_range(raw: _Raw, value: Value, length: int, base: int) -> Range | None:
    """The ByteRange, when its gap is the hexadecimal string of /Contents and nothing else (EN 319 142-1, 5.4).

    A verifier that compares lengths only can be fooled: a literal string takes half the space, and a whole other
    document fits into the gap beside it (signature wrapping).
    """
    place = raw.dictionary.place("Contents")
    if place is None or raw.dictionary.raw[place[0] : place[0] + 1] != b"<":
        return None
    gap, behind = raw.at + place[0], raw.at + place[1]
    match _integers(raw.dictionary.get("ByteRange"), value):
        case [0, int(first), int(second), int(rest)]:
            pass
        case _:
            return None
    # Offsets count from the header; some programs count from the beginning of the file, whatever is in front.
    for start in dict.fromkeys((base, 0)):
        end = start + second + rest
        if (start + first, start + second) == (gap, behind) and rest >= 0 and end <= length:
            return Range(start, gap, behind, end)
    return None


def _integers(raw: bytes | None, value: Value) -> list[int | None]:
    try:
        return [integer(number) for number in items(raw or b"")]
    except BadSyntax:  # an array elsewhere
        return [
            n if isinstance(n, int) and not isinstance(n, bool) else None for n in elements(value.get("/ByteRange"))
        ]


def date_of(value: Value) -> datetime | None:
    """A date (7.9.4); None also for one that is none: many programs write them.

    Without an offset the relation to UTC is unknown. UTC is the best guess.
    """
    found = _DATE.match(text_of(value) or "")
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[:6])
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    try:
        time = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=timezone(offset))
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
