"""A few dozen of the files that ``make soak`` reads by thousands, always the same ones."""

from __future__ import annotations

import pytest

from tests.soak.costly import COSTLY
from tests.soak.files import READERS, Read, make, names_of, read_all

_SEED = 13
_FEW = 40


@pytest.mark.parametrize("kind", READERS)
def test_no_file_takes_more_of_the_processor_than_it_may(kind: str) -> None:
    names = names_of([kind], _FEW)

    found = list(read_all(names, _SEED))

    assert [read.name for read in found] == names
    assert [read for read in found if read.problem or read.over > 0] == []


def test_each_costly_file_is_made_first_and_a_file_can_be_made_again() -> None:
    for kind, makers in COSTLY.items():
        assert [make(f"{kind}-{n}", _SEED)[1].partition(",")[0] for n in range(len(makers))] == [
            about.partition(",")[0] for about in makers
        ]
    assert make("cms-30", _SEED) == make("cms-30", _SEED) != make("cms-30", _SEED + 1)


def test_a_file_is_over_its_budget_when_it_takes_more_than_reading_it_once_and_two_seconds() -> None:
    assert Read("cms-1", "", 0, 1.9).over < 0 < Read("cms-1", "", 0, 2.1).over
    assert Read("cms-1", "", 50 << 20, 3.9).over < 0 < Read("cms-1", "", 50 << 20, 4.1).over
