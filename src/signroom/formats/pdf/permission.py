"""What the author and the earlier signers of a file allow: checked before anybody is asked for a PIN.

A signature that they forbid would be made in vain and break theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from signroom.domain.errors import CertifiedPdf, XfaPdf
from signroom.formats.pdf.by_library import UnreadableSignature, embedded_signatures

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

_NO_CHANGES = 1  # DocMDP P, ISO 32000-1, table 254


def require_signable(reader: PdfFileReader, field_name: str) -> None:
    """A signature field called `field_name` may be added and filled. To be used inside ``parsing.only_refusals``.

    Raises: CertifiedPdf, XfaPdf.
    """
    from pyhanko.sign.validation.pdf_embedded import read_certification_data

    certification = read_certification_data(reader)
    if certification is not None and _forbids_changes(certification.permission):
        raise CertifiedPdf
    for signature in embedded_signatures(reader):
        if isinstance(signature, UnreadableSignature):
            continue
        # Also by signers that are not the author: /Lock of their field (ISO 32000-2, 12.7.5.5).
        if _forbids_changes(signature.docmdp_level):
            raise CertifiedPdf(f"The signature {signature.field_name} locks the document.")
        lock = signature.fieldmdp
        if lock is not None and lock.is_locked(field_name):
            raise CertifiedPdf(f"The signature {signature.field_name} locks all fields, new ones too.")
    if bool(reader.root.get("/NeedsRendering", False)):
        raise XfaPdf


def _forbids_changes(permission: object) -> bool:
    return getattr(permission, "value", None) == _NO_CHANGES
