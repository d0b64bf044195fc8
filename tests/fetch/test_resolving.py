"""Look-ups of names against a name server on loopback that runs for real, well or badly."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from signroom.fetch import resolving
from signroom.fetch.guarded import GuardedFetch, Patience
from signroom.fetch.loops import loop_of_thread
from signroom.fetch.resolving import NameNotFound, SystemNames
from signroom.ports.outside import Unreachable
from tests.fetch.sites import running_site
from tests.harness.garbage import living, refused_and_gone, without_search
from tests.harness.tools import free_port
from tests.harness.waiting import eventually

SLOW = ".slow.example."


@dataclass
class NameServer:
    """``records``: what it answers, by name (with the last dot) and type. Names below `SLOW` are never answered."""

    port: int
    records: dict[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    truncates: bool = False
    """By UDP it says that its answers are too long for it."""

    def answer(self, packet: bytes, *, by_tcp: bool = False) -> bytes | None:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name.endswith(SLOW):
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        found = self.records.get((name, kind))
        if found and self.truncates and not by_tcp:
            response.flags |= dns.flags.TC
        elif found:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire(max_size=65535)


@pytest.fixture
def server() -> Iterator[NameServer]:
    with running_name_server() as server:
        yield server


@contextmanager
def running_name_server() -> Iterator[NameServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        # One that no connection of this machine has: `running_tcp` listens there, too.
        wire.bind(("127.0.0.1", free_port()))
        server = NameServer(wire.getsockname()[1])

        def serve() -> None:
            while True:
                packet, client = wire.recvfrom(4096)
                if not packet:
                    return
                reply = server.answer(packet)
                if reply is not None:
                    wire.sendto(reply, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", ("127.0.0.1", server.port))
            thread.join()


@contextmanager
def running_tcp(server: NameServer) -> Iterator[None]:
    """The same name server by TCP."""
    with socket.create_server(("127.0.0.1", server.port)) as listener:

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    packet = connection.recv(4096)
                    reply = server.answer(packet[2:], by_tcp=True) if packet else None
                    if not packet:
                        return
                    if reply is not None:
                        connection.sendall(len(reply).to_bytes(2, "big") + reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            socket.create_connection(("127.0.0.1", server.port)).close()
            thread.join()


@pytest.fixture
def names(server: NameServer, tmp_path: Path) -> SystemNames:
    (tmp_path / "hosts").write_text(
        "127.0.0.1 localhost\n"
        "10.1.2.3\tintra.corp.example intra # the wiki\n"
        "fd00::7 intra\n"
        "nonsense line\n"
        "#10.9.9.9 hidden\n"
    )
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\nsearch corp.example other.example\n")
    return SystemNames(tmp_path / "hosts", tmp_path / "resolv.conf", port=server.port)


async def as_task(names: SystemNames, host: str) -> Sequence[str]:
    return await names(host)


def look_up(names: SystemNames, host: str) -> list[str]:
    return sorted(asyncio.run(as_task(names, host)))


def test_both_kinds_of_addresses_are_asked_for_once(server: NameServer, names: SystemNames) -> None:
    server.records = {
        ("two.example.", "A"): ["192.0.2.1", "192.0.2.2"],
        ("two.example.", "AAAA"): ["2001:db8::1"],
        ("old.example.", "A"): ["192.0.2.3"],
        ("new.example.", "AAAA"): ["2001:db8::2"],
    }

    assert look_up(names, "two.example") == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert sorted(server.asked) == [("two.example.", "A"), ("two.example.", "AAAA")]
    assert look_up(names, "old.example") == ["192.0.2.3"]
    assert look_up(names, "new.example") == ["2001:db8::2"]


def test_the_hosts_file_comes_first_and_is_read_again_when_it_changes(
    server: NameServer, names: SystemNames, tmp_path: Path
) -> None:
    server.records = {("intra.corp.example.", "A"): ["192.0.2.9"], ("hidden.corp.example.", "A"): ["192.0.2.8"]}

    assert look_up(names, "intra.corp.example") == ["10.1.2.3"]
    assert look_up(names, "intra") == ["10.1.2.3", "fd00::7"]
    assert server.asked == []
    assert look_up(names, "hidden") == ["192.0.2.8"]

    (tmp_path / "hosts").write_text("10.9.9.9 intra.corp.example\n")
    assert look_up(names, "intra.corp.example") == ["10.9.9.9"]
    (tmp_path / "hosts").unlink()
    assert look_up(names, "intra.corp.example") == ["192.0.2.9"]


def test_an_answer_without_end_is_refused_and_a_long_one_is_taken(server: NameServer, names: SystemNames) -> None:
    """Whoever owns a name decides how long its answer is; reading 64 KB held the event loop for a sixth of a second."""
    server.truncates = True
    few, many = [f"192.0.2.{n}" for n in range(1, 101)], [f"198.51.{n // 250}.{n % 250}" for n in range(4000)]
    server.records = {("few.example.", "A"): few, ("many.example.", "A"): many}

    with running_tcp(server):
        assert look_up(names, "few.example") == sorted(few)
        with pytest.raises(NameNotFound):
            look_up(names, "many.example")


def test_search_domains_are_used(server: NameServer, names: SystemNames) -> None:
    server.records = {("files.other.example.", "A"): ["192.0.2.4"]}

    assert look_up(names, "files") == ["192.0.2.4"]


@pytest.mark.parametrize("host", ["localhost", "app.localhost"])
def test_localhost_is_this_machine_and_no_name_server_is_asked(
    server: NameServer, names: SystemNames, tmp_path: Path, host: str
) -> None:
    (tmp_path / "hosts").write_text("")

    assert look_up(names, host) == ["127.0.0.1", "::1"]
    assert server.asked == []


def test_a_name_that_nobody_knows_is_not_found(names: SystemNames, tmp_path: Path) -> None:
    with pytest.raises(NameNotFound):
        look_up(names, "nothing.example")
    (tmp_path / "resolv.conf").write_text("# nothing\n")
    with pytest.raises(NameNotFound):
        look_up(names, "nothing.example")
    (tmp_path / "resolv.conf").unlink()
    with pytest.raises(NameNotFound):
        look_up(names, "nothing.example")


def test_slow_names_hold_nobody_up_and_leave_nothing_behind(server: NameServer, names: SystemNames) -> None:
    """Eight slow names stopped all look-ups: here are two hundred, from one process, on one loop and on others."""
    server.records = {("fast.example.", "A"): ["127.0.0.2"]}
    fetch = GuardedFetch(("127.0.0.2/32",), resolve=names, patience=Patience(connect=12, refusal=0))
    loop_of_thread("signroom-names")  # it has sockets of its own
    before = open_sockets()

    async def slow(number: int) -> str:
        with pytest.raises(Unreachable) as refused:
            async with fetch.stream(f"http://n{number}{SLOW.rstrip('.')}/", limit=10):
                raise AssertionError
        return refused.value.reason

    async def fast(url: str) -> float:
        start = time.monotonic()
        async with fetch.stream(url, limit=10) as answer:
            assert b"".join([chunk async for chunk in answer.chunks]) == b"file"
        assert await asyncio.to_thread(fetch.exchange, url, limit=10) == b"file", "on a loop of its own"
        return time.monotonic() - start

    async def run(url: str) -> tuple[float, set[str]]:
        waiting = [asyncio.create_task(slow(number)) for number in range(200)]
        while len(server.asked) < 200:  # noqa: ASYNC110  (the server runs in a thread)
            await asyncio.sleep(0.01)
        took = await fast(url)
        assert not any(task.done() for task in waiting)
        return took, set(await asyncio.gather(*waiting))

    with running_site() as site:
        site.paths["/"] = lambda exchange: exchange.answer(b"file")
        took, reasons = asyncio.run(run(f"http://fast.example:{site.port}/"))

    assert took < 10, "slow names take twelve"
    assert reasons == {"Its host cannot be reached."}
    eventually(lambda: open_sockets() <= before)


def test_a_look_up_without_an_answer_leaves_nothing_to_the_search_for_garbage(
    server: NameServer, names: SystemNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's errors hold its frames, and these the errors: 250 objects of each look-up. Once a hundred thousand
    were there, their search held up every answer for 0.1 s."""
    monkeypatch.setattr(resolving, "_LIFETIME", 0.2)

    for host in ("missing.example", f"silent{SLOW.rstrip('.')}"):
        refused_and_gone(NameNotFound, lambda host=host: names(host))  # type: ignore[misc]
        with without_search():
            with pytest.raises(NameNotFound):
                look_up(names, host)
            eventually(lambda: living(dns.message.QueryMessage) == 0)
    assert ("missing.example.", "A") in server.asked


