"""A visible signature: its place on a page as a reader sees it, and what is drawn there (ISO 32000-1, 12.5.5).

First `locate`, which finds the page and the rectangle, or refuses; then `draw`, once the field is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from signroom.domain.appearance import (
    Appearance,
    AppearanceImage,
    AppearanceText,
    HorizontalAlign,
    Place,
    Positioning,
    VerticalAlign,
)
from signroom.domain.errors import BadAppearance, InvalidPdf
from signroom.formats.pdf.visible import font as fonts
from signroom.formats.pdf.visible import picture
from signroom.formats.pdf.visible.placeholders import filled

if TYPE_CHECKING:
    from pyhanko.pdf_utils.generic import DictionaryObject, IndirectObject
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.pdf_utils.writer import BasePdfFileWriter

_DEEPEST = 64
"""Levels of a page tree or of a form field: more is a loop, or might as well be one."""
_SMALLEST = 5
"""Points: text is shrunk down to this, and then cut."""
_SHRINK = 0.9
_NO_TEXT = 4
"""Points: a container of this height or width has no room for any text."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What of a page is seen, in user space (ISO 32000-1, 8.3.2.3), and how it is turned when it is shown."""

    left: float
    bottom: float
    right: float
    top: float
    turns: int
    """Quarters, clockwise."""
    unit: float
    """Points (1/72 inch) per unit of user space."""

    @property
    def shown(self) -> Place:
        width, height = (self.right - self.left) * self.unit, (self.top - self.bottom) * self.unit
        return Place(0, 0, height, width) if self.turns % 2 else Place(0, 0, width, height)

    def to_user_space(self, place: Place) -> tuple[float, float, float, float]:
        """Left, bottom, right, top."""
        across, down = (
            (place.left / self.unit, place.right / self.unit),
            (place.top / self.unit, place.bottom / self.unit),
        )
        match self.turns:
            case 0:
                return self.left + across[0], self.top - down[1], self.left + across[1], self.top - down[0]
            case 1:
                return self.left + down[0], self.bottom + across[0], self.left + down[1], self.bottom + across[1]
            case 2:
                return self.right - across[1], self.bottom + down[0], self.right - across[0], self.bottom + down[1]
            case _:
                return self.right - down[1], self.top - across[1], self.right - down[0], self.top - across[0]

    def to_shown(self, rectangle: tuple[float, float, float, float]) -> Place:
        left, bottom, right, top = rectangle
        match self.turns:
            case 0:
                across, down = (left - self.left, right - self.left), (self.top - top, self.top - bottom)
            case 1:
                across, down = (bottom - self.bottom, top - self.bottom), (left - self.left, right - self.left)
            case 2:
                across, down = (self.right - right, self.right - left), (bottom - self.bottom, top - self.bottom)
            case _:
                across, down = (self.top - top, self.top - bottom), (self.right - right, self.right - left)
        unit = self.unit
        return Place(across[0] * unit, down[0] * unit, (across[1] - across[0]) * unit, (down[1] - down[0]) * unit)


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a signature: `box` is its /Rect on the page with the index `page`; `place` as it is shown."""

    page: int
    box: tuple[float, float, float, float]
    place: Place
    turns: int


def require_possible(reader: PdfFileReader, appearance: Appearance) -> None:
    """For pre-flight: what `appearance` asks for can be done in this file. `reader` is of no use afterwards.

    To be used inside ``parsing.only_refusals``. Raises: BadAppearance, InvalidPdf.
    """
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    site = locate(IncrementalPdfFileWriter.from_reader(reader), appearance.position)
    if appearance.image is not None:
        picture.read_picture(appearance.image, site.place)
    if appearance.text is not None:
        _container(appearance.text, appearance.position, site.place)


# -- where -----------------------------------------------------------------------------------------


def locate(writer: BasePdfFileWriter, position: Positioning) -> Site:
    """Find the place, on a new page if that is asked for. To be used inside ``parsing.only_refusals``.

    Raises: BadAppearance, InvalidPdf for a page that makes no sense.
    """
    if position.page_number == 0:
        _add_page(writer, position)
    count = int(writer.root["/Pages"]["/Count"])
    number = position.page_number or -1
    index = number - 1 if number > 0 else count + number
    if not 0 <= index < count:
        raise BadAppearance(f"There is no page {number}: the document has {count}.")
    reference, _ = writer.find_page_for_modification(index)
    found = reference.get_object()
    page = _page(found)
    taken = tuple(_signatures_on(found, page)) if position.auto is not None else ()
    place = position.place(page.shown, taken)
    return Site(index, page.to_user_space(place), place, page.turns)


def _add_page(writer: BasePdfFileWriter, position: Positioning) -> None:
    """An empty page as the last child of the page tree's root, with everything of its own that could be inherited."""
    from pyhanko.pdf_utils.generic import ArrayObject, FloatObject, NameObject, NumberObject, StreamObject
    from pyhanko.pdf_utils.writer import PageObject
    from pyhanko.sign.fields import enumerate_sig_fields

    # It would break them (ISO 32000-1, table 254).
    if next(enumerate_sig_fields(writer, filled_status=True), None) is not None:
        raise BadAppearance("A page cannot be added: the file has signatures already.")
    size = [round(side, 2) for side in position.page_optimization.dimensions(position.unit)]
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


