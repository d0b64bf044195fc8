"""Tokens that we sign, and other people's secrets that we keep sealed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol


class Tokens(Protocol):
    """Short-lived, signed tokens. They carry an id and a purpose, nothing else."""

    def issue(self, purpose: str, subject: str, now: datetime) -> str: ...

    def read(self, purpose: str, token: str, now: datetime, *, max_age: timedelta) -> str:
        """The subject. Raises: BadToken, TokenExpired."""

    def derive(self, purpose: str, subject: str) -> str:
        """256 bits that only this installation can make for `subject`, always the same; URL-safe."""


class Secrets(Protocol):
    """Other people's secrets that we must be able to send, unreadable in the database."""

    def seal(self, owner: str, secret: str) -> bytes:
        """`secret` encrypted; it opens only for the same `owner`."""

    def unseal(self, owner: str, sealed: bytes) -> str:
        """Raises: SecretUnreadable."""


class ResultTokens(Protocol):
    """Signed statements that applications can check by themselves (RFC 7519), and the keys to do it with."""

    def issue(self, claims: Mapping[str, str | int]) -> str:
        """A JWS in compact form."""

    def key_set(self) -> Mapping[str, object]:
        """The public keys (RFC 7517, 5)."""
