"""Gathers the pages of the site from the repository, in the form that the generator reads.

The pages in ``docs/`` are written for readers of the repository: they link to files of any kind. A file outside
``docs/`` that a page links to becomes a page of the site, too, so that no link leads out of it.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scripts.docs import sections

PAGES_OF_THE_ROOT = ("CHANGELOG.md", "CONTRIBUTING.md", "client/README.md", "examples/README.md")
_PICTURES = {".png", ".svg", ".css"}
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".toml": "toml", ".env": "ini", ".conf": "nginx", ".service": "ini"}
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_LIST = re.compile(r"(?:[-*]|\d+\.) ")
_FENCE = re.compile(r"^ *(```|~~~)")
_INLINE_CODE = re.compile(r"(?<![\[`])`(\w+)`(?![\]`])")
_LEADS = re.compile(r"^\*\*(What can go wrong)\.\*\* ", re.MULTILINE)
_EXPLAINS = re.compile(
    r"docs/(guide|operate|signing)/|docs/(idempotency|jobs|monitoring|preflight|retention|security)\.md"
)
"""Pages where an error's code and a setting's name are links to their explanations."""


class DeadLink(Exception):
    """A page links to a file that is not there."""


@dataclass
class Gathering:
    """Pages on their way from the repository to the folder of the generator."""

    root: Path
    target: Path
    _waiting: list[str] = field(default_factory=list)
    """Files and folders that pages link to, by their path in the repository."""
    _seen: set[str] = field(default_factory=set)
    _explained: dict[str, str] = field(default_factory=dict)
    """The page that explains a code or a setting, with the anchor."""

    def run(self) -> None:
        """Write everything into the target folder, which is made anew.

        Raises:
            DeadLink: A page links to a file that is not there.
        """
        shutil.rmtree(self.target, ignore_errors=True)
        docs = self.root / "docs"
        for page in sections.PAGES:
            if (self.root / page).exists():
                anchors = sections.anchors_of((self.root / page).read_text("utf-8"))
                self._explained |= {name: f"{page}#{anchor}" for name, anchor in anchors.items()}
        for file in sorted(docs.rglob("*")):
            path = file.relative_to(self.root).as_posix()
            if file.suffix == ".md":
                self._write_page(path)
            elif file.suffix in _PICTURES:
                self._copy(file, path)
        self._copy(self.root / "web" / "public" / "assets" / "icon.svg", "docs/assets/logo.svg")
        self._write("docs/decisions", _list_of_decisions(docs / "decisions"))
        for path in PAGES_OF_THE_ROOT:
            self._follow(path)
        while self._waiting:
            self._write_linked(self._waiting.pop())

    def _write_page(self, path: str) -> None:
        text = (self.root / path).read_text("utf-8")
        if path in sections.PAGES:
            text = sections.tables_as_sections(text)
        self._write(path, outside_code(text, lambda part: self._rewrite(part, path)))

    def _rewrite(self, part: str, path: str) -> str:
        """Links as they are in the site, and lists as the generator knows them: with an empty line in front."""
        if _EXPLAINS.match(path):
            part = "".join(self._explain(line, posixpath.dirname(path)) for line in part.splitlines(keepends=True))
            part = _LEADS.sub(r"## \1\n\n", part)
        return _separate_lists(_LINK.sub(lambda link: self._link(link[1], path), part))

    def _explain(self, line: str, folder: str) -> str:
        if line.startswith(("#", "    ")) or "](" in line:  # a heading, code, or a line with links of its own
            return line

        def linked(code: re.Match[str]) -> str:
            place = self._explained.get(code[1])
            return code[0] if place is None else f"[{code[0]}]({posixpath.relpath(place, folder)})"

        return _INLINE_CODE.sub(linked, line)

    def _link(self, target: str, page: str) -> str:
        if re.match(r"[a-z]+:|#|/", target):
            return target
        name, hash_sign, anchor = target.partition("#")
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(page), name))
        if not (self.root / wanted).exists():
            raise DeadLink(f"{page} links to {target}, which is not there")
        if wanted == "README.md":  # the site begins with a page of its own
            wanted = "docs/README.md"
        if not wanted.startswith("docs/"):
            self._follow(wanted)
        return posixpath.relpath(self._place(wanted), posixpath.dirname(self._place(page)) or ".") + hash_sign + anchor

    def _follow(self, path: str) -> None:
        if path not in self._seen:
            self._seen.add(path)
            self._waiting.append(path)

    def _place(self, path: str) -> str:
        """Where in the site a file of the repository is. ``docs/`` is its root."""
        place = path.removeprefix("docs/")
        if (self.root / path).is_dir():
            return f"{place}.md"
        if path.startswith("docs/") and place.endswith("README.md"):  # a section of the site begins with it
            return place.removesuffix("README.md") + "index.md"
        if place.endswith("/README.md"):
            return place.removesuffix("/README.md") + ".md"
        if place.endswith((".md", *_PICTURES)):
            return place
        # The built page is a folder of that name, and folders called `app.py` confuse whoever looks for Python files.
        return posixpath.join(posixpath.dirname(place), posixpath.basename(place).replace(".", "-")) + ".md"

    def _write_linked(self, path: str) -> None:
        source = self.root / path
        if source.suffix == ".md":
            self._write_page(path)
        elif source.is_dir():
            if (source / "README.md").exists():
                self._follow(f"{path}/README.md")
            else:
                self._write_folder(path)
        else:
            language = _LANGUAGES.get(source.suffix, "")
            self._write(path, f"# {source.name}\n\n````{language}\n{source.read_text('utf-8').rstrip()}\n````\n")

    def _write_folder(self, path: str) -> None:
        files = sorted(f for f in (self.root / path).rglob("*") if f.is_file() and not _of_an_operator(f))
        lines = [f"# {path}/", "", "Files of the repository, ready to be copied.", ""]
        for file in files:
            name = file.relative_to(self.root / path).as_posix()
            self._follow(f"{path}/{name}")
            lines.append(f"- [{name}]({posixpath.relpath(self._place(f'{path}/{name}'), posixpath.dirname(path))})")
        self._write(path, "\n".join(lines) + "\n")

    def _write(self, path: str, text: str) -> None:
        file = self.target / self._place(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def _copy(self, source: Path, path: str) -> None:
        file = self.target / path.removeprefix("docs/")
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, file)


def _of_an_operator(file: Path) -> bool:
    """True for what somebody has put beside our files: settings with secrets, certificates."""
    return file.name.startswith(".") or "trust" in file.parts or "__pycache__" in file.parts


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """`text` with `change` done to what is not a fenced block of code."""
    parts: list[tuple[bool, list[str]]] = [(False, [])]
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if not fence and mark:
            fence = mark[1]
            parts.append((True, [line]))
        elif fence and mark and mark[1] == fence:
            parts[-1][1].append(line)
            parts.append((False, []))
            fence = ""
        else:
            parts[-1][1].append(line)
    return "".join("".join(lines) if code else change("".join(lines)) for code, lines in parts)


def _separate_lists(text: str) -> str:
    lines = text.split("\n")
    result: list[str] = []
    for before, line in zip(["", *lines], lines, strict=False):
        begins = _LIST.match(line) and before.strip() and not before.startswith((" ", "|")) and not _LIST.match(before)
        result.extend(["", line] if begins else [line])
    return "\n".join(result)


def _list_of_decisions(folder: Path) -> str:
    lines = ["# Decisions", "", "Choices that somebody will question, with their reasons.", ""]
    for file in sorted(folder.glob("*.md")):
        title = file.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        number, _, name = title.partition(". ")
        lines.append(f"{number}. [{name}]({folder.name}/{file.name})")
    return "\n".join(lines) + "\n"
