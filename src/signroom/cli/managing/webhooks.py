"""``signroom webhooks``: who is told what happens, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for
from signroom.cli.printing import print_line

if TYPE_CHECKING:
    from signroom.domain.webhook import Delivery, Webhook

AuthName = Literal["None", "Basic", "Bearer", "ApiKey"]
StatusName = Literal["Pending", "Delivered", "Failed", "Held"]
_PAGE = 100

webhooks = App(name="webhooks", help="Endpoints of applications that are told what happens.")


@webhooks.command(name="create")
def create_webhook(
    url: str,
    *,
    subscription: str,
    application: str | None = None,
    event: Annotated[list[str] | None, Parameter(negative=())] = None,
    auth: AuthName = "None",
    user: str | None = None,
    secret: Annotated[str | None, Parameter(env_var="SIGNROOM_ENDPOINT_SECRET")] = None,
    description: str | None = None,
) -> None:
    """Make a webhook. Its signing secret is printed here, once.

    Parameters
    ----------
    url: address of the endpoint
    subscription: name of the subscription
    application: name of one of its applications; without it the events of all are sent
    event: type of event, like SessionExpired; may be given several times (default: DocumentSignatureCompleted)
    auth: how we say there who we are; ApiKey is the header X-Api-Key
    user: for Basic
    secret: password, token or key; better in the environment, SIGNROOM_ENDPOINT_SECRET
    description: what it is for
    """
    from signroom.domain.endpoint import EndpointAuth
    from signroom.service.subscriptions.manage_applications import find_application
    from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
    from signroom.service.webhooks.manage_webhooks import SetWebhook
    from signroom.service.webhooks.manage_webhooks import create_webhook as create

    with acting_for(subscription) as (ports, caller):
        owner = None if application is None else find_application(ports, caller, application).id
        endpoint = GivenEndpoint(url, EndpointAuth(auth), user, secret)
        made = create(ports, caller, SetWebhook(endpoint, owner, event or (), description))
    print(made.webhook.id)
    print(f"signing secret: {made.text}")


@webhooks.command(name="list")
def list_webhooks(*, subscription: str) -> None:
    """Print the webhooks of a subscription, one per line."""
    from signroom.service.webhooks.manage_webhooks import list_webhooks as find

    with acting_for(subscription) as (ports, caller):
        for webhook in find(ports, caller):
            print_line(f"{webhook.id} {_address(webhook)} {_state(webhook)}")


@webhooks.command(name="show")
def show_webhook(webhook: UUID, *, subscription: str) -> None:
    """Print a webhook; of its secrets only whether there are any."""
    from signroom.service.webhooks.manage_webhooks import read_webhook

    with acting_for(subscription) as (ports, caller):
        _print_webhook(read_webhook(ports, caller, webhook))


@webhooks.command(name="delete")
def delete_webhook(webhook: UUID, *, subscription: str) -> None:
    """Remove a webhook with its deliveries, also those that are on their way."""
    from signroom.service.webhooks.manage_webhooks import remove_webhook

    with acting_for(subscription) as (ports, caller):
        remove_webhook(ports, caller, webhook)


@webhooks.command(name="rotate")
def rotate(webhook: UUID, *, subscription: str, previous_hours: int = 24) -> None:
    """Make a new signing secret and print it, once.

    Parameters
    ----------
    webhook: id of the webhook
    subscription: name of the subscription
    previous_hours: how long the secret before signs beside it; 0 ends it at once
    """
    from signroom.service.webhooks.manage_webhooks import rotate_secret

    with acting_for(subscription) as (ports, caller):
        made = rotate_secret(ports, caller, webhook, timedelta(hours=previous_hours))
    print(f"signing secret: {made.text}")


@webhooks.command(name="pause")
def pause(webhook: UUID, *, subscription: str) -> None:
    """Hold what would be sent, until it is resumed."""
    from signroom.service.webhooks.manage_webhooks import pause_webhook

    with acting_for(subscription, jobs=True) as (ports, caller):
        _print_webhook(pause_webhook(ports, caller, webhook))


@webhooks.command(name="resume")
def resume(webhook: UUID, *, subscription: str) -> None:
    """Send what was held, oldest first, five a second."""
    from signroom.service.webhooks.manage_webhooks import resume_webhook

    with acting_for(subscription, jobs=True) as (ports, caller):
        _print_webhook(resume_webhook(ports, caller, webhook))


@webhooks.command(name="test")
def test(webhook: UUID, *, subscription: str) -> None:
    """Send a test event, once; a running service does it."""
    from signroom.service.webhooks.manage_webhooks import send_test

    with acting_for(subscription, jobs=True) as (ports, caller):
        print(send_test(ports, caller, webhook).id)


@webhooks.command(name="deliveries")
def deliveries(
    webhook: UUID, delivery: UUID | None = None, *, subscription: str, status: StatusName | None = None
) -> None:
    """Print the hundred newest deliveries of a webhook; with the id of one its attempts.

    Parameters
    ----------
    webhook: id of the webhook
    delivery: id of one of its deliveries
    subscription: name of the subscription
    status: only those of this status
    """
    from signroom.domain.webhook import DeliveryStatus
    from signroom.ports.store import DeliveryFilter
    from signroom.service.webhooks.manage_webhooks import list_deliveries, read_delivery

    with acting_for(subscription) as (ports, caller):
        if delivery is not None:
            for attempt in read_delivery(ports, caller, webhook, delivery).attempts:
                result = attempt.status_code if attempt.error is None else attempt.error
                print_line(f"{attempt.number} {_time(attempt.at)} {attempt.milliseconds} ms {result}")
            return
        wanted = DeliveryFilter(webhook, None if status is None else DeliveryStatus(status))
        for found in list_deliveries(ports, caller, wanted, _PAGE):
            _print_delivery(found)


@webhooks.command(name="replay")
def replay(webhook: UUID, delivery: UUID | None = None, *, subscription: str) -> None:
    """Send the event of a delivery again, or everything that failed; a running service does it.

    Parameters
    ----------
    webhook: id of the webhook
    delivery: id of one of its deliveries; without it all that failed are sent
    subscription: name of the subscription
    """
    from signroom.service.webhooks.manage_webhooks import replay_delivery, replay_failed

    with acting_for(subscription, jobs=True) as (ports, caller):
        if delivery is None:
            print(replay_failed(ports, caller, webhook))
        else:
            _print_delivery(replay_delivery(ports, caller, webhook, delivery))


def _print_webhook(webhook: Webhook) -> None:
    endpoint = webhook.endpoint
    print_line(f"url: {_address(webhook)}")
    if endpoint is not None:
        user = "" if endpoint.user is None else f", user {endpoint.user}"
        secret = "" if endpoint.sealed_secret is None else ", secret set"
        print(f"auth: {endpoint.auth}{user}{secret}")
    print(f"application: {webhook.application_id or 'all'}")
    print(f"events: {', '.join(webhook.event_types)}")
    print(f"state: {_state(webhook)}")


def _address(webhook: Webhook) -> str:
    return "where each session says" if webhook.endpoint is None else webhook.endpoint.url


def _state(webhook: Webhook) -> str:
    if webhook.paused_at is not None:
        return f"paused since {_time(webhook.paused_at)}"
    return "active" if webhook.failing_since is None else f"failing since {_time(webhook.failing_since)}"


def _print_delivery(delivery: Delivery) -> None:
    print(f"{delivery.id} {_time(delivery.created_at)} {delivery.event_type} {delivery.status} {delivery.tries} tries")


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
