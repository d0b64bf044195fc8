"""``examples/webhook_app.py`` as a process, with the operator's command, and a robot that signs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import httpx

from tests.harness.commands import signroom
from tests.harness.server import ROOT, Server
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs


def test_a_session_without_return_address_is_told_by_webhook(sqlite_server: Server, tmp_path: Path) -> None:
    (tmp_path / "mine.pdf").write_bytes(hard_pdfs.make("plain"))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    made = signroom(sqlite_server, "webhooks", "create", f"{url}/webhook", "--subscription", "Demo").splitlines()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "client" / "src"),
        "SIGNING_URL": sqlite_server.url,
        "SIGNING_KEY": sqlite_server.api_key,
        "WEBHOOK_SECRET": made[1].removeprefix("signing secret: "),
    }
    command = [sys.executable, "-m", "uvicorn", "--app-dir", "examples", "webhook_app:app", "--port", str(port)]
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
        assert "Order &lt;b&gt;7:" in home
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
