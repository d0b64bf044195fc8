"""Where the objects of a PDF are, as its reader has found them: asked for once, since a file can have very many."""

from __future__ import annotations

from functools import cached_property

import pikepdf

Place = tuple[int, int]
"""Object number and generation."""
Table = dict[Place, int | tuple[int, int]]
"""Where each object is: its offset, or its object stream and its index in there."""
_IN_STREAM = 2


class Places:
    """The cross-reference table of an open PDF."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf

    @cached_property
    def entries(self) -> dict[Place, pikepdf.XrefEntry]:
        return self._pdf.get_xref_table()

    @cached_property
    def table(self) -> Table:
        """The same in a form that can be compared with that of another revision."""
        return {place: _where(entry) for place, entry in self.entries.items()}


def _where(entry: pikepdf.XrefEntry) -> int | tuple[int, int]:
    if entry.type == _IN_STREAM:
        return entry.obj_stream_number or 0, entry.obj_stream_index or 0
    return entry.offset or 0
