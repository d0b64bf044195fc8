"""Whose task is next: a bounded queue with fair shares. It starts nothing, and it knows neither clock nor thread.

The queue is a tree: subscriptions, in them applications, in them sessions, in them kinds of tasks. At each level the
same two rules say where the next task comes from:

1. Everybody has a turn before anybody has the next one. Who comes new begins where the others are on average.
2. A kind that matters more goes first: signing may be two turns ahead of inspection, previews one turn. More it may
   not, so that nothing starves.

So a flood of one session delays another session of the same kind by one task, and any other by three at most.

Three bounds refuse what is too much: of a session, of an application, and of all. Nobody takes the last place from
others: where a bound is reached, whoever has most places below it loses the newest of the tasks that matter least.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar
from uuid import UUID

from signroom.ports.files import Turn

T = TypeVar("T")


class Kind(IntEnum):
    """What a task is for. The number is how many turns the kind that matters most may be ahead of it."""

    SIGNING = 0
    PREVIEW = 1
    INSPECTION = 2

    @property
    def label(self) -> str:
        """Its name in metrics."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many tasks may wait at the same time."""

    session: int
    application: int
    total: int


class ShareTaken(Exception):
    """The session, or the application, has as many waiting tasks as it may have."""


class NoPlace(Exception):
    """All places are taken, and nobody else has more of them."""


@dataclass(eq=False, slots=True)
class Place(Generic[T]):
    """A task that waits: what it is, for whom, and since when (seconds of the caller's clock)."""

    task: T
    turn: Turn
    kind: Kind
    since: float


_Key = UUID | Kind | None


@dataclass(eq=False, slots=True)
class _Branch(Generic[T]):
    """A level of the tree. A branch is thrown away when nothing waits in it."""

    turns: float = 0
    """How many turns it has had; only compared with those of its siblings."""
    moved: int = 0
    """When it was made or had its last turn, as a number that grows: of equals, the one that waits longest is next."""
    waiting: int = 0
    """Tasks below it."""
    clock: float = 0
    """How many turns its children have had on average: where a new child begins.

    It grows also when ever new children come, so that one that waits is not overtaken for ever.
    """
    children: dict[_Key, _Branch[T]] = field(default_factory=dict)
    places: deque[Place[T]] = field(default_factory=deque)
    """Of a kind, the lowest level; empty above it."""


