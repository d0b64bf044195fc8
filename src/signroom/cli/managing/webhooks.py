"""``signroom webhooks``: who is told what happens, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for
from signroom.cli.printing import Json, OfSubscription, moment, tell

if TYPE_CHECKING:
    from signroom.domain.webhook import Attempt, Delivery, Webhook

AuthName = Literal["None", "Basic", "Bearer", "ApiKey"]
StatusName = Literal["Pending", "Delivered", "Failed", "Held", "Failing"]
_PAGE = 100
_NONE_GIVEN_UP = (
    "None was given up; {} were refused and are still being tried (replay WEBHOOK --failing tries them now)."
)
Id = Annotated[UUID, Parameter(help="id of the webhook")]

webhooks = App(name="webhooks", help="Endpoints of applications that are told what happens.")


@webhooks.command(name="create")
def create_webhook(
    url: str | None = None,
    *,
    subscription: str,
    application: str | None = None,
    for_sessions: Annotated[bool, Parameter(negative=())] = False,
    event: Annotated[list[str] | None, Parameter(negative=())] = None,
    auth: AuthName = "None",
    user: str | None = None,
    secret: Annotated[str | None, Parameter(env_var="SIGNROOM_ENDPOINT_SECRET")] = None,
    description: str | None = None,
    json: Json = False,
) -> None:
    """Make a webhook. Its signing secret is printed here, once.

    Args:
        url: address of the endpoint; none with --for-sessions
        subscription: name of the subscription
        application: name of one of its applications; without it the events of all are sent
        for_sessions: instead of an address: sign what goes to the webhookUrl of the application's sessions
        event: type of event, like SessionExpired; may be given several times (default: DocumentSignatureCompleted)
        auth: how we say there who we are; ApiKey is the header X-Api-Key
        user: for Basic
        secret: password, token or key; better in the environment, SIGNROOM_ENDPOINT_SECRET
        description: what it is for
    """
    from signroom.domain.endpoint import EndpointAuth
    from signroom.domain.errors import BadInput
    from signroom.service.subscriptions.manage_applications import find_application
    from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
    from signroom.service.webhooks.manage_webhooks import SetWebhook
    from signroom.service.webhooks.manage_webhooks import create_webhook as create

    with acting_for(subscription) as (ports, caller):
        owner = None if application is None else find_application(ports, caller, application).id
        if for_sessions and url is not None:
            raise BadInput("A webhook for sessions has no url: each session says its own.")
        endpoint = None if url is None else GivenEndpoint(url, EndpointAuth(auth), user, secret)
        wanted = SetWebhook(endpoint, owner, event or (), description, for_sessions=for_sessions)
        made = create(ports, caller, wanted)
    facts = {**_facts(made.webhook), "signingSecret": made.text}
    tell(facts, str(made.webhook.id), f"signing secret: {made.text}", as_json=json)


@webhooks.command(name="list")
def list_webhooks(*, subscription: OfSubscription, json: Json = False) -> None:
    """Print the webhooks of a subscription, one per line."""
    from signroom.service.webhooks.manage_webhooks import list_webhooks as find

    with acting_for(subscription) as (ports, caller):
        found = find(ports, caller)
    lines = (f"{webhook.id} {_address(webhook)} {_state(webhook)}" for webhook in found)
    tell([_facts(webhook) for webhook in found], *lines, as_json=json)


@webhooks.command(name="show")
def show_webhook(webhook: Id, *, subscription: OfSubscription, json: Json = False) -> None:
    """Print a webhook; of its secrets only whether there are any."""
    from signroom.service.webhooks.manage_webhooks import read_webhook

    with acting_for(subscription) as (ports, caller):
        _print_webhook(read_webhook(ports, caller, webhook), as_json=json)


@webhooks.command(name="delete")
def delete_webhook(webhook: Id, *, subscription: OfSubscription, json: Json = False) -> None:
    """Remove a webhook with its deliveries, also those that are on their way."""
    from signroom.service.webhooks.manage_webhooks import remove_webhook

    with acting_for(subscription) as (ports, caller):
        remove_webhook(ports, caller, webhook)
    tell({"id": str(webhook), "deleted": True}, as_json=json)


@webhooks.command(name=("rotate", "rotate-secret"))
def rotate(webhook: UUID, *, subscription: str, previous_hours: int = 24, json: Json = False) -> None:
    """Make a new signing secret and print it, once.

    Args:
        webhook: id of the webhook
        subscription: name of the subscription
        previous_hours: how long the secret before signs beside it; 0 ends it at once
    """
    from signroom.service.webhooks.manage_webhooks import rotate_secret

    with acting_for(subscription) as (ports, caller):
        made = rotate_secret(ports, caller, webhook, timedelta(hours=previous_hours))
    facts = {**_facts(made.webhook), "signingSecret": made.text}
    tell(facts, f"signing secret: {made.text}", as_json=json)


@webhooks.command(name="pause")
def pause(webhook: Id, *, subscription: OfSubscription, json: Json = False) -> None:
    """Hold what would be sent, until it is resumed."""
    from signroom.service.webhooks.manage_webhooks import pause_webhook

    with acting_for(subscription, jobs=True) as (ports, caller):
        _print_webhook(pause_webhook(ports, caller, webhook), as_json=json)


@webhooks.command(name="resume")
def resume(webhook: Id, *, subscription: OfSubscription, json: Json = False) -> None:
    """Send what was held, oldest first, five a second."""
    from signroom.service.webhooks.manage_webhooks import resume_webhook

    with acting_for(subscription, jobs=True) as (ports, caller):
        _print_webhook(resume_webhook(ports, caller, webhook), as_json=json)


@webhooks.command(name="test")
def try_out(webhook: Id, *, subscription: OfSubscription, json: Json = False) -> None:
    """Send a test event, once; a running service does it."""
    from signroom.service.webhooks.manage_webhooks import send_test

    with acting_for(subscription, jobs=True) as (ports, caller):
        sent = send_test(ports, caller, webhook)
    tell(_delivery_facts(sent), str(sent.id), as_json=json)


@webhooks.command(name="deliveries")
def deliveries(
    webhook: UUID,
    delivery: UUID | None = None,
    *,
    subscription: str,
    status: StatusName | None = None,
    json: Json = False,
) -> None:
    """Print the hundred newest deliveries of a webhook with their last status; with the id of one its attempts.

    Args:
        webhook: id of the webhook
        delivery: id of one of its deliveries
        subscription: name of the subscription
        status: only those of this status; Failed: given up; Failing: refused, and still tried
    """
    from signroom.domain.webhook import DeliveryStatus
    from signroom.ports.store import FAILING, DeliveryFilter
    from signroom.service.webhooks.manage_webhooks import list_tried, read_delivery

    with acting_for(subscription) as (ports, caller):
        if delivery is not None:
            attempts = read_delivery(ports, caller, webhook, delivery).attempts
            tell([_attempt_facts(one) for one in attempts], *map(_attempt_line, attempts), as_json=json)
            return
        if status == FAILING:
            wanted = DeliveryFilter(webhook, failing=True)
        else:
            wanted = DeliveryFilter(webhook, None if status is None else DeliveryStatus(status))
        found = list_tried(ports, caller, wanted, _PAGE)
    facts = [_delivery_facts(one.delivery, *one.attempts) for one in found]
    tell(facts, *(_delivery_line(one.delivery, *one.attempts) for one in found), as_json=json)


@webhooks.command(name="replay")
def replay(
    webhook: UUID,
    delivery: UUID | None = None,
    *,
    subscription: str,
    failing: Annotated[bool, Parameter(negative=())] = False,
    since: datetime | None = None,
    json: Json = False,
) -> None:
    """Send the event of a delivery again, or everything that failed; a running service does it.

    Args:
        webhook: id of the webhook
        delivery: id of one of its deliveries; without it all that are Failed are sent
        subscription: name of the subscription
        failing: also those that were refused and are still tried
        since: only deliveries that were made then or later, like 2027-01-31T08:00 (UTC)
    """
    from signroom.domain.errors import BadInput
    from signroom.service.webhooks.manage_webhooks import ReplayFailed, replay_delivery, replay_failed

    with acting_for(subscription, jobs=True) as (ports, caller):
        if delivery is None:
            done = replay_failed(ports, caller, webhook, ReplayFailed(failing, None if since is None else _utc(since)))
            lines = [str(done.count)]
            if not done.count and not failing:
                lines.append(_NONE_GIVEN_UP.format(done.failing))
            # `deliveries` is the name that this command had before.
            facts = {"count": done.count, "failing": done.failing, "deliveries": done.count}
            tell(facts, *lines, as_json=json)
        elif failing or since is not None:
            raise BadInput("--failing and --since are for all deliveries of a webhook: name none.")
        else:
            again = replay_delivery(ports, caller, webhook, delivery)
            tell(_delivery_facts(again), _delivery_line(again), as_json=json)


def _print_webhook(webhook: Webhook, *, as_json: bool) -> None:
    lines, endpoint = [f"url: {_address(webhook)}"], webhook.endpoint
    if endpoint is not None:
        user = "" if endpoint.user is None else f", user {endpoint.user}"
        secret = "" if endpoint.sealed_secret is None else ", secret set"
        lines.append(f"auth: {endpoint.auth}{user}{secret}")
    lines.append(f"application: {webhook.application_id or 'all'}")
    lines.append(f"events: {', '.join(webhook.event_types)}")
    lines.append(f"state: {_state(webhook)}")
    tell(_facts(webhook), *lines, as_json=as_json)


def _facts(webhook: Webhook) -> dict[str, object]:
    """As the API shows it, without secrets. A name that ends in "On" is one that this command had before."""
    endpoint = webhook.endpoint
    return {
        "id": str(webhook.id),
        "url": None if endpoint is None else endpoint.url,
        "auth": None if endpoint is None else endpoint.auth.value,
        "user": None if endpoint is None else endpoint.user,
        "hasSecret": endpoint is not None and endpoint.sealed_secret is not None,
        "applicationId": None if webhook.application_id is None else str(webhook.application_id),
        "eventTypes": list(webhook.event_types),
        "description": webhook.description,
        "createdAt": moment(webhook.created_at),
        "previousSecretUntil": moment(webhook.previous_until),
        "failingSince": moment(webhook.failing_since),
        "pausedAt": moment(webhook.paused_at),
        "createdOn": moment(webhook.created_at),
        "pausedOn": moment(webhook.paused_at),
    }


def _address(webhook: Webhook) -> str:
    return "where each session says" if webhook.endpoint is None else webhook.endpoint.url


def _state(webhook: Webhook) -> str:
    if webhook.paused_at is not None:
        return f"paused since {moment(webhook.paused_at)}"
    return "active" if webhook.failing_since is None else f"failing since {moment(webhook.failing_since)}"


def _delivery_line(delivery: Delivery, last: Attempt | None = None) -> str:
    made, following = moment(delivery.created_at), moment(_next_try(delivery))
    line = f"{delivery.id} {made} {delivery.event_type} {delivery.status} {delivery.tries} tries"
    answered = "" if last is None else f", last: {_result(last)}"
    return f"{line}{answered}" if following is None else f"{line}{answered}, next: {following}"


def _delivery_facts(delivery: Delivery, last: Attempt | None = None) -> dict[str, object]:
    """As the API shows it. A name that ends in "On" is one that this command had before."""
    made, settled, following = delivery.created_at, delivery.settled_at, _next_try(delivery)
    return {
        "id": str(delivery.id),
        "webhookId": str(delivery.webhook_id),
        "eventId": str(delivery.event_id),
        "eventType": delivery.event_type,
        "sessionId": None if delivery.session_id is None else str(delivery.session_id),
        "documentId": None if delivery.document_id is None else str(delivery.document_id),
        "status": delivery.status.value,
        "tries": delivery.tries,
        "lastStatusCode": None if last is None else last.status_code,
        "lastError": None if last is None else last.error,
        "createdAt": moment(made),
        "nextTryAt": moment(following),
        "settledAt": moment(settled),
        "createdOn": moment(made),
        "nextTryOn": moment(following),
        "settledOn": moment(settled),
    }


def _utc(given: datetime) -> datetime:
    """A time without a zone is one of UTC."""
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)


def _next_try(delivery: Delivery) -> datetime | None:
    from signroom.domain.webhook import DeliveryStatus

    return delivery.due_at if delivery.status is DeliveryStatus.PENDING else None


def _result(attempt: Attempt) -> str:
    return str(attempt.status_code) if attempt.error is None else attempt.error


def _answer(attempt: Attempt) -> str | None:
    """As the API shows it."""
    return None if attempt.answer is None else attempt.answer.decode("utf-8", "replace")


def _attempt_line(attempt: Attempt) -> str:
    answer = _answer(attempt)
    line = f"{attempt.number} {moment(attempt.at)} {attempt.milliseconds} ms {_result(attempt)}"
    return f"{line} {answer}" if answer else line


def _attempt_facts(attempt: Attempt) -> dict[str, object]:
    return {
        "number": attempt.number,
        "at": moment(attempt.at),
        "milliseconds": attempt.milliseconds,
        "statusCode": attempt.status_code,
        "error": attempt.error,
        "answer": _answer(attempt),
    }
