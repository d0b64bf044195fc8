"""``examples/webhook_app.*`` as processes, each with the operator's command, and a robot that signs.

PHP is no part of what the checks need: where it is missing its sample is reported as not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import httpx
import pytest

from tests.harness.commands import signroom
from tests.harness.server import ROOT, Server
from tests.harness.tools import free_port, require_tools
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs


def started_by(language: str, port: int) -> list[str]:
    """The command of its first lines."""
    match language:
        case "node":
            require_tools("node")
            return ["node", "examples/webhook_app.mjs", str(port)]
        case "php":
            require_tools("php")
            return ["php", "-S", f"127.0.0.1:{port}", "examples/webhook_app.php"]
    return [sys.executable, "-m", "uvicorn", "--app-dir", "examples", "webhook_app:app", "--port", str(port)]


@pytest.mark.parametrize("language", ["python", "node", "php"])
def test_a_session_without_return_address_is_told_by_webhook(
    sqlite_server: Server, tmp_path: Path, language: str
) -> None:
    (tmp_path / "mine.pdf").write_bytes(hard_pdfs.make("plain"))
    port = free_port()
    command = started_by(language, port)
    url = f"http://127.0.0.1:{port}"
    made = signroom(sqlite_server, "webhooks", "create", f"{url}/webhook", "--subscription", "Demo").splitlines()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "client" / "src"),
        "SIGNING_URL": sqlite_server.url,
        "SIGNING_KEY": sqlite_server.api_key,
        "WEBHOOK_SECRET": made[1].removeprefix("signing secret: "),
        "APP_FOLDER": str(tmp_path),
    }
    with (tmp_path / "sample.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    browser = httpx.Client(base_url=url, trust_env=False, timeout=SECONDS)
    try:
        eventually(lambda: answers(browser))
        assert browser.post("/webhook", json={"type": "DocumentSignatureCompleted"}).status_code == 400
        browser.post("/orders", data={"order": "<b>7"})
        (link,) = re.findall(r'href="([^"]+)" target="_blank"', browser.get("/").text)
        signroom(sqlite_server, "robot", unescape(link), "--file", str(tmp_path / "mine.pdf"), "--demo")

        home = eventually(lambda: text if "mine.pdf" in (text := browser.get("/").text) else "")
        assert "<b>7" not in home
        assert "Order <b>7:" in unescape(home)
        assert 'target="_blank"' not in home, "what is signed is not asked for any more"
        (path,) = re.findall(r'href="(/documents/[^"]+)"', home)
        file = httpx.get(browser.get(path).headers["location"], trust_env=False)
        assert file.content.startswith(hard_pdfs.make("plain"))
    finally:
        browser.close()
        process.terminate()
        process.wait(SECONDS)
        signroom(sqlite_server, "webhooks", "delete", made[0], "--subscription", "Demo")


def answers(browser: httpx.Client) -> bool:
    try:
        return browser.get("/").status_code == 200
    except httpx.TransportError:
        return False
