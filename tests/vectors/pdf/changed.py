"""Signed files that somebody changed later, in ways that are allowed and in ways that only seem so."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pikepdf

from tests.vectors.pdf import builder
from tests.vectors.pdf.builder import CATALOG, CONTENT, FONT, PAGE, Form, document, updated, written
from tests.vectors.pdf.signing import signed_by_another

LOOK = b"/Type/XObject/Subtype/Form/BBox[0 0 228 30]/Resources<</Font<</F1 3 0 R>>>>"
SECOND_PAGE = PAGE + 2
TEXT_FIELD, TEXT_LOOK, CHECK_BOX, CHECK_LOOK = 8, 9, 10, 11
COMMENT = b"<</Type/Annot/Subtype/Text/Rect[10 800 30 820]/Contents(Seen.)/F 4/P 4 0 R>>"


def look(text: bytes, entries: bytes = LOOK) -> bytes:
    return builder.stream(b"/Tx BMC BT /F1 14 Tf 2 10 Td (%b) Tj ET EMC" % text, entries)


def text_field(value: bytes = b"", appearance: int = TEXT_LOOK, entries: bytes = b"") -> bytes:
    return (
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(%b)/F 4/P 4 0 R/Rect[72 500 300 530]/DA(/F1 14 Tf 0 g)"
        b"/AP<</N %d 0 R>>%b>>" % (value, appearance, entries)
    )


def check_box(state: bytes = b"Off", entries: bytes = b"/AP<</N<</Yes 11 0 R>>>>") -> bytes:
    return b"<</Type/Annot/Subtype/Widget/FT/Btn/T(agreed)/V/%b/AS/%b/F 4/P 4 0 R/Rect[72 400 100 430]%b>>" % (
        state,
        state,
        entries,
    )


def with_form(form: Form = Form.TABLE, **more: bytes) -> bytes:
    """A text field and a check box on the first page; not signed yet."""
    objects = document(
        catalog=b"/AcroForm<</Fields[8 0 R 10 0 R]/DR<</Font<</F1 3 0 R>>>>/DA(/F1 14 Tf 0 g)>>"
        + more.get("catalog", b""),
        page=b"/Annots[8 0 R 10 0 R]" + more.get("page", b""),
        more={TEXT_FIELD: text_field(), TEXT_LOOK: look(b""), CHECK_BOX: check_box(), CHECK_LOOK: look(b"X")},
    )
    return written(objects, form)


def certified(file: bytes, level: int | None, *, fields: bytes = b"") -> bytes:
    """`file` signed with rules: DocMDP of this `level`, or FieldMDP that locks `fields`."""
    new = builder.highest(file) + 1
    if level is None:
        reference = b"/TransformMethod/FieldMDP/TransformParams<</Action/Include/Fields[%b]>>" % fields
        return signed_by_another(file, entries=b"/Reference[<</Type/SigRef%b>>]" % reference)
    reference = b"/TransformMethod/DocMDP/TransformParams<</P %d/V/1.2>>" % level
    return signed_by_another(
        file,
        entries=b"/Reference[<</Type/SigRef%b>>]" % reference,
        catalog=b"/Perms<</DocMDP %d 0 R>>" % (new + 1),
    )


def entries_of(file: bytes, number: int, *, without: str = "/None") -> bytes:
    """The entries of a dictionary as text."""
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        raw = pdf.get_object(number, 0)
        if without in raw:
            del raw[without]
        return bytes(raw.unparse(resolved=True))[2:-2]


def with_entry(file: bytes, number: int, key: str, value: bytes) -> bytes:
    """`file` with one section more, in which an entry of a dictionary is another one."""
    return updated(file, {number: b"<<%b%b %b>>" % (entries_of(file, number, without=key), key.encode(), value)})


def with_annotation(
    file: bytes, annotation: bytes, *, page: int = PAGE, more: Mapping[int, bytes] | None = None
) -> bytes:
    """`file` with one more annotation on a page. `%d` in it is the number of the first object of `more`."""
    new = builder.highest(file) + 1
    with pikepdf.open(io.BytesIO(file)) as pdf:
        held = pdf.get_object(page, 0)
        annotations = b" ".join(bytes(one.unparse()) for one in held["/Annots"].as_list()) if "/Annots" in held else b""
    entries = entries_of(file, page, without="/Annots")
    return updated(
        file, {page: b"<<%b/Annots[%b %d 0 R]>>" % (entries, annotations, new), new: annotation, **(more or {})}
    )


__all__ = ["CATALOG", "CONTENT", "FONT", "PAGE", "SECOND_PAGE"]
