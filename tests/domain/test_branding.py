"""What may be branded, and what people could not read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from signroom.domain.branding import SURFACES, SURFACES_DARK, contrast, new_branding
from signroom.domain.errors import BadInput, LowContrast

STYLE = Path(__file__).parents[2] / "web" / "src" / "styles" / "tokens.css"


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#ffffff", "#ffffff", 1), ("#777777", "#ffffff", 4.48), ("#0000ff", "#ffffff", 8.59)],
)
def test_contrast_is_as_wcag_defines_it(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(one, other) == contrast(other, one)


def test_surfaces_are_what_the_page_writes_on() -> None:
    papers, grounds = (re.findall(rf"--{name}: (#[0-9a-f]{{6}});", STYLE.read_text()) for name in ("paper", "ground"))

    assert list(zip(papers, grounds, strict=True)) == [SURFACES, SURFACES_DARK]


def test_the_page_s_own_colours_would_be_accepted() -> None:
    light, dark = re.findall(r"--accent: var\(--brand(?:-dark)?, (#[0-9a-f]{6})\);", STYLE.read_text())
    found = new_branding(name=" Acme ", accent=light.upper(), accent_dark=dark, has_logo=True)

    assert (found.name, found.accent, found.accent_dark, found.has_logo) == ("Acme", light, dark, True)


@pytest.mark.parametrize(
    ("accent", "accent_dark", "ratio"),
    [("#777777", None, "4.08"), ("#747474", None, "4.26"), (None, "#17594a", "1.97")],
)
def test_a_colour_that_does_not_stand_out_is_refused_with_its_ratio(
    accent: str | None, accent_dark: str | None, ratio: str
) -> None:
    with pytest.raises(LowContrast) as refused:
        new_branding(name=None, accent=accent, accent_dark=accent_dark, has_logo=False)

    assert f"{ratio}:1" in (refused.value.detail or "")


@pytest.mark.parametrize("colour", ["red", "#fff", "#17594a;", "#17594g", "url(x)", "#17594a\n"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(BadInput):
        new_branding(name=None, accent=colour, accent_dark=None, has_logo=False)


@pytest.mark.parametrize("name", ["x" * 101, "a\u202eb", "a\0"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        new_branding(name=name, accent=None, accent_dark=None, has_logo=False)
