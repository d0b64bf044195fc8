"""Going on with another device: a code that works once, for five minutes, and only on https."""

from __future__ import annotations

import io
import ssl
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from signroom.service.access.hand_over import LIFETIME
from tests.harness.server import Json, Server, ok, refused
from tests.harness.waiting import SECONDS


@pytest.fixture(scope="module")
def secure(tls_server: tuple[Server, Path]) -> Iterator[tuple[Server, httpx.Client]]:
    """A server behind TLS, and a client that trusts it."""
    server, authority = tls_server
    tls = ssl.create_default_context(cafile=authority)
    with httpx.Client(base_url=server.url, verify=tls, trust_env=False, timeout=SECONDS) as client:
        yield server, client


def opened(secure: tuple[Server, httpx.Client]) -> tuple[httpx.Client, str]:
    """A client, and the link of a new session."""
    server, client = secure
    answer = client.post("/api/signature-sessions", json={}, headers={"X-Api-Key": server.api_key})
    return client, ok(answer)["redirectUrl"].rpartition("/")[2]


def token_of(client: httpx.Client, link: str) -> Json:
    return ok(client.post("/sign/api/renew", json={"link": link}))


def with_token(token: str) -> dict[str, str]:
    return {"X-Signature-Session-Token": token}


def test_the_second_device_gets_the_session(secure: tuple[Server, httpx.Client]) -> None:
    client, link = opened(secure)
    first = token_of(client, link)
    assert first["link"] is None
    assert ok(client.get("/sign/api/load", headers=with_token(first["token"])))["handOver"] is True

    begun = ok(client.post("/sign/api/hand-over", headers=with_token(first["token"])))
    code = begun["address"].rpartition("/")[2]
    second = token_of(client, code)

    assert second["link"] == link
    assert begun["address"].startswith(secure[0].url + "/sign/")
    assert ok(client.get("/sign/api/load", headers=with_token(second["token"])))["status"] == "Pending"
    assert client.get(f"/sign/{code}").status_code == 200


def test_a_code_works_once(secure: tuple[Server, httpx.Client]) -> None:
    client, link = opened(secure)
    token = token_of(client, link)["token"]
    codes = [
        ok(client.post("/sign/api/hand-over", headers=with_token(token)))["address"].rpartition("/")[2]
        for _ in range(2)
    ]
    assert codes[0] != codes[1]

    for code in codes:
        token_of(client, code)
        assert refused(client.post("/sign/api/renew", json={"link": code}), 422) == "HandOverEnded"


def test_the_picture_is_a_qr_code_of_the_address(secure: tuple[Server, httpx.Client]) -> None:
    client, link = opened(secure)
    token = token_of(client, link)["token"]

    begun = ok(client.post("/sign/api/hand-over", headers=with_token(token)))

    picture = Image.open(io.BytesIO(b64decode(begun["qr"])))
    assert picture.width == picture.height
    assert picture.convert("L").getpixel((0, 0)) == 255, "the quiet zone"


@pytest.mark.parametrize(
    # Not the last character: some of its bits mean nothing in base64.
    "change",
    [lambda c: c[:-2] + ("A" if c[-2] != "A" else "B") + c[-1], lambda c: "x" + c, lambda c: c[:0] + "."],
)
def test_a_forged_code_is_refused(secure: tuple[Server, httpx.Client], change: Callable[[str], str]) -> None:
    client, link = opened(secure)
    token = token_of(client, link)["token"]
    code = ok(client.post("/sign/api/hand-over", headers=with_token(token)))["address"].rpartition("/")[2]

    assert refused(client.post("/sign/api/renew", json={"link": change(code)}), 422) == "BadSignatureSessionToken"
    # A page token is signed too, for another purpose.
    assert refused(client.post("/sign/api/renew", json={"link": token}), 422) == "BadSignatureSessionToken"


def test_what_has_ended_is_not_handed_over(secure: tuple[Server, httpx.Client]) -> None:
    client, link = opened(secure)
    token = token_of(client, link)["token"]
    ok(client.post("/sign/api/cancel", json={}, headers=with_token(token)))

    answer = client.post("/sign/api/hand-over", headers=with_token(token))

    assert refused(answer, 422) == "BadSignatureSessionOperation"


def test_without_https_there_is_none(sqlite_server: Server) -> None:
    page = sqlite_server.page(sqlite_server.open_session()["redirectUrl"])

    assert page.load()["handOver"] is False
    assert refused(page.client.post("hand-over"), 422) == "HandOverNotAvailable"


def test_a_code_is_short_lived() -> None:
    assert LIFETIME.total_seconds() == 300
