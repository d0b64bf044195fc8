"""Every stored file is compared within a set time, in small steps that outlive a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from signroom.domain.errors import StorageUnavailable
from signroom.ports import Ports
from signroom.ports.store import ComparisonPass
from signroom.service.maintenance.compare_files import Damage, DamagedFile, all_damaged_files, compare_files
from tests.service.conftest import Room

PERIOD = timedelta(minutes=20)


@pytest.fixture
def ports(room: Room) -> Ports:
    return replace(room.ports, limits=replace(room.ports.limits, files_compared_within=PERIOD))


def state(room: Room) -> ComparisonPass:
    with room.ports.store.read() as work:
        return work.file_comparison.current()


def run_until_finished(room: Room, ports: Ports) -> int:
    damaged = 0
    for _ in range(30):
        damaged += compare_files(ports)
        if state(room).finished_at is not None:
            return damaged
        room.clock.advance(minutes=1)
    raise AssertionError("the comparison never ends")


def damaged_metric(room: Room, found: str) -> float:
    name = "signroom_damaged_files_total"
    return room.service.meters.registry.get_sample_value(name, {"found": found}) or 0.0


def test_every_file_is_compared_within_the_time(room: Room, ports: Ports, capsys: pytest.CaptureFixture[str]) -> None:
    documents = sorted((room.document() for _ in range(40)), key=lambda d: d.id)
    changed, missing, signed = documents[3], documents[17], room.completed(documents[39], None)
    (room.files / changed.original.blob_key).write_bytes(b"CONTENT")
    (room.files / missing.original.blob_key).unlink()
    assert signed.signed is not None
    (room.files / signed.signed.blob_key).write_bytes(b"content and more")

    begun = room.clock.now()
    assert run_until_finished(room, ports) == 3
    assert PERIOD / 2 < room.clock.now() - begun <= PERIOD
    assert (damaged_metric(room, "changed"), damaged_metric(room, "missing")) == (2, 1)
    told = capsys.readouterr().out
    assert told.count("file.changed") == 2
    for document in (changed, signed, missing):
        assert f"document_id={document.id}" in told

    assert compare_files(ports) == 0, "the next pass begins when the time is over"
    room.clock.time = begun + PERIOD
    compare_files(ports)
    assert state(room).finished_at is None
    assert run_until_finished(room, ports) == 3


def test_it_goes_on_where_it_ended_and_only_one_process_does(room: Room, ports: Ports) -> None:
    documents = sorted((room.document() for _ in range(20)), key=lambda d: d.id)

    compare_files(ports)
    first = state(room)
    assert first.after == documents[0].id
    assert first.done < first.total / 10

    with ports.store.work() as work:  # another process is at it
        assert work.file_comparison.claim(room.clock.now(), room.clock.now() + timedelta(minutes=3)) == first
    room.clock.advance(minutes=2)
    assert compare_files(ports) == 0
    assert state(room) == first

    room.clock.advance(minutes=2)  # that process has died
    compare_files(ports)
    assert state(room).after == documents[4].id


def test_an_outage_of_the_store_ends_a_run_and_nothing_is_called_damaged(
    room: Room, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.document()
    gone = room.files.rename(room.files.with_name("unmounted"))
    room.files.mkdir()

    with pytest.raises(StorageUnavailable):
        compare_files(ports)

    room.files.rmdir()
    gone.rename(room.files)
    assert run_until_finished(room, ports) == 0


def test_what_is_removed_meanwhile_is_not_missing(room: Room, ports: Ports) -> None:
    room.document()
    until = room.clock.now() - timedelta(hours=1)
    purged = room.completed(room.document(), until)
    for key in purged.file_keys:
        (room.files / key).unlink()

    assert run_until_finished(room, ports) == 0


def test_an_empty_installation_is_compared_too(room: Room, ports: Ports) -> None:
    assert run_until_finished(room, ports) == 0


def test_all_files_at_once(room: Room) -> None:
    documents = [room.document() for _ in range(60)]
    (room.files / documents[3].original.blob_key).write_bytes(b"another")
    (room.files / documents[4].original.blob_key).unlink()

    found = set(all_damaged_files(room.ports.store, room.ports.blobs, room.clock.now()))

    assert found == {
        DamagedFile(document.id, document.session_id, document.original.blob_key, damage)
        for document, damage in ((documents[3], Damage.CHANGED), (documents[4], Damage.MISSING))
    }
