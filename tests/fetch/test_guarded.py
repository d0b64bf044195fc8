"""The ``Fetch`` port against servers that run for real, on loopback.

127.0.0.2 stands for the world outside (it is opened in `OUTSIDE`), 127.0.0.1 and ::1 for our own network.
"""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import os
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from signroom.blobs.objects import open_blobs
from signroom.domain.errors import FileTooLarge
from signroom.fetch.guarded import GuardedFetch, Patience, Resolver
from signroom.ports.outside import Unreachable
from tests.fetch.sites import Exchange, Site, running_site
from tests.harness.garbage import living, refused_and_gone, without_search
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS

OUTSIDE = ("127.0.0.2/32",)
LIMIT = 1_000_000
CONTENT = os.urandom(300_000)
SECRET = "X-Signature=topsecret"
NOT_REACHED = "Its host cannot be reached."
HASTY = Patience(connect=0.5, read=0.5, stream=1, exchange=1)


@dataclass(frozen=True)
class Download:
    name: str | None
    content_type: str | None
    content: bytes


def download(fetch: GuardedFetch, url: str, limit: int = LIMIT) -> Download:
    async def run() -> Download:
        async with fetch.stream(url, limit=limit) as fetched:
            content = b"".join([chunk async for chunk in fetched.chunks])
        return Download(fetched.name, fetched.content_type, content)

    return asyncio.run(run())


def refusal(fetch: GuardedFetch, url: str, limit: int = LIMIT) -> str:
    """The reason of the refusal, by both ways in, which must agree."""
    with pytest.raises(Unreachable) as streamed:
        download(fetch, url, limit)
    with pytest.raises(Unreachable) as exchanged:
        fetch.exchange(url, limit=limit)
    assert streamed.value.reason == exchanged.value.reason
    for error in (streamed.value, exchanged.value):
        assert "secret" not in str(error)
        assert "127." not in str(error)
    return exchanged.value.reason


def always(*addresses: str) -> Resolver:
    """A name server with one answer."""

    async def answer(host: str) -> Sequence[str]:
        return addresses

    return answer


@pytest.fixture
def outside() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def inside() -> Iterator[Site]:
    with running_site("127.0.0.1") as site:
        site.paths["/"] = lambda exchange: exchange.answer(b"our own secrets")
        yield site


@pytest.fixture
def fetch() -> GuardedFetch:
    return GuardedFetch(OUTSIDE)


# -- what is fetched --------------------------------------------------------------------------------


def test_file_arrives_whole_with_its_name_and_type(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/a/Contrato%20n%C2%BA%201.pdf"] = lambda exchange: exchange.answer(
        CONTENT, "Content-Type: Application/PDF; charset=binary"
    )

    found = download(fetch, f"{outside.url}/a/Contrato%20n%C2%BA%201.pdf?{SECRET}&x=a%2Fb%20c#page=2")

    assert found == Download("Contrato nº 1.pdf", "application/pdf", CONTENT)
    assert outside.seen[0].target == f"/a/Contrato%20n%C2%BA%201.pdf?{SECRET}&x=a%2Fb%20c"
    assert outside.seen[0].headers["Host"] == f"127.0.0.2:{outside.port}"


