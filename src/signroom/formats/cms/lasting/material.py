"""The certificates and the revocation data that a CMS object has, wherever it has them, and whether they are enough.

Baseline signatures have them in SignedData (EN 319 122-1, 6.3). Older forms have them in unsigned attributes
(EN 319 122-2, A.1), and some in the tokens of timestamps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from signroom.domain.augmentation import ValidationData
from signroom.domain.errors import InvalidCms
from signroom.formats.cms.lasting.identifiers import (
    BASIC_OCSP_RESPONSE,
    CERTIFICATE_VALUES,
    OCSP_RESPONSE,
    REVOCATION_VALUES,
)
from signroom.formats.cms.parts import Attribute, first_inside, inside
from signroom.formats.cms.writing import sequence
from signroom.formats.malformed import MALFORMED

_SEQUENCE, _OCTETS, _OTHER, _VERSION = 0x30, 0x04, 0xA1, 0xA0
_LISTS, _RESPONSES = 0xA0, 0xA1
_SUCCESSFUL = bytes.fromhex("0a0100")
_NEED_NOTHING = (
    bytes.fromhex("06092b0601050507300105"),  # id-pkix-ocsp-nocheck (RFC 6960, 4.2.2.2.1)
    bytes.fromhex("0603551d38"),  # noRevAvail (RFC 9608)
    bytes.fromhex("060704008195410201"),  # validity assured, short term (EN 319 412-1, 5.2)
)
_POINTERS = (
    bytes.fromhex("0603551d1f"),  # CRLDistributionPoints
    bytes.fromhex("06082b06010505073001"),  # OCSP in AuthorityInfoAccess
)
_UNREADABLE = (InvalidCms, *MALFORMED)
_PARTS = 6
"""Of what is signed of a certificate or a list, the names being among them."""
_LONGEST_PATH = 10
_LONGEST_RESPONSE = 256 << 10
"""Bytes of an OCSP response that is looked into; real ones have 1 to 5 KB."""
_MANY_ANSWERS = 5_000
"""Answers in OCSP responses that are looked at; most responses have one."""


def material_of_object(certificates: Iterable[bytes], lists: Iterable[bytes]) -> ValidationData:
    """Of SignedData.certificates and SignedData.crls."""
    plain, responses = [], []
    for one in lists:
        if one[0] == _SEQUENCE:
            plain.append(one)
        elif one[0] == _OTHER:
            responses += _other(one)
    return ValidationData(tuple(one for one in certificates if one[0] == _SEQUENCE), tuple(plain), tuple(responses))


def material_of_attributes(attributes: Iterable[Attribute]) -> ValidationData:
    """Of certificate-values and revocation-values. What is malformed is passed over."""
    certificates: list[bytes] = []
    lists: list[bytes] = []
    responses: list[bytes] = []
    for one in attributes:
        try:
            if one.kind == CERTIFICATE_VALUES:
                certificates += (member for value in one.values for member in inside(value))
            elif one.kind == REVOCATION_VALUES:
                for part in (part for value in one.values for part in inside(value)):
                    (values,) = inside(part)
                    if part[0] == _LISTS:
                        lists += inside(values)
                    elif part[0] == _RESPONSES:
                        responses += (_successful(basic) for basic in inside(values))
        except _UNREADABLE:
            continue
    return ValidationData(tuple(certificates), tuple(lists), tuple(responses))


def _other(value: bytes) -> list[bytes]:
    """The OCSP response in a RevocationInfoChoice (RFC 5940, 2.1)."""
    try:
        kind, response = inside(value)
    except _UNREADABLE:  # an odd one must not hide the others
        return []
    if kind == OCSP_RESPONSE:
        return [response]
    return [_successful(response)] if kind == BASIC_OCSP_RESPONSE else []


def _successful(basic: bytes) -> bytes:
    """OCSPResponse around a BasicOCSPResponse (RFC 6960, 4.2.1)."""
    response = sequence(_SEQUENCE, BASIC_OCSP_RESPONSE, sequence(_OCTETS, basic))
    return sequence(_SEQUENCE, _SUCCESSFUL, sequence(0xA0, response))


class Known:
    """Looks up what validation data says of certificates. Nothing is verified: that is the validation's affair."""

    def __init__(self, data: ValidationData) -> None:
        self._by_subject: dict[bytes, bytes] = {}
        for der in data.certificates:
            names = _names(der)
            if names is not None:
                self._by_subject.setdefault(names[1], der)
        self._issuers = {issuer for der in data.lists if (issuer := _issuer_of_list(der)) is not None}
        answers = (asked for der in data.responses if len(der) <= _LONGEST_RESPONSE for asked in _asked(der))
        self._answered = set(islice(answers, _MANY_ANSWERS))

    def is_complete_for(self, certificate: bytes) -> bool:
        """There is revocation data for `certificate`, and for each above it that says where such data would be."""
        path = list(self._path(certificate))
        return bool(path) and all(
            self._is_known(der, names) for number, (der, names) in enumerate(path) if number == 0 or _has_pointer(der)
        )

    def _path(self, certificate: bytes) -> Iterator[tuple[bytes, tuple[bytes, bytes, int]]]:
        """Up to the last that can be found, without one that is its own issuer. A certificate alone may be that."""
        for _step in range(_LONGEST_PATH):
            names = _names(certificate)
            if names is None or (names[0] == names[1] and _step):
                return
            yield certificate, names
            above = self._by_subject.get(names[0])
            if above is None or above == certificate:
                return
            certificate = above

    def _is_known(self, certificate: bytes, names: tuple[bytes, bytes, int]) -> bool:
        issuer, subject, number = names
        if issuer == subject or any(kind in certificate for kind in _NEED_NOTHING):
            return True
        hashes = (hashlib.new(name, issuer, usedforsecurity=False).digest() for name in ("sha1", "sha256"))
        return issuer in self._issuers or any((one, number) in self._answered for one in hashes)


def _has_pointer(certificate: bytes) -> bool:
    return any(kind in certificate for kind in _POINTERS)


def _names(certificate: bytes) -> tuple[bytes, bytes, int] | None:
    """Issuer, subject, serial number (RFC 5280, 4.1); None for what is no certificate."""
    try:
        parts = first_inside(first_inside(certificate, 1)[0], _PARTS)
        first = 1 if parts[0][0] == _VERSION else 0
        return parts[first + 2], parts[first + 4], int.from_bytes(parts[first][2:], "big", signed=True)
    except _UNREADABLE:
        return None


def _issuer_of_list(certificate_list: bytes) -> bytes | None:
    """The first SEQUENCE is the algorithm, the second the name (RFC 5280, 5.1.2). Entries come later."""
    try:
        parts = first_inside(first_inside(certificate_list, 1)[0], _PARTS)
        return [part for part in parts if part[0] == _SEQUENCE][1]
    except _UNREADABLE:
        return None


def _asked(response: bytes) -> Iterator[tuple[bytes, int]]:
    """Issuer's name as a digest, and serial number, of each answer."""
    from asn1crypto.ocsp import OCSPResponse

    with suppress(*MALFORMED):
        for answer in OCSPResponse.load(response).basic_ocsp_response["tbs_response_data"]["responses"]:
            yield answer["cert_id"]["issuer_name_hash"].native, answer["cert_id"]["serial_number"].native
