"""PostgreSQL is stopped while sessions are processed, and started again: over TCP and over its Unix socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.machines import Installation, installation
from tests.harness.postgres import Postgres, PostgresMissing, running_postgres
from tests.harness.server import ok, refused, values_of
from tests.harness.tools import not_run
from tests.vectors import hard_pdfs

DOCUMENTS = 6


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A server of its own: other tests go on with theirs."""
    try:
        with running_postgres() as server:
            yield server
    except PostgresMissing as missing:
        not_run(str(missing))


@pytest.fixture(params=["tcp", "socket"])
def service(request: pytest.FixtureRequest, own_postgres: Postgres, tmp_path: Path) -> Iterator[Installation]:
    """Web and jobs in one process."""
    url = own_postgres.new_database()
    if request.param == "socket":
        url = own_postgres.by_socket(url)
    with installation(tmp_path, url, f"file://{tmp_path}/files") as made:
        made.start("serve")
        yield made


def test_what_was_signed_is_completed_after_the_database_was_away(
    service: Installation, own_postgres: Postgres
) -> None:
    (web,) = service.machines
    opened, other = service.open_session(web), service.open_session(web)
    page, unsigned = service.page(web, opened), service.page(web, other)
    for number in range(DOCUMENTS):
        page.add(hard_pdfs.make("ten-pages"), f"contract {number}.pdf")
    unsigned.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation, late = ok(page.prepare(chain)), ok(unsigned.prepare(chain))
    values, late_values = values_of(preparation, key), values_of(late, key)
    ok(page.finish(preparation, values))

    own_postgres.stop()
    try:
        refusals = [
            service.call(web, "GET", f"/api/signature-sessions/{opened['sessionId']}"),
            service.call(web, "POST", "/api/signature-sessions", json={}),
            unsigned.finish(late, late_values),
            unsigned.upload(hard_pdfs.make("plain")),
        ]
        time.sleep(3)  # long enough for a job to fail and be tried again
    finally:
        own_postgres.start()

    for answer in refusals:
        assert refused(answer, 503) == "DatabaseUnavailable"
        assert int(answer.headers["Retry-After"]) > 0
    ok(unsigned.finish(late, late_values))
    for each, count in ((opened, DOCUMENTS), (other, 1)):
        session = service.wait(web, each["sessionId"])
        assert [d["status"] for d in session["documents"]] == ["Completed"] * count, service.logs()
    assert web.process.poll() is None  # the same process all the time
