"""Pictures and words of single pages, by PDFium: what the signer sees before he signs.

Runs in the limited workers only: PDFium is C++ that reads strangers' files. Pages are read one at a time, so that a
file of 2000 pages costs no more than one of two.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2

from signroom.domain.errors import PreviewNotAvailable
from signroom.ports.files import MAX_PAGE_TEXT

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_PIXELS = 6_000_000
"""24 MB while it is drawn; 1600 pixels wide, an A4 page has 3.6 million."""
_SHADES = 256


def render(file: Path, page: int, width: int) -> bytes:
    """PNG, `width` pixels wide; less for pages so high that they would have too many pixels.

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
        return _png(shown.render(scale=scale, rev_byteorder=True).to_pil())


def text(file: Path, page: int) -> str:
    """The words in the order of the file. Raises: PreviewNotAvailable."""
    with _open(file, page) as shown:
        words = shown.get_textpage()
        found: str = words.get_text_range(count=min(words.count_chars(), MAX_PAGE_TEXT))
        return "".join(c for c in found.replace("\r\n", "\n") if c.isprintable() or c in "\n\t").strip()


@contextmanager
def _open(file: Path, page: int) -> Iterator[pypdfium2.PdfPage]:
    try:
        with pypdfium2.PdfDocument(file) as document:
            document.init_forms()
            if page >= len(document):
                raise PreviewNotAvailable("There is no such page.")
            yield document[page]
    except pypdfium2.PdfiumError as error:
        raise PreviewNotAvailable from error


def _png(picture: Image) -> bytes:
    """Without alpha, and in shades of gray when there are no others: a third of the bytes, nothing lost."""
    target = io.BytesIO()
    plain = picture.convert("RGB")
    colours = plain.getcolors(_SHADES)
    if colours is not None and all(_is_gray(colour) for _, colour in colours):
        plain = plain.convert("L")
    plain.save(target, "PNG")
    return target.getvalue()


def _is_gray(colour: object) -> bool:
    return isinstance(colour, tuple) and len(set(colour)) == 1