def test_request_carries_nothing_of_ours(
    outside: Site, fetch: GuardedFetch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inside: Site
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.2 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, inside.url)

    outside.paths["/first"] = lambda exchange: exchange.answer(
        b"", "Set-Cookie: session=1; Path=/", "Location: /second", status=302
    )
    outside.paths["/second"] = lambda exchange: exchange.answer(b"file")

    assert download(fetch, f"{outside.url}/first").content == b"file"
    assert [set(exchange.headers) for exchange in outside.seen] == [
        {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
    ] * 2
    assert outside.seen[0].headers["Accept-Encoding"] == "identity"
    assert inside.seen == []


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (["Content-Disposition: attachment; filename=plain.pdf"], "plain.pdf"),
        (["Content-Disposition: attachment; filename=with spaces.pdf"], "with spaces.pdf"),
        (['Content-Disposition: inline; filename="quo\\"ted; x.pdf"; size=3'], 'quo"ted; x.pdf'),
        (
            ["Content-Disposition: attachment; filename=\"x.pdf\"; filename*=UTF-8''acordo%20n%C2%BA.pdf"],
            "acordo nº.pdf",
        ),
        (["content-disposition: attachment; FILENAME*=iso-8859-1'pt'S%E3o.pdf"], "São.pdf"),
        (["Content-Disposition: attachment; filename*=UTF-8''%FF%FE.pdf; filename=fallback.pdf"], "fallback.pdf"),
        (["Content-Disposition: attachment; filename*=koi8-r''x.pdf; filename=fallback.pdf"], "fallback.pdf"),
        (["Content-Disposition: attachment; filename=São.pdf"], "São.pdf"),
        (['Content-Disposition: attachment; filename="../../etc/passwd"'], "passwd"),
        (['Content-Disposition: attachment; filename="C:\\\\files\\\\x.pdf"'], "x.pdf"),
        (["Content-Disposition: attachment; filename*=UTF-8''a%0D%0Ab%E2%80%AEfdp.exe"], "abfdp.exe"),
        (['Content-Disposition: attachment; note="; filename=evil.exe"'], "end.bin"),
        (['Content-Disposition: attachment; filename=".."'], "end.bin"),
        (["Content-Disposition: attachment"], "end.bin"),
        (["Content-Disposition: " + "; filename" * 2000], "end.bin"),
        ([f"Content-Disposition: attachment; filename={'x' * 300}.pdf"], "x" * 251 + ".pdf"),
        ([], "end.bin"),
    ],
)
def test_name_comes_from_the_answer_else_from_the_address(
    outside: Site, fetch: GuardedFetch, headers: list[str], name: str
) -> None:
    outside.paths["/path/end.bin"] = lambda exchange: exchange.answer(b"x", *headers)

    assert download(fetch, f"{outside.url}/path/end.bin").name == name


@pytest.mark.parametrize(
    ("path", "name"), [("/", None), ("/a/", None), ("/%00%0A", None), ("/a%2F..%2Fb.pdf", "b.pdf"), ("/%2E%2E", None)]
)
def test_name_of_an_address_is_the_end_of_its_path(
    outside: Site, fetch: GuardedFetch, path: str, name: str | None
) -> None:
    outside.paths[path] = lambda exchange: exchange.answer(b"x")

    assert download(fetch, outside.url + path) == Download(name, None, b"x")


def test_chunked_answers_and_answers_that_end_with_the_connection_arrive_whole(
    outside: Site, fetch: GuardedFetch
) -> None:
    outside.paths["/chunked"] = lambda exchange: exchange.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    outside.paths["/until-close"] = lambda exchange: exchange.send(b"HTTP/1.0 200 OK\r\n\r\nabcde")

    assert download(fetch, f"{outside.url}/chunked").content == b"abcde"
    assert download(fetch, f"{outside.url}/until-close").content == b"abcde"


def test_file_goes_straight_into_the_store(outside: Site, fetch: GuardedFetch, tmp_path: Path) -> None:
    blobs = open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch")
    outside.paths["/whole"] = lambda exchange: exchange.answer(CONTENT)
    outside.paths["/broken"] = lambda exchange: exchange.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + CONTENT[:200_000]
    )

    async def store(path: str) -> int:
        async with fetch.stream(outside.url + path, limit=LIMIT) as fetched:
            return (await blobs.write_stream(path[1:], fetched.chunks, limit=LIMIT)).length

    assert asyncio.run(store("/whole")) == len(CONTENT)
    with pytest.raises(Unreachable, match="broke off"):
        asyncio.run(store("/broken"))
    assert [f.name for f in (tmp_path / "files").rglob("*") if f.is_file()] == ["whole"]


