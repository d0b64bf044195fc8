"""``signroom persons``: all that is kept of one person, for requests that data protection laws give people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from signroom.cli.configuration import installed_settings
from signroom.cli.printing import moment, print_json, print_line

if TYPE_CHECKING:
    from signroom.domain.application import OperatorCaller
    from signroom.domain.erasure import Erasure
    from signroom.domain.person import PersonTrace
    from signroom.ports import Ports
    from signroom.service.erasing.persons import FoundPerson

persons = App(name="persons", help="All that is kept of one person.")

INCOMPLETE = "There may be more: ask again."


@persons.command(name="find")
def find(identifier: str, *, subscription: str, json: bool = False) -> None:
    """Print the sessions and documents in which a person occurs: kind, id, state, made. Never who it is.

    Args:
        identifier: CPF, codice fiscale or another number of the person's certificate, with or without dots
        subscription: name of the subscription
        json: print one JSON object instead of text
    """
    from signroom.service.erasing.persons import find_person

    with _acting_for(subscription) as (ports, caller):
        _print_found(find_person(ports, caller, identifier), as_json=json)


@persons.command(name="export")
def export(identifier: str, target: Path, *, subscription: str, json: bool = False) -> None:
    """Write a ZIP with all that is kept of a person: person.json and the files.

    Args:
        identifier: CPF, codice fiscale or another number of the person's certificate, with or without dots
        target: the file to write; it must not exist yet, and only its owner can read it
        subscription: name of the subscription
        json: print one JSON object instead of text
    """
    from signroom.domain.errors import BadInput
    from signroom.service.erasing.persons import export_person

    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BadInput(f"{target} cannot be made: {error.strerror}.") from error
    done = False
    try:
        with _acting_for(subscription) as (ports, caller):
            exported = export_person(ports, caller, identifier, target)
        done = True
    finally:
        if not done:
            target.unlink()
    if json:
        print_json(
            {
                "sessions": exported.sessions,
                "documents": exported.documents,
                "files": exported.files,
                "complete": exported.complete,
            }
        )
        return
    print(f"{exported.sessions} sessions, {exported.documents} documents, {exported.files} files: {target}")
    if not exported.complete:
        print(INCOMPLETE, file=sys.stderr)


@persons.command(name="erase")
def erase(
    identifier: str,
    *,
    subscription: str,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(negative=())] = False,
    json: bool = False,
) -> int:
    """Erase every session and document in which a person occurs, for good. Asks before it does.

    Exit code: 0 all is erased, 3 something was refused or is left.

    Args:
        identifier: CPF, codice fiscale or another number of the person's certificate, with or without dots
        subscription: name of the subscription
        dry_run: only print what would be erased
        yes: do not ask
        json: print one JSON object instead of text
    """
    from signroom.service.erasing.persons import erase_person, find_person

    with _acting_for(subscription) as (ports, caller):
        if dry_run or not yes:
            found = find_person(ports, caller, identifier)
            if dry_run:
                _print_found(found, as_json=json)
                return 0
            if not _confirmed(len(found.traces)):
                print("Nothing was erased.", file=sys.stderr)
                return 3
        outcome = erase_person(ports, caller, identifier)
    if json:
        print_json(
            {
                "erased": [_erasure(e) for e in outcome.erased],
                "refused": [{**_trace(r.trace), "code": r.code} for r in outcome.refused],
                "complete": outcome.complete,
            }
        )
        return 0 if outcome.complete else 3
    for erasure in outcome.erased:
        kept = ", ".join(f"{p.key} {p.sha256}" for p in erasure.proofs if p.sha256 is not None) or "nothing"
        print_line(f"erased {erasure.kind} {erasure.id}: {erasure.removed.files} files; kept: {kept}")
    for refused in outcome.refused:
        print_line(f"refused {refused.trace.kind} {refused.trace.id}: {refused.code}")
    if not outcome.complete:
        print(INCOMPLETE, file=sys.stderr)
    return 0 if outcome.complete else 3


@contextmanager
def _acting_for(subscription: str) -> Iterator[tuple[Ports, OperatorCaller]]:
    from signroom import wiring
    from signroom.service.access.operators import act_for_subscription, this_operator

    with wiring.operating(installed_settings()) as ports:
        yield ports, act_for_subscription(ports, this_operator(), subscription)


def _confirmed(count: int) -> bool:
    if not sys.stdin.isatty():
        print("Say --yes to erase without being asked.", file=sys.stderr)
        return False
    return input(f"Erase {count} sessions and documents for good? Type yes: ").strip().lower() == "yes"


def _print_found(found: FoundPerson, *, as_json: bool) -> None:
    if as_json:
        print_json({"items": [_trace(t) for t in found.traces], "complete": found.complete})
        return
    for t in found.traces:
        print_line(f"{t.kind} {t.id} {t.status} {moment(t.created_at)}")
    if not found.complete:
        print(INCOMPLETE, file=sys.stderr)


def _trace(t: PersonTrace) -> dict[str, object]:
    return {
        "kind": t.kind,
        "id": str(t.id),
        "sessionId": None if t.session_id is None else str(t.session_id),
        "status": t.status,
        "createdAt": moment(t.created_at),
    }


def _erasure(e: Erasure) -> dict[str, object]:
    return {
        "kind": e.kind,
        "id": str(e.id),
        "erasedAt": moment(e.erased_at),
        "files": e.removed.files,
        "documents": [{"key": p.key, "sha256": p.sha256} for p in e.proofs],
    }
