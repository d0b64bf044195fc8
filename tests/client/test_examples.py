"""The examples in docstrings: each operation has one, and each is a program that type-checks."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator

from signroom_client import FileReference, SignroomClient, parse_webhook

EXAMPLE = re.compile(r"^Example:\n((?:    .*\n?|\n)+)", re.MULTILINE)
GIVEN = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from signroom_client import *


def sign_with_token(data: bytes) -> bytes:
    return data
"""
USE = """
def use(
    signroom: SignroomClient, manager: SignroomClient, ended: Session, session_id: str, document_id: str,
    application_id: str, key_id: str, certificate: x509.Certificate, private_key: ec.EllipticCurvePrivateKey,
    state: str, value: bytes, cursor: str | None, body: bytes, headers: dict[str, str],
) -> None:
"""
"""Names that the examples use without saying where they are from."""


def explained() -> Iterator[tuple[str, Callable[..., object]]]:
    """What integrators call."""
    yield "parse_webhook", parse_webhook
    yield "FileReference", FileReference
    for name in dir(SignroomClient):
        if not name.startswith("_") and name != "close":
            yield name, getattr(SignroomClient, name)


def example(function: Callable[..., object]) -> str | None:
    found = EXAMPLE.search(inspect.getdoc(function) or "")
    return None if found is None else textwrap.dedent(found[1])


def program() -> str:
    """All examples as one module: `tests/client/test_package.py` lets mypy read it."""
    text = GIVEN
    for name, function in explained():
        code = textwrap.indent(example(function) or "", "    ")
        text += f"\n{USE.replace('def use(', f'def use_{name}(')}{code}"
    return text


def test_every_operation_has_an_example() -> None:
    assert [name for name, function in explained() if example(function) is None] == []
    compile(program(), "examples", "exec")