def _page(page: DictionaryObject) -> _Page:
    media = _rectangle(_inherited(page, "/MediaBox"))
    if media is None:
        raise InvalidPdf("A page has no size.")
    crop = _rectangle(_inherited(page, "/CropBox")) or media
    # ISO 32000-1, 14.11.2.1: only what is inside the medium; boxes that do not meet are a mistake.
    left, bottom, right, top = (
        max(media[0], crop[0]),
        max(media[1], crop[1]),
        min(media[2], crop[2]),
        min(media[3], crop[3]),
    )
    if left >= right or bottom >= top:
        left, bottom, right, top = media
    unit = float(page.get("/UserUnit", 1))
    if right - left <= 0 or top - bottom <= 0 or unit <= 0:
        raise InvalidPdf("A page has no size.")
    turns = round(float(_inherited(page, "/Rotate") or 0) / 90) % 4
    return _Page(left, bottom, right, top, turns, unit)


def _inherited(node: Any, key: str) -> Any:
    """An attribute of a page, or of the nodes above it (ISO 32000-1, 7.7.3.4)."""
    for _ in range(_DEEPEST):
        if key in node:
            return node[key]
        if "/Parent" not in node:
            return None
        node = node["/Parent"]
    raise InvalidPdf("The page tree, or a form, is too deep.")


def _rectangle(found: Any) -> tuple[float, float, float, float] | None:
    """Left, bottom, right, top, whichever corners it was written with; None when it is none."""
    try:
        a, b, c, d = (float(found[corner]) for corner in range(4))
    except (ValueError, TypeError, LookupError, ArithmeticError):
        return None
    return min(a, c), min(b, d), max(a, c), max(b, d)


def _signatures_on(page: DictionaryObject, geometry: _Page) -> Iterator[Place]:
    """Visible signature fields, empty ones too: they wait for somebody."""
    annotations: Any = page.get("/Annots")
    for index in range(len(annotations) if isinstance(annotations, list) else 0):
        annotation = annotations[index]
        if not isinstance(annotation, dict) or annotation.get("/Subtype") != "/Widget":
            continue
        rectangle = _rectangle(annotation.get("/Rect"))
        if rectangle is not None and _inherited(annotation, "/FT") == "/Sig":
            yield geometry.to_shown(rectangle)


# -- what ------------------------------------------------------------------------------------------


def draw(
    writer: BasePdfFileWriter, site: Site, appearance: Appearance, certificate: bytes, now: datetime
) -> IndirectObject:
    """The form XObject for /AP: as large as the place in points, upright however the page is turned.

    Raises: BadAppearance, BadCertificate.
    """
    from pyhanko.pdf_utils.generic import (
        ArrayObject,
        DictionaryObject,
        FloatObject,
        NameObject,
        NumberObject,
        StreamObject,
    )

    width, height = site.place.width, site.place.height
    resources, content = DictionaryObject(), b""
    if appearance.image is not None:
        content += _image(writer, appearance.image, site.place, resources)
    if appearance.text is not None:
        place = _container(appearance.text, appearance.position, site.place)
        shown = filled_text(appearance.text, certificate, now)
        drawn = _text(writer, resources, appearance.text, place, shown)
        content += b"q 1 0 0 1 %.4f %.4f cm\n%b\nQ\n" % (place.left, height - place.top, drawn)
    # The viewer lays the turned box over /Rect, so only the direction counts (12.5.5, algorithm 8.1).
    matrix = ((1, 0, 0, 1, 0, 0), (0, 1, -1, 0, height, 0), (-1, 0, 0, -1, width, height), (0, -1, 1, 0, 0, width))
    form = StreamObject(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/FormType"): NumberObject(1),
            NameObject("/BBox"): ArrayObject(FloatObject(round(side, 4)) for side in (0, 0, width, height)),
            NameObject("/Matrix"): ArrayObject(FloatObject(round(part, 4)) for part in matrix[site.turns]),
            NameObject("/Resources"): resources,
        },
        stream_data=content,
    )
    form.compress()
    return writer.add_object(form)


