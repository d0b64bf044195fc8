"""A port that is free when a test asks is free when its server begins to listen."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.harness import tools
from tests.harness.tools import free_port, system_ports


def test_a_free_port_is_none_that_the_system_gives_away() -> None:
    low, high = system_ports()
    ports = [free_port() for _ in range(50)]

    assert not [port for port in ports if low <= port <= high]
    assert len(set(ports)) > 40, "two who ask get two"
    with socket.create_server(("127.0.0.1", ports[0])):
        pass


def test_one_that_somebody_uses_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port: int = taken.getsockname()[1]
        monkeypatch.setattr(tools, "system_ports", lambda: (port + 2, 1 << 16))
        monkeypatch.setattr(tools, "_FIRST_PORT", port)

        assert free_port() == port + 1


def test_where_the_system_gives_all_of_them_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "system_ports", lambda: (1, 1 << 16))

    with socket.create_server(("127.0.0.1", free_port())):
        pass


def test_the_range_is_read_where_linux_has_it(tmp_path: Path) -> None:
    file = tmp_path / "range"
    file.write_text("1024\t2000\n")

    assert system_ports(file) == (1024, 2000)
    assert system_ports(tmp_path / "no") == (49152, 65535)
