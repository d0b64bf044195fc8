"""A font that was cut down has the same glyphs, as another reader of fonts sees them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fontTools.pens.recordingPen import DecomposingRecordingPen  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from signroom.formats.pdf.visible import font
from signroom.formats.pdf.visible.truetype import font_file

FILES = sorted((Path(font.__file__).parent / "fonts").glob("*.ttf"))
TEXTS = {"DejaVuSans": "Signed ễẶ ȘșĞğ", "DroidSansFallback": "王小明 山田 김철수 喆堃"}


def drawn(program: TTFont, glyph: int) -> list[object]:
    glyphs = program.getGlyphSet()
    pen = DecomposingRecordingPen(glyphs)
    glyphs[program.getGlyphName(glyph)].draw(pen)
    outline: list[object] = pen.value
    return outline


def test_there_are_two_fonts() -> None:
    assert [file.stem for file in FILES] == sorted(TEXTS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_glyphs_that_are_asked_for_come_first_and_are_the_same(file: Path) -> None:
    whole, text = font_file(file), TEXTS[file.stem]

    cut = whole.with_only([whole.glyphs[character] for character in text])

    with TTFont(file) as before, TTFont(io.BytesIO(cut), checkChecksums=2) as after:
        assert set(after.keys()) == {"GlyphOrder", "glyf", "head", "hhea", "hmtx", "loca", "maxp"}
        for number, character in enumerate(text, 1):
            glyph = whole.glyphs[character]
            assert drawn(after, number) == drawn(before, glyph)
            metrics = (font_["hmtx"][font_.getGlyphName(n)] for font_, n in ((before, glyph), (after, number)))
            assert len(set(metrics)) == 1
        assert drawn(after, 0) == drawn(before, 0)
    assert len(cut) < 40_000


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_font_of_nothing_is_a_font(file: Path) -> None:
    with TTFont(io.BytesIO(font_file(file).with_only([])), checkChecksums=2) as program:
        assert program["maxp"].numGlyphs >= 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_lengths_are_in_thousandths_of_the_size(file: Path) -> None:
    whole = font_file(file)

    assert 500 < whole.ascent < 1200
    assert -500 < whole.descent < 0
    assert all(0 <= whole.advance(character) <= 1100 for character in TEXTS[file.stem])
    assert whole.top(" ") == 0 if " " in whole.glyphs else True
