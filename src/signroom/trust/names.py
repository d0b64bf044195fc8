"""Distinguished names compared (RFC 5280, 7.1): letter case, white space and the kind of string do not count."""

from __future__ import annotations

from cryptography import x509

CanonicalName = tuple[frozenset[tuple[str, str | bytes]], ...]


def canonical(name: x509.Name) -> CanonicalName:
    """Two names are the same when their canonical forms are equal."""
    return tuple(frozenset((part.oid.dotted_string, _folded(part.value)) for part in rdn) for rdn in name.rdns)


def same_name(one: x509.Name, other: x509.Name) -> bool:
    return one == other or canonical(one) == canonical(other)


def _folded(value: str | bytes) -> str | bytes:
    return " ".join(value.split()).casefold() if isinstance(value, str) else value
