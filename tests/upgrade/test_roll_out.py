"""A roll-out: the last released version and this one at once, on one database and one file store.

Jobs that the old one has enqueued are finished by this one, and the reverse.
"""

from __future__ import annotations

import compileall
import json
import signal
import sqlite3
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from signroom.jobs.tables import leases, now, workflows
from signroom.store.engine import open_engine
from tests.harness.commands import command
from tests.harness.postgres import Postgres
from tests.harness.processes import Forked, Program
from tests.harness.server import TLS, Page, clean_environment, ok
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

ROOT = Path(__file__).parents[2]
NEW = ROOT / "src"
OLD = Path(__file__).parent / "signroom-0.1.0-py3-none-any.whl"
SECRET = "a secret that both versions share"
DOCUMENTS = 3
OLD_SECONDS = 240.0
"""The last version tries a job again after 1, 2, 4 ... 128 seconds when a worker or the database fails it for a
moment: whoever gives up after `SECONDS` does so while it waits.
"""
_COMMANDS = """
import json, sys
from signroom.cli.commands import run
for arguments in json.loads(sys.argv[1]):
    try:
        code = run(arguments)
    except SystemExit as end:  # cyclopts ends its program itself
        code = end.code
    if code:
        sys.exit(code)
"""
_PDF = b64encode(hard_pdfs.make("ten-pages")).decode()


@dataclass(frozen=True)
class Version:
    """The code of one version; both run on the libraries of this one."""

    source: Path
    environment: Mapping[str, str]
    data: Path

    @property
    def is_new(self) -> bool:
        """Of this one, which is forked: its imports are those of the tests. The last one's are not."""
        return self.source == NEW

    def commands(self, *lines: Sequence[str]) -> str:
        """Run one after the other in one process; returns what they print."""
        run = subprocess.run(
            [sys.executable, "-c", _COMMANDS, json.dumps(lines)],
            env=self._environment(),
            cwd=self.data,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    @contextmanager
    def process(self, port: int, *arguments: str) -> Iterator[Callable[[], None]]:
        """`serve` or the like on `port`, ready; ended by SIGTERM. What is yielded fails when it has ended by itself."""
        log = self.data / f"{port}.log"
        environment = {**self._environment(), "SIGNROOM_PORT": str(port)}
        process = Forked(arguments, environment, log) if self.is_new else self._started(environment, log, *arguments)

        def require_running() -> None:
            assert process.poll() is None, f"it ended with {process.poll()}:\n{log.read_text()}"

        def ready() -> bool:
            require_running()
            return _answers(port)

        try:
            eventually(ready, why=log.read_text)
            yield require_running
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)

    def _started(self, environment: Mapping[str, str], log: Path, *arguments: str) -> Program:
        with log.open("a") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "signroom", *arguments], env=environment, cwd=self.data, stderr=errors, text=True
            )

    @property
    def settings(self) -> dict[str, str]:
        return {**self.environment, "SIGNROOM_DATA": str(self.data)}

    def _environment(self) -> dict[str, str]:
        return {**clean_environment(), **self.settings, "PYTHONPATH": str(self.source)}


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/system/info", trust_env=False, verify=TLS).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass(frozen=True)
class Installation:
    old: Version
    new: Version
    port: int
    """Of the public address: whoever serves takes it."""
    key: str

    def open_session(self, count: int) -> tuple[str, str]:
        """Its id and its page's address. It has `count` documents."""
        documents = [{"file": {"name": f"{n}.pdf", "content": _PDF}} for n in range(count)]
        body = {"returnUrl": "https://app.example/back", "documents": documents}
        with self._client() as client:
            opened = ok(client.post("/api/signature-sessions", json=body))
        return opened["sessionId"], opened["redirectUrl"]

    def sign(self, redirect_url: str) -> None:
        page = Page(redirect_url)
        with closing(page.client):
            key, chain = page.demo_key()
            assert page.sign(key, chain)["status"] == "Processing"

    def logs(self) -> str:
        """The end of what each process has written."""
        files = [*self.old.data.glob("*.log"), *self.new.data.glob("*.log")]
        written = "\n".join(f"{file.name}: {file.read_text()[-5000:]}" for file in files)
        return f"{self._unfinished()}\n{written}"

    def _unfinished(self) -> str:
        """The jobs that are not done, and the processes that were seen last: what a job that stands still waits for."""
        engine = open_engine(self.old.environment["SIGNROOM_DATABASE_URL"])
        try:
            with engine.connect() as connection:
                jobs = workflows(engine)
                waiting = connection.execute(sa.select(jobs).where(jobs.c.status != "SUCCESS")).mappings().all()
                alive = connection.execute(sa.select(leases, now(engine).label("now"))).mappings().all()
        finally:
            engine.dispose()
        return "\n".join(str(dict(row)) for row in (*waiting, *alive))

    def completed(self, session_id: str) -> bool:
        """Fails at once, with all logs, when the session has ended in another way."""
        with self._client() as client:
            session = ok(client.get(f"/api/signature-sessions/{session_id}"))
        assert session["status"] in {"Processing", "Completed"}, f"{session}\n{self.logs()}"
        return bool(session["status"] == "Completed")

    def require_whole(self, session_id: str, count: int, folder: Path) -> None:
        """Each of the `count` documents is there once, and signed as a stranger's verifier sees it."""
        with self._client() as client:
            session = ok(client.get(f"/api/signature-sessions/{session_id}"))
            assert [d["status"] for d in session["documents"]] == ["Completed"] * count
            for document in session["documents"]:
                file = folder / f"{document['id']}.pdf"
                file.write_bytes(client.get(document["signedFile"]["url"]).content)
                assert verifiers.qpdf_accepts(file)
                assert verifiers.mutool(file) == [True]

    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"X-Api-Key": self.key},
            timeout=60,
            trust_env=False,
            verify=TLS,
        )


