"""Requests byte for byte, as no library of ours would write them."""

from __future__ import annotations

import socket
from http.client import HTTPResponse
from urllib.parse import urlsplit

import httpx

from tests.harness.server import Server
from tests.harness.waiting import SECONDS


def send(server: Server, *lines: str, body: bytes = b"", key: bool = True) -> httpx.Response:
    """Send a request line, headers and a body exactly as given; ``Host`` and the API key are added."""
    address = urlsplit(server.url)
    assert address.hostname is not None
    head = [lines[0], f"Host: {address.netloc}", *([f"X-Api-Key: {server.api_key}"] if key else []), *lines[1:]]
    with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        return received(connection, *lines[0].split(" ")[:2])


def received(connection: socket.socket, method: str, path: str) -> httpx.Response:
    """The final answer; "100 Continue" is passed over."""
    answer = HTTPResponse(connection, method=method)
    answer.begin()
    content = answer.read()
    # The body is read already: what said how to read it says nothing any more.
    headers = [(name, value) for name, value in answer.getheaders() if name.lower() != "transfer-encoding"]
    return httpx.Response(
        answer.status, headers=headers, content=content, request=httpx.Request(method, f"http://-{path}")
    )
