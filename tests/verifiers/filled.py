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
    """The widget that both files have, and that is filled in `output`. None when there is none."""
    import pikepdf

    try:
        with (
            pikepdf.open(original, inherit_page_attributes=False) as old,
            pikepdf.open(output, inherit_page_attributes=False) as new,
        ):
            for index, page in enumerate(old.pages):
                for widget in page.obj.get("/Annots", ()):
                    if isinstance(widget, pikepdf.Dictionary) and widget.is_indirect and _is_filled(new, widget):
                        return _spot(index, page, widget)
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, RuntimeError):
        pass
    return None


def _is_filled(new: Any, widget: Any) -> bool:
    after = new.get_object(widget.objgen)
    return "/V" in after and "/Contents" in after["/V"] and "/V" not in widget


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
