"""Whether pages look the same in two revisions of a file: PDFium draws both, and the pixels are compared.

Inside the rectangles of signatures, of fields that were filled in and of comments they may differ. A comment may be
added to what a page shows, not laid over it: under it the old picture must still be recognised.
"""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pikepdf
import pypdfium2
from PIL import Image, ImageChops, ImageDraw, ImageStat
from pypdfium2 import raw
from pypdfium2.internal import set_callback

from signroom.formats.pdf.earlier.comparison import Changes, Rectangle
from signroom.formats.pdf.earlier.embedded import elements, inherited, listed, numbers_of, pages, place_of
from signroom.formats.pdf.earlier.places import Place
from signroom.formats.pdf.earlier.sameness import TooMuch
from signroom.formats.pdf.earlier.window import revision

if TYPE_CHECKING:
    from signroom.formats.pdf.reading.syntax import Buffer

_MAX_PAGES = 50
_PIXELS = 500_000
"""Of a page: 600 by 840 or so, one pixel for each point of A4."""
_MARGIN = 2
"""Pixels around a rectangle that lines of its border may touch."""
_SEEN = 8
"""Of 255: a difference that is smaller is not seen."""
_TILE = 16
_INK = 12.0
"""Standard deviation of a tile that shows something."""
_LIKE = 0.35
"""Correlation of the old and the new picture of a tile: a mark over a text leaves 0.5 or more, another text about 0."""
_MAX_GRAPH = 400_000
_DRAWN = ("/Contents", "/Resources", "/Group")
_NOTE = "/Text"
_SMALL = 40.0
"""Points: the icon of a note, which may lie anywhere."""


@dataclass(frozen=True, slots=True)
class _Page:
    """A page to be compared, and where it may differ: in points."""

    index: int
    anything: tuple[Rectangle, ...]
    comments: tuple[Rectangle, ...]


def look_alike(
    buffer: Buffer, end: int, old: pikepdf.Pdf, new: pikepdf.Pdf, changes: Changes, *, deadline: float
) -> bool:
    """Whether the pages that `changes` may have reached look as they did in the bytes before `end`.

    Args:
        deadline: of the process's own clock, `time.process_time`.

    Raises: TooMuch when there are more such pages than can be compared.
    """
    wanted = list(_in_doubt(old, new, changes))
    if not wanted:
        return True
    must = [page for page, is_proven in wanted if not is_proven]
    if len(must) > _MAX_PAGES:
        raise TooMuch
    order = must + [page for page, is_proven in wanted if is_proven][: _MAX_PAGES - len(must)]
    with _drawn(buffer, end) as first, _drawn(buffer, len(buffer)) as second:
        if len(first) != len(second):
            return False
        for number, page in enumerate(order):
            if time.process_time() > deadline:
                if number < len(must):
                    raise TooMuch
                return True
            if page.index < len(first) and not _same_page(first, second, page, deadline):
                return False
    return True


# -- which pages -----------------------------------------------------------------------------------


def _in_doubt(old: pikepdf.Pdf, new: pikepdf.Pdf, changes: Changes) -> Iterator[tuple[_Page, bool]]:
    """Pages that may look different; True beside those for which the rules already prove that they do not.

    A signature field alone changes nothing outside of its rectangle (ISO 32000-1, 12.5.5).
    """
    if not (changes.spots or changes.redrawn or changes.shared or changes.rectangles):
        return
    graph = _Graph(new, changes.shared)
    for index, (before, after) in enumerate(zip(pages(old), pages(new), strict=False)):
        lists = before.get("/Annots"), after.get("/Annots")
        places = {place for one in lists for place in listed(one) if isinstance(place, tuple)}
        spots = places & changes.spots
        inside = changes.rectangles.get(place_of(after) or (0, 0), [])
        is_reached = graph.reaches(after) or bool(places & (changes.redrawn | changes.comments)) or bool(inside)
        if is_reached or spots:
            annotations = [one for found in lists for one in elements(found)]
            notes = _small_notes(annotations, changes.comments)
            comments = changes.comments - notes
            free = (changes.spots | changes.signatures) - comments - changes.redrawn
            yield (
                _Page(
                    index,
                    tuple(_rectangles(annotations, free)),
                    (*_rectangles(annotations, comments), *inside),
                ),
                not is_reached,
            )


