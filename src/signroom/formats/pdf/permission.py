"""What the author and the earlier signers of a file allow: checked before anybody is asked for a PIN.

A signature that they forbid would be made in vain and break theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pikepdf

from signroom.domain.errors import CertifiedPdf, ProtectedPdf, XfaPdf
from signroom.domain.preflight import fact
from signroom.formats.pdf import entries
from signroom.formats.pdf.signature_fields import FilledField, filled_fields

_NO_CHANGES = 1  # DocMDP P, ISO 32000-1, table 254
_DEFAULT = 2
"""Where P is absent: forms may be filled in and signed (table 254)."""
_LEVELS = (1, 2, 3)
_MAX_REFERENCES = 1000
_MAX_LOCKED = 100_000
_ASK = "Ask its author for a version that may be signed."
_ASK_SIGNER = "Ask that signer for a version that may be signed by others."


def require_signable(pdf: pikepdf.Pdf, field_name: str, *, fills: bool = False) -> None:
    """A signature field called `field_name` may be filled in, and before that added if it is not there (`fills`).

    Raises: ProtectedPdf, CertifiedPdf, XfaPdf, PdfTooComplex for a form that is too large to be looked through.
    """
    if not (fills and _may_fill(pdf)):
        _require_unprotected(pdf)
    if certification_level(pdf) == _NO_CHANGES:
        raise CertifiedPdf(f"Its certification forbids every change (DocMDP 1). {_ASK}")
    for filled in filled_fields(pdf):
        if not filled.is_timestamp:
            _require_unlocked(filled, field_name)
    if entries.truth(pdf.Root, "/NeedsRendering"):
        raise XfaPdf("Print it into a PDF, or have it flattened, and sign that.")


def certification_level(pdf: pikepdf.Pdf) -> int | None:
    """1, 2 or 3 (ISO 32000-1, table 254) when the author has certified the file; else None."""
    signature = entries.dictionary(entries.dictionary(pdf.Root, "/Perms"), "/DocMDP")
    levels = [_level(parameters) for parameters in _transforms(signature, "DocMDP")]
    return min(levels, default=None)


def _require_unprotected(pdf: pikepdf.Pdf) -> None:
    """New fields need the bits 4 and 6 (ISO 32000-1, table 22); whoever has the owner's password needs none."""
    if not pdf.is_encrypted or pdf.owner_password_matched:
        return
    missing = [
        f"{what} (bit {bit})"
        for bit, what, is_allowed in (
            (4, "changing it", pdf.allow.modify_other),
            (6, "adding annotations and form fields", pdf.allow.modify_annotation),
        )
        if not is_allowed
    ]
    if missing:
        raise ProtectedPdf(
            f"Its owner's password forbids {' and '.join(missing)}, so no signature can be added. "
            "Ask its owner for a version without this protection."
        )


def _may_fill(pdf: pikepdf.Pdf) -> bool:
    """Bit 6, or bit 9: existing fields may be filled in, "including signature fields" (table 22)."""
    return pdf.allow.modify_annotation or pdf.allow.modify_form


def _require_unlocked(filled: FilledField, field_name: str) -> None:
    """Also signers that are not the author may lock a file: /Lock of their field (ISO 32000-2, 12.7.5.5).

    Raises: CertifiedPdf.
    """
    lock = entries.dictionary(filled.field, "/Lock")
    levels = [_level(parameters) for parameters in _transforms(filled.signature, "DocMDP")]
    if not levels and entries.integer(lock, "/P") is not None:
        levels = [_level(lock)]
    whose = f"The signature in the field {fact('name', filled.name)[1]!r}"
    if _NO_CHANGES in levels:
        raise CertifiedPdf(f"{whose} locks the document. {_ASK_SIGNER}")
    if any(_is_locked(parameters, field_name) for parameters in (*_transforms(filled.signature, "FieldMDP"), lock)):
        raise CertifiedPdf(f"{whose} locks all fields, new ones too. {_ASK_SIGNER}")


def _transforms(signature: pikepdf.Object | None, method: str) -> Iterator[pikepdf.Object | None]:
    """The parameters of the signature's references of that method (ISO 32000-1, table 253); None where it has none."""
    for reference in entries.elements(signature, "/Reference", _MAX_REFERENCES):
        if entries.name(reference, "/TransformMethod") == method:
            yield entries.dictionary(reference, "/TransformParams")


def _level(parameters: pikepdf.Object | None) -> int:
    level = entries.integer(parameters, "/P")
    return level if level in _LEVELS else _DEFAULT


def _is_locked(lock: pikepdf.Object | None, field_name: str) -> bool:
    """FieldMDP (ISO 32000-1, table 256) and field lock dictionaries (table 233) say it in the same words.

    A name stands for all fields below it too.
    """
    action = entries.name(lock, "/Action")
    if action == "All":
        return True
    if action not in {"Include", "Exclude"}:
        return False
    names = (entries.as_text(value) for value in entries.elements(lock, "/Fields", _MAX_LOCKED))
    is_named = any(name is not None and f"{field_name}.".startswith(f"{name}.") for name in names)
    return is_named is (action == "Include")
