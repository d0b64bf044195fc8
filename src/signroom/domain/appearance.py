"""How a signature looks on a page: what ``pdfSignatureOptions`` of the wire contract can say.

Positions count from the top left corner of the page as a reader sees it (after /Rotate and CropBox). The contract
says nothing of what is left out; the rules here are those of the client libraries that it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from signroom.domain.errors import BadAppearance

_POINTS_PER_CENTIMETER = 72 / 2.54
_TOLERANCE = 0.01
"""Points. Centimetres become points with rounding; what fits on paper must fit here."""
_MAX_PLACES = 1000
_MIN_PAGE, _MAX_PAGE = 3, 14400
"""Points: ISO 32000-1, Annex C.2."""


class Unit(StrEnum):
    CENTIMETERS = "Centimeters"
    PDF_POINTS = "PdfPoints"

    @property
    def points(self) -> float:
        """How many points (1/72 inch) it has."""
        return _POINTS_PER_CENTIMETER if self is Unit.CENTIMETERS else 1


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


class PaperSize(StrEnum):
    CUSTOM = "Custom"
    A0 = "A0"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    A5 = "A5"
    A6 = "A6"
    A7 = "A7"
    A8 = "A8"
    LETTER = "Letter"
    LEGAL = "Legal"
    LEDGER = "Ledger"


class PageOrientation(StrEnum):
    AUTO = "Auto"
    PORTRAIT = "Portrait"
    LANDSCAPE = "Landscape"


# Width and height, upright: millimetres of ISO 216, and inches.
_MILLIMETERS = {
    PaperSize.A0: (841, 1189),
    PaperSize.A1: (594, 841),
    PaperSize.A2: (420, 594),
    PaperSize.A3: (297, 420),
    PaperSize.A4: (210, 297),
    PaperSize.A5: (148, 210),
    PaperSize.A6: (105, 148),
    PaperSize.A7: (74, 105),
    PaperSize.A8: (52, 74),
}
_INCHES = {PaperSize.LETTER: (8.5, 11), PaperSize.LEGAL: (8.5, 14), PaperSize.LEDGER: (11, 17)}


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle in points: its top left corner, from the top left corner of the page, and its size."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def contains(self, other: Place) -> bool:
        return (
            other.left >= self.left - _TOLERANCE
            and other.top >= self.top - _TOLERANCE
            and other.right <= self.right + _TOLERANCE
            and other.bottom <= self.bottom + _TOLERANCE
        )

    def overlaps(self, other: Place) -> bool:
        """They share more than an edge."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > _TOLERANCE
            and min(self.bottom, other.bottom) - max(self.top, other.top) > _TOLERANCE
        )


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle inside another, like CSS: each edge is a distance from the outer edge; None where it follows."""

    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None
    width: float | None = None
    height: float | None = None

    def inside(self, outer: Place, unit: Unit) -> Place:
        """Where it is when lengths are in `unit`. Raises: BadAppearance when it is empty, or larger than `outer`."""
        left, width = _stretch(self.left, self.right, self.width, outer.width, unit)
        top, height = _stretch(self.top, self.bottom, self.height, outer.height, unit)
        found = Place(outer.left + left, outer.top + top, width, height)
        if width <= _TOLERANCE or height <= _TOLERANCE or not outer.contains(found):
            raise BadAppearance("A rectangle does not fit into the page, or into the rectangle around it.")
        return found


def _stretch(
    before: float | None, after: float | None, length: float | None, outer: float, unit: Unit
) -> tuple[float, float]:
    """(offset, length) in points along one direction. With a length alone it is centred; without, it fills."""
    if length is None:
        start = (before or 0) * unit.points
        return start, outer - start - (after or 0) * unit.points
    size = length * unit.points
    if before is not None:
        return before * unit.points, size
    if after is not None:
        return outer - after * unit.points - size, size
    return (outer - size) / 2, size


@dataclass(frozen=True, slots=True)
class Size:
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class PageOptimization:
    """The paper of a page that is made for the signature. ``custom_paper_size`` belongs to `PaperSize.CUSTOM`."""

    paper_size: PaperSize = PaperSize.A4
    custom_paper_size: Size | None = None
    orientation: PageOrientation = PageOrientation.AUTO

    def dimensions(self, unit: Unit) -> tuple[float, float]:
        """Width and height in points. Raises: BadAppearance for a paper that a PDF cannot have."""
        width, height = self._as_given(unit)
        if not (_MIN_PAGE <= width <= _MAX_PAGE and _MIN_PAGE <= height <= _MAX_PAGE):
            raise BadAppearance("The paper of the new page is too small or too large, or has no size.")
        match self.orientation:
            case PageOrientation.AUTO:
                return width, height
            case PageOrientation.PORTRAIT:
                return min(width, height), max(width, height)
            case PageOrientation.LANDSCAPE:
                return max(width, height), min(width, height)

    def _as_given(self, unit: Unit) -> tuple[float, float]:
        if self.paper_size in _INCHES:
            width, height = _INCHES[self.paper_size]
            return width * 72, height * 72
        if self.paper_size in _MILLIMETERS:
            across, down = _MILLIMETERS[self.paper_size]
            return across / 25.4 * 72, down / 25.4 * 72
        if self.custom_paper_size is None:
            return 0, 0
        return self.custom_paper_size.width * unit.points, self.custom_paper_size.height * unit.points


@dataclass(frozen=True, slots=True)
class AutoPositioning:
    """Fill `container` with rectangles of one size, one per signature; the next free one is taken."""

    container: Rectangle
    signature_rectangle_size: Size
    horizontal_direction: HorizontalDirection = HorizontalDirection.LEFT_TO_RIGHT
    vertical_direction: VerticalDirection = VerticalDirection.TOP_DOWN
    row_spacing: float = 0

    def free_place(self, page: Place, unit: Unit, taken: tuple[Place, ...]) -> Place:
        """The first place, row by row, that overlaps nothing in `taken`. Raises: BadAppearance when there is none."""
        container = self.container.inside(page, unit)
        # So many that a hostile size cannot keep a worker busy; more signatures than that fit on no page.
        for place in islice(self._places(container, unit), _MAX_PLACES):
            if not any(place.overlaps(other) for other in taken):
                return place
        raise BadAppearance("The container has no room for another signature.")

    def _places(self, container: Place, unit: Unit) -> Iterator[Place]:
        width = self.signature_rectangle_size.width * unit.points
        height = self.signature_rectangle_size.height * unit.points
        if width <= _TOLERANCE or height <= _TOLERANCE or self.row_spacing < 0:
            raise BadAppearance("A signature needs a size, and the space between rows may not be negative.")
        columns = int((container.width + _TOLERANCE) // width)
        step = height + self.row_spacing * unit.points
        rows = (
            int((container.height + _TOLERANCE - height) // step) + 1 if container.height + _TOLERANCE >= height else 0
        )
        for row in range(rows):
            for column in range(columns):
                left = container.left + column * width
                if self.horizontal_direction is HorizontalDirection.RIGHT_TO_LEFT:
                    left = container.right - (column + 1) * width
                top = container.top + row * step
                if self.vertical_direction is VerticalDirection.BOTTOM_UP:
                    top = container.bottom - height - row * step
                yield Place(left, top, width, height)


@dataclass(frozen=True, slots=True)
class Positioning:
    """Where: `page_number` from 1, or from -1 for the last page backwards, or 0 for a new page at the end.

    Exactly one of `auto` and `manual` is set; lengths are in `unit`. `page_optimization` is the paper of a new page;
    on a page that is there, lengths are what they are.
    """

    page_number: int
    unit: Unit = Unit.CENTIMETERS
    auto: AutoPositioning | None = None
    manual: Rectangle | None = None
    page_optimization: PageOptimization = PageOptimization()

    def place(self, page: Place, taken: tuple[Place, ...]) -> Place:
        """The signature's rectangle; `taken` are those of other signatures on that page. Raises: BadAppearance."""
        if self.auto is not None:
            return self.auto.free_place(page, self.unit, taken)
        return (self.manual or Rectangle()).inside(page, self.unit)


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
