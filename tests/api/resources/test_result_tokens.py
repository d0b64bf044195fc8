"""``signroomResult``: a statement of the outcome that the application checks by itself."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from tests.api.requests import a_file
from tests.harness.server import Server, ok


def returned(server: Server, **fields: object) -> str:
    """The return URL of a session that is signed."""
    opened = server.open_session(documents=[a_file()], returnUrl="https://app.example/back?x=1#end", **fields)
    page = server.page(opened["redirectUrl"])
    page.sign(*page.demo_key())
    server.wait(opened["sessionId"])
    url: str = page.load()["returnUrl"]
    return url


def test_the_token_says_how_the_session_ended(server: Server) -> None:
    parts = urlsplit(returned(server, resultToken=True))
    query = parse_qs(parts.query)
    keys = KeySet.import_key_set(ok(httpx.get(f"{server.url}/.well-known/jwks.json", trust_env=False)))  # type: ignore[arg-type]

    token = jwt.decode(query["signroomResult"][0], keys, algorithms=["ES256"])

    JWTClaimsRegistry(iss={"essential": True, "value": server.url}, exp={"essential": True}).validate(token.claims)
    assert token.claims["sub"] == query["signatureSessionId"][0]
    assert token.claims["status"] == "Completed"
    assert 0 < token.claims["exp"] - token.claims["iat"] <= 600
    assert query["x"] == ["1"]
    assert parts.fragment == "end"
    changed = query["signroomResult"][0][:-4] + "AAAA"
    with pytest.raises(BadSignatureError):
        jwt.decode(changed, keys, algorithms=["ES256"])


def test_without_asking_there_is_none(server: Server) -> None:
    assert "signroomResult" not in returned(server)


def test_the_published_keys_are_public(server: Server) -> None:
    for key in ok(httpx.get(f"{server.url}/.well-known/jwks.json", trust_env=False))["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
