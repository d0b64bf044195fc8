"""Pictures and words of single pages, by PDFium: what the signer sees before he signs.

Runs in the limited workers only: PDFium is C++ that reads strangers' files. Pages are read one at a time, so that a
file of 2000 pages costs no more than one of two.
"""

from __future__ import annotations

import ctypes
import io
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
import pypdfium2.raw as pdfium

from signroom.domain.errors import PreviewNotAvailable
from signroom.ports.files import MAX_PAGE_TEXT, MAX_SIZES, Area, Occurrence, PagesOfASize, Search

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_PIXELS = 6_000_000
"""24 MB while it is drawn; 2000 pixels wide, an A4 page has 5.7 million."""
_SHADES = 256
_COMPRESSION = 3
"""Of 9. The default, 6, takes half as long again, for files that are hardly smaller."""
_QUALITY = 90
"""Of 95, with the colours of each pixel: a photograph as PNG would take ten times as long and three times the bytes."""
_SEARCH_SECONDS = 1.0
"""Of the processor, until a search gives what it has."""
_MAX_FOUND = 500
_MAX_LINES = 20
"""Of one occurrence."""
_STEPS = 10_000
"""PDFium tells places on a page in whole numbers."""


def render(file: Path, page: int, width: int) -> bytes:
    """PNG, or JPEG for photographs; `width` pixels wide, less for pages that would have too many pixels.

    Form fields and signatures are drawn as the file has them; no script of it runs. Raises: PreviewNotAvailable.
    """
    with _open(file, page) as shown:
        across, down = shown.get_size()
        if not (across > 0 and down > 0 and math.isfinite(across * down)):
            raise PreviewNotAvailable("The page has no size.")
        # PDFium's wrapper rounds up, and multiplying may already have.
        scale = min((width - 0.5) / across, math.sqrt(_MAX_PIXELS / (across * down)))
        if min(across, down) * scale < 1 or max(across, down) * scale > _MAX_PIXELS:
            raise PreviewNotAvailable("The page is a line.")
        return _encoded(shown.render(scale=scale, rev_byteorder=True).to_pil())


def text(file: Path, page: int) -> str:
    """The words in the order of the file. Raises: PreviewNotAvailable."""
    with _open(file, page) as shown:
        words = shown.get_textpage()
        found: str = words.get_text_range(count=min(words.count_chars(), MAX_PAGE_TEXT))
        return "".join(c for c in found.replace("\r\n", "\n") if c.isprintable() or c in "\n\t").strip()


def page_sizes(file: Path) -> tuple[PagesOfASize, ...]:
    """As the pages are shown; a page without a size has none (0 by 0). Raises: PreviewNotAvailable."""
    runs: list[PagesOfASize] = []
    with _document(file) as document:
        for page in range(len(document)):
            size = _size(document, page)
            last = runs[-1] if runs else PagesOfASize(0, -1, -1)
            if (last.width, last.height) == size or len(runs) == MAX_SIZES:
                runs[-1] = PagesOfASize(last.count + 1, last.width, last.height)
            else:
                runs.append(PagesOfASize(1, *size))
    return tuple(runs)


def find_words(file: Path, words: str, first_page: int) -> Search:
    """Upper and lower case are alike. A search that takes long, or finds much, goes on from `next_page`.

    Raises: PreviewNotAvailable.
    """
    found: list[Occurrence] = []
    until = time.process_time() + _SEARCH_SECONDS
    with _document(file) as document:
        for page in range(first_page, len(document)):
            if page > first_page and (time.process_time() > until or len(found) >= _MAX_FOUND):
                return Search(tuple(found), page)
            found += _on_page(document, page, words)
    return Search(tuple(found), None)


def _on_page(document: pypdfium2.PdfDocument, page: int, words: str) -> Iterator[Occurrence]:
    """A page that cannot be read has no words."""
    try:
        shown = document[page]
        text_page = shown.get_textpage()
    except pypdfium2.PdfiumError:
        return
    try:
        search = text_page.search(words)
        for _ in range(_MAX_FOUND):
            match = search.get_next()
            if match is None:
                break
            lines = min(text_page.count_rects(*match), _MAX_LINES)
            yield Occurrence(page, tuple(_area(shown, text_page.get_rect(line)) for line in range(lines)))
    finally:
        shown.close()


def _area(page: pypdfium2.PdfPage, box: tuple[float, float, float, float]) -> Area:
    """`box`: left, bottom, right and top on the page before it is rotated and cropped."""
    left, bottom, right, top = box
    (one, two), (three, four) = _on_paper(page, left, top), _on_paper(page, right, bottom)
    return Area(min(one, three), min(two, four), abs(three - one), abs(four - two))


def _on_paper(page: pypdfium2.PdfPage, across: float, up: float) -> tuple[float, float]:
    x, y = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, _STEPS, _STEPS, 0, across, up, x, y)
    return tuple(min(max(value / _STEPS, 0.0), 1.0) for value in (x.value, y.value))  # type: ignore[return-value]


def _size(document: pypdfium2.PdfDocument, page: int) -> tuple[float, float]:
    try:
        width, height = document.get_page_size(page)
    except pypdfium2.PdfiumError:
        return 0, 0
    if not (width > 0 and height > 0 and math.isfinite(width * height)):
        return 0, 0
    return round(width, 1), round(height, 1)


@contextmanager
def _open(file: Path, page: int) -> Iterator[pypdfium2.PdfPage]:
    with _document(file) as document:
        if page >= len(document):
            raise PreviewNotAvailable("There is no such page.")
        yield document[page]


@contextmanager
def _document(file: Path) -> Iterator[pypdfium2.PdfDocument]:
    try:
        with pypdfium2.PdfDocument(file) as document:
            document.init_forms()
            yield document
    except pypdfium2.PdfiumError as error:
        raise PreviewNotAvailable from error


def _encoded(picture: Image) -> bytes:
    """Without alpha. Of few colours as PNG, nothing lost, in shades of gray when there are no others; else as JPEG."""
    target = io.BytesIO()
    plain = picture.convert("RGB")
    colours = plain.getcolors(_SHADES)
    if colours is None:
        plain.save(target, "JPEG", quality=_QUALITY, subsampling=0)
        return target.getvalue()
    if all(_is_gray(colour) for _, colour in colours):
        plain = plain.convert("L")
    plain.save(target, "PNG", compress_level=_COMPRESSION)
    return target.getvalue()


def _is_gray(colour: object) -> bool:
    return isinstance(colour, tuple) and len(set(colour)) == 1
