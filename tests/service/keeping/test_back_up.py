"""A backup is whole, or it is none; what changes meanwhile, what is missing and what is damaged is told."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from signroom.domain.backup import Loss
from signroom.domain.errors import (
    BackupDamaged,
    BackupNoRoom,
    BackupPlaceRefused,
    BackupUnderWay,
    DatabaseUnavailable,
    KeepingRefused,
    OtherUser,
    StorageUnavailable,
)
from signroom.ports.files import Stored
from signroom.ports.keeping import FileTree
from signroom.service.keeping.back_up import BackUp, back_up
from signroom.service.keeping.places import manifests
from signroom.service.keeping.verify_backup import verify_backup
from tests.service.keeping.conftest import ON_SQLITE, Kept


class Changed:
    """A tree of files in which something happens before a file is read, or written, or that has less room."""

    def __init__(
        self,
        tree: FileTree,
        *,
        before_read: Callable[[str], None] = lambda _key: None,
        before_write: Callable[[str], None] = lambda _key: None,
        free: int | None = None,
    ) -> None:
        self._tree, self._before_read, self._before_write, self._free = tree, before_read, before_write, free

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tree, name)

    def room(self) -> int | None:
        return self._tree.room() if self._free is None else self._free

    def scratch_room(self) -> int:
        return self._tree.scratch_room() if self._free is None else self._free

    def read_stream(self, key: str, expected: Stored | None) -> AsyncIterator[bytes]:
        self._before_read(key)
        return self._tree.read_stream(key, expected)

    async def write_stream(self, key: str, chunks: AsyncIterator[bytes], *, limit: int, durable: bool = True) -> Stored:
        self._before_write(key)
        return await self._tree.write_stream(key, chunks, limit=limit, durable=durable)


def away(_key: str) -> None:
    raise StorageUnavailable


def test_each_file_is_copied_once_and_all_is_for_its_owner_alone(kept: Kept) -> None:
    first = kept.room.document(kept.room.session())
    with kept.ports() as ports:
        done = back_up(ports, BackUp())
    second = kept.room.completed(kept.room.document(kept.room.session()), None)
    with kept.ports() as ports:
        again = back_up(ports, BackUp())
        verified = verify_backup(ports.place, again.manifest)
        installation = ports.database.installation()

    files = {first.original.blob_key, *second.file_keys}
    assert (done.copied.files, again.copied.files, again.manifest.file_count) == (1, 2, 3)
    assert (kept.copies, verified.damaged, again.manifest.lost) == (files, 0, 0)
    assert (installation.backed_up_at, installation.backup_place) == (again.manifest.made_at, kept.place)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in kept.folder.rglob("*") if path.is_file()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert not list(kept.folder.rglob("secret.key"))
    assert ("k" * 40).encode() not in b"".join(path.read_bytes() for path in modes)


def test_what_is_deleted_meanwhile_is_in_neither_part(kept: Kept) -> None:
    session = kept.room.session()
    stays, goes = kept.room.document(session), kept.room.document(session, position=1)

    def remove(key: str) -> None:
        if (kept.room.files / goes.original.blob_key).exists():
            with kept.room.ports.store.work() as work:
                work.documents.remove(goes.id)
            (kept.room.files / goes.original.blob_key).unlink()

    with kept.ports() as ports:
        done = back_up(replace(ports, files=Changed(ports.files, before_read=remove)), BackUp())
        verified = verify_backup(ports.place, done.manifest)

    assert (done.manifest.lost, verified.damaged, kept.copies) == (0, 0, {stays.original.blob_key})
    assert done.manifest.rows["signroom_documents"] == 1


@ON_SQLITE
def test_what_is_missing_and_what_has_changed_is_named_and_a_good_copy_stays(kept: Kept) -> None:
    session = kept.room.session()
    good, missing, changed = (kept.room.document(session, position=number) for number in range(3))
    with kept.ports() as ports:
        back_up(ports, BackUp())
    more, lost = kept.room.document(session, position=3), kept.room.document(session, position=4)
    (kept.room.files / missing.original.blob_key).unlink()
    (kept.room.files / changed.original.blob_key).write_bytes(b"CONTENT")
    (kept.room.files / more.original.blob_key).write_bytes(b"CONTENT")
    (kept.room.files / lost.original.blob_key).unlink()

    with kept.ports() as ports:
        done = back_up(ports, BackUp())
        verified = verify_backup(ports.place, done.manifest)

    assert {file.key: file.loss for file in done.lost} == {
        more.original.blob_key: Loss.CHANGED,
        lost.original.blob_key: Loss.MISSING,
    }
    assert (done.manifest.lost, verified.damaged) == (2, 0)
    assert kept.copies == {document.original.blob_key for document in (good, missing, changed)}


@ON_SQLITE
def test_a_backup_that_was_cut_off_is_none_and_the_next_one_goes_on(kept: Kept) -> None:
    document = kept.room.document(kept.room.session())

    def cut(key: str) -> None:
        if key.endswith("manifest.json"):
            raise StorageUnavailable

    with kept.ports() as ports:
        with pytest.raises(StorageUnavailable):
            back_up(replace(ports, place=Changed(ports.place, before_write=cut)), BackUp())
        assert manifests(ports.place) == []
        assert ports.database.installation().backed_up_at is None
        done = back_up(ports, BackUp())
        assert manifests(ports.place) == [done.manifest]

    assert (done.copied.files, kept.copies) == (0, {document.original.blob_key})
    assert [folder.name for folder in (kept.folder / "backups").iterdir() if any(folder.iterdir())] == [
        done.manifest.id
    ]


@ON_SQLITE
def test_old_backups_go_with_the_files_that_only_they_name(kept: Kept) -> None:
    old = kept.room.completed(kept.room.document(kept.room.session()), kept.room.clock.now() + timedelta(hours=1))
    with kept.ports() as ports:
        back_up(ports, BackUp(keep=2))
        kept.room.clock.advance(hours=2)  # its time is over
        new = kept.room.document(kept.room.session())
        second = back_up(ports, BackUp(keep=2))
        assert kept.copies == {new.original.blob_key, *old.file_keys}
        kept.room.clock.advance(hours=2)
        third = back_up(ports, BackUp(keep=2))

        assert manifests(ports.place) == [second.manifest, third.manifest]
    assert (kept.copies, third.removed) == ({new.original.blob_key}, 1)


@ON_SQLITE
def test_a_place_is_refused_that_is_not_for_backups_of_this_installation(kept: Kept, tmp_path: Path) -> None:
    for place in (kept.settings.data, kept.settings.data / "inside", tmp_path, tmp_path.parent / "no" / "disk"):
        refused = replace(kept, place=str(place))
        with pytest.raises(BackupPlaceRefused), refused.ports():
            pass
    kept.folder.mkdir()
    (kept.folder / "holiday.jpg").touch()
    with kept.ports() as ports, pytest.raises(BackupPlaceRefused, match="Something else"):
        back_up(ports, BackUp())
    (kept.folder / "holiday.jpg").unlink()
    with kept.ports() as ports:
        back_up(ports, BackUp())
    marker = kept.folder / "signroom-backups.json"
    ours = marker.read_text()
    marker.write_text(ours.replace('"installation": "', '"installation": "0000')[: len(ours)])
    with kept.ports() as ports, pytest.raises(BackupDamaged):
        back_up(ports, BackUp())
    marker.write_text('{"format": 1, "installation": "00000000-0000-0000-0000-000000000001"}')
    with kept.ports() as ports, pytest.raises(BackupPlaceRefused, match="another installation"):
        back_up(ports, BackUp())


@ON_SQLITE
def test_a_folder_keeps_its_mode_until_it_is_known_to_be_a_place_of_backups(kept: Kept) -> None:
    kept.folder.mkdir()
    kept.folder.chmod(0o755)
    (stranger := kept.folder / "holiday.jpg").touch()
    with kept.ports(existing=True) as ports:
        assert manifests(ports.place) == []
    with kept.ports() as ports, pytest.raises(BackupPlaceRefused, match="Something else"):
        back_up(ports, BackUp())
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o755
    stranger.unlink()
    kept.folder.chmod(0o1777)
    with kept.ports() as ports:
        back_up(ports, BackUp())
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o1777
    kept.folder.chmod(0o755)
    with kept.ports() as ports:
        back_up(ports, BackUp())
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700


@ON_SQLITE
def test_another_user_than_that_of_the_service_is_refused(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.settings.data.mkdir(exist_ok=True)
    others = os.stat_result((stat.S_IFDIR | 0o700, 0, 0, 1, 4711, 4711, 0, 0, 0, 0))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", lambda *_arguments, **_options: others)
        with pytest.raises(OtherUser, match="belongs to the user"), kept.ports():
            pass
    assert not (kept.settings.data / "keeping.lock").exists()


@ON_SQLITE
def test_what_a_disk_or_sqlite_refuses_is_a_sentence(kept: Kept) -> None:
    with pytest.raises(KeepingRefused, match=r"keeping\.lock: Permission denied"), kept.ports():
        raise PermissionError(errno.EACCES, "Permission denied", "keeping.lock")
    with pytest.raises(DatabaseUnavailable, match="unable to open"), kept.ports():
        sqlite3.connect(kept.settings.data / "no" / "file.db")


@ON_SQLITE
def test_a_disk_that_is_not_mounted_any_more_is_noticed(kept: Kept) -> None:
    with kept.ports() as ports:
        back_up(ports, BackUp())
    kept.folder.rename(kept.folder.with_name(f"{kept.folder.name}-unmounted"))
    # Two disks take turns: the other one was the last.
    with replace(kept, place=f"{kept.place}-other").ports() as ports:
        back_up(ports, BackUp())

    with kept.ports() as ports:
        with pytest.raises(BackupPlaceRefused, match="is the disk mounted"):
            back_up(ports, BackUp())
        assert back_up(ports, BackUp(start_again=True)).manifest.lost == 0


@ON_SQLITE
def test_a_disk_without_room_is_told_before_and_in_the_middle(kept: Kept) -> None:
    kept.room.document(kept.room.session())
    with kept.ports() as ports:
        small = Changed(ports.place, free=100_000)
        with pytest.raises(BackupNoRoom, match="MB are needed"):
            back_up(replace(ports, place=small), BackUp())
        assert kept.copies == set()

        room = iter([1 << 40])  # before the first file is copied, and never again
        filled = Changed(ports.place, before_write=lambda key: away(key) if key.startswith("files/") else None)
        filled.room = lambda: next(room, 0)  # type: ignore[method-assign]
        with pytest.raises(BackupNoRoom):
            back_up(replace(ports, place=filled), BackUp())
        assert manifests(ports.place) == []
        assert back_up(ports, BackUp()).copied.files == 1


def test_two_backups_do_not_run_at_once(kept: Kept) -> None:
    with kept.ports() as ports, kept.ports() as other:
        with ports.database.keeping(), pytest.raises(BackupUnderWay):
            back_up(other, BackUp())

        assert back_up(other, BackUp()).manifest.lost == 0


@ON_SQLITE
def test_damage_of_a_backup_is_found(kept: Kept) -> None:
    document = kept.room.document(kept.room.session())
    with kept.ports() as ports:
        done = back_up(ports, BackUp())
        copy = kept.folder / "files" / document.original.blob_key
        copy.write_bytes(b"CONTENT")
        assert verify_backup(ports.place, done.manifest).named == (document.original.blob_key,)
        copy.unlink()
        assert verify_backup(ports.place, done.manifest).damaged == 1
        database = kept.folder / done.manifest.folder / "database.db"
        database.write_bytes(database.read_bytes()[:-1])
        with pytest.raises(BackupDamaged):
            verify_backup(ports.place, done.manifest)
        # The next one does not take what is damaged for whole.
        assert back_up(ports, BackUp()).copied.files == 1
        (kept.folder / done.manifest.folder / "manifest.json").write_text("{}")
        with pytest.raises(BackupDamaged, match=done.manifest.id):
            back_up(ports, BackUp())


@ON_SQLITE
def test_a_backup_has_nothing_of_what_was_deleted_before_it(kept: Kept) -> None:
    document = kept.room.document(kept.room.session())
    (kept.room.files / document.original.blob_key).write_bytes(planted := b"PLANTED")  # as long as the content
    file = make_url(kept.settings.database_url).database or ""
    with closing(sqlite3.connect(file)) as rows:
        rows.execute("PRAGMA secure_delete=OFF")  # as an older version has left its free pages
        digest = hashlib.sha256(planted).digest()
        rows.execute("UPDATE signroom_documents SET original_name = 'PLANTED', original_sha256 = ?", [digest])
        rows.commit()
        with kept.ports() as ports:
            back_up(ports, BackUp())
        assert any(planted in path.read_bytes() for path in (kept.folder / "files").rglob("*") if path.is_file())
        rows.execute("DELETE FROM signroom_documents")
        rows.commit()
    (kept.room.files / document.original.blob_key).unlink()

    with kept.ports() as ports:
        back_up(ports, BackUp(keep=1))

    assert [path for path in kept.folder.rglob("*") if path.is_file() and planted in path.read_bytes()] == []
