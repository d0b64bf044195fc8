"""The guide's code runs as it stands: the blocks of a page in their order, on a real server, with a user who signs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from ssl import DER_cert_to_PEM_cert
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.harness.commands import signroom
from tests.harness.server import Server
from tests.pki import three_tiers
from tests.vectors import hard_pdfs

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))
_STEP = re.compile(r"^```(python|sh)\n(.*?)^```|^<!-- (the user signs) -->", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, sqlite_server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the pages name."""
    (tmp_path / "contract.pdf").write_bytes(hard_pdfs.make("ten-pages"))
    (tmp_path / "order.xml").write_text('<order xmlns="urn:example"><item>1</item></order>')
    (tmp_path / "terms.docx").write_bytes(hard_pdfs.make("docx"))
    (tmp_path / "acme-root.pem").write_text(DER_cert_to_PEM_cert(three_tiers.root().der))
    key, certificate, _ = pkcs12.load_key_and_certificates(
        sqlite_server.pfx.read_bytes(), sqlite_server.pfx_password.encode()
    )
    assert key is not None
    pfx = pkcs12.serialize_key_and_certificates(None, key, certificate, None, BestAvailableEncryption(b"password"))  # type: ignore[arg-type]
    (tmp_path / "signer.pfx").write_bytes(pfx)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_block_runs(page: Path, folder: Path, sqlite_server: Server) -> None:
    text = page.read_text().replace("https://sign.example", sqlite_server.url)
    text = text.replace("app|secret", sqlite_server.api_key)
    if "manager|secret" in text:
        key = signroom(sqlite_server, "keys", "create", "--application", "Example application", "--role", "Manager")
        text = text.replace("manager|secret", key)
    names: dict[str, Any] = {}
    for language, code, signs in _STEP.findall(text):
        if signs:
            sign(sqlite_server, str(names["session"].redirect_url))
        elif language == "sh":
            done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert "redirectUrl" in done.stdout
        else:
            exec(code, names)  # noqa: S102  (our own pages)
    if "signroom" in names:
        names["signroom"].close()


def sign(server: Server, redirect_url: str) -> None:
    page = server.page(redirect_url)
    if not page.load()["predefined"]:
        page.add(hard_pdfs.make("plain"))
    page.sign(*page.demo_key())
    while page.load()["status"] == "Processing":
        time.sleep(0.05)


def test_every_block_is_type_checked(tmp_path: Path) -> None:
    """What an integrator copies from a page passes his own mypy: each page is one program."""
    for page in PAGES:
        blocks = [code for language, code, _ in _STEP.findall(page.read_text()) if language == "python"]
        if blocks:
            (tmp_path / f"{page.stem.replace('-', '_')}.py").write_text("\n\n".join(blocks))

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), "."],
        env={**os.environ, "MYPYPATH": str(GUIDE.parents[1] / "client" / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert list(tmp_path.glob("*.py"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_block_of_code_is_one_that_runs() -> None:
    """A block without a language shows commands for operators or settings. Recipes in other languages are run by
    test_recipes, where they can be.
    """
    for page in PAGES:
        # Bodies of events in JSON: tests/api/reference/test_document.py.
        recipes = {"js", "java", "php", "csharp", "json"} if page.name == "webhooks.md" else set()
        for opening in re.findall(r"^```(\w*)$", page.read_text(), re.MULTILINE):
            assert opening in {"", "python", "sh"} | recipes, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere_and_codes_exist(page: Path) -> None:
    text = page.read_text()
    errors = (GUIDE.parent / "errors.md").read_text()
    for target in re.findall(r"\]\((?!https?:|/docs/)([^)#]+)\)", text):
        assert (page.parent / target).exists(), target
    for paragraph in re.findall(r"^\*\*What can go wrong\.\*\*.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL):
        for code in re.findall(r"4\d\d `(\w+)`", paragraph):
            assert f"| `{code}` |" in errors, code
