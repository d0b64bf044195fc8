"""The built files of the documentation site, as a table from address to file.

The table is made once, from what lies in the folder. An address is looked up in it and never becomes a path, so nothing
outside the folder can be asked for.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

BUILT = Path(__file__).parent / "site"
"""Where `make docs` puts the site. It is not committed; a wheel has it."""

MISSING = "404.html"
"""The page that is answered where there is none. Its links are absolute: it is shown at any address."""

_NAMED_BY_CONTENT = re.compile(r"\.[0-9a-f]{8}\.")
"""In names of files whose content never changes: another content has another name."""


@dataclass(frozen=True, slots=True)
class SiteFile:
    """One file of the site."""

    path: Path
    media_type: str
    etag: str
    """With its quotes, as the header has it."""
    immutable: bool

    @property
    def is_text(self) -> bool:
        """True when compression makes it smaller."""
        return self.media_type.startswith(("text/", "application/j")) or self.media_type.endswith("+xml")


@cache
def compressed(path: Path) -> bytes:
    """The file in gzip. Each is compressed once and kept: all of them are some 1.5 MB."""
    return gzip.compress(path.read_bytes(), mtime=0)


@dataclass(frozen=True, slots=True)
class Site:
    """A site that was built."""

    files: dict[str, SiteFile]
    """By address below ``/docs/``: ``guide/webhooks/`` is a page, ``assets/site.css`` a file."""
    policy: str
    """The Content-Security-Policy of its pages."""

    def find(self, address: str) -> SiteFile | None:
        """The file at `address`, or None."""
        return self.files.get(address)

    def is_page_without_slash(self, address: str) -> bool:
        """True when a page is meant whose address lacks the slash at its end. Links of pages are relative to it."""
        return f"{address}/" in self.files


def read_site(folder: Path = BUILT) -> Site | None:
    """Read what was built. None: nothing was.

    It reads each file once, some megabytes.
    """
    if not (folder / "index.html").is_file():
        return None
    files: dict[str, SiteFile] = {}
    scripts: set[str] = set()
    for path in sorted(_regular_files(folder)):
        content = path.read_bytes()
        files[_address(path.relative_to(folder))] = SiteFile(
            path=path,
            media_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            immutable=_NAMED_BY_CONTENT.search(path.name) is not None,
        )
        if path.suffix == ".html":
            scripts |= _inline_scripts(content.decode())
    return Site(files, _policy(scripts))


def _regular_files(folder: Path) -> Iterator[Path]:
    """No symbolic link: it could lead out of the folder."""
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _address(path: Path) -> str:
    address = path.as_posix()
    return address.removesuffix("index.html") if path.name == "index.html" else address


def _policy(scripts: set[str]) -> str:
    """Nothing from elsewhere. Of scripts inside pages only those that were built run, each by its digest.

    Styles inside pages count: the search window brings its own. No text of a stranger is on these pages.
    """
    allowed = " ".join(["'self'", *sorted(f"'sha256-{digest}'" for digest in scripts)])
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class _Scripts(HTMLParser):
    """Collects the digests of a page's inline scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.digests: set[str] = set()
        self._inside = False
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = tag == "script" and "src" not in given and given.get("type") != "application/json"
        self._parts = []

    def handle_data(self, data: str) -> None:
        if self._inside:
            self._parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            digest = hashlib.sha256("".join(self._parts).encode()).digest()
            self.digests.add(base64.b64encode(digest).decode("ascii"))
        self._inside = False


def _inline_scripts(html: str) -> set[str]:
    parser = _Scripts()
    parser.feed(html)
    parser.close()
    return parser.digests
