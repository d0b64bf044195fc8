"""The name that a downloaded file suggests for itself."""

from __future__ import annotations

import re
from urllib.parse import unquote

MAX_NAME = 255
_MAX_HEADER = 8192
# RFC 9110, 5.6.6, and what is sent instead: unquoted values with spaces, a missing disposition type.
_PARAMETER = re.compile(r"(?:^|;)\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;\"]*)", re.ASCII)
_EXTENDED = re.compile(r"(?P<charset>[\w-]+)'[^']*'(?P<value>.*)", re.ASCII)
_CHARSETS = {"utf-8": "utf-8", "iso-8859-1": "iso-8859-1"}


def suggested_name(disposition: bytes | None, path: str) -> str | None:
    """``filename*``, else ``filename`` of a ``Content-Disposition`` (RFC 6266, 4.3), else the end of `path`.

    The last part only, printable, at most 255 characters; None when nothing is left.
    """
    found = _parameters(disposition[:_MAX_HEADER]) if disposition else {}
    candidates = (_extended(found.get("filename*", "")), found.get("filename"), unquote(path.partition("?")[0]))
    return next((name for text in candidates if text and (name := _label(text))), None)


def _parameters(header: bytes) -> dict[str, str]:
    try:
        text = header.decode()
    except UnicodeDecodeError:
        text = header.decode("iso-8859-1")
    found: dict[str, str] = {}
    for name, value in _PARAMETER.findall(text):
        plain = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value.strip()
        found.setdefault(name.lower(), plain)
    return found


def _extended(value: str) -> str | None:
    """RFC 8187, 3.2.1; None for what is not one, or in another charset."""
    found = _EXTENDED.fullmatch(value)
    charset = _CHARSETS.get(found["charset"].lower()) if found else None
    if found is None or charset is None:
        return None
    try:
        return unquote(found["value"], charset, errors="strict")
    except UnicodeDecodeError:
        return None


def _label(text: str) -> str | None:
    last = text.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(c for c in last if c.isprintable()).strip()
    if clean in {"", ".", ".."}:
        return None
    stem, dot, extension = clean.rpartition(".")
    suffix = f".{extension}" if dot and stem and len(extension) <= 10 else ""
    return clean if len(clean) <= MAX_NAME else clean[: MAX_NAME - len(suffix)] + suffix
