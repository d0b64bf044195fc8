"""Filled signature fields are found wherever they are, once each; what holds no signature is none."""

from __future__ import annotations

import io

import pikepdf
import pytest

from signroom.domain.errors import PdfTooComplex
from signroom.formats.pdf.signature_fields import filled_fields
from tests.vectors import hard_pdfs

SIGNATURE = b"<</Type/Sig/Contents<00>>>"


def opened(form: bytes, *fields: bytes) -> pikepdf.Pdf:
    """Fields are the objects from 4 on."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm " + form + b">>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        *fields,
    ]
    return pikepdf.open(io.BytesIO(hard_pdfs.assemble(bodies)))


def names(pdf: pikepdf.Pdf) -> list[str]:
    return [filled.name for filled in filled_fields(pdf)]


def test_fields_are_found_in_their_order_with_their_full_names() -> None:
    pdf = opened(
        b"<</Fields[4 0 R 7 0 R]>>",
        b"<</T(A)/FT/Sig/Kids[5 0 R 6 0 R]>>",
        b"<</T(one)/Parent 4 0 R/V " + SIGNATURE + b">>",
        b"<</T(two)/Parent 4 0 R/V " + SIGNATURE + b">>",
        b"<</T(B)/FT/Sig/V " + SIGNATURE + b"/Kids[8 0 R]>>",
        b"<</Subtype/Widget/Parent 7 0 R>>",
    )

    assert names(pdf) == ["A.one", "A.two", "B"]


def test_a_value_above_the_type_counts_once() -> None:
    pdf = opened(
        b"<</Fields[4 0 R]>>",
        b"<</T(A)/V " + SIGNATURE + b"/Kids[5 0 R 6 0 R]>>",
        b"<</FT/Sig/Subtype/Widget>>",
        b"<</Subtype/Widget>>",
    )

    assert names(pdf) == ["A"]


@pytest.mark.parametrize(
    "field",
    [
        b"<</T(A)/FT/Sig>>",
        b"<</T(A)/FT/Sig/V null>>",
        b"<</T(A)/FT/Sig/V 99 0 R>>",
        b"<</T(A)/FT/Sig/V<<>>>>",
        b"<</T(A)/FT/Sig/V<</Type/Sig>>>>",
        b"<</T(A)/FT/Sig/V(x)>>",
        b"<</T(A)/FT/Tx/V " + SIGNATURE + b">>",
        b"<</T(A)/V " + SIGNATURE + b">>",
        b"null",
        b"7",
    ],
)
def test_what_holds_no_signature_is_none(field: bytes) -> None:
    assert names(opened(b"<</Fields[4 0 R]>>", field)) == []


@pytest.mark.parametrize("form", [b"null", b"99 0 R", b"<<>>", b"<</Fields null>>", b"<</Fields 7>>", b"[4 0 R]", b"7"])
def test_a_form_that_is_none_has_no_fields(form: bytes) -> None:
    assert names(opened(form, b"<</T(A)/FT/Sig/V " + SIGNATURE + b">>")) == []


def test_a_timestamp_is_known_by_either_of_its_names() -> None:
    pdf = opened(
        b"<</Fields[4 0 R 5 0 R 6 0 R]>>",
        b"<</T(A)/FT/Sig/V<</Type/DocTimeStamp/Contents<00>>>>>",
        b"<</T(B)/FT/Sig/V<</Type/Sig/SubFilter/ETSI.RFC3161/Contents<00>>>>>",
        b"<</T(C)/FT/Sig/V<</SubFilter/ETSI.CAdES.detached/Contents<00>>>>>",
    )

    assert [filled.is_timestamp for filled in filled_fields(pdf)] == [True, True, False]


def test_a_loop_ends_and_a_tree_that_is_too_deep_is_refused() -> None:
    loop = opened(b"<</Fields[4 0 R 4 0 R]>>", b"<</T(A)/FT/Sig/V " + SIGNATURE + b"/Kids[4 0 R]>>")
    deep = opened(b"<</Fields[4 0 R]>>", *(b"<</T(A)/Kids[%d 0 R]>>" % (number + 5) for number in range(100)))

    assert names(loop) == ["A"]
    with pytest.raises(PdfTooComplex):
        names(deep)
