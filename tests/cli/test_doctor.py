"""`signroom doctor`: one line per check, the fix of what fails, and nothing is made or changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from signroom.cli import doctor
from signroom.cli.doctor import Severity
from signroom.cli.running import keep_address
from signroom.domain.application import Application, ApplicationCaller, Role, Subscription
from signroom.ports.jobs import JobsState
from signroom.ports.operations import DatabaseDiagnosis, Migrations, Obstacle, Probed
from signroom.ports.outside import KeptAnswers
from signroom.ports.secrets import SealedWith
from signroom.service.levels.raise_level import SIGNING_SECONDS
from signroom.service.maintenance.change_secret_key import KeyNeeds
from signroom.settings import Settings, SettingsError, read_settings
from signroom.wiring import build_service
from tests.cli.test_commands import PRODUCTION, environment
from tests.cli.test_worker import running
from tests.harness.commands import command
from tests.harness.tools import free_port
from tests.pki.toy_pki import ToyPki
from tests.service.conftest import Clock, Room


def examine(variables: dict[str, str]) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code and findings by check; the last of a name wins."""
    done = command(variables, "doctor", "--json")
    return done.returncode, {line["check"]: line for line in json.loads(done.stdout)}


def test_an_installation_that_runs_is_fine(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    variables = environment(
        tmp_path / "data",
        SIGNROOM_DATABASE_URL=database_url,
        SIGNROOM_PORT=str(port),
        SIGNROOM_PUBLIC_URL=f"http://127.0.0.1:{port}",
        SIGNROOM_WORKERS="1",
    )
    with running(variables, "serve"):
        code, found = examine(variables)
        other_key = {**variables, "SIGNROOM_SECRET_KEY": "another" * 8}
        refused, elsewhere = examine(other_key)
        seen = httpx.get(f"http://127.0.0.1:{port}/health/seen", trust_env=False)

    # The disk is this machine's affair.
    failing = {name: line for name, line in found.items() if line["level"] == "FAIL" and name != "disk"}
    assert (failing, code == 0 or found["disk"]["level"] == "FAIL") == ({}, True)
    assert set(found) == {
        *(
            "settings",
            "trust",
            "revocation",
            "answers",
            "data folder",
            "disk",
            "page",
            "database",
            "migrations",
            "clock",
            "secret key",
            "API keys",
            "backup",
        ),
        *("jobs", "files", "public URL", "proxy headers"),
    }
    assert not list((tmp_path / "data" / "files").glob("doctor*"))
    assert (refused, elsewhere["proxy headers"]["level"]) == (1, "FAIL")
    assert "SIGNROOM_SECRET_KEY" in elsewhere["proxy headers"]["fix"]
    assert seen.status_code == 422
    assert "address" not in seen.json()


def test_where_nothing_is_it_says_what_to_do_and_makes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    variables = environment(folder, SIGNROOM_PUBLIC_URL=f"http://127.0.0.1:{free_port()}")

    done = command(variables, "doctor")

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    failing = [number for number, line in enumerate(lines) if line.startswith("FAIL")]
    assert failing
    assert all(lines[number + 1].strip().startswith("fix: ") for number in failing)
    assert "signroom migrate" in done.stdout
    assert not folder.exists()


def test_a_database_that_is_down_stops_no_other_check(tmp_path: Path) -> None:
    variables = environment(
        tmp_path / "data",
        SIGNROOM_DATABASE_URL=f"postgresql://user:hunter2secret@127.0.0.1:{free_port()}/signroom",
        SIGNROOM_PUBLIC_URL=f"http://127.0.0.1:{free_port()}",
    )
    (tmp_path / "data" / "files").mkdir(parents=True, mode=0o700)

    done = command(variables, "doctor", "--json")

    found = {line["check"]: line["level"] for line in json.loads(done.stdout)}
    assert (done.returncode, found["database"], found["files"], found["public URL"]) == (1, "FAIL", "ok", "FAIL")
    assert "hunter2secret" not in done.stdout + done.stderr


def test_a_wrong_setting_is_a_finding(tmp_path: Path) -> None:
    code, found = examine(environment(tmp_path, SIGNROOM_PORT="many"))

    assert (code, set(found), "SIGNROOM_PORT" in found["settings"]["fix"]) == (1, {"settings"}, True)


def test_the_folder_of_a_demo_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNROOM_PUBLIC_URL", raising=False)
    monkeypatch.setenv("SIGNROOM_DATA", str(tmp_path))
    with pytest.raises(SettingsError, match="SIGNROOM_PUBLIC_URL"):
        doctor._current_settings()  # noqa: SLF001
    (tmp_path / "demo-api-key").touch()

    settings = doctor._current_settings()  # noqa: SLF001

    (found,) = doctor._settings(settings)  # noqa: SLF001
    assert (settings.public_url, found.level) == ("http://127.0.0.1:8400", "ok")
    assert "a demo" in found.what
    keep_address(tmp_path, "http://127.0.0.1:8655")
    assert doctor._current_settings().public_url == "http://127.0.0.1:8655"  # noqa: SLF001
    (tmp_path / "demo-api-key").unlink()
    assert doctor._current_settings().public_url == "http://127.0.0.1:8655", "a service that is no demo"  # noqa: SLF001


# -- what each check makes of what it finds ---------------------------------------------------


def settings_of(tmp_path: Path, **more: str) -> Settings:
    return read_settings(
        {"SIGNROOM_PUBLIC_URL": "https://sign.example", "SIGNROOM_DATA": str(tmp_path), **more}, tmp_path
    )


ECHO = {"address": "203.0.113.5", "scheme": "https", "host": "sign.example", "forwarding": ["x-forwarded-for"]}
TRUSTING = {"SIGNROOM_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.mark.parametrize(
    ("seen", "more", "level", "fix"),
    [
        ({}, TRUSTING, Severity.OK, ""),
        ({"scheme": "http", "address": "127.0.0.1"}, {}, Severity.FAIL, "SIGNROOM_TRUSTED_PROXIES to the proxy's"),
        ({"scheme": "http", "address": "10.0.0.3"}, TRUSTING, Severity.FAIL, "10.0.0.3"),
        ({"forwarding": []}, {}, Severity.WARN, "X-Forwarded-For"),
        ({"address": "127.0.0.1"}, {}, Severity.FAIL, "127.0.0.1"),
    ],
)
def test_what_the_server_sees_of_a_proxy(
    tmp_path: Path, seen: dict[str, Any], more: dict[str, str], level: Severity, fix: str
) -> None:
    found = doctor._headers(settings_of(tmp_path, **more), {**ECHO, **seen})  # noqa: SLF001

    assert (found.level, fix in found.fix) == (level, True)


def condition(**fields: Any) -> DatabaseDiagnosis:
    given: dict[str, Any] = {"product": "PostgreSQL", "version": "15", "ahead": 0.0, "migrations": Migrations.CURRENT}
    return DatabaseDiagnosis(**{**given, **fields})


@pytest.mark.parametrize(
    ("fields", "check", "level"),
    [
        ({"read_only": True}, "database", Severity.FAIL),
        ({"free_connections": 5}, "database", Severity.WARN),
        ({"free_connections": 90}, "database", Severity.OK),
        ({"ahead": 1.9}, "clock", Severity.OK),
        ({"ahead": 2.1}, "clock", Severity.FAIL),
        ({"ahead": -2.1}, "clock", Severity.FAIL),
        ({"migrations": Migrations.BEHIND}, "migrations", Severity.FAIL),
        ({"migrations": Migrations.MISSING}, "migrations", Severity.FAIL),
        ({"migrations": Migrations.NEWER}, "migrations", Severity.WARN),
        ({}, "secret key", Severity.OK),
        ({}, "API keys", Severity.OK),
        ({"endless_keys": ("Portal 1",)}, "API keys", Severity.WARN),
        ({"unused_keys": ("Portal 1",)}, "API keys", Severity.WARN),
    ],
)
def test_what_is_wrong_with_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], check: str, level: Severity
) -> None:
    monkeypatch.setattr(doctor, "examine_database", lambda _settings: condition(**fields))
    needs = KeyNeeds(False, {SealedWith.CURRENT: 1}, 0, None, None, None)
    monkeypatch.setattr(doctor, "examine_secret_keys", lambda _settings: needs)
    monkeypatch.setattr(doctor, "examine_answers", lambda _settings: KeptAnswers(0, 0, None))
    (tmp_path / "signroom.db").touch()

    settings = settings_of(tmp_path, SIGNROOM_SECRET_KEY="k" * 40)
    found = {finding.check: finding for finding in doctor._database(settings)}  # noqa: SLF001

    assert (found[check].level, bool(found[check].fix)) == (level, level is not Severity.OK)


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (JobsState({}, None, 0, 2), Severity.OK),
        (JobsState({}, None, 0, 0), Severity.FAIL),
        (JobsState({}, None, 3, 1), Severity.WARN),
    ],
)
def test_what_is_wrong_with_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: JobsState, level: Severity
) -> None:
    monkeypatch.setattr(doctor, "examine_jobs", lambda _settings: state)
    (tmp_path / "signroom.db").touch()

    (found,) = doctor._jobs(settings_of(tmp_path))  # noqa: SLF001

    assert found.level is level


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A web server that is not ours."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "fix"),
    [
        (200, b"<h1>It works!</h1>", "something else"),
        (502, b"", "upstream"),
        (301, b"", "redirects"),
        (404, b"{}", "something else"),
    ],
)
def test_what_is_wrong_with_the_public_address(tmp_path: Path, status: int, body: bytes, fix: str) -> None:
    with answering(status, body) as url:
        (found,) = doctor._public(settings_of(tmp_path, SIGNROOM_PUBLIC_URL=url))  # noqa: SLF001

    assert (found.level, fix in found.fix) == (Severity.FAIL, True)


