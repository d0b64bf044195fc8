"""The secret keys of an installation. Every other key that a machine needs is derived from them.

There are two while the operator changes the key. New things are made with the current key only. Things that were made
with the second key are still read. So a change has two steps: first every machine learns both keys, then each takes
the new one as its current key.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_ID = 8
"""Bytes of a key's identifier."""


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """`current` makes and reads, `second` only reads."""

    current: bytes = field(repr=False)
    second: bytes | None = field(default=None, repr=False)

    @property
    def all(self) -> tuple[bytes, ...]:
        """The current key comes first."""
        return (self.current,) if self.second is None else (self.current, self.second)


def key_id(secret: bytes) -> bytes:
    """Tells keys from each other, and says nothing about the key itself."""
    return HKDF(hashes.SHA256(), KEY_ID, salt=None, info=b"signroom.key-id").derive(secret)
