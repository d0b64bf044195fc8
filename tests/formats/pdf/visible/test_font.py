"""Names of the world's people can be spelled, measured and encoded."""

from __future__ import annotations

import pytest

from signroom.formats.pdf.visible import font
from signroom.formats.pdf.visible.writing import Objects

NAMES = {
    "vietnamese": "Nguyễn Thị Phương Thảo, Đặng Hữu Lộc, Vũ Ẵ Ỹ ₫",
    "vietnamese-decomposed": "Nguye\u0302\u0303n Thi\u0323",
    "romanian": "Ștefan Țăran",
    "azerbaijani": "Əliyev Məhəmməd",
    "yoruba": "Adébáyọ̀ Ṣọlá",
    "hawaiian": "Kaʻahumanu",
    "german": "GROẞ, Müßig",
    "turkish": "İbrahim Işık Ğ",
    "maltese": "Ġorġ Ħaż",
    "irish-old": "Ḃḃ Ḋ Ṫ",
    "greek": "Ἀλέξανδρος Παπαδόπουλος",
    "cyrillic": "Ғалымжан Ҷӯраев Їжакевич",
    "armenian": "Հովհաննես Աբրահամյան",
    "georgian": "გიორგი ბერიძე",
    "chinese": "王小明 張偉 喆堃 龘",
    "japanese": "山田太郎 さくら ヤマダ 々",
    "korean": "김철수 박지성",
}


@pytest.mark.parametrize("name", NAMES)
def test_no_letter_of_a_name_is_lost(name: str) -> None:
    import unicodedata

    assert font.spelled(NAMES[name]) == unicodedata.normalize("NFC", NAMES[name])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("e\u0301t\u00e9", "\u00e9t\u00e9"),
        ("\ufb01n", "fin"),
        ("tab\tand\x07bell", "tab and bell"),
        ("soft\u00adhyphen\u200b", "soft\u00adhyphen"),
        ("ideographic\u3000space", "ideographic space"),
        ("\u202eright", "right"),
        ("𝐁old", "Bold"),
        ("สมชาย", "�����"),
        ("משה", "���"),
        ("😀", "�"),
    ],
)
def test_characters_that_the_fonts_lack_are_replaced(given: str, shown: str) -> None:
    assert font.spelled(given) == shown


def test_a_line_needs_the_room_of_its_highest_letter() -> None:
    assert font.ascent("") == font.ascent("Signed") == pytest.approx(0.928, abs=0.001)
    assert font.ascent("NGUYỄN") == pytest.approx(1.057, abs=0.001)
    assert font.ascent("王小明") == font.ascent("")


def test_a_stretch_of_a_line_has_one_font_and_its_glyphs_are_numbered_as_they_come() -> None:
    glyphs = font.Glyphs()

    assert list(glyphs.encoded("aba王小王b")) == [
        ("F", b"<000100020001>"),
        ("G", b"<000100020001>"),
        ("F", b"<0002>"),
    ]
    assert list(glyphs.encoded("")) == []
    assert list(glyphs.embed(Objects(1))) == ["F", "G"]
    assert font.Glyphs().embed(Objects(1)) == {}


def test_text_without_spaces_is_broken_where_the_line_ends() -> None:
    assert font.broken("王" * 7, 3) == ["王王王", "王王王", "王"]
    assert font.broken("a\n\nb", 9) == ["a", "", "b"]


def test_a_line_is_cut_with_an_ellipsis() -> None:
    line = font.cut("a long line", font.width("a long…"))

    assert line == "a long…"
    assert font.cut("x", 0) == "…"
