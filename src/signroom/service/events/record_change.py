"""Write a change into the audit log. In the transaction that makes it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from signroom.domain.application import ApplicationCaller, Caller
from signroom.domain.audit import NOTHING, Action, Change, Facts, differing
from signroom.ports.store import Work


def record_change(
    work: Work,
    caller: Caller,
    action: Action,
    subject_id: UUID,
    now: datetime,
    *,
    before: Facts = NOTHING,
    after: Facts = NOTHING,
) -> None:
    """Who did what to which thing, with what differs before and after."""
    then, since = differing(before, after)
    key_id = caller.key_id if isinstance(caller, ApplicationCaller) else None
    work.audit_log.add(
        Change(uuid4(), now, caller.subscription_id, caller.name, key_id, action, subject_id, then, since)
    )


def record_making(
    work: Work,
    actor: str,
    action: Action,
    subject_id: UUID,
    now: datetime,
    *,
    subscription_id: UUID | None,
    before: Facts = NOTHING,
    after: Facts = NOTHING,
) -> None:
    """What an operator, by his name, has made that no caller of a subscription could make.

    `subscription_id` None: with the whole installation.
    """
    then, since = differing(before, after)
    work.audit_log.add(Change(uuid4(), now, subscription_id, actor, None, action, subject_id, then, since))
