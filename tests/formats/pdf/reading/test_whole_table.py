"""A packed table is the same once it is unpacked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signroom.formats.pdf.reading.whole_table import Place, packed, unpacked

PLACES = st.builds(Place, st.integers(0, 8_388_607), st.booleans(), st.integers(0, 2**40), st.integers(0, 65_535))


@given(st.lists(PLACES))
def test_packed_and_unpacked(places: list[Place]) -> None:
    assert list(unpacked(packed(places))) == places
