"""How fields are called on the wire: camelCase, but for those that say otherwise."""

from __future__ import annotations

from dataclasses import Field, field
from typing import Any

_KEY = "wire"


def named(wire: str, default: Any = None) -> Any:
    """A dataclass field whose name on the wire is `wire`."""
    return field(default=default, metadata={_KEY: wire})


def wire_name(item: Field[Any]) -> str:
    given: str | None = item.metadata.get(_KEY)
    if given is not None:
        return given
    first, *others = item.name.split("_")
    return first + "".join(part.capitalize() for part in others)
