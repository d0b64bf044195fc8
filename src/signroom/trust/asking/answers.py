"""Questions to addresses in certificates, each asked once: the answers are kept as long as they count.

An answer is looked for in the memory of this process, then in the store that all processes share, then outside. Who
asks the same at the same time waits for the one who asked first. An answer is kept for longer than a moment only when
somebody has checked it and says until when it counts; it is checked again wherever it is used. What nobody answered is
not asked again for a moment, and a host that hangs is left alone by all (`resting`).

Writing to the store never delays an answer. A store that is away changes nothing but the number of questions.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import structlog

from signroom.domain.errors import Unavailable
from signroom.ports.outside import AnswerStore, Exchange, KeptAnswer, Unreachable
from signroom.trust.asking.resting import Hosts

T = TypeVar("T")
log = structlog.get_logger()

MEMORY = 64 << 20
"""Bytes of answers that a process remembers."""
_SMALLEST = 1 << 10
"""What any answer counts as."""
_MOMENT = timedelta(seconds=5)
_MOST_FAILURES = 10_000
_MOST_WRITES = 100
"""Answers that wait to be written. More are not kept for others: they are asked for again."""

Count = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked outside. ``limit``: bytes of the answer. Without a body it is a GET."""

    url: str
    limit: int
    body: bytes | None = None
    content_type: str | None = None
    redirects: bool = True
    """Whether the answer may come from where the address leads."""

    @property
    def key(self) -> bytes:
        """All that decides what comes of it: a failure within a small limit says nothing about a larger one."""
        method = b"GET" if self.body is None else b"POST"
        terms = f"{self.limit} {int(self.redirects)} {self.content_type or ''}".encode()
        return hashlib.sha256(b"\0".join((method, terms, self.url.encode(), self.body or b""))).digest()


@dataclass(frozen=True, slots=True)
class Ages:
    """For how long answers count at most, from the moment at which they were asked for."""

    response: timedelta = timedelta()
    """Of OCSP."""
    list: timedelta = timedelta()
    """A revocation list counts until its nextUpdate, but not for longer than this."""
    endless_list: timedelta = timedelta(hours=1)
    """A list without a nextUpdate."""
    issuer: timedelta = timedelta(days=1)

    @property
    def moment(self) -> timedelta:
        """For answers that nobody has checked, and for failures."""
        return min(_MOMENT, self.response)


NOT_KEPT = Ages(issuer=timedelta())
"""Everything is asked for each time."""


@dataclass(slots=True, eq=False)
class Heard:
    """An answer, and what was read from it: that is read once, however many threads want it."""

    question: Question
    octets: bytes
    asked_at: datetime
    until: datetime
    """Then it is forgotten."""
    stored: bool = False
    """The store that is shared has it."""
    loaded: bool = False
    """It came from the store: this process did not ask for it itself."""
    _read: dict[Hashable, object] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def once(self, what: Hashable, read: Callable[[], T]) -> T:
        """What `read` makes of it; done once for each `what`. Raises: what `read` raises, each time anew."""
        with self._reading:
            if what not in self._read:
                self._read[what] = read()
            return cast(T, self._read[what])


def _count_nothing(_what: str, _label: str) -> None:
    """For a process without metrics."""


def _now() -> datetime:
    return datetime.now(UTC)


