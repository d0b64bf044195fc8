"""The ``Secrets`` port: AES-256-GCM (NIST SP 800-38D) with keys derived from the installation's secret keys (HKDF).

A sealed secret has one of two forms:

1. ``01 ‖ nonce ‖ ciphertext ‖ tag``. It does not say which key sealed it.
2. ``02 ‖ key identifier ‖ nonce ‖ ciphertext ‖ tag``. A wrong key is told from damage.

The second form is written while two keys are set. The release before this one does not know it, and does not know two
keys either: during a roll-out of releases, when both run on one database, nothing writes it.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from signroom.domain.errors import SecretUnreadable
from signroom.ports.secrets import SealedWith
from signroom.secrets.secret_keys import KEY_ID, SecretKeys, key_id

_ANY_KEY = b"\x01"
_NAMED_KEY = b"\x02"
_NONCE = 12


class AesGcmSecrets:
    """The owner is authenticated beside the secret, so rows cannot be swapped."""

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = {key_id(secret): _cipher(secret) for secret in keys.all}
        self._current = key_id(keys.current)
        self._named = keys.second is not None

    @property
    def key_id(self) -> bytes:
        return self._current

    def seal(self, owner: str, secret: str) -> bytes:
        nonce = os.urandom(_NONCE)
        head = _NAMED_KEY + self._current if self._named else _ANY_KEY
        return head + nonce + self._keys[self._current].encrypt(nonce, secret.encode(), owner.encode())

    def unseal(self, owner: str, sealed: bytes) -> str:
        found = self._open(owner, sealed)
        if isinstance(found, SealedWith):
            raise SecretUnreadable(_REASONS[found])
        return found[1]

    def sealed_with(self, owner: str, sealed: bytes) -> SealedWith:
        found = self._open(owner, sealed)
        if isinstance(found, SealedWith):
            return found
        return SealedWith.CURRENT if found[0] == self._current else SealedWith.SECOND

    def _open(self, owner: str, sealed: bytes) -> tuple[bytes, str] | SealedWith:
        """The identifier of the key and the secret, or why there is none."""
        form, rest = sealed[:1], sealed[1:]
        if form == _ANY_KEY:
            identifiers, failure = list(self._keys), SealedWith.UNKNOWN
        elif form == _NAMED_KEY:
            identifiers, rest, failure = [rest[:KEY_ID]], rest[KEY_ID:], SealedWith.DAMAGED
            if identifiers[0] not in self._keys:
                return SealedWith.OTHER if len(identifiers[0]) == KEY_ID else SealedWith.DAMAGED
        else:
            return SealedWith.DAMAGED
        nonce, encrypted = rest[:_NONCE], rest[_NONCE:]
        # Shorter than nonce and tag: cut off, and the library would complain in other words.
        if len(nonce) < _NONCE:
            return SealedWith.DAMAGED
        for identifier in identifiers:
            try:
                return identifier, self._keys[identifier].decrypt(nonce, encrypted, owner.encode()).decode()
            except InvalidTag:
                continue
        return failure


_REASONS = {
    SealedWith.OTHER: "It was sealed with another SIGNROOM_SECRET_KEY.",
    SealedWith.DAMAGED: "It was changed in the database.",
    SealedWith.UNKNOWN: None,
}


def _cipher(secret: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, salt=None, info=b"signroom.sealed-secrets.aes-256-gcm").derive(secret))
