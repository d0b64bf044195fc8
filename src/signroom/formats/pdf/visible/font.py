"""The one typeface of visible signatures: measured, broken into lines, and embedded with the glyphs that are used.

DejaVu Sans, cut down beforehand to Latin, Greek and Cyrillic (``fonts/LICENSE.txt`` says how): to cut the whole font
takes 100 ms, to empty the unused glyphs of this one takes two.
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pyhanko.pdf_utils.generic import IndirectObject
    from pyhanko.pdf_utils.writer import BasePdfFileWriter

_FILE = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_ELLIPSIS = "…"
_NOT_EMBEDDED = ("cmap", "name", "OS/2", "post")
"""A font of CIDs needs none of these (ISO 32000-1, 9.9, table 126)."""
LEADING = 1.2
"""From line to line, in sizes."""


@dataclass(frozen=True, slots=True)
class FontFace:
    """Glyph numbers by character, and widths by glyph number in thousandths of the size."""

    glyphs: Mapping[str, int]
    widths: tuple[float, ...]
    ascent: float
    descent: float
    """Negative, like `ascent` in thousandths of the size."""
    bounds: tuple[float, float, float, float]

    def spelled(self, text: str) -> str:
        """`text` in the characters that there are: accents composed or dropped, else a sign for what is missing."""
        return "".join(self._spelled(c) for c in unicodedata.normalize("NFC", text))

    def _spelled(self, character: str) -> str:
        if character in self.glyphs:
            return character
        if unicodedata.category(character) in {"Cc", "Zl", "Zp", "Zs"}:
            return " "
        if unicodedata.category(character) in {"Cf", "Mn"}:  # marks that no letter takes, and what is never seen
            return ""
        plain = "".join(c for c in unicodedata.normalize("NFKD", character) if c in self.glyphs)
        return plain or _UNKNOWN

    def width(self, text: str) -> float:
        """Of `text` as `spelled`, in sizes."""
        return sum(self.widths[self.glyphs[c]] for c in text) / 1000

    def encoded(self, text: str) -> bytes:
        """For Tj: two bytes per glyph, in hexadecimal."""
        return b"<%b>" % b"".join(b"%04x" % self.glyphs[c] for c in text)

    def lines(self, text: str, width: float) -> list[str]:
        """`text` as `spelled`, broken where it must be so that no line is wider than `width` sizes."""
        found: list[str] = []
        for paragraph in text.split("\n"):
            line, length = "", 0.0
            for word in paragraph.split():
                gap = self.width(" ") if line else 0
                needed = self.width(word)
                if length + gap + needed <= width:
                    line = f"{line} {word}" if line else word
                    length += gap + needed
                    continue
                if line:
                    found.append(line)
                *whole, line = self._pieces(word, width)
                found += whole
                length = self.width(line)
            found.append(line)
        return found

    def _pieces(self, word: str, width: float) -> list[str]:
        """At least one character each."""
        pieces, piece, length = [], "", 0.0
        for character in word:
            needed = self.width(character)
            if piece and length + needed > width:
                pieces.append(piece)
                piece, length = "", 0.0
            piece += character
            length += needed
        return [*pieces, piece]

    def cut(self, line: str, width: float) -> str:
        """`line` with an ellipsis, as much of it as fits."""
        while line and self.width(line + _ELLIPSIS) > width:
            line = line[:-1].rstrip()
        return line + _ELLIPSIS


@lru_cache(maxsize=1)
def font_face() -> FontFace:
    with TTFont(_FILE, lazy=True) as font:
        head, lines = font["head"], font["hhea"]
        scale = 1000 / head.unitsPerEm
        return FontFace(
            glyphs={chr(code): font.getGlyphID(name) for code, name in font.getBestCmap().items()},
            widths=tuple(font["hmtx"][name][0] * scale for name in font.getGlyphOrder()),
            ascent=lines.ascent * scale,
            descent=lines.descent * scale,
            bounds=(head.xMin * scale, head.yMin * scale, head.xMax * scale, head.yMax * scale),
        )


def embed(writer: BasePdfFileWriter, texts: Iterable[str]) -> IndirectObject:
    """A font object that can show `texts`, and let them be copied (ISO 32000-1, 9.7.4 and 9.10.3)."""
    from pyhanko.pdf_utils.generic import (
        ArrayObject,
        DictionaryObject,
        FloatObject,
        NameObject,
        NumberObject,
        StreamObject,
        pdf_string,
    )

    face = font_face()
    used = {face.glyphs[c]: c for text in texts for c in text}
    tag = "".join(chr(ord("A") + byte % 26) for byte in hashlib.sha256(repr(sorted(used)).encode()).digest()[:6])
    name = NameObject(f"/{tag}+DejaVuSans")

    def numbers(values: Iterable[float]) -> ArrayObject:
        return ArrayObject(FloatObject(round(value, 2)) for value in values)

    program = _with_only(frozenset(used))
    file = StreamObject({NameObject("/Length1"): NumberObject(len(program))}, stream_data=program)
    file.compress()
    descriptor = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/FontDescriptor"),
            NameObject("/FontName"): name,
            NameObject("/Flags"): NumberObject(4),  # symbolic: it has its own encoding
            NameObject("/FontBBox"): numbers(face.bounds),
            NameObject("/ItalicAngle"): NumberObject(0),
            NameObject("/Ascent"): FloatObject(round(face.ascent, 2)),
            NameObject("/Descent"): FloatObject(round(face.descent, 2)),
            NameObject("/CapHeight"): NumberObject(729),
            NameObject("/StemV"): NumberObject(80),
            NameObject("/FontFile2"): writer.add_object(file),
        }
    )
    widths = ArrayObject()
    for glyph in sorted(used):
        widths += [NumberObject(glyph), numbers([face.widths[glyph]])]
    descendant = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/CIDFontType2"),
            NameObject("/BaseFont"): name,
            NameObject("/CIDSystemInfo"): DictionaryObject(
                {
                    NameObject("/Registry"): pdf_string("Adobe"),
                    NameObject("/Ordering"): pdf_string("Identity"),
                    NameObject("/Supplement"): NumberObject(0),
                }
            ),
            NameObject("/FontDescriptor"): writer.add_object(descriptor),
            NameObject("/DW"): NumberObject(1000),
            NameObject("/W"): widths,
            NameObject("/CIDToGIDMap"): NameObject("/Identity"),
        }
    )
    to_unicode = StreamObject(stream_data=_to_unicode(used))
    to_unicode.compress()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type0"),
            NameObject("/BaseFont"): name,
            NameObject("/Encoding"): NameObject("/Identity-H"),
            NameObject("/DescendantFonts"): ArrayObject([writer.add_object(descendant)]),
            NameObject("/ToUnicode"): writer.add_object(to_unicode),
        }
    )
    return writer.add_object(font)


def _with_only(used: frozenset[int]) -> bytes:
    """The font program with all glyphs but `used` (and .notdef) emptied; numbers stay as they are."""
    from fontTools.ttLib.tables._g_l_y_f import Glyph  # type: ignore[import-untyped]

    target = io.BytesIO()
    with TTFont(_FILE, recalcBBoxes=False, recalcTimestamp=False) as font:
        outlines = font["glyf"].glyphs
        for number, name in enumerate(font.getGlyphOrder()):
            if number and number not in used:
                outlines[name] = Glyph()
        for table in _NOT_EMBEDDED:
            del font[table]
        font.save(target)
    return target.getvalue()


def _to_unicode(used: Mapping[int, str]) -> bytes:
    """At most 100 characters per section."""
    rows = [b"<%04x> <%b>" % (glyph, used[glyph].encode("utf-16-be").hex().encode()) for glyph in sorted(used)]
    sections = [rows[n : n + 100] for n in range(0, len(rows), 100)]
    body = b"\n".join(b"%d beginbfchar\n%b\nendbfchar" % (len(part), b"\n".join(part)) for part in sections)
    return (
        b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        b"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        b"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n" + body + b"\n"
        b"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    )
