"""A backup in a process that SIGKILL ends at a random moment: what is there is whole, and the next one goes on."""

from __future__ import annotations

import random
from pathlib import Path

from signroom.service.keeping.back_up import BackUp, back_up
from signroom.service.keeping.places import manifests
from signroom.service.keeping.verify_backup import verify_backup
from tests.harness.killed import kill_after, seconds_of
from tests.service.keeping.conftest import ON_SQLITE, Kept

KILLS = 4


@ON_SQLITE
def test_every_backup_that_is_there_is_whole(kept: Kept, tmp_path: Path) -> None:
    room = kept.room
    for _ in range(5):
        room.completed(room.document(room.session()), None)
    settings = {
        "SIGNROOM_PUBLIC_URL": "http://127.0.0.1:8400",
        "SIGNROOM_DATA": str(tmp_path / "data"),
        "SIGNROOM_DATABASE_URL": kept.settings.database_url,
        "SIGNROOM_SECRET_KEY": "k" * 40,
    }
    whole = seconds_of(settings, "backup", kept.place)
    moments = random.Random()
    for _ in range(KILLS):
        room.completed(room.document(room.session()), None)
        moment = moments.uniform(0, whole)

        killed = kill_after(moment, settings, "backup", kept.place)

        with kept.ports() as ports:
            assert [verify_backup(ports.place, one).damaged for one in manifests(ports.place)] == [0] * len(
                manifests(ports.place)
            ), f"killed after {moment} s"
            if killed:
                done = back_up(ports, BackUp())
                assert (done.lost, verify_backup(ports.place, done.manifest).damaged) == ((), 0)
                assert done.manifest.rows["signroom_documents"] == kept.rows()["signroom_documents"]
