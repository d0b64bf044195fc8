"""``/api/settings/webhooks``: who is told what happens, and what became of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import MediaType, Response, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.description import OptionalBody
from signroom.api.media import ANSWERS, require_json, require_json_or_nothing
from signroom.api.shapes import webhooks as shapes
from signroom.api.translation.commands import member, moment_of
from signroom.api.translation.cursors import Limit, cursor_of, position_of
from signroom.api.translation.models import seconds
from signroom.domain.application import MANAGERS
from signroom.domain.endpoint import EndpointAuth
from signroom.domain.errors import BadInput
from signroom.domain.webhook import PREVIOUS_LIFETIME, Attempt, Delivery, DeliveryStatus, Webhook
from signroom.ports.store import FAILING, DeliveryFilter, Position
from signroom.service.events.read_event import read_event_body
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import (
    LoggedDelivery,
    ReplayFailed,
    SetWebhook,
    change_webhook,
    create_webhook,
    list_tried,
    list_webhooks,
    pause_webhook,
    read_delivery,
    read_webhook,
    remove_webhook,
    replay_delivery,
    replay_failed,
    resume_webhook,
    rotate_secret,
    send_test,
)

_TAGS = ["Webhooks"]
_ANY_EVENT: Any = shapes.AnyEvent
_WEBHOOKS = "/api/settings/webhooks"
_WEBHOOK = f"{_WEBHOOKS}/{{webhook_id:str}}"
_DELIVERY = f"{_WEBHOOK}/deliveries/{{delivery_id:str}}"


@get(_WEBHOOKS, responses=ANSWERS, summary="List webhooks", tags=_TAGS)
async def list_all(ports: InjectedPorts, caller: InjectedCaller) -> shapes.WebhookList:
    """Addition. Needs the role Manager. Secrets are not shown."""
    found = await asyncio.to_thread(list_webhooks, ports, caller)
    return shapes.WebhookList(items=[_webhook(w) for w in found])


@post(
    _WEBHOOKS,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Create a webhook",
    tags=_TAGS,
)
async def create(data: shapes.WebhookRequest, ports: InjectedPorts, caller: InjectedCaller) -> shapes.NewWebhookModel:
    """Addition. Needs the role Manager. `signingSecret` is shown here and never again.

    Without `applicationId` it is told of every application of the subscription; without `eventTypes` of
    `DocumentSignatureCompleted`. `secret` is a password, a token or a key, by `auth`. With `forSessions` it has no
    `url`: what it signs goes where each session of the application says (`webhookUrl`).
    """
    caller.require(MANAGERS)  # before the body is judged
    made = await asyncio.to_thread(create_webhook, ports, caller, _command(data))
    return shapes.NewWebhookModel(webhook=_webhook(made.webhook), signing_secret=made.text)


@get(_WEBHOOK, responses=ANSWERS, summary="Read a webhook", tags=_TAGS)
async def read(webhook_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.WebhookModel:
    """Addition. Needs the role Manager."""
    return _webhook(await asyncio.to_thread(read_webhook, ports, caller, webhook_id))


@put(
    _WEBHOOK,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Change a webhook",
    tags=_TAGS,
)
async def change(
    webhook_id: UUID, data: shapes.WebhookRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.WebhookModel:
    """Addition. Needs the role Manager. What is left out is cleared; the signing secret stays.

    Without `secret` the one is kept that is stored for the same `url`, `auth` and `user`.
    """
    caller.require(MANAGERS)  # before the body is judged
    return _webhook(await asyncio.to_thread(change_webhook, ports, caller, webhook_id, _command(data)))


@delete(_WEBHOOK, status_code=204, responses=ANSWERS, summary="Delete a webhook", tags=_TAGS)
async def remove(webhook_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> None:
    """Addition. Needs the role Manager. Its deliveries go with it, also those that are on their way."""
    await asyncio.to_thread(remove_webhook, ports, caller, webhook_id)


@post(
    f"{_WEBHOOK}/rotate-secret",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json_or_nothing,
    operation_class=OptionalBody,
    summary="Rotate the signing secret of a webhook",
    tags=_TAGS,
)
async def rotate(
    webhook_id: UUID,
    ports: InjectedPorts,
    caller: InjectedCaller,
    data: shapes.RotateSecretRequest | None = None,
) -> shapes.NewWebhookModel:
    """Addition. Needs the role Manager. The new secret is shown here and never again.

    The one before signs beside it for `previousHours`: 24 unless given, 0 ends it at once.
    """
    hours = None if data is None else data.previous_hours
    keep = PREVIOUS_LIFETIME if hours is None else timedelta(hours=hours)
    made = await asyncio.to_thread(rotate_secret, ports, caller, webhook_id, keep)
    return shapes.NewWebhookModel(webhook=_webhook(made.webhook), signing_secret=made.text)


@post(f"{_WEBHOOK}/pause", status_code=200, responses=ANSWERS, summary="Pause a webhook", tags=_TAGS)
async def pause(webhook_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.WebhookModel:
    """Addition. Needs the role Manager. What would be sent is held until it is resumed."""
    return _webhook(await asyncio.to_thread(pause_webhook, ports, caller, webhook_id))


@post(f"{_WEBHOOK}/resume", status_code=200, responses=ANSWERS, summary="Resume a webhook", tags=_TAGS)
async def resume(webhook_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.WebhookModel:
    """Addition. Needs the role Manager. What was held is sent, oldest first, five a second."""
    return _webhook(await asyncio.to_thread(resume_webhook, ports, caller, webhook_id))


@post(f"{_WEBHOOK}/test", status_code=200, responses=ANSWERS, summary="Send a test event", tags=_TAGS)
async def test(webhook_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.DeliveryModel:
    """Addition. Needs the role Manager. `WebhookTested` goes to this webhook alone, once, also while it is paused."""
    return _delivery(await asyncio.to_thread(send_test, ports, caller, webhook_id))


@get(f"{_WEBHOOK}/deliveries", responses=ANSWERS, summary="List the deliveries of a webhook", tags=_TAGS)
async def deliveries(
    webhook_id: UUID,
    ports: InjectedPorts,
    caller: InjectedCaller,
    status: Annotated[str | None, Parameter(schema_extra={"enum": [*DeliveryStatus, FAILING]})] = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> shapes.DeliveryList:
    """Addition. Needs the role Manager. Newest first; `nextCursor` leads to the next page.

    `status=Failing` finds those that are still tried after a try that failed. Their own `status` is `Pending`.
    """
    failing = status is not None and status.lower() == FAILING.lower()
    wanted = DeliveryFilter(
        webhook_id=webhook_id,
        status=None if status is None or failing else member(DeliveryStatus, status, "?status"),
        before=position_of(cursor),
        failing=failing,
    )
    found = await asyncio.to_thread(list_tried, ports, caller, wanted, limit + 1)
    page = found[:limit]
    last = Position(page[-1].delivery.created_at, page[-1].delivery.id) if len(found) > limit else None
    items = [_delivery(one.delivery, *one.attempts) for one in page]
    return shapes.DeliveryList(items=items, next_cursor=cursor_of(last))


@get(_DELIVERY, responses=ANSWERS, summary="Read a delivery and its attempts", tags=_TAGS)
async def delivery(
    webhook_id: UUID, delivery_id: UUID, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.LoggedDeliveryModel:
    """Addition. Needs the role Manager. Of each answer the first 1024 bytes are kept."""
    found = await asyncio.to_thread(read_delivery, ports, caller, webhook_id, delivery_id)
    return shapes.LoggedDeliveryModel(
        delivery=_delivery(found.delivery, *found.attempts[-1:]), attempts=[_attempt(a) for a in found.attempts]
    )


@post(f"{_DELIVERY}/replay", status_code=200, responses=ANSWERS, summary="Replay a delivery", tags=_TAGS)
async def replay(
    webhook_id: UUID, delivery_id: UUID, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.DeliveryModel:
    """Addition. Needs the role Manager. The same event under the same `webhook-id`, as a delivery of its own.

    One that is still `Pending` is tried now instead.
    """

    def answer() -> LoggedDelivery:
        replayed = replay_delivery(ports, caller, webhook_id, delivery_id)
        return read_delivery(ports, caller, webhook_id, replayed.id)

    found = await asyncio.to_thread(answer)
    return _delivery(found.delivery, *found.attempts[-1:])


@post(
    f"{_WEBHOOK}/replay-failed",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json_or_nothing,
    operation_class=OptionalBody,
    summary="Replay what failed",
    tags=_TAGS,
)
async def replay_all(
    webhook_id: UUID,
    ports: InjectedPorts,
    caller: InjectedCaller,
    data: shapes.ReplayFailedRequest | None = None,
) -> shapes.ReplayedModel:
    """Addition. Needs the role Manager. Every delivery that is `Failed`, oldest first, five a second.

    With `failing` also those that were refused and are still tried; with `since` only what was made then or later.
    """
    wanted = ReplayFailed() if data is None else ReplayFailed(data.failing or False, moment_of(data.since, "since"))
    done = await asyncio.to_thread(replay_failed, ports, caller, webhook_id, wanted)
    return shapes.ReplayedModel(count=done.count, failing=done.failing)


@get(
    "/api/events/{event_id:str}",
    responses={
        **ANSWERS,
        200: ResponseSpec(
            _ANY_EVENT,
            generate_examples=False,
            description="The body that its webhooks get.",
        ),
    },
    summary="Read an event",
    tags=["Events"],
)
async def read_event(event_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> Response[bytes]:
    """Addition. As a webhook would say it now: the state, and download addresses, are fresh."""
    body = await asyncio.to_thread(read_event_body, ports, caller, event_id)
    return Response(body, media_type=MediaType.JSON)


def _command(data: shapes.WebhookRequest) -> SetWebhook:
    """Raises: BadInput."""
    endpoint = None
    if data.url:
        auth = member(EndpointAuth, data.auth or EndpointAuth.NONE, "auth")
        endpoint = GivenEndpoint(data.url, auth, data.user or None, data.secret or None)
    elif data.auth or data.user or data.secret:
        raise BadInput("auth, user and secret belong to a url.", path="url")
    if endpoint is not None and data.for_sessions:
        raise BadInput("A webhook for sessions has no url: each session says its own.", path="url")
    return SetWebhook(
        endpoint,
        data.application_id,
        data.event_types or (),
        data.description or None,
        for_sessions=data.for_sessions or False,
    )


def _webhook(w: Webhook) -> shapes.WebhookModel:
    e = w.endpoint
    return shapes.WebhookModel(
        id=w.id,
        application_id=w.application_id,
        url=None if e is None else e.url,
        auth=EndpointAuth.NONE.value if e is None else e.auth.value,
        user=None if e is None else e.user,
        has_secret=e is not None and e.sealed_secret is not None,
        event_types=list(w.event_types),
        description=w.description,
        created_at=w.created_at.replace(microsecond=0),
        previous_secret_until=seconds(w.previous_until),
        failing_since=seconds(w.failing_since),
        paused_at=seconds(w.paused_at),
    )


def _delivery(d: Delivery, last: Attempt | None = None) -> shapes.DeliveryModel:
    """`last`: its last try, when there was one."""
    return shapes.DeliveryModel(
        id=d.id,
        webhook_id=d.webhook_id,
        event_id=d.event_id,
        event_type=d.event_type,
        session_id=d.session_id,
        document_id=d.document_id,
        status=d.status.value,
        tries=d.tries,
        last_status_code=None if last is None else last.status_code,
        last_error=None if last is None else last.error,
        created_at=d.created_at.replace(microsecond=0),
        next_try_at=seconds(d.due_at) if d.status is DeliveryStatus.PENDING else None,
        settled_at=seconds(d.settled_at),
    )


def _attempt(a: Attempt) -> shapes.AttemptModel:
    return shapes.AttemptModel(
        number=a.number,
        at=a.at.replace(microsecond=0),
        milliseconds=a.milliseconds,
        status_code=a.status_code,
        error=a.error,
        answer=None if a.answer is None else a.answer.decode("utf-8", "replace"),
    )
