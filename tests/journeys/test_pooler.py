"""Two machines that ask PostgreSQL through a pooler of transactions, with fewer connections than askers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from signroom.settings import SettingsError, read_settings
from signroom.wiring import build_service, pooler_problem
from tests.harness.machines import installation
from tests.harness.pooler import running_pooler
from tests.harness.postgres import Postgres
from tests.harness.server import Json, base64, ok, values_of
from tests.harness.tools import free_port
from tests.vectors import hard_pdfs

MOST = 4
"""Connections of the pooler. One process asks by up to 32."""


def test_sessions_are_signed_through_a_pooler_of_transactions(postgres: Postgres, tmp_path: Path) -> None:
    """At the end it goes away under a signature, and comes back."""
    database = postgres.new_database()
    document = {"file": {"name": "a.pdf", "content": base64(hard_pdfs.make("plain"))}}
    with (
        running_pooler(database, most=MOST) as pooler,
        installation(tmp_path, database, f"file://{tmp_path}/files", SIGNROOM_POOLER_URL=pooler.url) as made,
    ):
        web, worker = made.start("serve", "--no-jobs"), made.start("worker")

        def begin() -> str:
            opened = made.open_session(web, documents=[document] * 2)
            page = made.page(web, opened)
            key, chain = page.demo_key()
            preparation = ok(page.prepare(chain))
            ok(page.finish(preparation, values_of(preparation, key)))
            return str(opened["sessionId"])

        def sign(_number: int) -> Json:
            return made.wait(web, begin())

        with ThreadPoolExecutor(6) as signers:
            sessions = list(signers.map(sign, range(12)))
        by_us = connections(database)
        logs = web.log.read_text() + worker.log.read_text()

        under_way = begin()
        pooler.kill()
        assert [machine.status("/health/ready") for machine in (web, worker)] == [503, 503]
        pooler.start()
        web.wait_until_ready()
        worker.wait_until_ready()
        sessions += [made.wait(web, under_way), sign(0)]

    assert {session["status"] for session in sessions} == {"Completed"}
    # What is committed wakes the other machine: each has a connection past the pooler, on which it is told.
    assert "jobs.alarm_lost" not in logs
    assert by_us <= MOST + 2 * 2


def connections(database: str) -> int:
    """How many the server has, but for the one that asks."""
    url = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        found = connection.execute(mine).fetchone()
    assert found is not None
    return int(found[0])


def test_a_pooler_that_leads_to_another_database_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    """The service would work in one of them, and backups, keys and erasures in the other, without a word."""
    database, other = postgres.new_database(), postgres.new_database()
    settings = read_settings(
        {
            "SIGNROOM_PUBLIC_URL": "http://localhost",
            "SIGNROOM_DATABASE_URL": database,
            "SIGNROOM_POOLER_URL": other,
            "SIGNROOM_DATA": str(tmp_path / "data"),
        },
        tmp_path,
    )

    with pytest.raises(SettingsError, match=r"^SIGNROOM_POOLER_URL leads to another database"):
        build_service(settings)

    assert pooler_problem(settings) is not None
    assert pooler_problem(replace(settings, pooler_url=database)) is None
    away = make_url(database).set(port=free_port()).render_as_string(hide_password=False)
    assert "does not answer" in str(pooler_problem(replace(settings, pooler_url=away)))
