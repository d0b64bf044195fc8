"""Tokens that we sign, and other people's secrets that we keep sealed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol


class Tokens(Protocol):
    """Short-lived, signed tokens. They carry an id and a purpose, nothing else."""

    def issue(self, purpose: str, subject: str, now: datetime) -> str: ...

    def read(self, purpose: str, token: str, now: datetime, *, max_age: timedelta) -> str:
        """The subject. Raises: BadToken, TokenExpired."""

    def derive(self, purpose: str, subject: str) -> str:
        """256 bits that only this installation can make for `subject`, always the same; URL-safe."""

    def derivations(self, purpose: str, subject: str) -> tuple[str, ...]:
        """What `derive` gives with each secret key of the installation; that of the current key comes first."""


class SealedWith(Enum):
    """Which secret key a sealed secret needs."""

    CURRENT = "current"
    """The key with which new secrets are sealed."""
    SECOND = "second"
    """The other key that this process knows."""
    OTHER = "other"
    """A key that this process does not know."""
    DAMAGED = "damaged"
    """Its key is known, and it does not open: it was changed in the database."""
    UNKNOWN = "unknown"
    """No known key opens it. It is of a form that does not name its key."""


class Secrets(Protocol):
    """Other people's secrets that we must be able to send, unreadable in the database."""

    @property
    def key_id(self) -> bytes:
        """Tells the current secret key from others."""

    def seal(self, owner: str, secret: str) -> bytes:
        """`secret` encrypted; it opens only for the same `owner`."""

    def unseal(self, owner: str, sealed: bytes) -> str:
        """Raises: SecretUnreadable."""

    def sealed_with(self, owner: str, sealed: bytes) -> SealedWith:
        """Which key opens `sealed`, or why none does."""


class ResultTokens(Protocol):
    """Signed statements that applications can check by themselves (RFC 7519), and the keys to do it with."""

    def issue(self, claims: Mapping[str, str | int]) -> str:
        """A JWS in compact form."""

    def key_set(self) -> Mapping[str, object]:
        """The public keys (RFC 7517, 5)."""
