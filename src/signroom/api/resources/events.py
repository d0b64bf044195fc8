"""``/api/events``: the event feed."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts, InjectedWaits
from signroom.api.media import ANSWERS
from signroom.api.shapes import contract as shapes
from signroom.api.translation.cursors import event_cursor, event_position
from signroom.api.translation.models import event_model
from signroom.domain.event import TYPES
from signroom.http.callers.hang_up import while_connected
from signroom.ports.store import EventFilter
from signroom.service.events.read_events import MAX_WAIT, ReadEvents, read_events


@get("/api/events", responses=ANSWERS, summary="Read the event feed", tags=["Events"])
async def read(
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    waits: InjectedWaits,
    caller: InjectedCaller,
    after: Annotated[
        str | None, Parameter(description="`next` of the answer before; without it: from the oldest.")
    ] = None,
    limit: Annotated[int, Parameter(ge=1, le=500, description="Events in an answer.")] = 100,
    wait: Annotated[int, Parameter(ge=0, le=MAX_WAIT, description="Seconds to wait when there is nothing new.")] = 0,
    type: Annotated[str | None, Parameter(schema_extra={"enum": sorted(TYPES)})] = None,
    session_id: Annotated[UUID | None, Parameter(query="sessionId")] = None,
    application_id: Annotated[UUID | None, Parameter(query="applicationId")] = None,
) -> shapes.EventList:
    """Addition. Every fact of the subscription, once, in the order in which it became known; none is ever skipped.

    Ask again with `next` as `after`, for ever: it is always given. Events are kept for 30 days at least. When `after`
    is older than that the answer is 422 `EventsPurged`: begin again without `after`.
    """
    wanted = EventFilter(type or None, session_id, application_id)
    command = ReadEvents(event_position(after), limit, wanted, wait)
    with waits.taken(caller) if wait else nullcontext():
        found = await while_connected(request, read_events(ports, caller, command))
    return shapes.EventList(events=[event_model(e) for e in found.events], next=event_cursor(found.next))