# -- where it does not go ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[100::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:100.64.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::a00:1]",
        "[2002:7f00:1::]",
        "[2002:c0a8:101::1]",
        "[2001:0:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
        "[2001:4860::5efe:7f00:1]",
        "[2001:4860::200:5efe:7f00:1]",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.01",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.0x4",
        "example.0x",
        "127.0.0.2.",
        "localhost.",
        "example.com.",
        ".example.com",
        "a..example.com",
        "-a.example.com",
        "a" * 64 + ".example.com",
        ".".join(["a" * 60] * 5),
    ],
)
def test_addresses_of_our_own_and_odd_spellings_are_refused(fetch: GuardedFetch, host: str) -> None:
    assert refusal(fetch, f"http://{host}:9/{SECRET}") in {NOT_REACHED, "The host is not allowed."}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.2/x",
        "file:///etc/passwd",
        "gopher://127.0.0.2/x",
        "//127.0.0.2/x",
        "/etc/passwd",
        "127.0.0.2/x",
        "",
        "http:",
        "http://",
        "http:///x",
        "http:/127.0.0.2/x",
        "http://user@127.0.0.2/x",
        "http://user:secret@127.0.0.2/x",
        "http://@127.0.0.2/x",
        "http://127.0.0.2:0/x",
        "http://127.0.0.2:65536/x",
        "http://127.0.0.2:-1/x",
        "http://127.0.0.2:80:80/x",
        "http://127.0.0.2:８０/x",
        "http://127.0.0.2\\@127.0.0.1/x",
        "http://127.0.0.2\t/x",
        " http://127.0.0.2/x",
        "http://127.0.0.2/x\r\nHost: evil",
        "http://127.0.0.2/x y",
        "http://127.0.0.2/\x00",
        "http://127.0.0.2/\ud800",
        "http://[::1/x",
        "http://::1]/x",
        "http://[::1]x/x",
        "http://[fe80::1%25eth0]/x",
        "http://[v1.a]/x",
        "http://[127.0.0.2]/x",
        "http://①②⑦.⓪.⓪.①/x",
        "http://１２７.0.0.1/x",
        "http://bücher.example/x",
        "http://127。0。0。1/x",
        "http://exa%6dple.com/x",
        "http://127.0.0.2/" + "x" * 9000,
    ],
)
def test_what_is_no_plain_web_address_is_refused(fetch: GuardedFetch, url: str) -> None:
    assert refusal(fetch, url)


def test_nothing_of_loopback_is_open_by_default(inside: Site) -> None:
    assert refusal(GuardedFetch(), inside.url + "/") == NOT_REACHED
    assert refusal(GuardedFetch(), f"http://localhost:{inside.port}/") == NOT_REACHED
    assert inside.seen == []


def test_operator_opens_networks(inside: Site) -> None:
    assert download(GuardedFetch(("127.0.0.0/8",)), inside.url + "/").content == b"our own secrets"
    assert download(GuardedFetch(("127.0.0.0/8",)), f"http://[::ffff:127.0.0.1]:{inside.port}/").content
    with pytest.raises(ValueError, match="anything"):
        GuardedFetch(("anything",))


@pytest.mark.parametrize("allowed", [("0.0.0.0/0", "::/0"), ("169.254.0.0/16", "fd00::/8", "168.63.129.0/24")])
@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "168.63.129.16", "[::ffff:169.254.169.254]"])
def test_wide_networks_do_not_open_metadata_services(allowed: Sequence[str], host: str) -> None:
    assert refusal(GuardedFetch(allowed), f"http://{host}/latest") == NOT_REACHED


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_into_our_network_is_refused(outside: Site, inside: Site, fetch: GuardedFetch, status: int) -> None:
    for path, location in {
        "/a": f"{inside.url}/",
        "/b": f"//127.0.0.1:{inside.port}/",
        "/c": f"http://localhost:{inside.port}/",
        "/d": f"http://2130706433:{inside.port}/",
        "/e": "http://169.254.169.254/latest/meta-data/",
        "/f": f"http://[::ffff:127.0.0.1]:{inside.port}/",
    }.items():
        outside.paths[path] = lambda exchange, to=location: exchange.redirect(to, status)  # type: ignore[misc]
        assert refusal(fetch, f"{outside.url}{path}?{SECRET}") in {NOT_REACHED, "The host is not allowed."}
    assert inside.seen == []


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "http://user:secret@127.0.0.2/",
        "http://127.0.0.2\\@127.0.0.1/",
        "http://[::1",
        "http://bücher.example/",
        "",
    ],
)
def test_redirect_to_an_odd_address_is_refused(outside: Site, fetch: GuardedFetch, location: str) -> None:
    outside.paths["/"] = lambda exchange: exchange.redirect(location)

    assert refusal(fetch, outside.url)


