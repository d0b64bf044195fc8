"""Signed now, archived later: a document is completed at the level that is reached, and a job goes on."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import DatabaseUnavailable, DocumentErased, TimestampTierNotFound, WrongState
from signroom.domain.level import Level
from signroom.domain.security_context import TEST
from signroom.domain.signature import CmsOptions, OptionsByType, PdfOptions, SignatureType, XmlOptions
from signroom.domain.statistics import Counted
from signroom.domain.timestamp import Timestamp, TimestampProvider, TimestampRequest
from signroom.ports import Ports
from signroom.ports.files import Blobs, content_of
from signroom.ports.jobs import Jobs, Queue
from signroom.ports.timestamps import TimestampAuthorities
from signroom.service.documents.add_document import NewDocument
from signroom.service.documents.file_sources import Content
from signroom.service.documents.purge_documents import purge_documents
from signroom.service.erasing.erase import erase_document
from signroom.service.erasing.late_files import delete_late_files
from signroom.service.levels.archive_document import ARCHIVE_DOCUMENT, TRIED_FOR, archive_document
from signroom.service.levels.extend_document import extend_document
from signroom.service.levels.raise_level import SIGNING_SECONDS
from signroom.service.sessions.open_session import OpenSession, open_session
from signroom.service.signing import process_document as process_document_module
from signroom.service.signing.enqueue_processing import PROCESS_DOCUMENT
from signroom.service.signing.finish_signing import finish_signing
from signroom.service.signing.prepare_signing import prepare_signing
from signroom.service.signing.process_document import process_document
from signroom.service.subscriptions.read_statistics import read_statistics
from signroom.timestamps.authorities import RemoteAuthorities
from signroom.trust.contexts import open_trust
from signroom.worker.steps import jobs
from tests.fetch.sites import Site, running_site
from tests.harness.waiting import SECONDS
from tests.pki import three_tiers
from tests.service.conftest import Room
from tests.timestamps import openssl_tsa
from tests.vectors import hard_pdfs

FILES = {
    SignatureType.PDF: hard_pdfs.make("plain"),
    SignatureType.CMS: b"I owe 1 EUR",
    SignatureType.XML: b"<debt><amount>1</amount></debt>",
}


@dataclass(frozen=True)
class Authority:
    """A timestamp authority that can be switched off and on."""

    site: Site
    ports: Ports

    def switch(self, *, on: bool) -> None:
        self.site.paths["/tsa"] = self._stamp if on else self._fail

    @staticmethod
    def _stamp(exchange: Any) -> None:
        exchange.answer(openssl_tsa.reply(exchange.body))

    @staticmethod
    def _fail(exchange: Any) -> None:
        exchange.answer(b"?", status=503)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


@pytest.fixture
def authority(room: Room, site: Site, tmp_path: Path) -> Iterator[Authority]:
    """On at first. The test context trusts it."""
    room.clock.time = datetime.now(UTC)
    # Minutes go by between two questions: an authority that is on again is asked.
    clock = itertools.count(0, 300).__next__
    providers = RemoteAuthorities([TimestampProvider("openssl", f"{site.url}/tsa", TEST)], clock=clock)
    trust = open_trust(tmp_path / "no-such-folder", None, extra={TEST: [openssl_tsa.root_der()]})
    authority = Authority(site, replace(room.ports, trust=trust, timestamps=providers))
    authority.switch(on=True)
    room.service.jobs.start(jobs(authority.ports), execute=False)
    yield authority
    providers.close()


@contextmanager
def timing_authorities(room: Room, site: Site, folder: Path) -> Iterator[Ports]:
    """As `authority`, with a clock that goes on by itself: one that is set back rests."""
    room.clock.time = datetime.now(UTC)
    providers = RemoteAuthorities([TimestampProvider("openssl", f"{site.url}/tsa", TEST)])
    trust = open_trust(folder / "no-such-folder", None, extra={TEST: [openssl_tsa.root_der()]})
    ports = replace(room.ports, trust=trust, timestamps=providers)
    room.service.jobs.start(jobs(ports), execute=False)
    try:
        yield ports
    finally:
        providers.close()


class Watched:
    """A store of files that does something more once a file is stored."""

    def __init__(self, blobs: Blobs, then: Callable[[], object]) -> None:
        self._blobs, self._then = blobs, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def write_file(self, key: str, file: Path) -> None:
        self._blobs.write_file(key, file)
        self._then()


class Hastening:
    """Jobs, with a list of those that were to be hastened. The database goes away at that moment."""

    def __init__(self, jobs: Jobs, hastened: list[tuple[str, int]]) -> None:
        self._jobs, self._hastened = jobs, hastened

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)

    def hasten(self, job: str, most: int) -> int:
        self._hastened.append((job, most))
        raise DatabaseUnavailable


class Crowded:
    """Jobs of which so many wait for a place."""

    def __init__(self, jobs: Jobs, waiting: int) -> None:
        self._jobs, self._waiting = jobs, waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)

    def waiting(self, _queues: object, most: int) -> int:
        return min(self._waiting, most)


class Listening:
    """Authorities, with a list of how long each caller waits for the answer to another one."""

    def __init__(self, authorities: TimestampAuthorities, behind: list[float | None]) -> None:
        self._authorities, self._behind = authorities, behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._authorities, name)

    async def ask(
        self,
        provider: TimestampProvider,
        request: TimestampRequest,
        *,
        seconds: float,
        behind_another: float | None = None,
    ) -> Timestamp:
        self._behind.append(behind_another)
        return await self._authorities.ask(provider, request, seconds=seconds, behind_another=behind_another)


class Resting:
    """Authorities of which none is asked at this moment."""

    def __init__(self, authorities: TimestampAuthorities) -> None:
        self._authorities = authorities

    def __getattr__(self, name: str) -> Any:
        return getattr(self._authorities, name)

    def all_rest(self, _tier: str) -> bool:
        return True


class WatchedBefore(Watched):
    """The file is stored, and the process ends: what it does more comes first."""

    def write_file(self, key: str, file: Path) -> None:
        try:
            self._then()
        finally:
            self._blobs.write_file(key, file)


def before_storing(ports: Ports, then: Callable[[], object]) -> Ports:
    return replace(ports, blobs=WatchedBefore(ports.blobs, then))


def after_storing(ports: Ports, then: Callable[[], object]) -> Ports:
    return replace(ports, blobs=Watched(ports.blobs, then))


def wanting(level: Level | None, tier: str | None = None) -> OptionsByType:
    return OptionsByType(
        PdfOptions(level=level, timestamp_tier=tier),
        CmsOptions(level=level, timestamp_tier=tier),
        XmlOptions(level=level, timestamp_tier=tier),
    )


def completed(
    room: Room,
    ports: Ports,
    level: Level | None,
    kind: SignatureType = SignatureType.PDF,
    *,
    tier: str | None = None,
    context_id: UUID | None = None,
    holder: three_tiers.Holder | None = None,
    later: timedelta = timedelta(),
) -> Document:
    """A document that is signed in a session, and processed so much `later`."""
    signer = holder or three_tiers.signer("p256")

    async def sign() -> UUID:
        source = Content(lambda: _bytes(FILES[kind]), "debt", None)
        document = NewDocument(source, signature_type=kind, options=wanting(level, tier))
        opened = await open_session(
            ports, room.caller, OpenSession(documents=(document,), security_context_id=context_id)
        )
        preparation = await prepare_signing(ports, opened.session_id, signer.chain)
        item = preparation.items[0]
        value = signer.sign(item.prepared.to_sign, item.prepared.digest_algorithm.value.lower())
        await finish_signing(ports, opened.session_id, preparation.id, {item.document_id: value}, lambda page: page)
        room.clock.time += later
        await process_document(ports, item.document_id)
        return item.document_id

    document_id = asyncio.run(sign())
    with ports.store.read() as work:
        return work.documents.of_any_tenant(document_id)


async def _bytes(content: bytes) -> AsyncIterator[bytes]:
    yield content


def archive(ports: Ports, document: Document) -> timedelta | None:
    return asyncio.run(archive_document(ports, document.id))


@pytest.mark.parametrize("kind", SignatureType)
def test_with_a_timestamp_at_once_it_is_completed_at_that_level(
    room: Room, authority: Authority, kind: SignatureType
) -> None:
    document = completed(room, authority.ports, Level.B_T, kind)

    assert (document.status, document.level, document.level_detail) == (DocumentStatus.COMPLETED, Level.B_T, None)
    assert document.verdict is not None
    assert document.verdict.signatures[-1].proven_at is not None
    assert "DocumentArchived" not in room.told()
    counts = read_statistics(authority.ports, room.caller, None, None).counts
    assert [(c.application_id, c.tier, c.count) for c in counts if c.what is Counted.TIMESTAMP] == [
        (document.application_id, "default", 1)
    ]


def counted_levels(ports: Ports, room: Room) -> list[tuple[str | None, int]]:
    counts = read_statistics(ports, room.caller, None, None).counts
    return [(one.level, one.count) for one in counts if one.what is Counted.DOCUMENT]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_document_that_has_waited_for_its_turn_is_completed_as_it_stands_and_archived_later(
    room: Room, authority: Authority
) -> None:
    """In a rush each would wait for the timestamps of all before it."""
    document = completed(room, authority.ports, Level.B_T, later=timedelta(seconds=SIGNING_SECONDS))

    assert (document.status, document.level) == (DocumentStatus.COMPLETED, Level.B_B)
    assert (document.level_detail, document.awaits_level) == ("There was no time left.", True)
    assert archive(authority.ports, document) is None
    assert room.read(document).level is Level.B_T


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("waiting", "level"), [(3, Level.B_T), (4, Level.B_B), (400, Level.B_B)])
def test_in_a_rush_a_document_has_half_the_time(room: Room, authority: Authority, waiting: int, level: Level) -> None:
    """A place that waits for the outside is one that the next documents do not get. They came after 13 s."""
    ports = replace(authority.ports, jobs=Crowded(authority.ports.jobs, waiting))

    assert completed(room, ports, Level.B_T, later=timedelta(seconds=SIGNING_SECONDS / 2 - 1)).level is level


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_authority_is_not_set_back_for_what_a_document_has_waited(
    room: Room, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signers who have not waited would lose their level for it."""
    monkeypatch.setattr(process_document_module, "_LEAST_SECONDS", 0.1)
    answers = threading.Event()

    def slow(exchange: Any) -> None:
        answers.wait(SECONDS)
        exchange.answer(openssl_tsa.reply(exchange.body))

    site.paths["/tsa"] = slow
    with timing_authorities(room, site, tmp_path) as ports:
        hurried = completed(room, ports, Level.B_T, later=timedelta(seconds=SIGNING_SECONDS - 0.5))
        answers.set()
        next_one = completed(room, ports, Level.B_T)

    assert (hurried.level, next_one.level) == (Level.B_B, Level.B_T)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_is_asked_in_the_last_moments_of_what_a_document_may_wait(
    room: Room, site: Site, tmp_path: Path
) -> None:
    before = len(site.seen)
    with timing_authorities(room, site, tmp_path) as ports:
        document = completed(room, ports, Level.B_T, later=timedelta(seconds=SIGNING_SECONDS - 1))

    assert (document.level, len(site.seen) - before) == (Level.B_B, 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_clock_of_another_machine_that_is_ahead_takes_no_time_from_a_document(
    room: Room, authority: Authority
) -> None:
    document = completed(room, authority.ports, Level.B_T, later=-timedelta(minutes=2))

    assert (document.level, document.level_detail) == (Level.B_T, None)


@pytest.mark.parametrize("kind", SignatureType)
def test_without_an_authority_it_is_completed_now_and_archived_later(
    room: Room, authority: Authority, kind: SignatureType
) -> None:
    authority.switch(on=False)
    behind: list[float | None] = []
    ports = replace(authority.ports, timestamps=Listening(authority.ports.timestamps, behind))
    document = completed(room, ports, Level.B_T, kind)
    first = document.require_signed()
    assert (document.status, document.level, document.level_wanted) == (
        DocumentStatus.COMPLETED,
        Level.B_B,
        Level.B_T,
    )
    assert document.level_detail == "No timestamp authority of this tier gave a token that can be used; try again."

    assert counted_levels(authority.ports, room) == [("B-B", 1)]
    hastened: list[tuple[str, int]] = []
    ports = replace(ports, jobs=Hastening(authority.ports.jobs, hastened))
    wait = archive(ports, document)
    assert wait is not None
    assert wait < timedelta(minutes=1)
    assert ("DocumentArchived" in room.told(), hastened) == (False, [])

    authority.switch(on=True)
    assert archive(ports, document) is None
    assert [job for job, _ in hastened] == [ARCHIVE_DOCUMENT]  # others that wait for the same go on, too
    assert (behind[0], behind[-1]) == (1.5, None)  # a signer waits no longer for what another one is told
    archived = room.read(document)
    assert counted_levels(authority.ports, room) == [("B-T", 1)]  # at the level that it has, and no more where it was
    assert [version.level for version in archived.versions] == [Level.B_B, Level.B_T]
    assert (archived.level_detail, archived.awaits_level) == (None, False)
    assert room.told().count("DocumentArchived") == 1
    for version in archived.versions:  # each is a file of its own, the first as it was
        with authority.ports.blobs.as_file(version.file.blob_key, content_of(version.file)):
            pass
    assert archived.versions[0].file == first

    assert archive(authority.ports, document) is None  # once more, as after a crash at the end
    assert room.told().count("DocumentArchived") == 1
    assert len(room.read(document).versions) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_while_all_authorities_rest_no_file_is_looked_at(room: Room, authority: Authority) -> None:
    authority.switch(on=False)
    document = completed(room, authority.ports, Level.B_T)
    nothing: Any = None
    resting = replace(authority.ports, timestamps=Resting(authority.ports.timestamps), formats=nothing)

    assert archive(resting, document) is not None
    assert room.read(document) == document


def test_two_runs_at_the_same_moment_leave_one_version_and_one_file(room: Room, authority: Authority) -> None:
    authority.switch(on=False)
    document = completed(room, authority.ports, Level.B_T)
    authority.switch(on=True)

    slower = after_storing(authority.ports, lambda: in_a_thread(archive, authority.ports, document))
    assert archive(slower, document) is None

    files = authority.ports.blobs.beginning_with(document.blob_folder.every()[0])
    assert sorted(files) == sorted({*room.read(document).file_keys})
    assert room.told().count("DocumentArchived") == 1


def in_a_thread(function: Callable[..., object], *args: object) -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(function, *args).result()


def test_a_run_that_was_killed_leaves_nothing_behind_once_the_document_is_erased(
    room: Room, authority: Authority
) -> None:
    authority.switch(on=False)
    document = completed(room, authority.ports, Level.B_T)
    authority.switch(on=True)

    with pytest.raises(SystemExit):
        archive(after_storing(authority.ports, sys.exit), document)
    left = authority.ports.blobs.beginning_with(document.blob_folder.every()[0])
    assert len(left) == len({*document.file_keys}) + 1

    erase_document(authority.ports, room.caller, document.id)
    assert authority.ports.blobs.beginning_with(document.blob_folder.every()[0]) == []
    assert archive(authority.ports, document) is None


def test_a_document_that_is_erased_meanwhile_gets_no_file(room: Room, authority: Authority) -> None:
    authority.switch(on=False)
    document = completed(room, authority.ports, Level.B_T)
    authority.switch(on=True)

    erased = after_storing(authority.ports, lambda: erase_document(authority.ports, room.caller, document.id))
    assert archive(erased, document) is None
    assert authority.ports.blobs.beginning_with(document.blob_folder.every()[0]) == []
    with pytest.raises(DocumentErased):
        room.read(document)


def test_after_a_month_nobody_is_asked_any_more_until_somebody_asks_again(room: Room, authority: Authority) -> None:
    authority.switch(on=False)
    document = completed(room, authority.ports, Level.B_T)
    room.clock.advance(days=10)
    assert archive(authority.ports, document) == timedelta(hours=6)
    tried = extend_document(authority.ports, room.caller, document.id, Level.B_T)
    assert tried.level_asked_at == document.signed_at  # the service tries already

    room.clock.advance(seconds=TRIED_FOR.total_seconds())
    assert archive(authority.ports, document) is None
    given_up = room.read(document)
    assert (given_up.level_asked_at, given_up.awaits_level) == (None, True)
    assert given_up.level_detail
    authority.switch(on=True)
    assert archive(authority.ports, document) is None
    assert room.read(document).level is Level.B_B

    room.clock.time = datetime.now(UTC)  # the authority has no other
    again = extend_document(authority.ports, room.caller, document.id, Level.B_T)
    assert again.level_asked_at == room.clock.now()
    assert archive(authority.ports, document) is None
    assert room.read(document).level is Level.B_T
    with authority.ports.store.read() as work:
        told = work.feed.after(room.caller.subscription_id, 0, 100)
    assert [event.type for event in told].count("DocumentArchived") == 1


def test_a_file_that_a_killed_run_leaves_after_a_purge_goes_as_well(room: Room, authority: Authority) -> None:
    authority.switch(on=False)
    document = completed(room, authority.ports, Level.B_T)
    with authority.ports.store.work() as work:
        work.documents.save(replace(document, available_until=room.clock.now() - timedelta(hours=2)))
    document = room.read(document)
    authority.switch(on=True)

    def purged_and_killed() -> None:
        assert purge_documents(authority.ports) == 1
        sys.exit()

    with pytest.raises(SystemExit):
        archive(before_storing(authority.ports, purged_and_killed), document)
    assert archive(authority.ports, document) is None
    assert len(authority.ports.blobs.beginning_with(document.blob_folder.every()[0])) == 1

    room.clock.advance(hours=2)
    delete_late_files(authority.ports)
    assert authority.ports.blobs.beginning_with(document.blob_folder.every()[0]) == []


def test_a_document_that_was_signed_before_is_raised_on_request(room: Room, authority: Authority) -> None:
    document = completed(room, authority.ports, None)
    assert (document.level, document.level_wanted) == (Level.B_B, Level.B_B)

    wanted = extend_document(authority.ports, room.caller, document.id, Level.B_T)
    assert (wanted.level_wanted, wanted.awaits_level) == (Level.B_T, True)
    hastened: list[tuple[str, int]] = []
    assert archive(replace(authority.ports, jobs=Hastening(authority.ports.jobs, hastened)), document) is None
    assert hastened == []  # it has waited for nobody, so it says nothing of those that others wait for
    assert room.read(document).level is Level.B_T
    assert room.told().count("DocumentArchived") == 1

    again = extend_document(authority.ports, room.caller, document.id, Level.B_T)
    assert not again.awaits_level
    less = extend_document(authority.ports, room.caller, document.id, Level.B_B)
    assert less.level_wanted is Level.B_T


def test_what_is_not_signed_is_not_raised(room: Room, authority: Authority) -> None:
    document = room.document(room.session())
    with pytest.raises(WrongState):
        extend_document(authority.ports, room.caller, document.id, Level.B_T)


def test_without_an_authority_of_the_installation_nobody_may_ask_for_more(room: Room, authority: Authority) -> None:
    none = replace(authority.ports, timestamps=RemoteAuthorities())
    with pytest.raises(TimestampTierNotFound):
        completed(room, none, Level.B_T)
    document = completed(room, none, None)
    with pytest.raises(TimestampTierNotFound):
        extend_document(none, room.caller, document.id, Level.B_LTA)


@pytest.mark.parametrize("kind", SignatureType)
def test_the_timestamps_come_from_the_tier_that_is_asked_for(
    room: Room, authority: Authority, kind: SignatureType
) -> None:
    gold = RemoteAuthorities([TimestampProvider("gold", f"{authority.site.url}/tsa", TEST, tier="gold")])
    ports = replace(authority.ports, timestamps=gold)

    document = completed(room, ports, Level.B_T, kind, tier="gold")
    gold.close()

    assert (document.level, document.timestamp_tier) == (Level.B_T, "gold")
    counts = read_statistics(ports, room.caller, None, None).counts
    assert [(c.tier, c.count) for c in counts if c.what is Counted.TIMESTAMP] == [("gold", 1)]


def test_a_tier_that_there_is_not_is_refused_when_the_session_is_opened(room: Room, authority: Authority) -> None:
    for level in (None, Level.B_T):
        with pytest.raises(TimestampTierNotFound, match="silver"):
            completed(room, authority.ports, level, tier="silver")


def test_a_level_that_lacks_evidence_says_what_is_missing(room: Room, authority: Authority) -> None:
    """The signer's authority cannot be reached: the file has its timestamp, and the job goes on."""
    document = completed(room, authority.ports, Level.B_LTA)

    assert (document.status, document.level) == (DocumentStatus.COMPLETED, Level.B_T)
    assert document.level_detail
    assert document.awaits_level
    assert document.level_asked_at is None  # under `any` nobody asks a stranger's authority: that stays so


def test_archiving_takes_no_place_of_documents_that_somebody_waits_for(room: Room) -> None:
    """In their queue it went first, since they have an order and it has none."""
    queues = {name: job.queue for name, job in jobs(room.ports).items()}

    assert queues[ARCHIVE_DOCUMENT] is Queue.ARCHIVES
    assert [name for name, queue in queues.items() if queue is Queue.DOCUMENTS] == [PROCESS_DOCUMENT]
