"""Where a signature fills in a field that the file had before: there, and only there, a page may look otherwise.

MuPDF draws a picture of its own, with the word SIGN, into empty fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

LETTERS_OF_EMPTY_FIELDS = frozenset("SIGN")


@dataclass(frozen=True)
class Spot:
    """A part of a page as it is shown: fractions of its width and height, from the top left corner."""

    page: int
    """Index."""
    left: float
    top: float
    right: float
    bottom: float

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """One pixel more on each side: lines are drawn softly."""
        return (
            max(0, int(self.left * width) - 1),
            max(0, int(self.top * height) - 1),
            int(self.right * width) + 2,
            int(self.bottom * height) + 2,
        )


def spot_of(original: Path, output: Path) -> Spot | None:
    """The widget that was written again with a signature in it. None when there is none.

    Only `output` is opened: of some originals qpdf finds nothing. A field that was added, and no field of a file, has
    a name that begins with "Signature-".
    """
    import pikepdf

    length = original.stat().st_size
    try:
        with pikepdf.open(output, inherit_page_attributes=False) as pdf:
            places = pdf.get_xref_table()
            for index, page in enumerate(pdf.pages):
                for widget in page.obj.get("/Annots", ()):
                    if not isinstance(widget, pikepdf.Dictionary) or widget.objgen not in places:
                        continue
                    is_new = (places[widget.objgen].offset or 0) >= length
                    if is_new and _is_signed(widget) and not str(widget.get("/T")).startswith("Signature-"):
                        return _spot(index, page, widget)
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, RuntimeError):
        pass
    return None


def _is_signed(widget: Any) -> bool:
    return "/V" in widget and "/Contents" in widget["/V"]


def _spot(index: int, page: Any, widget: Any) -> Spot:
    box = [float(side) for side in page.cropbox]
    left, bottom, width, height = box[0], box[1], box[2] - box[0], box[3] - box[1]
    sides = [float(side) for side in widget["/Rect"]]
    across = sorted(((sides[0] - left) / width, (sides[2] - left) / width))
    up = sorted(((sides[1] - bottom) / height, (sides[3] - bottom) / height))
    down = [1 - up[1], 1 - up[0]]
    for _ in range(int(page.obj.get("/Rotate", 0)) // 90 % 4):
        across, down = [1 - down[1], 1 - down[0]], across
    return Spot(index, across[0], down[0], across[1], down[1])
