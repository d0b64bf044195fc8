"""The ``NamePatterns`` port on RE2: no pattern, whoever wrote it, can keep a processor busy.

No back references and no look-around; the price of time that is linear in the length of the name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from signroom.domain.errors import BadFileNamePattern
from signroom.domain.file_validation import MAX_PATTERN

_MEMORY = 1 << 20
"""Bytes that a compiled pattern may take: repetitions of repetitions would take gigabytes."""
_KEPT = 256


class Re2Patterns:
    def require_valid(self, pattern: str) -> None:
        _compiled(pattern)

    def matches(self, pattern: str, name: str) -> bool:
        return _compiled(pattern).fullmatch(name) is not None


@lru_cache(_KEPT)
def _compiled(pattern: str) -> Any:
    if not 0 < len(pattern) <= MAX_PATTERN:
        raise BadFileNamePattern
    if "\0" in pattern:  # no name has one, and PostgreSQL stores none
        raise BadFileNamePattern("It has a NUL.")
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False  # it would go to standard error, past our log
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        raise BadFileNamePattern(_what_is_wrong(pattern, error)) from error


def _what_is_wrong(pattern: str, error: Exception) -> str | None:
    """RE2 quotes the part that it stumbled over, and does not say where that is."""
    said = error.args[0] if error.args else b""
    if not isinstance(said, bytes):
        return None
    reason, _, part = said.decode(errors="replace").partition(": ")
    position = pattern.rfind(part) if part else -1
    return f"{reason}." if position < 0 else f"{reason} at character {position + 1}: {part}"
