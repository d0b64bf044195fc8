"""The integrating applications under ``examples/``, each as a process of its own, with a user who signs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.harness.server import ROOT, Server, ok
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS
from tests.vectors import hard_pdfs

MAX_LINES = 100
FILES = sorted((ROOT / "examples").glob("*_app.*"))
COMMANDS = {
    "fastapi": ["-m", "uvicorn", "--app-dir", "examples", "fastapi_app:app", "--log-level", "warning", "--port"],
    "flask": ["-m", "flask", "--app", "examples/flask_app.py", "run", "--port"],
    "django": ["examples/django_app.py", "runserver", "--noreload"],
}


class Sample:
    """A running sample application, seen from a browser."""

    def __init__(self, name: str, server: Server, folder: Path, service: str | None = None) -> None:
        self.server = server
        contract = folder / "contract.pdf"
        contract.write_bytes(hard_pdfs.make("ten-pages"))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "sample.log"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "client" / "src"),
            "SIGNING_URL": service or server.url,
            "SIGNING_KEY": server.api_key,
            "APP_CONTRACT": str(contract),
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *COMMANDS[name], str(port)], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.browser = httpx.Client(base_url=self.url, trust_env=False, timeout=SECONDS)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.browser.get("/")
            except httpx.TransportError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.stop()
                    pytest.fail(self.log.read_text())
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        self.browser.close()
        self.process.terminate()
        self.process.wait(SECONDS)

    def begin(self, order: str, **choices: str) -> str:
        """Fill in the form; the address of the signing page."""
        home = self.browser.get("/").text
        hidden = dict(re.findall(r'type=hidden name=(\w+) value="([^"]*)"', home))
        answer = self.browser.post("/sign", data={"order": order, **hidden, **choices})
        assert answer.is_redirect, self.log.read_text()
        return answer.headers["location"]

    def back(self, redirect_url: str) -> httpx.Response:
        """What the user sees where the signing page sends him."""
        page = self.server.page(redirect_url)
        while (view := page.load())["status"] == "Processing" and not view["background"]:
            time.sleep(0.1)
        parts = urlsplit(view["returnUrl"])
        assert f"{parts.scheme}://{parts.netloc}" == self.url
        return self.browser.get(f"{parts.path}?{parts.query}")


@pytest.fixture(scope="session")
def server(sqlite_server: Server) -> Server:
    """One is enough: a sample never touches the database, and ``tests/api`` asks the same on both."""
    return sqlite_server


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def sample(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sample]:
    running = Sample(request.param, server, tmp_path_factory.mktemp(request.param))
    yield running
    running.stop()


def links(page: str) -> dict[str, str]:
    """Text of each link and where it leads."""
    return {text.strip(): unescape(href) for href, text in re.findall(r'<a href="?([^">]+)"?>([^<]+)', page)}


def test_the_user_signs_his_own_file_and_sees_it_listed(sample: Sample, server: Server) -> None:
    order = f"<b>{uuid4().hex[:8]}"
    redirect_url = sample.begin(order)
    page = server.page(redirect_url)
    page.add(hard_pdfs.make("plain"), "mine.pdf")
    page.sign(*page.demo_key())

    answer = sample.back(redirect_url)

    assert answer.status_code == 200, sample.log.read_text()
    assert "<h1>Signed</h1>" in answer.text
    assert order not in answer.text, "what others wrote is escaped"
    assert order in unescape(answer.text)
    file = httpx.get(links(answer.text)["mine.pdf"], trust_env=False)
    assert file.content.startswith(hard_pdfs.make("plain"))


def test_a_user_who_cancels_is_told_apart(sample: Sample, server: Server) -> None:
    redirect_url = sample.begin("7")
    ok(server.page(redirect_url).client.post("cancel"))

    answer = sample.back(redirect_url)

    assert answer.status_code == 200, sample.log.read_text()
    assert "<h1>Not signed</h1>" in answer.text
    assert "UserCancelled" in answer.text


@pytest.mark.parametrize("session", ["", "abc", "..", "5b1c7d5e-0f0a-4d5f-9a53-1f2f6e0c9a11"])
def test_an_id_that_anybody_made_up_shows_nothing(sample: Sample, session: str) -> None:
    answer = sample.browser.get("/callback", params={"signatureSessionId": session})

    assert answer.status_code in {400, 404, 422}, sample.log.read_text()
    assert "Traceback" not in answer.text
    assert "<h1>Signed" not in answer.text


@pytest.mark.parametrize("sample", ["fastapi"], indirect=True)
def test_the_guides_options(sample: Sample, server: Server) -> None:
    order = uuid4().hex[:8]
    redirect_url = sample.begin(order, contract="1", no_downloads="1", background="1")
    page = server.page(redirect_url)
    view = page.load()
    assert [d["name"] for d in view["documents"]] == ["contract.pdf"]
    assert (view["predefined"], view["disableDownloads"], view["background"]) == (True, True, True)
    assert page.upload(hard_pdfs.make("plain")).status_code == 422
    page.sign(*page.demo_key())

    answer = sample.back(redirect_url)
    for _ in range(100):
        if "Almost there" not in answer.text:
            break
        assert "http-equiv=refresh" in answer.text
        time.sleep(0.1)
        answer = sample.back(redirect_url)

    assert "<h1>Signed</h1>" in answer.text
    listed = links(sample.browser.get("/signed", params={"order": order}).text)
    assert "contract.pdf" in listed
    assert page.load()["documents"][0]["signedFile"] is None


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_service_that_does_not_answer_is_said_so(name: str, server: Server, tmp_path: Path) -> None:
    sample = Sample(name, server, tmp_path, service=f"http://127.0.0.1:{free_port()}")
    try:
        answer = sample.browser.get("/callback", params={"signatureSessionId": str(uuid4())})
    finally:
        sample.stop()

    assert answer.status_code == 502, sample.log.read_text()
    assert "ConnectionFailed" in answer.text


def test_a_contract_that_is_not_there_is_said_so(server: Server, tmp_path: Path) -> None:
    sample = Sample("fastapi", server, tmp_path)
    (tmp_path / "contract.pdf").unlink()
    try:
        answer = sample.browser.post("/sign", data={"order": "7", "contract": "1"})
    finally:
        sample.stop()

    assert answer.status_code == 404
    assert "APP_CONTRACT" in answer.text


def test_every_sample_has_its_commands() -> None:
    text = (ROOT / "examples" / "README.md").read_text()

    for file in FILES:
        assert file.name in text
        told = file.read_text()
        if file.stem != "demo_app":
            assert "`make demo` in the folder" in told, "where the service and the key come from"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_a_sample_is_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) < MAX_LINES
