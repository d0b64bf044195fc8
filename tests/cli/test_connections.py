"""Connections that ask too much of the server: raw sockets against the real process, without a proxy, without a key."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.harness.processor_time import seconds_of
from tests.harness.server import Server, running_server
from tests.harness.waiting import SECONDS, eventually
from tests.wire import raw

HEADER_SECONDS, BODY_SECONDS, PER_ADDRESS = 1, 2, 20
KEPT_BY_ITSELF = 5
"""Seconds that a connection is kept where nobody has set it."""
_SETTINGS = {
    "SIGNROOM_HEADER_TIMEOUT": f"{HEADER_SECONDS} s",
    "SIGNROOM_BODY_TIMEOUT": f"{BODY_SECONDS} s",
    "SIGNROOM_KEEP_ALIVE_TIMEOUT": "1 s",
    "SIGNROOM_MAX_CONNECTIONS_PER_ADDRESS": str(PER_ADDRESS),
}
MB = 1 << 20
BOTH = pytest.mark.parametrize("which", ["service", "example"])


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("strict"), _SETTINGS) as server:
        yield server


def connected(server: Server, which: str = "service") -> socket.socket:
    address = urlsplit(server.url if which == "service" else server.app_url)
    assert address.hostname is not None
    return socket.create_connection((address.hostname, address.port or 80), timeout=20)


def memory(server: Server) -> int:
    """Bytes that the process holds."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def pour(connection: socket.socket, piece: bytes, times: int) -> int:
    """Send `piece` again and again until the server has enough of it; the bytes that went out."""
    sent = 0
    for _ in range(times):
        try:
            connection.sendall(piece)
        except OSError:
            break
        sent += len(piece)
    return sent


def refusal(connection: socket.socket, status: int, code: str) -> httpx.Response:
    answer = raw.received(connection, "GET", "/")
    require_refusal(answer, status, code)
    return answer


