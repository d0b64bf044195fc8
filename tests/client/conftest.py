"""Clients of the running server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from signroom_client import SignroomClient

from tests.harness.server import Page, Server
from tests.vectors import hard_pdfs

PDF = hard_pdfs.make("plain")


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
    """What the signer does on his page, all documents with the demo key."""
    page = server.page(redirect_url)
    page.sign(*page.demo_key())
    return page
