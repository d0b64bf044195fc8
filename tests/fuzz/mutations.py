"""Ways to damage a PDF. Each takes the bytes and gives other bytes; the dice decide where.

A mutation that finds nothing to change gives the bytes back as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random

from tests.vectors.pdf import builder

Mutation = Callable[[Random, bytes, bytes], bytes]
"""Gets the dice, a file, and another file."""

_TOKEN = re.compile(rb"/[^\s()<>\[\]{}/%]*|[^\s()<>\[\]{}/%]+|<<|>>|[\[\]]")
_SPACE = re.compile(rb"[ \n\r\t]+")
_VALUE = rb"(\d+ \d+ R\b|/[^\s()<>\[\]{}/%]*|[-+\d.]+|null|true|false|"
_VALUE += rb"\[[^\[\]]{0,300}\]|\([^()]{0,100}\)|<[0-9a-fA-F]{0,200}>)"
_ENTRY = re.compile(rb"(/[A-Za-z][A-Za-z0-9]*) ?" + _VALUE)
_NAME = re.compile(rb"/([A-Za-z][A-Za-z0-9]+)")
_OBJECT = re.compile(rb"(?:^|(?<=[\r\n]))(\d{1,7}) (\d{1,5}) obj\b(.*?)endobj", re.DOTALL)
_ROW = re.compile(rb"(\d{10}) (\d{5}) ([nf])")
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_XREF = re.compile(rb"(?:^|(?<=[\r\n]))xref\b.*?(?=trailer)", re.DOTALL)
_END_OF_STREAM = re.compile(rb"endstream\s+endobj")
_END_OF_OBJECT = re.compile(rb"endobj")
_END_OF_STRING = re.compile(rb"\)")
_LENGTH = re.compile(rb"/Length (\d{1,7})(?! \d+ R)")
_STARTXREF = re.compile(rb"startxref\s+(\d+)")
_STRUCTURE = (
    *(b"Size", b"Prev", b"Type", b"Kids", b"Count", b"Length", b"W", b"Index", b"First", b"N", b"XRefStm"),
    *(b"Root", b"Pages", b"Parent", b"Contents", b"Resources", b"Annots", b"AcroForm", b"Fields", b"ID", b"Encrypt"),
    *(b"Filter", b"Extends", b"Info", b"MediaBox", b"Font", b"SigFlags", b"ByteRange", b"Subtype", b"DecodeParms"),
)
_ODD_VALUES = (
    *(b"0", b"-1", b"1", b"2", b"3", b"5", b"1000", b"65536", b"2147483647", b"2147483648", b"4294967296"),
    *(b"9223372036854775808", b"99999999999999999999", b"1.5", b"-0", b"+7", b"007", b"null", b"true", b"[]", b"<<>>"),
    *(b"/X", b"()", b"<>", b"1 0 R", b"2 0 R", b"3 0 R", b"4 0 R", b"5 0 R", b"99 0 R", b"3 1 R", b"0 0 R", b"[null]"),
    *(b"[0 0]", b"[1 1 1]", b"[1 8 2]", b"[0 4 0]", b"[3 0 R 3 0 R]", b"[[]]", b"99999 0 R", b"3 65535 R", b"/Page"),
    *(b"/Pages", b"/Catalog", b"/XRef", b"/ObjStm", b"/Sig"),
)


def _pick(dice: Random, pattern: re.Pattern[bytes], data: bytes) -> re.Match[bytes] | None:
    places = list(pattern.finditer(data))
    return dice.choice(places) if places else None


def _replaced(data: bytes, start: int, end: int, new: bytes) -> bytes:
    return data[:start] + new + data[end:]


# -- bytes and tokens -------------------------------------------------------------------------------


def flip_bytes(dice: Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 8))):
        if changed:
            changed[dice.randrange(len(changed))] = dice.choice((dice.randrange(256), 0x20, 0x30, 0x2F, 0x3E))
    return bytes(changed)


def change_digits(dice: Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    places = [found.start() for found in re.finditer(rb"\d", data)]
    for _ in range(dice.choice((1, 1, 2, 3))):
        if places:
            changed[dice.choice(places)] = dice.choice(b"0123456789")
    return bytes(changed)


def swap_tokens(dice: Random, data: bytes, other: bytes) -> bytes:
    tokens = list(_TOKEN.finditer(data))
    if len(tokens) < 3:
        return data
    at = dice.randrange(len(tokens) - 1)
    first = tokens[at]
    alike = [token for token in tokens[at + 1 :] if len(token[0]) == len(first[0]) and token[0] != first[0]]
    second = dice.choice(alike) if alike and dice.random() < 0.5 else tokens[at + 1]
    return data[: first.start()] + second[0] + data[first.end() : second.start()] + first[0] + data[second.end() :]


def double_token(dice: Random, data: bytes, other: bytes) -> bytes:
    token = _pick(dice, _TOKEN, data)
    return data if token is None else _replaced(data, token.end(), token.end(), b" " + token[0])


def drop_token(dice: Random, data: bytes, other: bytes) -> bytes:
    """With blanks in its place, or without: then all that follows moves."""
    token = _pick(dice, _TOKEN, data)
    if token is None:
        return data
    return _replaced(data, token.start(), token.end(), b" " * len(token[0]) if dice.random() < 0.5 else b"")


def comment_token(dice: Random, data: bytes, other: bytes) -> bytes:
    space = _pick(dice, _SPACE, data)
    new = dice.choice((b"%c\n", b" % >> endobj\n", b"\0", b"\f", b"\t\t", b" %\r", b"\r\n", b"\n\n"))
    return data if space is None else _replaced(data, space.start(), space.end(), new)


# -- keys -------------------------------------------------------------------------------------------


def duplicate_key(dice: Random, data: bytes, other: bytes) -> bytes:
    entry = _pick(dice, _ENTRY, data)
    if entry is None:
        return data
    value = entry[2] if dice.random() < 0.3 else _other_value(dice, data, entry[1])
    twin = b"%b %b " % (entry[1], value)
    place = entry.start() if dice.random() < 0.5 else entry.end()
    return _replaced(data, place, place, b" " + twin)


def rename_key(dice: Random, data: bytes, other: bytes) -> bytes:
    """By an escape, which means the same, or by another case, which does not."""
    name = _pick(dice, _NAME, data)
    if name is None:
        return data
    text, at = name[1], dice.randrange(len(name[1]))
    escaped = text[:at] + b"#%02x" % text[at] + text[at + 1 :]
    new = dice.choice((escaped, escaped, text.lower(), text.swapcase(), text[:-1], text + b"X", b"#20" + text, b""))
    return _replaced(data, name.start(1), name.end(1), new)


def move_name(dice: Random, data: bytes, other: bytes) -> bytes:
    """One name becomes another of the file."""
    first, second = _pick(dice, _NAME, data), _pick(dice, _NAME, data)
    return data if first is None or second is None else _replaced(data, first.start(1), first.end(1), second[1])


def odd_structure(dice: Random, data: bytes, other: bytes) -> bytes:
    """/Size, /Prev, /Type, /Kids and the like get another value."""
    entries = [entry for entry in _ENTRY.finditer(data) if entry[1][1:] in _STRUCTURE]
    if not entries:
        return data
    wanted = dice.choice(sorted({entry[1] for entry in entries}))
    entry = dice.choice([entry for entry in entries if entry[1] == wanted])
    value = _other_value(dice, data, entry[1], entry[2])
    if dice.random() < 0.5 and len(value) <= len(entry[2]):
        value = value.ljust(len(entry[2]))  # nothing else moves
    return _replaced(data, entry.start(2), entry.end(2), value)


def add_structure(dice: Random, data: bytes, other: bytes) -> bytes:
    place = _pick(dice, re.compile(rb"<<"), data)
    name = dice.choice(_STRUCTURE)
    return (
        data
        if place is None
        else _replaced(data, place.end(), place.end(), b"/%b %b " % (name, _other_value(dice, data, b"/" + name)))
    )


def drop_entry(dice: Random, data: bytes, other: bytes) -> bytes:
    entry = _pick(dice, _ENTRY, data)
    return data if entry is None else _replaced(data, entry.start(), entry.end(), b" " * len(entry[0]))


def redirect(dice: Random, data: bytes, other: bytes) -> bytes:
    """A reference leads to another object."""
    found = _pick(dice, re.compile(rb"\b(\d+) (\d+) R\b"), data)
    if found is None:
        return data
    number = dice.choice((b"%d" % dice.randrange(1, 30), found[1]))
    generation = dice.choice((found[2], found[2], found[2], b"1", b"65535"))
    return _replaced(data, found.start(), found.end(), b"%b %b R" % (number, generation))


def _other_value(dice: Random, data: bytes, key: bytes, now: bytes = b"") -> bytes:
    same = [entry[2] for entry in _ENTRY.finditer(data) if entry[1] == key]
    if same and dice.random() < 0.25:
        return dice.choice(same)
    if now.strip().isdigit() and dice.random() < 0.5:
        return b"%d" % max(0, int(now) + dice.choice((-3, -2, -1, 1, 2, 3, 10, 20, 100)))
    return dice.choice(_ODD_VALUES)


# -- objects ----------------------------------------------------------------------------------------


def move_object(dice: Random, data: bytes, other: bytes) -> bytes:
    """Out of its place to before the table or behind the end."""
    found = _pick(dice, _OBJECT, data)
    if found is None:
        return data
    blank = dice.choice((b"", b" " * len(found[0])))
    rest = _replaced(data, found.start(), found.end(), blank)
    return _inserted(dice, rest, found[0])


def copy_object(dice: Random, data: bytes, other: bytes) -> bytes:
    """Defined twice: the same, with another generation, another number, or another content."""
    found = _pick(dice, _OBJECT, data)
    if found is None:
        return data
    number, generation, body = found[1], found[2], found[3]
    match dice.randrange(4):
        case 0:
            generation = dice.choice((b"1", b"2", b"65535", b"00000"))
        case 1:
            number = b"%d" % dice.randrange(1, 40)
        case 2:
            body = body.replace(b"parties", b"PARTIES").replace(b"agree", b"argue")
        case _:
            twin = _pick(dice, _OBJECT, data)
            body = twin[3] if twin is not None else body
    return _inserted(dice, data, b"%b %b obj%bendobj" % (number, generation, body))


def swap_objects(dice: Random, data: bytes, other: bytes) -> bytes:
    """Two objects change their numbers."""
    objects = list(_OBJECT.finditer(data))
    if len(objects) < 2:
        return data
    first, second = sorted(dice.sample(objects, 2), key=lambda found: found.start())
    one, two = first[1], second[1]
    return data[: first.start(1)] + two + data[first.end(1) : second.start(1)] + one + data[second.end(1) :]


def hide_object(dice: Random, data: bytes, other: bytes) -> bytes:
    """Another definition of an object inside of a stream, a string or a comment."""
    found, stream = _pick(dice, _OBJECT, data), _pick(dice, _STREAM, data)
    if found is None:
        return data
    twin = b"\n%b %b obj%bendobj\n" % (found[1], found[2], found[3].replace(b"agree", b"argue"))
    match dice.randrange(3):
        case 0 if stream is not None:
            return _replaced(data, stream.start(1), stream.start(1), twin)
        case 1:
            return _inserted(dice, data, b"90 0 obj\n(%b)\nendobj" % twin.replace(b"(", b"\\(").replace(b")", b"\\)"))
        case _:
            return _inserted(dice, data, b"%" + twin.replace(b"\n", b" ").replace(b"\r", b" "))


def _inserted(dice: Random, data: bytes, text: bytes) -> bytes:
    """`text` as lines of their own: before the table, behind the end, or somewhere between objects."""
    places = [len(data), len(data)]
    places += [found.start() for found in _XREF.finditer(data)]
    places += [found.end() for found in _OBJECT.finditer(data)]
    place = dice.choice(places)
    return _replaced(data, place, place, b"\n" + text + b"\n")


# -- cross-reference --------------------------------------------------------------------------------


def change_row(dice: Random, data: bytes, other: bytes) -> bytes:
    """A row of a table: free, another offset, another generation."""
    row = _pick(dice, _ROW, data)
    if row is None:
        return data
    another = _pick(dice, _ROW, data)
    offsets = [b"%010d" % found.start() for found in _OBJECT.finditer(data)]
    offset, generation, kind = row[1], row[2], row[3]
    match dice.randrange(5):
        case 0:
            kind = b"f" if kind == b"n" else b"n"
        case 1:
            generation = dice.choice((b"00001", b"65535", b"00000"))
        case 2 if offsets:
            offset = dice.choice(offsets)
        case 3 if another is not None:
            offset = another[1]
        case _:
            offset = b"%010d" % max(0, int(offset) + dice.choice((-20, -2, -1, 1, 2, 7, 1000)))
    return _replaced(data, row.start(), row.end(), b"%b %b %b" % (offset, generation, kind))


def cut_table(dice: Random, data: bytes, other: bytes) -> bytes:
    """A part of the table, the trailer or the end is missing."""
    table = _pick(dice, _XREF, data)
    match dice.randrange(5):
        case 0 if table is not None:
            start = dice.randrange(table.start(), table.end())
            return data[:start] + data[dice.randrange(start, table.end()) :]
        case 1 if table is not None:
            return _replaced(data, table.start(), table.end(), b"")
        case 2:
            return data.replace(b"trailer", dice.choice((b"", b"trailor")), 1)
        case 3:
            return data.replace(b"%%EOF", b"")
        case _:
            return _STARTXREF.sub(b"", data)


def wrong_startxref(dice: Random, data: bytes, other: bytes) -> bytes:
    found = _pick(dice, _STARTXREF, data)
    if found is None:
        return data
    others = [m[1] for m in _STARTXREF.finditer(data)] + [b"%d" % m.start() for m in _XREF.finditer(data)]
    shift = b"%d" % max(0, int(found[1]) + dice.choice((-20, -10, -3, -1, 1, 2, 5, 15, 16, 17, 30, 1000)))
    return _replaced(data, found.start(1), found.end(1), dice.choice((shift, shift, dice.choice(others), b"0", b"-5")))


def double_end(dice: Random, data: bytes, other: bytes) -> bytes:
    """A second trailer, a second startxref, or both."""
    at = max(data.rfind(b"trailer"), 0)
    trailer = data[at : data.rfind(b"startxref")] or b"trailer\n<</Size 3/Root 1 0 R>>\n"
    found = list(_STARTXREF.finditer(data))
    end = b"startxref\n%b\n%%%%EOF\n" % (dice.choice(found)[1] if found else b"9")
    changed = odd_structure(dice, trailer, other)
    match dice.randrange(4):
        case 0:
            return data + end
        case 1:
            return data + changed + end
        case 2:
            return data[:at] + changed + data[at:]
        case _:
            return data + changed


def append_revision(dice: Random, data: bytes, other: bytes) -> bytes:
    """One more section with objects that are changed; what leads to it may be wrong."""
    objects = {int(found[1]): found[3].strip(b"\r\n ") for found in _OBJECT.finditer(data)}
    if not objects:
        return data
    chosen = dice.sample(sorted(objects), min(len(objects), dice.choice((0, 1, 2))))
    new = {number: dice.choice(_INSIDE)(dice, objects[number], other) for number in chosen}
    try:
        size = None if dice.random() < 0.6 else dice.choice((0, 2, 4, 5, 100, 8_388_608))
        kept = b"".join(re.findall(rb"/(?:Encrypt \d+ 0 R|ID ?\[[^\[\]]*\])", data)[-2:])
        trailer = kept + dice.choice((b"", b"", b"/Info 99 0 R", b"/XRefStm 9"))
        out = builder.updated(data, new, trailer, size=size)
    except (IndexError, ValueError):
        return data
    return dice.choice((_same, _same, _same, wrong_startxref, odd_structure, change_row))(dice, out, other)


def _same(dice: Random, data: bytes, other: bytes) -> bytes:
    return data


# -- lines and pieces -------------------------------------------------------------------------------


def change_lines(dice: Random, data: bytes, other: bytes) -> bytes:
    lines = data.split(b"\n")
    at = dice.randrange(len(lines))
    match dice.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, dice.choice(lines))
        case 2:
            lines.insert(at, dice.choice((b"", b"%", b"endobj", b">>", b"%%EOF", b"xref", b"null", b"trailer <<>>")))
        case _:
            to = dice.randrange(len(lines))
            lines[at], lines[to] = lines[to], lines[at]
    return b"\n".join(lines)


def change_line_ends(dice: Random, data: bytes, other: bytes) -> bytes:
    old, new = dice.choice(((b"\n", b"\r\n"), (b"\n", b"\r"), (b" \n", b"\r\n"), (b"\n", b" "), (b" \n", b"\n")))
    if dice.random() < 0.5:
        return data.replace(old, new)
    parts = data.split(old)
    return b"".join(part + dice.choice((old, new)) for part in parts[:-1]) + parts[-1]


def splice(dice: Random, data: bytes, other: bytes) -> bytes:
    """A piece of another file, in place of as many bytes or between two."""
    if not other:
        return data
    start, length = dice.randrange(len(other)), dice.choice((4, 20, 100, 500, 3000))
    piece, at = other[start : start + length], dice.randrange(len(data) + 1)
    return _replaced(data, at, at + dice.choice((0, len(piece))), piece)


def splice_object(dice: Random, data: bytes, other: bytes) -> bytes:
    found = _pick(dice, _OBJECT, other)
    return data if found is None else _inserted(dice, data, found[0])


def around(dice: Random, data: bytes, other: bytes) -> bytes:
    """Something before the beginning or behind the end."""
    junk = (b"\xef\xbb\xbf", b"\r\n", b"junk\n", b"\0" * 700, b" " * 3000, b"<html></html>\n", b"%PDF-1.3\n", b"\0")
    new = dice.choice((*junk, other[:2000]))
    return new + data if dice.random() < 0.4 else data + new


def cut(dice: Random, data: bytes, other: bytes) -> bytes:
    if dice.random() < 0.3:
        return data[: dice.randrange(len(data) + 1)]
    at = dice.randrange(len(data) + 1)
    return _replaced(data, at, at + dice.choice((1, 2, 5, 20, 100)), b"")


def lose_end(dice: Random, data: bytes, other: bytes) -> bytes:
    """Of a stream, of an object, or of a string; the rest stays in its place."""
    pattern = dice.choice((_END_OF_STREAM, _END_OF_STREAM, _END_OF_OBJECT, _END_OF_STRING))
    places = list(pattern.finditer(data))
    if not places:
        return data
    found = places[-1] if dice.random() < 0.5 else dice.choice(places)
    return _replaced(data, found.start(), found.end(), b" " * len(found[0]))


def lengthen(dice: Random, data: bytes, other: bytes) -> bytes:
    """What a stream says of its length: around the end of the file, or a little beside the right one."""
    found = _pick(dice, _LENGTH, data)
    if found is None:
        return data
    left = len(data) - found.end()
    length = dice.choice((left, left + 50, left + 3000, 0, 5, max(0, int(found[1]) + dice.randrange(-9, 10))))
    return _replaced(data, found.start(1), found.end(1), (b"%d" % length).rjust(len(found[1])))


_INSIDE: tuple[Mutation, ...] = (
    *(_same, flip_bytes, change_digits, swap_tokens, duplicate_key, rename_key, odd_structure, add_structure),
    *(redirect, comment_token),
)
"""Those that make sense for a piece of a file."""
MUTATIONS: Mapping[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        *(flip_bytes, change_digits, swap_tokens, double_token, drop_token, comment_token, duplicate_key, rename_key),
        *(move_name, odd_structure, add_structure, drop_entry, redirect, move_object, copy_object, swap_objects),
        *(hide_object, change_row, cut_table, wrong_startxref, double_end, append_revision, change_lines),
        *(change_line_ends, splice, splice_object, around, cut, lose_end, lengthen),
    )
}
_OFTEN = ("odd_structure", "duplicate_key", "append_revision", "copy_object", "rename_key")


def mutated(dice: Random, data: bytes, other: bytes) -> tuple[bytes, str]:
    """The file after one to three mutations, and their names.

    Many of the files then get a table that leads to the objects again: the damage is in the objects alone.
    """
    names = []
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        name = dice.choice(_OFTEN) if dice.random() < 0.4 else dice.choice(tuple(MUTATIONS))
        data = MUTATIONS[name](dice, data, other)
        names.append(name)
    if dice.random() < 0.4:
        data = with_right_table(data)
        names.append("with_right_table")
    return data, " ".join(names)


def with_right_table(data: bytes) -> bytes:
    """The file with a table behind it that leads to every object that is written plainly in it."""
    trailer = re.findall(rb"trailer\s*<<(.*?)>>\s*startxref", data, re.DOTALL)
    if not trailer or b"/Prev" in trailer[-1]:
        return data
    kept = re.sub(rb"/Size\s*[-+\d]+", b"", trailer[-1])
    places = {int(found[1]): (1, found.start(1), int(found[2])) for found in _OBJECT.finditer(data)}
    if not places or max(places) > 100_000:
        return data
    at = data.rfind(b"xref", 0, data.rfind(b"trailer"))
    if at <= max(place[1] for place in places.values()):
        data, at = data + b"\n", len(data) + 1
    rows = b"xref\n" + builder.table({0: builder.FREE, **{n: place for n, place in places.items() if n}})
    end = b"trailer\n<<%b/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (kept, max(places) + 1, at)
    return data[:at] + rows + end
