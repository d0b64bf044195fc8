"""The README's ten lines, run as they stand against a real server."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from tests.harness.server import Server
from tests.vectors import hard_pdfs

README = Path(__file__).parents[2] / "README.md"


def test_the_example_opens_a_session_and_fetches_what_was_signed(sqlite_server: Server) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    code = example.replace("http://127.0.0.1:8400", sqlite_server.url).replace(
        "Example application|...", sqlite_server.api_key
    )
    opening, _, fetching = code.partition("# 2.")
    names: dict[str, object] = {}

    exec(opening, names)  # noqa: S102  (our own README)
    session = names["session"]
    assert isinstance(session, dict)
    page = sqlite_server.page(session["redirectUrl"])
    page.add(hard_pdfs.make("plain"))
    page.sign(*page.demo_key())
    sqlite_server.wait(session["sessionId"])
    exec(f"# 2.{fetching}", names)  # noqa: S102

    found = names["signed"]
    assert isinstance(found, list)
    assert [content.startswith(hard_pdfs.make("plain")) for content in found] == [True]
    client = names["api"]
    assert isinstance(client, httpx.Client)
    client.close()
