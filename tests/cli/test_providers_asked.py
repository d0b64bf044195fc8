"""What `signroom doctor` says of timestamp providers, which it asks."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from asn1crypto import tsp

from signroom.cli import doctor
from signroom.cli.doctor import CheckResult, Severity
from signroom.domain.timestamp_provider import ProviderAuth
from signroom.service.access.operators import this_operator
from signroom.service.timestamps.manage_providers import DescribeProvider, create_provider
from signroom.settings import Settings, read_settings
from signroom.store import tables
from signroom.store.engine import open_engine
from signroom.timestamps.authorities import RemoteAuthorities
from signroom.wiring import managing
from tests.cli.test_commands import PRODUCTION
from tests.fetch.sites import Exchange, Site, running_site
from tests.harness.tools import free_port
from tests.store.test_migrations import at
from tests.timestamps import openssl_tsa

SECRET = "hunter2-of-the-authority"
SECONDS = 60.0
"""Nobody waits for it: who answers does so, and the test is over."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    met, one_at_a_time = threading.Barrier(2), threading.Lock()

    def answer(exchange: Exchange) -> None:
        with one_at_a_time:  # all answers of a process are written to one folder
            exchange.answer(openssl_tsa.reply(exchange.body))

    def answer_both_at_once(exchange: Exchange) -> None:
        met.wait(SECONDS)
        answer(exchange)

    with running_site() as running:
        running.paths["/good"] = answer
        running.paths["/together"] = answer_both_at_once
        running.paths["/garbage"] = lambda e: e.answer(b"<html>")
        running.paths["/silent"] = lambda e: e.over.wait(SECONDS)
        yield running


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation whose file of providers is not there yet, with the authority's root in icp-brasil."""
    monkeypatch.setattr(doctor, "_PROVIDER_SECONDS", SECONDS)
    roots = tmp_path / "data" / "trust" / "icp-brasil"
    roots.mkdir(parents=True)
    (roots / "root.crt").write_bytes(openssl_tsa.root_der())
    named = {
        **PRODUCTION,
        "SIGNROOM_DATA": str(tmp_path / "data"),
        "SIGNROOM_PUBLIC_URL": "https://sign.example",
        "SIGNROOM_DEFAULT_SECURITY_CONTEXT": "icp-brasil",
        "SIGNROOM_TIMESTAMP_PROVIDERS": str(tmp_path / "providers.toml"),
    }
    return read_settings(named, tmp_path)


def write(settings: Settings, *tables_of_file: str) -> None:
    assert settings.timestamp_providers is not None
    settings.timestamp_providers.write_text("\n".join(f"[[provider]]\n{table}" for table in tables_of_file))


def asked(settings: Settings) -> dict[str, CheckResult]:
    """The lines by the provider that each begins with."""
    return {line.what.partition(" ")[0]: line for line in doctor.timestamp_providers(settings)}


def test_each_provider_is_asked_at_the_same_time_and_nobody_counts_it(settings: Settings, site: Site) -> None:
    together, garbage = f'url = "{site.url}/together"', f'url = "{site.url}/garbage"'
    write(
        settings,
        f'name = "first"\n{together}',
        f'name = "broken"\n{garbage}',
        f'name = "alone"\ntier = "gold"\n{garbage}',
        f'name = "away"\ntier = "gold"\nurl = "https://127.0.0.1:{free_port()}/{SECRET}"\nbearer = "{SECRET}"',
        f'name = "elsewhere"\ntier = "eu"\ncontext = "italy"\nurl = "{site.url}/good"',
    )
    with managing(settings) as ports:
        stored = DescribeProvider("stored", f"{site.url}/together", "icp-brasil")
        create_provider(ports, this_operator(), stored)
        sealed = DescribeProvider(
            "sealed", "https://tsa.example", "icp-brasil", auth=ProviderAuth.BEARER, secret=SECRET
        )
        damaged = create_provider(ports, this_operator(), sealed)
    engine = open_engine(settings.database_url)
    with engine.begin() as connection:
        t = tables.timestamp_providers
        connection.execute(sa.update(t).where(t.c.id == damaged.id).values(secret=b"damaged"))
    engine.dispose()
    before = rows(settings)

    found = asked(settings)

    assert {name: line.level for name, line in found.items()} == {
        "first": Severity.OK,
        "broken": Severity.WARN,
        "alone": Severity.FAIL,
        "away": Severity.FAIL,
        "elsewhere": Severity.FAIL,
        "stored": Severity.OK,
        "sealed": Severity.WARN,
    }
    assert "It cannot be reached" in found["away"].what
    assert "italy" in found["elsewhere"].what
    assert "secret cannot be opened" in found["sealed"].what
    assert all(line.fix for line in found.values() if line.level is not Severity.OK)
    assert SECRET not in repr(found)
    assert rows(settings) == before
    queries = [tsp.TimeStampReq.load(exchange.body) for exchange in site.seen]
    fixed = hashlib.sha256(b"signroom doctor").digest()
    assert {query["message_imprint"]["hashed_message"].native for query in queries} == {fixed}


