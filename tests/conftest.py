"""Fixtures for all tests: databases, and servers that run for real."""

from __future__ import annotations

import gc
import inspect
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, settings

from tests.harness.authorities import read_authorities_once
from tests.harness.databases import copy_new_database, migrated
from tests.harness.idle import Idle
from tests.harness.moto import S3, running_s3
from tests.harness.nodes import fork_nodes
from tests.harness.order import longest_first, most_workers, useful_workers
from tests.harness.plain_logs import log_plainly
from tests.harness.postgres import Postgres, PostgresMissing, running_postgres
from tests.harness.resting import Resting
from tests.harness.tools import not_run
from tests.harness.waiting import SECONDS

pytest_plugins = ["tests.harness.server_fixtures", "tests.pki.fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    # SIGTERM ends the run as Ctrl-C does: fixtures are torn down, so no server of ours stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.pluginmanager.register(Resting())
    if not hasattr(config, "workerinput") and Path("/proc/stat").exists():
        config.pluginmanager.register(Idle())
    _be_patient()
    log_plainly()
    read_authorities_once()
    # A person's own settings must not change what is tested.
    for name in [name for name in os.environ if name.startswith(("SIGNROOM_", "AWS_"))]:
        del os.environ[name]


def _be_patient() -> None:
    """Let a test's own requests wait longer than httpx's five seconds: a busy machine needs more at times."""
    default = inspect.signature(httpx.get).parameters["timeout"].default
    default.connect = default.read = default.write = default.pool = SECONDS
    # The same for examples: one that takes 200 ms on a busy machine is no fault. What CI has set besides stays.
    settings.register_profile("patient", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Spare Python's search for garbage the 8,000 tests: they stay for the whole run.

    While they are collected it would search them again and again, which takes a quarter of that time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What ``--numprocesses auto`` means: few tests are not worth a second worker."""
    return useful_workers(config.rootpath, config.args, most_workers())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[object]) -> None:
    """Let the workers share what all of them would import. Not where each file's processes are told apart."""
    if not config.pluginmanager.has_plugin("tests.harness.processor_time"):
        fork_nodes(config, is_long=len(specs) >= most_workers())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, after pytest has sorted by its fixtures."""
    items[:] = longest_first(items, lambda item: item.nodeid.partition("::")[0])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole run. Where none is installed its tests are skipped, in CI they fail."""
    try:
        with running_postgres() as server:
            yield server
    except PostgresMissing as missing:
        not_run(str(missing))


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3 for the whole run."""
    with running_s3() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The URL of a database of this version that nobody is connected to."""
    return migrated(postgres.new_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The SQLAlchemy URL of a new database of this version; each test that asks runs once on each of the two."""
    if request.param == "sqlite":
        copy_new_database(tmp_path / "signroom.db")
        yield f"sqlite:///{tmp_path / 'signroom.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new_database(like=request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same, without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'signroom.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop_database(url)
