"""Digests of strangers' signatures, under asn1crypto's names. What is not here cannot be computed."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any, Protocol

_SHAKE = {"shake128": ("shake_128", 32), "shake256": ("shake_256", 64)}
"""Name in hashlib, octets of the digest (RFC 8702, 3.1)."""
_OTHER_NAMES = {"1.3.36.3.2.1": "ripemd160"}
"""Algorithms that asn1crypto has no name for."""
_NAMES = frozenset(
    {
        "md5",
        "ripemd160",
        "sha1",
        "sha224",
        "sha256",
        "sha384",
        "sha512",
        "sha512_224",
        "sha512_256",
        "sha3_224",
        "sha3_256",
        "sha3_384",
        "sha3_512",
        *_SHAKE,
    }
)
WEAK = frozenset({"md5", "ripemd160", "sha1"})
"""A document can be forged for these today, or soon."""


class Hash(Protocol):
    """The part of hashlib's objects that is used."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Shake:
    """A SHAKE function with the length that CMS gives it."""

    def __init__(self, name: str) -> None:
        function, self._length = _SHAKE[name]
        self._hash: Any = hashlib.new(function)

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        digest: bytes = self._hash.digest(self._length)
        return digest


def digest_name(identifier: Any) -> str | None:
    """The name of a DigestAlgorithmIdentifier of asn1crypto; None for one that cannot be computed."""
    native = identifier["algorithm"].native
    name = _OTHER_NAMES.get(native, native)
    return name if is_known(name) else None


@cache
def is_known(name: str) -> bool:
    """Some builds of OpenSSL have no RIPEMD-160, some no MD5."""
    if name not in _NAMES:
        return False
    try:
        new_hash(name)
    except ValueError:
        return False
    return True


def new_hash(name: str) -> Hash:
    """Raises: ValueError for an algorithm that is not known."""
    return _Shake(name) if name in _SHAKE else hashlib.new(name, usedforsecurity=False)


def digest_of(octets: bytes, name: str) -> bytes:
    """Raises: ValueError for an algorithm that is not known."""
    hashed = new_hash(name)
    hashed.update(octets)
    return hashed.digest()
