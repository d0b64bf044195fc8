"""Programs of the machine that the tests use. A missing one is told, never passed over in silence.

On a person's machine the tests that need it are skipped, and ``make test`` lists them as not run; in CI they fail.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = {
    "cc": "gcc libc6-dev",
    "certutil": "libnss3-tools",
    "chromium": "chromium",
    "java": "default-jre-headless",
    "javac": "default-jdk-headless",
    "keytool": "default-jre-headless",
    "mutool": "mupdf-tools",
    "mvn": "maven",
    "node": "nodejs",
    "openssl": "openssl",
    "pdfsig": "poppler-utils",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
    "qpdf": "qpdf",
    "php": "php-cli",
    "xmlsec1": "xmlsec1",
}
"""Program -> the Debian package that has it."""
_FIRST_PORT, _PORTS_TRIED = 10_000, 100
"""Below are the ports of services that a machine may have."""


def require_tools(*programs: str) -> None:
    """Skip the calling test or fixture when one of `programs` is missing; fail in CI."""
    for program in programs:
        if shutil.which(program) is None:
            not_run(f"{program} is not installed: apt-get install {PACKAGES[program]}")


def not_run(reason: str) -> NoReturn:
    """Skip with `reason`; fail in CI, where everything is installed and a skip would hide a hole."""
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"true", "1", "yes"}


def free_port() -> int:
    """A TCP port of the loopback address that nobody uses at this moment, and that the system gives to nobody.

    The system gives ports of one range to whoever asks for any port, and to each connection that is made: a hundred a
    second while the tests run. One of those could be taken by somebody else before the caller listens.
    """
    low, high = system_ports()
    others = [port for port in range(_FIRST_PORT, 1 << 16) if not low <= port <= high]
    # Where the system's range leaves nothing, the system chooses.
    for port in secrets.SystemRandom().sample(others, min(len(others), _PORTS_TRIED)) or [0]:
        # The address can be used again at once where nobody listens any more.
        with suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            found: int = listener.getsockname()[1]
            return found
    raise RuntimeError("no port is free")


def system_ports(file: Path = Path("/proc/sys/net/ipv4/ip_local_port_range")) -> tuple[int, int]:
    """The first and the last port that the system gives by itself."""
    try:
        low, high = map(int, file.read_text().split())
    except FileNotFoundError:  # not Linux: what IANA leaves to systems (RFC 6335, 6)
        return 49152, 65535
    return low, high
