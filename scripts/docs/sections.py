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
_GROUPS = {
    "The request": "",
    "What is not there, or in another state": r"NotFound|InUse|Erased|Purged|InProcessing|Operation|NameTaken| 40[45]",
    "Limits": r" (413|414|431)|^(LimitExceeded|TooMany)",
    "Files": r"Pdf|Xml|Xfa|Cms|File|Data(Mismatch|Not)|NotSigned|EarlierSignature|Upload|Preview",
    "Signatures, timestamps and trust": r"^(.*Timestamp|.*Signature(Value|Policy|State)|SignedFile|.*SecurityContext"
    r"|Digest|BadPolicyList|BadTrustedList|Augmentation|Preparation|BadVisual)",
    "Certificates": r"^(Certificate|Other(Cpf|Person|Issuer|Policy)|Qualified|CryptoDevice|BadCertificate)",
    "Keys, tokens and rights": r" (401|403)|^(ApiKey|OwnApplication|\w*SignatureSessionToken|HandOver)",
    "Commands of an operator": r"\(.*commands|`signroom",
    "Outages": r" (503|429|408)",
    "Faults of the service": r" 500",
}
"""Groups of error codes in the order of the page. A code is in the last one whose pattern fits `CODE STATUS`."""
_OUTAGE = re.compile(r"503|429|408")
_ANOTHER_TIME = re.compile(r"\b(again|later|wait|when|nothing)\b")


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
    groups: dict[str, list[str]] = {}
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if after.startswith("|---"):
            heads = _cells(line)
        if not line.startswith("|"):
            heads = []
            yield from _grouped(groups)
            groups = {}
        names = _names(line)
        if heads[-1:] not in (["cure"], ["meaning"]):
            yield line
        elif names:
            cells = dict(zip(heads, _cells(line), strict=True))
            anchor = "" if names[0] in seen else f" {{ #{names[0]} }}"
            seen.add(names[0])
            section = [f"### {', '.join(f'`{name}`' for name in names)}{anchor}\n", *_told(cells)]
            if "HTTP" in cells:
                groups.setdefault(group_of(names[0], cells["HTTP"]), []).extend(section)
            else:
                yield from section
        elif "default" in heads and line.startswith("| "):
            yield "## All settings\n"
    yield from _grouped(groups)


def group_of(code: str, status: str) -> str:
    """The group of an error code on the site. `status` is what the table says of HTTP."""
    return [name for name, pattern in _GROUPS.items() if re.search(pattern, f"{code} {status}")][-1]


def _grouped(groups: dict[str, list[str]]) -> Iterator[str]:
    """A table of contents, then the sections of each group below its heading."""
    if not groups:
        return
    present = {name: "group-" + re.sub(r"\W+", "-", name.lower()) for name in _GROUPS if name in groups}
    yield "\n".join(f"- [{name}](#{anchor})" for name, anchor in present.items()) + "\n"
    for name, anchor in present.items():
        yield f"## {name} {{ #{anchor} }}\n"
        yield from groups[name]


def _told(cells: dict[str, str]) -> Iterator[str]:
    if "default" in cells:
        yield f"**Default**: {cells['default']}\n\n{_sentence(cells['meaning'])}\n"
        return
    about = next(cell for head, cell in list(cells.items())[1:])
    status = "Status " if "HTTP" in cells else ""
    yield f"{status}{about}: {cells['meaning']}.\n\n**What to do**: {cells['cure']}.\n"
    again = (
        "" if cells["meaning"].startswith("not in an answer") else _trying_again(cells.get("HTTP", ""), cells["cure"])
    )
    if again:
        yield f"**Trying again**: {again}.\n"


def _trying_again(status: str, cure: str) -> str:
    """Whether the same request may succeed later: `Unavailable` may, `Refused` does not, unless its row says more."""
    if _OUTAGE.search(status):
        return "may help. `Retry-After`, where the answer has it, says after how many seconds"
    if re.fullmatch(r"4\d\d", status) and not _ANOTHER_TIME.search(cure):
        return "does not help: the same request is refused again"
    return ""


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip().strip("|"))]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
