"""The ``ResultTokens`` port: ES256 (RFC 7518, 3.4), which the JWT libraries of all languages know.

The key is derived from the installation's secret (HKDF, RFC 5869): every machine has the same one, none stores it.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.jwk import ECKey

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (FIPS 186-5; SEC 2, 2.4.2)."""


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
            # Eight bytes more than the order, so that no value is likelier than another (FIPS 186-5, A.2.1).
            octets = HKDF(hashes.SHA256(), 40, salt=None, info=b"signroom.result-token.es256").derive(self._secret)
            number = int.from_bytes(octets, "big") % (_ORDER - 1) + 1
            key = ECKey.import_key(ec.derive_private_key(number, ec.SECP256R1()))
            key.ensure_kid()
            self._key = key
        return self._key
