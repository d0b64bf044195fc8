"""A visible signature: its place on a page as a reader sees it, and what is drawn there (ISO 32000-1, 12.5.5).

`locate` finds the page and the rectangle in an open file, or refuses. `draw` needs no file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pikepdf

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
from signroom.formats.pdf import entries
from signroom.formats.pdf.signature_fields import filled_fields
from signroom.formats.pdf.visible import font as fonts
from signroom.formats.pdf.visible import picture
from signroom.formats.pdf.visible.placeholders import filled
from signroom.formats.pdf.visible.writing import Name, Objects, Value

_DEEPEST = 64
"""Levels of a page tree or of a form field: more is a loop, or might as well be one."""
_MAX_ANNOTATIONS = 20_000
"""Of a page, that are looked at for other signatures: some 30 us each."""
_LETTER = (0.0, 0.0, 612.0, 792.0)
"""What PDFium, MuPDF and poppler show of a page that has no size."""
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
class NewPage:
    """An empty page that is added as the last one, not turned, of this size in points."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a signature: `box` is its /Rect on the page with the index `page`; `place` as it is shown."""

    page: int
    box: tuple[float, float, float, float]
    place: Place
    turns: int
    new_page: NewPage | None = None
    """Where the page is not there yet."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is seen of a signature, as objects that are to be appended to the file."""

    objects: tuple[bytes, ...]
    """The value of each, without ``N 0 obj`` and ``endobj``; their numbers follow each other."""
    appearance: int
    """The number of the form XObject for /AP /N."""


def require_possible(pdf: pikepdf.Pdf, appearance: Appearance) -> Site:
    """For pre-flight: what `appearance` asks for can be done in this file, and where.

    Raises: BadAppearance, InvalidPdf, PdfTooComplex.
    """
    site = locate(pdf, appearance.position)
    if appearance.image is not None:
        picture.read_picture(appearance.image, site.place)
    if appearance.text is not None:
        _container(appearance.text, appearance.position, site.place)
    return site


# -- where -----------------------------------------------------------------------------------------


def locate(pdf: pikepdf.Pdf, position: Positioning) -> Site:
    """Find the place, on a new page if that is asked for.

    Raises: BadAppearance, InvalidPdf for a page tree that makes no sense, PdfTooComplex for a form that is too large.
    """
    try:
        count = len(pdf.pages)
    except entries.UNREADABLE as error:
        raise InvalidPdf("Its pages cannot be found.") from error
    if position.page_number == 0:
        return _on_new_page(pdf, position, count)
    number = position.page_number
    index = number - 1 if number > 0 else count + number
    if not 0 <= index < count:
        raise BadAppearance(f"There is no page {number}: the document has {count}.")
    found = pdf.pages[index].obj
    page = _page(found)
    taken = tuple(_signatures_on(found, page)) if position.auto is not None else ()
    place = position.place(page.shown, taken)
    return Site(index, page.to_user_space(place), place, page.turns)


def site_of_widget(index: int, page: pikepdf.Object, box: tuple[float, float, float, float]) -> Site:
    """The site of an annotation that is there already: `box` is its /Rect on `page`. Raises: InvalidPdf."""
    found = _page(page)
    return Site(index, box, found.to_shown(box), found.turns)


def _on_new_page(pdf: pikepdf.Pdf, position: Positioning, count: int) -> Site:
    # It would break them (ISO 32000-1, table 254).
    if next(filled_fields(pdf), None) is not None:
        raise BadAppearance("A page cannot be added: the file has signatures already.")
    width, height = (round(side, 2) for side in position.page_optimization.dimensions(position.unit))
    page = _Page(0, 0, width, height, turns=0, unit=1)
    place = position.place(page.shown, ())
    return Site(count, page.to_user_space(place), place, page.turns, NewPage(width, height))


def _page(page: pikepdf.Object) -> _Page:
    media = entries.rectangle(_inherited(page, "/MediaBox"))
    if media is None or media[0] == media[2] or media[1] == media[3]:
        media = _LETTER
    crop = entries.rectangle(_inherited(page, "/CropBox")) or media
    # ISO 32000-1, 14.11.2.1: only what is inside the medium; boxes that do not meet are a mistake.
    left, bottom, right, top = (
        max(media[0], crop[0]),
        max(media[1], crop[1]),
        min(media[2], crop[2]),
        min(media[3], crop[3]),
    )
    if left >= right or bottom >= top:
        left, bottom, right, top = media
    unit = entries.number(page, "/UserUnit") or 1
    turns = round((entries.as_number(_inherited(page, "/Rotate")) or 0) / 90) % 4
    return _Page(left, bottom, right, top, turns, unit if unit > 0 else 1)


def _inherited(node: pikepdf.Object, key: str) -> Any:
    """An attribute of a page, or of the nodes above it (ISO 32000-1, 7.7.3.4)."""
    above: pikepdf.Object | None = node
    for _ in range(_DEEPEST):
        value = entries.entry(above, key)
        if value is not None:
            return value
        above = entries.dictionary(above, "/Parent")
        if above is None:
            return None
    raise InvalidPdf("The page tree, or a form, is too deep.")


