"""The lists that were good, as files: a restart needs no network, and a machine without any is handed its files.

    <folder>/lotl.xml      the list of the lists
    <folder>/PT.xml        a national one, by its territory
    <folder>/lotl-signers.txt   who may sign the next list of the lists, as the last good one says
    <folder>/state.json    when lists were last asked for, and what was refused then

Each machine keeps a folder of its own. Every process reads it, and verifies every signature again as it does.
"""

from __future__ import annotations

import fcntl
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import structlog

from signroom.domain.errors import BadTrustedList
from signroom.trust.european.services import TrustedServices
from signroom.trust.european.signed_lists import (
    MAX_LIST,
    Pointer,
    SignedList,
    kind_of,
    published_signers,
    read_pivot,
    read_pointers,
    read_signed,
)

log = structlog.get_logger()

GRACE = timedelta(days=7)
"""A list that was good counts for so long after it should have been followed by another. Then nobody knows whether its
services are still granted."""
MASTER, _SIGNERS, _STATE, _LOCK = "lotl.xml", "lotl-signers.txt", "state.json", ".lock"


@dataclass(frozen=True, slots=True)
class Tried:
    """The last time that lists were asked for."""

    at: datetime | None = None
    refused: dict[str, str] = field(default_factory=dict)
    """Territory (``LOTL`` for the list of the lists) -> why. Those were kept as they were."""