class Answers:
    """Asks through `fetch`; None: nothing is ever asked. `store` None: nothing is shared with other processes."""

    def __init__(
        self,
        fetch: Exchange | None,
        store: AnswerStore | None = None,
        ages: Ages = NOT_KEPT,
        *,
        now: Callable[[], datetime] = _now,
        count: Count = _count_nothing,
        memory: int = MEMORY,
        hosts: Hosts | None = None,
    ) -> None:
        """`now` is the clock. `count` is of a `Meter`. `memory` in bytes. `hosts`: which of them rest."""
        self._hosts = Hosts() if hosts is None else hosts
        self.ages = ages
        self._fetch, self._store, self._now, self._count = fetch, store, now, count
        self._memory = _Memory(memory)
        self._failed: OrderedDict[bytes, tuple[datetime, str]] = OrderedDict()
        self._flights: dict[bytes, Future[Heard]] = {}
        self._lock = threading.Lock()
        self._unwritten: dict[bytes, KeptAnswer] = {}
        self._closed = False
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="signroom-answers")

    def load(self, questions: Collection[Question]) -> None:
        """Take into memory what the store has of the answers to `questions`: one statement, or none."""
        if self._store is None:
            return
        now = self._now()
        with self._lock:
            wanted = {question.key: question for question in questions}
            wanted = {key: question for key, question in wanted.items() if self._memory.get(key, now) is None}
        if not wanted:
            return
        try:
            found = self._store.find(wanted.keys(), now)
        except Unavailable as error:
            log.warning("answers.store_away", code=error.code)
            return
        for key, kept in found.items():
            with self._lock:
                heard = Heard(wanted[key], kept.octets, kept.asked_at, kept.valid_until, stored=True, loaded=True)
                self._memory.put(key, heard)

    def kept(self, question: Question) -> Heard | None:
        """From memory alone. None for what is not there."""
        with self._lock:
            return self._memory.get(question.key, self._now())

    def ask(self, question: Question, seconds: float, *, besides: Heard | None = None) -> Heard:
        """The answer, kept or asked for. `besides`: one that was of no use, so another one is wanted.

        Waits at most `seconds` for somebody else who asks the same. Raises: Unreachable.
        """
        key, now = question.key, self._now()
        with self._lock:
            heard = self._memory.get(key, now)
            recent = heard is not None and not heard.loaded and now - heard.asked_at < self.ages.moment
            if heard is not None and (heard is not besides or recent):
                self._count("revocation", "kept")
                return heard
            failed = self._failed.get(key)
            if failed is not None and failed[0] > now:
                self._count("revocation", "failed")
                raise Unreachable(failed[1])
            flight = self._flights.get(key)
            own = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if own:
            self._fly(question, key, flight)
        try:
            return flight.result(max(seconds, 0))
        except NotInTime as error:
            raise Unreachable("It took too long.") from error

    def confirm(self, heard: Heard, until: datetime) -> None:
        """Somebody has checked `heard`: it counts until `until`, for other processes too."""
        if heard.stored or until <= heard.until:
            return
        with self._lock:
            heard.until, heard.stored = until, True
            self._memory.put(heard.question.key, heard)
            if self._store is None or self._closed:
                return
            key = heard.question.key
            first = not self._unwritten
            if len(self._unwritten) < _MOST_WRITES:
                self._unwritten[key] = KeptAnswer(key, heard.octets, heard.asked_at, until)
            if first:
                self._writer.submit(self._write)

    def flush(self) -> None:
        """Wait until everything is written that was confirmed by now."""
        self._writer.submit(lambda: None).result()

    def close(self) -> None:
        """Write what is left, and end. Questions may still be asked; what comes of them is not kept for others."""
        with self._lock:
            self._closed = True
        self._writer.shutdown()

    def _fly(self, question: Question, key: bytes, flight: Future[Heard]) -> None:
        """Ask outside. Whoever waits for the `flight` gets the answer, or the exception."""
        asked_at = self._now()
        try:
            if self._fetch is None:
                raise Unreachable("Nothing is fetched here.")
            with self._hosts.asking(question.url):
                octets = self._fetch.exchange(
                    question.url,
                    limit=question.limit,
                    body=question.body,
                    content_type=question.content_type,
                    redirects=question.redirects,
                )
        except Unreachable as error:
            self._count("revocation", "failed")
            reason = error.reason
            self._end(key, lambda: self._remember_failure(key, reason))
            flight.set_exception(error)
        else:
            self._count("revocation", "asked")
            heard = Heard(question, octets, asked_at, asked_at + self.ages.moment)
            self._end(key, lambda: self._memory.put(key, heard))
            flight.set_result(heard)
        finally:
            if not flight.done():  # a fault of ours: whoever asked first gets it, the others do not wait
                self._end(key, lambda: None)
                flight.set_exception(Unreachable("There was no answer."))

    def _end(self, key: bytes, remember: Callable[[], None]) -> None:
        """Nobody is asking any more; what came of it is remembered for a moment."""
        with self._lock:
            self._flights.pop(key, None)
            self._failed.pop(key, None)
            if self.ages.moment:
                remember()

    def _remember_failure(self, key: bytes, reason: str) -> None:
        self._failed[key] = self._now() + self.ages.moment, reason
        while len(self._failed) > _MOST_FAILURES:
            self._failed.popitem(last=False)

    def _write(self) -> None:
        with self._lock:
            batch, self._unwritten = self._unwritten, {}
        if self._store is None:
            return
        try:
            self._store.keep(batch.values())
        except Unavailable as error:
            log.warning("answers.not_kept", code=error.code, number=len(batch))


class _Memory:
    """The answers that were used last, up to a number of bytes. Not safe by itself: its owner holds a lock."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._heard: OrderedDict[bytes, Heard] = OrderedDict()

    def get(self, key: bytes, now: datetime) -> Heard | None:
        heard = self._heard.get(key)
        if heard is None:
            return None
        if heard.until <= now:
            self._drop(key)
            return None
        self._heard.move_to_end(key)
        return heard

    def put(self, key: bytes, heard: Heard) -> None:
        self._drop(key)
        self._heard[key] = heard
        self._size += _cost(heard)
        while self._size > self._most:
            self._drop(next(iter(self._heard)))

    def _drop(self, key: bytes) -> None:
        heard = self._heard.pop(key, None)
        if heard is not None:
            self._size -= _cost(heard)


def _cost(heard: Heard) -> int:
    return max(len(heard.octets), _SMALLEST)
