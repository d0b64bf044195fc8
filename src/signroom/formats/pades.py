"""PAdES baseline B-B (EN 319 142-1), cut in two where the key leaves the building.

`prepare` lays the signature out and returns the bytes to be signed; `embed` puts the value in, any time later and
in any process. The certificate is bound by signing-certificate-v2 (RFC 5035); the claimed time is /M of the
signature dictionary, since EN 319 142-1 (6.3) forbids the signing-time attribute.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from io import BufferedRandom
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from signroom.domain.errors import InvalidPdf, VerificationFailed
from signroom.domain.signature import CertificateChain, DigestAlgorithm, Prepared
from signroom.formats.overlay import Overlay, open_overlay
from signroom.formats.parsing import only_refusals, open_reader
from signroom.ports import Stored

if TYPE_CHECKING:
    from pyhanko.sign.signers import ExternalSigner

_CHUNK = 1 << 20
_CMS_OVERHEAD = 4096
"""Signed attributes, identifiers and the value itself, with room."""
_LONGEST_VALUE = 512
"""Bytes: RSA-4096."""
_TIMESTAMP_ROOM = 12 * 1024
"""For the signature timestamp of level B-T, which is added without preparing again."""


def prepare(file: Path, chain: CertificateChain, algorithm: DigestAlgorithm, now: datetime) -> Prepared:
    """Append an invisible signature field with a placeholder to `file`, in memory only. Raises: a DocumentRejected."""
    with only_refusals(), open_overlay(file) as (stream, overlay):
        strict = open_reader(stream).strict
        return asyncio.run(_prepare(stream, overlay, chain, algorithm, now, strict=strict))


async def _prepare(
    stream: BufferedRandom,
    overlay: Overlay,
    chain: CertificateChain,
    algorithm: DigestAlgorithm,
    now: datetime,
    *,
    strict: bool,
) -> Prepared:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
    from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes

    name = algorithm.value.lower()
    signer = _external_signer(chain, _LONGEST_VALUE)
    metadata = PdfSignatureMetadata(
        # A name of its own: two signers must not fill the same field.
        field_name=f"Signature-{uuid4().hex[:12]}",
        md_algorithm=name,
        subfilter=SigSeedSubFilter.PADES,
    )
    session = PdfSigner(metadata, signer).init_signing_session(IncrementalPdfFileWriter(stream, strict=strict))
    session.system_time = now
    document = session.prepare_tbs_document(
        validation_info=None, bytes_reserved=_reserved(chain), appearance_text_params=None
    )
    prepared, _ = document.digest_tbs_document(in_place=True, chunk_size=_CHUNK)
    attributes = await signer.signed_attrs(
        prepared.document_digest, name, use_pades=True, attr_settings=PdfCMSSignedAttributes(signing_time=None)
    )
    stream.flush()
    return Prepared(
        original_length=overlay.base_length,
        tail=overlay.tail,
        contents_start=prepared.reserved_region_start,
        contents_end=prepared.reserved_region_end,
        digest_algorithm=algorithm,
        document_digest=prepared.document_digest,
        to_sign=attributes.dump(),
        chain=chain,
    )


def _reserved(chain: CertificateChain) -> int:
    """Hexadecimal digits for the CMS object."""
    certificates = len(chain.certificate) + sum(map(len, chain.issuers))
    return 2 * (_CMS_OVERHEAD + certificates + _TIMESTAMP_ROOM)


def embed(original: Path, prepared: Prepared, value: bytes, output: Path) -> Stored:
    """Write the signed file: one pass over `original`, which is compared with what was prepared on the way.

    `value` as `check_values` returned it. Raises: InvalidPdf when `original` is not the file that was prepared,
    VerificationFailed when the signature does not fit its place.
    """
    tail = _filled(prepared, asyncio.run(_cms(prepared, value)))
    start = prepared.contents_start - prepared.original_length
    end = prepared.contents_end - prepared.original_length
    whole = hashlib.sha256()
    # The same digest as long as both see the same bytes: one pass, not two.
    shared = prepared.digest_algorithm is DigestAlgorithm.SHA256
    signed = whole if shared else hashlib.new(prepared.digest_algorithm.value.lower())
    length = 0
    with original.open("rb") as source, output.open("wb") as target:
        while chunk := source.read(_CHUNK):
            length += len(chunk)
            whole.update(chunk)
            if not shared:
                signed.update(chunk)
            target.write(chunk)
        target.write(tail)
    signed = signed.copy()
    whole.update(tail)
    signed.update(tail[:start])
    signed.update(tail[end:])
    if length != prepared.original_length or signed.digest() != prepared.document_digest:
        output.unlink()
        raise InvalidPdf("The stored file is not the one that was prepared.")
    return Stored(length + len(tail), whole.digest())


async def _cms(prepared: Prepared, value: bytes) -> bytes:
    """The CMS SignedData (RFC 5652) around the stored attributes and the value, DER."""
    from asn1crypto.cms import CMSAttributes

    signer = _external_signer(prepared.chain, value)
    algorithm = prepared.digest_algorithm.value.lower()
    container = await signer.async_sign_prescribed_attributes(algorithm, CMSAttributes.load(prepared.to_sign))
    der: bytes = container.dump()
    return der


def _filled(prepared: Prepared, container: bytes) -> bytes:
    start = prepared.contents_start - prepared.original_length + 1  # after '<'
    room = prepared.contents_end - prepared.contents_start - 2
    text = container.hex().encode()
    if len(text) > room:
        raise VerificationFailed("The signature is larger than the space that was reserved for it.")
    tail = bytearray(prepared.tail)
    tail[start : start + len(text)] = text
    return bytes(tail)


def _external_signer(chain: CertificateChain, value: bytes | int) -> ExternalSigner:
    """pyHanko's signer for a key that is elsewhere; an int stands for the length of a value to come."""
    from asn1crypto.x509 import Certificate
    from pyhanko.sign.signers import ExternalSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    store = SimpleCertificateStore()
    store.register_multiple([Certificate.load(der) for der in chain.issuers])
    return ExternalSigner(signing_cert=Certificate.load(chain.certificate), cert_registry=store, signature_value=value)
