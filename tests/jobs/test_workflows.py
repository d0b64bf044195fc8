"""What the job engine runs: no log line of it is about another one's subject."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog

from signroom.jobs import workflows
from signroom.jobs.workflows import GIVE_UP, RETRY_WAITS, SCHEDULED, Runner
from signroom.ports.jobs import Job, Schedule

SUBJECT = UUID(int=7)
Workflow = Callable[..., None]


class Engine:
    """In place of DBOS: keeps the workflows by their names, and runs steps as they are."""

    workflow_id = "key"

    def __init__(self) -> None:
        self.workflows: dict[str, Workflow] = {}

    def step(self, name: str) -> Callable[[Workflow], Workflow]:
        return lambda run: run

    def workflow(self, name: str, **_options: Any) -> Callable[[Workflow], Workflow]:
        return lambda run: self.workflows.setdefault(name, run)


@pytest.mark.parametrize(
    ("name", "arguments"), [(SCHEDULED, ["tidy"]), ("work", [str(SUBJECT)]), (GIVE_UP, ["work", str(SUBJECT)])]
)
def test_no_log_line_is_about_what_the_thread_did_before(
    name: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, seen = Engine(), list[dict[str, Any]]()
    monkeypatch.setattr(workflows, "DBOS", engine)

    def look(*_: object) -> None:
        seen.append(structlog.contextvars.get_contextvars())

    job = Job(look, look)
    runner = Runner(lambda _: None, threading.Event(), RETRY_WAITS, 1)
    workflows.register_job("work", job, runner)
    workflows.register_give_up({"work": job}, runner)
    workflows.register_schedules({"tidy": Schedule("tidy", timedelta(hours=1), look)}, runner)
    with structlog.contextvars.bound_contextvars(delivery_id="1", session_id="2", job="deliver-webhook"):
        engine.workflows[name](*arguments)

    assert seen == [{}]
