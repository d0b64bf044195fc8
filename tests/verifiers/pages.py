"""What three readers show of a PDF: the text and the pixels of each page.

PDFium is in Chromium, poppler in the Linux desktops, MuPDF in many phones. They share no code.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from tests.verifiers.filled import LETTERS_OF_EMPTY_FIELDS, Spot
from tests.verifiers.limits import run

MOST = 50
"""Pages that are looked at."""
_DPI = 40


@dataclass(frozen=True)
class Page:
    text: str
    pixels: str
    """The digest of the picture."""


@dataclass(frozen=True)
class Shown:
    """What one reader shows."""

    pages: tuple[Page, ...] = ()
    """Empty when the reader cannot open the file, or shows no page of it."""
    complaint: str = ""
    """What it said about the file while it drew it."""
    too_slow: bool = False
    """Its time was over: nothing can be said."""
    gave_up: bool = False
    """It ended with an error: of the pages behind the last one nothing can be said."""


def pdfium(file: Path, *, most: int = MOST, dpi: int = _DPI, without: Spot | None = None) -> Shown:
    """In this process: a file that makes PDFium crash ends it. What is in `without` is not looked at."""
    import pypdfium2

    found = []
    try:
        document = pypdfium2.PdfDocument(file)
        try:
            document.init_forms()
            for number in range(min(len(document), most)):
                page = document[number]
                picture = page.render(scale=dpi / 72, may_draw_forms=True)
                text = page.get_textpage().get_text_bounded()
                seen = bytes(picture.buffer)
                if without is not None and without.page == number:
                    seen = _covered(picture.to_pil().convert("RGB"), without)
                found.append(Page(text, hashlib.sha256(seen).hexdigest()))
        finally:
            document.close()
    except (pypdfium2.PdfiumError, MemoryError) as error:  # the second one for a page of square miles
        return Shown(tuple(found), complaint=str(error) or "MemoryError", gave_up=True)
    return Shown(tuple(found))


def poppler(file: Path, *, most: int = MOST, dpi: int = _DPI, without: Spot | None = None) -> Shown:
    return _drawn(
        lambda folder: ("pdftoppm", "-r", str(dpi), "-l", str(most), str(file), str(folder / "page")),
        ("pdftotext", "-l", str(most), "-enc", "UTF-8", str(file), "-"),
        without,
    )


def mupdf(file: Path, *, most: int = MOST, dpi: int = _DPI, without: Spot | None = None) -> Shown:
    pages = f"1-{most}"
    return _drawn(
        lambda folder: ("mutool", "draw", "-q", "-r", str(dpi), "-o", str(folder / "page-%03d.ppm"), str(file), pages),
        ("mutool", "draw", "-q", "-F", "txt", "-o", "-", str(file), pages),
        without,
    )


class Reader(Protocol):
    def __call__(self, file: Path, *, most: int = MOST, dpi: int = _DPI, without: Spot | None = None) -> Shown: ...


READERS_APART: dict[str, Reader] = {"poppler": poppler, "MuPDF": mupdf}
"""Those that are processes of their own."""
READERS: dict[str, Reader] = {"PDFium": pdfium, **READERS_APART}


def _drawn(draw: Callable[[Path], tuple[str, ...]], read: tuple[str, ...], without: Spot | None) -> Shown:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawing = run(*draw(folder))
        pictures = [
            hashlib.sha256(_seen(picture, None if without is None or without.page != index else without)).hexdigest()
            for index, picture in enumerate(sorted(folder.iterdir()))
        ]
    reading = run(*read)
    texts = reading.out.decode("utf-8", "replace").split("\f")
    texts += [""] * (len(pictures) - len(texts))
    return Shown(
        tuple(Page(text, picture) for text, picture in zip(texts, pictures, strict=False)),
        complaint="\n".join(_complaints((drawing.err + reading.err).decode("utf-8", "replace"))),
        too_slow=drawing.code is None or reading.code is None,
        gave_up=bool(drawing.code),
    )


def _seen(picture: Path, without: Spot | None) -> bytes:
    if without is None:
        return picture.read_bytes()
    with Image.open(picture) as opened:
        return _covered(opened.convert("RGB"), without)


def _covered(picture: Image.Image, spot: Spot) -> bytes:
    picture.paste((0, 0, 0), spot.pixels(*picture.size))
    return picture.tobytes()


def _complaints(said: str) -> list[str]:
    """Lines about the file; MuPDF also says what it was built without."""
    return [line for line in said.splitlines() if line.strip() and "ICC support is not available" not in line]


def differences(before: Shown, after: Shown, without: Spot | None = None) -> list[str]:
    """What a reader shows otherwise than before. Nothing is asked of one that could not show the file before.

    MuPDF mends a table while it draws, and then does not find the next page. It finds it once the table is mended.
    On the page of `without` there may be more words than before.
    """
    if before.too_slow or after.too_slow or not before.pages:
        return []
    if len(before.pages) != len(after.pages) and not (before.gave_up and len(before.pages) < len(after.pages)):
        return [f"{len(after.pages)} pages instead of {len(before.pages)}"]
    found = []
    for number, (old, new) in enumerate(zip(before.pages, after.pages, strict=False), 1):
        if old.pixels != new.pixels:
            found.append(f"page {number} looks otherwise")
        more = without is not None and without.page == number - 1
        lost = Counter(old.text.split()) - Counter(new.text.split())
        if set("".join(lost)) - LETTERS_OF_EMPTY_FIELDS if more else old.text != new.text:
            found.append(f"page {number} has another text")
    return found