@dataclass(frozen=True, slots=True)
class LoadedLists:
    """What counts now. ``refused`` are files that do not."""

    master: SignedList | None = None
    pointers: tuple[Pointer, ...] = ()
    national: tuple[SignedList, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    unread: bool = False
    """One of them is there, and could not be read: that may pass without a change of the file."""

    @property
    def until(self) -> datetime:
        """When the first of them does not count any more. Raises: ValueError without a list."""
        return min(found.next_update for found in (self.master, *self.national) if found is not None) + GRACE

    def services(self) -> TrustedServices | None:
        """Raises: BadTrustedList."""
        return TrustedServices.of(self.national, self.until) if self.national else None


class _Unread(BadTrustedList):
    """The disk did not give the file."""


def _nobody() -> Sequence[bytes]:
    return ()


class ListFolder:
    """`signers` tells who may sign the list of the lists (DER) now; when it names nobody, those that the library knows
    may."""

    def __init__(self, folder: Path, signers: Callable[[], Sequence[bytes]] = _nobody) -> None:
        self.folder = folder
        self._signers = signers

    @property
    def empty(self) -> bool:
        return not (self.folder / MASTER).is_file()

    def stamp(self) -> tuple[object, ...]:
        """Changes when a list does, or when others may sign the list of the lists."""
        found: list[object] = [*self._signers()]
        with suppress(OSError):
            for file in sorted(self.folder.glob("*.xml")):
                facts = file.stat()
                found.append((file.name, facts.st_mtime_ns, facts.st_size))
        return tuple(found)

    def load(self, at: datetime) -> LoadedLists:
        """Every list that is there, verified. Never raises for what is wrong with one: that one does not count."""
        if self.empty:
            return LoadedLists()
        refused: dict[str, str] = {}
        unread = False
        try:
            master = self._current(read_signed(self._read(MASTER), self._known_signers(), at), at)
            pointers = read_pointers(master)
        except BadTrustedList as error:
            return LoadedLists(refused={"LOTL": error.detail or error.message}, unread=isinstance(error, _Unread))
        national = []
        for file in sorted(self.folder.glob("[A-Z][A-Z].xml")):
            territory = file.stem
            try:
                found = read_signed(self._read(file.name), _signers_of(pointers, territory), at)
                if found.is_master or found.territory != territory:
                    raise BadTrustedList("It is the list of another territory.")
                national.append(self._current(found, at))
            except BadTrustedList as error:
                refused[territory] = error.detail or error.message
                unread = unread or isinstance(error, _Unread)
        for territory, reason in refused.items():
            log.warning("trusted_list.refused", code=BadTrustedList.code, territory=territory, reason=reason)
        return LoadedLists(master, pointers, tuple(national), refused, unread)

    def accept(
        self,
        content: bytes,
        at: datetime,
        *,
        pointers: Sequence[Pointer] | None = None,
        pivots: Sequence[bytes] = (),
    ) -> SignedList:
        """Keep a list that came in, when it may take the place of the one that is there.

        `pointers`: of the list of the lists that is kept, where they were read already. `pivots`: earlier lists of
        lists, the oldest first; each that is good says who signs the next one.
        Raises: BadTrustedList. What was kept is then as it was.
        """
        is_master, territory = kind_of(content)
        if is_master:
            signers = self._signers_after(pivots)
        else:
            signers = _signers_of(self.load_pointers(at) if pointers is None else pointers, territory)
        found = read_signed(content, signers, at)
        if found.expired(at):
            raise BadTrustedList(f"It should have been followed by another on {found.next_update:%Y-%m-%d}.")
        if not is_master and found.territory != territory:
            raise BadTrustedList("It is the list of another territory.")
        name = MASTER if found.is_master else f"{found.territory}.xml"
        kept = self._kept(name, signers, at)
        if kept is not None and found.is_older_than(kept):
            # Somebody may hand out an old list to bring a service back that was withdrawn.
            raise BadTrustedList(f"It has number {found.sequence}; the one that is kept has {kept.sequence}.")
        if found.is_master:
            next_ones = (der for pointer in read_pointers(found) if pointer.is_master for der in pointer.signers)
            self._write(_SIGNERS, "".join(f"{b64encode(der).decode()}\n" for der in next_ones).encode())
        else:
            TrustedServices.of([found], found.next_update)  # its services can be read
        self._write(name, content)
        log.info("trusted_list.accepted", territory=found.territory, sequence=found.sequence, master=found.is_master)
        return found

    def tried(self) -> Tried:
        try:
            found = json.loads(self._read(_STATE))
            return Tried(datetime.fromisoformat(found["triedAt"]), dict(found["refused"]))
        except (BadTrustedList, ValueError, KeyError, TypeError):
            return Tried()

    def write_tried(self, tried: Tried) -> None:
        at = None if tried.at is None else tried.at.isoformat()
        self._write(_STATE, json.dumps({"triedAt": at, "refused": tried.refused}, indent=2).encode())

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """False: another process of this machine is at it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True

    def _known_signers(self) -> tuple[bytes, ...]:
        """Those that were published, and those whom the last good list of the lists has named."""
        named: list[bytes] = []
        with suppress(BadTrustedList, ValueError):
            named = [b64decode(line, validate=True) for line in self._read(_SIGNERS).split()]
        return (*(self._signers() or published_signers()), *named)

    def knows_signer(self, content: bytes, at: datetime) -> bool:
        """False for a list of lists that only pivots may lead to."""
        try:
            read_signed(content, self._known_signers(), at)
        except BadTrustedList:
            return False
        return True

    def _signers_after(self, pivots: Sequence[bytes]) -> tuple[bytes, ...]:
        signers = self._known_signers()
        for pivot in pivots:
            with suppress(BadTrustedList):  # one from before those that we know
                signers = read_pivot(pivot, signers)
        return signers

    def _kept(self, name: str, signers: Sequence[bytes], at: datetime) -> SignedList | None:
        try:
            return read_signed(self._read(name), signers, at)
        except BadTrustedList:
            return None

    def load_pointers(self, at: datetime) -> tuple[Pointer, ...]:
        """Of the list of the lists that is kept; empty without a good one."""
        try:
            return read_pointers(read_signed(self._read(MASTER), self._known_signers(), at))
        except BadTrustedList:
            return ()

    def _current(self, found: SignedList, at: datetime) -> SignedList:
        if at > found.next_update + GRACE:
            raise BadTrustedList(f"It should have been followed by another on {found.next_update:%Y-%m-%d}.")
        return found

    def _read(self, name: str) -> bytes:
        """Raises: BadTrustedList."""
        file = self.folder / name
        try:
            if file.stat().st_size > MAX_LIST:
                raise BadTrustedList(f"It has more than {MAX_LIST >> 20} MB.")
            return file.read_bytes()
        except OSError as error:
            raise _Unread("It cannot be read.") from error

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{uuid4().hex}.part"
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.folder / name)
        finally:
            part.unlink(missing_ok=True)


def _signers_of(pointers: Sequence[Pointer], territory: str) -> tuple[bytes, ...]:
    found = [pointer for pointer in pointers if pointer.territory == territory and not pointer.is_master]
    return tuple(der for pointer in found for der in pointer.signers)
