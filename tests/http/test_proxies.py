"""Behind a proxy that ends TLS: what it says is believed from trusted addresses only, and no address comes from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.requests import a_file
from tests.harness.server import Server, listening_ports, running_server

LIES = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example",
    "Host": "evil.example",
}


Behind = tuple[Server, str]
"""A server whose public address is another than the one it listens on, and the latter."""


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with _behind(tmp_path_factory.mktemp("trusting"), SIGNROOM_TRUSTED_PROXIES="127.0.0.1") as found:
        yield found


@pytest.fixture(scope="module")
def trusting_others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with _behind(tmp_path_factory.mktemp("others"), SIGNROOM_TRUSTED_PROXIES="10.0.0.0/8") as found:
        yield found


@pytest.fixture(scope="module")
def trusting_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with _behind(tmp_path_factory.mktemp("nobody")) as found:
        yield found


@pytest.fixture
def behind(request: pytest.FixtureRequest) -> Behind:
    """One of them, by its name."""
    found: Behind = request.getfixturevalue(request.param)
    return found


@contextmanager
def _behind(folder: Path, **settings: str) -> Iterator[Behind]:
    public = {"SIGNROOM_PUBLIC_URL": "https://sign.example", "SIGNROOM_RATE_LIMIT_ADDRESS": "8/minute"}
    with running_server(folder, {**public, **settings}) as server:
        # The example application listens too, on the port that was printed.
        (port,) = listening_ports(server.process.pid) - {urlsplit(server.app_url).port}
        yield server, f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("behind", ["trusting", "trusting_nobody"], indirect=True)
def test_addresses_are_the_public_ones_whatever_a_request_says(behind: Behind) -> None:
    server, url = behind
    with httpx.Client(base_url=url, headers={"X-Api-Key": server.api_key, **LIES}, trust_env=False) as client:
        opened: Any = client.post("/api/signature-sessions", json={"documents": [a_file()]}).json()
        session: Any = client.get(f"/api/signature-sessions/{opened['sessionId']}").json()
        location = session["documents"][0]["originalFile"]["location"]
        file = client.get(location.removeprefix("https://sign.example"))

    assert opened["redirectUrl"].startswith("https://sign.example/sign/")
    assert location.startswith("https://sign.example/api/downloads/")
    assert file.content.startswith(b"%PDF-")
    assert file.headers["strict-transport-security"]
    assert "evil" not in json.dumps([opened, session])


def statuses(url: str, count: int) -> list[int]:
    """Of requests that claim to come from as many addresses."""
    return [
        httpx.get(f"{url}/api/system/info", headers={"X-Forwarded-For": f"203.0.113.{n}"}, trust_env=False).status_code
        for n in range(count)
    ]


@pytest.mark.parametrize("behind", ["trusting"], indirect=True)
def test_a_trusted_proxy_names_the_client(behind: Behind) -> None:
    assert statuses(behind[1], 10) == [200] * 10


@pytest.mark.parametrize("behind", ["trusting_nobody", "trusting_others"], indirect=True)
def test_nobody_else_does(behind: Behind) -> None:
    assert 429 in statuses(behind[1], 12)
