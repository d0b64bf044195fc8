"""The README's code, block by block, against the running service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import signroom_client

from tests.client.conftest import PDF, sign
from tests.client.test_webhooks import BODY
from tests.harness.commands import signroom as signroom_command
from tests.harness.server import ROOT, Server
from tests.pki import authority

README = ROOT / "client" / "README.md"


def blocks(server: Server) -> list[str]:
    text = README.read_text("utf-8")
    text = text.replace("https://sign.example.com", server.url).replace("app|secret", server.api_key)
    manager = signroom_command(server, "keys", "create", "--application", "Example application", "--role", "Manager")
    text = text.replace("app|manager-secret", manager)
    # The server is shared, and the guide has orders too.
    text = text.replace("order-42", f"order-{uuid4()}")
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def test_every_block_runs(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("contract.pdf").write_bytes(PDF)
    leaf = authority.leaf("p256")
    names: dict[str, Any] = {"certificate": leaf.certificate, "private_key": leaf.signing_key}
    ask, back, listing, files, keys, webhook, managing, failing = blocks(server)

    def run(code: str) -> str:
        exec(compile(code, str(README), "exec"), names)  # noqa: S102 - our own README
        return capsys.readouterr().out

    assert run(ask).startswith(f"{server.url}/sign/")
    session_id = str(names["session"].session_id)
    run(back)
    assert names["signed"](session_id) == []
    assert session_id in run(listing)
    sign(server, names["session"].redirect_url)
    names["signroom"].when_completed(session_id)
    (file,) = names["signed"](session_id)
    file.rename("signed.pdf")
    assert run(files).count("None") >= 1
    assert run(keys).startswith("True")
    assert names["document"].signed_file is not None
    run(webhook)
    assert names["handle"](BODY, {}) == 400
    assert "Example application" in run(managing)
    assert len(names["erased"].documents) == 1
    assert run(failing).strip() == "InvalidPdf"
    names["signroom"].close()


def test_every_name_of_the_readme_is_public() -> None:
    text = README.read_text("utf-8")

    used = {name for line in re.findall(r"from signroom_client import (.+)", text) for name in line.split(", ")}

    assert used <= set(signroom_client.__all__)
    verbs = (
        "create|get|list|when|find|query|allocate|prepare|complete|unused|end|revoke|rotate|erase|change|disable|delete"
    )
    for operation in re.findall(rf"`((?:{verbs})_\w+)", text):
        assert hasattr(signroom_client.SignroomClient, operation), operation
