"""Pictures of visible signatures: strangers' PNG and JPEG files, decoded with care and written as PDF images."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from signroom.domain.appearance import AppearanceImage, Place
from signroom.domain.errors import BadAppearance
from signroom.formats.malformed import UNDECODABLE
from signroom.formats.pdf.visible.writing import Name, Objects, Reference, Value

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 2 << 20
_MAX_PIXELS = 16_000_000
"""Some 64 MB decoded: a telephone's photograph, and not a bomb."""
_DOTS_PER_INCH = 300
_KINDS = ("PNG", "JPEG")


def read_picture(image: AppearanceImage, place: Place) -> Image:
    """The picture upright, 8 bits, as RGB or gray, with alpha or without; no finer than `place` can show in print.

    Raises: BadAppearance.
    """
    from PIL.Image import DecompressionBombError

    if len(image.content) > MAX_BYTES:
        raise BadAppearance(f"The image has more than {MAX_BYTES >> 20} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return _decoded(image.content, place)
    except (*UNDECODABLE, DecompressionBombError) as error:
        raise BadAppearance("The image cannot be read: a PNG or a JPEG is expected.") from error


def _decoded(content: bytes, place: Place) -> Image:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content), formats=_KINDS) as opened:
        # Only the header was read so far.
        if opened.width * opened.height > _MAX_PIXELS:
            raise BadAppearance(f"The image has more than {_MAX_PIXELS // 1_000_000} million pixels.")
        wanted = (place.width / 72 * _DOTS_PER_INCH, place.height / 72 * _DOTS_PER_INCH)
        opened.draft(None, (max(1, round(wanted[0])), max(1, round(wanted[1]))))  # a JPEG is decoded smaller at once
        opened.load()
        picture = ImageOps.exif_transpose(opened)
    picture = _eight_bits(picture)
    ratio = min(wanted[0] / picture.width, wanted[1] / picture.height)
    if ratio < 1:
        size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture


def _eight_bits(picture: Image) -> Image:
    """As RGB, RGBA, L or LA."""
    if picture.mode.startswith("I"):  # gray of 16 bits
        return picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.mode in {"1", "L"} and "transparency" not in picture.info:
        return picture.convert("L")
    if picture.mode == "LA":
        return picture
    transparent = "A" in picture.getbands() or "transparency" in picture.info
    return picture.convert("RGBA" if transparent else "RGB")


def embed(objects: Objects, picture: Image) -> Reference:
    """An image XObject (ISO 32000-1, 8.9.5). A picture that is opaque all over gets no mask: PDF/A-1 forbids them."""
    more: dict[str, Value] = {}
    if picture.mode in {"RGBA", "LA"}:
        if picture.getextrema()[-1] != (255, 255):
            more["SMask"] = embed(objects, picture.getchannel("A"))
        picture = picture.convert(picture.mode[:-1])
    return objects.add_stream(
        {
            "Type": Name("XObject"),
            "Subtype": Name("Image"),
            "Width": picture.width,
            "Height": picture.height,
            "ColorSpace": Name("DeviceGray" if picture.mode == "L" else "DeviceRGB"),
            "BitsPerComponent": 8,
            **more,
        },
        picture.tobytes(),
    )
