"""Texts that both databases can store: the same ones are refused on both."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from signroom.domain.errors import BadInput


def refuse_odd_texts(engine: Engine) -> None:
    """Refuse a NUL and half of a surrogate pair in any parameter, before the statement is sent.

    PostgreSQL would fail on both, and SQLite would cut a text at the NUL. Whoever sent such a text hears `BadInput`.
    """

    def check(
        _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        _require_storable(parameters)
        return statement, parameters

    event.listen(engine, "before_cursor_execute", check, retval=True)


_SEVERAL = (dict, tuple, list)


def _require_storable(parameters: Any) -> None:
    """All texts of one set of parameters, or of several. Raises: BadInput."""
    for value in (parameters.values() if isinstance(parameters, dict) else parameters) or ():
        if isinstance(value, str):
            if "\0" in value:
                raise BadInput("A text has a NUL.")
            if not value.isascii():
                _require_encodable(value)
        elif isinstance(value, _SEVERAL):
            _require_storable(value)


def _require_encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput("A text has half of a surrogate pair.") from error
