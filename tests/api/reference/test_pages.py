"""The reference's pages: their policy, their files, and that nothing of them is missing."""

from __future__ import annotations

import gzip
import re
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from scripts import api_renderer
from signroom.api.reference import pages
from tests.harness.databases import database_does_not_matter
from tests.harness.server import Server, refused

FOLDER = f"/docs/api/{pages.SERVED}"


def get(server: Server, address: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.url}{address}", headers=headers, trust_env=False)


@database_does_not_matter
def test_the_page_lets_nobody_else_in(server: Server) -> None:
    answer = get(server, "/docs/api")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert re.findall(r"https?://", answer.text) == []
    assert get(server, re.findall(r'src="([^"]+)"', answer.text)[0]).status_code == 200


@database_does_not_matter
def test_a_file_of_the_renderer_is_asked_for_once(server: Server) -> None:
    packed, plain = (get(server, f"{FOLDER}/standalone.esm.js", **{"Accept-Encoding": e}) for e in ("gzip", "identity"))

    assert packed.headers["content-encoding"] == "gzip"
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")
    assert packed.content == plain.content
    again = get(server, f"{FOLDER}/standalone.esm.js", **{"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@database_does_not_matter
@pytest.mark.parametrize(
    "name",
    [f"{FOLDER}/pages.py", f"{FOLDER}/../pages.py", f"{FOLDER}/%2e%2e/reference.js", "/docs/api/0/standalone.esm.js"],
)
def test_nothing_but_its_files_is_handed_out(server: Server, name: str) -> None:
    assert get(server, name).status_code == 404


@database_does_not_matter
def test_there_is_one_document_and_other_addresses_lead_to_it(server: Server) -> None:
    for address in ("/openapi", "/openapi/", "/openapi/openapi.json"):
        answer = get(server, address)
        assert (answer.status_code, answer.headers["location"]) == (302, "/openapi.json")
    assert refused(get(server, "/openapi/other"), 404) == "RouteNotFound"


@database_does_not_matter
def test_without_scripts_there_is_a_plain_page(server: Server) -> None:
    plain = get(server, "/docs/api/plain")

    assert "POST /api/signature-sessions" in plain.text
    assert "<code>redirectUrl</code>" in plain.text
    assert "<script" not in plain.text


def test_the_reference_leads_back_to_the_manual() -> None:
    found: Any = pages.page.fn(ports=SimpleNamespace(demo=None))
    bar = re.findall(r"<nav.*?</nav>", str(found.content), re.DOTALL)[0]

    assert re.findall(r'href="([^"]+)"', bar) == ["/docs/", "/docs/guide/", "/docs/api", "/docs/errors/"]


def test_requests_are_sent_from_the_page_in_development_alone() -> None:
    def shown(demo: Any) -> str:
        answer: Any = pages.page.fn(ports=SimpleNamespace(demo=demo))
        return str(answer.content)

    assert 'data-tries="yes"' in shown(object())
    assert 'data-tries="no"' in shown(None)


def test_the_key_of_the_guide_stands_where_the_renderer_had_a_joke() -> None:
    served = b"".join(gzip.decompress(content) for content in pages.renderer_files().values())

    assert b"QUxMIFlPVVI" not in served
    assert b"YOUR_SECRET_TOKEN" not in served
    assert served.count(b"placeholder:`app|secret`") > 1
    assert b"||`app|secret`" in served  # what a snippet says without a key


def test_all_that_the_renderer_loads_is_there_and_no_assistant() -> None:
    folder = api_renderer.FOLDER
    files = {path.name.removesuffix(".gz"): gzip.decompress(path.read_bytes()) for path in folder.glob("*.gz")}
    # As the package has them, one folder above the others.
    placed = {name if name == api_renderer.ENTRY else f"chunks/{name}": content for name, content in files.items()}

    assert api_renderer.VERSION == pages.RENDERER
    assert {name.split("/")[-1] for name in api_renderer.closure(placed, api_renderer.ENTRY)} == set(files)
    assert [name for name in files if re.search("agent|explore|chat", name, re.IGNORECASE)] == []
