"""``/api/settings/audit-log``: who changed what in a subscription."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import member, moment_of
from signroom.api.translation.cursors import Limit, event_cursor, event_position
from signroom.api.translation.models import seconds
from signroom.domain.audit import Action, Change
from signroom.ports.store import ChangeFilter
from signroom.service.subscriptions.read_audit_log import read_audit_log


@get("/api/settings/audit-log", responses=ANSWERS, summary="Read the audit log", tags=["Settings"])
async def read(
    ports: InjectedPorts,
    caller: InjectedCaller,
    after: Annotated[str | None, Parameter(description="`next` of the answer before.")] = None,
    limit: Limit = 50,
    action: Annotated[str | None, Parameter(schema_extra={"enum": sorted(Action)})] = None,
    subject_id: Annotated[UUID | None, Parameter(query="subjectId")] = None,
    key_id: Annotated[UUID | None, Parameter(query="keyId")] = None,
    since: datetime | None = None,
) -> shapes.ChangeList:
    """Addition. Needs the role Manager. Every change of the subscription's settings, newest first."""
    kind = member(Action, action, "?action") if action else None
    wanted = ChangeFilter(kind, subject_id, key_id, moment_of(since, "?since"))
    found = await asyncio.to_thread(read_audit_log, ports, caller, event_position(after), limit + 1, wanted)
    page = found[:limit]
    more = len(found) > limit
    return shapes.ChangeList(items=[_change(c) for c in page], next=event_cursor(page[-1].position) if more else None)


def _change(c: Change) -> shapes.ChangeModel:
    return shapes.ChangeModel(
        id=c.id,
        created_at=seconds(c.at),
        actor=c.actor,
        key_id=c.key_id,
        action=c.action,
        subject_id=c.subject_id,
        before=dict(c.before),
        after=dict(c.after),
    )
