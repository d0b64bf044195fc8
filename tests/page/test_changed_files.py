"""A stored file that has changed on the disk is not handed out, not shown and not signed; the operator hears of it."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from tests.harness.server import Json, Page, Server, ok, refused
from tests.vectors import hard_pdfs

RETURN = "https://app.example/back"
LARGE = os.urandom(5_000_000)


@pytest.fixture
def session(sqlite_server: Server) -> Json:
    return sqlite_server.open_session(returnUrl=RETURN)


@pytest.fixture
def page(sqlite_server: Server, session: Json) -> Page:
    return sqlite_server.page(session["redirectUrl"])


def flip(file: Path, position: int) -> None:
    """Change one bit, as a failing disk does."""
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)


def alarms(server: Server) -> list[str]:
    return [line for line in server.log.read_text().splitlines() if "file.changed" in line]


def received(page: Page, address: str, **headers: str) -> tuple[int, bytes, bool]:
    """Status, what came, and whether the answer was whole."""
    body = bytearray()
    with page.client.stream("GET", address, headers=headers) as response:
        try:
            for chunk in response.iter_raw():
                body += chunk
        except httpx.RemoteProtocolError:
            return response.status_code, bytes(body), False
    return response.status_code, bytes(body), True


@pytest.mark.parametrize("position", [0, 2_500_000, -1])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-99"}, {"Range": "bytes=-100"}])
def test_a_large_file_that_has_changed_breaks_off(
    sqlite_server: Server, session: Json, page: Page, position: int, headers: dict[str, str]
) -> None:
    document = page.add(LARGE, "data.bin")
    address = f"original/{document['id']}"
    assert received(page, address, **headers) == (200, LARGE, True), "a range is ignored"

    flip(sqlite_server.stored_file(session["sessionId"], LARGE), position)
    before = len(alarms(sqlite_server))
    status, body, whole = received(page, address, **headers)

    assert (status, whole) == (200, False)
    assert len(body) < len(LARGE)
    (alarm,) = alarms(sqlite_server)[before:]
    assert '"code": "FileChanged"' in alarm
    assert document["id"] in alarm


@pytest.mark.parametrize("change", ["bit", "shorter", "longer", "empty"])
def test_a_small_file_that_has_changed_is_refused_before_its_first_byte(
    sqlite_server: Server, session: Json, page: Page, change: str
) -> None:
    content = hard_pdfs.make("plain")
    document = page.add(content)
    file = sqlite_server.stored_file(session["sessionId"], content)
    changed = {"bit": None, "shorter": content[:-1], "longer": content + b"\n", "empty": b""}[change]
    flip(file, 100) if changed is None else file.write_bytes(changed)

    assert refused(page.client.get(f"original/{document['id']}"), 500) == "FileChanged"
    assert refused(page.client.get(f"preview/{document['id']}/0"), 500) == "FileChanged"


def test_a_signed_file_that_has_changed_is_not_handed_out(sqlite_server: Server, session: Json, page: Page) -> None:
    """The fault of the issue: by the address that the application got, while other files are."""
    page.add(hard_pdfs.make("plain"), "one.pdf")
    page.add(hard_pdfs.make("plain") + b"\n", "two.pdf")
    page.sign(*page.demo_key())
    done = sqlite_server.wait(session["sessionId"])
    one, two = (document["signedFile"]["location"] for document in done["documents"])
    signed = httpx.get(one, trust_env=False).content
    flip(sqlite_server.stored_file(session["sessionId"], signed), 900)

    assert refused(httpx.get(one, trust_env=False), 500) == "FileChanged"
    assert httpx.get(two, trust_env=False).status_code == 200
    metrics = httpx.get(f"{sqlite_server.url}/metrics", trust_env=False).text
    assert 'signroom_damaged_files_total{found="changed"}' in metrics


def test_a_document_whose_file_has_changed_is_not_signed(sqlite_server: Server, session: Json, page: Page) -> None:
    changed, whole = os.urandom(50_000), os.urandom(50_001)
    first, second = page.add(changed, "changed.bin"), page.add(whole, "whole.bin")
    flip(sqlite_server.stored_file(session["sessionId"], changed), 7)

    _, chain = page.demo_key()
    preparation = ok(page.prepare(chain))

    assert [item["documentId"] for item in preparation["items"]] == [second["id"]]
    assert "FileChanged" in str(preparation)
    assert first["id"] in str(preparation)
