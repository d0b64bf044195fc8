"""Clients of the running server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from signroom_client import SignroomClient

from tests.harness.server import Page, Server
from tests.vectors import hard_pdfs

PDF = hard_pdfs.make("plain")


@pytest.fixture(scope="session")
def server(sqlite_server: Server) -> Server:
    """One is enough: a client never touches the database, and ``tests/api`` asks the same on both."""
    return sqlite_server


@pytest.fixture
def signroom(server: Server) -> Iterator[SignroomClient]:
    with SignroomClient(server.url, server.api_key) as client:
        yield client


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """A small PDF on disk."""
    path = tmp_path / "contract.pdf"
    path.write_bytes(PDF)
    return path


def sign(server: Server, redirect_url: str) -> Page:
    """What the signer does on his page, all documents with a test certificate."""
    page = server.page(redirect_url)
    page.sign(*page.demo_key())
    return page