@pytest.mark.parametrize(("ahead", "level"), [(-4, Severity.OK), (-60, Severity.FAIL), (60, Severity.FAIL)])
def test_the_clock_of_the_public_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int, level: Severity
) -> None:
    """A second is in its header, a second is between two of its headers, and the answer takes its time."""
    now = datetime.now(UTC)
    monkeypatch.setattr(
        doctor, "probe_address", lambda *_: Probed(200, b'{"status":"live"}', now + timedelta(seconds=ahead))
    )
    found = {line.check: line for line in doctor._public(settings_of(tmp_path))}  # noqa: SLF001

    assert found["clock"].level is level


def test_clocks_that_are_accepted_leave_a_document_some_of_its_time() -> None:
    """The time for its level begins with the signature, by the clock of the machine that took it (decision 68)."""
    assert 2 * doctor._SECONDS_APART < SIGNING_SECONDS  # noqa: SLF001


def test_why_the_public_address_does_not_answer(tmp_path: Path) -> None:
    from signroom.fetch.probe import probe

    with answering(200, b"") as url:
        secure = url.replace("http://", "https://")
        assert probe(secure) is Obstacle.TLS
        assert isinstance(probe(url), Probed)
    assert probe(url) is Obstacle.REFUSED
    assert probe("http://nowhere.invalid") is Obstacle.UNKNOWN_NAME
    assert set(doctor._OBSTACLES) == set(Obstacle)  # noqa: SLF001


