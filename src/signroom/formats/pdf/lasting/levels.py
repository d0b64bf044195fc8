"""How far the signatures of a PDF have come (EN 319 142-1, 6.3): by what is there, and not by whom to trust.

======= ==========================================================================================================
level   has
======= ==========================================================================================================
B-T     an intact timestamp of the signature's value, or an intact document timestamp that covers the signature
B-LT    and certificates and revocation data in the document security store
B-LTA   and an intact document timestamp that covers the signature and the store, or what was first in the store
======= ==========================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf

from signroom.domain.augmentation import (
    NO_DATA,
    EmbeddedTimestamp,
    FileLevels,
    SignatureLevel,
    TimestampUse,
    ValidationData,
)
from signroom.domain.errors import InvalidCms, NotSigned
from signroom.domain.level import Level
from signroom.domain.signature import CertificateChain
from signroom.formats.cms.facts import issuers_of
from signroom.formats.cms.foreign import Integrity
from signroom.formats.cms.reading import only_refusals as only_cms_refusals
from signroom.formats.cms.reading import read_cms_octets
from signroom.formats.malformed import MALFORMED
from signroom.formats.pdf.earlier.embedded import elements, place_of
from signroom.formats.pdf.earlier.places import Places
from signroom.formats.pdf.earlier.window import header_at, mapped, opened
from signroom.formats.pdf.parsing import only_refusals, require_pdf
from signroom.formats.pdf.signing.plan import STORE_LISTS
from signroom.formats.pdf.tokens import certificates_in, digest_of, read_timestamp
from signroom.formats.pdf.verification import JudgedSignature, judge_all

_MOST_STORED = 1000
"""Streams of one list of the store."""
_LARGEST_STORE = 64 << 20
"""Bytes of all of them together."""
_MOST_TIMESTAMPS = 20
"""Of one signature's value."""
_TIMESTAMP_TOKEN = "1.2.840.113549.1.9.16.2.14"  # noqa: S105


@dataclass(frozen=True, slots=True)
class _Store:
    """The document security store, and where the first of each list lies."""

    data: ValidationData = NO_DATA
    certificates_at: int | None = None
    revocation_at: int | None = None

    @property
    def is_complete(self) -> bool:
        return self.certificates_at is not None and self.revocation_at is not None

    def is_covered_up_to(self, end: int) -> bool:
        """What was first in it lies before `end`."""
        places = (self.certificates_at, self.revocation_at)
        return all(at is not None and at < end for at in places)


def read_levels(file: Path) -> FileLevels:
    """Raises: NotSigned, a DocumentRejected."""
    with file.open("rb") as stream:
        require_pdf(stream)
    with only_refusals(), mapped(file) as buffer, opened(buffer) as pdf:
        judged = judge_all(pdf, buffer)
        store = _store(pdf, header_at(buffer))
        stamps = [one for one in judged if one.signature.is_timestamp]
        signatures = [one for one in judged if not one.signature.is_timestamp]
        if not signatures:
            raise NotSigned
        known = _known_certificates(store, judged)
        levels = tuple(_level(one, stamps, store, known) for one in signatures)
        data = store.data + ValidationData(certificates=tuple(dict.fromkeys(_der(known))))
        return FileLevels(levels, data)


def signed_value(contents: bytes) -> bytes | None:
    """The value of the first signer of a CMS object; None for anything else."""
    signer = _signer(contents)
    if signer is None:
        return None
    with suppress(*MALFORMED):
        return bytes(signer["signature"].native)
    return None


