"""What the page can show of a document before it is signed, and to whom."""

from __future__ import annotations

import socket
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from httpx import Response

from signroom.http.callers.hang_up import MAX_HANG_UPS
from tests.harness.server import Page, Server, ok, refused
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs


@pytest.fixture
def page(server: Server) -> Page:
    return server.page(server.open_session(returnUrl="https://app.example/back")["redirectUrl"])


def test_a_page_is_a_picture_that_no_browser_runs_or_keeps(page: Page) -> None:
    document = page.add(hard_pdfs.make("ten-pages"))["id"]

    for number in (0, 9):
        answer = page.client.get(f"preview/{document}/{number}", params={"width": 800})
        assert answer.status_code == 200
        assert answer.content.startswith(b"\x89PNG")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "private, no-store"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["content-disposition"].startswith("attachment")


def test_a_page_is_drawn_in_six_widths_and_no_other(page: Page) -> None:
    """Each width of a page is a drawing that costs a process: with 1281 widths a signer had it drawn 1281 times."""
    document = page.add(hard_pdfs.make("plain"))["id"]

    def width_of(wanted: int) -> int:
        picture = page.client.get(f"preview/{document}/0", params={"width": wanted}).content
        return int.from_bytes(picture[16:20])

    wanted = (-1, 200, 201, 799, 800, 1201, 1601, 10**9)
    assert [width_of(width) for width in wanted] == [200, 200, 400, 800, 800, 1600, 2000, 2000]


def test_a_document_has_the_sizes_of_its_pages_and_is_searched(page: Page) -> None:
    document = page.add(hard_pdfs.make("ten-pages"))["id"]

    def search(words: str) -> Response:
        return page.client.post("find", json={"documentId": document, "words": words})

    assert ok(page.client.get(f"pages/{document}")) == {"pages": [[10, 595, 842]]}
    answer = ok(search(" PAGE \n 21"))
    assert answer["nextPage"] is None
    ((left, top, width, height),) = next(hit["areas"] for hit in answer["hits"] if hit["page"] == 9)
    assert 0 < left < left + width < 1
    assert 0 < top < top + height < 1
    for words in ("", " ", "a" * 201, "a\x00b"):
        assert refused(search(words), 400) == "BadRequest"


def test_a_page_has_its_words(page: Page) -> None:
    document = page.add(hard_pdfs.make("ten-pages"))["id"]

    assert ok(page.client.get(f"text/{document}/9")) == {"text": "Page 21: the parties agree."}


@pytest.mark.parametrize("kind", ["preview", "text"])
def test_a_page_that_is_not_there_has_none(page: Page, kind: str) -> None:
    document = page.add(hard_pdfs.make("plain"))["id"]
    letter = page.add(b"dear sir", "letter.txt")["id"]

    for number in (1, -1, 10**12):
        assert refused(page.client.get(f"{kind}/{document}/{number}"), 422) == "PreviewNotAvailable"
        search = {"documentId": document, "words": "agree", "firstPage": number}
        assert refused(page.client.post("find", json=search), 422) == "PreviewNotAvailable"
    assert refused(page.client.get(f"{kind}/{letter}/0"), 422) == "PreviewNotAvailable"
    assert refused(page.client.get(f"pages/{letter}"), 422) == "PreviewNotAvailable"


def test_a_page_that_takes_too_much_is_refused_and_can_still_be_signed(page: Page) -> None:
    document = page.add(hard_pdfs.make("drawing-bomb"))["id"]

    assert refused(page.client.get(f"preview/{document}/0"), 422) == "PreviewNotAvailable"
    assert page.sign(*page.demo_key())["status"] == "Processing"


@pytest.mark.parametrize("kind", ["preview", "text"])
def test_another_sessions_document_is_not_shown(server: Server, page: Page, kind: str) -> None:
    other = server.page(server.open_session(returnUrl="https://app.example/back")["redirectUrl"])
    document = other.add(hard_pdfs.make("plain"))["id"]

    assert refused(page.client.get(f"{kind}/{document}/0"), 422) == "DocumentNotFound"
    assert refused(page.client.get(f"{kind}/{uuid4()}/0"), 422) == "DocumentNotFound"
    assert refused(page.client.get(f"pages/{document}"), 422) == "DocumentNotFound"
    assert refused(page.client.post("find", json={"documentId": document, "words": "a"}), 422) == "DocumentNotFound"
    page.client.headers.pop("X-Signature-Session-Token")
    assert refused(page.client.get(f"{kind}/{document}/0"), 422) == "SignatureSessionTokenRequired"


def test_findings_are_kept_with_the_document(page: Page) -> None:
    page.add(hard_pdfs.make("scripts"))
    page.add(hard_pdfs.make("certified-forms"))
    page.add(b"dear sir", "letter.txt")

    first, second, letter = page.load()["documents"]

    assert first["findings"] == [{"code": "Scripts", "level": "but", "facts": {"kinds": "JavaScript, Launch"}}]
    assert [f["code"] for f in second["findings"]] == ["Certified", "EarlierSignature"]
    # Few people know what becomes of a file that is no PDF.
    assert letter["findings"] == [{"code": "SignedAsCms", "level": "but", "facts": {"file": "letter.txt.p7s"}}]


def test_pictures_that_nobody_waits_for_are_drawn_so_often_and_no_more(server: Server, page: Page) -> None:
    """Each costs a process far more than asking for it costs. Before, there was no end to it."""
    document = page.add(hard_pdfs.with_pages(1000))["id"]
    address, token = urlsplit(server.url), page.client.headers["X-Signature-Session-Token"]
    number = count()

    def refused_after_one_more() -> bool:
        head = (
            f"GET /sign/api/preview/{document}/{next(number)}?width=800 HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"X-Signature-Session-Token: {token}\r\n\r\n"
        )
        with socket.create_connection((address.hostname or "", address.port or 0), 60) as connection:
            connection.sendall(head.encode())
        return page.client.get(f"preview/{uuid4()}/0").status_code == 429

    eventually(refused_after_one_more)

    # A call that was answered before its caller had gone is not counted: there may be more, never fewer.
    assert next(number) >= MAX_HANG_UPS
    answer = page.client.get(f"preview/{document}/0")
    assert refused(answer, 429) == "TooManyRequests"
    assert 1 <= int(answer.headers["retry-after"]) <= 120
    assert page.sign(*page.demo_key())["status"] in {"Processing", "Completed"}
    other = server.page(server.open_session(returnUrl="https://app.example/back")["redirectUrl"])
    there = other.add(hard_pdfs.make("ten-pages"))["id"]
    assert other.client.get(f"preview/{there}/0").status_code == 200
