"""Bodies of requests: how many bytes are held at once, for whom, and JSON with files in it that never blocks the loop.

A body is charged to its application and its subscription while it is read and until its request is answered. Beyond
their share the answer is 429, beyond that of the process 503, before more is read. What is streamed to the disk (an
upload) is not held and does not count.

In JSON a file is a text of many megabytes. It is taken out while the body comes in, piece by piece. So the JSON that is
left is small, and decoding it takes the event loop some milliseconds, whatever the size of the files.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.enums import ScopeType
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.serialization import decode_json
from litestar.types import ASGIApp, Receive, Scope, Send

from signroom.domain.errors import BadInput, CapacityUnavailable, TooManyRequests
from signroom.http.headers import sent

SMALL_BODY = 1 << 20
"""Bytes of JSON where no file is expected."""
MAX_MEMBERS = 20_000
"""Ten times what a hundred documents with all their options have."""
_MAX_QUOTES = 5 * MAX_MEMBERS
_MAX_REST = 4 << 20
"""Bytes of JSON without its files."""
_LARGE, _MANY, _LARGE_OF_MANY = 256 << 10, 1 << 20, 16 << 10
"""A longer text is taken out; once there is `_MANY` JSON, also one that is longer than `_LARGE_OF_MANY`."""
_AT_ONCE = 32 << 10
"""Bytes that are looked through before others get a turn."""
_AGAIN_SECONDS = 2
_MOST_DIGITS = 20
_ROOM, _DECODED = "signroom_room", "signroom_decoded"
_MARK = b"\xef\xbb\xbf"
"""The byte order mark that .NET Framework writes before UTF-8. RFC 8259, 8.1, lets a reader pass over it."""
_UNFINISHED = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?\Z")


class Bodies:
    """ASGI middleware that counts the bytes of bodies that are held."""

    def __init__(self, app: ASGIApp, total: int, largest: int) -> None:
        """`total` in bytes, for the process. One body of `largest` bytes always finds room when nothing is held."""
        self._app = app
        self.total = max(total, largest)
        self.per_application = max(total // 4, largest)
        self.per_subscription = max(total // 2, largest)
        self.pages = max(total // 4, SMALL_BODY)
        self.pages_of_subscription = max(self.pages // 2, SMALL_BODY)
        self.held: Counter[Hashable] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        room = Room(self)
        scope["state"][_ROOM] = room
        try:
            await self._app(scope, receive, send)
        finally:
            room.leave()


class Room:
    """What the body of one request holds, and whose it is."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._owners: dict[Hashable, int] = {"pages": bodies.pages}
        self._most = SMALL_BODY
        self._taken = 0

    def of_application(self, application_id: UUID, subscription_id: UUID, most: int) -> None:
        """The body is an application's, and has `most` bytes."""
        bodies = self._bodies
        self._most = most
        self._owners = {application_id: bodies.per_application, subscription_id: bodies.per_subscription}

    def of_page(self, session_id: UUID, subscription_id: UUID | None, most: int, share: int) -> None:
        """The body is of the page of a session, and has `most` bytes. The session may hold `share` bytes.

        All pages have one share together, of which the pages of a subscription may hold a half.
        """
        bodies = self._bodies
        self._most = most
        self._owners = {session_id: share, "pages": bodies.pages}
        if subscription_id is not None:
            self._owners["pages", subscription_id] = bodies.pages_of_subscription

    def require(self, length: int) -> None:
        """Ask for room for `length` bytes more. Raises: RequestEntityTooLarge, TooManyRequests, CapacityUnavailable."""
        if self._taken + length > self._most:
            raise RequestEntityTooLarge
        held = self._bodies.held
        if any(held[owner] + length > share for owner, share in self._owners.items()):
            raise TooManyRequests("The bodies of other requests are being handled.", retry_after=_AGAIN_SECONDS)
        if held["process"] + length > self._bodies.total:
            raise CapacityUnavailable

    def take(self, length: int) -> None:
        """Raises: RequestEntityTooLarge, TooManyRequests, CapacityUnavailable."""
        self.require(length)
        self._taken += length
        self._change(length)

    def leave(self) -> None:
        """The request was answered."""
        if self._taken:
            self._change(-self._taken)
            self._taken = 0

    def _change(self, length: int) -> None:
        held = self._bodies.held
        for owner in (*self._owners, "process"):
            held[owner] += length
            if held[owner] <= 0:
                del held[owner]


