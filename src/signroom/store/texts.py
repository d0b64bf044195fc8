"""Texts that both databases can store: the same ones are refused on both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from signroom.domain.errors import BadInput


def refuse_odd_texts(engine: Engine) -> None:
    """Refuse a NUL and half of a surrogate pair in any parameter, before the statement is sent.

    PostgreSQL would fail on both, and SQLite would cut a text at the NUL. Whoever sent such a text hears `BadInput`.
    """

    def check(
        _connection: Connection, _cursor: Any, _statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        for text in _texts(parameters):
            if "\0" in text:
                raise BadInput("A text has a NUL.")
            if not text.isascii():
                _require_encodable(text)

    event.listen(engine, "before_cursor_execute", check)


def _texts(parameters: Any) -> Iterator[str]:
    """All texts of one set of parameters, or of several."""
    values = parameters.values() if isinstance(parameters, dict) else parameters
    for value in values or ():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | tuple | list):
            yield from _texts(value)


def _require_encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput("A text has half of a surrogate pair.") from error
