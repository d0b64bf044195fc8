"""What the extensions of a certificate (RFC 5280, 4.2) say of its place in a path: above, below, and whom to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from asn1crypto import core, crl, x509

Value = TypeVar("Value")

ALL_REASONS = frozenset(
    {
        "key_compromise",
        "ca_compromise",
        "affiliation_changed",
        "superseded",
        "cessation_of_operation",
        "certificate_hold",
        "privilege_withdrawn",
        "aa_compromise",
    }
)
"""RFC 5280, 6.3.2 (a)."""


@dataclass(frozen=True, slots=True)
class ListPoint:
    """What a certificate or a list says of the place that the list is found at. ``names`` is empty when it does not."""

    names: frozenset[str]
    reasons: frozenset[str]


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
    return _read(extensions, _AUTHORITY_INFORMATION_ACCESS, lambda value: _access(value, "ocsp"), ())


def read_issuer_addresses(extensions: Mapping[str, bytes]) -> tuple[str, ...]:
    """Where the issuer's certificate is (RFC 5280, 4.2.2.1). Empty when it cannot be read."""
    return _read(extensions, _AUTHORITY_INFORMATION_ACCESS, lambda value: _access(value, "ca_issuers"), ())


def read_lists(extensions: Mapping[str, bytes], issuer: bytes) -> tuple[tuple[str, ...], tuple[ListPoint, ...]]:
    """The addresses of lists by the certificate's own `issuer` (a Name, DER), and their distribution points.

    RFC 5280, 4.2.1.13. Empty when they cannot be read.
    """
    nothing: tuple[tuple[str, ...], tuple[ListPoint, ...]] = ((), ())
    return _read(extensions, _CRL_DISTRIBUTION_POINTS, lambda value: _lists(value, issuer), nothing)


def read_scope(value: bytes, issuer: bytes) -> ListPoint:
    """The names and the reasons of an issuingDistributionPoint (RFC 5280, 5.2.5) of a list by `issuer`.

    Raises: ValueError.
    """
    try:
        scope = crl.IssuingDistributionPoint.load(value, strict=True)
        return ListPoint(_names(scope["distribution_point"], issuer), _reasons(scope["only_some_reasons"]))
    except (TypeError, KeyError) as error:
        raise ValueError("The scope of the list is malformed.") from error


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


def _access(value: bytes, method: str) -> tuple[str, ...]:
    access = x509.AuthorityInfoAccessSyntax.load(value, strict=True)
    return _addresses(entry["access_location"] for entry in access if entry["access_method"].native == method)


def _lists(value: bytes, issuer: bytes) -> tuple[tuple[str, ...], tuple[ListPoint, ...]]:
    addresses: list[str] = []
    points: list[ListPoint] = []
    for point in x509.CRLDistributionPoints.load(value, strict=True):
        name = point["distribution_point"]
        if point["crl_issuer"].native is not None or name.native is None:
            continue
        points.append(ListPoint(_names(name, issuer), _reasons(point["reasons"])))
        if name.name == "full_name":
            addresses += _addresses(name.chosen)
    return tuple(addresses), tuple(points)


def _names(point: Any, issuer: bytes) -> frozenset[str]:
    """The names of a DistributionPointName, in a form in which the same names are equal."""
    if point.native is None:
        return frozenset()
    if point.name == "full_name":
        named = [name.chosen for name in point.chosen if name.name == "directory_name"]
        return frozenset([*_addresses(point.chosen), *(name.hashable for name in named)])
    whole = x509.RDNSequence([*x509.Name.load(issuer).chosen, point.chosen])
    return frozenset({x509.Name(name="", value=whole).hashable})


def _reasons(flags: Any) -> frozenset[str]:
    """Without the field a list is for all reasons."""
    return ALL_REASONS if flags.native is None else frozenset(flags.native) & ALL_REASONS


def _addresses(names: Iterable[Any]) -> tuple[str, ...]:
    """The URIs among general names, letter by letter."""
    chosen = (name.chosen for name in names if name.name == "uniform_resource_identifier")
    return tuple(bytes(uri.contents).decode("ascii") for uri in chosen)
