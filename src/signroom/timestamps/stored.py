"""Stored providers with their secrets in clear, as an authority is asked."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import structlog

from signroom.domain.errors import SecretUnreadable
from signroom.domain.security_context import BY_NAME
from signroom.domain.timestamp import ClientPem, Credentials, HeaderCredentials, TimestampProvider
from signroom.domain.timestamp_provider import ProviderAuth, StoredProvider, provider_owner
from signroom.ports.secrets import Secrets
from signroom.ports.store import Store

log = structlog.get_logger()


class StoredProviders:
    """Those of the database."""

    def __init__(self, store: Store, secrets: Secrets) -> None:
        self._store, self._secrets = store, secrets

    def all(self) -> Sequence[TimestampProvider]:
        """All that can be asked. One whose secret does not open is left out, and the log says so.

        Raises: DatabaseUnavailable.
        """
        with self._store.ask() as work:
            stored = work.timestamp_providers.all()
        found = []
        for one in stored:
            try:
                found.append(self.opened(one))
            except SecretUnreadable:
                log.warning("timestamp.secret_unreadable", provider=one.name)
        return found

    def opened(self, stored: StoredProvider) -> TimestampProvider:
        """Raises: SecretUnreadable."""
        return TimestampProvider(
            name=stored.name,
            url=stored.url,
            context=BY_NAME[stored.context_name],
            tier=stored.tier,
            priority=stored.priority,
            credentials=_credentials(self._secrets, stored),
        )


def _credentials(secrets: Secrets, stored: StoredProvider) -> Credentials | None:
    """Raises: SecretUnreadable."""
    if stored.sealed_secret is None:
        return None
    secret = secrets.unseal(provider_owner(stored.id), stored.sealed_secret)
    match stored.auth:
        case ProviderAuth.BASIC:
            pair = base64.b64encode(f"{stored.user}:{secret}".encode()).decode()
            return HeaderCredentials("Authorization", f"Basic {pair}")
        case ProviderAuth.BEARER:
            return HeaderCredentials("Authorization", f"Bearer {secret}")
        case ProviderAuth.API_KEY:
            return HeaderCredentials(stored.user or "X-Api-Key", secret)
        case ProviderAuth.MUTUAL_TLS:
            return ClientPem(secret)
        case ProviderAuth.NONE:
            return None
