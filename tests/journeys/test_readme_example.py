"""The README's ten lines, run as they stand against a real server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.harness.server import Server
from tests.vectors import hard_pdfs

README = Path(__file__).parents[2] / "README.md"


def test_the_example_opens_a_session_and_fetches_what_was_signed(
    sqlite_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    code = example.replace("http://127.0.0.1:8400", sqlite_server.url).replace(
        "Example application|...", sqlite_server.api_key
    )
    opening, _, fetching = code.partition("# 2.")
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    Path("contract.pdf").write_bytes(hard_pdfs.make("plain"))

    exec(opening, names)  # noqa: S102  (our own README)
    session = names["session"]
    page = sqlite_server.page(session.redirect_url)
    page.sign(*page.demo_key())
    sqlite_server.wait(str(session.session_id))
    exec(f"# 2.{fetching}", names)  # noqa: S102

    (file,) = [Path(f"{document.id}.pdf") for document in names["result"].documents]
    assert file.read_bytes().startswith(hard_pdfs.make("plain"))
    names["signroom"].close()
