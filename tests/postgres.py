"""A PostgreSQL server of our own for the tests, from Debian's packages: started in a temporary folder, then gone."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

START_SECONDS = 30


def binaries() -> Path | None:
    """The folder of the newest installed server, or None."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda p: int(p.parent.name))


class Postgres:
    """A running server; every test may have a database of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    def new_database(self) -> str:
        """Create an empty database; returns its SQLAlchemy URL."""
        name = f"t{uuid4().hex}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/{name}"

    def _address(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


@contextmanager
def running_postgres(bin_folder: Path) -> Iterator[Postgres]:
    """Start a server on a free port of 127.0.0.1; it ends with the block. As root it runs as `postgres`."""
    folder = Path(tempfile.mkdtemp(prefix="signroom-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
    data = folder / "data"
    initdb = [
        *as_user,
        str(bin_folder / "initdb"),
        "-D",
        str(data),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-N",
        "-E",
        "UTF8",
    ]
    subprocess.run([*initdb, "--locale=C.UTF-8"], check=True, capture_output=True, cwd=folder)
    port = _free_port()
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*as_user, str(bin_folder / "postgres"), "-D", str(data), *settings, "-c", "max_connections=200"],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    postgres = Postgres(port)
    try:
        postgres.wait()
        yield postgres
    finally:
        server.terminate()  # SIGTERM waits for its clients; SIGINT after that does not
        try:
            server.wait(3)
        except subprocess.TimeoutExpired:
            server.send_signal(2)
            server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
