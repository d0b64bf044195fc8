"""Documents of a session that go through a limited process together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

SMALL = 4 << 20
"""Bytes of a file that is worked on together with others. What a larger one takes is more than what its turn costs."""
CHUNK = 25
"""Documents: so many that what a chunk costs is little for each, so few that a signer sees them come."""
_CHUNK_BYTES = 16 << 20


def in_chunks(documents: Sequence[T], length: Callable[[T], int]) -> list[list[T]]:
    """`documents` in their order. `length` says how many bytes are read for one."""
    chunks: list[list[T]] = []
    octets = 0
    for document in documents:
        if not chunks or len(chunks[-1]) == CHUNK or octets + length(document) > _CHUNK_BYTES:
            chunks.append([])
            octets = 0
        chunks[-1].append(document)
        octets += length(document)
    return chunks
