"""Servers for the whole run stand still while a file runs that does not use them.

A server that nobody uses still looks for work some times a second, which takes about 4 % of a processor. Each worker
of a run has up to six such servers, so all of them together would take more of it than the longest test file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.harness.server import Server

_PICKED = {"server": "{}_server", "hooks_server": "{}_hooks_server"}
"""A fixture that picks one of two servers by its parameter, and the names of these two."""
_SHARED: dict[str, Server] = {}


@contextmanager
def shared(fixture: str, server: Server, servers: dict[str, Server] = _SHARED) -> Iterator[Server]:
    """Let `server` rest, as long as the block runs, while files run that do not ask for `fixture`."""
    servers[fixture] = server
    try:
        yield server
    finally:
        del servers[fixture]
        server.wake()


class Resting:
    """Hooks of pytest. `servers` are those that run, by the names of their fixtures."""

    def __init__(self, servers: Mapping[str, Server] = _SHARED) -> None:
        self._servers = servers
        self._file = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Wake what the test uses. With the first test of a file the others begin to rest."""
        file = item.nodeid.partition("::")[0]
        used = _used_by(item)
        for fixture, server in self._servers.items():
            if fixture in used:
                server.wake()
            elif file != self._file:
                server.rest()
        self._file = file


def _used_by(item: pytest.Item) -> set[str]:
    """The names of all fixtures that a test asks for, by others too."""
    names: set[str] = set(getattr(item, "fixturenames", ()))
    parameters: Mapping[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    return names | {pattern.format(parameters.get(name)) for name, pattern in _PICKED.items()}
