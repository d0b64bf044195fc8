"""Secrets of endpoints that applications gave us: kept for that very endpoint, and shown to it alone."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from signroom.domain.endpoint import Endpoint, EndpointAuth, require_endpoint
from signroom.ports.secrets import Secrets

KEPT = "kept"
"""Stands for a stored secret while the form of its endpoint is checked."""


@dataclass(frozen=True, slots=True)
class GivenEndpoint:
    """``secret``: password, token or key in clear. None keeps the one that is stored for this very endpoint."""

    url: str
    auth: EndpointAuth = EndpointAuth.NONE
    user: str | None = None
    secret: str | None = None


def sealed_endpoint(given: GivenEndpoint, known: Endpoint | None, secrets: Secrets, owner: str) -> Endpoint:
    """As it is stored; `known` is what was stored before. Raises: BadInput."""
    sealed = None
    # Only where it goes already: whoever may change the address must not get the secret sent to his own.
    if given.secret is None and known is not None:
        same = (known.url, known.auth, known.user) == (given.url, given.auth, given.user)
        sealed = known.sealed_secret if same else None
    secret = KEPT if sealed is not None else given.secret
    require_endpoint(given.url, given.auth, given.user, secret)
    if given.secret is not None:
        sealed = secrets.seal(owner, given.secret)
    return Endpoint(given.url, given.auth, given.user, sealed)


def credentials(secrets: Secrets, endpoint: Endpoint, owner: str) -> dict[str, str]:
    """The headers that say who we are. Raises: SecretUnreadable."""
    if endpoint.sealed_secret is None:
        return {}
    secret = secrets.unseal(owner, endpoint.sealed_secret)
    match endpoint.auth:
        case EndpointAuth.BASIC:
            pair = base64.b64encode(f"{endpoint.user}:{secret}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        case EndpointAuth.BEARER:
            return {"Authorization": f"Bearer {secret}"}
        case EndpointAuth.API_KEY:
            return {"X-Api-Key": secret}
        case EndpointAuth.NONE:
            return {}
