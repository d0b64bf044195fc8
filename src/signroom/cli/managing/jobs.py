"""``signroom jobs`` and ``signroom sessions``: what failed, and once more."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.configuration import installed_settings
from signroom.cli.printing import Json, ask_for_yes, moment, print_erasure, tell

jobs = App(name="jobs", help="Background jobs that failed for good.")
sessions = App(name="sessions", help="Signature sessions.")


@jobs.command(name="list")
def list_jobs(*, limit: int = 50, json: Json = False) -> None:
    """Print dead jobs, newest first: since when, failed step, subject, id. The last line counts those that wait.

    Args:
        limit: at most so many
    """
    from signroom import wiring

    with wiring.operating(installed_settings()) as ports:
        dead, state = list(ports.jobs.dead(limit)), ports.jobs.state()
    waiting = sum(state.jobs.values())
    listed = [
        {"id": one.id, "since": moment(one.since), "failedStep": one.failed_step, "subject": str(one.subject)}
        for one in dead
    ]
    tell(
        {"jobs": listed, "dead": state.dead, "waiting": waiting, "processes": state.executors},
        *(f"{moment(one.since)} {one.failed_step} {one.subject} {one.id}" for one in dead),
        f"{state.dead} dead, {waiting} waiting or running, {state.executors} processes that run jobs",
        as_json=json,
    )


@jobs.command(name="retry")
def retry_job(job_id: str, *, json: Json = False) -> None:
    """Run a dead job again from the step that failed. Documents that failed: `signroom sessions retry`.

    Args:
        job_id: the last column of `signroom jobs list`
    """
    from signroom import wiring

    with wiring.operating(installed_settings()) as ports:
        again = ports.jobs.retry(job_id)
    tell({"id": again}, str(again), as_json=json)


@sessions.command(name="erase")
def erase_session(session_id: UUID, *, yes: Annotated[bool, Parameter(negative=())] = False, json: Json = False) -> int:
    """Erase a session with all its documents, for good. What stays is printed: document key and digest.

    Args:
        session_id: of a session none of whose documents is being processed
        yes: needed: it cannot be taken back
    """
    from signroom import wiring
    from signroom.service.access.operators import act_for_session, this_operator
    from signroom.service.erasing.erase import erase_session as erase

    if not yes:
        return ask_for_yes()
    with wiring.operating(installed_settings()) as ports:
        erasure = erase(ports, act_for_session(ports, this_operator(), session_id), session_id)
    print_erasure(erasure, as_json=json)
    return 0


@sessions.command(name="retry")
def retry_session(session_id: UUID, *, json: Json = False) -> None:
    """Process the failed documents of a session again, with the signatures that were given.

    Args:
        session_id: of a session in ProcessingError
    """
    from signroom import wiring
    from signroom.service.access.operators import act_for_session, this_operator
    from signroom.service.signing.retry_processing import retry_session as retry

    with wiring.operating(installed_settings()) as ports:
        caller = act_for_session(ports, this_operator(), session_id)
        again = retry(ports, caller, session_id)
    tell({"documents": again}, f"{again} documents are processed again.", as_json=json)