def rows(settings: Settings) -> dict[str, int]:
    """How many there are in each table."""
    engine = open_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            names = sa.inspect(engine).get_table_names()
            return {name: connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) or 0 for name in names}
    finally:
        engine.dispose()


def test_one_that_is_silent_is_given_up(settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PROVIDER_SECONDS", 0.01)
    write(settings, f'name = "hangs"\nurl = "{site.url}/silent"')

    assert "It took too long." in asked(settings)["hangs"].what


def test_offline_nobody_else_is_asked(
    settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(settings, f'name = "first"\nurl = "{site.url}/garbage"')
    monkeypatch.setattr(doctor, "_current_settings", lambda: settings)
    monkeypatch.setattr(doctor, "configure_logs", lambda _level: None)  # of this process, which tests others
    site.seen.clear()

    assert doctor.run_doctor(as_json=True, offline=True) == doctor.FAILED  # there is no database
    assert (site.seen, '"timestamps"' in capsys.readouterr().out) == ([], True)
    doctor.run_doctor(as_json=True)
    assert len(site.seen) == 1
    assert "first of the tier default gives none" in capsys.readouterr().out


def lines(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, dict[str, str]]:
    """What the whole of the command says, by check; the last of a name wins."""
    monkeypatch.setattr(doctor, "_current_settings", lambda: settings)
    monkeypatch.setattr(doctor, "configure_logs", lambda _level: None)  # of this process, which tests others
    assert doctor.run_doctor(as_json=True, blobs=True) == doctor.FAILED
    return {line["check"]: line for line in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize("state", ["empty", "older", "garbage"])
def test_a_database_that_is_not_of_this_version_stops_no_line(
    settings: Settings,
    site: Site,
    empty_database_url: str,
    state: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(settings, f'name = "first"\nurl = "{site.url}/garbage"')
    settings = replace(settings, database_url=empty_database_url, public_url=f"http://127.0.0.1:{free_port()}")
    if empty_database_url.startswith("sqlite"):
        file = Path(empty_database_url.removeprefix("sqlite:///"))
        file.write_bytes(b"garbage" * 1000 if state == "garbage" else b"")
    engine = open_engine(empty_database_url)
    if state == "older":
        at(engine, "0001")
    elif state == "garbage" and engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE {tables.timestamp_providers.name} (name text)")
    engine.dispose()

    found = lines(settings, monkeypatch, capsys)

    assert "first of the tier default gives none" in found["timestamps"]["what"]
    assert {name: found[name]["level"] for name in ("jobs", "public URL")} == {"jobs": "FAIL", "public URL": "FAIL"}
    assert found.get("migrations", found["database"])["level"] == "FAIL"


def test_a_database_that_is_damaged_in_parts_stops_no_line(
    settings: Settings,
    site: Site,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(settings, f'name = "first"\nurl = "{site.url}/garbage"')
    settings = replace(settings, database_url=database_url, public_url=f"http://127.0.0.1:{free_port()}")
    engine = open_engine(database_url)
    with engine.begin() as connection:
        for table in (tables.timestamp_providers, tables.secret_keys, tables.answers):
            table.drop(connection)
    engine.dispose()

    found = lines(settings, monkeypatch, capsys)

    levels = {name: found[name]["level"] for name in ("migrations", "secret key", "answers", "public URL")}
    assert levels == {"migrations": "ok", "secret key": "FAIL", "answers": "warn", "public URL": "FAIL"}
    assert "first of the tier default gives none" in found["timestamps"]["what"]


def test_connections_that_do_not_end_drop_no_line(
    settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, f'name = "first"\nurl = "{site.url}/garbage"')
    close = RemoteAuthorities.close

    def close_too_late(authorities: RemoteAuthorities) -> None:
        close(authorities)
        raise TimeoutError

    monkeypatch.setattr(RemoteAuthorities, "close", close_too_late)

    assert asked(settings)["first"].level is Severity.FAIL


def test_a_fault_of_the_asking_is_not_taken_for_a_broken_file(
    settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, f'name = "first"\nurl = "{site.url}/garbage"')

    async def fail(*_: object, **__: object) -> None:
        raise OSError("a fault of ours")

    monkeypatch.setattr(doctor, "examine_providers", fail)

    with pytest.raises(OSError, match="a fault of ours"):
        asked(settings)


def test_where_nothing_can_be_read_the_lines_of_the_cause_say_it(settings: Settings, tmp_path: Path) -> None:
    write(settings, "name = 5")
    assert asked(settings) == {}
    assert [line.level for line in doctor.timestamps(settings)] == [Severity.FAIL]
    assert not (tmp_path / "data" / "signroom.db").exists()
