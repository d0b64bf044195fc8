"""``signroom subscriptions`` and ``signroom applications``: tenants, and what they run."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for, acting_for_application
from signroom.cli.configuration import settings_for_rows

RoleName = Literal["Worker", "Manager", "Admin", "Monitor"]

applications = App(name="applications", help="Applications of a subscription.")
subscriptions = App(name="subscriptions", help="Subscriptions (tenants).")


@subscriptions.command(name="create")
def create_subscription(name: str) -> None:
    """Make a subscription: the wall between tenants."""
    from signroom import wiring
    from signroom.service.access.operators import this_operator
    from signroom.service.subscriptions.manage_applications import create_subscription as create

    with wiring.managing(settings_for_rows()) as ports:
        subscription = create(ports, this_operator(), name)
    print(f"{subscription.id} {subscription.name}")


@subscriptions.command(name="retention")
def subscription_retention(
    name: str, *, days: int | None = None, keep: Annotated[bool, Parameter(negative=())] = False
) -> int:
    """Print how long signed documents of a subscription are kept, or set it.

    It holds for documents that are completed from then on.

    Parameters
    ----------
    name: name of the subscription
    days: remove files that many days after they were signed
    keep: keep them until somebody removes them
    """
    import sys

    from signroom.service.subscriptions.manage_retention import read_retention, set_retention

    if days is not None and keep:
        print("signroom: --days and --keep exclude each other.", file=sys.stderr)
        return 2
    with acting_for(name) as (ports, caller):
        reads = days is None and not keep
        kept = read_retention(ports, caller) if reads else set_retention(ports, caller, days)
    print("signed documents are kept" + ("" if kept is None else f" for {kept} days"))
    return 0


@applications.command(name="create")
def create_application(
    name: str, *, subscription: str, role: Annotated[list[RoleName] | None, Parameter(negative=())] = None
) -> None:
    """Make an application of a subscription.

    Parameters
    ----------
    name: unique in its subscription; it is the part before the pipe in its keys, and signers read it on the page
    subscription: name of the subscription that it belongs to
    role: what keys may do that are made by API; may be given several times
    """
    from signroom.domain.application import Role
    from signroom.service.subscriptions.manage_applications import create_application as create

    with acting_for(subscription) as (ports, caller):
        application = create(ports, caller, name, map(Role, role or ()))
    print(f"{application.id} {application.name}")


@applications.command(name="return-urls")
def set_return_urls(name: str, *urls: str, subscription: str | None = None) -> None:
    """Say where sessions of an application may return to. Without any URL: anywhere.

    Parameters
    ----------
    name: name of the application
    urls: addresses; a session's returnUrl must lie below one of them
    subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import set_return_urls as change

    with acting_for_application(name, subscription) as (ports, caller, application):
        for url in change(ports, caller, application.id, urls).return_urls:
            print(url)


@applications.command(name="frame-origins")
def set_frame_origins(name: str, *origins: str, subscription: str | None = None) -> None:
    """Say whose pages may show an application's sessions in a frame. Without any origin: nobody's.

    Parameters
    ----------
    name: name of the application
    origins: like https://app.example; in a frame the page takes no key file
    subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import set_frame_origins as change

    with acting_for_application(name, subscription) as (ports, caller, application):
        for origin in change(ports, caller, application.id, origins).frame_origins:
            print(origin)
