"""How far the signatures of a PDF have come (EN 319 142-1, 6.3): by what is there, and not by whom to trust.

======= ==========================================================================================================
level   has
======= ==========================================================================================================
B-T     an intact timestamp of the signature's value, or an intact document timestamp that covers the signature
B-LT    and in the document security store certificates, and revocation data about the signer and its first timestamp
B-LTA   and an intact document timestamp that covers the signature and those data
======= ==========================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

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
from signroom.formats.pdf.earlier.window import header_at, mapped, opened
from signroom.formats.pdf.lasting.stored import StoreContent, read_store
from signroom.formats.pdf.parsing import only_refusals, require_pdf
from signroom.formats.pdf.tokens import certificates_in, digest_of, read_timestamp
from signroom.formats.pdf.verification import JudgedSignature, judge_all

_MOST_TIMESTAMPS = 20
"""Of one signature's value."""
_TIMESTAMP_TOKEN = "1.2.840.113549.1.9.16.2.14"  # noqa: S105


def read_levels(file: Path) -> FileLevels:
    """Raises: NotSigned, a DocumentRejected."""
    with file.open("rb") as stream:
        require_pdf(stream)
    with only_refusals(), mapped(file) as buffer, opened(buffer) as pdf:
        judged = judge_all(pdf, buffer)
        store = read_store(pdf, header_at(buffer))
        stamps = [one for one in judged if one.signature.is_timestamp]
        signatures = [one for one in judged if not one.signature.is_timestamp]
        if not signatures:
            raise NotSigned
        data = NO_DATA if store is None else store.data
        known = _known_certificates(data.certificates, judged)
        levels = tuple(_level(one, stamps, store, known) for one in signatures)
        return FileLevels(levels, data + ValidationData(certificates=tuple(one.dump() for one in known)))


def signed_value(contents: bytes) -> bytes | None:
    """The value of the first signer of a CMS object; None for anything else."""
    signer = _signer(contents)
    if signer is None:
        return None
    with suppress(*MALFORMED):
        return bytes(signer["signature"].native)
    return None


def _level(
    one: JudgedSignature, stamps: list[JudgedSignature], store: StoreContent | None, known: list[Any]
) -> SignatureLevel:
    signature = one.signature
    value = signed_value(signature.contents)
    of_value = list(_of_value(signature.contents, value)) if value is not None else []
    covering = [stamp for stamp in stamps if signature.end and stamp.signature.end >= signature.end]
    documents = [(stamp, _of_document(stamp, known)) for stamp in covering]
    timestamps = [*of_value, *(found for _, found in documents if found is not None)]
    intact = [found for found in timestamps if found.intact]
    certificate = one.signers[0].certificate or one.verdict.certificate
    first = min(intact, key=lambda found: found.time, default=None)
    certificates = () if first is None else (certificate, first.authority.certificate)
    ends = [stamp.signature.end for stamp, found in documents if found is not None and found.intact]
    return SignatureLevel(
        value=value if value is not None else signature.contents.rstrip(b"\0"),
        chain=CertificateChain(certificate, issuers_of(certificate, known)),
        level=Level.B_B if first is None else _reached(store, signature.end, certificates, ends),
        timestamps=tuple(sorted(timestamps, key=lambda found: found.time)),
    )


def _reached(store: StoreContent | None, end: int, certificates: Sequence[bytes], ends: Sequence[int]) -> Level:
    """The level of a signature with a timestamp.

    Args:
        store: what validates it, if anything does. Something of it lies behind the signature, else it was written for
            another one: so the validators have it.
        end: where the signature ends.
        certificates: the signer's, and that of the authority of its first timestamp.
        ends: up to where the document timestamps that cover the signature go.
    """
    if store is None or store.data.is_empty or store.newest < end:
        return Level.B_T
    if any(all(store.answers_about(one, end) for one in certificates) for end in ends):
        return Level.B_LTA
    return Level.B_LT if all(store.answers_about(one) for one in certificates) else Level.B_T


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


def _known_certificates(stored: Iterable[bytes], judged: Iterable[JudgedSignature]) -> list[Any]:
    """All certificates of the file, each once."""
    from asn1crypto.x509 import Certificate

    found = dict.fromkeys(stored)
    for one in judged:
        found.update(dict.fromkeys(certificates_in(one.signature.contents)))
    certificates = []
    for der in found:
        with suppress(*MALFORMED):
            certificate = Certificate.load(der, strict=True)
            _ = certificate["tbs_certificate"]["issuer"], certificate["tbs_certificate"]["subject"]
            certificates.append(certificate)
    return certificates
