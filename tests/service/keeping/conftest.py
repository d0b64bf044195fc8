"""An installation with documents, and a place for its backups."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from signroom.ports.keeping import KeepingPorts
from signroom.settings import Settings, read_settings
from signroom.store import tables
from signroom.store.engine import open_engine
from signroom.store.sql import SqlStore
from signroom.wiring import keeping
from tests.service.conftest import Room

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is about files alone."""


@dataclass(frozen=True)
class Kept:
    """A room and the commands of its operator."""

    room: Room
    settings: Settings
    place: str

    @contextmanager
    def ports(self, *, existing: bool = False, **changed: Any) -> Iterator[KeepingPorts]:
        with keeping(replace(self.settings, **changed), self.place, "operator ana", existing=existing) as ports:
            yield replace(ports, clock=self.room.clock)

    @property
    def folder(self) -> Path:
        return Path(self.place)

    @property
    def copies(self) -> set[str]:
        """The keys of the stored files in the backups."""
        root = self.folder / "files"
        return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}

    @contextmanager
    def reopened(self, url: str | None = None) -> Iterator[Room]:
        """The room as a service has it that was started again. The one before knows the old SQLite file."""
        engine = open_engine(url or self.settings.database_url)
        yield replace(self.room, ports=replace(self.room.ports, store=SqlStore(engine)))
        engine.dispose()

    def stop(self) -> None:
        """The service has ended: nothing of it is connected any more."""
        self.room.service.engine.dispose()

    def lose_everything(self) -> None:
        """The data folder is gone, and so is the database."""
        self.stop()
        shutil.rmtree(self.settings.data)
        url = make_url(self.settings.database_url)
        if url.get_backend_name() == "sqlite":
            for end in ("", "-wal", "-shm"):
                Path(f"{url.database}{end}").unlink(missing_ok=True)
            return
        engine = open_engine(self.settings.database_url)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA dbos CASCADE")
        engine.dispose()

    def rows(self, url: str | None = None) -> dict[str, int]:
        """How many rows each of our tables has."""
        engine = open_engine(url or self.settings.database_url)
        with engine.connect() as connection:
            counted = sa.select(sa.func.count())
            found = {
                t.name: connection.execute(counted.select_from(t)).scalar_one() for t in tables.metadata.sorted_tables
            }
        engine.dispose()
        return found


@pytest.fixture
def kept(room: Room, tmp_path: Path, database_url: str) -> Kept:
    same = tmp_path / "same"
    same.symlink_to(tmp_path)
    environment = {
        "SIGNROOM_PUBLIC_URL": "http://127.0.0.1:8400",
        "SIGNROOM_DATA": str(tmp_path / "data"),
        # A command is a process of its own. Here it is not, and the room's own would watch the file under its name.
        "SIGNROOM_DATABASE_URL": database_url.replace(str(tmp_path), str(same)),
        "SIGNROOM_SECRET_KEY": "k" * 40,
    }
    return Kept(room, read_settings(environment, tmp_path), str(tmp_path.parent / f"{tmp_path.name}-backups"))