def test_names_are_asked_for_on_a_loop_of_their_own(server: NameServer, names: SystemNames) -> None:
    """A hundred questions that were written on the loop that answers held it for 0.1 s."""
    apart = loop_of_thread("signroom-names")

    async def hang_up() -> None:
        waiting = [asyncio.create_task(as_task(names, f"n{number}{SLOW.rstrip('.')}")) for number in range(20)]
        while len(server.asked) < 40:  # noqa: ASYNC110  (the server runs in a thread)
            await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == {asyncio.current_task(), *waiting}, "no question is this loop's"
        assert len(asyncio.all_tasks(apart)) >= 40
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)

    asyncio.run(hang_up())

    eventually(lambda: not asyncio.all_tasks(apart))


def test_an_answer_that_turns_bad_changes_nothing_and_private_ones_are_refused(
    server: NameServer, names: SystemNames
) -> None:
    server.records = {("inside.example.", "A"): ["10.0.0.1"], ("mixed.example.", "AAAA"): ["::1"]}
    server.records["mixed.example.", "A"] = ["127.0.0.2"]
    fetch = GuardedFetch(("127.0.0.2/32",), resolve=names)

    for host in ("inside.example", "mixed.example", "intra.corp.example", "localhost"):
        with pytest.raises(Unreachable, match=r"^Its host cannot be reached\.$"):
            fetch.exchange(f"http://{host}:9/", limit=1)

    with running_site() as site:
        site.paths["/"] = lambda exchange: exchange.answer(b"file")
        server.records = {("good.example.", "A"): ["127.0.0.2"]}
        server.asked.clear()
        assert fetch.exchange(f"http://good.example:{site.port}/", limit=9) == b"file"
        assert sorted(server.asked) == [("good.example.", "A"), ("good.example.", "AAAA")]


def open_sockets() -> int:
    """How many of this process are open."""
    found = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
        except OSError:
            continue
    return found
