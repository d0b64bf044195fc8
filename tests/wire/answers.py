"""Reading answers as strictly as the strictest client library in the field (.NET, Java, PHP, generated Python)."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, NoReturn

import httpx

from tests.harness.server import ROOT
from tests.wire.schema import answer_of, conforms

_INSIDES = (
    "Traceback",
    'File "',
    "site-packages",
    ".py",
    "litestar",
    "msgspec",
    "sqlalchemy",
    "<html",
    "<!DOCTYPE",
    "<pre",
)
"""What would show how the server is made, or that a page came instead of JSON."""


def read_strictly(response: httpx.Response) -> Any:
    """The body as JSON of RFC 8259: UTF-8 without a mark, no key twice, no NaN."""
    kind = response.headers["content-type"].replace(" ", "").lower()
    assert kind in {"application/json", "application/json;charset=utf-8"}, kind
    assert not response.content.startswith(b"\xef\xbb\xbf")
    return json.loads(response.content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)


def answered(response: httpx.Response, model: str) -> Any:
    """The body of a 200 that conforms to `model`; its headers are checked too."""
    assert response.status_code == 200, f"{response.request.method} {response.request.url}: {_shown(response)}"
    _check_headers(response)
    body = read_strictly(response)
    conforms(model, body)
    return body


def answered_as(method: str, template: str, response: httpx.Response) -> Any:
    """The body of a 200 of this route of the contract; None where the contract has no body."""
    model = answer_of(method, template)
    if model is not None:
        return answered(response, model)
    assert response.status_code == 200, _shown(response)
    assert response.content == b"", "the contract says: empty"
    return None


def refused_with(response: httpx.Response, status: int, code: str | None = None) -> Any:
    """The body of a refusal: its shape, its code, and nothing of the inside."""
    assert response.status_code == status, f"{response.request.method} {response.request.url}: {_shown(response)}"
    assert not response.has_redirect_location
    _check_headers(response)
    body = read_strictly(response)
    conforms("ErrorModelV2" if status == 422 else "Problem", body)
    assert body["code"] in _documented(), f"{body['code']} is not in docs/errors.md"
    for inside in _INSIDES:
        assert inside.lower() not in response.text.lower(), response.text
    if code is not None:
        assert body["code"] == code, body
    _check_help(response, body)
    return body


def _check_help(response: httpx.Response, body: Any) -> None:
    """Each 400 says where the request is wrong and where the code is explained; each 422 does so in its headers."""
    if response.status_code not in {400, 422}:
        return
    address = response.headers["link"].removeprefix("<").removesuffix('>; rel="help"')
    assert address.endswith(f"/docs/errors/#{body['code']}")
    if response.status_code == 400:
        assert body["docUrl"] == address
        assert (body["path"] is None) == ("signroom-path" not in response.headers)


@cache
def _documented() -> frozenset[str]:
    """Every code of ``docs/errors.md``."""
    return frozenset(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE))


def _check_headers(response: httpx.Response) -> None:
    assert response.headers["x-content-type-options"] == "nosniff", "answers carry addresses and names: never sniffed"
    assert "no-store" in response.headers["cache-control"], "answers carry addresses that are keys: never cached"
    assert "server" not in response.headers or "/" not in response.headers["server"]


def _shown(response: httpx.Response) -> str:
    return f"{response.status_code} {response.text[:600]}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key comes twice: {keys}"
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")
