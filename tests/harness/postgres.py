"""A private PostgreSQL for the tests: a throw-away server made from the machine's own packages.

    with running_postgres() as server:
        url = server.new_database()

Nothing of the machine's own servers is read or changed. Ours listens on a free loopback port, keeps its files in a
temporary folder and ends with the process that started it, whichever way that one ends.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.harness.tools import free_port

START_SECONDS = 90
_SUPERUSER = "postgres"
_PREFIX = "signroom-pg-"
_STARTS = 3
_MEMORY = Path("/dev/shm")  # noqa: S108  (mkdtemp makes a private folder there)
"""Where files are in memory. A new database is 300 new files: here they take a quarter of the processor's time."""
_ENOUGH = 2 << 30
"""Bytes that must be free there. A server uses some 200 MB, and each worker of a run has its own."""
_COPIES_FILES = 150_000
"""The first version, as libpq counts them, that is told how to copy a database."""

_OPTIONS = {
    # Speed over durability: these files never outlive the tests. A client that is killed loses nothing by it.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Its folder may be in memory.
    "max_wal_size": "128MB",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "timezone": "UTC",
}


class PostgresMissing(Exception):
    """The server's programs are not installed; the message names the package."""


class PostgresFailed(Exception):
    """The server could not be made or did not start; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class _Account:
    """Whom the server runs as. None: as ourselves; only root must step down, PostgreSQL refuses to run as root."""

    uid: int | None
    gid: int | None

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def groups(self) -> list[int] | None:
        return None if self.uid is None else []


class Postgres:
    """A running server. Make it with `running_postgres`."""

    def __init__(self, port: int, password: str, folder: Path, launch: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._port, self._password, self._folder = port, password, folder
        self._launch = launch
        self._process = launch()
        self._numbers = count(1)
        self._kept: psycopg.Connection | None = None
        """For databases that are made and dropped: to connect takes as long as to drop one."""

    def stop(self) -> None:
        """Fast shutdown: connections are cut. Only the process that we started."""
        self._let_go()
        for number, seconds in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            if self._process.poll() is not None:
                return
            self._process.send_signal(number)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue

    def start(self) -> None:
        """Again, on the same port and files. Raises: PostgresFailed."""
        self._let_go()
        self._process = self._launch()
        if not self.answers():
            raise PostgresFailed("postgres did not start again")

    def answers(self) -> bool:
        """RetryWaits until it does; False when it ends instead, or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                self.require_answer()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def new_database(self, like: str | None = None) -> str:
        """Create an empty database, or a copy of the one at the URL `like`; returns its SQLAlchemy URL."""
        name = f"signroom_test_{next(self._numbers)}"
        # template0: an open connection to template1 would make the copy fail.
        template = "template0" if like is None else make_url(like).database or ""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        if self._connection().info.server_version >= _COPIES_FILES:
            # The other way, which is the usual one, writes each page into the log: that takes twice as long.
            statement += sql.SQL(" STRATEGY FILE_COPY")
        self._connection().execute(statement)
        return f"postgresql+psycopg://{_SUPERUSER}:{self._password}@127.0.0.1:{self._port}/{name}"

    def by_socket(self, url: str) -> str:
        """The same database as `url` by the Unix socket."""
        found = make_url(url).set(host=None, port=None, query={"host": str(self._folder), "port": str(self._port)})
        return found.render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Drop a database that `new_database` made, whoever is still connected."""
        name = make_url(url).database or ""
        self._connection().execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def require_answer(self) -> None:
        """Raises: psycopg.OperationalError, until the server is ready."""
        with self._connect() as connection:
            connection.execute("SELECT 1")

    def _connection(self) -> psycopg.Connection:
        if self._kept is None or self._kept.closed:
            self._kept = self._connect()
        return self._kept

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self._port,
            user=_SUPERUSER,
            password=self._password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=START_SECONDS,
        )


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server for as long as the block runs. Raises: PostgresMissing, PostgresFailed."""
    programs = find_programs()
    account = _account()
    folder = _folder(account)
    try:
        password = secrets.token_hex(16)
        _initialise(programs, folder, account, password)
        server = _start(programs, folder, account, password)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path:
    """The folder of ``initdb`` and ``postgres``, newest version first. Raises: PostgresMissing."""
    # Debian keeps the server's programs off the PATH.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version, reverse=True)
    for initdb in (*debian, *map(Path, filter(None, [shutil.which("initdb")]))):
        if (initdb.parent / "postgres").is_file():
            return initdb.parent
    raise PostgresMissing("PostgreSQL is not installed: apt-get install postgresql")