def require_refusal(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code
    assert answer.json()["message"]
    explained = answer.json()["docUrl"]
    assert explained.endswith(f"/docs/errors/#{code}")
    assert answer.headers["link"] == f'<{explained}>; rel="help"'
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"


def is_quick(server: Server) -> bool:
    """Nothing is left to do before an answer. The clock would tell how busy the machine is."""
    began = seconds_of(server.process.pid)
    assert httpx.get(f"{server.url}/api/system/info", trust_env=False, timeout=SECONDS).status_code == 200
    return seconds_of(server.process.pid) - began < 1


# -- header lines, addresses, trailers ------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("begin", "piece", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"x-a: " + b"b" * 1000 + b"\r\n", 431, "HeadersTooLarge"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nx-a: ", b"b" * MB, 431, "HeadersTooLarge"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"b" * MB, 431, "HeadersTooLarge"),
        (b"GET /", b"b" * MB, 414, "UriTooLong"),
        (b"", b"\r\n" * 1000, 431, "HeadersTooLarge"),
    ],
    ids=["40 MB of lines", "a value without end", "a name without end", "an address without end", "empty lines"],
)
def test_a_head_without_end_is_refused_early(
    strict: Server, which: str, begin: bytes, piece: bytes, status: int, code: str
) -> None:
    before = memory(strict)
    with connected(strict, which) as connection:
        connection.sendall(begin)
        sent = pour(connection, piece, 200 * MB // len(piece))
        refusal(connection, status, code)

    # What the system takes before the service has looked: some megabytes, on a busy machine dozens.
    assert sent < 100 * MB
    assert memory(strict) - before < 16 * MB
    assert is_quick(strict)


def test_64_kb_of_header_lines_pass_and_one_byte_more_does_not(strict: Server) -> None:
    def asked(length: int) -> int:
        head = b"GET /api/system/info HTTP/1.1\r\nHost: a\r\n"
        lines = b"x-a: %b\r\n" % (b"b" * 1000) * 60
        last = b"x-b: %b\r\n\r\n"
        filling = b"c" * (length - len(head) - len(lines) - len(last) + 2)
        with connected(strict) as connection:
            connection.sendall(head + lines + last % filling)
            return raw.received(connection, "GET", "/").status_code

    assert asked(64 * 1024) == 200
    assert asked(64 * 1024 + 1) == 431


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"0\r\n", b"x-a: " + b"b" * 1000 + b"\r\n"),
        (b"0\r\nx-a: ", b"b" * MB),
        (b"1;a=", b"b" * MB),
        (b"", b"0" * MB),
    ],
    ids=["trailers", "a trailer's value", "an extension of a chunk", "a length of a chunk"],
)
def test_the_frame_of_a_body_has_an_end(strict: Server, begin: bytes, piece: bytes) -> None:
    before = memory(strict)
    head = f"POST /api/document-keys HTTP/1.1\r\nHost: a\r\nX-Api-Key: {strict.api_key}\r\n"
    with connected(strict) as connection:
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + begin)
        sent = pour(connection, piece, 200 * MB // len(piece))
        answer = raw.received(connection, "POST", "/")

    assert answer.status_code in {400, 431}, answer.text
    assert sent < 32 * MB
    assert memory(strict) - before < 16 * MB
    assert is_quick(strict)


def test_a_body_in_small_chunks_with_a_trailer_is_taken(strict: Server) -> None:
    body = json.dumps({"count": 1, "x": "y" * 50_000}).encode()
    chunks = b"".join(b"1;a=b\r\n%b\r\n" % body[i : i + 1] for i in range(len(body)))

    answer = raw.send(
        strict,
        "POST /api/document-keys/batch HTTP/1.1",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        body=chunks + b"0\r\nX-Trailer: yes\r\n\r\n",
    )

    assert answer.status_code == 200, answer.text


def test_200_header_lines_pass_and_one_more_does_not(strict: Server) -> None:
    """Short lines cost a hundred bytes of memory each: 16 requests that wait had 24 MB on one connection."""

    def asked(lines: int) -> int:
        with connected(strict) as connection:
            connection.sendall(b"GET /api/system/info HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * (lines - 1) + b"\r\n")
            return raw.received(connection, "GET", "/").status_code

    assert asked(200) == 200
    assert asked(201) == 431


def test_chunks_of_one_byte_are_dropped_for_a_moment_and_not_for_long(strict: Server) -> None:
    """Who has no key is refused at once, and what they send is dropped: each chunk costs all the same."""
    head = b"POST /api/document-keys HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(strict) as connection:
        connection.sendall(head)
        assert raw.received(connection, "POST", "/").status_code == 401
        sent = pour(connection, b"1\r\na\r\n" * 10_000, 1000)

    assert sent < 16 * MB, "60 MB of chunks were read"
    assert is_quick(strict)


def test_a_body_of_small_chunks_without_end_is_refused(strict: Server) -> None:
    answer = raw.send(
        strict,
        "POST /api/document-keys/batch HTTP/1.1",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        body=b"1\r\n \r\n" * 100_000 + b"e\r\n" + b'{"count":   1}' + b"\r\n0\r\n\r\n",
    )

    assert answer.status_code == 400, answer.text
    assert answer.json()["message"] == "The chunks of the body are too small."


def test_what_is_not_http_is_refused_with_a_code(strict: Server) -> None:
    with connected(strict) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        refusal(connection, 400, "BadRequest")


def test_many_requests_ahead_of_their_answers_are_refused(strict: Server) -> None:
    head = f"POST /api/document-keys HTTP/1.1\r\nHost: a\r\nX-Api-Key: {strict.api_key}\r\nContent-Length: 5\r\n\r\n"
    before = memory(strict)
    with connected(strict) as connection:
        connection.sendall(head.encode())  # its body does not come yet: the others queue up
        connection.sendall(b"abcde" + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 100_000)
        connection.settimeout(20)
        try:
            while connection.recv(1 << 16):
                pass
        except ConnectionError:
            pass

    assert memory(strict) - before < 16 * MB
    assert is_quick(strict)


# -- time -----------------------------------------------------------------------------------------------------


def seconds_until_closed(connection: socket.socket) -> tuple[float, bytes]:
    began, received = time.monotonic(), b""
    try:
        while piece := connection.recv(1 << 16):
            received += piece
    except ConnectionResetError:
        pass
    return time.monotonic() - began, received


@BOTH
@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nx-a: b"], ids=["nothing", "half a head"])
def test_a_request_that_does_not_come_ends_the_connection(strict: Server, which: str, begin: bytes) -> None:
    with connected(strict, which) as connection:
        connection.sendall(begin)
        took, received = seconds_until_closed(connection)

    assert HEADER_SECONDS - 0.2 < took < HEADER_SECONDS + 12, "fifteen seconds, if nobody had set it"
    assert (b"408" in received and b"RequestTimeout" in received) == bool(begin)


def test_a_head_byte_by_byte_has_the_same_time(strict: Server) -> None:
    began = time.monotonic()
    with connected(strict) as connection:
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\nx-a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb":
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.1)
            if time.monotonic() - began > HEADER_SECONDS + 1:
                break
        refusal(connection, 408, "RequestTimeout")


def test_a_kept_connection_is_ended_when_nothing_is_asked(strict: Server) -> None:
    with connected(strict) as connection:
        for _ in range(2):
            connection.sendall(b"GET /api/system/info HTTP/1.1\r\nHost: a\r\n\r\n")
            assert raw.received(connection, "GET", "/").status_code == 200
        took, received = seconds_until_closed(connection)

    assert took < KEPT_BY_ITSELF
    assert received == b""


def uploading(server: Server, length: int) -> socket.socket:
    page = server.page(server.open_session()["redirectUrl"])
    token = page.client.headers["X-Signature-Session-Token"]
    connection = connected(server)
    head = (
        f"PUT /sign/api/upload HTTP/1.1\r\nHost: a\r\nX-File-Name: a.pdf\r\nX-Signature-Session-Token: {token}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


@pytest.mark.parametrize("rate", [0, 100], ids=["nothing comes", "100 bytes a second"])
def test_a_body_that_is_too_slow_ends_the_connection(strict: Server, rate: int) -> None:
    began = time.monotonic()
    with uploading(strict, 100 * MB) as connection:
        while rate and time.monotonic() - began < BODY_SECONDS + 1:
            try:
                connection.sendall(b"x" * (rate // 10))
            except OSError:
                break
            time.sleep(0.1)
        refusal(connection, 408, "RequestTimeout")

    assert time.monotonic() - began < BODY_SECONDS + 40, "a minute, if nobody had set it"


def test_a_slow_phone_may_take_several_time_outs_for_its_body(strict: Server) -> None:
    length = 40_000
    with uploading(strict, length) as connection:
        for _ in range(40):  # 8 KB/s for 5 s
            connection.sendall(b"x" * (length // 40))
            time.sleep(0.125)
        answer = raw.received(connection, "PUT", "/sign/api/upload")

    assert answer.status_code == 422, answer.text  # it was read to its end, and is no PDF
    assert answer.json()["code"] != "RequestTimeout"


def test_an_answer_that_nobody_takes_is_given_up(strict: Server) -> None:
    log = len(strict.log.read_text())
    with connected(strict) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"

        def ended() -> bool:
            try:
                connection.sendall(request * 10)
            except OSError:
                return True
            return False

        connection.settimeout(0.5)
        eventually(ended, 60)
    assert "Traceback" not in strict.log.read_text()[log:]
    assert is_quick(strict)


# -- how many -------------------------------------------------------------------------------------------------


def test_an_address_has_so_many_connections(strict: Server) -> None:
    strict.api.close()

    def let_in() -> bool:
        try:
            return httpx.get(f"{strict.url}/api/system/info", trust_env=False, timeout=20).status_code == 200
        except httpx.TransportError:
            return False

    def one_more_is_refused() -> bool:
        """On a busy machine the first of them may be over before the last has come: `HEADER_SECONDS` is short."""
        with ExitStack() as several:
            for _ in range(PER_ADDRESS):
                several.enter_context(connected(strict))
            one_more = several.enter_context(connected(strict))
            answer = raw.received(one_more, "GET", "/")
            if answer.status_code != 429:
                return False
            require_refusal(answer, 429, "TooManyRequests")
            assert int(answer.headers["retry-after"]) >= 1
            return True

    eventually(let_in)  # connections that other tests have kept are over
    eventually(one_more_is_refused)
    eventually(let_in)


def test_a_trusted_proxy_may_have_more_and_idle_connections_make_room(tmp_path: Path) -> None:
    settings = {
        "SIGNROOM_MAX_CONNECTIONS_PER_ADDRESS": "2",
        "SIGNROOM_MAX_CONNECTIONS": "30",
        "SIGNROOM_TRUSTED_PROXIES": "127.0.0.0/8",
    }
    with running_server(tmp_path / "proxied", settings) as server:
        several = [connected(server) for _ in range(100)]
        assert is_quick(server), "who waits without a request makes room for who has one"

        ended = sum(_is_over(connection) for connection in several)
        assert ended >= 70
        for connection in several:
            connection.close()


def _is_over(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