def _rectangles(annotations: Iterable[Any], places: set[Place]) -> Iterator[Rectangle]:
    for one in annotations:
        if place_of(one) in places and isinstance(one, pikepdf.Dictionary):
            yield numbers_of(one.get("/Rect"))


def _small_notes(annotations: Iterable[Any], comments: set[Place]) -> set[Place]:
    """Icons of notes, which may lie anywhere, and the windows that readers open for comments."""
    found: set[Place] = set()
    for one in annotations:
        place = place_of(one)
        if place in comments and isinstance(one, pikepdf.Dictionary):
            sides = numbers_of(one.get("/Rect"))
            is_small = len(sides) == 4 and max(abs(sides[2] - sides[0]), abs(sides[3] - sides[1])) <= _SMALL
            if one.get("/Subtype") == "/Popup" or (one.get("/Subtype") == _NOTE and is_small):
                found.add(place)
    return found


class _Graph:
    """What pages draw with, as far as it leads to some objects that were changed."""

    def __init__(self, pdf: pikepdf.Pdf, wanted: set[Place]) -> None:
        self._pdf = pdf
        self._wanted = wanted
        self._clean: set[Place] = set()
        self._left = _MAX_GRAPH

    def reaches(self, page: Any) -> bool:
        if not self._wanted:
            return False
        start = [inherited(page, key) for key in _DRAWN]
        annotations = page.get("/Annots")
        if place_of(annotations) in self._wanted:
            return True
        start += [one.get("/AP") for one in elements(annotations) if isinstance(one, pikepdf.Dictionary)]
        seen: set[Place] = set()
        if any(self._reach(value, seen) for value in start):
            return True
        self._clean |= seen
        return False

    def _reach(self, value: Any, seen: set[Place]) -> bool:
        waiting = [value]
        while waiting:
            found = waiting.pop()
            self._left -= 1
            if self._left < 0:
                raise TooMuch
            place = place_of(found)
            if place is not None:
                if place in self._wanted:
                    return True
                if place in seen or place in self._clean:
                    continue
                seen.add(place)
            if isinstance(found, pikepdf.Stream):
                found = found.stream_dict
            if isinstance(found, pikepdf.Dictionary):
                if str(found.get("/Type", "")) in {"/Page", "/Pages", "/Catalog"}:
                    continue
                waiting += [found[key] for key in found.keys() if key not in {"/Parent", "/P"}]  # noqa: SIM118
            elif isinstance(found, pikepdf.Array):
                if len(found) > 64 and not any(isinstance(one, pikepdf.Object) for one in found):
                    continue
                waiting += list(found)
        return False


# -- pictures --------------------------------------------------------------------------------------


@contextmanager
def _drawn(buffer: Buffer, end: int) -> Iterator[pypdfium2.PdfDocument]:
    """A file that PDFium cannot read is one that cannot be compared.

    Raises: TooMuch.
    """
    try:
        document = pypdfium2.PdfDocument(revision(buffer, end), autoclose=False)
    except pypdfium2.PdfiumError as error:
        raise TooMuch from error
    with document:
        document.init_forms()
        yield document