def test_five_redirects_are_followed_and_no_more(outside: Site, fetch: GuardedFetch) -> None:
    for number in range(7):
        outside.paths[f"/{number}"] = lambda exchange, to=number + 1: exchange.redirect(f"./{to}")  # type: ignore[misc]
    outside.paths["/6"] = lambda exchange: exchange.answer(b"file")
    outside.paths["/loop"] = lambda exchange: exchange.redirect("/loop")

    assert download(fetch, f"{outside.url}/1") == Download("6", None, b"file")
    assert refusal(fetch, f"{outside.url}/0") == "It redirects too often."
    assert refusal(fetch, f"{outside.url}/loop") == "It redirects too often."


def test_name_that_changes_its_address_is_looked_up_once(outside: Site, inside: Site) -> None:
    """DNS rebinding: good when it is checked, ours when it is connected to."""
    asked: list[str] = []

    async def lying(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    outside.paths["/"] = lambda exchange: exchange.answer(b"file")
    outside.paths["/again"] = lambda exchange: exchange.redirect("/")
    url = f"http://Rebind.example:{outside.port}"

    assert download(GuardedFetch(OUTSIDE, resolve=lying), url).content == b"file"
    assert asked == ["rebind.example"]
    assert outside.seen[0].headers["Host"] == f"rebind.example:{outside.port}"

    asked.clear()
    with pytest.raises(Unreachable, match=NOT_REACHED):
        download(GuardedFetch(OUTSIDE, resolve=lying), f"{url}/again")
    assert len(asked) == 2
    assert inside.seen == []


@pytest.mark.parametrize("other", ["127.0.0.1", "::1", "169.254.169.254", "fe80::1%lo", "::ffff:10.0.0.1"])
def test_one_bad_address_of_a_name_is_enough(outside: Site, other: str) -> None:
    for answer in (["127.0.0.2", other], [other, "127.0.0.2"]):
        fetch = GuardedFetch(OUTSIDE, resolve=always(*answer))
        assert refusal(fetch, f"http://two.example:{outside.port}/") == NOT_REACHED
    assert outside.seen == []


def test_next_address_is_tried_when_one_does_not_answer(outside: Site) -> None:
    outside.paths["/"] = lambda exchange: exchange.answer(b"file")
    fetch = GuardedFetch(("127.0.0.2/31",), resolve=always("127.0.0.3", "127.0.0.2"))

    assert download(fetch, f"http://two.example:{outside.port}/").content == b"file"
    assert fetch.exchange(f"http://two.example:{outside.port}/", limit=9) == b"file"


def test_who_wants_no_redirect_goes_nowhere_else(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/"] = lambda exchange: exchange.redirect("/elsewhere")
    outside.paths["/elsewhere"] = lambda exchange: exchange.answer(b"file")
    with pytest.raises(Unreachable, match="status 30"):
        fetch.exchange(outside.url, limit=9, redirects=False)
    assert len(outside.seen) == 1


_TRIES = 20
"""The shortest of so many counts."""


def test_a_refusal_does_not_tell_which_hosts_exist(fetch: GuardedFetch) -> None:
    """Not by its words, and not by the clock: a host that is unknown, is inside, takes no connection."""
    with running_site() as gone:
        pass
    kinds = {"unknown": always(), "inside": always("10.0.0.1"), "closed": always("127.0.0.2"), "slow": asleep}
    took: dict[str, float] = {}
    for kind, resolve in [*kinds.items()] * _TRIES:
        if took.get(kind, 1.0) < 0.95:
            continue  # what a busy machine adds is not told by the refusal
        hasty = Patience(connect=0.3, exchange=5, stream=5)
        start = time.monotonic()
        assert refusal(GuardedFetch(OUTSIDE, resolve=resolve, patience=hasty), f"http://a.example:{gone.port}") == (
            NOT_REACHED
        )
        took[kind] = min(took.get(kind, 9.0), (time.monotonic() - start) / 2)
    assert all(0.5 <= seconds < 0.95 for seconds in took.values()), took

    assert refusal(fetch, gone.url) == NOT_REACHED
    assert refusal(fetch, f"http://nothing-here.invalid/{SECRET}") == NOT_REACHED


def test_a_connection_that_is_refused_leaves_nothing_to_the_search_for_garbage() -> None:
    fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"), patience=replace(HASTY, refusal=0))

    async def refused() -> None:
        async with fetch.stream(f"http://files.example:{free_port()}/", limit=LIMIT):
            pass

    refused_and_gone(Unreachable, refused)
    with without_search():
        before = living(httpx.ConnectError)
        with pytest.raises(Unreachable):
            asyncio.run(refused())
        assert living(httpx.ConnectError) == before


def test_the_log_tells_the_operator_why_a_host_was_not_reached() -> None:
    fetch = GuardedFetch(resolve=always("10.0.0.1"))
    with capture_logs() as lines, pytest.raises(Unreachable):
        fetch.exchange(f"http://wiki.corp.example/?{SECRET}", limit=1)

    (line,) = [line for line in lines if line["event"] == "fetch.not_reached"]
    assert (line["host"], line["reason"]) == ("wiki.corp.example", "an address is not allowed")
    assert SECRET not in str(lines)


# -- what comes back --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 305, 401, 403, 404, 410, 500, 503])
def test_only_200_is_success(outside: Site, fetch: GuardedFetch, status: int) -> None:
    outside.paths["/"] = lambda exchange: exchange.send(
        f"HTTP/1.1 {status} secret reason\r\nContent-Length: 0\r\n\r\n".encode()
    )

    assert refusal(fetch, outside.url) == f"It answered with status {status}."


def test_one_byte_too_many_is_refused(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/announced"] = lambda exchange: exchange.answer(CONTENT)
    outside.paths["/chunked"] = lambda exchange: exchange.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(CONTENT), CONTENT)
    )

    for path in ("/announced", "/chunked"):
        assert download(fetch, outside.url + path, len(CONTENT)).content == CONTENT
        assert fetch.exchange(outside.url + path, limit=len(CONTENT)) == CONTENT
        with pytest.raises(FileTooLarge):
            download(fetch, outside.url + path, len(CONTENT) - 1)
        with pytest.raises(Unreachable, match="more than 299999 bytes"):
            fetch.exchange(outside.url + path, limit=len(CONTENT) - 1)


@pytest.mark.parametrize("headers", ["", "Transfer-Encoding: chunked\r\n"])
def test_endless_bodies_end(outside: Site, fetch: GuardedFetch, headers: str) -> None:
    sent = 0

    def endless(exchange: Exchange) -> None:
        nonlocal sent
        exchange.send(f"HTTP/1.1 200 OK\r\n{headers}\r\n".encode())
        while not exchange.over.is_set():
            exchange.send(b"10000\r\n" + bytes(65_536) + b"\r\n")
            sent += 65_536

    outside.paths["/"] = endless

    with pytest.raises(FileTooLarge):
        download(fetch, outside.url)
    assert sent < 50 * LIMIT  # what fits into the sockets' buffers, not more


def test_an_answer_in_pieces_of_one_byte_is_left_and_does_not_hold_the_event_loop(
    outside: Site, fetch: GuardedFetch
) -> None:
    def crumbs(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not exchange.over.is_set():
            exchange.send(b"1\r\na\r\n" * 10_000)

    outside.paths["/"] = crumbs
    pauses = list[float]()

    async def look_on() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            pauses.append(time.thread_time() - began)

    async def run() -> None:
        watching = asyncio.create_task(look_on())
        with pytest.raises(Unreachable, match="too many small pieces"):
            async with fetch.stream(outside.url, limit=LIMIT) as fetched:
                async for _ in fetched.chunks:
                    pass
        watching.cancel()

    asyncio.run(run())
    assert max(pauses) < 0.05
    with pytest.raises(Unreachable, match="too many small pieces"):
        fetch.exchange(outside.url, limit=LIMIT)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip"])
def test_packed_answers_are_refused(outside: Site, fetch: GuardedFetch, coding: str) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    outside.paths["/"] = lambda exchange: exchange.answer(bomb, f"Content-Encoding: {coding}")

    assert refusal(fetch, outside.url) == "The answer is compressed."


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    ],
    ids=["nothing", "ssh", "short", "negative", "huge", "two-lengths", "bad-chunk", "packed", "headers"],
)
def test_broken_answers_are_refused(outside: Site, fetch: GuardedFetch, answer: bytes) -> None:
    outside.paths["/"] = lambda exchange: exchange.send(answer)

    with pytest.raises((Unreachable, FileTooLarge)):
        download(fetch, outside.url)
    with pytest.raises(Unreachable):
        fetch.exchange(outside.url, limit=LIMIT)