def _signatures_on(page: pikepdf.Object, geometry: _Page) -> Iterator[Place]:
    """Visible signature fields, empty ones too: they wait for somebody."""
    annotations = entries.entry(page, "/Annots")
    if not entries.is_array(annotations):
        return
    for annotation in (entries.element(annotations, index) for index in range(min(len(annotations), _MAX_ANNOTATIONS))):
        if entries.name(annotation, "/Subtype") != "Widget":
            continue
        rectangle = entries.rectangle(entries.entry(annotation, "/Rect"))
        if rectangle is not None and entries.as_name(_inherited(annotation, "/FT")) == "Sig":
            yield geometry.to_shown(rectangle)


# -- what ------------------------------------------------------------------------------------------


def draw(site: Site, appearance: Appearance, certificate: bytes, now: datetime, first_number: int) -> Drawing:
    """The form XObject for /AP: as large as the place in points, upright however the page is turned.

    Of `site` only the place and the turns count. The objects are numbered from `first_number` on.
    Raises: BadAppearance, BadCertificate.
    """
    width, height = site.place.width, site.place.height
    objects = Objects(first_number)
    resources: dict[str, Value] = {}
    content = b""
    if appearance.image is not None:
        content += _image(objects, appearance.image, site.place, resources)
    if appearance.text is not None:
        place = _container(appearance.text, appearance.position, site.place)
        shown = filled_text(appearance.text, certificate, now)
        drawn = _text(objects, resources, appearance.text, place, shown)
        content += b"q 1 0 0 1 %.4f %.4f cm\n%b\nQ\n" % (place.left, height - place.top, drawn)
    # The viewer lays the turned box over /Rect, so only the direction counts (12.5.5, algorithm 8.1).
    matrix = ((1, 0, 0, 1, 0, 0), (0, 1, -1, 0, height, 0), (-1, 0, 0, -1, width, height), (0, -1, 1, 0, 0, width))
    form: dict[str, Value] = {
        "Type": Name("XObject"),
        "Subtype": Name("Form"),
        "FormType": 1,
        "BBox": [0, 0, width, height],
        "Matrix": matrix[site.turns],
        "Resources": resources,
    }
    reference = objects.add_stream(form, content)
    return Drawing(tuple(objects.texts), reference.number)


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


def _text(objects: Objects, resources: dict[str, Value], text: AppearanceText, place: Place, shown: str) -> bytes:
    """`shown` from the top left corner of `place` downwards."""
    lines, size = _fitted("\n".join(map(fonts.spelled, shown.splitlines())), place, text.font_size)
    glyphs = fonts.Glyphs()
    share = {HorizontalAlign.LEFT: 0.0, HorizontalAlign.CENTER: 0.5, HorizontalAlign.RIGHT: 1.0}[text.horizontal_align]
    top = fonts.ascent(lines[0])
    parts = [b"BT 0 g"]
    for number, line in enumerate(lines):
        across = (place.width - fonts.width(line) * size) * share
        down = (top + number * fonts.LEADING) * size
        parts.append(b"1 0 0 1 %.2f %.2f Tm" % (across, -down))
        parts += [b"/%b %.2f Tf %b Tj" % (name.encode(), size, string) for name, string in glyphs.encoded(line)]
    fonts_used = glyphs.embed(objects)
    if fonts_used:
        resources["Font"] = fonts_used
    return b"\n".join([*parts, b"ET"])


def _fitted(text: str, place: Place, size: float) -> tuple[list[str], float]:
    """Lines that fit into `place`: as large as asked for, or smaller; cut when they would become unreadable."""
    smallest = min(size, _SMALLEST)
    while True:
        lines = fonts.broken(text, place.width / size)
        room = int(place.height / (fonts.LEADING * size) + 0.05)  # the last line needs no space below
        if len(lines) <= room:
            return lines, size
        if size <= smallest:
            kept = lines[: max(1, room)]
            return ([*kept[:-1], fonts.cut(kept[-1], place.width / size)] if len(kept) < len(lines) else kept), size
        size = max(smallest, size * _SHRINK)


def _image(objects: Objects, image: AppearanceImage, place: Place, resources: dict[str, Value]) -> bytes:
    """As large as the place allows, its proportions kept."""
    found = picture.read_picture(image, place)
    scale = min(place.width / found.width, place.height / found.height)
    width, height = found.width * scale, found.height * scale
    across = {HorizontalAlign.LEFT: 0.0, HorizontalAlign.CENTER: 0.5, HorizontalAlign.RIGHT: 1.0}[
        image.horizontal_align
    ]
    up = {VerticalAlign.BOTTOM: 0.0, VerticalAlign.CENTER: 0.5, VerticalAlign.TOP: 1.0}[image.vertical_align]
    resources["XObject"] = {"I": picture.embed(objects, found)}
    state = b""
    if image.opacity < 100:
        resources["ExtGState"] = {"G": {"ca": image.opacity / 100}}
        state = b"/G gs "
    x, y = (place.width - width) * across, (place.height - height) * up
    return b"q %b%.4f 0 0 %.4f %.4f %.4f cm /I Do Q\n" % (state, width, height, x, y)