def decoded_of(scope: Scope) -> Any:
    """The JSON of the body, for whoever must say what is wrong with it. None when it was not read."""
    return scope["state"].get(_DECODED)


def room_of(scope: Scope) -> Room:
    found: Room = scope["state"][_ROOM]
    return found


class LargeText:
    """A text of a JSON body as it was sent, with its escapes, in pieces."""

    __slots__ = ("_pieces", "length")

    def __init__(self, begin: bytes) -> None:
        self._pieces = [begin]
        self.length = len(begin)

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.length += len(piece)

    def parts(self) -> Iterator[str]:
        """The text, piece by piece. Raises: ValueError for what is not ASCII or not a text of JSON."""
        rest = b""
        for piece in self._pieces:
            raw = rest + piece
            rest = b""
            if b"\\" in raw:
                unfinished = _UNFINISHED.search(raw, max(0, len(raw) - 6))
                if unfinished is not None:
                    raw, rest = raw[: unfinished.start()], raw[unfinished.start() :]
            yield json.loads(b'"' + raw + b'"') if b"\\" in raw else raw.decode("ascii")
        if rest:
            raise ValueError("an escape is not finished")


class JsonReader:
    """Reads JSON as it comes and takes large texts out of it. It does not check the syntax: a decoder does, later."""

    def __init__(self) -> None:
        self.texts: dict[str, LargeText] = {}
        """By the words that stand in their place, which nobody can guess."""
        self._nonce = ""
        """Drawn for the first large text. Most bodies have none, and the system's source of chance costs a call."""
        self._json = bytearray()
        self._begin = 0
        """Where the text begins that is being read."""
        self._in_text = False
        self._large: LargeText | None = None
        self._escaped = False
        """True when the last byte is a backslash that escapes the next."""
        self._members = self._quotes = 0

    def feed(self, chunk: bytes) -> None:
        """Raises: BadInput for what has more values than any request needs."""
        start = 0
        while start < len(chunk):
            start = self._read_text(chunk, start) if self._in_text else self._read_between(chunk, start)
        if self._members > MAX_MEMBERS or self._quotes > _MAX_QUOTES:
            raise BadInput(f"It has more than {MAX_MEMBERS} values.")
        if len(self._json) > _MAX_REST:
            raise BadInput(f"It has more than {_MAX_REST} bytes beside its files.")

    def end(self) -> bytes:
        """The JSON without the large texts."""
        return bytes(self._json)

    def _read_between(self, chunk: bytes, start: int) -> int:
        quote = chunk.find(b'"', start)
        end = len(chunk) if quote < 0 else quote + 1
        # Not in a loop: between two texts there are a few bytes, and a generator costs more than to count them.
        self._members += chunk.count(b",", start, end) + chunk.count(b"{", start, end) + chunk.count(b"[", start, end)
        self._json += chunk[start:end]
        if quote >= 0:
            self._in_text, self._escaped, self._begin = True, False, len(self._json)
            self._quotes += 1
        return end

    def _read_text(self, chunk: bytes, start: int) -> int:
        end = self._end_of_text(chunk, start)
        self._keep(chunk[start : len(chunk) if end < 0 else end])
        if end < 0:
            return len(chunk)
        if self._large is not None:
            self._nonce = self._nonce or secrets.token_hex(16)
            place = f"{self._nonce}:{len(self.texts)}"
            self.texts[place] = self._large
            self._json += place.encode()
            self._large = None
        self._json += b'"'
        self._in_text = False
        return end + 1

    def _end_of_text(self, chunk: bytes, start: int) -> int:
        """Where the quote is that ends the text, or -1."""
        begin = start
        while True:
            quote = chunk.find(b'"', start)
            end = len(chunk) if quote < 0 else quote
            # Before `start` is a quote or the beginning: no run of backslashes goes on there.
            backslashes = end - start - len(chunk[start:end].rstrip(b"\\"))
            # A run that reaches the beginning of the piece goes on with the piece before.
            escaped = (backslashes + (self._escaped if end - backslashes == begin else 0)) % 2 == 1
            if quote < 0 or not escaped:
                self._escaped = escaped
                return quote
            self._quotes += 1
            start = quote + 1

    def _keep(self, piece: bytes) -> None:
        if self._large is not None:
            self._large.add(piece)
            return
        self._json += piece
        longest = _LARGE if self._begin < _MANY else _LARGE_OF_MANY
        if len(self._json) - self._begin > longest:
            self._large = LargeText(bytes(self._json[self._begin :]))
            del self._json[self._begin :]


