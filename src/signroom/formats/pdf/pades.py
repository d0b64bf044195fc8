"""PAdES baseline B-B (EN 319 142-1), cut in two where the key leaves the building.

`prepare` lays the signature out and returns the bytes to be signed; `embed` puts the value in, any time later and
in any process. The certificate is bound by signing-certificate-v2 (RFC 5035); the claimed time is /M of the
signature dictionary, since EN 319 142-1 (6.3) forbids the signing-time attribute.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pikepdf

from signroom.domain.errors import BadCertificate, InvalidPdf, VerificationFailed
from signroom.domain.signature import CertificateChain, CheckedValue, DigestAlgorithm, PdfLayout, Prepared, TrustedChain
from signroom.formats.pdf.overlay import open_overlay
from signroom.formats.pdf.parsing import only_refusals, open_reader
from signroom.formats.pdf.permission import require_signable
from signroom.formats.pdf.visible.appearance import NewPage, Site, draw, locate
from signroom.ports.files import Stored

if TYPE_CHECKING:
    from asn1crypto.x509 import Certificate
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.signers import ExternalSigner, PdfSignatureMetadata
    from pyhanko.sign.signers.pdf_signer import PdfSigningSession, PdfTBSDocument

    from signroom.domain.appearance import Appearance

_CHUNK = 1 << 20
_CMS_OVERHEAD = 4096
"""Signed attributes, identifiers and the value itself, with room."""
_LONGEST_VALUE = 512
"""Bytes: RSA-4096."""
_TIMESTAMP_ROOM = 12 * 1024
"""For the signature timestamp of level B-T, which is added without preparing again."""


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

    Raises: a DocumentRejected, BadCertificate when `trusted` holds anything but certificates.
    """
    chain = trusted.chain
    signer = _external_signer(chain, _LONGEST_VALUE)  # outside: a bad certificate is not the file's fault
    name = new_field_name()
    with only_refusals(), open_overlay(file) as (stream, overlay):
        reader = open_reader(stream)
        with pikepdf.open(file) as pdf:
            require_signable(pdf, name)
            site = None if appearance is None else locate(pdf, appearance.position)
        document = _laid_out(
            reader,
            signer,
            field_name=name,
            algorithm=algorithm,
            now=now,
            reserved=_reserved(chain),
            seen=None if appearance is None or site is None else (site, appearance),
            certificate=chain.certificate,
        )
        layout, _ = document.digest_tbs_document(in_place=True, chunk_size=_CHUNK)
        to_sign = asyncio.run(_attributes(signer, layout.document_digest, algorithm))
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
    seen: tuple[Site, Appearance] | None,
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
    if seen is None:
        session = PdfSigner(metadata, signer).init_signing_session(writer)
    else:
        session = _visible_session(writer, metadata, signer, *seen, certificate=certificate, now=now)
    session.system_time = now
    return session.prepare_tbs_document(validation_info=None, bytes_reserved=reserved, appearance_text_params=None)


def _visible_session(
    writer: IncrementalPdfFileWriter,
    metadata: PdfSignatureMetadata,
    signer: ExternalSigner,
    site: Site,
    appearance: Appearance,
    *,
    certificate: bytes,
    now: datetime,
) -> PdfSigningSession:
    """With a widget on a page, and what is seen there. Raises: BadAppearance."""
    from pyhanko.pdf_utils.generic import DictionaryObject, IndirectObject, NameObject, Reference
    from pyhanko.sign.fields import SigFieldSpec
    from pyhanko.sign.signers import PdfSigner
    from pyhanko.stamp.noop import NoOpStampStyle

    if site.new_page is not None:
        _add_page(writer, site.new_page)
    # Its type wants integers, its code takes any number.
    field = SigFieldSpec(metadata.field_name or "", on_page=site.page, box=site.box)  # type: ignore[arg-type]
    # The style that draws nothing keeps what is drawn here.
    drawer = PdfSigner(metadata, signer, stamp_style=NoOpStampStyle(), new_field_spec=field)
    session = drawer.init_signing_session(writer)
    first = writer._lastobj_id + 1  # noqa: SLF001  # pyHanko tells nobody
    drawing = draw(site, appearance, certificate, now, first)
    for number, text in enumerate(drawing.objects, first):
        place = Reference(number, 0, writer)
        writer.add_object(DictionaryObject.read_from_stream(io.BytesIO(text), place))
    seen = IndirectObject(drawing.appearance, 0, writer)
    session.sig_field[NameObject("/AP")] = DictionaryObject({NameObject("/N"): seen})
    return session


