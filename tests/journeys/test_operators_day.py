"""The page's "An operator's day" is no fiction: its commands run as they stand, in their order, on both databases.

A shell reads them. `signroom` is a shell function as the page has it: what stands in the settings file at that moment
is the command's environment, and nothing else is. What a reader fills in, the test fills in. A restart of the service
is a restart of the service.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from signroom.domain.application import Role
from signroom.service.access.operators import this_operator
from signroom.service.subscriptions.manage_applications import ensure_application
from signroom.service.subscriptions.manage_keys import CreateKey, create_key
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import SetWebhook, create_webhook
from signroom.settings import read_settings
from signroom.wiring import managing
from tests.harness.commands import Done, command
from tests.harness.machines import Machine, clean_environment
from tests.harness.processes import Forked
from tests.harness.server import ROOT, Json, Page, files_of_session, ok, values_of
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS, begin_before_midnight, eventually
from tests.vectors import hard_pdfs

PAGE = (ROOT / "docs" / "operate" / "operators-day.md").read_text()
CPF = "529.982.247-25"
THE_FUNCTION = """
signroom() {
  mapfile -t settings < "$FOLDER/signroom.env"
  env -i PATH="$PATH" SIGNROOM_DATA="$FOLDER/data" "${settings[@]}" \\
    bash -c 'printf "%s\\0" "$@" > "$0/asked.words"; env -0 > "$0/asked.environment"' "$FOLDER" "$@"
}
"""
"""The page's `signroom` without systemd, root and a second for each start: it notes the words and the environment that
the program gets, and the test runs the program with them in a process that has imported it already."""


def commands_of(title: str) -> list[str]:
    """The lines of the fenced commands under a heading of the page."""
    (part,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [line for block in re.findall(r"```sh\n(.*?)```", part, flags=re.DOTALL) for line in block.splitlines()]


@dataclass
class Site:
    """A machine as the page has it: settings in a file, one service, one subscription."""

    folder: Path
    url: str
    filled_in: dict[str, str]
    key: str = ""
    webhook_id: str = ""
    machine: Machine | None = None
    hooks: dict[str, Callable[[], None]] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "signroom.env"

    @property
    def data(self) -> Path:
        """As the unit of systemd, not the file of settings, names it."""
        return self.folder / "data"

    def settings(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.file.read_text().splitlines())

    def write(self, settings: Mapping[str, str]) -> None:
        self.file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def systemctl(self, verb: str) -> None:
        if verb in {"stop", "restart"} and self.machine is not None and self.machine.process.poll() is None:
            assert self.machine.terminate() == 0, self.log()
        if verb in {"start", "restart"}:
            self.start()

    def start(self) -> None:
        log = self.folder / "log"
        environment = {**clean_environment(), "SIGNROOM_DATA": str(self.data), **self.settings()}
        self.machine = Machine(Forked(("serve",), environment, log), self.url, self.data, log)
        self.machine.wait_until_ready()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def run(self, title: str) -> list[str]:
        """Run the commands under that heading; what each `signroom` has printed."""
        printed = []
        for line in commands_of(title):
            filled = line
            for word, value in self.filled_in.items():
                filled = filled.replace(word, value)
            if line.startswith("#"):
                self.hooks[line]()
            elif line.startswith("systemctl"):
                self.systemctl(line.split()[1])
            elif line.startswith("signroom "):
                done = self.signroom(filled)
                # The doctor looks at this machine too, whose disk is not ours.
                assert done.returncode == 0 or " doctor" in line, f"{line}: {done.stderr}{done.stdout}"
                printed.append(done.stdout)
            else:
                self.shell(filled)
        return printed

    def signroom(self, line: str) -> Done:
        """Run a line that begins with `signroom`, as a shell reads it."""
        self.shell(THE_FUNCTION + line)
        words = (self.folder / "asked.words").read_bytes().decode().split("\0")[:-1]
        noted = (self.folder / "asked.environment").read_bytes().decode().split("\0")[:-1]
        environment = dict(entry.split("=", 1) for entry in noted)
        return command({n: v for n, v in environment.items() if n.startswith("SIGNROOM_")}, *words)

    def shell(self, text: str) -> None:
        environment = {**clean_environment(), "FOLDER": str(self.folder)}
        subprocess.run(["bash", "-euc", text], check=True, cwd=self.folder, env=environment)

    def call(self, method: str, path: str, key: str | None = None, body: Json | None = None) -> httpx.Response:
        headers = {"X-Api-Key": key or self.key}
        return httpx.request(method, self.url + path, headers=headers, json=body, trust_env=False, timeout=SECONDS)

    def open_session(self, **fields: object) -> Json:
        return ok(self.call("POST", "/api/signature-sessions", body=fields))

    def page(self, session: Json) -> Page:
        page = Page(session["redirectUrl"])
        self.pages.append(page)
        return page

    def sign(self, session: Json) -> None:
        page = self.page(session)
        page.add(hard_pdfs.make("plain"))
        page.sign(*page.demo_key())

    def ends_as(self, session: Json, status: str) -> None:
        def ended() -> bool:
            found: str = ok(self.call("GET", f"/api/signature-sessions/{session['sessionId']}"))["status"]
            assert found in {"Processing", status}, self.log()
            return found == status

        eventually(ended, why=self.log)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    begin_before_midnight()
    url, day = f"http://127.0.0.1:{free_port()}", datetime.now(UTC).date()
    month = day.replace(day=1)
    dates = {
        "2027-01-01": month.isoformat(),
        "2027-01-31": day.isoformat(),
    }
    filled_in = {"/etc/signroom": str(tmp_path), "/var/lib/signroom/person.zip": str(tmp_path / "person.zip"), **dates}
    filled_in["/mnt/backup"] = str(tmp_path / "backup")
    # The machine of the tests has no such user.
    filled_in |= {"-o signroom -g signroom ": "", "/var/lib/signroom": str(tmp_path / "data")}
    site = Site(tmp_path, url, filled_in)
    settings = {
        "SIGNROOM_DATABASE_URL": database_url,
        "SIGNROOM_PUBLIC_URL": url,
        "SIGNROOM_PORT": url.rpartition(":")[2],
        "SIGNROOM_SECRET_KEY": "the secret key of this installation",
        "SIGNROOM_WORKERS": "1",
        "SIGNROOM_MAX_FILE": "100 MB",  # two words: a shell that reads the file as its own would stop here
        "SIGNROOM_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
    }
    site.write(settings)
    with managing(read_settings({"SIGNROOM_DATA": str(site.data), **settings}, tmp_path)) as ports:
        application = ensure_application(ports, this_operator(), "Acme", "Portal")
        caller = this_operator().acting_for(application.subscription_id)
        site.key = create_key(ports, caller, application.id, CreateKey(role=Role.WORKER)).text
        endpoint = GivenEndpoint("http://127.0.0.1:9/nobody")
        site.webhook_id = str(create_webhook(ports, caller, SetWebhook(endpoint)).webhook.id)
    site.start()
    yield site
    for page in site.pages:
        page.client.close()
    if site.machine is not None:
        site.machine.kill()


def test_every_heading_has_commands_and_every_command_exists() -> None:
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)

    assert set(titles) == {
        "An API key has leaked",
        "The secret key is changed",
        "A document is stuck",
        "Who signed what last month",
        "A person asks for their data, and for their erasure",
        "A disk is lost",
    }
    assert all(commands_of(title) for title in titles)


def test_the_page_runs_each_command_as_the_service_runs() -> None:
    preamble = PAGE.partition("\n## ")[0]
    function = re.findall(r"```sh\n(.*?)```", preamble, flags=re.DOTALL)[0]
    unit = (ROOT / "deploy" / "systemd" / "signroom.service").read_text()
    user, group, file, data, program = (
        re.findall(rf"^{name}(\S+)", unit, re.MULTILINE)[0]
        for name in ("User=", "Group=", "EnvironmentFile=", "Environment=SIGNROOM_DATA=", "ExecStart=")
    )

    as_the_unit = (f"--uid={user}", f"--gid={group}", f"EnvironmentFile={file}", f"SIGNROOM_DATA={data}", program)
    assert [part for part in as_the_unit if part not in function] == []
    # A shell that has loaded the file goes on with the keys from before.
    assert "set -a" not in PAGE


def test_the_day(site: Site, request: pytest.FixtureRequest) -> None:
    signed, stuck, waiting = (
        site.open_session(callbackArgument=f"client {CPF}"),
        site.open_session(),
        site.open_session(),
    )
    site.sign(signed)
    site.ends_as(signed, "Completed")

    key_leaks(site)
    secret_key_is_changed(site, waiting)
    document_is_stuck(site, stuck)
    month_is_told(site)
    person_is_erased(site, signed)
    disk_is_lost(site, stuck, request)


def key_leaks(site: Site) -> None:
    leaked = site.key
    site.filled_in["KEY_ID"] = site.signroom("signroom keys list --application Portal").stdout.split()[0]

    printed = site.run("An API key has leaked")

    site.key = printed[1].strip()
    assert site.filled_in["KEY_ID"] in printed[0]
    assert "ApiKeyRevoked" in printed[3]
    # Another process revoked it: this one has seen that after two seconds at most.
    eventually(lambda: site.call("POST", "/api/signature-sessions", leaked, {}).status_code == 401)
    assert site.open_session()


def secret_key_is_changed(site: Site, waiting: Json) -> None:
    before = site.settings()["SIGNROOM_SECRET_KEY"]
    too_early = site.signroom("signroom secrets reseal")
    assert (too_early.returncode, too_early.stdout) == (3, "")
    assert "Only one key is set here: nothing to do." in too_early.stderr

    printed = site.run("The secret key is changed")

    assert before not in site.file.read_text()
    assert "1 secrets were sealed anew." in printed[0]
    assert "second key" in printed[1]
    assert "second key" not in printed[2]
    assert "it opens the 1 secrets that are stored" in printed[2]
    # Opened before, signed after.
    site.sign(waiting)
    site.ends_as(waiting, "Completed")


def document_is_stuck(site: Site, session: Json) -> None:
    page = site.page(session)
    page.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    (original,) = files_of_session(site.folder / "data", session["sessionId"])
    lost = site.folder / "lost"
    original.rename(lost)
    ok(page.finish(preparation, values_of(preparation, key)))
    site.ends_as(session, "ProcessingError")
    site.filled_in["SESSION_ID"] = session["sessionId"]

    def restore() -> None:
        lost.rename(original)

    site.hooks["# copy the file that it names back to the same key"] = restore

    printed = site.run("A document is stuck")

    assert "0 dead" in printed[0]
    # What the page's next lines need: the file's key, and the session.
    assert f"{original.relative_to(site.data / 'files')} of document" in printed[1]
    assert f"in session {session['sessionId']} is missing" in printed[1]
    assert "1 documents are processed again" in printed[2]
    site.ends_as(session, "Completed")


def month_is_told(site: Site) -> None:
    who, count = site.run("Who signed what last month")

    assert who.count("Portal Ana (DEMO): contract.pdf") == 3
    assert f"{datetime.now(UTC):%Y-%m} Portal: Document Pdf B-B Completed 3" in count


def person_is_erased(site: Site, signed: Json) -> None:
    found, exported, would, erased = site.run("A person asks for their data, and for their erasure")

    assert all(signed["sessionId"] in text for text in (found, would, erased))
    assert "1 sessions" in exported
    assert (site.folder / "person.zip").stat().st_size > 1000
    assert site.call("GET", f"/api/signature-sessions/{signed['sessionId']}").status_code == 410
    # It still counts, and nobody is named.
    who, count = site.run("Who signed what last month")
    assert who.count("Ana (DEMO)") == 2
    assert "Completed 3" in count


def disk_is_lost(site: Site, signed: Json, request: pytest.FixtureRequest) -> None:
    waiting = site.open_session()

    def lose() -> None:
        """Database and files, without a warning."""
        assert site.machine is not None
        site.machine.kill()
        shutil.rmtree(site.folder / "data")
        for file in site.folder.glob("signroom.db*"):
            file.unlink()
        settings = site.settings()
        if settings["SIGNROOM_DATABASE_URL"].startswith("postgresql"):
            settings["SIGNROOM_DATABASE_URL"] = request.getfixturevalue("postgres").new_database()
            site.write(settings)

    site.hooks["# the disk is lost, and replaced"] = lose

    printed = site.run("A disk is lost")

    assert "start the service now" in printed[1]
    assert "restored on" in printed[2], printed[2]
    (document,) = ok(site.call("GET", f"/api/signature-sessions/{signed['sessionId']}"))["documents"]
    content = httpx.get(document["signedFile"]["location"], trust_env=False).content
    assert content.startswith(hard_pdfs.make("plain"))
    site.sign(waiting)
    site.ends_as(waiting, "Completed")
