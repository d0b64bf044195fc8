"""``pdfSignatureOptions`` of the wire (``PdfSignatureOptions`` of the contract) to an `Appearance`."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TypeVar

from signroom.api.shapes.wire import Base64Text, EmptyList, Wire
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
from signroom.domain.errors import BadAppearance, BadInput, NotImplementedHere, at

E = TypeVar("E", bound=StrEnum)

MAX_TEXT = 10_000
"""Characters."""
MAX_IMAGE = 2 << 20
"""Bytes. It is kept with every document of the session."""
_LONGEST = 100_000
"""Of any length, in any unit: a page has at most 14,400 points."""
_FONT_SIZES = (1, 500)
_LAST_PAGE = 1_000_000


class SizeRequest(Wire):
    height: float | None = None
    width: float | None = None


class RectangleRequest(Wire):
    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None
    width: float | None = None
    height: float | None = None


class PageOptimizationRequest(Wire):
    paper_size: str | None = None
    custom_paper_size: SizeRequest | EmptyList | None = None
    page_orientation: str | None = None


class AutoPositioningRequest(Wire):
    container: RectangleRequest | EmptyList | None = None
    signature_rectangle_size: SizeRequest | EmptyList | None = None
    horizontal_direction: str | None = None
    vertical_direction: str | None = None
    row_spacing: float | None = None


class PositionRequest(Wire):
    page_number: int | None = None
    measurement_units: str | None = None
    page_optimization: PageOptimizationRequest | EmptyList | None = None
    auto: AutoPositioningRequest | EmptyList | None = None
    manual: RectangleRequest | EmptyList | None = None


class ResourceRequest(Wire):
    url: str | None = None
    content: Base64Text | None = None
    mime_type: str | None = None


class ImageRequest(Wire):
    resource: ResourceRequest | EmptyList | None = None
    opacity: int | None = None
    horizontal_align: str | None = None
    vertical_align: str | None = None


class TextRequest(Wire):
    font_size: float | None = None
    text: str | None = None
    include_signing_time: bool | None = None
    horizontal_align: str | None = None
    container: RectangleRequest | EmptyList | None = None


class VisualRepresentationRequest(Wire):
    text: TextRequest | EmptyList | None = None
    image: ImageRequest | EmptyList | None = None
    position: PositionRequest | EmptyList | None = None


class PdfOptionsRequest(Wire):
    visual_representation: VisualRepresentationRequest | EmptyList | None = None
    measurement_units: str | None = None
    page_optimization: PageOptimizationRequest | EmptyList | None = None
    level: str | None = None
    """Addition: the level that the signed file is to reach (ETSI EN 319 142-1): `B-B`, `B-T`, `B-LT` or `B-LTA`."""
    timestamp_tier: str | None = None
    """Addition: whose authorities give the timestamps that are in the file; left out: those of the tier `default`."""
    signature_policy: str | None = None
    """Addition: the policy that the signature names, by its name or OID: the guide lists them."""


def appearance_of(given: PdfOptionsRequest | EmptyList | None) -> Appearance | None:
    """None when no visible signature is asked for. Raises: BadInput, BadAppearance, NotImplementedHere."""
    if not isinstance(given, PdfOptionsRequest):
        return None
    visual = given.visual_representation
    if not isinstance(visual, VisualRepresentationRequest):
        return None
    with at("visualRepresentation"):
        return _appearance(visual, given)


def _appearance(visual: VisualRepresentationRequest, options: PdfOptionsRequest) -> Appearance:
    with at("text"):
        text = _text(visual.text)
    with at("image"):
        image = _image(visual.image)
    if text is None and image is None:
        raise BadInput("visualRepresentation needs a text or an image.")
    with at("position"):
        return Appearance(_position(visual.position, options), text, image)


def _position(given: PositionRequest | EmptyList | None, options: PdfOptionsRequest) -> Positioning:
    """Units and paper may be said once for all, outside."""
    if not isinstance(given, PositionRequest):
        raise BadInput("visualRepresentation needs a position.")
    auto = given.auto if isinstance(given.auto, AutoPositioningRequest) else None
    manual = given.manual if isinstance(given.manual, RectangleRequest) else None
    if (auto is None) == (manual is None):
        raise BadInput("A position needs either auto or manual.")
    units = given.measurement_units or options.measurement_units or Unit.CENTIMETERS
    paper = given.page_optimization
    if not isinstance(paper, PageOptimizationRequest):
        paper = options.page_optimization
    page = given.page_number or 0
    if abs(page) > _LAST_PAGE:
        raise BadInput("pageNumber is beyond all bounds.", path="pageNumber")
    unit = _member(Unit, units, "measurementUnits")
    if auto is not None:
        with at("auto"):
            positioning: AutoPositioning | Rectangle = _auto(auto)
    if manual is not None:
        with at("manual"):
            positioning = _rectangle(manual)
    with at("pageOptimization"):
        page_optimization = _paper(paper)
    return Positioning(
        page_number=page,
        unit=unit,
        auto=positioning if isinstance(positioning, AutoPositioning) else None,
        manual=positioning if isinstance(positioning, Rectangle) else None,
        page_optimization=page_optimization,
    )


def _auto(given: AutoPositioningRequest) -> AutoPositioning:
    if not isinstance(given.container, RectangleRequest) or not isinstance(given.signature_rectangle_size, SizeRequest):
        raise BadInput("auto needs a container and a signatureRectangleSize.")
    with at("container"):
        container = _rectangle(given.container)
    return AutoPositioning(
        container=container,
        signature_rectangle_size=_size(given.signature_rectangle_size, "signatureRectangleSize"),
        horizontal_direction=_member(
            HorizontalDirection, given.horizontal_direction or HorizontalDirection.LEFT_TO_RIGHT, "horizontalDirection"
        ),
        vertical_direction=_member(
            VerticalDirection, given.vertical_direction or VerticalDirection.TOP_DOWN, "verticalDirection"
        ),
        row_spacing=_length(given.row_spacing or 0, "rowSpacing"),
    )


def _paper(given: PageOptimizationRequest | EmptyList | None) -> PageOptimization:
    if not isinstance(given, PageOptimizationRequest):
        return PageOptimization()
    custom = given.custom_paper_size if isinstance(given.custom_paper_size, SizeRequest) else None
    implied = PaperSize.A4 if custom is None else PaperSize.CUSTOM
    size = _member(PaperSize, given.paper_size or implied, "paperSize")
    if size is PaperSize.CUSTOM and custom is None:
        raise BadInput("The paperSize Custom needs a customPaperSize.", path="customPaperSize")
    return PageOptimization(
        paper_size=size,
        custom_paper_size=None if custom is None else _size(custom, "customPaperSize"),
        orientation=_member(PageOrientation, given.page_orientation or PageOrientation.AUTO, "pageOrientation"),
    )


def _text(given: TextRequest | EmptyList | None) -> AppearanceText | None:
    if not isinstance(given, TextRequest) or not (given.text or given.include_signing_time):
        return None
    text = given.text or ""
    # A byte order mark and the like are harmless, a NUL is not: databases stop there.
    if len(text) > MAX_TEXT or "\0" in text:
        message = f"The text of a visible signature has at most {MAX_TEXT} characters, and no NUL among them."
        raise BadInput(message, path="text")
    size = 12 if given.font_size is None else given.font_size
    if not _FONT_SIZES[0] <= size <= _FONT_SIZES[1]:
        raise BadInput(f"fontSize is from {_FONT_SIZES[0]} to {_FONT_SIZES[1]}, in points.", path="fontSize")
    with at("container"):
        container = _rectangle(given.container) if isinstance(given.container, RectangleRequest) else None
    return AppearanceText(
        text=text,
        font_size=size,
        include_signing_time=bool(given.include_signing_time),
        horizontal_align=_member(HorizontalAlign, given.horizontal_align or HorizontalAlign.LEFT, "horizontalAlign"),
        container=container,
    )


def _image(given: ImageRequest | EmptyList | None) -> AppearanceImage | None:
    if not isinstance(given, ImageRequest) or not isinstance(given.resource, ResourceRequest):
        return None
    resource = given.resource
    if resource.content is None:
        if resource.url:
            raise NotImplementedHere("An image by its url: send its content.", path="resource.url")
        return None
    opacity = 100 if given.opacity is None else given.opacity
    if not 0 <= opacity <= 100:
        raise BadInput("opacity is from 0 to 100.", path="opacity")
    with at("resource"), at("content"):
        content = _decoded(resource.content)
    return AppearanceImage(
        content=content,
        content_type=resource.mime_type or "",
        opacity=opacity,
        horizontal_align=_member(HorizontalAlign, given.horizontal_align or HorizontalAlign.CENTER, "horizontalAlign"),
        vertical_align=_member(VerticalAlign, given.vertical_align or VerticalAlign.CENTER, "verticalAlign"),
    )


def _decoded(content: Base64Text) -> bytes:
    """Only what is small enough is decoded: this runs on the event loop."""
    if content.length > MAX_IMAGE * 4 // 3 + 4:
        raise BadAppearance(f"The image has more than {MAX_IMAGE >> 20} MB.", path="")
    found = b"".join(content.decoded())
    if not found:
        raise BadAppearance("The image is empty.", path="")
    return found


def _rectangle(given: RectangleRequest) -> Rectangle:
    return Rectangle(
        left=_optional(given.left, "left"),
        top=_optional(given.top, "top"),
        right=_optional(given.right, "right"),
        bottom=_optional(given.bottom, "bottom"),
        width=_optional(given.width, "width"),
        height=_optional(given.height, "height"),
    )


def _size(given: SizeRequest, field: str) -> Size:
    with at(field):
        height, width = _length(given.height or 0, "height"), _length(given.width or 0, "width")
    if height <= 0 or width <= 0:
        raise BadInput(f"{field} needs a height and a width, both more than 0.", path=field)
    return Size(height=height, width=width)


def _optional(length: float | None, field: str) -> float | None:
    return None if length is None else _length(length, field)


def _length(length: float, field: str) -> float:
    if not math.isfinite(length) or abs(length) > _LONGEST:
        raise BadInput("A length of the visual representation is beyond all bounds.", path=field)
    return length


def _member(kind: type[E], text: str, field: str) -> E:
    """The member that `text` spells, case ignored. Raises: BadInput."""
    for candidate in kind:
        if candidate.value.casefold() == text.casefold():
            return candidate
    raise BadInput(f"{field} is one of {', '.join(kind)}.", path=field)