def _level(one: JudgedSignature, stamps: list[JudgedSignature], store: _Store, known: list[Any]) -> SignatureLevel:
    signature = one.signature
    value = signed_value(signature.contents)
    of_value = list(_of_value(signature.contents, value)) if value is not None else []
    covering = [stamp for stamp in stamps if signature.end and stamp.signature.end >= signature.end]
    documents = [(stamp, _of_document(stamp, known)) for stamp in covering]
    timestamps = [*of_value, *(found for _, found in documents if found is not None)]
    intact = [found for found in timestamps if found.intact]
    level = Level.B_B
    if intact:
        level = Level.B_T
        if store.is_complete:
            level = Level.B_LT
            archived = (stamp for stamp, found in documents if found is not None and found.intact)
            if any(store.is_covered_up_to(stamp.signature.end) for stamp in archived):
                level = Level.B_LTA
    certificate = one.signers[0].certificate or one.verdict.certificate
    return SignatureLevel(
        value=value if value is not None else signature.contents.rstrip(b"\0"),
        chain=CertificateChain(certificate, issuers_of(certificate, known)),
        level=level,
        timestamps=tuple(sorted(timestamps, key=lambda found: found.time)),
    )


def _of_value(contents: bytes, value: bytes) -> Iterator[EmbeddedTimestamp]:
    """Signature timestamps (EN 319 122-1, 5.3)."""
    signer = _signer(contents)
    if signer is None:
        return
    tokens: list[bytes] = []
    with suppress(*MALFORMED):
        for attribute in signer["unsigned_attrs"] or ():
            if attribute["type"].dotted == _TIMESTAMP_TOKEN:
                tokens += [token.dump() for token in attribute["values"]]
    for token in tokens[:_MOST_TIMESTAMPS]:
        found = read_timestamp(token, TimestampUse.SIGNATURE, lambda name: digest_of(value, name))
        if found is not None:
            yield found


def _of_document(stamp: JudgedSignature, known: list[Any]) -> EmbeddedTimestamp | None:
    signer = stamp.signers[0]
    if signer.certificate is None or signer.claimed_at is None:
        return None
    return EmbeddedTimestamp(
        use=TimestampUse.ARCHIVE,
        time=signer.claimed_at,
        authority=CertificateChain(signer.certificate, issuers_of(signer.certificate, known)),
        intact=signer.integrity is Integrity.INTACT and stamp.later is not None,
    )


def _signer(contents: bytes) -> Any | None:
    try:
        with only_cms_refusals():
            found = read_cms_octets(contents)
            return None if found is None else found.signed["signer_infos"][0]
    except InvalidCms:
        return None


def _known_certificates(store: _Store, judged: Iterable[JudgedSignature]) -> list[Any]:
    """All certificates of the file, each once."""
    from asn1crypto.x509 import Certificate

    found = dict.fromkeys(store.data.certificates)
    for one in judged:
        found.update(dict.fromkeys(certificates_in(one.signature.contents)))
    certificates = []
    for der in found:
        with suppress(*MALFORMED):
            certificate = Certificate.load(der, strict=True)
            _ = certificate["tbs_certificate"]["issuer"], certificate["tbs_certificate"]["subject"]
            certificates.append(certificate)
    return certificates


def _der(certificates: Iterable[Any]) -> Iterator[bytes]:
    return (one.dump() for one in certificates)


def _store(pdf: pikepdf.Pdf, base: int) -> _Store:
    found = pdf.Root.get("/DSS")
    if not isinstance(found, pikepdf.Dictionary):
        return _Store()
    left = _LARGEST_STORE
    lists: dict[str, list[bytes]] = {name: [] for name in STORE_LISTS}
    first: dict[str, int] = {}
    places = Places(pdf)
    for name in STORE_LISTS:
        for stream in elements(found.get(f"/{name}"))[:_MOST_STORED]:
            if not isinstance(stream, pikepdf.Stream) or len(stream.read_raw_bytes()) > left:
                continue
            data = stream.read_bytes()
            left -= len(data)
            lists[name].append(data)
            entry = places.entries.get(place_of(stream) or (0, 0))
            at = base + (entry.offset or 0) if entry is not None else 0
            first[name] = min(at, first.get(name, at))
    certificates, crls, responses = (tuple(dict.fromkeys(lists[name])) for name in STORE_LISTS)
    revocation = [first[name] for name in STORE_LISTS[1:] if name in first]
    return _Store(
        ValidationData(certificates, crls, responses), first.get(STORE_LISTS[0]), min(revocation, default=None)
    )
