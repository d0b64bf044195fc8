"""Bodies that the API's tests share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from tests.harness.server import Json, Key, Server, base64, ok
from tests.vectors import hard_pdfs

SESSIONS = "/api/signature-sessions"
TEST_CONTEXT = "803517ad-3bbc-4169-b085-60053a8f6dbf"


def a_file(content: bytes | None = None, name: str = "contract.pdf", **fields: Any) -> Json:
    """A document of a session, by content."""
    return {"file": {"name": name, "content": base64(content or hard_pdfs.make("plain"))}, **fields}


def demo_signer(server: Server) -> tuple[Key, bytes]:
    """The key of the demo's PFX file, and its certificate."""
    return _opened(server.pfx, server.pfx_password)


@cache
def _opened(pfx: Path, password: str) -> tuple[Key, bytes]:
    """Once for each file: it takes 50 ms of the processor."""
    key, certificate, _ = pkcs12.load_key_and_certificates(pfx.read_bytes(), password.encode())
    assert key is not None
    assert certificate is not None
    return key, certificate.public_bytes(Encoding.DER)  # type: ignore[return-value]


def signed_session(server: Server, *documents: Json, **fields: Any) -> Json:
    """A session that the test certificate has signed, once it is done."""
    opened = server.open_session(documents=list(documents), **fields)
    page = server.page(opened["redirectUrl"])
    page.sign(*page.demo_key())
    return server.wait(opened["sessionId"])


def uploaded(server: Server, content: bytes, name: str = "contract.pdf") -> str:
    """The blobToken of a plain upload."""
    token: str = ok(server.api.post("/api/plain-uploads", files={"file": (name, content, "application/pdf")}))[
        "blobToken"
    ]
    return token


def fetched(location: str, folder: Path) -> Path:
    """The file of a location, without any header."""
    answer = httpx.get(location, trust_env=False)
    assert answer.status_code == 200, answer.text
    target = folder / "fetched"
    target.write_bytes(answer.content)
    return target
