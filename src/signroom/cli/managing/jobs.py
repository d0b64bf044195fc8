"""``signroom jobs`` and ``signroom sessions``: what failed, and once more."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.configuration import settings_for_rows
from signroom.cli.printing import ask_for_yes, print_erasure

jobs = App(name="jobs", help="Background jobs that failed for good.")
sessions = App(name="sessions", help="Signature sessions.")


@jobs.command(name="list")
def list_jobs(*, limit: int = 50) -> None:
    """Print dead jobs, newest first: since when, failed step, subject, id. The last line counts those that wait.

    Parameters
    ----------
    limit: at most so many
    """
    from signroom import wiring

    with wiring.operating(settings_for_rows()) as ports:
        for letter in ports.jobs.dead(limit):
            print(f"{letter.since:%Y-%m-%dT%H:%M:%SZ} {letter.failed_step} {letter.subject} {letter.id}")
        state = ports.jobs.state()
    waiting = sum(state.jobs.values())
    print(f"{state.dead} dead, {waiting} waiting or running, {state.executors} processes that run jobs")


@jobs.command(name="retry")
def retry_job(job_id: str) -> None:
    """Run a dead job again from the step that failed. Documents that failed: `signroom sessions retry`.

    Parameters
    ----------
    job_id: the last column of `signroom jobs list`
    """
    from signroom import wiring

    with wiring.operating(settings_for_rows()) as ports:
        print(ports.jobs.retry(job_id))


@sessions.command(name="erase")
def erase_session(session_id: UUID, *, yes: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Erase a session with all its documents, for good. What stays is printed: document key and digest.

    Parameters
    ----------
    session_id: of a session none of whose documents is being processed
    yes: needed: it cannot be taken back
    """
    from signroom import wiring
    from signroom.service.access.operators import act_for_session, this_operator
    from signroom.service.erasing.erase import erase_session as erase

    if not yes:
        return ask_for_yes()
    with wiring.operating(settings_for_rows()) as ports:
        erasure = erase(ports, act_for_session(ports, this_operator(), session_id), session_id)
    print_erasure(erasure)
    return 0


@sessions.command(name="retry")
def retry_session(session_id: UUID) -> None:
    """Process the failed documents of a session again, with the signatures that were given.

    Parameters
    ----------
    session_id: of a session in ProcessingError
    """
    from signroom import wiring
    from signroom.service.access.operators import act_for_session, this_operator
    from signroom.service.signing.retry_processing import retry_session as retry

    with wiring.operating(settings_for_rows()) as ports:
        caller = act_for_session(ports, this_operator(), session_id)
        print(f"{retry(ports, caller, session_id)} documents are processed again.")
