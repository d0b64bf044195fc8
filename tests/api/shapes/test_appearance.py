"""``pdfSignatureOptions`` as client libraries send it, and as nobody should."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from signroom.api.shapes.appearance import MAX_IMAGE, PdfOptionsRequest, appearance_of
from signroom.api.shapes.wire import read_base64_text
from signroom.domain.appearance import (
    Appearance,
    AppearanceImage,
    AppearanceText,
    AutoPositioning,
    HorizontalAlign,
    HorizontalDirection,
    PageOptimization,
    PageOrientation,
    PaperSize,
    Positioning,
    Rectangle,
    Size,
    Unit,
    VerticalAlign,
    VerticalDirection,
)
from signroom.domain.errors import BadAppearance, BadInput, NotImplementedHere

MANUAL = {"left": 1, "top": 2.5, "width": 5, "height": 3}
IMAGE = base64.b64encode(b"an image").decode()


def read(**options: Any) -> Appearance | None:
    """From JSON, as a request brings it."""
    return appearance_of(
        msgspec.json.decode(msgspec.json.encode(options), type=PdfOptionsRequest, dec_hook=read_base64_text)
    )


def visual(**fields: Any) -> dict[str, Any]:
    return {"text": {"text": "x"}, "position": {"pageNumber": 1, "manual": MANUAL}} | fields


def test_everything_that_the_contract_has() -> None:
    found = read(
        visualRepresentation={
            "text": {
                "fontSize": 9.5,
                "text": "Signed by {{name}}",
                "includeSigningTime": True,
                "horizontalAlign": "Right",
                "container": {"left": 0.2, "top": 0.2, "right": 0.2, "bottom": 0.2},
            },
            "image": {
                "resource": {"content": IMAGE, "mimeType": "image/png"},
                "opacity": 40,
                "horizontalAlign": "Right",
                "verticalAlign": "Bottom",
            },
            "position": {
                "pageNumber": -1,
                "measurementUnits": "PdfPoints",
                "pageOptimization": {"paperSize": "Letter", "pageOrientation": "Landscape"},
                "auto": {
                    "container": {"left": 10, "right": 20, "bottom": 30, "height": 40},
                    "signatureRectangleSize": {"width": 70, "height": 30},
                    "horizontalDirection": "RightToLeft",
                    "verticalDirection": "BottomUp",
                    "rowSpacing": 1,
                },
            },
        }
    )

    assert found == Appearance(
        Positioning(
            page_number=-1,
            unit=Unit.PDF_POINTS,
            auto=AutoPositioning(
                Rectangle(left=10, right=20, bottom=30, height=40),
                Size(height=30, width=70),
                HorizontalDirection.RIGHT_TO_LEFT,
                VerticalDirection.BOTTOM_UP,
                1,
            ),
            page_optimization=PageOptimization(PaperSize.LETTER, orientation=PageOrientation.LANDSCAPE),
        ),
        AppearanceText(
            "Signed by {{name}}",
            9.5,
            include_signing_time=True,
            horizontal_align=HorizontalAlign.RIGHT,
            container=Rectangle(left=0.2, top=0.2, right=0.2, bottom=0.2),
        ),
        AppearanceImage(b"an image", "image/png", 40, HorizontalAlign.RIGHT, VerticalAlign.BOTTOM),
    )


def test_the_least_that_can_be_said() -> None:
    found = read(visualRepresentation=visual())

    assert found == Appearance(
        Positioning(1, Unit.CENTIMETERS, manual=Rectangle(left=1, top=2.5, width=5, height=3)), AppearanceText("x", 12)
    )


@pytest.mark.parametrize("options", [{}, {"visualRepresentation": None}, {"visualRepresentation": []}])
def test_without_a_visual_representation_there_is_none(options: dict[str, Any]) -> None:
    assert read(**options) is None
    assert appearance_of(None) is None
    assert appearance_of([]) is None


def test_unset_objects_come_as_null_or_as_empty_lists_and_names_in_any_case() -> None:
    found = read(
        measurementUnits="pdfpoints",
        pageOptimization=[],
        unknown={"field": 1},
        visualRepresentation={
            "text": {
                "text": "x",
                "container": [],
                "horizontalAlign": "LEFT",
                "fontSize": None,
                "includeSigningTime": None,
            },
            "image": [],
            "position": {"pageNumber": 2, "auto": [], "manual": MANUAL | {"right": None}, "pageOptimization": None},
        },
    )

    assert found is not None
    assert found.position.unit is Unit.PDF_POINTS
    assert found.image is None
    assert found.text == AppearanceText("x", 12)


def test_units_and_paper_of_the_position_win_over_those_outside() -> None:
    position = {
        "pageNumber": 0,
        "manual": MANUAL,
        "measurementUnits": "Centimeters",
        "pageOptimization": {"paperSize": "A5"},
    }

    found = read(
        measurementUnits="PdfPoints",
        pageOptimization={"paperSize": "A3"},
        visualRepresentation=visual(position=position),
    )

    assert found is not None
    assert found.position.unit is Unit.CENTIMETERS
    assert found.position.page_optimization.paper_size is PaperSize.A5


def test_a_paper_of_ones_own() -> None:
    position = {"manual": MANUAL, "pageOptimization": {"customPaperSize": {"width": 10, "height": 20}}}

    found = read(visualRepresentation=visual(position=position))

    assert found is not None
    assert found.position.page_number == 0
    assert found.position.page_optimization == PageOptimization(PaperSize.CUSTOM, Size(height=20, width=10))


def test_the_time_alone_is_a_text() -> None:
    found = read(visualRepresentation=visual(text={"includeSigningTime": True}))

    assert found is not None
    assert found.text == AppearanceText("", include_signing_time=True)


@pytest.mark.parametrize(
    "changed",
    [
        {"position": None},
        {"position": []},
        {"position": {"pageNumber": 1}},
        {"position": {"pageNumber": 1, "manual": MANUAL, "auto": {"container": {}, "signatureRectangleSize": {}}}},
        {"position": {"pageNumber": 10**7, "manual": MANUAL}},
        {"position": {"pageNumber": 1, "manual": MANUAL, "measurementUnits": "Inches"}},
        {"position": {"pageNumber": 1, "manual": MANUAL | {"left": 1e9}}},
        {"position": {"manual": MANUAL, "pageOptimization": {"paperSize": "B5"}}},
        {"position": {"manual": MANUAL, "pageOptimization": {"paperSize": "Custom"}}},
        {"position": {"manual": MANUAL, "pageOptimization": {"customPaperSize": {"width": 0, "height": 3}}}},
        {"position": {"manual": MANUAL, "pageOptimization": {"paperSize": "A4", "pageOrientation": "Diagonal"}}},
        {"position": {"auto": {"signatureRectangleSize": {"width": 1, "height": 1}}}},
        {"position": {"auto": {"container": MANUAL}}},
        {"position": {"auto": {"container": MANUAL, "signatureRectangleSize": {"width": -1, "height": 1}}}},
        {"text": None},
        {"text": {"text": ""}},
        {"text": {"text": "x" * 10_001}},
        {"text": {"text": "a\0b"}},
        {"text": {"text": "x", "fontSize": 0}},
        {"text": {"text": "x", "fontSize": 1e6}},
        {"text": {"text": "x", "horizontalAlign": "Justify"}},
        {"image": {"resource": {"content": IMAGE}, "opacity": 101}},
        {"image": {"resource": {"content": IMAGE}, "opacity": -1}},
        {"image": {"resource": {"content": "not base64!"}}},
        {"image": {"resource": {"content": IMAGE}, "verticalAlign": "Middle"}},
    ],
)
def test_what_makes_no_sense_is_refused_and_the_field_named(changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        read(visualRepresentation=visual(**changed))
    assert caught.value.detail


def test_an_image_that_is_too_large_or_empty_is_refused_before_it_is_decoded() -> None:
    for content in ("A" * (MAX_IMAGE * 4 // 3 + 8), ""):
        with pytest.raises(BadAppearance):
            read(visualRepresentation=visual(image={"resource": {"content": content}}))


def test_an_image_by_its_address_is_not_ignored() -> None:
    with pytest.raises(NotImplementedHere):
        read(visualRepresentation=visual(image={"resource": {"url": "https://example.org/stamp.png"}}))


def test_what_is_no_number_or_no_object_is_the_schemas_affair() -> None:
    for position in ({"pageNumber": "one", "manual": MANUAL}, {"pageNumber": 1, "manual": [1]}, 7):
        with pytest.raises(msgspec.ValidationError):
            read(visualRepresentation=visual(position=position))