class WireRequest(Request[Any, Any, Any]):
    """A request whose JSON is read by `JsonReader`, and whose bytes are counted in its `Room`."""

    _read: bytes | None = None
    _texts: dict[str, LargeText]
    _digest: bytes | None = None
    _found: Any = None

    @property
    def content_length(self) -> int | None:
        """As the framework has it, which makes its table of all header lines to find one."""
        announced = sent(self.scope["headers"], b"content-length")
        is_plain = announced.isdecimal() and len(announced) < _MOST_DIGITS
        return int(announced) if is_plain else super().content_length

    async def body(self) -> bytes:
        """The JSON without its large texts.

        Raises: BadInput, RequestEntityTooLarge, TooManyRequests, CapacityUnavailable.
        """
        if self._read is None:
            room, reader = room_of(self.scope), JsonReader()
            has_key = any(name == b"idempotency-key" for name, _ in self.scope["headers"])
            digest = hashlib.sha256() if has_key else None
            looked_through = 0
            async for chunk in self.stream():
                room.take(len(chunk))
                for start in range(0, len(chunk), _AT_ONCE):
                    if looked_through >= _AT_ONCE:
                        await asyncio.sleep(0)
                        looked_through = 0
                    piece = chunk[start : start + _AT_ONCE]
                    if digest is not None:
                        digest.update(piece)
                    reader.feed(piece)
                    looked_through += len(piece)
            self._read, self._texts = reader.end(), reader.texts
            self._digest = None if digest is None else digest.digest()
        return self._read

    async def json(self) -> Any:
        """What the body says. Decoded once. Raises: as `body`, and litestar's for what is not JSON."""
        if self._found is None:
            body = (await self.body()).removeprefix(_MARK)
            found = decode_json(body or b"null", type_decoders=self.route_handler.resolve_type_decoders())
            self._found = _put_back(found, self._texts) if self._texts else found
            self.scope["state"][_DECODED] = self._found
        return self._found

    async def digest(self) -> bytes:
        """SHA-256 of the body as it was sent, for a request with an ``Idempotency-Key``."""
        await self.body()
        if self._digest is None:
            raise RuntimeError("the request has no Idempotency-Key")
        return self._digest


def _put_back(found: Any, texts: dict[str, LargeText]) -> Any:
    """`found`, with each large text in its place, as a `LargeText`: only what expects one takes it."""
    whole = [found]
    inside: list[Any] = [whole]
    while inside:
        one = inside.pop()
        for key, value in one.items() if isinstance(one, dict) else enumerate(one):
            if isinstance(value, str):
                if value in texts:
                    one[key] = texts[value]
            elif isinstance(value, dict | list):
                inside.append(value)
    return whole[0]
