"""``signroom audit``: who changed what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from cyclopts import App

from signroom.cli.acting import acting_for
from signroom.cli.configuration import installed_settings
from signroom.cli.printing import moment, print_json, print_line

if TYPE_CHECKING:
    from signroom.domain.audit import Change, Facts

audit = App(name="audit", help="Who changed what.")


@audit.command(name="list")
def list_changes(
    *,
    subscription: str | None = None,
    action: str | None = None,
    subject: UUID | None = None,
    since: datetime | None = None,
    limit: int = 50,
    json: bool = False,
) -> None:
    """Print changes, newest first: when, who, what, before and after.

    Args:
        subscription: name of the subscription; without it what was done with the whole installation, like a backup
        action: one kind only, like ApiKeyRevoked
        subject: of one thing only, by its id
        since: nothing from before that, like 2027-01-31 (UTC)
        limit: at most so many
        json: print a JSON list instead of text
    """
    from signroom.domain.audit import Action
    from signroom.domain.errors import BadInput
    from signroom.ports.store import ChangeFilter
    from signroom.service.subscriptions.read_audit_log import read_audit_log, read_installation_log
    from signroom.wiring import managing

    if action is not None and action not in set(Action):
        raise BadInput(f"The action is one of {', '.join(sorted(Action))}.")
    begin = None if since is None else since.replace(tzinfo=since.tzinfo or UTC)
    wanted = ChangeFilter(None if action is None else Action(action), subject, None, begin)
    if subscription is None:
        with managing(installed_settings()) as ports:
            found = read_installation_log(ports, limit, wanted)
    else:
        with acting_for(subscription) as (ports, caller):
            found = read_audit_log(ports, caller, None, limit, wanted)
    if json:
        print_json([_entry(change) for change in found])
        return
    for change in found:
        told = f"{_text(change.before)} -> {_text(change.after)}" if change.before else _text(change.after)
        print_line(f"{moment(change.at)} {change.actor}: {change.action} {change.subject_id} {told}")


def _entry(c: Change) -> dict[str, object]:
    return {
        "at": moment(c.at),
        "actor": c.actor,
        "keyId": None if c.key_id is None else str(c.key_id),
        "action": c.action,
        "subjectId": str(c.subject_id),
        "before": dict(c.before),
        "after": dict(c.after),
    }


def _text(facts: Facts) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
