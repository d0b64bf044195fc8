"""What is in the document security store of a PDF (EN 319 142-1, 5.4.2), and what of it is about a certificate.

It says what is there. Whether it is good, and enough, is the validation's affair.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pikepdf

from signroom.domain.augmentation import ValidationData
from signroom.formats.malformed import MALFORMED
from signroom.formats.pdf.earlier.embedded import elements, place_of
from signroom.formats.pdf.earlier.places import Places
from signroom.formats.pdf.signing.plan import STORE_LISTS

_MOST_STORED = 1000
"""Streams of one list of the store."""
_LARGEST_STORE = 64 << 20
"""Bytes of all of them together."""
_LEAST_COUNTED = 1 << 14
"""Bytes that a small one counts as: to open it takes time."""


@dataclass(frozen=True, slots=True)
class _Item:
    der: bytes
    at: int
    """Where it lies, in bytes of the file."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Revocation data: about one certificate, or about all of an issuer."""

    at: int
    issuer: bytes | None
    """The name of the issuer of a list, DER."""
    numbers: frozenset[int]
    """Serial numbers that an OCSP response speaks of."""


@dataclass(frozen=True, slots=True)
class StoreContent:
    """The store, with the places of what is in it."""

    data: ValidationData
    answers: tuple[_Answer, ...]
    newest: int
    """Where the last of it lies, in bytes of the file."""

    def answers_about(self, certificate: bytes, end: int | None = None) -> bool:
        """Something in the store may say whether `certificate` is revoked; with `end`, something that lies before it.

        A certificate that names nobody who could be asked needs no answer.
        """
        from asn1crypto.x509 import Certificate

        try:
            read = Certificate.load(certificate)
            issuer, number = read.issuer.dump(), read.serial_number
            if not (read.crl_distribution_points or read.ocsp_urls) or read.ocsp_no_check_value is not None:
                return True
        except MALFORMED:
            return False
        return any(
            (one.issuer == issuer or number in one.numbers) and (end is None or one.at < end) for one in self.answers
        )


def read_store(pdf: pikepdf.Pdf, base: int) -> StoreContent | None:
    """None where there is none. `base`: where the header of the file is."""
    found = pdf.Root.get("/DSS")
    if not isinstance(found, pikepdf.Dictionary):
        return None
    places, left = Places(pdf), _LARGEST_STORE
    lists: dict[str, list[_Item]] = {name: [] for name in STORE_LISTS}
    for name in STORE_LISTS:
        for stream in elements(found.get(f"/{name}"))[:_MOST_STORED]:
            if not isinstance(stream, pikepdf.Stream) or left <= 0:
                continue
            data = b""
            with suppress(pikepdf.PdfError):
                data = stream.read_bytes()
            left -= max(len(data), _LEAST_COUNTED)
            entry = places.entries.get(place_of(stream) or (0, 0))
            if data:
                lists[name].append(_Item(data, base + (entry.offset or 0) if entry is not None else 0))
    _, revocation_lists, responses = (lists[name] for name in STORE_LISTS)
    return StoreContent(
        ValidationData(*(tuple(dict.fromkeys(one.der for one in lists[name])) for name in STORE_LISTS)),
        (*map(_of_list, revocation_lists), *map(_of_response, responses)),
        max((one.at for of_list in lists.values() for one in of_list), default=0),
    )


def _of_list(item: _Item) -> _Answer:
    from asn1crypto.crl import CertificateList

    issuer = None
    with suppress(*MALFORMED):
        issuer = CertificateList.load(item.der)["tbs_cert_list"]["issuer"].dump()
    return _Answer(item.at, issuer, frozenset())


def _of_response(item: _Item) -> _Answer:
    return _Answer(item.at, None, frozenset(_numbers(item.der)))


def _numbers(der: bytes) -> Iterator[int]:
    from asn1crypto.ocsp import OCSPResponse

    responses: Any = ()
    with suppress(*MALFORMED):
        responses = OCSPResponse.load(der)["response_bytes"]["response"].parsed["tbs_response_data"]["responses"]
    for one in responses:
        with suppress(*MALFORMED):
            yield int(one["cert_id"]["serial_number"].native)
