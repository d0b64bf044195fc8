"""The ``ResultTokens`` port: ES256 (RFC 7518, 3.4), which the JWT libraries of all languages know.

The keys are derived from the installation's secret keys: every machine has the same, none stores them. All are
published, so that a token is checked before and after the operator has changed the secret key.
"""

from __future__ import annotations

from collections.abc import Mapping

from joserfc import jwt
from joserfc.jwk import ECKey

from signroom.secrets.derived import derive_p256
from signroom.secrets.secret_keys import SecretKeys


class Es256ResultTokens:
    def __init__(self, keys: SecretKeys) -> None:
        self._secrets = keys
        self._derived: tuple[ECKey, ...] = ()

    def issue(self, claims: Mapping[str, str | int]) -> str:
        key = self._keys()[0]
        return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": key.kid or ""}, dict(claims), key)

    def key_set(self) -> Mapping[str, object]:
        return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"} for key in self._keys()]}

    def _keys(self) -> tuple[ECKey, ...]:
        """The current one comes first."""
        if not self._derived:
            self._derived = tuple(_key(secret) for secret in self._secrets.all)
        return self._derived


def _key(secret: bytes) -> ECKey:
    key = ECKey.import_key(derive_p256(secret, "signroom.result-token.es256"))
    key.ensure_kid()
    return key
