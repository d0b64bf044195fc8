"""Everything is lost, and put back; what must not be replaced or trusted is refused before anything changes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from signroom.domain.audit import Action
from signroom.domain.backup import BackupKind, Manifest, manifest_text
from signroom.domain.document import Document
from signroom.domain.errors import (
    BackupDamaged,
    BackupNewer,
    BackupNoRoom,
    BackupNotFound,
    BackupPlaceRefused,
    DatabaseDamaged,
    InstallationInUse,
    InstallationNotEmpty,
    OtherSecretKey,
    StorageUnavailable,
)
from signroom.domain.event import SessionCreated
from signroom.ports.keeping import KeepingPorts
from signroom.service.events.record_event import record_event
from signroom.service.keeping.back_up import BackUp, back_up
from signroom.service.keeping.places import manifests
from signroom.service.keeping.restore_backup import EVENT_JUMP, RestoreBackup, restore_backup
from signroom.store import tables
from signroom.store.engine import open_engine
from signroom.wiring import migrate_database
from tests.service.conftest import Room
from tests.service.keeping.conftest import ON_SQLITE, Kept
from tests.service.keeping.test_back_up import Changed


def backed_up(kept: Kept, command: BackUp | None = None) -> Manifest:
    with kept.ports() as ports:
        return back_up(ports, command or BackUp()).manifest


def told(room: Room) -> int:
    """Record an event; returns its position."""
    application = room.caller.application
    session = room.session()
    with room.ports.store.work() as work:
        event = SessionCreated(session.id, room.clock.now())
        record_event(work, event, application.subscription_id, application.id)
    with room.ports.store.read() as work:
        return work.feed.bounds(room.caller.subscription_id).newest


def signed(room: Room) -> Document:
    return room.completed(room.document(room.session()), None)


def change_manifest(kept: Kept, manifest: Manifest, **changed: object) -> None:
    file = kept.folder / manifest.folder / "manifest.json"
    file.write_bytes(manifest_text(replace(manifest, **changed)))  # type: ignore[arg-type]


def test_after_a_loss_of_everything_all_is_there_and_positions_go_on_above_those_that_were_lost(kept: Kept) -> None:
    document, position = signed(kept.room), told(kept.room)
    backed_up(kept)
    before = kept.rows()
    for _ in range(3):
        lost = told(kept.room)
    kept.lose_everything()

    with kept.ports(existing=True) as ports:
        done = restore_backup(ports, RestoreBackup())

    # One entry of the audit log tells of the restore; of the backup it tells nothing yet.
    assert (kept.rows(), done.lost, done.signed_since) == (before, (), ())
    assert all(kept.room.has(key) for key in document.file_keys)
    with kept.reopened() as room:
        assert room.read(document) == document
        with room.ports.store.read() as work:
            assert work.feed.bounds(room.caller.subscription_id).newest == position
        assert told(room) == position + EVENT_JUMP + 1 > lost
    with kept.ports() as ports:
        installation = ports.database.installation()
        assert (installation.restored_at, installation.restored_from) == (kept.room.clock.now(), done.manifest.made_at)
        # Its own place goes on being its own.
        assert back_up(ports, BackUp()).copied.files == 0


@ON_SQLITE
def test_a_loss_of_the_database_alone_names_what_was_signed_since(kept: Kept) -> None:
    known = signed(kept.room)
    backed_up(kept)
    since = signed(kept.room)
    files = kept.room.files
    files.rename(aside := files.parent.parent / "aside")
    kept.lose_everything()
    files.parent.mkdir()
    aside.rename(files)

    with kept.ports(existing=True) as ports:
        done = restore_backup(ports, RestoreBackup())

    assert (done.copied.files, done.signed_since) == (0, (since.id,))
    with kept.reopened() as room:
        assert room.read(known) == known
    assert all(kept.room.has(key) for key in since.file_keys)


def test_a_restore_that_is_cut_off_changes_no_database_and_is_gone_on_with(kept: Kept) -> None:
    signed(kept.room)
    backed_up(kept)
    before = kept.rows()
    kept.lose_everything()
    copied: list[str] = []

    def cut(key: str) -> None:
        if len(copied) == 1:
            raise StorageUnavailable
        copied.append(key)

    with kept.ports(existing=True) as ports:
        with pytest.raises(StorageUnavailable):
            restore_backup(replace(ports, files=Changed(ports.files, before_write=cut)), RestoreBackup())
        assert ports.database.is_empty()
        done = restore_backup(ports, RestoreBackup())

    assert (done.copied.files, kept.rows()["signroom_documents"]) == (1, before["signroom_documents"])


def test_what_is_here_is_replaced_only_when_that_is_asked_for(kept: Kept) -> None:
    document = signed(kept.room)
    backed_up(kept)
    later = signed(kept.room)
    (kept.room.files / document.original.blob_key).write_bytes(b"another")
    kept.stop()

    with kept.ports(existing=True) as ports:
        with pytest.raises(InstallationNotEmpty):
            restore_backup(ports, RestoreBackup())
        assert kept.rows()["signroom_documents"] == 2
        done = restore_backup(ports, RestoreBackup(overwrite=True))
    with kept.ports(existing=True) as ports:
        again = restore_backup(ports, RestoreBackup(overwrite=True))

    assert done.signed_since == (later.id,)
    assert kept.rows()["signroom_documents"] == 1
    assert (kept.room.files / document.original.blob_key).read_bytes() == b"content"
    url = make_url(kept.settings.database_url)
    if url.get_backend_name() == "sqlite":  # what was replaced lies beside it, the first one too
        counts = []
        for kept_one in (done.replaced, again.replaced):
            assert kept_one is not None
            assert kept_one.name.startswith(f"{Path(str(url.database)).name}.replaced-20")
            with closing(sqlite3.connect(kept_one)) as old:
                counts += old.execute("SELECT count(*) FROM signroom_documents").fetchone()
        assert counts == [2, 1]


@ON_SQLITE
@pytest.mark.parametrize("healthy", [0, 4096])
def test_a_damaged_database_is_told_and_kept_beside_when_it_is_replaced(kept: Kept, healthy: int) -> None:
    signed(kept.room)
    backed_up(kept)
    before = kept.rows()
    kept.stop()
    file = Path(str(make_url(kept.settings.database_url).database))
    garbage = file.read_bytes()[:healthy] + b"?" * 20_000
    file.write_bytes(garbage)
    Path(f"{file}-wal").write_bytes(b"and its log")

    for verb in (back_up_again, restore_unasked):
        with kept.ports(existing=True) as ports, pytest.raises(DatabaseDamaged, match="--overwrite"):
            verb(ports)
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(file)], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with kept.ports(existing=True) as ports, pytest.raises(InstallationInUse):
            restored(ports)
        holder.communicate()
    with kept.ports(existing=True) as ports:
        done = restore_backup(ports, RestoreBackup(overwrite=True))

    assert done.replaced is not None
    assert done.replaced.read_bytes() == garbage
    assert kept.rows() == before


_HOLD = """
import fcntl, sys
opened = open(sys.argv[1], "r+b")
fcntl.lockf(opened, fcntl.LOCK_SH, 1, 0x40000002)  # as each connection of SQLite does
print("held", flush=True)
sys.stdin.read()
"""


def back_up_again(ports: KeepingPorts) -> None:
    back_up(ports, BackUp())


def restore_unasked(ports: KeepingPorts) -> None:
    restore_backup(ports, RestoreBackup())


@ON_SQLITE
def test_a_file_that_differs_is_not_replaced_unasked(kept: Kept) -> None:
    document = signed(kept.room)
    backed_up(kept)
    kept.lose_everything()
    for content in (b"another", b"CONTENT"):
        other = kept.room.files / document.original.blob_key
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(content)
        with kept.ports(existing=True) as ports, pytest.raises(InstallationNotEmpty, match=document.original.blob_key):
            restore_backup(ports, RestoreBackup())
    with kept.ports(existing=True) as ports:
        restore_backup(ports, RestoreBackup(overwrite=True))

    assert other.read_bytes() == b"content"


def restored(ports: KeepingPorts) -> None:
    restore_backup(ports, RestoreBackup(overwrite=True))


def exported(ports: KeepingPorts) -> None:
    back_up(ports, BackUp(BackupKind.EXPORT))


def test_a_service_that_runs_is_not_replaced(kept: Kept) -> None:
    backed_up(kept)
    kept.room.session()  # a connection lies in its pool

    with kept.ports(existing=True) as ports:
        for verb in (restored, exported):
            with pytest.raises(InstallationInUse):
                verb(ports)
        kept.stop()
        assert restore_backup(ports, RestoreBackup(overwrite=True)).lost == ()


@ON_SQLITE
@pytest.mark.parametrize("part", ["files", "files.jsonl", "database.db"])
def test_a_damaged_backup_is_not_begun_with(kept: Kept, part: str) -> None:
    document = signed(kept.room)
    manifest = backed_up(kept)
    kept.lose_everything()
    damaged = kept.folder / (f"files/{document.original.blob_key}" if part == "files" else manifest.folder + part)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")

    with kept.ports(existing=True) as ports:
        with pytest.raises(BackupDamaged):
            restore_backup(ports, RestoreBackup())
        assert ports.database.is_empty()
        assert list(ports.files.each("")) == []


@ON_SQLITE
def test_what_does_not_belong_here_is_refused(kept: Kept) -> None:
    manifest = backed_up(kept)
    kept.stop()
    with kept.ports(existing=True) as ports, pytest.raises(BackupNotFound):
        restore_backup(ports, RestoreBackup(backup_id="another"))
    with kept.ports(existing=True) as ports, pytest.raises(BackupNotFound):
        restore_backup(ports, RestoreBackup(BackupKind.EXPORT))
    with kept.ports(existing=True, secret_key=b"another" * 6) as ports, pytest.raises(OtherSecretKey):
        restore_backup(ports, RestoreBackup(overwrite=True))
    (kept.settings.data / "secret.key").unlink()
    with kept.ports(existing=True, secret_key=None) as ports, pytest.raises(OtherSecretKey, match="none here"):
        restore_backup(ports, RestoreBackup(overwrite=True))
    with kept.ports(existing=True) as ports:
        full = Changed(ports.files, free=100_000)
        with pytest.raises(BackupNoRoom):
            restore_backup(replace(ports, files=full), RestoreBackup(overwrite=True))
    change_manifest(kept, manifest, schema="9999", made_by="9.0")
    with kept.ports(existing=True) as ports, pytest.raises(BackupNewer, match=r"9\.0"):
        restore_backup(ports, RestoreBackup(overwrite=True))
    text = json.loads(manifest_text(manifest)) | {"format": 2}
    (kept.folder / manifest.folder / "manifest.json").write_text(json.dumps(text))
    with kept.ports(existing=True) as ports, pytest.raises(BackupNewer):
        manifests(ports.place)


@ON_SQLITE
def test_without_the_key_it_goes_on_when_that_is_asked_for(kept: Kept) -> None:
    backed_up(kept)
    kept.lose_everything()

    with kept.ports(existing=True, secret_key=b"another" * 6) as ports:
        assert restore_backup(ports, RestoreBackup(accept_other_key=True)).lost == ()


@ON_SQLITE
def test_a_key_that_is_in_the_backup_is_put_back_where_there_is_none(kept: Kept) -> None:
    backed_up(kept, BackUp(with_secret_key=True))
    kept.lose_everything()

    # A service that was started too early has made itself a new one.
    with kept.ports(existing=True, secret_key=b"another" * 6) as ports:
        with pytest.raises(OtherSecretKey, match=rf"{kept.place}/backups/.*/secret\.key") as refused:
            restore_backup(ports, RestoreBackup())
        assert "--accept-other-key" not in str(refused.value)
    with kept.ports(existing=True, secret_key=None) as ports:
        restore_backup(ports, RestoreBackup())

    key = kept.settings.data / "secret.key"
    assert (key.read_bytes(), key.stat().st_mode & 0o777) == (b"k" * 40, 0o600)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_import_goes_on_at_the_same_position_with_the_files_where_they_are(kept: Kept, tmp_path: Path) -> None:
    document, position = signed(kept.room), told(kept.room)
    kept.stop()
    manifest = backed_up(kept, BackUp(BackupKind.EXPORT, with_files=False))
    before = kept.rows()
    with kept.ports() as ports, pytest.raises(BackupPlaceRefused, match="export"):
        back_up(ports, BackUp())
    url = f"sqlite:///{tmp_path / 'other.db'}"

    with kept.ports(existing=True, database_url=url) as ports:
        with pytest.raises(BackupNotFound):
            restore_backup(ports, RestoreBackup(BackupKind.BACKUP))
        done = restore_backup(ports, RestoreBackup(BackupKind.EXPORT))
        installation = ports.database.installation()
    imported = kept.rows(url)

    assert (done.copied.files, imported["signroom_audit_log"]) == (0, before["signroom_audit_log"] + 1)
    assert {**imported, "signroom_audit_log": 0} == {**before, "signroom_audit_log": 0}
    assert (installation.restored_at, kept.copies) == (None, set())
    back = replace(kept, place=f"{kept.place}-back", settings=replace(kept.settings, database_url=url))
    assert backed_up(back, BackUp(BackupKind.EXPORT, with_files=True)).rows["signroom_documents"] == 1
    assert back.copies == set(document.file_keys)
    migrate_database(kept.settings)
    with replace(kept, place=back.place).ports(existing=True) as ports:
        restore_backup(ports, RestoreBackup(BackupKind.EXPORT, overwrite=True))
    with kept.reopened() as room:
        assert told(room) == position + 1
    # What was exported without its files needs them.
    (kept.room.files / document.original.blob_key).unlink()
    kept.stop()
    with kept.ports(existing=True) as ports, pytest.raises(BackupDamaged, match=document.original.blob_key):
        restore_backup(ports, RestoreBackup(BackupKind.EXPORT, manifest.id, overwrite=True))


@ON_SQLITE
def test_backup_and_restore_are_in_the_audit_log(kept: Kept) -> None:
    backed_up(kept)
    kept.lose_everything()
    with kept.ports(existing=True) as ports:
        restore_backup(ports, RestoreBackup())
    backed_up(kept)

    engine = open_engine(kept.settings.database_url)
    with engine.connect() as connection:
        t = tables.audit_log
        entries = connection.execute(sa.select(t.c.action, t.c.actor).order_by(t.c.position)).all()
    engine.dispose()
    assert entries == [(Action.RESTORED, "operator ana"), (Action.BACKED_UP, "operator ana")]
