"""Another archive timestamp before the newest one ends: by time, on request, and on files of a disk."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from signroom.domain.application import Operator
from signroom.domain.audit import Action
from signroom.domain.document import Document
from signroom.domain.errors import StorageUnavailable
from signroom.domain.level import Level
from signroom.domain.security_context import TEST
from signroom.domain.signature import SignatureType
from signroom.ports import Ports
from signroom.ports.files import content_of
from signroom.service.levels import learn_archive_ends
from signroom.service.levels.extend_document import extend_document
from signroom.service.levels.extend_file import ExtendFile, extend_file
from signroom.service.levels.learn_archive_ends import Reached
from signroom.service.levels.renew_archives import renew_archives
from signroom.service.subscriptions.read_audit_log import read_installation_log
from signroom.timestamps.authorities import RemoteAuthorities
from signroom.worker.steps import jobs
from tests.pki import three_tiers
from tests.pki.outside import Outside, running_outside
from tests.pki.three_tiers import NOW, YEAR
from tests.service.conftest import Room
from tests.service.levels.test_archive_document import FILES, after_storing, archive, completed, in_a_thread
from tests.verifiers.dss import Dss

LATER = NOW + 5 * YEAR
"""The signer's certificate has ended. That of the archive timestamp ends in a year."""
LATE = NOW + 15 * YEAR
"""Only the second archive timestamp counts."""
OPERATOR = Operator("operator ana")
BEFORE = timedelta(days=400)
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is decided by the files; the statements are tried on both."""


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with running_outside() as running:
        yield running


@pytest.fixture
def ports(room: Room, outside: Outside) -> Iterator[Ports]:
    room.clock.time = outside.at = NOW
    outside.generation, outside.following, outside.down = 0, None, frozenset()
    providers = RemoteAuthorities([outside.provider])
    ports = replace(
        room.ports,
        trust=outside.trust(),
        timestamps=providers,
        limits=replace(room.ports.limits, archives_renewed_before=BEFORE),
    )
    room.service.jobs.start(jobs(ports), execute=False)
    yield ports
    providers.close()


def years_go_by(room: Room, outside: Outside, at: datetime = LATER) -> None:
    """The next generation of timestamp authorities is there."""
    room.clock.time = outside.at = at
    outside.generation = 1


def archived(room: Room, ports: Ports, level: Level) -> Document:
    """Also where the machine is slow: what was not there in time comes by the job."""
    document = completed(room, ports, level)
    for _ in range(5):
        if document.awaits_level:
            archive(ports, document)
            document = room.read(document)
    assert document.level is level
    return document


def said_by(dss: Dss, ports: Ports, document: Document, folder: Path) -> list[tuple[str, str]]:
    signed, file, content = document.require_signed(), folder / "signed", folder / "content"
    with ports.blobs.as_file(signed.blob_key, content_of(signed)) as source:
        file.write_bytes(source.read_bytes())
    content.write_bytes(FILES[document.signature_type])
    beside = content if document.content_key is not None else None
    answer = dss.judge(file, at=LATE, revocation=True, content=beside)
    return [(one["level"][-3:], one["indication"]) for one in answer["signatures"]]


@one_database
@pytest.mark.parametrize("kind", SignatureType)
def test_another_archive_timestamp_makes_a_file_last_longer(
    room: Room, ports: Ports, outside: Outside, dss: Dss, tmp_path: Path, kind: SignatureType
) -> None:
    document = completed(room, ports, Level.B_LTA, kind)
    assert document.archive_until == three_tiers.stamper(0).certificate.not_valid_after_utc
    assert said_by(dss, ports, document, tmp_path) == [("LTA", "INDETERMINATE")]
    assert renew_archives(ports) == 0  # there are years left

    years_go_by(room, outside)
    before = len(outside.site.seen)
    assert [renew_archives(ports), renew_archives(ports)] == [1, 0]
    assert archive(ports, document) is None

    renewed = room.read(document)
    assert [one.level for one in renewed.versions] == [Level.B_LTA, Level.B_LTA]
    assert renewed.versions[0] == document.versions[0]
    assert renewed.archive_until == three_tiers.stamper(1).certificate.not_valid_after_utc
    assert (renewed.level_detail, renewed.awaits_renewal) == (None, False)
    assert room.told().count("DocumentArchived") == 1
    assert said_by(dss, ports, renewed, tmp_path) == [("LTA", "TOTAL_PASSED")]
    # Nobody was asked about the signer, whose authorities may be gone.
    asked = {one.target for one in outside.site.seen[before:]}
    assert asked == {"/tsa", "/time-authority-0", "/time-authority-1", f"/{three_tiers.root().slug}"}

    assert archive(ports, document) is None  # once more, as after a crash at the end
    assert room.read(document) == renewed
    assert renew_archives(ports) == 0


def test_nothing_is_renewed_by_itself_unless_the_operator_says_so(room: Room, ports: Ports, outside: Outside) -> None:
    document = completed(room, ports, Level.B_LTA)
    years_go_by(room, outside)

    assert room.ports.limits.archives_renewed_before is None
    assert renew_archives(room.ports) == 0

    asked = extend_document(ports, room.caller, document.id, Level.B_LTA)
    assert asked.awaits_renewal
    assert extend_document(ports, room.caller, document.id, Level.B_LTA) == asked
    assert renew_archives(ports) == 0  # somebody has asked already
    assert archive(ports, document) is None
    renewed = room.read(document)
    assert len(renewed.versions) == 2

    # Whoever repeats their request has a new one.
    assert extend_document(ports, room.caller, document.id, Level.B_LTA) == renewed
    room.clock.advance(days=1)
    assert extend_document(ports, room.caller, document.id, Level.B_LTA).awaits_renewal


def test_files_of_a_version_that_kept_no_end_are_found_a_few_at_a_time(
    room: Room, ports: Ports, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learn_archive_ends, "_AT_ONCE", 2)
    good, gone, plain = (archived(room, ports, level) for level in (Level.B_LTA, Level.B_LTA, Level.B_T))
    with ports.store.work() as work:
        for document in (good, gone):
            work.documents.save(replace(document, archive_until=None))
    ports.blobs.delete(gone.require_signed().blob_key)
    years_go_by(room, outside)
    off = replace(ports, limits=replace(ports.limits, archives_renewed_before=None))

    assert learn_archive_ends.learn_archive_ends(off) == 0
    assert renew_archives(ports) == 0
    reached = Reached()
    assert [learn_archive_ends.learn_archive_ends(ports, reached) for _ in range(3)] == [2, 0, 0]

    assert room.read(good) == good
    assert room.read(gone).archive_until == gone.versions[-1].made_at
    assert (room.read(gone).level_detail or "").startswith("When its archive timestamp ends cannot be read")
    assert room.read(plain) == plain
    assert renew_archives(ports) == 1


@pytest.mark.parametrize("at_once", [1, 5])
def test_files_that_cannot_be_had_hold_up_no_others(room: Room, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(learn_archive_ends, "_AT_ONCE", at_once)
    ports = replace(room.ports, limits=replace(room.ports.limits, archives_renewed_before=BEFORE))
    session = room.session()
    signed = [room.completed(room.document(session, position=n), None) for n in range(4)]
    raised = [replace(one, versions=(replace(one.versions[-1], level=Level.B_LTA),)) for one in signed]
    documents = sorted(raised, key=lambda one: one.id)
    with ports.store.work() as work:
        work.documents.save(*documents)
    away, broken, *good = documents
    tried = list[int]()

    async def end_of(_ports: Ports, document: Document) -> datetime:
        tried.append(documents.index(document))
        if document.id == away.id:
            raise StorageUnavailable
        if document.id == broken.id:
            raise ZeroDivisionError
        return NOW

    monkeypatch.setattr(learn_archive_ends, "_end_of", end_of)
    reached = Reached()
    with pytest.raises(StorageUnavailable, match=str(away.id)):
        learn_archive_ends.learn_archive_ends(ports, reached)
    if at_once == 1:  # the next runs go on behind it, and begin again after the last
        assert [learn_archive_ends.learn_archive_ends(ports, reached) for _ in range(4)] == [1, 1, 1, 0]

    assert tried == [0, 1, 2, 3]
    assert [room.read(one).archive_until for one in good] == [NOW, NOW]
    assert room.read(away).archive_until is None
    assert (room.read(broken).level_detail or "").startswith("When its archive timestamp ends cannot be read")
    with pytest.raises(StorageUnavailable):
        learn_archive_ends.learn_archive_ends(ports, reached)
    assert tried == [0, 1, 2, 3, 0]


@one_database
def test_two_runs_and_one_that_is_killed_leave_one_new_version(room: Room, ports: Ports, outside: Outside) -> None:
    document = completed(room, ports, Level.B_LTA)
    years_go_by(room, outside)
    assert renew_archives(ports) == 1

    with pytest.raises(SystemExit):
        archive(after_storing(ports, sys.exit), document)
    assert room.read(document).awaits_renewal
    left = {*ports.blobs.beginning_with(document.blob_folder.every()[0])} - {*document.file_keys}

    slower = after_storing(ports, lambda: in_a_thread(archive, ports, document))
    assert archive(slower, document) is None
    renewed = room.read(document)
    assert len(renewed.versions) == 2
    assert room.told().count("DocumentArchived") == 1
    files = {*ports.blobs.beginning_with(document.blob_folder.every()[0])}
    assert files - left == {*renewed.file_keys}  # what the killed run has left goes with the document


@one_database
def test_it_is_tried_until_the_old_one_ends_and_then_no_more(room: Room, ports: Ports, outside: Outside) -> None:
    document = completed(room, ports, Level.B_LTA)
    years_go_by(room, outside)
    outside.down = frozenset({"tsa"})
    assert renew_archives(ports) == 1

    room.clock.advance(days=60)
    assert archive(ports, document) == timedelta(hours=6)
    waiting = room.read(document)
    assert waiting.awaits_renewal
    assert waiting.level_detail

    room.clock.time = NOW + 6 * YEAR + timedelta(days=1)
    assert archive(ports, document) is None
    ended = room.read(document)
    assert (ended.level, ended.awaits_renewal, ended.archive_until) == (Level.B_LTA, False, ended.versions[-1].made_at)
    assert ended.versions == document.versions
    assert "DocumentArchived" not in room.told()
    assert renew_archives(ports) == 0


@one_database
def test_in_the_last_days_the_timestamp_comes_without_the_data_that_cannot_be_had(
    room: Room, ports: Ports, outside: Outside, dss: Dss, tmp_path: Path
) -> None:
    document = completed(room, ports, Level.B_LTA)
    years_go_by(room, outside)
    told = outside.site.paths.pop("/time-authority-0")
    try:
        assert renew_archives(ports) == 1
        assert archive(ports, document) is not None
        assert len(room.read(document).versions) == 1

        # Of one that was given up before, and is asked for now, nobody knows that no time is left.
        waiting = room.read(document)
        with ports.store.work() as work:
            work.documents.save(replace(waiting, archive_until=document.versions[-1].made_at))
        assert archive(ports, document) is not None
        assert len(room.read(document).versions) == 1
        with ports.store.work() as work:
            work.documents.save(waiting)

        years_go_by(room, outside, NOW + 6 * YEAR - timedelta(days=3))
        assert archive(ports, document) is None
    finally:
        outside.site.paths["/time-authority-0"] = told
    renewed = room.read(document)
    assert len(renewed.versions) == 2
    assert said_by(dss, ports, renewed, tmp_path) == [("LTA", "TOTAL_PASSED")]  # the file had them already


@one_database
@pytest.mark.parametrize("kind", [SignatureType.PDF, SignatureType.XML])
def test_a_file_on_a_disk_is_raised_and_renewed(
    room: Room, ports: Ports, outside: Outside, dss: Dss, tmp_path: Path, kind: SignatureType
) -> None:
    signed, file = completed(room, ports, None, kind).require_signed(), tmp_path / "file"
    with ports.blobs.as_file(signed.blob_key, content_of(signed)) as source:
        file.write_bytes(source.read_bytes())
    command = ExtendFile(file, Level.B_LTA, TEST)

    def extended() -> list[tuple[Level, Level, str | None, bool]]:
        return [
            (one.before, one.level, one.missing, one.changed)
            for one in asyncio.run(extend_file(ports, OPERATOR, command))
        ]

    assert extended() == [(Level.B_B, Level.B_LTA, None, True)]
    raised = file.read_bytes()
    assert extended() == [(Level.B_LTA, Level.B_LTA, None, False)]  # it is of this hour
    assert file.read_bytes() == raised
    assert _judged(dss, file, NOW + 5.5 * YEAR) == [("LTA", "TOTAL_PASSED")]

    years_go_by(room, outside)
    assert extended() == [(Level.B_LTA, Level.B_LTA, None, True)]
    assert _judged(dss, file, LATE) == [("LTA", "TOTAL_PASSED")]

    outside.down = frozenset({"tsa"})
    room.clock.advance(days=2)
    ((_, level, missing, changed),) = extended()
    assert (level, changed) == (Level.B_LTA, False)
    assert missing
    told = [(one.action, one.actor, one.after["levels"]) for one in read_installation_log(ports, 10)]
    assert told == [(Action.FILE_EXTENDED, OPERATOR.name, ["B-LTA"])] * 2  # only when something was added


def _judged(dss: Dss, file: Path, at: datetime) -> list[tuple[str, str]]:
    answer = dss.judge(file, at=at, revocation=True)
    return [(one["level"][-3:], one["indication"]) for one in answer["signatures"]]
