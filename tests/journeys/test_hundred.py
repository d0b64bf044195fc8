"""As many documents as a session takes, with one consent."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.harness.server import Server, base64
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.journeys.test_signing import choose_pfx
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

COUNT = 100
LENGTH = 50 << 10
PROCESSING_MS = 120_000
# The service has verified each of them itself.
JUDGED_EVERY = 10


@pytest.mark.slow
def test_a_hundred_documents_are_signed_with_one_consent(
    sqlite_server: Server, window: Watched, tmp_path: Path, demo_roots: list[bytes]
) -> None:
    contents = {f"contract-{number}.pdf": hard_pdfs.of_length(LENGTH + number) for number in range(COUNT)}
    documents = [{"file": {"name": name, "content": base64(content)}} for name, content in contents.items()]
    opened = sqlite_server.open_session(documents=documents)
    pfx = tmp_path / "signer.pfx"
    pfx.write_bytes(authority.pfx("rsa2048", "secret"))
    page = window.page

    page.goto(opened["redirectUrl"])
    go_on_to_signing(page)
    choose_pfx(page, pfx, "secret")
    page.get_by_role("button", name=f"Sign {COUNT} documents").click()
    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible(timeout=PROCESSING_MS)

    expect(page.get_by_role("link", name="Download contract-")).to_have_count(COUNT)
    asked = [url.rpartition("/")[2] for url, _ in window.requests]
    assert asked.count("prepare") == asked.count("finish") == 1
    signed = sqlite_server.session(opened["sessionId"])["documents"]
    assert len(signed) == COUNT
    file = tmp_path / "signed.pdf"
    for document, content in zip(signed, contents.values(), strict=True):  # in the order of the session
        file.write_bytes(sqlite_server.api.get(document["signedFile"]["location"]).content)
        assert file.read_bytes().startswith(content)
        if document in signed[::JUDGED_EVERY]:
            (judged,) = verifiers.pyhanko(file, demo_roots)
            assert judged.bottom_line
            assert judged.coverage_whole
