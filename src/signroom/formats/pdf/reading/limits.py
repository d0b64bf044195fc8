"""How much qpdf may do with one file.

The limits hold for the whole process, so they are the same whoever opens a file: else what a file is would depend on
which files were opened before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pikepdf
from pikepdf.settings import set_qpdf_limits

from signroom.domain.errors import PdfTooComplex

MOST_UNFOLDED = 64 << 20
"""Bytes that the data of a cross-reference or object stream may have once they are decompressed."""
_MOST_ITEMS = 1 << 20
"""Items of one array, in a damaged file as in any other (5,000 in qpdf). A whole one may have more."""
_MOST_WARNINGS = 1000
_MOST_ERRORS = 1000
"""In one object (15 in qpdf). A key that is there twice is one: some programs write each layer of a page twice."""
_GIVEN_UP = re.compile(r"object (\d+).*?(?:limits error|bad_alloc)", re.DOTALL)
"""qpdf has reached a limit, or had no memory left. It goes on as if the object were null: a page is just not there."""


def limit_qpdf() -> None:
    """To be called before a file is opened: another library may have changed the limits."""
    set_qpdf_limits(
        parser_max_errors=_MOST_ERRORS,
        parser_max_container_size=_MOST_ITEMS,
        parser_max_container_size_damaged=_MOST_ITEMS,
        doc_max_warnings=_MOST_WARNINGS,
        flate_max_memory=MOST_UNFOLDED,
        png_max_memory=MOST_UNFOLDED,
        tiff_max_memory=MOST_UNFOLDED,
        run_length_max_memory=MOST_UNFOLDED,
    )


def require_all_read(pdf: pikepdf.Pdf, said: Iterable[str] = ()) -> list[str]:
    """No object that qpdf has read so far was too much for it. The warnings since they were asked for last.

    `said`: those from before, which are looked at as well.

    Raises: PdfTooComplex naming the object.
    """
    warnings = [*said, *(str(warning) for warning in pdf.get_warnings())]
    for warning in warnings:
        if given_up := _GIVEN_UP.search(warning):
            raise PdfTooComplex(f"Object {given_up[1]} has more parts than can be read.")
    return warnings
