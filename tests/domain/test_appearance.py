"""Rectangles inside rectangles, and the next free place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.appearance import (
    AutoPositioning,
    HorizontalDirection,
    PageOptimization,
    PageOrientation,
    PaperSize,
    Place,
    Positioning,
    Rectangle,
    Size,
    Unit,
    VerticalDirection,
)
from signroom.domain.errors import BadAppearance

PAGE = Place(0, 0, 600, 800)
POINTS = Unit.PDF_POINTS


@pytest.mark.parametrize(
    ("rectangle", "place"),
    [
        (Rectangle(left=10, top=20, width=100, height=50), Place(10, 20, 100, 50)),
        (Rectangle(right=10, bottom=20, width=100, height=50), Place(490, 730, 100, 50)),
        (Rectangle(left=10, right=30, top=20, bottom=40), Place(10, 20, 560, 740)),
        (Rectangle(width=100, height=50), Place(250, 375, 100, 50)),
        (Rectangle(left=10), Place(10, 0, 590, 800)),
        (Rectangle(), Place(0, 0, 600, 800)),
        # All three: the first edge and the length count, as in CSS.
        (Rectangle(left=10, right=500, width=100, height=50, top=0, bottom=7), Place(10, 0, 100, 50)),
    ],
)
def test_two_of_three_say_where_and_one_length_is_centred(rectangle: Rectangle, place: Place) -> None:
    assert rectangle.inside(PAGE, POINTS) == place


def test_an_inner_rectangle_counts_from_the_outer_one() -> None:
    outer = Place(100, 200, 50, 40)

    assert Rectangle(left=5, top=6, width=7, height=8).inside(outer, POINTS) == Place(105, 206, 7, 8)
    with pytest.raises(BadAppearance):
        Rectangle(left=5, top=6, width=46, height=8).inside(outer, POINTS)


def test_a_whole_page_in_centimetres_fits_its_page_in_points() -> None:
    width, height = PageOptimization(PaperSize.A4).dimensions(Unit.CENTIMETERS)

    found = Rectangle(left=0, top=0, width=21, height=29.7).inside(
        Place(0, 0, round(width, 2), round(height, 2)), Unit.CENTIMETERS
    )

    assert found.width == pytest.approx(595.28, abs=0.01)


LENGTHS = st.none() | st.floats(-2000, 2000)


@given(st.builds(Rectangle, LENGTHS, LENGTHS, LENGTHS, LENGTHS, LENGTHS, LENGTHS))
def test_whatever_is_asked_for_it_is_inside_or_refused(rectangle: Rectangle) -> None:
    try:
        found = rectangle.inside(PAGE, POINTS)
    except BadAppearance:
        return
    assert PAGE.contains(found)
    assert found.width > 0
    assert found.height > 0


AUTO = AutoPositioning(Rectangle(left=0, top=0, width=100, height=70), Size(height=20, width=40), row_spacing=5)


@pytest.mark.parametrize(
    ("across", "down", "places"),
    [
        ("LeftToRight", "TopDown", [(0, 0), (40, 0), (0, 25), (40, 25), (0, 50), (40, 50)]),
        ("RightToLeft", "TopDown", [(60, 0), (20, 0), (60, 25), (20, 25), (60, 50), (20, 50)]),
        ("LeftToRight", "BottomUp", [(0, 50), (40, 50), (0, 25), (40, 25), (0, 0), (40, 0)]),
    ],
)
def test_places_follow_the_directions_until_there_is_none(
    across: str, down: str, places: list[tuple[float, float]]
) -> None:
    auto = replace(AUTO, horizontal_direction=HorizontalDirection(across), vertical_direction=VerticalDirection(down))
    taken: tuple[Place, ...] = ()
    for left, top in places:
        found = auto.free_place(PAGE, POINTS, taken)
        assert found == Place(left, top, 40, 20)
        taken += (found,)
    with pytest.raises(BadAppearance):
        auto.free_place(PAGE, POINTS, taken)


def test_a_place_that_a_signature_of_another_size_touches_is_passed_over() -> None:
    found = AUTO.free_place(PAGE, POINTS, (Place(30, 10, 15, 5), Place(300, 300, 50, 50)))

    assert found == Place(0, 25, 40, 20)


def test_a_hostile_number_of_places_ends_soon() -> None:
    auto = AutoPositioning(Rectangle(), Size(height=0.02, width=0.02))

    with pytest.raises(BadAppearance):
        auto.free_place(PAGE, POINTS, (PAGE,))


@pytest.mark.parametrize("size", [Size(height=0, width=5), Size(height=5, width=0), Size(height=-5, width=5)])
def test_a_size_of_nothing_is_refused(size: Size) -> None:
    with pytest.raises(BadAppearance):
        replace(AUTO, signature_rectangle_size=size).free_place(PAGE, POINTS, ())


@pytest.mark.parametrize("paper", [p for p in PaperSize if p is not PaperSize.CUSTOM])
def test_papers_stand_upright_and_can_be_turned(paper: PaperSize) -> None:
    width, height = PageOptimization(paper).dimensions(POINTS)

    assert 0 < width < height
    assert PageOptimization(paper, orientation=PageOrientation.LANDSCAPE).dimensions(POINTS) == (height, width)


def test_a_position_is_manual_or_automatic() -> None:
    manual = Positioning(1, POINTS, manual=Rectangle(left=1, top=2, width=3, height=4))

    assert manual.place(PAGE, (PAGE,)) == Place(1, 2, 3, 4)
    assert Positioning(1, POINTS, auto=AUTO).place(PAGE, ()) == Place(0, 0, 40, 20)
