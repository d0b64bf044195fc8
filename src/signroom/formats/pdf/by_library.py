"""The signatures of a PDF as pyHanko reads them. Only `permission` still uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from signroom.formats.malformed import MALFORMED

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature


@dataclass(frozen=True, slots=True)
class UnreadableSignature:
    """A filled signature field whose content is not a CMS object with one signer."""

    field_name: str
    certificate: bytes | None
    """DER. Known for the kinds that a later PDF version dropped: their certificate lies beside the value in /Cert."""
    reason: str


def embedded_signatures(reader: PdfFileReader) -> list[EmbeddedPdfSignature | UnreadableSignature]:
    """Signatures in the order they were made, the unreadable ones first. Document timestamps are not signatures.

    To be used inside ``parsing.only_refusals``.
    """
    from pyhanko.sign.fields import enumerate_sig_fields

    readable: list[EmbeddedPdfSignature] = []
    unreadable: list[UnreadableSignature] = []
    for name, value, field in enumerate_sig_fields(reader, filled_status=True):
        dictionary = value.get_object()
        if dictionary.get("/Type", "/Sig") != "/Sig":
            continue
        found = _read(reader, str(name), dictionary, field)
        if isinstance(found, UnreadableSignature):
            unreadable.append(found)
        else:
            readable.append(found)
    return [*unreadable, *sorted(readable, key=lambda s: s.signed_revision)]


def _read(reader: PdfFileReader, name: str, dictionary: Any, field: Any) -> EmbeddedPdfSignature | UnreadableSignature:
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

    kind = dictionary.get("/SubFilter")
    if kind not in {supported.value for supported in SigSeedSubFilter}:
        return UnreadableSignature(name, _beside(dictionary), f"the kind of signature {kind} is not supported")
    try:
        signature = EmbeddedPdfSignature(reader, field, name)
        _ = signature.signer_cert
    except SignatureValidationError as error:
        return UnreadableSignature(name, None, str(error.ades_subindication.standard_name))
    except (*MALFORMED, PdfReadError) as error:
        return UnreadableSignature(name, None, f"it cannot be read ({type(error).__name__})")
    return signature


def _beside(dictionary: Any) -> bytes | None:
    """The first certificate of /Cert (ISO 32000-1, table 252), when it is one."""
    from asn1crypto.x509 import Certificate

    try:
        found = dictionary["/Cert"]
        first = found[0] if isinstance(found, list) else found
        certificate = Certificate.load(first.original_bytes, strict=True)
        _ = certificate.native
    except MALFORMED:
        return None
    der: bytes = certificate.dump()
    return der
