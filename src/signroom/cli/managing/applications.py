"""``signroom subscriptions`` and ``signroom applications``: tenants, and what they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for, acting_for_application
from signroom.cli.configuration import installed_settings
from signroom.cli.printing import Json, moment, print_json, print_line, show, tell

if TYPE_CHECKING:
    from signroom.domain.application import Application, Subscription
    from signroom.ports.store import ApplicationSummary, SubscriptionSummary

RoleName = Literal["Worker", "Manager", "Admin", "Monitor"]

applications = App(name="applications", help="Applications of a subscription.")
subscriptions = App(name="subscriptions", help="Subscriptions (tenants).")


@subscriptions.command(name="create")
def create_subscription(name: str, *, json: Json = False) -> None:
    """Make a subscription: the wall between tenants.

    Args:
        name: unique in this installation
    """
    from signroom import wiring
    from signroom.service.access.operators import this_operator
    from signroom.service.subscriptions.manage_applications import create_subscription as create

    with wiring.managing(installed_settings()) as ports:
        subscription = create(ports, this_operator(), name)
    tell(_tenant(subscription), f"{subscription.id} {subscription.name}", as_json=json)


@subscriptions.command(name="list")
def list_subscriptions(*, json: bool = False) -> None:
    """Print all subscriptions, by name: id, state, number of applications.

    Args:
        json: print a JSON list instead of text
    """
    from signroom import wiring
    from signroom.service.access.operators import this_operator
    from signroom.service.subscriptions.disable_tenants import list_subscriptions as find

    with wiring.managing(installed_settings()) as ports:
        found = find(ports, this_operator())
    if json:
        print_json([_summary_of_tenant(one) for one in found])
        return
    for one in found:
        print_line(
            f"{one.subscription.id} {_state(one.subscription)} {one.applications} applications {one.subscription.name}"
        )


@subscriptions.command(name="show")
def show_subscription(name: str, *, json: Json = False) -> None:
    """Print all of a subscription.

    Args:
        name: name of the subscription
    """
    from signroom.service.access.operators import this_operator
    from signroom.service.subscriptions.disable_tenants import list_subscriptions as find

    with acting_for(name) as (ports, caller):
        one = next(each for each in find(ports, this_operator()) if each.subscription.id == caller.subscription_id)
    show(_summary_of_tenant(one), as_json=json)


@subscriptions.command(name="rename")
def rename_subscription(name: str, new_name: str, *, json: Json = False) -> None:
    """Give a subscription another name. Clients that name it in X-Subscription must send the new one, or its id.

    Args:
        name: its name until now
        new_name: its name from now on
    """
    from signroom.service.subscriptions.disable_tenants import rename_subscription as rename

    with acting_for(name) as (ports, caller):
        renamed = rename(ports, caller, new_name)
    tell(_tenant(renamed), f"{renamed.id} {renamed.name}", as_json=json)


@subscriptions.command(name="disable")
def disable_subscription(name: str, *, json: Json = False) -> None:
    """Close a subscription: no key, no page, no download address and no webhook of it works until it is enabled.

    Args:
        name: name of the subscription
    """
    from signroom.service.subscriptions.disable_tenants import disable_subscription as disable

    with acting_for(name) as (ports, caller):
        found = disable(ports, caller)
    tell(_tenant(found), f"{found.name} disabled {moment(found.disabled_at)}", as_json=json)


@subscriptions.command(name="enable")
def enable_subscription(name: str, *, json: Json = False) -> None:
    """Open a subscription again that was disabled. What its webhooks have held is sent.

    Args:
        name: name of the subscription
    """
    from signroom.service.subscriptions.disable_tenants import enable_subscription as enable

    with acting_for(name, jobs=True) as (ports, caller):
        found = enable(ports, caller)
    tell(_tenant(found), f"{found.name} {_state(found)}", as_json=json)


@subscriptions.command(name="delete")
def delete_subscription(
    name: str, *, force: Annotated[bool, Parameter(negative=())] = False, json: Json = False
) -> None:
    """Delete a subscription for good, with all its applications. A running service does it within some minutes.

    Args:
        name: name of the subscription
        force: cancel its open sessions; without it they are a reason to refuse
    """
    from signroom.service.erasing.delete_tenants import delete_subscription as delete

    with acting_for(name) as (ports, caller):
        found = delete(ports, caller, force=force)
    tell(_tenant(found), f"{found.name} deleting since {moment(found.deleting_since)}", as_json=json)


@subscriptions.command(name="retention")
def subscription_retention(
    name: str,
    *,
    days: int | None = None,
    keep: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> int:
    """Print how long signed documents of a subscription are kept, or set it.

    It holds for documents that are completed from then on.

    Args:
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
    line = "signed documents are kept" + ("" if kept is None else f" for {kept} days")
    tell({"name": name, "retentionDays": kept}, line, as_json=json)
    return 0


