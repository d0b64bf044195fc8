"""The built files of the signing page, from memory: some 300 KB, and a third of that again in gzip.

A name is looked up in a table that was made once, and never becomes a path: nothing else can be asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NAMED_BY_CONTENT = re.compile(r"-[A-Za-z0-9_-]{8}\.[a-z]+")
"""The end of names that the build makes from the content: another content has another name."""
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
"""A browser may keep it, and asks each time whether it is still the same."""


@dataclass(frozen=True, slots=True)
class Form:
    """A file as it is sent: as it is, or in gzip."""

    content: bytes
    etag: str
    """With its quotes, as the header has it. Each form has its own (RFC 9110, 8.8.3.3)."""
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page."""

    plain: Form
    packed: Form | None
    """None where gzip does not make it smaller."""
    media_type: str
    cache_control: str

    def form_for(self, accept_encoding: str) -> Form:
        """The smallest form that a client takes who sends this ``Accept-Encoding``."""
        return self.packed if self.packed is not None and _takes_gzip(accept_encoding) else self.plain


@cache
def read_assets(folder: Path) -> Mapping[str, Asset]:
    """The files in `folder` by their names; each is read and packed once."""
    return {file.name: _asset(file) for file in sorted(folder.iterdir()) if file.is_file()}


def holds(if_none_match: str, form: Form) -> bool:
    """True when a client who sends this ``If-None-Match`` has the form already."""
    return any(tag.strip().removeprefix("W/") in {form.etag, "*"} for tag in if_none_match.split(","))


def _asset(file: Path) -> Asset:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:32]
    packed = gzip.compress(content, 9, mtime=0)
    immutable = _NAMED_BY_CONTENT.search(file.name) is not None
    return Asset(
        plain=Form(content, f'"{digest}"'),
        packed=Form(packed, f'"{digest}-gzip"', "gzip") if len(packed) < len(content) else None,
        media_type=mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        cache_control=_FOR_EVER if immutable else _ASK_AGAIN,
    )


def _takes_gzip(accept_encoding: str) -> bool:
    for each in accept_encoding.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        if name == "gzip":
            return not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
    return False
