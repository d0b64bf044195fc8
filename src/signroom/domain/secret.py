"""Secrets of 256 random bits: API keys, links, upload tokens. Only their hash is stored."""

from __future__ import annotations

import hashlib


def hash_secret(secret: str) -> bytes:
    """The SHA-256 that is stored instead of `secret`.

    A secret of 256 random bits cannot be guessed, so it needs neither a salt nor a slow hash.
    """
    return hashlib.sha256(secret.encode()).digest()