@pytest.fixture(scope="module")
def old_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    with zipfile.ZipFile(OLD) as wheel:
        wheel.extractall(folder)
    assert compileall.compile_dir(folder, quiet=1)
    return folder


@dataclass(frozen=True)
class SetUp:
    """A database that the old version has migrated, with an application in it and its key."""

    url: str
    key: str


@pytest.fixture(scope="module")
def sqlite_set_up(old_source: Path, tmp_path_factory: pytest.TempPathFactory) -> SetUp:
    folder = tmp_path_factory.mktemp("sqlite")
    return _set_up(old_source, folder, f"sqlite:///{folder / 'signroom.db'}")


@pytest.fixture(scope="module")
def postgresql_set_up(old_source: Path, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> SetUp:
    return _set_up(old_source, tmp_path_factory.mktemp("postgresql"), postgres.new_database())


def _set_up(old_source: Path, folder: Path, url: str) -> SetUp:
    old = Version(old_source, _environment(url, folder, free_port()), folder)
    printed = old.commands(
        ("migrate",),
        ("subscriptions", "create", "Acme"),
        ("applications", "create", "Portal", "--subscription", "Acme"),
        ("keys", "create", "--application", "Portal"),
    )
    return SetUp(url, printed.splitlines()[-1])


def _environment(database_url: str, folder: Path, port: int) -> dict[str, str]:
    return {
        "SIGNROOM_DATABASE_URL": database_url,
        "SIGNROOM_BLOB_URL": f"file://{folder / 'files'}",
        "SIGNROOM_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SIGNROOM_SECRET_KEY": SECRET,
        "SIGNROOM_WORKERS": "1",
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def set_up(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SetUp]:
    """A copy for one test."""
    original: SetUp = request.getfixturevalue(f"{request.param}_set_up")
    if request.param == "sqlite":
        copy = tmp_path / "signroom.db"
        # What is still in the write-ahead log comes along.
        with (
            closing(sqlite3.connect(make_url(original.url).database or "")) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        yield replace(original, url=f"sqlite:///{copy}")
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new_database(like=original.url)
    yield replace(original, url=url)
    server.drop_database(url)


@pytest.fixture
def installation(tmp_path: Path, set_up: SetUp, old_source: Path) -> Installation:
    port = free_port()
    environment = _environment(set_up.url, tmp_path, port)
    versions = []
    for name, source in (("old", old_source), ("new", NEW)):
        (tmp_path / f"data-{name}").mkdir()
        versions.append(Version(source, environment, tmp_path / f"data-{name}"))
    old, new = versions
    return Installation(old, new, port, set_up.key)


@pytest.mark.slow
def test_jobs_of_the_last_version_are_finished_by_this_one(installation: Installation, tmp_path: Path) -> None:
    i = installation
    with i.old.process(i.port, "serve", "--no-jobs"):
        session, link = i.open_session(DOCUMENTS)
        i.sign(link)
        assert not i.completed(session)

    with i.new.process(i.port, "serve"):
        eventually(lambda: i.completed(session), why=i.logs)
        i.require_whole(session, DOCUMENTS, tmp_path)


@pytest.mark.slow
def test_jobs_of_this_version_are_finished_by_the_last_one_that_still_runs(
    installation: Installation, tmp_path: Path
) -> None:
    i = installation
    with ExitStack() as running:
        # The old one executes jobs before, during and after the migration.
        require_old = running.enter_context(i.old.process(free_port(), "serve"))
        assert command(i.new.settings, "migrate").returncode == 0
        running.enter_context(i.new.process(i.port, "serve", "--no-jobs"))

        def completed(session: str) -> bool:
            require_old()
            return i.completed(session)

        session, link = i.open_session(1)
        i.sign(link)
        eventually(partial(completed, session), OLD_SECONDS, why=i.logs)
        i.require_whole(session, 1, tmp_path)

        # Documents that are signed together are a job that the last version leaves alone.
        session, link = i.open_session(2)
        i.sign(link)
        running.enter_context(i.new.process(free_port(), "serve"))
        eventually(partial(completed, session), why=i.logs)
        i.require_whole(session, 2, tmp_path)
