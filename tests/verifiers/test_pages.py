"""Pages before and after are compared, also where a reader did not show all of them."""

from __future__ import annotations

from tests.verifiers.pages import Page, Shown, differences

FIRST, SECOND, OTHER = Page("one", "1"), Page("two", "2"), Page("one", "3")


def test_a_page_more_or_less_is_a_difference() -> None:
    assert differences(Shown((FIRST,)), Shown((FIRST,))) == []
    assert differences(Shown((FIRST,)), Shown((FIRST, SECOND))) == ["2 pages instead of 1"]
    assert differences(Shown((FIRST, SECOND)), Shown((FIRST,))) == ["1 pages instead of 2"]


def test_of_a_reader_that_gave_up_only_what_it_showed_counts() -> None:
    before = Shown((FIRST,), gave_up=True)

    assert differences(before, Shown((FIRST, SECOND))) == []
    assert differences(before, Shown((OTHER, SECOND))) == ["page 1 looks otherwise"]
    assert differences(before, Shown((), gave_up=True)) == ["0 pages instead of 1"]