def _version(initdb: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", initdb.parts[-3])))


def _account() -> _Account:
    if os.geteuid() != 0:
        return _Account(None, None)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _Account(entry.pw_uid, entry.pw_gid)
    raise PostgresMissing("PostgreSQL refuses to run as root, and there is no user 'postgres' to run it as")


def _folder(account: _Account) -> Path:
    """A folder that only the server's account may enter, short enough for a Unix socket's path (107 bytes)."""
    # As root, TMPDIR may lie below a folder that the other account cannot enter; /tmp never does.
    usual = Path(tempfile.gettempdir() if account.uid is None else "/tmp")  # noqa: S108  (mkdtemp makes it private)
    for parent in (usual, _MEMORY):
        _remove_leftovers(parent, account)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_MEMORY if _has_room(_MEMORY) else usual))
    account.own(folder)
    return folder


def _has_room(place: Path) -> bool:
    """Whether a folder can be made in `place`, and `_ENOUGH` bytes are free there."""
    try:
        found = os.statvfs(place)
    except OSError:  # there is no such place
        return False
    return os.access(place, os.W_OK | os.X_OK) and found.f_bavail * found.f_frsize >= _ENOUGH


def _remove_leftovers(parent: Path, account: _Account) -> None:
    """Folders of runs that were killed: their server has stopped, nobody was left to remove its files."""
    owner = os.geteuid() if account.uid is None else account.uid
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            found = folder.lstat()
            # A stopping server removes its pid file; an hour keeps us off servers that are only just being made.
            stopped = not (folder / "data" / "postmaster.pid").exists() and time.time() - found.st_mtime > 3600
        except OSError:
            continue
        if stopped and found.st_uid == owner and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _initialise(programs: Path, folder: Path, account: _Account, password: str) -> None:
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    account.own(password_file)
    password_file.write_text(password)
    command = [
        str(programs / "initdb"),
        f"--pgdata={folder / 'data'}",
        f"--username={_SUPERUSER}",
        f"--pwfile={password_file}",
        # Not `trust`: any other user of this machine could otherwise become the server's superuser. SCRAM would make
        # each of some thousand connections half as slow again, and nobody but this machine can listen.
        "--auth=md5",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    made = subprocess.run(
        command,
        cwd=folder,
        env=_environment(),
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups(),
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise PostgresFailed(f"initdb failed:\n{made.stdout}{made.stderr}")


def _start(programs: Path, folder: Path, account: _Account, password: str) -> Postgres:
    log = folder / "server.log"

    def launch() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                _command(programs, folder, port),
                cwd=folder,
                env=_environment(),
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C in a terminal reaches the whole group: the server must outlive the tests' own clean-up.
                start_new_session=True,
            )

    for _ in range(_STARTS):  # another program may take the free port between the look and the start
        port = free_port()
        server = Postgres(port, password, folder, launch)
        try:
            if server.answers():
                return server
        except BaseException:
            server.stop()
            raise
        server.stop()
    raise PostgresFailed(f"postgres did not start:\n{log.read_text(errors='replace')}")


def _command(programs: Path, folder: Path, port: int) -> list[str]:
    options = {**_OPTIONS, "port": str(port), "unix_socket_directories": str(folder)}
    server = [str(programs / "postgres"), "-D", str(folder / "data")]
    server += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    # The kernel stops the server (SIGINT: fast shutdown) when this process dies, even by SIGKILL.
    setpriv = shutil.which("setpriv")
    return server if setpriv is None else [setpriv, "--pdeathsig", "INT", "--", *server]


def _environment() -> dict[str, str]:
    """Without PG* variables (a person's own server), with messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C"}
