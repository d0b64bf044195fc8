"""``make docs`` finds dead links and what would be loaded from elsewhere, and makes an anchor of each error code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.docs.check import check_site
from scripts.docs.gather import PAGES_OF_THE_ROOT, DeadLink, Gathering, outside_code
from scripts.docs.missing import below_docs
from scripts.docs.search import for_readers
from scripts.docs.sections import tables_as_sections
from tests.habits.repository import ROOT


@pytest.mark.parametrize(
    ("html", "wrong"),
    [
        ("<a href='../other/'>", None),
        ("<a href='../other/#there'>", None),
        ("<a href='/docs/api'><a href='https://elsewhere.example/x'><img src='data:image/png;base64,'>", None),
        ("<link rel=next href='/docs/api'>", None),
        ("<a href='../missing/'>", "the link ../missing/ leads nowhere"),
        ("<a href='../other/#gone'>", "the link ../other/#gone leads nowhere"),
        ("<a href='../../outside'>", "the link ../../outside leads nowhere"),
        ("<a href='javascript:alert(1)'>", "the link javascript:alert(1) leads nowhere"),
        ("<img src='missing.png'>", "missing.png is not there"),
        ("<script src='https://cdn.example/x.js'>", "loads https://cdn.example/x.js"),
        ("<link rel=preconnect href='//fonts.example'>", "loads //fonts.example"),
        ("<img srcset='https://cdn.example/a.png 2x'>", "loads https://cdn.example/a.png"),
    ],
)
def test_what_is_wrong_with_a_page_is_told(tmp_path: Path, html: str, wrong: str | None) -> None:
    for name, content in {"page": html, "other": "<h2 id=there>"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(content)

    assert check_site(tmp_path) == ([f"page/index.html: {wrong}"] if wrong else [])


@pytest.mark.parametrize("css", ["p{background:url(https://x.example/a.png)}", "@import '//x.example/a.css';"])
def test_a_style_that_asks_elsewhere_is_told(tmp_path: Path, css: str) -> None:
    (tmp_path / "main.css").write_text(css)

    assert len(check_site(tmp_path)) == 1


def test_every_error_code_has_an_anchor_that_is_its_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    codes = re.findall(r"^\| `([A-Z]\w+)` \|", page, re.MULTILINE)

    anchors = re.findall(r"^### `(\w+)` \{ #(\w+) \}$", tables_as_sections(page), re.MULTILINE)

    assert [code for code, anchor in anchors if code != anchor] == []
    assert {code for code, _ in anchors} == set(codes)


def test_every_setting_has_an_anchor_that_is_its_name() -> None:
    page = tables_as_sections((ROOT / "docs" / "settings.md").read_text("utf-8"))

    assert "### `SIGNROOM_DATA` { #SIGNROOM_DATA }\n\n**Default**: `.signroom`\n\nFolder for" in page
    assert "### `SIGNROOM_HOST`, `SIGNROOM_PORT` { #SIGNROOM_HOST }" in page
    assert "| setting | of | API | command |" in page, "other tables stay"


def test_a_code_in_the_guide_leads_to_its_explanation(tmp_path: Path) -> None:
    for folder in ("docs/guide", "web/public/assets"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "web/public/assets/icon.svg").write_text("<svg/>")
    (tmp_path / "docs/errors.md").write_text(
        "| code | HTTP | meaning | cure |\n|---|---|---|---|\n| `Bad` | 400 | x | y |\n"
    )
    (tmp_path / "docs/guide/a.md").write_text("# `Bad`\n\n**What can go wrong.** 400 `Bad`, and `other`.\n")
    for name in PAGES_OF_THE_ROOT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# A page\n")

    Gathering(tmp_path, tmp_path / "pages").run()

    page = (tmp_path / "pages/guide/a.md").read_text()
    assert page == "# `Bad`\n\n## What can go wrong\n\n400 [`Bad`](../errors.md#Bad), and `other`.\n"


def test_code_is_left_as_it_stands() -> None:
    text = "[a](b.md)\n```python\nx = y[0](z)\n```\n[c](d.md)\n"

    assert outside_code(text, str.upper) == "[A](B.MD)\n```python\nx = y[0](z)\n```\n[C](D.MD)\n"


def test_a_page_that_links_to_a_missing_file_stops_the_build(tmp_path: Path) -> None:
    for folder in ("docs/decisions", "web/public/assets"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "web/public/assets/icon.svg").write_text("<svg/>")
    (tmp_path / "docs/a.md").write_text("[gone](../src/gone.py)")

    with pytest.raises(DeadLink, match=r"docs/a\.md links to \.\./src/gone\.py"):
        Gathering(tmp_path, tmp_path / "pages").run()


def test_the_search_shows_the_guide_first_and_no_source_text() -> None:
    def item(location: str, level: int, *path: str) -> dict[str, object]:
        return {"location": location, "level": level, "title": path[-1], "text": "text", "path": list(path[:-1])}

    found = for_readers(
        [
            item("decisions/0019-webhooks/", 1, "19. A webhook is paused", "19. A webhook is paused"),
            item("errors/#WebhookNotFound", 3, "Errors", "WebhookNotFound"),
            item("examples/", 1, "Start", "Examples"),
            item("examples/webhook_app-py/", 1, "webhook_app.py", "webhook_app.py"),
            item("guide/webhooks/#set-up", 2, "Integrate", "Webhooks", "Set up"),
        ]
    )

    assert [one["title"] for one in found] == ["Webhooks: Set up", "WebhookNotFound", "Examples", "Decision 19"]
    assert "A webhook is paused" in found[-1]["text"]
    assert "paused" not in str(found[-1]["path"])


def test_the_page_for_missing_ones_leads_below_docs() -> None:
    html = """<a href="/"><a href="/docs/api"><img src="/assets/a.png"><script>{"base":"/"};new URL("/",location)"""

    assert below_docs(html) == (
        """<a href="/docs/"><a href="/docs/api"><img src="/docs/assets/a.png">"""
        """<script>{"base":"/docs/"};new URL("/docs/",location)"""
    )
