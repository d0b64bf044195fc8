"""JSON of the wire to frozen dataclasses, by their annotations.

Unknown keys are ignored; ``null`` and absent are the field's default. What has no default must be there.
"""

from __future__ import annotations

import base64
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from signroom_client.errors import UnexpectedAnswerError
from signroom_client.naming import wire_name

T = TypeVar("T")
_Decoder = Callable[[Any], Any]


def decode(kind: type[T], value: object) -> T:
    """`value`, as `json.loads` made it, as a `kind`. Raises: UnexpectedAnswerError."""
    try:
        wanted: Any = kind
        found: T = _decoder(wanted)(value)
    except (ValueError, TypeError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise UnexpectedAnswerError(f"The answer is not what was expected ({name}): {error}.") from error
    return found


@cache
def _decoder(kind: Any) -> _Decoder:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        (inner,) = (a for a in arguments if a is not types.NoneType)
        return lambda value: None if value is None else _decoder(inner)(value)
    if origin is tuple:
        return lambda value: tuple(_decoder(arguments[0])(item) for item in _checked(value, list))
    if origin is Mapping:
        return lambda value: {name: _decoder(arguments[1])(item) for name, item in _checked(value, dict).items()}
    if is_dataclass(kind):
        return lambda value: _object(kind, _checked(value, dict))
    if issubclass(kind, Enum):
        return lambda value: kind(_checked(value, str))
    return _SCALARS[kind]


def _checked(value: Any, kind: type[Any] | types.UnionType) -> Any:
    # JSON's true and false are no numbers, though Python's are.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{type(value).__name__} instead of {getattr(kind, '__name__', 'a number')}")
    return value


def _object(kind: Any, value: dict[str, Any]) -> Any:
    found = {}
    for name, wire, decoder, needed in _plan(kind):
        item = value.get(wire)
        if item is not None:
            found[name] = _field(wire, decoder, item)
        elif needed:
            raise ValueError(f"{wire} is missing")
    return kind(**found)


def _field(wire: str, decoder: _Decoder, item: Any) -> Any:
    try:
        return decoder(item)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{wire}: {error}") from error


@cache
def _plan(kind: Any) -> tuple[tuple[str, str, _Decoder, bool], ...]:
    """For each field: its name here and on the wire, how to read it, and whether it must be there."""
    hints = get_type_hints(kind)
    return tuple(
        (f.name, wire_name(f), _decoder(hints[f.name]), f.default is MISSING and f.default_factory is MISSING)
        for f in fields(kind)
    )


def _time(value: Any) -> datetime:
    """Aware; what does not name a zone is UTC."""
    found = datetime.fromisoformat(_checked(value, str))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


_SCALARS: Mapping[Any, _Decoder] = {
    object: lambda value: value,  # JSON as it comes
    str: lambda value: _checked(value, str),
    bool: lambda value: _checked(value, bool),
    int: lambda value: _checked(value, int),
    float: lambda value: float(_checked(value, int | float)),
    bytes: lambda value: base64.b64decode(_checked(value, str), validate=True),
    UUID: lambda value: UUID(_checked(value, str)),
    datetime: _time,
    date: lambda value: date.fromisoformat(_checked(value, str)),
}
