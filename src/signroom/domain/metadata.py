"""Metadata of documents and document keys: names with lists of texts, as the contract bounds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signroom.domain.errors import BadMetadata

MAX_NAME = 50
MAX_VALUE = 500
MAX_NAMES = 50
MAX_VALUES = 50

Metadata = tuple[tuple[str, tuple[str, ...]], ...]
"""(name, values) in the order they were given; names differ also when case is ignored."""

NO_METADATA: Metadata = ()


def clean_metadata(given: Mapping[str, Sequence[str]]) -> Metadata:
    """Raises: BadMetadata for a name or value out of bounds, or a name given twice in other case."""
    if len(given) > MAX_NAMES:
        raise BadMetadata(f"At most {MAX_NAMES} names.")
    seen: set[str] = set()
    for name, values in given.items():
        require_name(name)
        if fold(name) in seen:
            raise BadMetadata(f"The name '{name}' is there twice.")
        seen.add(fold(name))
        if len(values) > MAX_VALUES:
            raise BadMetadata(f"'{name}' has more than {MAX_VALUES} values.")
        for value in values:
            require_value(value)
    return tuple((name, tuple(values)) for name, values in given.items())


def require_name(name: str) -> None:
    """1 to 50 letters, digits, '-', '_' or spaces. Raises: BadMetadata."""
    if not 1 <= len(name) <= MAX_NAME or not all(c.isalnum() or c in "-_ " for c in name):
        raise BadMetadata(f"A name has 1 to {MAX_NAME} letters, digits, '-', '_' or spaces.")


def require_value(value: str) -> None:
    """At most 500 characters. Raises: BadMetadata."""
    if len(value) > MAX_VALUE or "\0" in value:  # PostgreSQL stores no NUL in a text
        raise BadMetadata(f"A value has at most {MAX_VALUE} characters, and no NUL among them.")


def fold(name: str) -> str:
    """What two spellings of one name have in common."""
    return name.casefold()


def merged(*layers: Metadata) -> Metadata:
    """By name, case ignored: an earlier layer wins over a later one (document, session, application)."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for layer in layers:
        for name, values in layer:
            found.setdefault(fold(name), (name, values))
    return tuple(found.values())
