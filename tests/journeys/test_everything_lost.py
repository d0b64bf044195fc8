"""Disk and database are lost, and the service goes on from its backup; it moves to another database and back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.harness.commands import command
from tests.harness.hooks import Receiver, running_receiver
from tests.harness.machines import Installation, Machine, installation
from tests.harness.moto import S3
from tests.harness.postgres import Postgres
from tests.harness.server import Json, Page, ok, values_of
from tests.harness.waiting import eventually
from tests.journeys.test_machines import require_valid
from tests.vectors import hard_pdfs

PDF = hard_pdfs.make("plain")


@dataclass
class Lost:
    """An installation, where its backups are, and how to lose it."""

    made: Installation
    place: str
    postgres: Postgres | None

    @property
    def variables(self) -> dict[str, str]:
        return {"SIGNROOM_DATA": str(self.made.folder / "operator"), **self.made.shared}

    def run(self, *arguments: str) -> Json:
        done = command(self.variables, *arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        found: Json = json.loads(done.stdout)
        return found

    def lose(self) -> None:
        """Every process, every folder, the database, all at once."""
        for machine in self.made.machines:
            machine.kill()
            shutil.rmtree(machine.data)
        shutil.rmtree(self.made.folder / "operator")
        if self.postgres is None:
            shutil.rmtree(self.made.folder / "shared")
            (self.made.folder / "shared").mkdir()
            return
        url = self.made.shared["SIGNROOM_DATABASE_URL"]
        self.postgres.drop_database(url)
        self.made.shared = {**self.made.shared, "SIGNROOM_DATABASE_URL": self.postgres.new_database()}


@pytest.fixture(params=["one machine", "PostgreSQL and S3"])
def lost(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lost]:
    if request.param == "one machine":
        (tmp_path / "shared").mkdir()
        database, files = f"sqlite:///{tmp_path}/shared/signroom.db", f"file://{tmp_path}/shared/files"
        with installation(tmp_path, database, files) as made:
            yield Lost(made, str(tmp_path / "backups"), None)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    s3: S3 = request.getfixturevalue("s3")
    with installation(tmp_path, postgres.new_database(), s3.new_bucket(), **s3.environment) as made:
        yield Lost(made, s3.new_bucket(), postgres)


def sign(page: Page) -> Json:
    page.add(PDF)
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    return ok(page.finish(preparation, values_of(preparation, key)))


def signed_file(made: Installation, machine: Machine, session_id: str) -> bytes:
    (document,) = made.session(machine, session_id)["documents"]
    return httpx.get(machine.address(document["signedFile"]["location"]), trust_env=False).raise_for_status().content


def events(made: Installation, machine: Machine, after: str | None) -> tuple[list[Json], str]:
    found = ok(made.call(machine, "GET", "/api/events", params={} if after is None else {"after": after}))
    return found["events"], found["next"]


@pytest.mark.slow
def test_after_a_loss_of_everything_each_session_goes_on_from_where_the_backup_has_it(
    lost: Lost, tmp_path: Path
) -> None:
    made = lost.made
    web, worker = made.start("serve", "--no-jobs"), made.start("worker")
    completed, opened = made.open_session(web), made.open_session(web)
    sign(made.page(web, completed))
    assert made.wait(web, completed["sessionId"])["status"] == "Completed"
    before = signed_file(made, web, completed["sessionId"])
    worker.kill()
    processing = made.open_session(web)
    assert sign(made.page(web, processing))["status"] == "Processing"
    _, cursor = events(made, web, None)

    backup = lost.run("backup", lost.place)
    # After the backup one more is opened, and an application has read of it.
    made.open_session(web)
    _, later = events(made, web, cursor)
    lost.lose()
    restored = lost.run("restore", lost.place)
    again = made.start("serve")

    assert (restored["backup"], restored["lost"]) == (backup["backup"], 0)
    assert made.wait(again, processing["sessionId"])["status"] == "Completed"
    page = made.page(again, opened)
    assert sign(page)["status"] in {"Processing", "Completed"}
    assert made.wait(again, opened["sessionId"])["status"] == "Completed"
    assert signed_file(made, again, completed["sessionId"]) == before
    for session in (completed, processing, opened):
        require_valid(signed_file(made, again, session["sessionId"]), again, tmp_path)
    # Whoever has read on after the backup misses nothing of what came after the restore.
    new, _ = events(made, again, later)
    assert [e["type"] for e in new if e["sessionId"] == opened["sessionId"]][-1] == "SessionCompleted"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


@pytest.mark.slow
def test_an_installation_moves_to_postgresql_and_back_and_goes_on(
    tmp_path: Path, postgres: Postgres, receiver: Receiver
) -> None:
    endpoint = receiver.endpoint()
    urls = [f"sqlite:///{tmp_path / 'one.db'}", postgres.new_database(), f"sqlite:///{tmp_path / 'two.db'}"]
    with installation(tmp_path, urls[0], f"file://{tmp_path / 'files'}") as made:
        moving = Lost(made, "", None)
        hook = ("webhooks", "create", endpoint.url, "--subscription", "Acme", "--event", "SessionCompleted")
        assert command(moving.variables, *hook).returncode == 0
        machine = made.start("serve")
        opened, cursor = [made.open_session(machine) for _ in urls], events(made, machine, None)[1]
        seen: list[str] = []
        for number, session in enumerate(opened):
            sign(made.page(machine, session))
            assert made.wait(machine, session["sessionId"])["status"] == "Completed"
            new, cursor = events(made, machine, cursor)
            seen += [event["id"] for event in new]
            ended = session["sessionId"]
            eventually(
                lambda ended=ended: any(  # type: ignore[misc]
                    b["session"]["id"] == ended for b in endpoint.bodies
                )
            )
            if number == len(urls) - 1:
                break
            machine.terminate()
            place = str(tmp_path / f"move-{number}")
            exported = moving.run("export", place)
            made.shared = {**made.shared, "SIGNROOM_DATABASE_URL": urls[number + 1]}
            assert moving.run("import", place)["rows"] == exported["rows"]
            machine = made.start("serve")

        ids = [exchange.headers["webhook-id"] for exchange in endpoint.seen]
        assert len(set(seen)) == len(seen)
        assert len(set(ids)) == len(ids)  # nothing was told twice
