"""The README does not lie: its commands exist, its files are there, its example runs (tests/journeys)."""

from __future__ import annotations

import re
from pathlib import Path

from signroom.cli.commands import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_command_of_the_readme_exists() -> None:
    commands = set(re.findall(r"`signroom ([a-z]+)", README))
    targets = set(re.findall(r"`?make ([a-z]+)", README))
    makefile = (ROOT / "Makefile").read_text()

    assert commands
    for command in commands:
        assert app[command] is not None
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_every_file_that_the_docs_link_to_is_there() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"(?:\]\(|src=\")(?!https?:|#|/docs/)([^)#\"]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_every_picture_of_the_readme_says_what_it_shows_and_loads_fast() -> None:
    pictures = re.findall(r"<img ([^>]+)>", README)

    assert len(pictures) == 2
    for picture in pictures:
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', picture))
        assert len(attributes["alt"]) > 20
        assert (ROOT / attributes["src"]).stat().st_size < 120_000
