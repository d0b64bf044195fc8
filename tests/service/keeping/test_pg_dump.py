"""PostgreSQL's own tools instead of ours: the commands of `docs/operate/backup.md`, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from signroom.service.keeping.restore_backup import EVENT_JUMP
from tests.harness.databases import migrated
from tests.harness.postgres import Postgres, find_programs
from tests.harness.server import ROOT
from tests.service.keeping.conftest import Kept
from tests.service.keeping.test_restore_backup import signed, told


def commands() -> dict[str, str]:
    """Those of the page by their first word."""
    page = (ROOT / "docs" / "operate" / "backup.md").read_text("utf-8")
    return {line.split()[0]: line.strip() for line in re.findall(r"^    (?:pg_dump|pg_restore|psql) .*", page, re.M)}


def run(line: str, folder: Path, url: str) -> None:
    database = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    path = f"{find_programs()}:{os.environ['PATH']}"
    variables = {**os.environ, "DATABASE": database, "PATH": path}
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_dump_comes_back_with_every_row_and_positions_go_on_higher(
    kept: Kept, tmp_path: Path, postgres: Postgres
) -> None:
    document, position = signed(kept.room), told(kept.room)
    lines, before = commands(), kept.rows()
    run(lines["pg_dump"], tmp_path, kept.settings.database_url)
    other = postgres.new_database()
    run(lines["pg_restore"], tmp_path, other)
    run(lines["psql"], tmp_path, other)

    assert kept.rows(other) == before
    with kept.reopened(migrated(other)) as room:
        assert room.read(document) == document
        assert told(room) > position + EVENT_JUMP
    postgres.drop_database(other)
