"""The documentation site under ``/docs``: what was built is served, and nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from signroom.http.application import _routes
from signroom.http.paths import AnyCase
from signroom.manual.routes import manual_routes
from signroom.manual.site import read_site
from tests.harness.server import Server

SCRIPT = "document.body.dataset.seen = 1 < 2"
PAGE = f"<!doctype html><title>Errors</title><script>{SCRIPT}</script><h3 id=InvalidPdf>InvalidPdf</h3>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    above = tmp_path_factory.mktemp("above")
    (above / "secret.key").write_text("secret")
    site = above / "site"
    for name, content in {
        "index.html": "<!doctype html><title>Home</title>",
        "errors/index.html": PAGE,
        "guide/webhooks/index.html": "<!doctype html><title>Webhooks</title>",
        "assets/main.0123abcd.css": "p { color: red }",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content)
    (site / "secret.key").symlink_to(above / "secret.key")
    return site


def client_of(folder: Path) -> TestClient[Litestar]:
    app = Litestar(manual_routes(lambda: read_site(folder)), openapi_config=None, logging_config=None)
    inside = AnyCase(app, _routes(app), lambda **_: None)
    client: TestClient[Litestar] = TestClient(inside)  # type: ignore[arg-type]
    client.follow_redirects = False
    return client


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[TestClient[Litestar]]:
    with client_of(folder) as client:
        yield client


@pytest.mark.parametrize("path", ["/docs/", "/docs/errors/", "/Docs/errors/", "/docs/guide/webhooks/"])
def test_a_page_is_served(site: TestClient[Litestar], path: str) -> None:
    answer = site.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert site.head(path).headers["content-length"] == answer.headers["content-length"]


@pytest.mark.parametrize("path", ["/docs", "/docs/errors", "/docs/guide/webhooks"])
def test_a_page_without_its_slash_leads_to_it(site: TestClient[Litestar], path: str) -> None:
    answer = site.get(path)

    assert (answer.status_code, answer.headers["location"]) == (308, f"{path}/")


def test_a_policy_of_its_own_lets_the_built_scripts_run_and_nothing_from_elsewhere(site: TestClient[Litestar]) -> None:
    policy = site.get("/docs/errors/").headers["content-security-policy"]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()

    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_what_the_browser_has_is_not_sent_again(site: TestClient[Litestar]) -> None:
    etag = site.get("/docs/errors/").headers["etag"]

    again = site.get("/docs/errors/", headers={"If-None-Match": f'W/"other", {etag}'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert site.get("/docs/errors/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_text_is_sent_compressed_to_whoever_takes_it(site: TestClient[Litestar]) -> None:
    packed = site.get("/docs/errors/", headers={"Accept-Encoding": "br, gzip"})
    plain = site.get("/docs/errors/", headers={"Accept-Encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == PAGE
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding"


def test_a_file_whose_name_holds_its_digest_is_kept_for_ever(site: TestClient[Litestar]) -> None:
    answer = site.get("/docs/assets/main.0123abcd.css")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../secret.key",
        "/docs/%2e%2e/secret.key",
        "/docs/assets/..%2f..%2f..%2fsecret.key",
        "/docs//etc/passwd",
        "/docs/secret.key",
        "/docs/assets/",
        "/docs/assets",
        "/docs/index.html",
        "/docs/errors/%00",
        f"/docs/{'x' * 5000}",
    ],
)
def test_nothing_but_what_was_built_is_read(site: TestClient[Litestar], path: str) -> None:
    answer = site.get(path)

    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.key", "")


def test_where_there_is_no_page_the_site_says_so_in_its_own_look(tmp_path: Path) -> None:
    for name, title in {"index.html": "Home", "404.html": "No such page"}.items():
        (tmp_path / name).write_text(f"<!doctype html><title>{title}</title>")

    with client_of(tmp_path) as client:
        missing = client.get("/docs/guide/nothing/")
        again = client.get("/docs/guide/nothing/", headers={"If-None-Match": missing.headers["etag"]})

    assert (missing.status_code, again.status_code) == (404, 404)
    assert "No such page" in missing.text


def test_without_a_site_a_page_says_how_to_build_it(tmp_path: Path) -> None:
    with client_of(tmp_path) as client:
        answer = client.get("/docs")

    assert answer.status_code == 404
    assert "make docs" in answer.text
    assert "/docs/api" in answer.text


def test_the_reference_is_beside_the_site(sqlite_server: Server) -> None:
    """The service starts and answers whether or not this checkout has a site."""
    assert sqlite_server.api.get("/docs/api").status_code == 200
    assert sqlite_server.api.get("/docs/").headers["content-type"] == "text/html; charset=utf-8"
