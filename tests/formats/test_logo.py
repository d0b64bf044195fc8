"""Logos: what browsers of strangers will decode is decoded here first."""

from __future__ import annotations

import asyncio
import io
import os
import struct
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image

from signroom.domain.errors import BadLogo
from signroom.formats.logo import read_logo
from tests.sandbox.calls import WaitingPool


def picture(kind: str, size: tuple[int, int] = (80, 20), frames: int = 1) -> bytes:
    target = io.BytesIO()
    images = [Image.new("RGB", size, (23, 89 + 160 * n, 74)) for n in range(frames)]
    more = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(target, kind, **more)
    return target.getvalue()


def bomb() -> bytes:
    """A PNG header of 50,000 x 50,000 pixels."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("kind", "content_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)
def test_a_picture_is_what_its_bytes_say(kind: str, content_type: str) -> None:
    content = picture(kind)
    found = read_logo(content)

    assert (found.content_type, found.content) == (content_type, content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<html><script>alert(1)</script>",
        picture("GIF"),
        picture("PNG")[:-30],
        picture("PNG", (2001, 10)),
        picture("PNG", frames=2),
        picture("WEBP", frames=2),
        picture("PNG") + os.urandom(100 << 10),
        bomb(),
    ],
    ids=["empty", "svg", "html", "gif", "cut", "wide", "moving-png", "moving-webp", "large", "bomb"],
)
def test_what_cannot_be_shown_is_refused(content: bytes) -> None:
    with pytest.raises(BadLogo):
        read_logo(content)


@pytest.fixture
def pool() -> Iterator[WaitingPool]:
    pool = WaitingPool(workers=1)
    yield pool
    pool.close()


def test_a_logo_is_read_in_a_process_of_its_own(pool: WaitingPool) -> None:
    assert asyncio.run(pool.read_logo(pool.turn, picture("PNG"))).content_type == "image/png"
    with pytest.raises(BadLogo):
        asyncio.run(pool.read_logo(pool.turn, b"nothing"))