@pytest.mark.parametrize(
    ("more", "level"),
    [({}, Severity.WARN), (PRODUCTION, Severity.FAIL), ({"SIGNROOM_PUBLIC_URL": "http://localhost:8400"}, Severity.OK)],
    ids=["development", "production", "this machine"],
)
def test_a_public_address_without_tls(tmp_path: Path, more: dict[str, str], level: Severity) -> None:
    settings = settings_of(tmp_path, **{"SIGNROOM_PUBLIC_URL": "http://sign.example", **more})

    (found,) = doctor._settings(settings)  # noqa: SLF001

    assert found.level is level


def test_whether_the_authorities_that_are_configured_can_be_asked_about(tmp_path: Path, pki: ToyPki) -> None:
    folder = tmp_path / "trust" / "icp-brasil"
    (folder / "intermediates").mkdir(parents=True)
    (folder / "root.crt").write_bytes(pki.icp_root)
    (folder / "intermediates" / "ac1.crt").write_bytes(pki.certificate("ac1"))
    settings = read_settings(
        environment(
            tmp_path / "data",
            SIGNROOM_PUBLIC_URL="https://sign.example",
            SIGNROOM_TRUST_FOLDER=str(tmp_path / "trust"),
            SIGNROOM_DEFAULT_SECURITY_CONTEXT="icp-brasil",
            SIGNROOM_ALLOW_PRIVATE_ADDRESSES="127.0.0.0/8",
        ),
        tmp_path,
    )
    (reached,) = doctor._revocation(settings)  # noqa: SLF001
    with pki.down():
        (silent,) = doctor._revocation(settings)  # noqa: SLF001
    (folder / "intermediates" / "broken.crt").write_bytes(b"?")
    (broken,) = doctor._revocation(settings)  # noqa: SLF001

    assert (reached.level, silent.level, broken.level) == (Severity.OK, Severity.WARN, Severity.FAIL)
    assert "AC Brinquedo RFB v5: There was no answer." in silent.what


def test_every_stored_file_is_compared_on_demand(tmp_path: Path) -> None:
    variables = environment(tmp_path / "data", SIGNROOM_PUBLIC_URL=f"http://127.0.0.1:{free_port()}")
    service = build_service(read_settings(variables, tmp_path), execute_jobs=False)
    subscription = Subscription(uuid4(), "Acme")
    application = Application(uuid4(), subscription.id, "Portal", frozenset(Role))
    with service.ports.store.work() as work:
        work.subscriptions.add(subscription)
        work.applications.add(application)
    caller = ApplicationCaller(application, frozenset(Role))
    room = Room(service, service.ports, Clock(), caller, tmp_path / "data" / "files")
    one, two, three = (room.document() for _ in range(3))
    service.formats.close()
    service.engine.dispose()

    def lines() -> dict[str, list[str]]:
        done = command(variables, "doctor", "--blobs", "--json")
        found = [line for line in json.loads(done.stdout) if line["check"] == "stored files"]
        return {level: [line["what"] for line in found if line["level"] == level] for level in ("ok", "FAIL")}

    assert lines() == {"ok": ["every stored file is what was stored"], "FAIL": []}

    (room.files / one.original.blob_key).write_bytes(b"another")
    (room.files / three.original.blob_key).unlink()

    # They were signed locally: no session is named. That of a session is in tests/journeys/test_operators_day.py.
    assert sorted(lines()["FAIL"]) == sorted(
        f"{document.original.blob_key} of document {document.id} is {damage}."
        for document, damage in ((one, "changed"), (three, "missing"))
    )
    assert str(two.id) not in str(lines())
