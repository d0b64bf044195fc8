"""A private S3 for the tests: moto's server as a process of its own on a free loopback port.

    with running_s3() as s3:
        url, environment = s3.new_bucket(), s3.environment

It keeps everything in memory and ends with the process that started it, whichever way that one ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count

import httpx

from tests.harness.tools import free_port

START_SECONDS = 90
_STARTS = 3


class S3Failed(Exception):
    """The server did not start; the message ends with what it wrote."""


class S3:
    """A running server. Make it with `running_s3`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = count(1)

    @property
    def environment(self) -> Mapping[str, str]:
        """What an operator sets to reach it."""
        return environment_of(self.port)

    def new_bucket(self) -> str:
        """Create an empty bucket; returns a blob URL with a prefix in it."""
        name = f"signroom-test-{next(self._numbers)}"
        httpx.put(f"http://127.0.0.1:{self.port}/{name}", trust_env=False).raise_for_status()
        return f"s3://{name}/some/prefix"

    def keys(self, url: str) -> list[str]:
        """What lies in the bucket of `url`."""
        listing = self._get(url, {"list-type": "2"})
        return [part.partition("</Key>")[0] for part in listing.split("<Key>")[1:]]

    def unfinished(self, url: str) -> int:
        """How many multipart uploads of the bucket of `url` were begun and neither ended nor given up."""
        return self._get(url, {"uploads": ""}).count("<UploadId>")

    def _get(self, url: str, query: Mapping[str, str]) -> str:
        bucket = url.removeprefix("s3://").partition("/")[0]
        return httpx.get(f"http://127.0.0.1:{self.port}/{bucket}", params=query, trust_env=False).text


def environment_of(port: int) -> Mapping[str, str]:
    """The standard variables for an S3 on loopback."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@contextmanager
def running_s3() -> Iterator[S3]:
    """A server for as long as the block runs. Raises: S3Failed."""
    process, server = _start()
    try:
        yield server
    finally:
        process.kill()  # everything is in memory: there is nothing to tidy up
        process.wait()


def _start() -> tuple[subprocess.Popen[bytes], S3]:
    for _ in range(_STARTS):  # another program may take the free port between the look and the start
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        # The kernel stops the server when this process dies, even by SIGKILL.
        setpriv = shutil.which("setpriv")
        process = subprocess.Popen(
            command if setpriv is None else [setpriv, "--pdeathsig", "KILL", "--", *command],
            env={**os.environ, "MOTO_S3_CUSTOM_ENDPOINTS": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = S3(port)
        if _answers(process, server):
            return process, server
        process.kill()
        process.wait()
    raise S3Failed("moto's server did not start: run `python -m moto.server` to see why")


def _answers(process: subprocess.Popen[bytes], server: S3) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{server.port}/moto-api/", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return True
    return False
