"""PAdES baseline B-B (EN 319 142-1), cut in two where the key leaves the building.

`prepare` lays the signature out and returns the bytes to be signed; `embed` puts the value in, any time later and
in any process. The certificate is bound by signing-certificate-v2 (RFC 5035); the claimed time is /M of the
signature dictionary, since EN 319 142-1 (6.3) forbids the signing-time attribute.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from signroom.domain.errors import InvalidPdf, VerificationFailed
from signroom.domain.level import Level
from signroom.domain.signature import CertificateChain, CheckedValue, DigestAlgorithm, PdfLayout, Prepared, TrustedChain
from signroom.formats.cms.signed_data import longest_signed_data, signed_attributes, signed_data
from signroom.formats.pdf.overlay import open_overlay
from signroom.formats.pdf.parsing import only_refusals, open_reader
from signroom.formats.pdf.permission import require_signable
from signroom.ports.files import Stored

if TYPE_CHECKING:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.signers import ExternalSigner, PdfSignatureMetadata
    from pyhanko.sign.signers.pdf_signer import PdfSigningSession, PdfTBSDocument

    from signroom.domain.appearance import Appearance

_CHUNK = 1 << 20


def new_field_name() -> str:
    """A name of its own: two signers must not fill the same field."""
    return f"Signature-{uuid4().hex[:12]}"


def prepare(
    file: Path,
    trusted: TrustedChain,
    algorithm: DigestAlgorithm,
    now: datetime,
    appearance: Appearance | None = None,
) -> Prepared:
    """Append a signature field with a placeholder to `file`, in memory only. With an `appearance` it is seen.

    Raises: a DocumentRejected, BadCertificate when `trusted` holds anything but certificates,
    CertificateKeyNotSupported.
    """
    chain = trusted.chain
    reserved = _reserved(chain, algorithm)  # outside: a bad certificate is not the file's fault
    signer = _external_signer(chain.certificate)
    name = new_field_name()
    with only_refusals(), open_overlay(file) as (stream, overlay):
        reader = open_reader(stream)
        require_signable(reader, name)
        document = _laid_out(
            reader,
            signer,
            field_name=name,
            algorithm=algorithm,
            now=now,
            reserved=reserved,
            appearance=appearance,
            certificate=chain.certificate,
        )
        layout, _ = document.digest_tbs_document(in_place=True, chunk_size=_CHUNK)
        to_sign = signed_attributes(chain.certificate, layout.document_digest)
        stream.flush()
        start = layout.reserved_region_start - overlay.base_length
        end = layout.reserved_region_end - overlay.base_length
        return Prepared(
            original_length=overlay.base_length,
            digest_algorithm=algorithm,
            document_digest=layout.document_digest,
            to_sign=to_sign,
            chain=chain,
            layout=PdfLayout(overlay.tail[:start], end - start, overlay.tail[end:]),
        )


def _laid_out(
    reader: PdfFileReader,
    signer: ExternalSigner,
    *,
    field_name: str,
    algorithm: DigestAlgorithm,
    now: datetime,
    reserved: int,
    appearance: Appearance | None,
    certificate: bytes,
) -> PdfTBSDocument:
    """The update in memory: field, signature dictionary, cross-reference section. Raises: BadAppearance."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

    metadata = PdfSignatureMetadata(
        field_name=field_name, md_algorithm=algorithm.value.lower(), subfilter=SigSeedSubFilter.PADES
    )
    writer = IncrementalPdfFileWriter.from_reader(reader)
    if appearance is None:
        session = PdfSigner(metadata, signer).init_signing_session(writer)
    else:
        session = _visible_session(writer, metadata, signer, appearance, certificate=certificate, now=now)
    session.system_time = now
    return session.prepare_tbs_document(validation_info=None, bytes_reserved=reserved, appearance_text_params=None)


def _visible_session(
    writer: IncrementalPdfFileWriter,
    metadata: PdfSignatureMetadata,
    signer: ExternalSigner,
    appearance: Appearance,
    *,
    certificate: bytes,
    now: datetime,
) -> PdfSigningSession:
    """With a widget on a page, and what is seen there. Raises: BadAppearance."""
    from pyhanko.pdf_utils.generic import DictionaryObject, NameObject
    from pyhanko.sign.fields import SigFieldSpec
    from pyhanko.sign.signers import PdfSigner
    from pyhanko.stamp.noop import NoOpStampStyle

    from signroom.formats.pdf.visible.appearance import draw, locate

    site = locate(writer, appearance.position)
    # Its type wants integers, its code takes any number.
    field = SigFieldSpec(metadata.field_name or "", on_page=site.page, box=site.box)  # type: ignore[arg-type]
    # The style that draws nothing keeps what is drawn here.
    drawer = PdfSigner(metadata, signer, stamp_style=NoOpStampStyle(), new_field_spec=field)
    session = drawer.init_signing_session(writer)
    seen = draw(writer, site, appearance, certificate, now)
    session.sig_field[NameObject("/AP")] = DictionaryObject({NameObject("/N"): seen})
    return session


def _reserved(chain: CertificateChain, algorithm: DigestAlgorithm) -> int:
    """Hexadecimal digits for the CMS object at level B-B, the only one today. Room for more comes with the level."""
    return 2 * longest_signed_data(chain, algorithm, Level.B_B)


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    """Write the signed file: one pass over `original`, which is compared with what was prepared on the way.

    Raises: InvalidPdf when `original` is not the file that was prepared,
    VerificationFailed when the signature does not fit its place.
    """
    layout = prepared.layout_as(PdfLayout)
    container = signed_data(prepared.chain, prepared.to_sign, checked.value, prepared.digest_algorithm)
    contents = _filled(layout, container)
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
        for part in (layout.before, contents, layout.after):
            target.write(part)
    signed = signed.copy()
    for part in (layout.before, contents, layout.after):
        whole.update(part)
    signed.update(layout.before)
    signed.update(layout.after)
    if length != prepared.original_length or signed.digest() != prepared.document_digest:
        output.unlink()
        raise InvalidPdf("The stored file is not the one that was prepared.")
    length += len(layout.before) + len(contents) + len(layout.after)
    return Stored(length, whole.digest())


def _filled(layout: PdfLayout, container: bytes) -> bytes:
    """/Contents with the CMS object in it, padded with zeros. Raises: VerificationFailed when it does not fit."""
    room = layout.contents_length - 2
    text = container.hex().encode()
    if len(text) > room:
        raise VerificationFailed("The signature is larger than the space that was reserved for it.")
    return b"<" + text.ljust(room, b"0") + b">"


def _external_signer(certificate: bytes) -> ExternalSigner:
    """pyHanko's signer for a key that is elsewhere. It lays out the field; the CMS object is made without it."""
    from asn1crypto.x509 import Certificate
    from pyhanko.sign.signers import ExternalSigner

    return ExternalSigner(signing_cert=Certificate.load(certificate), cert_registry=None)
