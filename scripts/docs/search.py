"""The index of the site's search: the guide is found first, and source text is not found at all.

The generator has no weights. Its search sorts what it finds: words in a title count most, those at its beginning more,
then words in the names above a page. So titles are written for the search.
"""

from __future__ import annotations

import re
from typing import Any

_GUIDE = ("guide/", "operate/", "signing/")
_INTEGRATE = "guide/"
_SOURCE_TEXT = re.compile(r"(examples|deploy)/.")
_DECISION = re.compile(r"decisions/(\d{4})-")


def for_readers(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The index with the guide first and the decisions last; of equal hits the search shows the first one first."""
    wanted = [_titled(item) for item in items if not _SOURCE_TEXT.match(item["location"])]
    return sorted(wanted, key=_place)


def _place(item: dict[str, Any]) -> int:
    location = item["location"]
    return 0 if location.startswith(_GUIDE) else 2 if _DECISION.match(location) else 1


def _titled(item: dict[str, Any]) -> dict[str, Any]:
    """A section for integrators is found by its page's name, too. A decision is found by its text alone."""
    decision = _DECISION.match(item["location"])
    if decision:
        name = f"Decision {int(decision[1])}"
        text = f"{item['text']} <p>{item['title']}</p>"
        return {**item, "title": name, "text": text, "path": ["How it is built", "Decisions", name]}
    if item["location"].startswith(_INTEGRATE) and item["level"] > 1:
        return {**item, "title": f"{item['path'][-1]}: {item['title']}"}
    return item
