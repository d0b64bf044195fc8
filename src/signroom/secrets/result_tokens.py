"""The ``ResultTokens`` port: ES256 (RFC 7518, 3.4), which the JWT libraries of all languages know.

The key is derived from the installation's secret: every machine has the same one, none stores it.
"""

from __future__ import annotations

from collections.abc import Mapping

from joserfc import jwt
from joserfc.jwk import ECKey

from signroom.secrets.derived import derive_p256


class Es256ResultTokens:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._key: ECKey | None = None

    def issue(self, claims: Mapping[str, str | int]) -> str:
        key = self._signing_key()
        return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": key.kid or ""}, dict(claims), key)

    def key_set(self) -> Mapping[str, object]:
        return {"keys": [{**self._signing_key().as_dict(private=False), "use": "sig", "alg": "ES256"}]}

    def _signing_key(self) -> ECKey:
        if self._key is None:
            key = ECKey.import_key(derive_p256(self._secret, "signroom.result-token.es256"))
            key.ensure_kid()
            self._key = key
        return self._key
