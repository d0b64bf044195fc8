"""The ``Tokens`` port on itsdangerous: signed, timed, one purpose each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from datetime import datetime, timedelta
from functools import cache, partial

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner, want_bytes

from signroom.domain.errors import BadToken, TokenExpired
from signroom.secrets.secret_keys import SecretKeys


class SignedTokens:
    """HMAC-SHA-256 over ``subject.time`` with a key per purpose, so that one kind never passes for another."""

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys
        # Made once for each purpose, of which there are a few: it costs as much as to sign a hundred bytes.
        self._signer = cache(partial(_Signer, keys))

    def issue(self, purpose: str, subject: str, now: datetime) -> str:
        return self._signer(purpose).sign_at(subject, now)

    def read(self, purpose: str, token: str, now: datetime, *, max_age: timedelta) -> str:
        try:
            return self._signer(purpose).read_at(token, now, max_age)
        except SignatureExpired as error:
            raise TokenExpired from error
        except (BadSignature, UnicodeError) as error:
            raise BadToken from error

    def derive(self, purpose: str, subject: str) -> str:
        return self.derivations(purpose, subject)[0]

    def derivations(self, purpose: str, subject: str) -> tuple[str, ...]:
        return tuple(_derived(secret, purpose, subject) for secret in self._keys.all)


class _Signer(TimestampSigner):
    """Takes the time from our clock instead of the system's. Safe to use from threads."""

    def __init__(self, keys: SecretKeys, purpose: str) -> None:
        # It signs with the last key and reads with each.
        secrets = list(reversed(keys.all))
        super().__init__(secrets, salt=f"signroom.{purpose}", key_derivation="hmac", digest_method=hashlib.sha256)
        self._derived = {secret: super(_Signer, self).derive_key(secret) for secret in self.secret_keys}
        self._time = threading.local()

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        return self._derived[self.secret_key if secret_key is None else want_bytes(secret_key)]

    def get_timestamp(self) -> int:
        now: int = self._time.now
        return now

    def sign_at(self, subject: str, now: datetime) -> str:
        self._time.now = int(now.timestamp())
        return self.sign(subject).decode()

    def read_at(self, token: str, now: datetime, max_age: timedelta) -> str:
        """Raises: BadSignature, SignatureExpired, UnicodeError."""
        self._time.now = int(now.timestamp())
        return self.unsign(token, max_age=int(max_age.total_seconds())).decode()


def _derived(secret: bytes, purpose: str, subject: str) -> str:
    key = hmac.digest(secret, f"signroom.derive.{purpose}".encode(), "sha256")
    value = hmac.digest(key, subject.encode(), "sha256")
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
