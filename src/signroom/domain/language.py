"""Languages of the signing page, and how one is chosen (BCP 47 tags; ``Accept-Language`` as in RFC 9110, 12.5.4).

The signer's own wish wins over the session's language, and that over his browser's. A session's language is what its
application said, or what the application's own request asked for: ``*``, which some libraries send by themselves, asks
for nothing.
"""

from __future__ import annotations

LANGUAGES = ("en", "pt-BR", "es")
DEFAULT = "en"
_MAX_HEADER = 1000


def known_language(tag: str) -> str | None:
    """The language of ours that `tag` means: ``pt`` and ``pt-PT`` are ``pt-BR`` here, ``es-MX`` is ``es``."""
    primary = tag.strip().split("-")[0].lower()
    return next((language for language in LANGUAGES if language.split("-")[0] == primary), None)


def preferred_language(header: str | None) -> str | None:
    """The first of ours that an ``Accept-Language`` prefers; None when it asks for none of them."""
    ranked = [_range(part) for part in (header or "")[:_MAX_HEADER].split(",")]
    wanted = sorted((r for r in ranked if r[1] > 0), key=lambda r: -r[1])  # a stable sort: the header's order decides
    return next((found for tag, _ in wanted if (found := known_language(tag)) is not None), None)


def _range(part: str) -> tuple[str, float]:
    tag, *parameters = part.split(";")
    weight = next((p.strip()[2:] for p in parameters if p.strip().lower().startswith("q=")), "1")
    try:
        return tag, float(weight)
    except ValueError:
        return tag, 0.0
