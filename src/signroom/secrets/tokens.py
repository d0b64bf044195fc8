"""The ``Tokens`` port on itsdangerous: signed, timed, one purpose each."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner

from signroom.domain.errors import BadToken, TokenExpired
from signroom.secrets.secret_keys import SecretKeys


class SignedTokens:
    """HMAC-SHA-256 over ``subject.time`` with a key per purpose, so that one kind never passes for another."""

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys

    def issue(self, purpose: str, subject: str, now: datetime) -> str:
        return _signer(self._keys, purpose, now).sign(subject).decode()

    def read(self, purpose: str, token: str, now: datetime, *, max_age: timedelta) -> str:
        try:
            return _signer(self._keys, purpose, now).unsign(token, max_age=int(max_age.total_seconds())).decode()
        except SignatureExpired as error:
            raise TokenExpired from error
        except (BadSignature, UnicodeError) as error:
            raise BadToken from error

    def derive(self, purpose: str, subject: str) -> str:
        return self.derivations(purpose, subject)[0]

    def derivations(self, purpose: str, subject: str) -> tuple[str, ...]:
        return tuple(_derived(secret, purpose, subject) for secret in self._keys.all)


class _Signer(TimestampSigner):
    """Takes the time from our clock instead of the system's."""

    def __init__(self, keys: SecretKeys, purpose: str, now: datetime) -> None:
        # It signs with the last key and reads with each.
        secrets = list(reversed(keys.all))
        super().__init__(secrets, salt=f"signroom.{purpose}", key_derivation="hmac", digest_method=hashlib.sha256)
        self._now = int(now.astimezone(UTC).timestamp())

    def get_timestamp(self) -> int:
        return self._now


def _signer(keys: SecretKeys, purpose: str, now: datetime) -> _Signer:
    return _Signer(keys, purpose, now)


def _derived(secret: bytes, purpose: str, subject: str) -> str:
    key = hmac.digest(secret, f"signroom.derive.{purpose}".encode(), "sha256")
    value = hmac.digest(key, subject.encode(), "sha256")
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
