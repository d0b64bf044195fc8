"""Exceptions as the log may show them: kind, place and code, never their text.

The text of a foreign exception quotes what it was about: PostgreSQL names the row that broke a constraint, parsers name
what they stumbled over, httpx the address. None of that may be written down.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TextIO

from signroom.domain.errors import SignroomError

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
_MAX_FRAMES = 50
_MAX_CHAIN = 10


def describe(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """The exception and what caused it, for JSON."""
    return [_described(error, is_cause=is_cause) for error, is_cause in _chain(exc_info[1])]


def write(target: TextIO, exc_info: ExcInfo) -> None:
    """The same as text, for a terminal."""
    for error in describe(exc_info):
        target.write(f"\n{error['exc_type']} {error['exc_value']}".rstrip())
        for frame in error["frames"]:
            target.write(f"\n  {frame['filename']}:{frame['lineno']} {frame['name']}")


def _chain(error: BaseException | None) -> Iterator[tuple[BaseException, bool]]:
    is_cause = False
    for _ in range(_MAX_CHAIN):
        if error is None:
            return
        yield error, is_cause
        is_cause = error.__cause__ is not None
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _described(error: BaseException, *, is_cause: bool) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return {
        "exc_type": type(error).__name__,
        "exc_value": _code(error),
        "is_cause": is_cause,
        "frames": [{"filename": f.filename, "lineno": f.lineno, "name": f.name} for f in frames],
        **({"exceptions": [[_described(one, is_cause=False)] for one in inner]} if inner else {}),
    }


def _code(error: BaseException) -> str:
    """What a machine says about the kind of error, where there is such a word."""
    if isinstance(error, SignroomError):
        return error.code
    for name in ("sqlstate", "sqlite_errorname"):
        found = getattr(error, name, None)
        if isinstance(found, str):
            return found
    if isinstance(error, OSError) and error.errno is not None:
        return f"errno {error.errno}"
    return ""
