"""What the extensions of a certificate (RFC 5280, 4.2) say of its place in a path: above, below, and whom to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from asn1crypto import core, x509

Value = TypeVar("Value")

_BASIC_CONSTRAINTS = "2.5.29.19"
_SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
_AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
_CRL_DISTRIBUTION_POINTS = "2.5.29.31"
_AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1"


def read_path_length(extensions: Mapping[str, bytes]) -> int | None:
    """The pathLenConstraint. Raises: ValueError."""
    value = extensions.get(_BASIC_CONSTRAINTS)
    if value is None:
        return None
    found: int | None = x509.BasicConstraints.load(value, strict=True)["path_len_constraint"].native
    return found


def read_subject_key(extensions: Mapping[str, bytes]) -> bytes | None:
    return _read(extensions, _SUBJECT_KEY_IDENTIFIER, _octets, None)


def read_authority_key(extensions: Mapping[str, bytes]) -> bytes | None:
    return _read(extensions, _AUTHORITY_KEY_IDENTIFIER, _key_identifier, None)


def read_ocsp_addresses(extensions: Mapping[str, bytes]) -> tuple[str, ...]:
    """RFC 5280, 4.2.2.1. Empty when they cannot be read."""
    return _read(extensions, _AUTHORITY_INFORMATION_ACCESS, _responders, ())


def read_crl_addresses(extensions: Mapping[str, bytes]) -> tuple[str, ...]:
    """RFC 5280, 4.2.1.13: of lists for all reasons, by the certificate's own issuer. Empty when they cannot be read."""
    return _read(extensions, _CRL_DISTRIBUTION_POINTS, _lists, ())


def _read(extensions: Mapping[str, bytes], oid: str, read: Callable[[bytes], Value], otherwise: Value) -> Value:
    value = extensions.get(oid)
    if value is None:
        return otherwise
    try:
        return read(value)
    except (ValueError, TypeError, KeyError):
        # asn1crypto reads late; what it cannot read is as good as not there: no path, or a status that is unknown.
        return otherwise


def _octets(value: bytes) -> bytes | None:
    found: bytes | None = core.OctetString.load(value, strict=True).native
    return found


def _key_identifier(value: bytes) -> bytes | None:
    found: bytes | None = x509.AuthorityKeyIdentifier.load(value, strict=True)["key_identifier"].native
    return found


def _responders(value: bytes) -> tuple[str, ...]:
    access = x509.AuthorityInfoAccessSyntax.load(value, strict=True)
    return _addresses(entry["access_location"] for entry in access if entry["access_method"].native == "ocsp")


def _lists(value: bytes) -> tuple[str, ...]:
    found: list[str] = []
    for point in x509.CRLDistributionPoints.load(value, strict=True):
        name = point["distribution_point"]
        if name.native is None or name.name != "full_name":
            continue
        if point["reasons"].native is None and point["crl_issuer"].native is None:
            found += _addresses(name.chosen)
    return tuple(found)


def _addresses(names: Iterable[Any]) -> tuple[str, ...]:
    """The URIs among general names, letter by letter."""
    chosen = (name.chosen for name in names if name.name == "uniform_resource_identifier")
    return tuple(bytes(uri.contents).decode("ascii") for uri in chosen)