def silent(exchange: Exchange) -> None:
    exchange.over.wait()


def silent_in_the_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
    exchange.over.wait()


def dripping_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while not exchange.over.wait(0.1):
        exchange.send(b"X: y\r\n")


def dripping_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    while not exchange.over.wait(0.1):
        exchange.send(b"x")


def forever_early(exchange: Exchange) -> None:
    while not exchange.over.wait(0.1):
        exchange.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def slow_redirects(exchange: Exchange) -> None:
    exchange.over.wait(0.3)
    exchange.redirect("/")


@pytest.mark.parametrize(
    "behaviour", [silent, silent_in_the_body, dripping_headers, dripping_body, forever_early, slow_redirects]
)
def test_slow_servers_are_left(outside: Site, behaviour: object) -> None:
    assert callable(behaviour)
    outside.paths["/"] = behaviour
    fetch = GuardedFetch(OUTSIDE, patience=HASTY)
    start = time.monotonic()

    assert refusal(fetch, outside.url) == "It took too long."
    assert time.monotonic() - start < 10


async def asleep(host: str) -> Sequence[str]:
    """A name server that never answers."""
    await asyncio.sleep(30)
    return ["127.0.0.2"]


def test_name_server_that_never_answers_is_left() -> None:
    start = time.monotonic()

    assert refusal(GuardedFetch(OUTSIDE, resolve=asleep, patience=HASTY), "http://slow.example") == NOT_REACHED
    assert time.monotonic() - start < 10


