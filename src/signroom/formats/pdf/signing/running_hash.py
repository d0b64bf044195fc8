"""A SHA-256 that can be put away and taken up again: a file is hashed once, at upload.

hashlib cannot store its state. libcrypto's ``SHA256_CTX`` is a plain structure of 112 bytes, the same on every machine
of one byte order. Where no libcrypto can be loaded the state is empty, and the file is hashed again when it is needed.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
import sys
from functools import cache

_STATE = 112
"""Bytes of ``SHA256_CTX``: eight words of state, the length, a block, its fill, the digest's length."""
_FILL = struct.Struct("=II")
"""The last two numbers of a state: how much of its block is filled, and the digest's length."""
_BLOCK, _DIGEST = 64, 32
_MARK = b"L" if sys.byteorder == "little" else b"B"
NO_STATE = b""
"""The state of a hash that cannot be put away."""


class CannotResume(Exception):
    """The state is of another machine or none at all, or there is no libcrypto here."""


@cache
def _libcrypto() -> ctypes.CDLL | None:
    """The library, once it has shown that it hashes as hashlib does."""
    import hashlib

    name = ctypes.util.find_library("crypto")
    if name is None:
        return None
    try:
        library = ctypes.CDLL(name)
        for function in (library.SHA256_Init, library.SHA256_Update, library.SHA256_Final):
            function.restype = ctypes.c_int
        library.SHA256_Init.argtypes = [ctypes.c_void_p]
        library.SHA256_Update.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
        library.SHA256_Final.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    except (OSError, AttributeError):
        return None
    probe = bytes(range(200))
    context = ctypes.create_string_buffer(_STATE)
    digest = ctypes.create_string_buffer(_DIGEST)
    library.SHA256_Init(context)
    library.SHA256_Update(context, probe, len(probe))
    library.SHA256_Final(digest, context)
    return library if digest.raw == hashlib.sha256(probe).digest() else None


class RunningSha256:
    """SHA-256 (FIPS 180-4) of bytes that come in pieces, possibly on several days."""

    def __init__(self, state: bytes | None = None) -> None:
        """Go on from `state`, or begin. Raises: CannotResume."""
        library = _libcrypto()
        if library is None or (state is not None and not _is_state(state)):
            raise CannotResume
        self._library = library
        self._context = ctypes.create_string_buffer(_STATE)
        if state is None:
            library.SHA256_Init(self._context)
        else:
            ctypes.memmove(self._context, state[1:], _STATE)

    def update(self, data: bytes) -> None:
        self._library.SHA256_Update(self._context, data, len(data))

    def state(self) -> bytes:
        """What `__init__` takes to go on from here."""
        return _MARK + self._context.raw

    def digest(self) -> bytes:
        """Of what came in so far; more may come afterwards."""
        context = ctypes.create_string_buffer(self._context.raw, _STATE)
        found = ctypes.create_string_buffer(_DIGEST)
        self._library.SHA256_Final(found, context)
        return found.raw


def _is_state(state: bytes) -> bool:
    """The library looks at neither number: it would write behind the block, and read behind the words."""
    if len(state) != _STATE + 1 or state[:1] != _MARK:
        return False
    filled, length = _FILL.unpack_from(state, len(state) - _FILL.size)
    return bool(filled < _BLOCK and length == _DIGEST)
