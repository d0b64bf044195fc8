"""Programs of the machine that the tests use. A missing one is told, never passed over in silence.

On a person's machine the tests that need it are skipped, and ``make test`` lists them as not run; in CI they fail.
"""

from __future__ import annotations

import os
import shutil
import socket
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
    """A TCP port of the loopback address that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
