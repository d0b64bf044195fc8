"""The API: ``GET`` and ``POST`` of a session as ratios to an empty handler; how long a body holds the event loop."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.vectors.hard_pdfs import with_pages, write_large

CLIENTS = 4
READS = 1500
WRITES = 60
LARGE = 5 << 20
LOOP_BODIES_MB = (1, 5, 12)
LOOP_ROUNDS = 10


def main() -> None:
    """Print requests per second, p50 and p99 in milliseconds, each as a ratio to the empty handler too."""
    with tempfile.TemporaryDirectory() as folder, _server(folder) as (url, key):
        headers = {"X-Api-Key": key}
        with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            small, large = _session(with_pages(1)), _session(_large(LARGE))
            opened = _ok(client.post("/api/signature-sessions", content=small, headers=_JSON))
            path = f"/api/signature-sessions/{opened['sessionId']}"
            print(f"{'':>26} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8}   ratio to empty (p50, p99)")
            _compare("GET", client, READS, path, None)
            _compare("POST 5 MB", client, WRITES, "/api/signature-sessions", large)
            print("\nEvent loop: the longest time that it did not come round, in ms")
            for name, body in _bodies():
                _hold(client, name, body)


_JSON = {"Content-Type": "application/json"}


def _compare(name: str, client: httpx.Client, count: int, path: str, body: bytes | None) -> None:
    floor = _timed(client, count, "/bench/empty", body)
    found = _timed(client, count, path, body)
    for label, (times, seconds) in ((f"{name} empty handler", floor), (f"{name} session", found)):
        p50, p99 = _percentiles(times)
        base50, base99 = _percentiles(floor[0])
        ratio = f"{p50 / base50:.1f}, {p99 / base99:.1f}"
        print(f"{label:>26} {count / seconds:8.0f} {p50 * 1e3:8.2f} {p99 * 1e3:8.2f}   {ratio}")


def _timed(client: httpx.Client, count: int, path: str, body: bytes | None) -> tuple[list[float], float]:
    """Seconds of each request, and of all together, with `CLIENTS` at once."""

    def one(_: int) -> float:
        begin = time.perf_counter()
        _ok(client.get(path) if body is None else client.post(path, content=body, headers=_JSON))
        return time.perf_counter() - begin

    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(one, range(CLIENTS * 4)))  # warm
        begin = time.perf_counter()
        times = list(threads.map(one, range(count)))
        return times, time.perf_counter() - begin


def _bodies() -> Iterator[tuple[str, bytes]]:
    """What takes the longest to read: much base64, escapes as PHP writes them, other than ASCII, many small things."""
    for megabytes in LOOP_BODIES_MB:
        body = _session(_large(megabytes * (3 << 20) // 4))
        yield "base64", body
    yield "base64 with \\/", body.replace(b"/", b"\\/")
    yield "text in UTF-8", json.dumps({"unknown": "é" * (6 << 20)}, ensure_ascii=False).encode()
    yield "19,000 objects", json.dumps({"unknown": [{}] * 9_500}).encode()
    yield "6,000,000 numbers", b'{"unknown":[' + b"1," * 6_000_000 + b"1]}"


def _hold(client: httpx.Client, name: str, body: bytes) -> None:
    def longest(post: Callable[[], httpx.Response]) -> float:
        found = []
        for _ in range(LOOP_ROUNDS):
            client.get("/bench/longest")
            post()
            found.append(float(str(_ok(client.get("/bench/longest"))["seconds"])) * 1e3)
        # The best round: this machine has two cores, and the client needs one of them.
        return min(found)

    empty = longest(lambda: client.post("/bench/empty", content=body))
    found = longest(lambda: client.post("/api/signature-sessions", content=body, headers=_JSON))
    print(f"  {len(body) / (1 << 20):5.1f} MB, {name:<18} session {found:5.1f}, empty handler {empty:5.1f}")


def _percentiles(times: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98]


def _session(content: bytes) -> bytes:
    document = {"file": {"content": b64encode(content).decode(), "name": "contract.pdf"}}
    return json.dumps({"returnUrl": "https://app.example/back", "documents": [document]}).encode()


def _large(size: int) -> bytes:
    """A PDF of about `size` bytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.pdf"
        write_large(file, size)
        return file.read_bytes()


def _ok(response: httpx.Response) -> dict[str, object]:
    assert response.status_code == 200, response.text[:300]
    found: dict[str, object] = response.json()
    return found


@contextmanager
def _server(folder: str) -> Iterator[tuple[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.api_server", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        found = json.loads(process.stdout.readline())
        yield found["url"], found["key"]
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
