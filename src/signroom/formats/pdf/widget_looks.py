"""What a widget shows by itself (ISO 32000-1, 12.5.5)."""

from __future__ import annotations

import re

import pikepdf

from signroom.formats.pdf import entries

_LONGEST_NOTHING = 100
"""Bytes of a look that shows nothing, as they are in the file. Programs write comments and empty states."""
_NOTHING = frozenset({b"q", b"Q"})
_COMMENT = re.compile(rb"%[^\r\n]*")


def shows_something(widget: object) -> bool:
    """Whether the widget has a look of its own (/AP) that paints; true also for one that cannot be read."""
    look = entries.entry(entries.entry(widget, "/AP"), "/N")
    if look is None:
        return False
    if not isinstance(look, pikepdf.Stream):
        return True
    try:
        raw = memoryview(look.get_raw_stream_buffer())
        if len(raw) > _LONGEST_NOTHING:
            return True
        return not _NOTHING.issuperset(_COMMENT.sub(b"", look.read_bytes()).split())
    except entries.UNREADABLE:
        return True
