"""Long tables of names as sections of the site: error codes and settings, each with an anchor that is its name.

In ``docs/`` they are tables, which are short to write and which tests read. A reader of the site looks one up, by
search or by the address in an error answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

PAGES = ("docs/errors.md", "docs/settings.md")
_CODE = re.compile(r"^\| `(\w+)` \|.*\|$")
_SETTING = re.compile(r"^\| (`SIGNROOM_\w+`(?:, `SIGNROOM_\w+`)*) \|.*\|$")
_CELLS = re.compile(r"(?<!\\)\|")


def anchors_of(text: str) -> dict[str, str]:
    """The anchor of each name in the tables of `text`. Names that share a row share the anchor of the first."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        names = _names(line)
        found |= {name: names[0] for name in names if name not in found}
    return found


def tables_as_sections(text: str) -> str:
    """`text` with its tables of names as sections.

    A name that stands in two tables has its anchor in the first: error answers link to it.
    """
    return "\n".join(_lines(text.splitlines())) + "\n"


def _names(line: str) -> list[str]:
    setting, code = _SETTING.match(line), _CODE.match(line)
    if setting:
        return re.findall(r"\w+", setting[1])
    return [code[1]] if code else []


def _lines(lines: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    heads: list[str] = []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if after.startswith("|---"):
            heads = _cells(line)
        if not line.startswith("|"):
            heads = []
        names = _names(line)
        if heads[-1:] not in (["cure"], ["meaning"]):
            yield line
        elif names:
            cells = dict(zip(heads, _cells(line), strict=True))
            anchor = "" if names[0] in seen else f" {{ #{names[0]} }}"
            seen.add(names[0])
            yield f"### {', '.join(f'`{name}`' for name in names)}{anchor}\n"
            yield from _told(cells)
        elif "default" in heads and line.startswith("| "):
            yield "## All settings\n"


def _told(cells: dict[str, str]) -> Iterator[str]:
    if "default" in cells:
        yield f"**Default**: {cells['default']}\n\n{_sentence(cells['meaning'])}\n"
        return
    about = next(cell for head, cell in list(cells.items())[1:])
    status = "Status " if "HTTP" in cells else ""
    yield f"{status}{about}: {cells['meaning']}.\n\n**What to do**: {cells['cure']}.\n"


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip().strip("|"))]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