@applications.command(name="create")
def create_application(
    name: str,
    *,
    subscription: str,
    role: Annotated[list[RoleName] | None, Parameter(negative=())] = None,
    json: Json = False,
) -> None:
    """Make an application of a subscription.

    Args:
        name: unique in its subscription; it is the part before the pipe in its keys, and signers read it on the page
        subscription: name of the subscription that it belongs to
        role: what keys may do that are made by API; may be given several times
    """
    from signroom.domain.application import Role
    from signroom.service.subscriptions.manage_applications import create_application as create

    with acting_for(subscription) as (ports, caller):
        application = create(ports, caller, name, map(Role, role or ()))
    tell(_application(application), f"{application.id} {application.name}", as_json=json)


@applications.command(name="list")
def list_applications(*, subscription: str, json: bool = False) -> None:
    """Print the applications of a subscription, by name: id, state, roles, keys, last used.

    Args:
        subscription: name of the subscription
        json: print a JSON list instead of text
    """
    from signroom.service.subscriptions.manage_applications import list_applications as find

    with acting_for(subscription) as (ports, caller):
        found = find(ports, caller)
    if json:
        print_json([_summary(one) for one in found])
        return
    for one in found:
        owner = one.application
        roles = ", ".join(sorted(owner.roles)) or "no role of its own"
        keys = f"{one.usable_keys} of {one.keys} keys usable"
        used = f"last used {moment(one.last_used_at) or 'never'}"
        strict = ", strict" if owner.strict else ""
        print_line(f"{owner.id} {_state(owner)} {owner.name}: {roles}, {keys}, {used}{strict}")


@applications.command(name="show")
def show_application(name: str, *, subscription: str | None = None, json: Json = False) -> None:
    """Print all of an application.

    Args:
        name: name of the application
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import summarize_application

    with acting_for_application(name, subscription) as (ports, caller, application):
        found = summarize_application(ports, caller, application.id)
    show(_summary(found), as_json=json)


@applications.command(name="rename")
def rename_application(name: str, new_name: str, *, subscription: str | None = None, json: Json = False) -> None:
    """Give an application another name. Its keys go on working.

    Args:
        name: its name until now
        new_name: its name from now on; signers read it on the page
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import ChangeApplication, change_application

    with acting_for_application(name, subscription) as (ports, caller, application):
        renamed = change_application(ports, caller, application.id, ChangeApplication(name=new_name))
    tell(_application(renamed), f"{renamed.id} {renamed.name}", as_json=json)


@applications.command(name="strict")
def set_strict(name: str, value: Literal["on", "off"], *, subscription: str | None = None, json: Json = False) -> None:
    """Say whether requests of an application are refused that have a field that there is not.

    Args:
        name: name of the application
        value: on, as if each request had the header Signroom-Strict; or off
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import ChangeApplication, change_application

    with acting_for_application(name, subscription) as (ports, caller, application):
        changed = change_application(ports, caller, application.id, ChangeApplication(strict=value == "on"))
    tell(_application(changed), f"{changed.name} strict {'on' if changed.strict else 'off'}", as_json=json)


@applications.command(name="disable")
def disable_application(name: str, *, subscription: str | None = None, json: Json = False) -> None:
    """Close an application: its keys open nothing, its pages are closed, its webhooks hold what they would send.

    Args:
        name: name of the application
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.disable_tenants import disable_application as disable

    # With jobs: endpoints of the subscription may want to know.
    with acting_for_application(name, subscription, jobs=True) as (ports, caller, application):
        found = disable(ports, caller, application.id)
    tell(_application(found), f"{found.name} disabled {moment(found.disabled_at)}", as_json=json)


