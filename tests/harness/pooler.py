"""A private PgBouncer in front of the tests' own PostgreSQL: each transaction takes a connection that is free.

with running_pooler(database_url, most=4) as url:
    ...
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def running_pooler(database_url: str, *, most: int) -> Iterator[str]:
    """The URL of the same database through a pooler of transactions, with at most `most` connections to the server."""
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
        silent = subprocess.DEVNULL
        process = subprocess.Popen([program, "-q", *account, str(configuration)], stdout=silent, stderr=silent)
        pooled = url.set(port=port)
        plain = pooled.set(drivername="postgresql").render_as_string(hide_password=False)

        def answers() -> bool:
            assert process.poll() is None, "the pooler has ended"
            try:
                psycopg.connect(plain, connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True

        try:
            eventually(answers)
            yield pooled.render_as_string(hide_password=False)
        finally:
            process.terminate()
            process.wait(timeout=30)
