"""What others may read of the data folder, and where a development server may listen."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx
import pytest

from tests.cli.test_commands import environment
from tests.cli.test_worker import running
from tests.harness.commands import command
from tests.harness.server import Server
from tests.harness.tools import free_port
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_others_may_read_is_mended_at_the_start(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    variables = environment(data, SIGNROOM_PORT=str(port), SIGNROOM_PUBLIC_URL=f"http://127.0.0.1:{port}")
    assert command(variables, "migrate").returncode == 0
    (data / "secret.key").write_text("k" * 43)
    (data / "files").mkdir(exist_ok=True)
    opened = {data: 0o755, data / "files": 0o775, data / "signroom.db": 0o644, data / "secret.key": 0o640}
    for path, wrong in opened.items():
        path.chmod(wrong)

    with running(variables, "serve"):
        found = {path: mode(path) for path in opened}
        others = [f.name for f in data.iterdir() if mode(f) & 0o077 and f.is_file()]

    assert found == {data: 0o700, data / "files": 0o700, data / "signroom.db": 0o600, data / "secret.key": 0o600}
    assert [name for name in others if name.startswith("signroom.db")] == []


def test_stored_files_are_for_their_owner_alone(sqlite_server: Server) -> None:
    opened = sqlite_server.open_session()
    content = hard_pdfs.make("plain")
    sqlite_server.page(opened["redirectUrl"]).add(content)

    assert mode(sqlite_server.stored_file(opened["sessionId"], content)) == 0o600


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_development_is_not_served_in_public_unless_told_to(tmp_path: Path, host: str) -> None:
    variables = environment(tmp_path / "data", SIGNROOM_HOST=host, SIGNROOM_PUBLIC_URL="https://sign.example")

    refused = command(variables, "serve")

    assert refused.returncode != 0
    assert "SIGNROOM_DEVELOPMENT_IN_PUBLIC" in refused.stderr + refused.stdout


def test_development_is_served_in_public_when_told_to(tmp_path: Path) -> None:
    port = free_port()
    variables = environment(
        tmp_path / "data",
        SIGNROOM_HOST="0.0.0.0",  # noqa: S104
        SIGNROOM_PORT=str(port),
        SIGNROOM_PUBLIC_URL=f"http://127.0.0.1:{port}",
        SIGNROOM_DEVELOPMENT_IN_PUBLIC="yes",
    )
    with running(variables, "serve"):
        assert httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).status_code == 200


def test_a_database_file_that_was_moved_away_is_noticed(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    variables = environment(data, SIGNROOM_PORT=str(port), SIGNROOM_PUBLIC_URL=f"http://127.0.0.1:{port}")
    ready = f"http://127.0.0.1:{port}/health/ready"
    with running(variables, "serve"):
        eventually(lambda: httpx.get(ready, trust_env=False).status_code == 200)

        (data / "signroom.db").rename(data / "moved.db")

        eventually(lambda: httpx.get(ready, trust_env=False).status_code == 503)
        assert httpx.get(ready, trust_env=False).json()["parts"]["database"] == "failing"
        assert not (data / "signroom.db").exists()
        (data / "moved.db").rename(data / "signroom.db")
        eventually(lambda: httpx.get(ready, trust_env=False).status_code == 200)