class FairQueue(Generic[T]):
    """See the module. Not safe to call from several threads at once."""

    def __init__(self, bounds: Bounds, *, looks: int) -> None:
        """At most so many previews and inspections of one session are chosen and not `done` yet at any time."""
        self._bounds, self._looks = bounds, looks
        self._root: _Branch[T] = _Branch()
        self._moves = 0
        self._looking: Counter[_Session | UUID] = Counter()
        """Of each session and of each subscription: previews and inspections that are chosen and not done."""

    def __len__(self) -> int:
        return self._root.waiting

    def places(self) -> Iterator[Place[T]]:
        """Everything that waits."""
        yield from _places(self._root)

    def require_place(self, turn: Turn, kind: Kind) -> None:
        """Look whether such a task would find a place; none is taken. Raises: ShareTaken, NoPlace."""
        self._to_displace(turn, kind)

    def add(self, place: Place[T]) -> Place[T] | None:
        """Let a task wait. Returns the place of another task that had to go for it, if there was no free one.

        Raises: ShareTaken, NoPlace.
        """
        displaced = self._to_displace(place.turn, place.kind)
        if displaced is not None:
            self.remove(displaced)
        branch = self._root
        branch.waiting += 1
        for key in (*_path(place.turn), place.kind):
            if key not in branch.children:
                self._moves += 1
                branch.children[key] = _Branch(turns=branch.clock, moved=self._moves)
            branch = branch.children[key]
            branch.waiting += 1
        branch.places.append(place)
        return displaced

    def next(self, *, last: bool = False) -> Place[T] | None:
        """Take out the task whose turn it is; None when nothing waits that may be started now.

        When it is for the `last` process, a subscription that looks at files or pictures already may only sign.

        Each task that was taken out must be reported as `done`.
        """
        if self._urgency(self._root, (), last=last) is None:
            return None
        branch = self._root
        path: tuple[_Key, ...] = ()
        while branch.children:
            key = self._choose(branch, path, last=last)
            child = branch.children[key]
            branch.clock += 1 / len(branch.children)
            self._moves += 1
            child.turns, child.moved = child.turns + 1, self._moves
            branch, path = child, (*path, key)
        place = branch.places.popleft()
        self._cut(place)
        if place.kind is not Kind.SIGNING:
            self._looking.update((_session(place.turn), place.turn.subscription_id))
        return place

    def done(self, place: Place[T]) -> None:
        """Say that a task ended that `next` returned."""
        if place.kind is not Kind.SIGNING:
            for owner in (_session(place.turn), place.turn.subscription_id):
                self._looking[owner] -= 1
                if not self._looking[owner]:
                    del self._looking[owner]

    def remove(self, place: Place[T]) -> bool:
        """Take a task out whose caller has gone; False when it does not wait any more."""
        branch = self._branch(*_path(place.turn), place.kind)
        if branch is None or place not in branch.places:
            return False
        branch.places.remove(place)
        self._cut(place)
        return True

    def _choose(self, branch: _Branch[T], path: tuple[_Key, ...], *, last: bool) -> _Key:
        def order(key: _Key) -> tuple[int, float, int]:
            child = branch.children[key]
            urgency = self._urgency(child, (*path, key), last=last)
            if urgency is None:
                return 1, 0, 0
            return 0, child.turns + urgency, child.moved

        return min(branch.children, key=order)

    def _urgency(self, branch: _Branch[T], path: tuple[_Key, ...], *, last: bool) -> int | None:
        """The number of the most urgent kind below `branch`; None when nothing in it may be started now."""
        if branch.children:
            below = (self._urgency(child, (*path, key), last=last) for key, child in branch.children.items())
            return min((urgency for urgency in below if urgency is not None), default=None)
        if not branch.places:
            return None
        place = branch.places[0]
        return place.kind if place.kind is Kind.SIGNING or self._may_look(place.turn, last=last) else None

    def _may_look(self, turn: Turn, *, last: bool) -> bool:
        others_wait = last and self._looking[turn.subscription_id] > 0
        return not others_wait and self._looking[_session(turn)] < self._looks

    def _to_displace(self, turn: Turn, kind: Kind) -> Place[T] | None:
        """The task that must go for one more of `kind`; None when there is a free place.

        Raises: ShareTaken, NoPlace.
        """
        own = _path(turn)
        bounds: list[tuple[tuple[_Key, ...], int, type[Exception]]] = [
            (own[:2], self._bounds.application, ShareTaken),
            ((), self._bounds.total, NoPlace),
        ]
        if turn.session_id is not None:
            bounds.insert(0, (own, self._bounds.session, ShareTaken))
        for path, bound, refusal in bounds:
            if self._waiting(*path) >= bound:
                last = self._last_of_largest(path, own)
                if last is None or (_path(last.turn) == own and last.kind <= kind):
                    raise refusal
                return last
        return None

    def _last_of_largest(self, path: tuple[_Key, ...], own: _Session) -> Place[T] | None:
        """The newest of the tasks that matter least, of the session with most tasks below `path`; None: it has none.

        One more task of the session `own` counts, and of equals it is `own`: nobody displaces another in turns.
        """
        while len(path) < len(own):
            above = path
            inside = above == own[: len(above)]
            branch = self._branch(*above)
            keys = set() if branch is None else set(branch.children)

            def size(key: _Key, above: tuple[_Key, ...] = above, inside: bool = inside) -> tuple[int, bool]:
                mine = inside and key == own[len(above)]
                return self._waiting(*above, key) + mine, mine

            path = (*path, max(keys | {own[len(path)]} if inside else keys, key=size))
        session = self._branch(*path)
        return None if session is None else max(_places(session), key=lambda place: (place.kind, place.since))

    def _waiting(self, *path: _Key) -> int:
        branch = self._branch(*path)
        return 0 if branch is None else branch.waiting

    def _branch(self, *path: _Key) -> _Branch[T] | None:
        branch: _Branch[T] | None = self._root
        for key in path:
            branch = None if branch is None else branch.children.get(key)
        return branch

    def _cut(self, place: Place[T]) -> None:
        """One task has gone: count it, and throw away the branch that is empty now."""
        branch = self._root
        branch.waiting -= 1
        for key in (*_path(place.turn), place.kind):
            child = branch.children[key]
            child.waiting -= 1
            if not child.waiting:
                del branch.children[key]
                return
            branch = child


_Session = tuple[UUID, UUID | None, UUID | None]


def _path(turn: Turn) -> _Session:
    return turn.subscription_id, turn.application_id, turn.session_id


def _session(turn: Turn) -> _Session:
    return _path(turn)


def _places(branch: _Branch[T]) -> Iterator[Place[T]]:
    yield from branch.places
    for child in branch.children.values():
        yield from _places(child)
