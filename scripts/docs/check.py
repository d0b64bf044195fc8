"""Checks what was built: every link and anchor leads somewhere, and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

OF_THE_SERVICE = {"/docs/api", "/openapi.json"}
"""Addresses that the service answers beside the site."""
_BASE = "https://site.invalid/docs/"
_LOADS = {
    "audio": "src",
    "embed": "src",
    "form": "action",
    "iframe": "src",
    "img": "src",
    "input": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "src",
    "track": "src",
    "video": "src",
}
"""What a browser asks for by itself, or sends something to."""
_IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")\s]+)|@import\s+['\"]([^'\"]+)")


@dataclass
class _Page(HTMLParser):
    """What a page links to, what it loads, and which anchors it has."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        leads = tag == "a" or (tag == "link" and given.get("rel") in {"prev", "next"})
        if leads and "href" in given:
            self.links.append(given["href"])
        elif given.get(_LOADS.get(tag, "")):
            self.loads.append(given[_LOADS[tag]])
        if "srcset" in given:
            self.loads.extend(part.split()[0] for part in given["srcset"].split(","))


def check_site(folder: Path) -> list[str]:
    """What is wrong with the site in `folder`, one sentence for each. Empty: nothing."""
    pages = {}
    for file in sorted(folder.rglob("*.html")):
        pages[file] = _Page()
        pages[file].feed(file.read_text("utf-8"))
    anchors = {_address(folder, file): page.anchors for file, page in pages.items()}
    files = {_address(folder, file) for file in folder.rglob("*") if file.is_file()}
    wrong = []
    for file, page in pages.items():
        here = _address(folder, file)
        name = file.relative_to(folder).as_posix()
        wrong += [f"{name}: loads {load}" for load in page.loads if _is_foreign(here, load)]
        wrong += [f"{name}: {load} is not there" for load in page.loads if not _is_there(here, load, files)]
        wrong += [f"{name}: the link {link} leads nowhere" for link in page.links if _dead(here, link, files, anchors)]
    for style in sorted(folder.rglob("*.css")):
        asked = [first or second for first, second in _IN_STYLES.findall(style.read_text("utf-8"))]
        here = _address(folder, style)
        wrong += [f"{style.name}: loads {one}" for one in asked if _is_foreign(here, one)]
    return sorted(set(wrong))


def _address(folder: Path, file: Path) -> str:
    return urljoin(_BASE, file.relative_to(folder).as_posix().removesuffix("index.html"))


def _is_foreign(here: str, target: str) -> bool:
    parts = urlsplit(urljoin(here, target))
    return parts.scheme != "data" and parts.netloc != urlsplit(_BASE).netloc


def _is_there(here: str, target: str, files: set[str]) -> bool:
    parts = urlsplit(urljoin(here, target))
    return (
        parts.scheme == "data" or _is_foreign(here, target) or parts._replace(query="", fragment="").geturl() in files
    )


def _dead(here: str, link: str, files: set[str], anchors: dict[str, set[str]]) -> bool:
    """Links to other sites are not followed: nothing here depends on them."""
    parts = urlsplit(urljoin(here, link))
    if parts.scheme == "mailto" or _is_foreign(here, link):
        return parts.scheme not in {"https", "http", "mailto"}
    if parts.path in OF_THE_SERVICE:
        return False
    target = parts._replace(query="", fragment="").geturl()
    if target not in files:
        return True
    return bool(parts.fragment) and unquote(parts.fragment) not in anchors.get(target, set())
