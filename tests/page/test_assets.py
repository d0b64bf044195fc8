"""The built files of the page: packed, kept by browsers, and not sent again to those who have them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest

from signroom.domain.language import LANGUAGES
from signroom.page import routes
from signroom.page.assets import Asset, holds, read_assets
from signroom.page.routes import STATIC, page_routes, read_shells
from tests.harness.server import Server


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asset]:
    folder: Path = tmp_path_factory.mktemp("assets")
    (folder / "index-BFKyCH_N.css").write_bytes(b"a { color: red }" * 100)
    (folder / "icon.svg").write_bytes(b"<svg/>")
    (folder / "inner").mkdir()
    return dict(read_assets(folder))


def test_only_files_named_by_their_content_are_kept_for_ever(made: dict[str, Asset]) -> None:
    assert {name: "immutable" in found.cache_control for name, found in made.items()} == {
        "index-BFKyCH_N.css": True,
        "icon.svg": False,
    }


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("", None), ("br", None), ("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("gzip; q=0.0", None)],
)
def test_gzip_is_for_those_who_take_it(made: dict[str, Asset], accepted: str, encoding: str | None) -> None:
    assert made["index-BFKyCH_N.css"].form_for(accepted).encoding == encoding


def test_what_gzip_makes_larger_is_sent_as_it_is(made: dict[str, Asset]) -> None:
    assert made["icon.svg"].form_for("gzip").encoding is None


def test_a_tag_is_of_one_form(made: dict[str, Asset]) -> None:
    css = made["index-BFKyCH_N.css"]
    plain, packed = css.form_for(""), css.form_for("gzip")

    assert holds(f'"x", W/{packed.etag}', packed)
    assert holds("*", plain)
    assert not holds(packed.etag, plain)
    assert not holds("", plain)


def test_a_browser_gets_a_file_packed_and_once(sqlite_server: Server) -> None:
    file = next((STATIC / "assets").glob("index-*.css"))
    address = f"/sign/assets/{file.name}"

    first = sqlite_server.api.get(address, headers={"Accept-Encoding": "gzip"})
    again = sqlite_server.api.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": first.headers["etag"]})

    assert first.content == file.read_bytes()
    assert first.headers["content-encoding"] == "gzip"
    assert int(first.headers["content-length"]) < len(first.content) / 2
    assert first.headers["content-type"].startswith("text/css")
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert sqlite_server.api.get("/sign/assets/..%2froutes.py").status_code == 404


def test_a_version_that_is_installed_under_a_running_process_is_not_mixed_with_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static = tmp_path / "static"
    shutil.copytree(STATIC, static)
    monkeypatch.setattr(routes, "STATIC", static)
    page_routes(Mock())
    shutil.rmtree(static)

    assert {language: read_shells(static)[language] for language in LANGUAGES} == dict(read_shells(STATIC))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_that_did_not_load_says_so_in_every_language(language: str) -> None:
    words = json.loads(next((STATIC / "assets").glob(f"{language}-*.json")).read_text("utf-8"))
    late = re.search(r'<div class="late waits" role="alert">(.*?)</div>', read_shells(STATIC)["en"].decode())

    assert late is not None
    assert f'<p lang="{language}">{words["source"]["obstacles"]["not-loaded"]}</p>' in late[1]
