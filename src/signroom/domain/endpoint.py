"""An address of an application that we call, and how we say there who we are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from signroom.domain.errors import BadInput

MAX_URL = 1024
MAX_SECRET = 2048
MAX_USER = 255
_VISIBLE = re.compile(r"[\x21-\x7e]+")
"""What a header may hold without quotes and escapes (RFC 9110, 5.5)."""


class EndpointAuth(StrEnum):
    NONE = "None"
    BASIC = "Basic"
    """User and password (RFC 7617)."""
    BEARER = "Bearer"
    """A token (RFC 6750)."""
    API_KEY = "ApiKey"
    """The header ``X-Api-Key``."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``sealed_secret``: password, token or key, encrypted; None when `auth` needs none."""

    url: str
    auth: EndpointAuth = EndpointAuth.NONE
    user: str | None = None
    sealed_secret: bytes | None = None


def require_endpoint(url: str, auth: EndpointAuth, user: str | None, secret: str | None) -> None:
    """The form of an endpoint, with its secret in clear. Raises: BadInput."""
    require_endpoint_url(url)
    if (auth is EndpointAuth.BASIC) != (user is not None):
        raise BadInput("A user belongs to Basic, and only to it.", path="user")
    if user is not None and (not 0 < len(user) <= MAX_USER or ":" in user or not user.isprintable()):
        raise BadInput(f"A user has 1 to {MAX_USER} printable characters and no colon.", path="user")
    if (auth is EndpointAuth.NONE) != (secret is None):
        raise BadInput("Basic, Bearer and ApiKey need a secret, None has none.", path="secret")
    if secret is None:
        return
    if not 0 < len(secret) <= MAX_SECRET:
        raise BadInput(f"A secret has 1 to {MAX_SECRET} characters.", path="secret")
    # A password travels in base64; a token and a key as they are.
    clean = secret.isprintable() if auth is EndpointAuth.BASIC else _VISIBLE.fullmatch(secret)
    if not clean:
        raise BadInput("The secret has characters that cannot be sent.", path="secret")


def require_endpoint_url(url: str, field: str = "url") -> None:
    """`field` is what the request calls it. Raises: BadInput."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadInput(f"The {field} of the endpoint is no address.", path=field) from error
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or len(url) > MAX_URL:
        raise BadInput(
            f"The {field} of the endpoint is absolute, http or https, at most {MAX_URL} characters, without a user.",
            path=field,
        )
    if not _VISIBLE.fullmatch(url) or "\\" in url:
        raise BadInput(f"The {field} of the endpoint has characters that must be escaped.", path=field)
