"""A request that this installation sends to itself (`signroom doctor`), and knows again by its secret key."""

from __future__ import annotations

from datetime import timedelta

from signroom.ports import Ports
from signroom.ports.operations import Clock
from signroom.ports.secrets import Tokens

_PURPOSE = "own-visit"
_SUBJECT = "doctor"
_LIFETIME = timedelta(minutes=2)


def self_check_token(tokens: Tokens, clock: Clock) -> str:
    """For `require_self_check` of any process with the same secret key."""
    return tokens.issue(_PURPOSE, _SUBJECT, clock.now())


def require_self_check(ports: Ports, token: str) -> None:
    """Raises: BadToken, TokenExpired."""
    ports.tokens.read(_PURPOSE, token, ports.clock.now(), max_age=_LIFETIME)
