"""The typeface of visible signatures: measured, broken into lines, and embedded with the glyphs that are used.

Two fonts, of which a character takes the first that has it: DejaVu Sans for Latin (Vietnamese too), Greek, Cyrillic,
Armenian and Georgian, and Droid Sans Fallback for Chinese, Japanese and Korean (``fonts/LICENSE.txt`` says where they
are from). Scripts whose letters are joined or stacked, or run from right to left, are not among them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from signroom.formats.pdf.visible.truetype import FontFile, font_file
from signroom.formats.pdf.visible.writing import Name, Objects, Reference, Value

_FOLDER = Path(__file__).parent / "fonts"
_FILES = {"F": _FOLDER / "DejaVuSans.ttf", "G": _FOLDER / "DroidSansFallback.ttf"}
"""By their names among the resources. The second is read when a character wants it: that takes 0.2 s, once."""
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_ELLIPSIS = "…"
LEADING = 1.2
"""From line to line, in sizes."""


def ascent(line: str) -> float:
    """How much room `line`, as `spelled`, needs above it, in sizes: a Vietnamese capital is higher than others."""
    tallest = max((_font_of(character).top(character) for character in line), default=0.0)
    return max(font_file(_FILES["F"]).ascent, tallest) / 1000


def spelled(text: str) -> str:
    """`text` in the characters that there are: accents composed or dropped, else a sign for what is missing."""
    return "".join(_spelled(character) for character in unicodedata.normalize("NFC", text))


def _spelled(character: str) -> str:
    if character in font_file(_FILES["F"]).glyphs:
        return character
    if unicodedata.category(character) in {"Cc", "Zl", "Zp", "Zs"}:
        return " "
    if unicodedata.category(character) in {"Cf", "Mn"}:  # marks that no letter takes, and what is never seen
        return ""
    if _name_of(character) is not None:
        return character
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if _name_of(part) is not None)
    return plain or _UNKNOWN


def _name_of(character: str) -> str | None:
    """Of the first font that has `character`, among the resources."""
    return next((name for name, path in _FILES.items() if character in font_file(path).glyphs), None)


def _font_of(character: str) -> FontFile:
    """For a character as `spelled`."""
    return next(font for font in map(font_file, _FILES.values()) if character in font.glyphs)


def width(text: str) -> float:
    """Of `text` as `spelled`, in sizes."""
    return sum(_font_of(character).advance(character) for character in text) / 1000


def broken(text: str, width_of_lines: float) -> list[str]:
    """`text` as `spelled`, in lines, broken where it must be so that none is wider than `width_of_lines` sizes."""
    found: list[str] = []
    for paragraph in text.split("\n"):
        line, length = "", 0.0
        for word in paragraph.split():
            gap = width(" ") if line else 0
            needed = width(word)
            if length + gap + needed <= width_of_lines:
                line = f"{line} {word}" if line else word
                length += gap + needed
                continue
            if line:
                found.append(line)
            *whole, line = _pieces(word, width_of_lines)
            found += whole
            length = width(line)
        found.append(line)
    return found


def _pieces(word: str, width_of_lines: float) -> list[str]:
    """At least one character each."""
    pieces, piece, length = [], "", 0.0
    for character in word:
        needed = width(character)
        if piece and length + needed > width_of_lines:
            pieces.append(piece)
            piece, length = "", 0.0
        piece += character
        length += needed
    return [*pieces, piece]


def cut(line: str, width_of_line: float) -> str:
    """`line` with an ellipsis, as much of it as fits."""
    while line and width(line + _ELLIPSIS) > width_of_line:
        line = line[:-1].rstrip()
    return line + _ELLIPSIS


class Glyphs:
    """The glyphs that are drawn, numbered from 1 on in each font in the order in which they are needed."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}

    def encoded(self, line: str) -> Iterator[tuple[str, bytes]]:
        """For each stretch of `line`, as `spelled`: its font's name, and its string for Tj, two bytes per glyph."""
        for name, stretch in groupby(line, lambda character: _name_of(character) or ""):
            numbers = self._numbers.setdefault(name, {})
            codes = [numbers.setdefault(character, len(numbers) + 1) for character in stretch]
            yield name, b"<%b>" % b"".join(b"%04x" % code for code in codes)

    def embed(self, objects: Objects) -> dict[str, Reference]:
        """The fonts, by their names among the resources."""
        return {name: _embed(objects, font_file(_FILES[name]), used) for name, used in self._numbers.items()}


def _embed(objects: Objects, font: FontFile, used: Mapping[str, int]) -> Reference:
    """A font that can show the characters `used`, and let them be copied (ISO 32000-1, 9.7.4 and 9.10.3)."""
    tag = "".join(chr(ord("A") + byte % 26) for byte in hashlib.sha256("".join(used).encode()).digest()[:6])
    name = Name(f"{tag}+{font.name}")
    program = font.with_only([font.glyphs[character] for character in used])
    descriptor: dict[str, Value] = {
        "Type": Name("FontDescriptor"),
        "FontName": name,
        "Flags": 4,  # symbolic: it has its own encoding
        "FontBBox": [round(side, 2) for side in font.bounds],
        "ItalicAngle": 0,
        "Ascent": round(font.ascent, 2),
        "Descent": round(font.descent, 2),
        "CapHeight": 729,
        "StemV": 80,
        "FontFile2": objects.add_stream({"Length1": len(program)}, program),
    }
    descendant: dict[str, Value] = {
        "Type": Name("Font"),
        "Subtype": Name("CIDFontType2"),
        "BaseFont": name,
        "CIDSystemInfo": {"Registry": b"Adobe", "Ordering": b"Identity", "Supplement": 0},
        "FontDescriptor": objects.add(descriptor),
        "DW": 1000,
        "W": [1, [round(font.advance(character), 2) for character in used]],
        "CIDToGIDMap": Name("Identity"),
    }
    return objects.add(
        {
            "Type": Name("Font"),
            "Subtype": Name("Type0"),
            "BaseFont": name,
            "Encoding": Name("Identity-H"),
            "DescendantFonts": [objects.add(descendant)],
            "ToUnicode": objects.add_stream({}, _to_unicode(used)),
        }
    )


def _to_unicode(used: Mapping[str, int]) -> bytes:
    """At most 100 characters per section."""
    rows = [b"<%04x> <%b>" % (code, character.encode("utf-16-be").hex().encode()) for character, code in used.items()]
    sections = [rows[n : n + 100] for n in range(0, len(rows), 100)]
    body = b"\n".join(b"%d beginbfchar\n%b\nendbfchar" % (len(part), b"\n".join(part)) for part in sections)
    return (
        b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        b"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        b"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n" + body + b"\n"
        b"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    )
