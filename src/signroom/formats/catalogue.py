"""One door to all formats: which module prepares, embeds, judges and takes apart a file of which kind.

Runs inside the workers; the modules of a format are imported when a file of that kind comes by.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from signroom.domain.errors import EmptyFile
from signroom.domain.examination import Examination
from signroom.domain.signature import (
    CertificateChain,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    Prepared,
    SignatureType,
    SigningOptions,
    Verdict,
)
from signroom.ports.files import Stored

_HEADER_ROOM = 1024
"""Bytes in which a PDF's header may start (ISO 32000-1, Annex H, note 13)."""


def inspect(file: Path, wanted: SignatureType | None, options: SigningOptions, data: Path | None) -> Inspection:
    match wanted or sniff(file):
        case SignatureType.PDF:
            from signroom.formats.pdf.preflight import inspect as inspect_pdf

            return inspect_pdf(file, options)
        case SignatureType.CMS:
            from signroom.formats.cms.cades import inspect as inspect_cms

            return inspect_cms(file, options, data)
        case SignatureType.XML:
            from signroom.formats.xml.xades import inspect as inspect_xml

            return inspect_xml(file, options)


def sniff(file: Path) -> SignatureType:
    """What an unasked file is signed as: PDF for a PDF, even a damaged one; CMS for everything else.

    Raises: EmptyFile.
    """
    with file.open("rb") as stream:
        start = stream.read(_HEADER_ROOM)
    if not start:
        raise EmptyFile
    return SignatureType.PDF if b"%PDF-" in start else SignatureType.CMS


def prepare(
    file: Path,
    kind: SignatureType,
    chain: CertificateChain,
    *,
    algorithm: DigestAlgorithm,
    now: datetime,
    options: SigningOptions,
    data: Path | None,
) -> Prepared:
    match kind:
        case SignatureType.PDF:
            from signroom.formats.pdf.pades import prepare as prepare_pdf

            prepared = prepare_pdf(file, chain, algorithm, now, options)
        case SignatureType.CMS:
            from signroom.formats.cms.cades import prepare as prepare_cms

            prepared = prepare_cms(file, chain, algorithm=algorithm, now=now, options=options, data=data)
        case SignatureType.XML:
            from signroom.formats.xml.xades import prepare as prepare_xml

            prepared = prepare_xml(file, chain, algorithm, now, options)
    # The picture is in the tail now: no need to keep it twice.
    return replace(prepared, options=replace(options, appearance=None))


def canonical(file: Path, options: SigningOptions) -> bytes:
    from signroom.formats.xml.xades import canonical as canonical_xml

    return canonical_xml(file, options)


def embed(original: Path, prepared: Prepared, value: bytes, output: Path) -> Stored:
    match prepared.signature_type:
        case SignatureType.PDF:
            from signroom.formats.pdf.pades import embed as embed_pdf

            return embed_pdf(original, prepared, value, output)
        case SignatureType.CMS:
            from signroom.formats.cms.cades import embed as embed_cms

            return embed_cms(original, prepared, value, output)
        case SignatureType.XML:
            from signroom.formats.xml.xades import embed as embed_xml

            return embed_xml(original, prepared, value, output)


def verify(file: Path, kind: SignatureType, data: Path | None) -> Verdict:
    match kind:
        case SignatureType.PDF:
            from signroom.formats.pdf.verification import verify as verify_pdf

            return verify_pdf(file)
        case SignatureType.CMS:
            from signroom.formats.cms.verification import verify as verify_cms

            return verify_cms(file, data)
        case SignatureType.XML:
            from signroom.formats.xml.xades import verify as verify_xml

            return verify_xml(file)


def examine(
    file: Path, data: Path | None, data_hashes: tuple[DigestValue, ...], extract_to: Path | None
) -> Examination:
    """Raises: EmptyFile, NotSigned, a DocumentRejected."""
    match _signed_kind(file):
        case SignatureType.PDF:
            from signroom.formats.pdf.examination import examine as examine_pdf

            return examine_pdf(file)
        case SignatureType.CMS:
            from signroom.formats.cms.verification import examine as examine_cms

            return examine_cms(file, data, data_hashes, extract_to)
        case SignatureType.XML:
            from signroom.formats.xml.xades import examine as examine_xml

            return examine_xml(file)


def _signed_kind(file: Path) -> SignatureType:
    kind = sniff(file)
    if kind is SignatureType.CMS and _looks_like_xml(file):
        return SignatureType.XML
    return kind


def _looks_like_xml(file: Path) -> bool:
    with file.open("rb") as stream:
        start = stream.read(_HEADER_ROOM)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16
        start = start[2:].replace(b"\0", b"")
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
