"""Digests of the signed bytes of several signatures, with what they have in common read once.

All ranges begin alike and differ in the gap that each leaves out: up to the first gap one pass serves all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from signroom.formats.pdf.earlier.embedded import Range
from signroom.formats.pdf.reading.syntax import Buffer

_CHUNK = 1 << 20
_SHAKE = {"shake128": ("shake_128", 32), "shake256": ("shake_256", 64)}
"""Name in hashlib, octets of the digest (RFC 8702, 3.1)."""


class RangeDigests:
    """Digests of `ranges` of `buffer`, made when they are asked for, by asn1crypto's names of the algorithms."""

    def __init__(self, buffer: Buffer, ranges: Iterable[Range]) -> None:
        self._buffer = buffer
        self._ranges = sorted(set(ranges), key=lambda one: (one.start, one.gap))
        self._states: dict[str, dict[tuple[int, int], Any]] = {}
        self._known: dict[tuple[str, Range], bytes | None] = {}

    def digest(self, signed: Range, algorithm: str) -> bytes | None:
        """None for an algorithm that is not known here."""
        key = (algorithm, signed)
        if key not in self._known:
            try:
                self._known[key] = self._digest(signed, algorithm)
            except ValueError:
                self._known[key] = None
        return self._known[key]

    def _digest(self, signed: Range, algorithm: str) -> bytes:
        name, *length = _SHAKE.get(algorithm, (algorithm,))
        states = self._states.get(algorithm)
        if states is None:
            states = self._states[algorithm] = self._up_to_the_gaps(str(name))
        found = states[signed.start, signed.gap].copy()
        self._update(found, signed.behind_gap, signed.end)
        digest: bytes = found.digest(*length)
        return digest

    def _up_to_the_gaps(self, name: str) -> dict[tuple[int, int], Any]:
        states: dict[tuple[int, int], Any] = {}
        running: Any = None
        start = at = -1
        for one in self._ranges:
            if running is None or one.start != start:
                running = hashlib.new(name, usedforsecurity=False)
                start = at = one.start
            self._update(running, at, one.gap)
            at = one.gap
            states[one.start, one.gap] = running.copy()
        return states

    def _update(self, digest: Any, start: int, end: int) -> None:
        with memoryview(self._buffer) as view:
            for at in range(start, end, _CHUNK):
                with view[at : min(at + _CHUNK, end)] as part:
                    digest.update(part)
