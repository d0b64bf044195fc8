"""A private PgBouncer in front of the tests' own PostgreSQL: each transaction takes a connection that is free.

with running_pooler(database_url, most=4) as pooler:
    pooler.url
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests.harness.tools import free_port, not_run
from tests.harness.waiting import eventually

_CONFIGURATION = """
[databases]
* = host={url.host} port={url.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = {most}
max_client_conn = 200
"""


@dataclass
class Pooler:
    """``url``: the same database through it."""

    url: str
    _command: list[str]
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers, at the same address as before."""
        silent = subprocess.DEVNULL
        process = self._process = subprocess.Popen(self._command, stdout=silent, stderr=silent)
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)

        def answers() -> bool:
            assert process.poll() is None, "the pooler has ended"
            try:
                psycopg.connect(plain, connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True

        eventually(answers)

    def kill(self) -> None:
        """In the middle of whatever is asked."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def running_pooler(database_url: str, *, most: int) -> Iterator[Pooler]:
    """A pooler of transactions, with at most `most` connections to the server."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        not_run("pgbouncer is not installed: apt-get install pgbouncer")
    url, port = make_url(database_url), free_port()
    with tempfile.TemporaryDirectory(prefix="signroom-pooler-") as name:
        folder = Path(name)
        users, configuration = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{url.username}" "{url.password}"\n')
        configuration.write_text(_CONFIGURATION.format(url=url, port=port, users=users, most=most))
        folder.chmod(0o755)  # as root the program steps down
        account = ["-u", "nobody"] if os.geteuid() == 0 else []
        pooled = url.set(port=port).render_as_string(hide_password=False)
        pooler = Pooler(pooled, [program, "-q", *account, str(configuration)])
        try:
            pooler.start()
            yield pooler
        finally:
            pooler.kill()
