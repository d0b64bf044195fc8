"""The disk of the backups fills up in the middle: the backup is none, and the next one goes on when there is room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from signroom.domain.errors import BackupNoRoom
from signroom.service.keeping.back_up import BackUp, back_up
from signroom.service.keeping.places import manifests
from tests.faults.test_disk import fill, small_disk
from tests.service.keeping.conftest import ON_SQLITE, Kept
from tests.service.keeping.test_back_up import Changed

__all__ = ["small_disk"]


@ON_SQLITE
@pytest.mark.parametrize("at", ["files/", "backups/"])
def test_a_disk_that_fills_up_leaves_no_half_backup(kept: Kept, small_disk: Path, at: str) -> None:
    document = kept.room.document(kept.room.session())
    on_small = replace(kept, place=str(small_disk / "backups"))
    filled: list[Path] = []

    def at_once(key: str) -> None:
        if key.startswith(at) and not filled:
            filled.append(fill(small_disk))

    with on_small.ports() as ports:
        with pytest.raises(BackupNoRoom, match="MB are needed"):
            back_up(replace(ports, place=Changed(ports.place, before_write=at_once)), BackUp())
        assert manifests(ports.place) == []
        filled[0].unlink()
        assert back_up(ports, BackUp()).manifest.lost == 0

    assert on_small.copies == {document.original.blob_key}
