"""PDF syntax (ISO 32000-1, 7.2 and 7.3) as raw slices: what is not changed is copied byte for byte.

Values stay the bytes that the file has. Only what is looked at is taken apart, so that a dictionary can be written
again with one entry changed and everything else as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from mmap import mmap

_SPACE = rb"\x00\t\n\x0c\r "
_REGULAR = rb"[^%b()<>\[\]{}/%%]" % _SPACE
# Every repetition is possessive (++, *+): what was matched is never tried again, in another way. So the time is linear
# in the bytes, and no memory is needed, whatever the bytes are.
_COMMENT_SIGN = b"%"
"""White space is below it, and most of what a value begins with above."""
_COMMENT = rb"%[^\r\n]*+"
_BETWEEN = rb"(?:[%b]++|%b)++" % (_SPACE, _COMMENT)
_SKIP = re.compile(rb"[%b]*+(?:%b[%b]*+)*+" % (_SPACE, _COMMENT, _SPACE))
_WORD = re.compile(rb"%b++" % _REGULAR)
_NAME = re.compile(rb"/%b*+" % _REGULAR)
_REFERENCE = re.compile(rb"(\d{1,10}+)%b(\d{1,5}+)%bR(?!%b)" % (_BETWEEN, _BETWEEN, _REGULAR))
_HEADER = re.compile(rb"[%b]*+(\d{1,10}+)[%b]++(\d{1,5}+)[%b]++obj(?!%b)" % (_SPACE, _SPACE, _SPACE, _REGULAR))
_INTEGER = re.compile(rb"[+-]?\d{1,18}")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream(?:\r\n|\n|\r)?")
_IN_STRING = re.compile(rb"(?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*+", re.DOTALL)
_PARENTHESES = re.compile(rb"\(++|\)++")
_SHORT_HEXADECIMAL = rb"<[^<>]{0,255}+>"
"""A longer one is left to `bytes.find`, which is faster by far: /Contents of a signature has some ten thousand."""
_FLAT = rb"[^()<>\[\]{}%%]++|%b|\((?:[^()\\]++|\\.)*+\)|%b" % (_COMMENT, _SHORT_HEXADECIMAL)
_IN_BRACKETS = re.compile(rb"(?:%b|\[(?:%b)*+\]|<<(?:%b)*+>>)*+" % (_FLAT, _FLAT, _FLAT), re.DOTALL)
"""What needs no counting of brackets, in one step: most of what is between a bracket and its partner."""
_ITEMS = re.compile(rb"(?:%b)*+" % _FLAT, re.DOTALL)
"""Items of an array up to the next bracket."""
_BARE_KEY = re.compile(rb"/%b*+[%b]*+(?:>>|%%)" % (_REGULAR, _SPACE))
"""A name that may be the last word of a dictionary, or has a comment behind it."""
_PLAIN = rb"\((?:[^()\\]++|\\.)*+\)|<[^<>]*+>"
_VALUE = rb"[^%b()<>\[\]{}/%%][^()<>\[\]{}/%%]*+|/%b*+|%b" % (_SPACE, _REGULAR, _PLAIN)


def _pairs(*others: bytes) -> bytes:
    """A dictionary of keys, and of values that are simple, arrays of simple ones and of `others`, or `others`."""
    inside = b"|".join((_PLAIN, *others))
    value = b"|".join((_VALUE, *others))
    return rb"<<[%b]*+(?:/%b*+[%b]*+(?:%b|\[(?:[^()<>\[\]{}%%]++|%b)*+\])[%b]*+)*+>>" % (
        _SPACE,
        _REGULAR,
        _SPACE,
        value,
        inside,
        _SPACE,
    )


_PAIRED = re.compile(_pairs(_pairs(_pairs(_pairs()))), re.DOTALL)
"""A dictionary that is no deeper, in one step: most are not."""
_USUAL_REFERENCE = rb"\d{1,10}+[%b]++\d{1,5}+[%b]++R(?!%b)" % (_SPACE, _SPACE, _REGULAR)
_USUAL_STRING = rb"\((?:[^()\\]++|\\.)*+\)|%b" % _SHORT_HEXADECIMAL
_BEHIND_USUAL = rb"(?=[%b]*+(?:/|>>))" % _SPACE
"""The next key or the end: what else follows, as a comment or a second word, is told step by step."""
_USUAL_ENTRY = re.compile(
    rb"[%b]*+(/%b*+)[%b]*+(%b|%b++|/%b*+|%b|\[%b\]|<<%b>>)%b"
    % (
        _SPACE,
        _REGULAR,
        _SPACE,
        _USUAL_REFERENCE,
        _REGULAR,
        _REGULAR,
        _USUAL_STRING,
        _IN_BRACKETS.pattern,
        _IN_BRACKETS.pattern,
        _BEHIND_USUAL,
    ),
    re.DOTALL,
)
"""A key and its value, in one step: most entries of a dictionary are such."""


def _usual_pairs(*others: bytes) -> bytes:
    """A dictionary in which each key has one value: a simple one, an array without brackets inside, or `others`."""
    flat = rb"\[(?:%b)*+\]" % _FLAT
    value = b"|".join((_USUAL_REFERENCE, _REGULAR + b"++", rb"/%b*+" % _REGULAR, _USUAL_STRING, flat, *others))
    return rb"<<[%b]*+(?:/%b*+[%b]*+(?:%b)%b[%b]*+)*+>>" % (
        _SPACE,
        _REGULAR,
        _SPACE,
        value,
        _BEHIND_USUAL,
        _SPACE,
    )


_USUAL = re.compile(_usual_pairs(_usual_pairs(_usual_pairs())), re.DOTALL)
"""A well-formed dictionary that is no deeper, in one step."""
_DEEPEST = 200
"""Brackets inside each other: more is an attack, or might as well be one."""
_LONGEST = 1 << 20
"""Bytes of one value. A longer one is an attack as well: it would take too long to read."""
_LONGEST_HEXADECIMAL = 64 << 20
"""Bytes of a hexadecimal string: /Contents of a signature may be padded with megabytes of zeros."""
_LONG_HEXADECIMAL = 1 << 16
"""Bytes from which one does not count among those of the value."""
_MOST = 100_000
"""Items of one array, entries of one dictionary."""


class BadSyntax(Exception):
    """Bytes that are no PDF value."""


class DoesNotEnd(BadSyntax):
    """A value whose end is not within the bytes that were looked at."""


Buffer = bytes | mmap
"""A file in memory, or mapped into it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An indirect reference (7.3.10)."""

    number: int
    generation: int = 0

    def __bytes__(self) -> bytes:
        return b"%d %d R" % (self.number, self.generation)


def skip_space(buffer: Buffer, at: int) -> int:
    """Behind white space and comments (7.2.2, 7.2.3)."""
    if buffer[at : at + 1] > _COMMENT_SIGN:
        return at
    return _behind(_SKIP, buffer, at, len(buffer))


def _behind(pattern: re.Pattern[bytes], buffer: Buffer, at: int, limit: int) -> int:
    """Behind what `pattern`, which may match nothing, matches at `at`."""
    found = pattern.match(buffer, at, limit)
    return found.end() if found else at


def value_end(buffer: Buffer, at: int, longest: int = _LONGEST) -> int:
    """Where the value that begins at or behind `at` ends; a reference is one value. Raises: BadSyntax."""
    at = skip_space(buffer, at)
    limit = min(len(buffer), at + longest)
    found = _REFERENCE.match(buffer, at, limit)
    if found:
        return found.end()
    open_brackets: list[bytes] = []
    while True:
        if open_brackets:
            at = _behind(_IN_BRACKETS, buffer, at, limit)
        token = buffer[at : at + 2]
        if at >= limit:
            raise DoesNotEnd("a value that does not end, or is too long")
        if open_brackets and token.startswith(open_brackets[-1]):
            at += len(open_brackets.pop())
        elif token == b"<<":
            open_brackets.append(b">>")
            at += 2
        elif token[:1] == b"[":
            open_brackets.append(b"]")
            at += 1
        else:
            start, at = at, _plain_end(buffer, at, limit)
            is_long = token[:1] == b"<" and at - start > _LONG_HEXADECIMAL
            if is_long and (at > limit or buffer.find(b"<", start + 1, at) > 0):
                limit = min(len(buffer), limit + at - start)  # it costs nothing to read
        if not open_brackets:
            return at
        if len(open_brackets) > _DEEPEST:
            raise BadSyntax("too many brackets inside each other")


def _plain_end(buffer: Buffer, at: int, limit: int) -> int:
    """The end of a string, a name, a number or a keyword."""
    match buffer[at : at + 1]:
        case b"(":
            return _string_end(buffer, at, limit)
        case b"<":
            end = buffer.find(b">", at, at + _LONGEST_HEXADECIMAL) + 1
            if not end:
                raise DoesNotEnd("a string that does not end, or is too long")
            return end
        case first:
            found = (_NAME if first == b"/" else _WORD).match(buffer, at, limit)
    if not found:
        raise BadSyntax("a bracket that nothing opened")
    if found.end() == limit < len(buffer):
        raise BadSyntax("a value that is too long")
    return found.end()


def _string_end(buffer: Buffer, at: int, limit: int) -> int:
    depth = 0
    while found := _PARENTHESES.match(buffer, at, limit):
        run = found.end() - at
        if buffer[at : at + 1] == b"(":
            depth += run
        elif run >= depth:
            return at + depth
        else:
            depth -= run
        at = _behind(_IN_STRING, buffer, found.end(), limit)
    raise DoesNotEnd("a string that does not end, or is too long")


def is_well_formed(raw: bytes, *, with_more_words: bool = False) -> bool:
    """In each dictionary of the value `raw` each value has its key, and each key its value.

    Behind a key without one some programs read on past the dictionary's end: what they see hangs on what follows.
    `with_more_words`: there may be words in a key's place. Programs pass over those.
    """
    if len(raw) <= _LONGEST and _USUAL.match(raw):
        return True
    try:
        return _is_paired(raw, with_more_words=with_more_words)
    except BadSyntax:
        return False


def may_have_bare_key(raw: bytes, *, is_whole: bool = True) -> bool:
    """Whether a key could be the last word of a dictionary in `raw`, the beginning of an object, or all of it."""
    if is_whole and not _BARE_KEY.search(raw):
        return False
    header = _HEADER.match(raw)
    return header is None or not _PAIRED.match(raw, skip_space(raw, header.end()))


def may_have_bare_keys(raw: bytes) -> bool:
    """Whether a key could be the last word of any dictionary in `raw`, which may have many objects."""
    return _BARE_KEY.search(raw) is not None


def _is_paired(raw: bytes, *, with_more_words: bool) -> bool:
    """Raises: BadSyntax."""
    at, end = skip_space(raw, 0), len(raw)
    closing: list[bytes] = []
    due: list[bool] = []
    """Of each open bracket: the next token is the value of a key."""
    while True:
        inside = closing[-1] if closing else b""
        at = _behind(_ITEMS, raw, at, end) if inside == b"]" else skip_space(raw, at)
        token = raw[at : at + 2]
        if inside and token.startswith(inside):
            at += len(closing.pop())
            if due.pop():
                return False
        else:
            if inside == b">>":
                if not due[-1] and token[:1] != b"/":
                    word = _WORD.match(raw, at) if with_more_words else None
                    if word is None:
                        return False
                    at = word.end()
                    continue
                due[-1] = not due[-1]
            if token == b"<<" or token[:1] == b"[":
                closing.append(b">>" if token == b"<<" else b"]")
                due.append(False)
                at += len(closing[-1])
            else:
                found = _REFERENCE.match(raw, at)
                at = found.end() if found else _plain_end(raw, at, end)
        if not closing:
            return True


def reference(raw: bytes | None) -> Reference | None:
    """`raw` as a reference; None when it is something else."""
    found = _REFERENCE.fullmatch((raw or b"").strip(b"\0\t\n\f\r "))
    return Reference(int(found[1]), int(found[2])) if found else None


def integer(raw: bytes | None) -> int | None:
    """`raw` as an integer; None when it is something else."""
    found = _INTEGER.fullmatch((raw or b"").strip(b"\0\t\n\f\r "))
    return int(found[0]) if found else None


def name_of(raw: bytes) -> str:
    """A name without its solidus, its escapes resolved (7.3.5)."""
    if b"#" not in raw:
        return raw[1:].decode("latin-1")
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), raw[1:]).decode("latin-1")


def items(raw: bytes) -> list[bytes]:
    """The values of an array. Raises: BadSyntax when it is none."""
    at = skip_space(raw, 0)
    if raw[at : at + 1] != b"[":
        raise BadSyntax("an array that is none")
    at += 1
    found: list[bytes] = []
    while raw[(at := skip_space(raw, at)) : at + 1] != b"]":
        if len(found) >= _MOST:
            raise BadSyntax("an array that is too long")
        end = value_end(raw, at)
        found.append(raw[at:end])
        at = end
    return found


_Entry = tuple[str, int, int, int]
"""The name, where the key begins, and where the value begins and ends. A class of its own would take twice as long."""


def _never(_raw: bytes, _at: int) -> re.Match[bytes] | None:
    """In place of a pattern that is not to be asked."""
    return None


class Dictionary:
    """A dictionary (7.3.7) as the file has it. Where a key is there twice the last one counts, as in most readers."""

    __slots__ = ("_entries", "_last", "_open", "raw")

    def __init__(self, raw: bytes) -> None:
        """Raises: BadSyntax."""
        self.raw = raw
        self._entries = self._read()
        self._last = {entry[0]: entry for entry in self._entries}

    @classmethod
    def at(cls, buffer: Buffer, at: int) -> Dictionary:
        """The dictionary that begins at or behind `at`. Raises: BadSyntax."""
        start = skip_space(buffer, at)
        return cls(bytes(buffer[start : value_end(buffer, start)]))

    def _read(self) -> list[_Entry]:
        raw, entries = self.raw, list[_Entry]()
        # In a longer one a string may be longer than a value may be.
        usual = _USUAL_ENTRY.match if len(raw) <= _LONGEST else _never
        at = skip_space(raw, 0)
        if raw[at : at + 2] != b"<<":
            raise BadSyntax("a dictionary that is none")
        at += 2
        self._open = at
        for _ in range(_MOST):
            if found := usual(raw, at):
                key, key_at = found[1], found.start(1)
                start, at = found.span(2)
                name = name_of(key) if b"#" in key else key[1:].decode("latin-1")
                entries.append((name, key_at, start, at))
                continue
            at = skip_space(raw, at)
            if raw[at : at + 2] == b">>":
                return entries
            named = _NAME.match(raw, at)
            if not named:
                raise BadSyntax("a dictionary without a key")
            start = skip_space(raw, named.end())
            # "/Key >>": a value that was forgotten is empty.
            end = start if raw[start : start + 2] == b">>" else value_end(raw, start, len(raw))
            entries.append((name_of(named[0]), at, start, end))
            at = end
        raise BadSyntax("a dictionary that is too long")

    def get(self, name: str) -> bytes | None:
        """The raw value; None when it is absent or null, which is the same (7.3.7)."""
        entry = self._last.get(name)
        value = b"" if entry is None else self.raw[entry[2] : entry[3]]
        return None if value in (b"null", b"") else value

    def lacks_a_value(self) -> bool:
        """A key stands alone: some readers take the next key for its value, or give up."""
        return any(start == end for _, _, start, end in self._entries)

    def place(self, name: str) -> tuple[int, int] | None:
        """Where the value that counts begins and ends, in `raw`; None when there is none."""
        entry = self._last.get(name)
        return None if entry is None else entry[2:]

    def names(self) -> list[str]:
        """The names of all entries, in the file's order; one that is there twice is twice in the list."""
        return [entry[0] for entry in self._entries]

    def with_entry(self, name: str, value: bytes) -> bytes:
        """The dictionary's bytes with this one entry changed or added, and once only."""
        last = self._last.get(name)
        if last is None:
            # In front: behind "/Key" without a value it would become that value.
            return self.raw[: self._open] + b"/%b %b " % (name.encode("latin-1"), value) + self.raw[self._open :]
        pieces, at = [], 0
        for entry in self._entries:
            own, key, start, end = entry
            if entry is last:
                pieces += [self.raw[at:start], b" ", value, b" "]
            elif own == name:
                pieces += [self.raw[at:key], b" "]
            else:
                continue
            at = end
        return b"".join([*pieces, self.raw[at:]])


@dataclass(frozen=True, slots=True)
class IndirectObject:
    """An object that lies in the file by itself (7.3.10)."""

    reference: Reference
    value: bytes
    stream_at: int | None
    """Where the data of a stream begin; None for what is no stream."""


def indirect_object(buffer: Buffer, at: int, longest: int = _LONGEST) -> IndirectObject:
    """The object at `at`: its value, for a stream its dictionary. Raises: BadSyntax when none begins there."""
    header = _HEADER.match(buffer, at)
    if not header:
        raise BadSyntax(f"no object at {at}")
    start = skip_space(buffer, header.end())
    if buffer[start : start + 6] == b"endobj":
        return IndirectObject(Reference(int(header[1]), int(header[2])), b"null", None)
    end = value_end(buffer, start, longest)
    stream = _STREAM.match(buffer, skip_space(buffer, end))
    return IndirectObject(
        Reference(int(header[1]), int(header[2])), bytes(buffer[start:end]), stream.end() if stream else None
    )
