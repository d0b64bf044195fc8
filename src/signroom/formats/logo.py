"""Logos of the signing page: strangers' pictures that browsers of strangers will decode."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from signroom.domain.branding import MAX_LOGO, Logo
from signroom.domain.errors import BadLogo
from signroom.formats.malformed import UNDECODABLE

if TYPE_CHECKING:
    from PIL import ImageFile

MAX_SIDE = 2000
"""Pixels."""
_KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def read_logo(content: bytes) -> Logo:
    """Raises: BadLogo unless all of the picture can be decoded, and it stands still."""
    from PIL import Image

    if not 0 < len(content) <= MAX_LOGO:
        raise BadLogo
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content), formats=tuple(_KINDS)) as picture:
                _require_showable(picture)
                picture.load()
                return Logo(content, _KINDS[picture.format or ""])
    except (*UNDECODABLE, Image.DecompressionBombError) as error:
        raise BadLogo("It cannot be read.") from error


def _require_showable(picture: ImageFile.ImageFile) -> None:
    """Before it is decoded: only the header was read so far."""
    if max(picture.size) > MAX_SIDE:
        raise BadLogo(f"It is more than {MAX_SIDE} pixels wide or high.")
    if getattr(picture, "n_frames", 1) > 1:  # people may have asked for less motion
        raise BadLogo("It moves.")