@applications.command(name="enable")
def enable_application(name: str, *, subscription: str | None = None, json: Json = False) -> None:
    """Open an application again that was disabled. What its webhooks have held is sent.

    Args:
        name: name of the application
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.disable_tenants import enable_application as enable

    with acting_for_application(name, subscription, jobs=True) as (ports, caller, application):
        found = enable(ports, caller, application.id)
    tell(_application(found), f"{found.name} {_state(found)}", as_json=json)


@applications.command(name="delete")
def delete_application(
    name: str,
    *,
    force: Annotated[bool, Parameter(negative=())] = False,
    subscription: str | None = None,
    json: Json = False,
) -> None:
    """Delete an application for good, with its keys, webhooks, sessions, documents and files.

    It is closed at once. A running service removes what belongs to it, within some minutes.

    Args:
        name: name of the application
        force: cancel its open sessions; without it they are a reason to refuse
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.erasing.delete_tenants import delete_application as delete

    with acting_for_application(name, subscription) as (ports, caller, application):
        found = delete(ports, caller, application.id, force=force)
    tell(_application(found), f"{found.name} deleting since {moment(found.deleting_since)}", as_json=json)


@applications.command(name="return-urls")
def set_return_urls(name: str, *urls: str, subscription: str | None = None, json: Json = False) -> None:
    """Say where sessions of an application may return to. Without any URL: anywhere.

    Args:
        name: name of the application
        urls: addresses; a session's returnUrl must lie below one of them
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import set_return_urls as change

    with acting_for_application(name, subscription) as (ports, caller, application):
        changed = change(ports, caller, application.id, urls)
    tell(_application(changed), *changed.return_urls, as_json=json)


@applications.command(name="frame-origins")
def set_frame_origins(name: str, *origins: str, subscription: str | None = None, json: Json = False) -> None:
    """Say whose pages may show an application's sessions in a frame. Without any origin: nobody's.

    Args:
        name: name of the application
        origins: like https://app.example; in a frame the page takes no key file
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import set_frame_origins as change

    with acting_for_application(name, subscription) as (ports, caller, application):
        changed = change(ports, caller, application.id, origins)
    tell(_application(changed), *changed.frame_origins, as_json=json)


def _state(owner: Application | Subscription) -> str:
    if owner.deleting_since is not None:
        return "deleting"
    return "enabled" if owner.disabled_at is None else "disabled"


def _tenant(found: Subscription) -> dict[str, object]:
    return {
        "id": str(found.id),
        "name": found.name,
        "state": _state(found),
        "createdOn": moment(found.created_at),
        "disabledOn": moment(found.disabled_at),
        "deletingSince": moment(found.deleting_since),
        "retentionDays": found.retention_days,
    }


def _summary_of_tenant(found: SubscriptionSummary) -> dict[str, object]:
    return {**_tenant(found.subscription), "applications": found.applications}


def _application(found: Application) -> dict[str, object]:
    return {
        "id": str(found.id),
        "name": found.name,
        "state": _state(found),
        "roles": sorted(found.roles),
        "strict": found.strict,
        "returnUrls": list(found.return_urls),
        "frameOrigins": list(found.frame_origins),
        "createdOn": moment(found.created_at),
        "disabledOn": moment(found.disabled_at),
        "deletingSince": moment(found.deleting_since),
    }


def _summary(found: ApplicationSummary) -> dict[str, object]:
    used = moment(found.last_used_at)
    keys = {"keys": found.keys, "usableKeys": found.usable_keys, "lastUsedOn": used}
    return {**_application(found.application), **keys}
