"""The command line as an operator uses it: `serve` without the demo's conveniences, and what stops a start."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import structlog

from signroom.cli.commands import run
from signroom.cli.demo import _listen_twice
from signroom.cli.running import DemoFolder
from tests.harness.commands import command
from tests.harness.server import ROOT, clean_environment, ok, refused, start_server
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS, eventually

PRODUCTION = {
    "SIGNROOM_ENVIRONMENT": "production",
    "SIGNROOM_DEFAULT_SECURITY_CONTEXT": "any",
    "SIGNROOM_SECRET_KEY": "k" * 40,
}


def environment(data: Path, **more: str) -> dict[str, str]:
    """Somebody's service may have the usual port. One limited process is enough: each takes half a second to start.

    How many there are by themselves `tests/journeys/test_large.py` has.
    """
    settings = {"SIGNROOM_DATA": str(data), "SIGNROOM_PORT": str(free_port()), "SIGNROOM_WORKERS": "1"}
    return {**clean_environment(), **settings, **more}


def signroom(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real program. What does not depend on its start is told by `command`, without what its imports take."""
    return subprocess.run(
        [sys.executable, "-m", "signroom", *arguments],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def test_a_production_server_is_set_up_and_serves(tmp_path: Path, empty_database_url: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    variables = environment(
        tmp_path / "data",
        SIGNROOM_DATABASE_URL=empty_database_url,
        SIGNROOM_PUBLIC_URL=url,
        SIGNROOM_PORT=str(port),
        **PRODUCTION,
    )
    assert signroom(variables, "migrate").returncode == 0
    assert command(variables, "subscriptions", "create", "Acme").returncode == 0
    assert command(variables, "applications", "create", "portal", "--subscription", "Acme").returncode == 0
    key = command(variables, "keys", "create", "--application", "portal").stdout.strip()
    server = subprocess.Popen([sys.executable, "-m", "signroom", "serve"], cwd=ROOT, env=variables)
    try:
        headers = {"X-Api-Key": key}
        opened = ok(_retry(lambda: httpx.post(f"{url}/api/signature-sessions", json={}, headers=headers)))
        link = opened["redirectUrl"].rpartition("/")[2]
        token = ok(httpx.post(f"{url}/sign/api/renew", json={"link": link}))["token"]
        page = {"X-Signature-Session-Token": token}

        assert ok(httpx.get(f"{url}/sign/api/load", headers=page))["keySources"] == ["pfx", "web-eid"]
        demo = httpx.post(f"{url}/sign/api/demo-certificate", json={"publicKey": "AAAA", "name": "x"}, headers=page)
        assert refused(demo, 403) == "KeySourceNotAvailable"
        assert refused(httpx.get(f"{url}/demo-ca.crl"), 403) == "KeySourceNotAvailable"
        assert not (tmp_path / "data" / "demo-ca.key.pem").exists()
    finally:
        server.terminate()
        assert server.wait(SECONDS) == 0


def _retry(call: Callable[[], httpx.Response]) -> httpx.Response:
    def answer() -> httpx.Response | None:
        try:
            return call()
        except httpx.ConnectError:
            return None

    return eventually(answer)


def test_names_and_unknown_names_are_told(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    assert command(variables, "migrate").returncode == 0
    assert command(variables, "subscriptions", "create", "Acme").returncode == 0

    twice = command(variables, "subscriptions", "create", "Acme")
    unknown = command(variables, "keys", "create", "--application", "nobody")
    role = command(variables, "keys", "create", "--application", "nobody", "--role", "God")

    assert (twice.returncode, "NameTaken" in twice.stderr) == (3, True)
    assert (unknown.returncode, "ApplicationNotFound" in unknown.stderr) == (3, True)
    assert role.returncode == 2


def test_a_wrong_subscription_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    assert command(variables, "migrate").returncode == 0
    for number in range(11):
        assert command(variables, "subscriptions", "create", f"Acme {number:02}").returncode == 0

    unknown = command(variables, "webhooks", "list", "--subscription", "Demo")

    assert (unknown.returncode, "SubscriptionNotFound" in unknown.stderr) == (3, True)
    assert "There are: 'Acme 00', 'Acme 01'," in unknown.stderr
    assert "'Acme 09' and 1 more." in unknown.stderr
    assert "Acme 10" not in unknown.stderr


def code_of(arguments: Sequence[str]) -> int:
    """Of a command that runs in this process."""
    try:
        return run(arguments)
    except SystemExit as end:  # how cyclopts ends one that prints nothing
        return int(end.code or 0)


def test_a_command_in_the_wrong_folder_makes_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before, `backup`, `export`, `extend` and what creates left a `.signroom` behind."""
    (tmp_path / "here").mkdir()
    (tmp_path / "place").mkdir()
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    monkeypatch.chdir(tmp_path / "here")
    for name in clean_environment().keys() ^ os.environ.keys():
        monkeypatch.delenv(name)
    logging_before, nobody, roots = structlog.get_config(), str(UUID(int=1)), "../a.pdf"
    of = ("--subscription", "Demo")
    provider = ("timestamp-providers", "create", "ours", "https://tsa.example/", "--context", "test")
    for arguments in (
        ("subscriptions", "list"), ("subscriptions", "create", "Acme"), ("applications", "list", *of),
        ("webhooks", "list", *of), ("webhooks", "replay", nobody, *of), ("timestamp-providers", "list"), provider,
        ("jobs", "list"), ("audit", "list"), ("statistics", *of), ("sessions", "retry", nobody),
        ("documents", "erase", nobody, "--yes"), ("persons", "find", "12345678909", *of), ("secrets", "reseal"),
        ("backup", "../place"), ("export", "../place"), ("extend", "../a.pdf", "--level", "LTA"),
        ("trust", "import", roots), ("trust", "icp-brasil", roots), ("policies", "import", roots),
    ):  # fmt: skip
        code = code_of(arguments)
        told = capsys.readouterr()
        assert (arguments, code, told.out) == (arguments, 3, "")
        assert "DatabaseNotFound: There is no database here." in told.err
        assert str(tmp_path / "here" / ".signroom" / "signroom.db") in told.err
        assert "signroom migrate" in told.err
    for arguments in (
        ("restore", "../place"), ("restore", "../nowhere"), ("import", "../place"), ("backup", "../place", "--verify"),
    ):  # fmt: skip
        assert code_of(arguments) == 3
    for arguments in (("backup", "../place", "--list", "--json"), ("trust", "list"), ("policies", "list")):
        assert code_of(arguments) == 0
    structlog.configure(**logging_before)

    assert list(Path().iterdir()) == list((tmp_path / "place").iterdir()) == []


def test_what_a_command_logs_is_no_part_of_its_output(tmp_path: Path) -> None:
    settings = {"SIGNROOM_DATA": str(tmp_path)}
    assert command(settings, "migrate").returncode == 0
    (tmp_path / "a-copy").touch(mode=0o644)

    done = command(settings, "jobs", "list")

    assert "data.mode_mended" in done.stderr
    assert "data.mode_mended" not in done.stdout


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "SIGNROOM_PUBLIC_URL"),
        ({"SIGNROOM_PUBLIC_URL": "https://x", "SIGNROOM_ENVIRONMENT": "production"}, "SIGNROOM_SECRET_KEY"),
        ({"SIGNROOM_PUBLIC_URL": "https://x", "SIGNROOM_MAX_FILE": "lots"}, "SIGNROOM_MAX_FILE"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(
    tmp_path: Path, variables: dict[str, str], name: str
) -> None:
    done = command(environment(tmp_path, **variables), "serve")

    assert done.returncode == 2
    assert name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("start", [("serve",), ("worker",)])
def test_a_start_without_the_operators_roots_says_where_they_belong(tmp_path: Path, start: tuple[str, ...]) -> None:
    variables = {**PRODUCTION, "SIGNROOM_DEFAULT_SECURITY_CONTEXT": "icp-brasil", "SIGNROOM_PUBLIC_URL": "https://x"}
    done = command(environment(tmp_path, **variables), *start)

    assert done.returncode == 2
    assert f"{tmp_path / 'trust' / 'icp-brasil'} as *.crt" in done.stderr
    assert "docs/operate/trust.md" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_root_that_is_none_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "trust" / "italy").mkdir(parents=True)
    (tmp_path / "trust" / "italy" / "root.crt").write_text("none")
    variables = {**PRODUCTION, "SIGNROOM_DEFAULT_SECURITY_CONTEXT": "italy", "SIGNROOM_PUBLIC_URL": "https://x"}
    done = command(environment(tmp_path, **variables), "serve")

    assert done.returncode == 2
    assert "root.crt is not a certificate" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_who_reads_no_further_is_no_error(tmp_path: Path) -> None:
    """As `signroom completion bash | head -1` does it."""
    started = subprocess.Popen(
        [sys.executable, "-m", "signroom", "completion", "bash"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    started.stdout.close()
    assert started.stderr is not None
    with started.stderr:
        assert (started.stderr.read(), started.wait(SECONDS)) == ("", 0)


def test_the_demo_refuses_to_run_in_production(tmp_path: Path) -> None:
    done = command(environment(tmp_path, **PRODUCTION), "demo", "--json", "--port", "0")

    assert done.returncode == 2
    assert "signroom serve" in done.stderr


def test_a_second_demo_in_a_folder_says_who_has_it(tmp_path: Path) -> None:
    """Before, it started without a word, and two services worked in one folder."""
    first = DemoFolder(tmp_path)
    first.tell("http://127.0.0.1:8400")

    done = command(environment(tmp_path), "demo", "--json", "--port", "0")
    first.close()

    assert (done.returncode, done.stdout) == (2, "")
    assert f"Another demo (http://127.0.0.1:8400, process {os.getpid()}) uses the folder {tmp_path}" in done.stderr
    assert "--data OTHER --port 8655" in done.stderr


def test_the_example_application_says_where_it_is_when_its_port_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(50):  # two free ports, one behind the other
        port = free_port()
        try:
            taken = socket.create_server(("127.0.0.1", port + 1))
            break
        except (OSError, OverflowError):
            continue
    with taken:
        first, second = _listen_twice(port)
        with first, second:
            own = second.getsockname()[1]

    assert f"Port {port + 1} is taken: the example application is on port {own}." in capsys.readouterr().err


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = command(environment(tmp_path), "demo", "--json", "--port", str(taken.getsockname()[1]))

    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert 'make demo ARGS="--port 8655"' in done.stderr


def test_a_second_start_of_the_demo_prints_the_same(tmp_path: Path) -> None:
    first = start_server(tmp_path / "data", {"SIGNROOM_WORKERS": "1"})
    first.stop()
    second = start_server(tmp_path / "data", {"SIGNROOM_WORKERS": "1"})
    second.stop()

    assert (first.api_key, first.pfx_password, first.pfx) == (second.api_key, second.pfx_password, second.pfx)
    for file in ("demo-api-key", "demo-manager-key", "test-signer.pfx", "test-signer.password", "secret.key"):
        assert (tmp_path / "data" / file).stat().st_mode & 0o077 == 0
    mended = [line for line in second.log.read_text().splitlines() if "data.mode_mended" in line]
    assert [line for line in mended if '"data"' not in line and "server.log" not in line] == []  # made by this test


def test_the_json_line_has_what_a_script_needs(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "signroom", "demo", "--json", "--port", "0", "--data", str(tmp_path / "d")],
        cwd=ROOT,
        env=environment(tmp_path / "ignored"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    with server.stdout:
        found = json.loads(server.stdout.readline())
        answer = httpx.get(f"{found['url']}/api/system/info")
        settings = [
            httpx.get(f"{found['url']}/api/settings/retention", headers={"X-Api-Key": found[name]})
            for name in ("managerKey", "apiKey")
        ]
        server.terminate()
        assert server.wait(SECONDS) == 0

    contract = {"url", "appUrl", "apiKey", "pfx", "pfxPassword", "caCertificate"}
    assert set(found) == contract | {"managerKey", "subscription", "testCertificates"}
    assert answer.status_code == 200
    assert [setting.status_code for setting in settings] == [200, 403], "a manager's, and no worker's"
    assert [found[name].partition("|")[0] for name in ("apiKey", "managerKey")] == [
        "Example application",
        "Demo manager",
    ]


def test_help_and_unknown_commands() -> None:
    assert "robot" in signroom(dict(os.environ), "--help").stdout
    assert command({}, "nonsense").returncode == 2
    assert command({}, "demo", "--port", "many").returncode == 2
