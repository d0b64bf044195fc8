"""``signroom backup``, ``restore``, ``export`` and ``import``: an installation as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from signroom.cli.configuration import require_database, settings_for_rows
from signroom.cli.printing import moment, print_json, print_line

if TYPE_CHECKING:
    from signroom.domain.backup import BackupKind, KeptFile, Manifest
    from signroom.ports.keeping import KeepingPorts
    from signroom.service.keeping.back_up import BackUp
    from signroom.settings import Settings

INCOMPLETE = 1
_MB = 1 << 20
Flag = Annotated[bool, Parameter(negative=())]


def add_commands(app: App) -> None:
    """Let `app` know the commands of this file."""
    app.command(backup)
    app.command(restore)
    app.command(export)
    app.command(take_over, name="import")


def backup(
    place: str,
    *,
    keep: int = 7,
    with_secret_key: Flag = False,
    start_again: Flag = False,
    verify: Flag = False,
    show: Annotated[bool, Parameter(name="--list", negative=())] = False,
    backup_id: Annotated[str | None, Parameter(name="--backup")] = None,
    json: Flag = False,
) -> int:
    """Back up database and files while the service runs. Exit code 1 when files are missing or damaged.

    Args:
        place: a folder, or an address like s3://bucket/prefix
        keep: how many backups stay; older ones are removed with the files that only they name
        with_secret_key: also store the secret key, for anybody who can read the backup
        start_again: begin anew at a place where backups were, and are no more
        verify: make no backup; read one and compare it with its manifest
        show: make no backup; list those that are there
        backup_id: with --verify: this one, not the newest
        json: print JSON instead of text
    """
    from signroom.domain.backup import BackupKind
    from signroom.service.keeping.back_up import BackUp
    from signroom.service.keeping.places import chosen, manifests
    from signroom.service.keeping.verify_backup import verify_backup

    with _looking(place) if verify or show else _keeping(place) as ports:
        if show:
            return _print_all(manifests(ports.place), as_json=json)
        if verify:
            found = verify_backup(ports.place, chosen(ports.place, BackupKind.BACKUP, backup_id))
            if json:
                print_json({**_facts(found.manifest), "damaged": found.damaged, "damagedFiles": list(found.named)})
            else:
                print_line(f"{_line(found.manifest)}, {found.damaged} damaged")
                _print_names(found.named, found.damaged)
            return INCOMPLETE if found.damaged else 0
        command = BackUp(keep=keep, with_secret_key=with_secret_key, start_again=start_again)
        return _make(ports, command, as_json=json)


def restore(
    place: str,
    *,
    backup_id: Annotated[str | None, Parameter(name="--backup")] = None,
    overwrite: Flag = False,
    accept_other_key: Flag = False,
    json: Flag = False,
) -> int:
    """Put database and files back from a backup. The service must not run. Exit code 1 when files are missing in it.

    Args:
        place: where `signroom backup` has written to
        backup_id: this one, not the newest
        overwrite: replace the installation that is here
        accept_other_key: go on without the secret key of the backup; open links and secrets of endpoints are lost
        json: print JSON instead of text
    """
    from signroom.domain.backup import BackupKind

    return _bring(place, BackupKind.BACKUP, backup_id, overwrite, accept_other_key, as_json=json)


def export(
    place: str,
    *,
    with_files: Flag = False,
    with_secret_key: Flag = False,
    while_running: Flag = False,
    json: Flag = False,
) -> int:
    """Write the whole database, of whatever kind, to an empty place, for `signroom import` into another database.

    Args:
        place: an empty folder, or an address like s3://bucket/prefix
        with_files: the stored files too; without it they stay in SIGNROOM_BLOB_URL, which the new installation keeps
        with_secret_key: also store the secret key, for anybody who can read the export
        while_running: do not refuse when the service runs; what it does from now on is not in the export
        json: print JSON instead of text
    """
    from signroom.domain.backup import BackupKind
    from signroom.service.keeping.back_up import BackUp

    with _keeping(place) as ports:
        command = BackUp(
            BackupKind.EXPORT, with_secret_key=with_secret_key, with_files=with_files, while_running=while_running
        )
        return _make(ports, command, as_json=json)


def take_over(
    place: str,
    *,
    overwrite: Flag = False,
    accept_other_key: Flag = False,
    json: Flag = False,
) -> int:
    """Let an exported installation go on here, with the database that the settings name. The service must not run.

    Args:
        place: where `signroom export` has written to
        overwrite: replace the installation that is here
        accept_other_key: go on without the secret key of the export; open links and secrets of endpoints are lost
        json: print JSON instead of text
    """
    from signroom.domain.backup import BackupKind

    return _bring(place, BackupKind.EXPORT, None, overwrite, accept_other_key, as_json=json)


@contextmanager
def _keeping(place: str) -> Iterator[KeepingPorts]:
    """To copy the installation that is here. Raises: DatabaseNotFound, what `signroom.wiring.keeping` raises."""
    settings = settings_for_rows()
    require_database(settings)
    with _opened(settings, place, existing=False, installs=True) as ports:
        yield ports


@contextmanager
def _looking(place: str) -> Iterator[KeepingPorts]:
    """To look at a backup, also where no installation is, and none is made."""
    with _opened(settings_for_rows(), place, existing=True, installs=False) as ports:
        yield ports


@contextmanager
def _opened(settings: Settings, place: str, *, existing: bool, installs: bool) -> Iterator[KeepingPorts]:
    from signroom import wiring
    from signroom.service.access.operators import this_operator

    # Copies of everything: what is made from here on is for its owner alone.
    before = os.umask(0o077)
    try:
        who = this_operator().name
        with wiring.keeping(settings, place, who, existing=existing, installs=installs) as ports:
            yield ports
    finally:
        os.umask(before)


def _make(ports: KeepingPorts, command: BackUp, *, as_json: bool) -> int:
    from signroom.service.keeping.back_up import back_up

    done = back_up(ports, command)
    copied = {"copiedFiles": done.copied.files, "copiedBytes": done.copied.bytes, "removedBackups": done.removed}
    if as_json:
        print_json({**_facts(done.manifest), **copied, "lostFiles": _names(done.lost)})
    else:
        print_line(_line(done.manifest))
        print_line(f"{done.copied.files} files copied ({_size(done.copied.bytes)}), {done.removed} old backups removed")
        _print_names([f"{f.key} is {f.loss}" for f in done.lost], done.manifest.lost)
    return INCOMPLETE if done.manifest.lost else 0


def _bring(
    place: str, kind: BackupKind, backup_id: str | None, overwrite: bool, accept_other_key: bool, *, as_json: bool
) -> int:
    from signroom.service.keeping.places import chosen
    from signroom.service.keeping.restore_backup import RestoreBackup, restore_backup

    # Before anything is made here: is there such a backup at all?
    with _looking(place) as ports:
        chosen(ports.place, kind, backup_id)
    with _opened(settings_for_rows(), place, existing=True, installs=True) as ports:
        command = RestoreBackup(kind, backup_id, overwrite, accept_other_key)
        done = restore_backup(ports, command)
    if as_json:
        since = [str(document) for document in done.signed_since]
        came = {
            "copiedFiles": done.copied.files,
            "copiedBytes": done.copied.bytes,
            "replacedDatabase": None if done.replaced is None else str(done.replaced),
        }
        print_json({**_facts(done.manifest), **came, "lostFiles": _names(done.lost), "signedSince": since})
        return INCOMPLETE if done.manifest.lost else 0
    print_line(_line(done.manifest))
    print_line(f"{done.copied.files} files copied ({_size(done.copied.bytes)}); start the service now")
    _print_names([f"{f.key} is {f.loss}" for f in done.lost], done.manifest.lost)
    for document in done.signed_since:
        print_line(f"signed after the backup, its file is here without a row: document {document}")
    if done.replaced is not None:
        print_line(f"the database that was here is kept: delete {done.replaced} when all is well")
    return INCOMPLETE if done.manifest.lost else 0


def _facts(m: Manifest) -> dict[str, object]:
    return {
        "backup": m.id,
        "madeAt": moment(m.made_at),
        "madeBy": m.made_by,
        "files": m.file_count,
        "bytes": m.file_bytes,
        "lost": m.lost,
        "rows": sum(m.rows.values()),
        "hasSecretKey": m.secret_key is not None,
    }


def _line(m: Manifest) -> str:
    return f"{m.kind} {m.id}: {sum(m.rows.values())} rows, {m.file_count} files ({_size(m.file_bytes)}), {m.lost} lost"


def _size(count: int) -> str:
    return f"{count / _MB:.1f} MB"


def _names(files: tuple[KeptFile, ...]) -> list[str]:
    return [file.key for file in files]


def _print_names(names: list[str] | tuple[str, ...], count: int) -> None:
    for name in names:
        print_line(name)
    if count > len(names):
        print_line(f"and {count - len(names)} more")


def _print_all(found: list[Manifest], *, as_json: bool) -> int:
    if as_json:
        print_json([_facts(manifest) for manifest in found])
    else:
        for manifest in found:
            print_line(_line(manifest))
    return 0
