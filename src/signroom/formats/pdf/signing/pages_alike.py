"""What pages show before and after an update, by PDFium: pixels and words must be the same.

The first page, the last, and the one with the signature are compared, outside of the signature's rectangle; of a file
whose objects an update lists anew the others, too.
"""

from __future__ import annotations

import ctypes
import io
import math
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pikepdf
import pypdfium2
from pypdfium2.internal import BitmapTypeToNChannels

from signroom.domain.errors import InvalidPdf
from signroom.domain.pdf_facts import PdfFacts, SignatureSite
from signroom.formats.pdf.earlier.embedded import form_fields, place_of
from signroom.formats.pdf.reading.view import View
from signroom.ports.files import SMALL

_LONGEST_SIDE = 700
"""Pixels: letters of a page of A4 can be told apart."""
_MAX_TEXT = 200_000
_MOST_PAGES = 50
_BUFFER = 1 << 16
_WHITE = (255, 255, 255, 255)
"""Also of a page that says no colour."""


def require_same_pages(
    file: Path,
    update: bytes,
    site: SignatureSite | None,
    *,
    pages: int | None = None,
    added: int = 0,
    more: bool = False,
) -> None:
    """Compare `file` with `file` and `update` behind it, which adds `added` pages.

    The first page, the last, and the one of `site`; with `more` also those between, up to a number. `pages` is how
    many signers are told of: the file has no page beyond that could be shown.

    Raises: InvalidPdf when a page would look different.
    """
    with (
        _followed_by(file, b"") as plain,
        _followed_by(file, update) as longer,
        _opened(plain) as before,
        _opened(longer) as after,
    ):
        if len(before) + added != len(after):
            raise InvalidPdf("Programs do not agree on how many pages it has.")
        if pages is not None and len(before) > pages and _can_show_more(before, pages):
            raise InvalidPdf("Programs do not agree on how many pages it has.")
        last = len(before) - 1
        wanted = {0, last, 0 if site is None else min(site.page, last)}
        for index in sorted(wanted | set(range(min(last, _MOST_PAGES) if more else 0))):
            # Twice: with a font that it has to replace PDFium draws a page otherwise the first time.
            if all(_seen(before, site, index) != _seen(after, site, index) for _ in range(2)):
                raise InvalidPdf(f"Page {index + 1} would look different once it is signed: the file is ambiguous.")


class _Paper(pypdfium2.PdfBitmap):  # type: ignore[misc]  # the library says no types
    """A bitmap that is white from the beginning. PDFium colours pixel by pixel, which takes longer than to draw a
    simple page.

    Its bytes stay when it is closed, and are compared where they are: a copy of them takes as long again.
    """

    octets: bytearray
    """The pixels, row by row."""
    _is_white = True

    @classmethod
    def new_white(cls, width: int, height: int, format: int, **more: bool) -> _Paper:
        """For `PdfPage.render`."""
        octets = bytearray(b"\xff") * (width * height * BitmapTypeToNChannels[format])
        buffer = (ctypes.c_ubyte * len(octets)).from_buffer(octets)
        paper: _Paper = cls.new_native(width, height, format, buffer=buffer, **more)
        paper.octets = octets
        return paper

    def fill_rect(self, color: tuple[int, int, int, int], left: int, top: int, width: int, height: int) -> None:
        is_whole = (left, top, width, height) == (0, 0, self.width, self.height)
        if not (self._is_white and is_whole and color == _WHITE):
            super().fill_rect(color, left, top, width, height)
        self._is_white = False


def _can_show_more(document: pypdfium2.PdfDocument, pages: int) -> bool:
    """More than so many pages can be opened. What a file claims to have is no page."""
    shown = 0
    for index in range(min(len(document), pages + _MOST_PAGES)):
        with suppress(pypdfium2.PdfiumError), closing(document[index]):
            shown += 1
    return shown > pages


def require_followed(file: Path, update: bytes) -> None:
    """qpdf opens `file` with `update` behind it, and finds pages: the next signature needs that. Raises: InvalidPdf."""
    with _followed_by(file, update) as longer:
        try:
            with pikepdf.open(longer, inherit_page_attributes=False) as pdf:
                pages = len(pdf.pages)
        except pikepdf.PdfError as error:
            raise InvalidPdf("Programs cannot follow it once something is appended.") from error
    if not pages:
        raise InvalidPdf("It leads to no page once something is appended.")


def require_filled(file: Path, update: bytes, facts: PdfFacts) -> None:
    """With `update` behind `file` the form has the signature in the field that was meant, and only there.

    Raises: InvalidPdf.
    """
    fills = facts.fills
    if fills is None:
        return
    with _followed_by(file, update) as longer, pikepdf.open(longer, inherit_page_attributes=False) as pdf:
        found = [one for one in form_fields(pdf) if place_of(one.value) == (facts.signature_number, 0)]
        if [(one.name, place_of(one.node)) for one in found] != [(fills.name, (fills.number, fills.generation))]:
            raise InvalidPdf("Programs do not agree on which signature field is empty.")


@contextmanager
def _followed_by(file: Path, end: bytes) -> Iterator[BinaryIO]:
    """The bytes of `file`, and `end` behind them. A small file is read at once: readers ask for few bytes at a time."""
    with file.open("rb") as stream:
        length = os.fstat(stream.fileno()).st_size
        if length <= SMALL:
            yield io.BytesIO(stream.read(length) + end)
        else:
            with io.BufferedReader(View(stream.fileno(), 0, length, end), _BUFFER) as view:
                yield view


@contextmanager
def _opened(stream: BinaryIO) -> Iterator[pypdfium2.PdfDocument]:
    try:
        with pypdfium2.PdfDocument(stream.getvalue() if isinstance(stream, io.BytesIO) else stream) as document:
            document.init_forms()
            yield document
    except pypdfium2.PdfiumError as error:
        raise InvalidPdf("It cannot be shown.") from error


def _seen(document: pypdfium2.PdfDocument, site: SignatureSite | None, index: int) -> tuple[object, ...]:
    """What can be seen of a page; nothing of one that cannot be shown."""
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return ()
    with closing(page):
        across, down = page.get_size()
        longest = max(across, down)
        if not (longest > 0 and math.isfinite(longest)):
            return (across, down)
        scale = _LONGEST_SIDE / longest
        with closing(page.render(scale=scale, bitmap_maker=_Paper.new_white)) as paper:
            pixels = _pixels(paper, site if site is not None and site.page == index else None, scale)
        with closing(page.get_textpage()) as words:
            text = words.get_text_range(count=min(words.count_chars(), _MAX_TEXT)) if words.count_chars() else ""
        return across, down, pixels, text


def _pixels(paper: _Paper, site: SignatureSite | None, scale: float) -> bytes | bytearray:
    """Of the picture, whose pixels are always of the same format; white where `site` is."""
    if site is None:
        return paper.octets
    picture = paper.to_pil()
    box = (site.left, site.top, site.left + site.width, site.top + site.height)
    picture.paste((255, 255, 255), tuple(_around(side * scale, upper=k > 1) for k, side in enumerate(box)))
    return bytes(picture.tobytes())


def _around(side: float, *, upper: bool) -> int:
    return math.ceil(side) + 1 if upper else max(0, math.floor(side) - 1)