def _add_page(writer: IncrementalPdfFileWriter, new_page: NewPage) -> None:
    """An empty page as the last child of the page tree's root, with everything of its own that could be inherited."""
    from pyhanko.pdf_utils.generic import ArrayObject, FloatObject, NameObject, NumberObject, StreamObject
    from pyhanko.pdf_utils.writer import PageObject

    size = (new_page.width, new_page.height)
    page = PageObject(writer.add_object(StreamObject(stream_data=b"")), (0, 0, *size))
    page[NameObject("/CropBox")] = ArrayObject(FloatObject(side) for side in (0, 0, *size))
    page[NameObject("/Rotate")] = NumberObject(0)
    page[NameObject("/Parent")] = writer.root.raw_get("/Pages")
    tree = writer.root["/Pages"]
    kids = tree["/Kids"]
    kids.append(writer.add_object(page))
    tree[NameObject("/Count")] = NumberObject(int(tree["/Count"]) + 1)
    writer.update_container(kids)
    writer.update_container(tree)


async def _attributes(signer: ExternalSigner, digest: bytes, algorithm: DigestAlgorithm) -> bytes:
    """content-type, message-digest, signing-certificate-v2: the DER of the SET that is to be signed."""
    from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes

    name = algorithm.value.lower()
    settings = PdfCMSSignedAttributes(signing_time=None)
    attributes = await signer.signed_attrs(digest, name, use_pades=True, attr_settings=settings)
    der: bytes = attributes.dump()
    return der


def _reserved(chain: CertificateChain) -> int:
    """Hexadecimal digits for the CMS object."""
    certificates = len(chain.certificate) + sum(map(len, chain.issuers))
    return 2 * (_CMS_OVERHEAD + certificates + _TIMESTAMP_ROOM)


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    """Write the signed file: one pass over `original`, which is compared with what was prepared on the way.

    Raises: InvalidPdf when `original` is not the file that was prepared,
    VerificationFailed when the signature does not fit its place.
    """
    layout = prepared.layout_as(PdfLayout)
    contents = _filled(layout, asyncio.run(_cms(prepared, checked.value)))
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


async def _cms(prepared: Prepared, value: bytes) -> bytes:
    """The CMS SignedData (RFC 5652) around the stored attributes and the value, DER."""
    from asn1crypto.cms import CMSAttributes

    signer = _external_signer(prepared.chain, value)
    algorithm = prepared.digest_algorithm.value.lower()
    container = await signer.async_sign_prescribed_attributes(algorithm, CMSAttributes.load(prepared.to_sign))
    der: bytes = container.dump()
    return der


def _filled(layout: PdfLayout, container: bytes) -> bytes:
    """/Contents with the CMS object in it, padded with zeros. Raises: VerificationFailed when it does not fit."""
    room = layout.contents_length - 2
    text = container.hex().encode()
    if len(text) > room:
        raise VerificationFailed("The signature is larger than the space that was reserved for it.")
    return b"<" + text.ljust(room, b"0") + b">"


def _external_signer(chain: CertificateChain, value: bytes | int) -> ExternalSigner:
    """pyHanko's signer for a key that is elsewhere; an int stands for the length of a value to come."""
    from pyhanko.sign.signers import ExternalSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    store = SimpleCertificateStore()
    store.register_multiple([_certificate(der) for der in dict.fromkeys(chain.issuers) if der != chain.certificate])
    return ExternalSigner(signing_cert=_certificate(chain.certificate), cert_registry=store, signature_value=value)


def _certificate(der: bytes) -> Certificate:
    """Read to the end: asn1crypto is lazy, and what goes into the CMS object must be what it says it is."""
    from asn1crypto.x509 import Certificate

    try:
        certificate = Certificate.load(der, strict=True)
        _ = certificate.native
    except (ValueError, TypeError, LookupError) as error:
        raise BadCertificate from error
    return certificate
