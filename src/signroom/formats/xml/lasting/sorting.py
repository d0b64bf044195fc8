"""Which validation data is about the signer, and which about the authorities of timestamps.

They go to different places (EN 319 132-1, 5.4 and 5.5.1). A verifier looks in all places: what cannot be told goes to
the signer's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import ocsp

from signroom.domain.augmentation import ValidationData
from signroom.formats.certificate import load_certificate, load_list, load_response
from signroom.formats.malformed import MALFORMED

_UNREADABLE = (*MALFORMED, UnsupportedAlgorithm)


def split(
    data: ValidationData, signer: bytes, authorities: Iterable[bytes], others: Iterable[bytes]
) -> tuple[ValidationData, ValidationData]:
    """`data` about the `signer`, and that about nothing but the timestamp `authorities`.

    Those are certificates, as DER. `others`: certificates that lead from them to those above.
    """
    authorities = list(authorities)
    known = _known((*data.certificates, *others, signer, *authorities))
    of_signer = _above([signer], known)
    only = _above(authorities, known) - of_signer
    names = {known[der].subject for der in only} - {known[der].subject for der in of_signer}
    numbers = {known[der].number for der in only}
    certificates = {der for der in data.certificates if der in only}
    lists = {der for der in data.lists if _issuer(der) in names}
    responses = {der for der in data.responses if (found := _numbers(der)) and found <= numbers}
    return (
        ValidationData(
            tuple(der for der in data.certificates if der not in certificates),
            tuple(der for der in data.lists if der not in lists),
            tuple(der for der in data.responses if der not in responses),
        ),
        ValidationData(
            tuple(der for der in data.certificates if der in certificates),
            tuple(der for der in data.lists if der in lists),
            tuple(der for der in data.responses if der in responses),
        ),
    )


def without(data: ValidationData, known: ValidationData) -> ValidationData:
    """What of `data` is not `known`, each value once."""
    certificates, lists, responses = set(known.certificates), set(known.lists), set(known.responses)
    return ValidationData(
        tuple(dict.fromkeys(der for der in data.certificates if der not in certificates)),
        tuple(dict.fromkeys(der for der in data.lists if der not in lists)),
        tuple(dict.fromkeys(der for der in data.responses if der not in responses)),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """Of one certificate. The library makes its names anew each time that they are asked for."""

    subject: x509.Name
    issuer: x509.Name
    number: int


def _known(ders: Iterable[bytes]) -> dict[bytes, _Names]:
    """Those that can be read."""
    found: dict[bytes, _Names] = {}
    for der in dict.fromkeys(ders):
        try:
            certificate = load_certificate(der)
            found[der] = _Names(certificate.subject, certificate.issuer, certificate.serial_number)
        except _UNREADABLE:
            continue
    return found


def _above(start: Iterable[bytes], known: dict[bytes, _Names]) -> set[bytes]:
    """The certificates of `start` and those above them, by their names."""
    by_subject: dict[x509.Name, list[bytes]] = {}
    for der, certificate in known.items():
        by_subject.setdefault(certificate.subject, []).append(der)
    found: set[bytes] = set()
    waiting = [der for der in start if der in known]
    while waiting:
        der = waiting.pop()
        if der not in found:
            found.add(der)
            waiting += by_subject.get(known[der].issuer, ())
    return found


def _issuer(der: bytes) -> x509.Name | None:
    try:
        return load_list(der).issuer
    except _UNREADABLE:
        return None


def _numbers(der: bytes) -> set[int]:
    """The serial numbers of the certificates that an OCSP response is about."""
    try:
        response = load_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return set()
        return {one.serial_number for one in response.responses}
    except _UNREADABLE:
        return set()