def _same_page(first: pypdfium2.PdfDocument, second: pypdfium2.PdfDocument, wanted: _Page, deadline: float) -> bool:
    """Raises: TooMuch when the page cannot be drawn in time."""
    try:
        before, after = first[wanted.index], second[wanted.index]
        if before.get_size() != after.get_size():
            return False
        size = _pixels(*before.get_size())
        if size is None:  # nothing can be seen of it
            return True
        old, new = _picture(first, before, size, deadline), _picture(second, after, size, deadline)
    except pypdfium2.PdfiumError as error:
        raise TooMuch from error
    free = [_on_picture(after, rectangle, size) for rectangle in wanted.anything if len(rectangle) == 4]
    notes = [_on_picture(after, rectangle, size) for rectangle in wanted.comments if len(rectangle) == 4]
    red, green, blue = ImageChops.difference(old, new).split()
    difference = ImageChops.lighter(ImageChops.lighter(red, green), blue).point([0] * _SEEN + [255] * (256 - _SEEN))
    draw = ImageDraw.Draw(difference)
    for box in free:
        draw.rectangle(box, fill=0)
    return _under_notes(old, new, difference, notes) and _outside(difference, notes)


def _pixels(across: float, down: float) -> tuple[int, int] | None:
    if not (across > 0 and down > 0 and math.isfinite(across * down)):
        return None
    scale = min(1.0, math.sqrt(_PIXELS / (across * down)))
    size = math.ceil(across * scale), math.ceil(down * scale)
    return size if max(size) <= _PIXELS else None


def _picture(
    document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage, size: tuple[int, int], deadline: float
) -> Image.Image:
    """The page with its annotations and fields. Raises: TooMuch when it takes too long."""
    bitmap = pypdfium2.PdfBitmap.new_native(*size, raw.FPDFBitmap_BGRx, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    pause = raw.IFSDK_PAUSE(version=1)
    set_callback(pause, "NeedToPauseNow", lambda _: time.process_time() > deadline)
    flags = raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER
    where = bitmap, page, 0, 0, *size, 0, flags
    status = raw.FPDF_RenderPageBitmap_Start(*where, pause)
    raw.FPDF_RenderPage_Close(page)
    if status != raw.FPDF_RENDER_DONE:
        raise TooMuch
    if document.formenv:
        raw.FPDF_FFLDraw(document.formenv, *where)
    picture: Image.Image = bitmap.to_pil().convert("RGB")
    return picture


def _outside(difference: Image.Image, notes: list[tuple[int, int, int, int]]) -> bool:
    draw = ImageDraw.Draw(difference)
    for box in notes:
        draw.rectangle(box, fill=0)
    return difference.getbbox() is None


def _under_notes(
    old: Image.Image, new: Image.Image, difference: Image.Image, notes: list[tuple[int, int, int, int]]
) -> bool:
    """Whether what a page showed where a comment lies now is still seen, tile by tile."""
    if not notes:
        return True
    before, after = old.convert("L"), new.convert("L")
    for left, top, right, bottom in notes:
        for x in range(max(0, left), min(right, old.width), _TILE):
            for y in range(max(0, top), min(bottom, old.height), _TILE):
                box = (x, y, min(x + _TILE, old.width), min(y + _TILE, old.height))
                if difference.crop(box).getbbox() is not None and not _is_recognised(before.crop(box), after.crop(box)):
                    return False
    return True


def _is_recognised(old: Image.Image, new: Image.Image) -> bool:
    first, second = ImageStat.Stat(old), ImageStat.Stat(new)
    if first.stddev[0] < _INK:
        return True
    if second.stddev[0] < 1:
        return False
    product = ImageStat.Stat(ImageChops.multiply(old, new)).mean[0] * 255
    correlation = (product - first.mean[0] * second.mean[0]) / (first.stddev[0] * second.stddev[0])
    return bool(correlation >= _LIKE)


def _on_picture(page: pypdfium2.PdfPage, rectangle: Rectangle, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A rectangle of the page as left, top, right, bottom of its picture, a little larger."""
    corners = []
    for x, y in ((rectangle[0], rectangle[1]), (rectangle[2], rectangle[3])):
        across, down = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
        corners.append((across.value, down.value))
    (x1, y1), (x2, y2) = corners
    return min(x1, x2) - _MARGIN, min(y1, y2) - _MARGIN, max(x1, x2) + _MARGIN, max(y1, y2) + _MARGIN
