"""Requests of ``tests/wire/recorded``, byte for byte as a client library writes them. Its README says where from."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.harness.server import Server
from tests.harness.waiting import SECONDS
from tests.wire import raw

_FOLDER = Path(__file__).with_name("recorded")
_CHUNK = 16
"""Bytes: a body that comes in chunks comes in several."""


@dataclass(frozen=True)
class Recorded:
    """One request of a file, with its words in double braces still in place."""

    language: str
    section: str
    head: str
    body: str

    def send(self, server: Server, words: Mapping[str, str | bytes]) -> httpx.Response:
        """Fill in `words`, send the bytes, and read the final answer."""
        address = urlsplit(server.url)
        assert address.hostname is not None
        body = _filled(self.body, words)
        if "charset=utf-8-mark" in self.head:
            body = b"\xef\xbb\xbf" + body
        known = {**words, "host": address.netloc, "key": server.api_key, "length": str(len(body))}
        head = _filled(self.head.replace("charset=utf-8-mark", "charset=utf-8"), known)
        if b"Transfer-Encoding: chunked" in head:
            pieces = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
            connection.sendall(head + b"\r\n\r\n")
            if b"Expect: 100-continue" in head:
                assert connection.recv(1000).startswith(b"HTTP/1.1 100")
            connection.sendall(body)
            return raw.received(connection, *self.head.split(" ")[:2])

    def __str__(self) -> str:
        return f"{self.language}: {self.section}"


@cache
def recorded() -> tuple[Recorded, ...]:
    """Every request of every file."""
    found = []
    for file in sorted(_FOLDER.glob("*.http")):
        for block in file.read_text().removeprefix("### ").split("\n### "):
            section, _, request = block.partition("\n")
            head, _, body = request.strip("\n").partition("\n\n")
            found.append(Recorded(file.stem, section, head, body))
    return tuple(found)


def _filled(text: str, words: Mapping[str, str | bytes]) -> bytes:
    filled = text.encode()
    if text.startswith(("--", "POST ", "GET ")):
        filled = filled.replace(b"\n", b"\r\n")
    for name, value in words.items():
        filled = filled.replace(b"{{%b}}" % name.encode(), value if isinstance(value, bytes) else value.encode())
    return filled