def filled_text(text: AppearanceText, certificate: bytes, now: datetime) -> str:
    """What is shown: placeholders replaced, and the time with its offset to UTC where that is asked for."""
    found = filled(text.text, certificate, now)
    if not text.include_signing_time:
        return found
    time = now.isoformat(" ", "seconds")
    return f"{found.rstrip()}\n{time[:19]} {time[19:]}".lstrip()


def _container(text: AppearanceText, position: Positioning, place: Place) -> Place:
    """Where the text goes, from the signature's own top left corner. Raises: BadAppearance."""
    outer = Place(0, 0, place.width, place.height)
    found = outer if text.container is None else text.container.inside(outer, position.unit)
    if found.width < _NO_TEXT or found.height < _NO_TEXT:
        raise BadAppearance("The rectangle for the text is too small.")
    return found


def _text(
    writer: BasePdfFileWriter, resources: DictionaryObject, text: AppearanceText, place: Place, shown: str
) -> bytes:
    """`shown` from the top left corner of `place` downwards."""
    from pyhanko.pdf_utils.generic import DictionaryObject, NameObject

    face = fonts.font_face()
    lines, size = _fitted(face, "\n".join(map(face.spelled, shown.splitlines())), place, text.font_size)
    font = fonts.embed(writer, lines)
    resources[NameObject("/Font")] = DictionaryObject({NameObject("/F"): font})
    share = {HorizontalAlign.LEFT: 0.0, HorizontalAlign.CENTER: 0.5, HorizontalAlign.RIGHT: 1.0}[text.horizontal_align]
    parts = [b"BT 0 g /F %.2f Tf" % size]
    for number, line in enumerate(lines):
        across = (place.width - face.width(line) * size) * share
        down = face.ascent / 1000 * size + number * fonts.LEADING * size
        parts.append(b"1 0 0 1 %.2f %.2f Tm %b Tj" % (across, -down, face.encoded(line)))
    return b"\n".join([*parts, b"ET"])


def _fitted(face: fonts.FontFace, text: str, place: Place, size: float) -> tuple[list[str], float]:
    """Lines that fit into `place`: as large as asked for, or smaller; cut when they would become unreadable."""
    smallest = min(size, _SMALLEST)
    while True:
        lines = face.lines(text, place.width / size)
        room = int(place.height / (fonts.LEADING * size) + 0.05)  # the last line needs no space below
        if len(lines) <= room:
            return lines, size
        if size <= smallest:
            kept = lines[: max(1, room)]
            return ([*kept[:-1], face.cut(kept[-1], place.width / size)] if len(kept) < len(lines) else kept), size
        size = max(smallest, size * _SHRINK)


def _image(writer: BasePdfFileWriter, image: AppearanceImage, place: Place, resources: DictionaryObject) -> bytes:
    """As large as the place allows, its proportions kept."""
    from pyhanko.pdf_utils.generic import DictionaryObject, FloatObject, NameObject

    found = picture.read_picture(image, place)
    scale = min(place.width / found.width, place.height / found.height)
    width, height = found.width * scale, found.height * scale
    across = {HorizontalAlign.LEFT: 0.0, HorizontalAlign.CENTER: 0.5, HorizontalAlign.RIGHT: 1.0}[
        image.horizontal_align
    ]
    up = {VerticalAlign.BOTTOM: 0.0, VerticalAlign.CENTER: 0.5, VerticalAlign.TOP: 1.0}[image.vertical_align]
    resources[NameObject("/XObject")] = DictionaryObject({NameObject("/I"): picture.embed(writer, found)})
    state = b""
    if image.opacity < 100:
        faint = DictionaryObject({NameObject("/ca"): FloatObject(image.opacity / 100)})
        resources[NameObject("/ExtGState")] = DictionaryObject({NameObject("/G"): faint})
        state = b"/G gs "
    x, y = (place.width - width) * across, (place.height - height) * up
    return b"q %b%.4f 0 0 %.4f %.4f %.4f cm /I Do Q\n" % (state, width, height, x, y)
