"""The ``Secrets`` port: AES-256-GCM (NIST SP 800-38D) with a key derived from the installation's secret (HKDF)."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from signroom.domain.errors import SecretUnreadable

_VERSION = b"\x01"
"""Before the nonce: what comes later can tell itself from this."""
_NONCE = 12


class AesGcmSecrets:
    """`version ‖ nonce ‖ ciphertext ‖ tag`; the owner is authenticated beside it, so rows cannot be swapped."""

    def __init__(self, secret: bytes) -> None:
        key = HKDF(hashes.SHA256(), 32, salt=None, info=b"signroom.sealed-secrets.aes-256-gcm").derive(secret)
        self._cipher = AESGCM(key)

    def seal(self, owner: str, secret: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret.encode(), owner.encode())

    def unseal(self, owner: str, sealed: bytes) -> str:
        version, nonce, encrypted = sealed[:1], sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        # Shorter than nonce and tag: cut off, and the library would complain in other words.
        if version != _VERSION or len(nonce) < _NONCE:
            raise SecretUnreadable
        try:
            return self._cipher.decrypt(nonce, encrypted, owner.encode()).decode()
        except InvalidTag as error:
            raise SecretUnreadable from error
