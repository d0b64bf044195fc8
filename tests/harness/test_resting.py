"""Servers for the whole run: they rest while nobody uses them, and are as before when they are woken."""

from __future__ import annotations

from pathlib import Path

from tests.harness.resting import Resting, shared
from tests.harness.server import Server, ok
from tests.harness.waiting import eventually


class _Item:
    """What the hooks read of a test."""

    def __init__(self, file: str, *fixtures: str, **parameters: str) -> None:
        self.nodeid = f"{file}::test_it"
        self.fixturenames = fixtures
        self.callspec = self
        self.params = parameters


class _Recorded:
    """A server that only notes what is asked of it."""

    def __init__(self) -> None:
        self.state = "awake"

    def rest(self) -> None:
        self.state = "resting"

    def wake(self) -> None:
        self.state = "awake"


def test_a_server_that_rests_does_nothing_and_answers_when_it_is_woken(sqlite_server: Server) -> None:
    status = Path(f"/proc/{sqlite_server.process.pid}/stat")

    sqlite_server.rest()
    eventually(lambda: status.read_text().rpartition(")")[2].split()[0] == "T")
    sqlite_server.wake()

    assert ok(sqlite_server.api.get("/api/system/info"))


def test_what_no_test_of_a_file_has_asked_for_rests() -> None:
    one, other, servers = _Recorded(), _Recorded(), dict[str, Server]()
    hooks = Resting(servers)
    with (
        shared("sqlite_server", one, servers),  # type: ignore[arg-type]
        shared("postgresql_server", other, servers),  # type: ignore[arg-type]
    ):

        def states(item: _Item) -> tuple[str, str]:
            hooks.pytest_runtest_setup(item)  # type: ignore[arg-type]
            return one.state, other.state

        assert states(_Item("a", "sqlite_server")) == ("awake", "resting")
        assert states(_Item("a", "server", server="postgresql")) == ("awake", "awake")
        assert states(_Item("a", "tmp_path")) == ("awake", "awake")
        assert states(_Item("b", "tmp_path")) == ("resting", "resting")
        assert states(_Item("b", "server", server="sqlite")) == ("awake", "resting")
        assert states(_Item("c", "nss")) == ("resting", "resting")

    assert (one.state, other.state) == ("awake", "awake")
