"""TrueType fonts (ISO/IEC 14496-22): measured, and cut down to the glyphs that a text needs.

The bytes of the glyphs are copied and nothing of them is computed again, so that a cut takes a tenth of a millisecond.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

# Flags of a part of a composite glyph (5.3.4.2).
_WORDS, _SCALE, _MORE, _TWO_SCALES, _MATRIX = 0x01, 0x08, 0x20, 0x40, 0x80
_MAGIC = 0xB1B0AFBA
"""The sum of a whole font with its ``checkSumAdjustment`` (5.2.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class FontFile:
    """One font. Lengths are in thousandths of the size."""

    name: str
    glyphs: Mapping[str, int]
    """Numbers by character."""
    ascent: float
    descent: float
    """Negative."""
    bounds: tuple[float, float, float, float]
    scale: float
    """Thousandths per unit of the font."""
    metrics: tuple[tuple[int, int], ...]
    """By glyph number: the advance and the left side bearing, in units of the font."""
    places: tuple[int, ...]
    """Where in `outlines` each glyph begins, and the end."""
    outlines: bytes
    heads: Mapping[str, bytes]
    """The tables head, hhea and maxp."""

    def advance(self, character: str) -> float:
        """How far the next character is."""
        return self.metrics[self.glyphs[character]][0] * self.scale

    def top(self, character: str) -> float:
        """How high it is above the line."""
        outline = self._outline(self.glyphs[character])
        return struct.unpack_from(">h", outline, 8)[0] * self.scale if outline else 0.0

    def with_only(self, glyphs: Sequence[int]) -> bytes:
        """A font of these glyphs, numbered from 1 on in this order, and of what they are composed of.

        It has the tables that a font of CIDs needs (ISO 32000-1, 9.9, table 126).
        """
        kept = [0, *glyphs]
        numbers = {glyph: number for number, glyph in enumerate(kept)}
        outlines, places = [], [0]
        for glyph in kept:  # it grows on the way
            outline = bytearray(self._outline(glyph))
            for at in _parts(outline):
                (part,) = struct.unpack_from(">H", outline, at)
                if part not in numbers:
                    numbers[part] = len(kept)
                    kept.append(part)
                struct.pack_into(">H", outline, at, numbers[part])
            outlines.append(bytes(outline) + bytes(-len(outline) % 4))
            places.append(places[-1] + len(outlines[-1]))
        head, hhea, maxp = (bytearray(self.heads[table]) for table in ("head", "hhea", "maxp"))
        struct.pack_into(">L", head, 8, 0)  # checkSumAdjustment
        struct.pack_into(">h", head, 50, 1)  # indexToLocFormat: four bytes
        struct.pack_into(">H", hhea, 34, len(kept))  # numberOfHMetrics
        struct.pack_into(">H", maxp, 4, len(kept))  # numGlyphs
        return _assembled(
            {
                b"glyf": b"".join(outlines),
                b"head": bytes(head),
                b"hhea": bytes(hhea),
                b"hmtx": b"".join(struct.pack(">Hh", *self.metrics[glyph]) for glyph in kept),
                b"loca": struct.pack(f">{len(places)}L", *places),
                b"maxp": bytes(maxp),
            }
        )

    def _outline(self, glyph: int) -> bytes:
        return self.outlines[self.places[glyph] : self.places[glyph + 1]]


def _parts(outline: bytearray) -> Iterator[int]:
    """Where a composite glyph names the glyphs that it is made of (5.3.4.2)."""
    if not outline or struct.unpack_from(">h", outline)[0] >= 0:
        return
    at, flags = 10, _MORE
    while flags & _MORE:
        (flags,) = struct.unpack_from(">H", outline, at)
        yield at + 2
        at += 8 if flags & _WORDS else 6
        at += 2 if flags & _SCALE else 4 if flags & _TWO_SCALES else 8 if flags & _MATRIX else 0


def _assembled(tables: Mapping[bytes, bytes]) -> bytes:
    """The file of these tables, which are in the order of their names (4.5)."""
    count = len(tables)
    power = count.bit_length() - 1
    parts = [struct.pack(">L4H", 0x00010000, count, 16 << power, power, 16 * count - (16 << power))]
    at = 12 + 16 * count
    for name, content in tables.items():
        parts.append(struct.pack(">4s3L", name, _sum(content), at, len(content)))
        at += len(content) + -len(content) % 4
    parts += [content + bytes(-len(content) % 4) for content in tables.values()]
    font = bytearray(b"".join(parts))
    (head,) = (struct.unpack_from(">L", font, 12 + 16 * n + 8)[0] for n, name in enumerate(tables) if name == b"head")
    struct.pack_into(">L", font, head + 8, (_MAGIC - _sum(font)) & 0xFFFFFFFF)
    return bytes(font)


def _sum(content: bytes | bytearray) -> int:
    padded = bytes(content) + bytes(-len(content) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}L", padded)
    return sum(words) & 0xFFFFFFFF


@lru_cache(maxsize=4)
def font_file(path: Path) -> FontFile:
    """The font in a file of ours."""
    with TTFont(path, lazy=True) as font:
        head, lines = font["head"], font["hhea"]
        scale = 1000 / head.unitsPerEm
        numbers = font.getReverseGlyphMap()
        metrics = font["hmtx"]
        return FontFile(
            name=path.stem,
            glyphs={chr(code): numbers[name] for code, name in font.getBestCmap().items()},
            ascent=lines.ascent * scale,
            descent=lines.descent * scale,
            bounds=(head.xMin * scale, head.yMin * scale, head.xMax * scale, head.yMax * scale),
            scale=scale,
            metrics=tuple(metrics[name] for name in font.getGlyphOrder()),
            places=tuple(font["loca"]),
            outlines=bytes(font.reader["glyf"]),
            heads={table: bytes(font.reader[table]) for table in ("head", "hhea", "maxp")},
        )
