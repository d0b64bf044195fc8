"""What a subscription may change about the signing page: its name, its logo, one colour. Nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from signroom.domain.errors import BadInput, LowContrast

MAX_NAME = 100
MAX_LOGO = 100 << 10
"""Bytes."""
MIN_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3."""
SURFACES, SURFACES_DARK = ("#ffffff", "#f3f5f4"), ("#1b2220", "#121716")
"""What the page writes on, as in its style sheet: ``--paper`` and ``--ground``."""
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Logo:
    """``content_type`` is what the bytes are, not what somebody said."""

    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Branding:
    """Colours are ``#rrggbb``, in lower case. None: as the page comes."""

    name: str | None = None
    accent: str | None = None
    accent_dark: str | None = None
    has_logo: bool = False


NO_BRANDING = Branding()


def new_branding(*, name: str | None, accent: str | None, accent_dark: str | None, has_logo: bool) -> Branding:
    """Raises: BadInput, LowContrast for a colour that people could not read."""
    light, dark = _colour(accent, SURFACES, "accent"), _colour(accent_dark, SURFACES_DARK, "accentDark")
    return Branding(_name(name), light, dark, has_logo)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _name(given: str | None) -> str | None:
    name = (given or "").strip()
    if len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"A name has at most {MAX_NAME} printable characters.", path="name")
    return name or None


def _colour(given: str | None, surfaces: tuple[str, ...], field: str) -> str | None:
    if not given:
        return None
    colour = given.lower()
    if not _COLOUR.fullmatch(colour):
        raise BadInput("A colour is written like #17594a.", path=field)
    ratio, surface = min((contrast(colour, surface), surface) for surface in surfaces)
    if ratio < MIN_CONTRAST:
        # Rounded down: 4.499 must not read like enough.
        shown = int(ratio * 100) / 100
        raise LowContrast(f"{colour} on {surface} has {shown}:1, and {MIN_CONTRAST}:1 is needed.", path=field)
    return colour


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2, "relative luminance")."""
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    linear: float = ((channel + 0.055) / 1.055) ** 2.4
    return channel / 12.92 if channel <= 0.04045 else linear
