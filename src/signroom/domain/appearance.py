"""How a signature looks on a page: what ``pdfSignatureOptions`` of the wire contract can say.

Positions count from the top left corner of the page as a reader sees it (after /Rotate and CropBox).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    CENTIMETERS = "Centimeters"
    PDF_POINTS = "PdfPoints"


class HorizontalAlign(StrEnum):
    LEFT = "Left"
    CENTER = "Center"
    RIGHT = "Right"


class VerticalAlign(StrEnum):
    TOP = "Top"
    CENTER = "Center"
    BOTTOM = "Bottom"


class HorizontalDirection(StrEnum):
    LEFT_TO_RIGHT = "LeftToRight"
    RIGHT_TO_LEFT = "RightToLeft"


class VerticalDirection(StrEnum):
    TOP_DOWN = "TopDown"
    BOTTOM_UP = "BottomUp"


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle inside another, like CSS: each edge is a distance from the outer edge; None where it follows."""

    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None
    width: float | None = None
    height: float | None = None


@dataclass(frozen=True, slots=True)
class Size:
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class AutoPositioning:
    """Fill `container` with rectangles of one size, one per signature; the next free one is taken."""

    container: Rectangle
    signature_rectangle_size: Size
    horizontal_direction: HorizontalDirection = HorizontalDirection.LEFT_TO_RIGHT
    vertical_direction: VerticalDirection = VerticalDirection.TOP_DOWN
    row_spacing: float = 0


@dataclass(frozen=True, slots=True)
class Positioning:
    """Where: `page_number` from 1, or from -1 for the last page backwards, or 0 for a new page at the end.

    Exactly one of `auto` and `manual` is set; lengths are in `unit`.
    """

    page_number: int
    unit: Unit = Unit.CENTIMETERS
    auto: AutoPositioning | None = None
    manual: Rectangle | None = None


@dataclass(frozen=True, slots=True)
class AppearanceText:
    """``{{name}}`` and its kin in `text` are filled in from the certificate. `font_size` in points."""

    text: str
    font_size: float = 12
    include_signing_time: bool = False
    horizontal_align: HorizontalAlign = HorizontalAlign.LEFT
    container: Rectangle | None = None


@dataclass(frozen=True, slots=True)
class AppearanceImage:
    """`content` is PNG or JPEG; `opacity` from 0 to 100."""

    content: bytes
    content_type: str
    opacity: int = 100
    horizontal_align: HorizontalAlign = HorizontalAlign.CENTER
    vertical_align: VerticalAlign = VerticalAlign.CENTER


@dataclass(frozen=True, slots=True)
class Appearance:
    position: Positioning
    text: AppearanceText | None = None
    image: AppearanceImage | None = None