def test_reader_that_stops_leaves_no_connection_behind(outside: Site, fetch: GuardedFetch) -> None:
    """No ResourceWarning either: they are errors here."""
    outside.paths["/"] = lambda exchange: exchange.answer(CONTENT)

    async def run() -> None:
        async with fetch.stream(outside.url, limit=LIMIT) as fetched:
            async for _ in fetched.chunks:
                break

    asyncio.run(run())


def test_cancelling_is_no_refusal(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/"] = silent

    async def run() -> None:
        async with asyncio.timeout(0.2):
            async with fetch.stream(outside.url, limit=LIMIT):
                raise AssertionError

    with pytest.raises(TimeoutError):
        asyncio.run(run())


# -- small answers ----------------------------------------------------------------------------------


def test_exchange_posts_a_body_and_returns_the_answer(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/ocsp"] = lambda exchange: exchange.answer(exchange.body[::-1])

    answer = fetch.exchange(f"{outside.url}/ocsp", limit=100, body=b"request", content_type="application/ocsp-request")

    assert answer == b"tseuqer"
    assert outside.seen[0].method == "POST"
    assert outside.seen[0].headers["Content-Type"] == "application/ocsp-request"


def test_exchange_works_inside_a_running_loop(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/crl"] = lambda exchange: exchange.answer(b"list")

    async def run() -> bytes:
        return fetch.exchange(f"{outside.url}/crl", limit=100)

    assert asyncio.run(run()) == b"list"


def test_post_is_repeated_only_where_the_redirect_keeps_it(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/end"] = lambda exchange: exchange.answer(exchange.method.encode() + exchange.body)
    for status in (301, 302, 303, 307, 308):
        outside.paths[f"/{status}"] = lambda exchange, code=status: exchange.redirect("/end", code)  # type: ignore[misc]

    for status in (307, 308):
        assert fetch.exchange(f"{outside.url}/{status}", limit=100, body=b"!") == b"POST!"
    for status in (301, 302, 303):
        with pytest.raises(Unreachable, match=str(status)):
            fetch.exchange(f"{outside.url}/{status}", limit=100, body=b"!")


# -- what is told to an endpoint --------------------------------------------------------------------

KEY = {"Content-Type": "application/json", "X-Api-Key": "portal|secret"}


def posted(fetch: GuardedFetch, url: str, limit: int = LIMIT) -> bytes:
    return asyncio.run(fetch.post(url, b"{}", KEY, limit=limit))


def not_posted(fetch: GuardedFetch, url: str, limit: int = LIMIT) -> str:
    with pytest.raises(Unreachable) as refused:
        posted(fetch, url, limit)
    assert "secret" not in str(refused.value)
    return refused.value.reason


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_post_takes_its_headers_along_and_any_success_is_an_answer(
    outside: Site, fetch: GuardedFetch, status: int
) -> None:
    outside.paths["/told"] = lambda exchange: exchange.answer(b"yes", status=status)

    assert posted(fetch, f"{outside.url}/told") == b"yes"
    assert (outside.seen[0].method, outside.seen[0].body) == ("POST", b"{}")
    assert {name: outside.seen[0].headers[name] for name in KEY} == KEY


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_post_follows_no_redirect(outside: Site, fetch: GuardedFetch, status: int) -> None:
    outside.paths["/told"] = lambda exchange: exchange.redirect("/other", status)
    outside.paths["/other"] = lambda exchange: exchange.answer(b"yes")

    assert str(status) in not_posted(fetch, f"{outside.url}/told")
    assert [seen.target for seen in outside.seen] == ["/told"]


def test_post_is_guarded_and_limited(outside: Site, inside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/long"] = lambda exchange: exchange.answer(b"x" * 101)
    outside.paths["/slow"] = lambda exchange: exchange.over.wait(30)

    assert not_posted(fetch, inside.url) == NOT_REACHED
    assert inside.seen == []
    assert not_posted(fetch, f"{outside.url}/long", 100) == "The answer has more than 100 bytes."
    assert not_posted(GuardedFetch(OUTSIDE, patience=HASTY), f"{outside.url}/slow") == "It took too long."


# -- TLS --------------------------------------------------------------------------------------------


@cache
def authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    return certified("Throw-away CA", None)


def certified(
    name: str,
    issuer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None,
    *alternatives: x509.GeneralName,
    expired: bool = False,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    public = key.public_key()
    signer = key if issuer is None else issuer[0]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[1].subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now - timedelta(days=1) if expired else now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return key, builder.sign(signer, hashes.SHA256())


def server_tls(
    folder: Path, *alternatives: x509.GeneralName, trusted: bool = True, expired: bool = False
) -> ssl.SSLContext:
    issuer = authority() if trusted else certified("Somebody", None)
    key, certificate = certified("server", issuer, *alternatives, expired=expired)
    pem = serialization.Encoding.PEM
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def client_tls() -> ssl.SSLContext:
    pem = authority()[1].public_bytes(serialization.Encoding.PEM).decode()
    return ssl.create_default_context(cadata=pem)


def tls_fetch() -> GuardedFetch:
    return GuardedFetch(OUTSIDE, tls=client_tls(), resolve=always("127.0.0.2"))


def test_certificate_is_checked_against_the_name_and_the_name_is_asked_for(tmp_path: Path) -> None:
    context = server_tls(tmp_path, x509.DNSName("files.example"))
    asked: list[str | None] = []

    def note(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        asked.append(name)

    context.sni_callback = note
    with running_site(tls=context) as site:
        site.paths["/"] = lambda exchange: exchange.answer(CONTENT)
        url = f"https://files.example:{site.port}/"

        assert download(tls_fetch(), url).content == CONTENT
        assert tls_fetch().exchange(url, limit=LIMIT) == CONTENT
        assert asked == ["files.example"] * 2
        assert site.seen[0].headers["Host"] == f"files.example:{site.port}"

        assert "certificate" in refusal(tls_fetch(), f"https://other.example:{site.port}/")
        assert "certificate" in refusal(tls_fetch(), f"{site.url}/")
        assert len(site.seen) == 2


def test_certificate_for_an_address_is_enough_for_that_address(tmp_path: Path) -> None:
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.2"))
    with running_site(tls=server_tls(tmp_path, address)) as site:
        site.paths["/"] = lambda exchange: exchange.answer(b"file")

        assert download(tls_fetch(), site.url).content == b"file"
        assert "certificate" in refusal(tls_fetch(), f"https://files.example:{site.port}/")


@pytest.mark.parametrize("fault", ["expired", "untrusted"])
def test_wrong_certificates_are_refused(tmp_path: Path, fault: str) -> None:
    context = server_tls(
        tmp_path, x509.DNSName("files.example"), trusted=fault != "untrusted", expired=fault == "expired"
    )
    with running_site(tls=context) as site:
        assert "certificate" in refusal(tls_fetch(), f"https://files.example:{site.port}/{SECRET}")
        assert site.seen == []


def test_authority_of_a_test_is_no_authority_of_the_system(tmp_path: Path) -> None:
    with running_site(tls=server_tls(tmp_path, x509.DNSName("files.example"))) as site:
        fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"))
        assert "certificate" in refusal(fetch, f"https://files.example:{site.port}/")


def test_redirect_from_https_to_http_is_refused_and_the_other_way_followed(tmp_path: Path, outside: Site) -> None:
    with running_site(tls=server_tls(tmp_path, x509.DNSName("files.example"))) as secure:
        secure.paths["/down"] = lambda exchange: exchange.redirect(f"http://files.example:{outside.port}/")
        secure.paths["/"] = lambda exchange: exchange.answer(b"secure")
        outside.paths["/up"] = lambda exchange: exchange.redirect(f"https://files.example:{secure.port}/")

        detail = refusal(tls_fetch(), f"https://files.example:{secure.port}/down")
        assert detail == "It redirects from https to http."
        assert outside.seen == []
        assert download(tls_fetch(), f"http://files.example:{outside.port}/up").content == b"secure"


# -- deliveries ------------------------------------------------------------------------------------


def test_delivery_tells_whatever_status_and_the_start_of_what_was_said(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/busy"] = lambda e: e.answer(b"x" * 5000, "Retry-After: 7", status=503)
    answer = fetch.deliver(f"{outside.url}/busy", b"{}", {"X-Api-Key": "k"}, limit=1024, seconds=SECONDS)

    assert (answer.status, answer.retry_after, answer.start) == (503, "7", b"x" * 1024)
    assert (outside.seen[-1].method, outside.seen[-1].body) == ("POST", b"{}")
    assert outside.seen[-1].headers["X-Api-Key"] == "k"


def test_delivery_follows_no_redirect(outside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/moved"] = lambda e: e.redirect(f"{outside.url}/elsewhere", 307)

    assert fetch.deliver(f"{outside.url}/moved", b"{}", {}, limit=1024, seconds=SECONDS).status == 307
    assert outside.seen[-1].target == "/moved"


def test_delivery_is_guarded_and_ends_in_time(outside: Site, inside: Site, fetch: GuardedFetch) -> None:
    outside.paths["/never"] = lambda e: e.over.wait(30)
    with pytest.raises(Unreachable, match=NOT_REACHED):
        fetch.deliver(f"{inside.url}/", b"{}", {}, limit=1024, seconds=SECONDS)
    with pytest.raises(Unreachable, match="too long"):
        fetch.deliver(f"{outside.url}/never", b"{}", {}, limit=1024, seconds=0.3)

    assert inside.seen == []
