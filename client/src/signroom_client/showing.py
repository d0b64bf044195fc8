"""How answers look in a debugger, a log and a notebook: one line each, without secrets and personal numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any
from uuid import UUID

_LONGEST = 60


class OneLine:
    """A dataclass without a ``repr`` of its own.

    Fields with their default value are left out, and those that say ``repr=False``. What is inside is named only:
    ``documents=[2 SessionDocument]``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        shown: list[str] = []
        kind: Any = type(self)
        for item in fields(kind):
            value = getattr(self, item.name)
            if item.repr and value != _default(item):
                shown.append(f"{item.name}={_text(value)}")
        return f"{kind.__name__}({', '.join(shown)})"


def _default(item: Field[Any]) -> object:
    return item.default if item.default_factory is MISSING else item.default_factory()


def _text(value: object) -> str:
    match value:
        case Enum():
            return str(value.value)
        case str():
            return repr(value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}...")
        case bytes():
            return f"<{len(value)} bytes>"
        case Mapping():
            return f"{{{', '.join(map(str, value))}}}"
        case tuple() | list() if value and is_dataclass(value[0]):
            return f"[{len(value)} {type(value[0]).__name__}]"
    if isinstance(value, UUID | date):
        shown = str(value)
    else:
        shown = f"{type(value).__name__}(...)" if is_dataclass(value) else repr(value)
    return shown
