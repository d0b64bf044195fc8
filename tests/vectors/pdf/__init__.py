"""PDFs of the kinds that users send, each with what is right to do with it. All are made here, from nothing."""

from __future__ import annotations

from itertools import chain

from tests.vectors.pdf import earlier, empty_fields, fuzzed, numbers, values
from tests.vectors.pdf.case import Case

NUMBERS: tuple[Case, ...] = tuple(numbers.cases())
VALUES: tuple[Case, ...] = tuple(values.cases())
EARLIER: tuple[Case, ...] = tuple(earlier.cases())
FUZZED: tuple[Case, ...] = tuple(fuzzed.cases())
EMPTY_FIELDS: tuple[Case, ...] = tuple(empty_fields.cases())
CASES: dict[str, Case] = {case.name: case for case in chain(NUMBERS, VALUES, EARLIER, FUZZED, EMPTY_FIELDS)}
assert len(CASES) == sum(map(len, (NUMBERS, VALUES, EARLIER, FUZZED, EMPTY_FIELDS))), "two cases have the same name"
