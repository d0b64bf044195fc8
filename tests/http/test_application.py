"""The request log, and clients that go away."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest

from signroom.http.request_log import public_path
from tests.harness.server import Server
from tests.harness.waiting import SECONDS, eventually
from tests.wire import raw


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/api/downloads/SECRET", "/api/downloads/…"),
        ("//api//downloads/SECRET", "/api/downloads/…"),
        ("/API/Downloads//SECRET/", "/api/downloads/…"),
        ("/sign/SECRET", "/sign/…"),
        ("//sign/SECRET", "/sign/…"),
        ("/Api/MultipartUploads/SECRET/0", "/api/multipartuploads/…"),
        ("/sign/api/load", "/sign/api/load"),
        ("/api/signature-sessions", "/api/signature-sessions"),
    ],
)
def test_no_secret_of_an_address_is_logged(path: str, logged: str) -> None:
    assert public_path(path) == logged


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/sign/api/x\r\n2026 [info] paid", "/sign/api/x%0D%0A2026 [info] paid"),
        ("/api/\x1b[2J\x9b\u202e", "/api/%1B[2J%C2%9B%E2%80%AE"),
        ("/api/é 合同", "/api/é 合同"),
    ],
)
def test_an_address_begins_no_line_of_the_log_and_commands_no_terminal(path: str, logged: str) -> None:
    assert public_path(path) == logged


def test_of_a_long_address_the_beginning_is_logged() -> None:
    """6000 addresses of 16 KB a minute are 6 GB of log an hour."""
    assert public_path("/api/" + "\x00" * 16_000) == "/api/" + "%00" * 295 + "…"
    assert public_path("/api/downloads/" + "x" * 16_000) == "/api/downloads/…"


def test_a_client_that_goes_away_is_no_crash(sqlite_server: Server) -> None:
    address = urlsplit(sqlite_server.url)
    before = len(sqlite_server.log.read_text())
    lines = (
        "POST /api/signature-sessions HTTP/1.1",
        f"Host: {address.netloc}",
        f"X-Api-Key: {sqlite_server.api_key}",
        "Content-Type: application/json",
        "Content-Length: 1000",
    )

    def log() -> str:
        return sqlite_server.log.read_text()[before:]

    def abandoned() -> bool:
        """The service must have begun to read: where it has not, it has seen no request, and so another one is sent."""
        with socket.create_connection((address.hostname or "", address.port or 80), timeout=SECONDS) as connection:
            connection.sendall("\r\n".join([*lines, "", '{"returnUrl":']).encode())
            time.sleep(0.1)
        return "request.abandoned" in log()

    eventually(abandoned, why=log)
    assert "request.crashed" not in log()


@pytest.mark.parametrize("body", [b"0\r\n\r\n", b""])
def test_an_empty_body_may_come_in_chunks_or_not_at_all(sqlite_server: Server, body: bytes) -> None:
    how = ["Transfer-Encoding: chunked"] if body else ["Content-Length: 0"]

    answer = raw.send(sqlite_server, "POST /api/document-keys HTTP/1.1", *how, body=body)

    assert answer.status_code == 200, answer.text
