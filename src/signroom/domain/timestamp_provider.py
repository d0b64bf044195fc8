"""Timestamp providers that an operator has set by command or API, beside those of the file of settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from signroom.domain.errors import BadInput, BadTimestampProvider
from signroom.domain.security_context import BY_NAME
from signroom.domain.timestamp import DEFAULT_TIER, require_tier

MAX_PROVIDERS = 50
"""Of the whole installation. Each keeps connections of its own."""
MAX_NAME, MAX_URL, MAX_USER, MAX_SECRET = 100, 1024, 255, 2048
MAX_PEM = 64 << 10
"""Bytes of a certificate, its chain and its key together."""
LAST_PRIORITY = 100
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")
_KEY_IS_ENCRYPTED = re.compile(r"BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED")


class ProviderAuth(StrEnum):
    """How an authority is told who asks."""

    NONE = "None"
    BASIC = "Basic"
    """User and password (RFC 7617)."""
    BEARER = "Bearer"
    """A token (RFC 6750)."""
    API_KEY = "ApiKey"
    """A header that the authority names, ``X-Api-Key`` when nothing is said."""
    MUTUAL_TLS = "MutualTls"
    """A certificate and its key, in the TLS handshake."""


@dataclass(frozen=True, slots=True)
class StoredProvider:
    """A provider as the database has it. `sealed_secret` is None where `auth` is None."""

    id: UUID
    name: str
    url: str
    context_name: str
    """Of a built-in security context: providers are of no subscription."""
    tier: str = DEFAULT_TIER
    priority: int = 1
    auth: ProviderAuth = ProviderAuth.NONE
    user: str | None = None
    """The user of Basic, or the name of the header of ApiKey."""
    sealed_secret: bytes | None = None


def require_provider(provider: StoredProvider, secret: str | None) -> None:
    """The form of a provider; `secret` is in clear: password, token, key, or certificate and key as PEM.

    Raises: BadTimestampProvider.
    """
    if not 0 < len(provider.name) <= MAX_NAME or not _NAME.fullmatch(provider.name):
        raise BadTimestampProvider(f"A name has 1 to {MAX_NAME} characters that can be printed.", path="name")
    scheme = _scheme(provider.url)
    context = BY_NAME.get(provider.context_name)
    if context is None or context.any_issuer:
        raise BadTimestampProvider(
            "The context is a built-in one with trusted roots, such as icp-brasil.", path="context"
        )
    try:
        require_tier(provider.tier)
    except BadInput as error:
        raise BadTimestampProvider(error.detail, path="tier") from error
    if not 1 <= provider.priority <= LAST_PRIORITY:
        raise BadTimestampProvider(f"A priority is a whole number from 1 to {LAST_PRIORITY}.", path="priority")
    if provider.auth is ProviderAuth.NONE:
        if secret is not None or provider.user is not None:
            raise BadTimestampProvider("Say in auth how the secret is sent.", path="auth")
        return
    if scheme != "https":
        raise BadTimestampProvider("Credentials are sent to an https address only.", path="url")
    _require_user(provider.auth, provider.user)
    if secret is None:
        raise BadTimestampProvider(f"{provider.auth} needs a secret.", path="secret")
    _require_secret(provider.auth, secret)


def _scheme(url: str) -> str:
    """Raises: BadTimestampProvider."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadTimestampProvider("The url is none.", path="url") from error
    plain = len(url) <= MAX_URL and _VISIBLE.fullmatch(url) is not None and "\\" not in url and "#" not in url
    if not plain or not host or port == 0 or "@" in parts.netloc or parts.scheme not in {"http", "https"}:
        raise BadTimestampProvider(
            "The url is an address like https://tsa.example/tsr, without a password in it.", path="url"
        )
    return parts.scheme


def _require_user(auth: ProviderAuth, user: str | None) -> None:
    """Raises: BadTimestampProvider."""
    if auth is ProviderAuth.BASIC:
        if user is None or not 0 < len(user) <= MAX_USER or ":" in user or not user.isprintable():
            raise BadTimestampProvider(f"A user has 1 to {MAX_USER} printable characters and no colon.", path="user")
    elif auth is ProviderAuth.API_KEY:
        if user is not None and not _HEADER.fullmatch(user):
            raise BadTimestampProvider("The header is a name like X-Api-Key.", path="user")
    elif user is not None:
        raise BadTimestampProvider("A user belongs to Basic, and the name of a header to ApiKey.", path="user")


def _require_secret(auth: ProviderAuth, secret: str) -> None:
    """Raises: BadTimestampProvider."""
    if auth is ProviderAuth.MUTUAL_TLS:
        if len(secret) > MAX_PEM or not secret.isascii():
            raise BadTimestampProvider(
                f"Certificate and key are PEM, together at most {MAX_PEM >> 10} KB.", path="secret"
            )
        if _KEY_IS_ENCRYPTED.search(secret):
            raise BadTimestampProvider(
                "The key needs a password: give it without one. It is kept encrypted here.", path="secret"
            )
        return
    if not 0 < len(secret) <= MAX_SECRET:
        raise BadTimestampProvider(f"A secret has 1 to {MAX_SECRET} characters.", path="secret")
    # A password travels in base64; a token and a key as they are.
    if not (secret.isprintable() if auth is ProviderAuth.BASIC else _VISIBLE.fullmatch(secret)):
        raise BadTimestampProvider("The secret has characters that cannot be sent.", path="secret")


def provider_owner(provider_id: UUID) -> str:
    """Under whose name a provider's secret is sealed."""
    return f"timestamp-provider:{provider_id}"
