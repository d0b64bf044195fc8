"""``signroom keys``: API keys of applications."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for_application
from signroom.cli.printing import Json, moment, print_json, print_line, show, tell

if TYPE_CHECKING:
    from signroom.domain.application import ApiKey

RoleName = Literal["Worker", "Manager", "Admin", "Monitor"]

keys = App(name="keys", help="API keys.")


@keys.command(name="create")
def create_key(
    *,
    application: str,
    role: Annotated[RoleName, Parameter()] = "Worker",
    expires: datetime | None = None,
    description: str | None = None,
    subscription: str | None = None,
    json: Json = False,
) -> None:
    """Make an API key. It is printed here, once: only its hash is stored.

    Args:
        application: name of the application
        role: what the key may do
        expires: last moment of the key, like 2027-01-31 (UTC); without it SIGNROOM_API_KEY_LIFETIME decides
        description: what it is for
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.domain.application import Role
    from signroom.service.subscriptions.manage_keys import CreateKey
    from signroom.service.subscriptions.manage_keys import create_key as create

    command = CreateKey(description, None if expires is None else _utc(expires), Role(role))
    with acting_for_application(application, subscription) as (ports, caller, owner):
        made, now = create(ports, caller, owner.id, command), ports.clock.now()
    tell({**_facts(made.key, now), "key": made.text}, made.text, as_json=json)


@keys.command(name="list")
def list_keys(*, application: str, subscription: str | None = None, json: bool = False) -> None:
    """Print the keys of an application, newest first: id, state, role, made, last used. Never a secret.

    Args:
        application: name of the application
        subscription: name of its subscription, when several have an application of that name
        json: print a JSON list instead of text
    """
    from signroom.service.subscriptions.manage_keys import list_keys as find

    with acting_for_application(application, subscription) as (ports, caller, owner):
        found, now = find(ports, caller, owner.id), ports.clock.now()
    if json:
        print_json([_facts(key, now) for key in found])
        return
    for key in found:
        facts = _facts(key, now)
        used = f"last used {facts['lastUsedOn'] or 'never'}"
        made = f"made {facts['createdOn']}, {used}"
        print_line(f"{key.id} {facts['state']} {facts['role']} {made} {key.description or ''}")


@keys.command(name="show")
def show_key(key: UUID, *, application: str, subscription: str | None = None, json: Json = False) -> None:
    """Print all that is known of a key. Never its secret.

    Args:
        key: its id, from `signroom keys list`
        application: name of the application
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.domain.errors import ApiKeyNotFound
    from signroom.service.subscriptions.manage_keys import list_keys as find

    with acting_for_application(application, subscription) as (ports, caller, owner):
        found = next((one for one in find(ports, caller, owner.id) if one.id == key), None)
        if found is None:
            raise ApiKeyNotFound
        show(_facts(found, ports.clock.now()), as_json=json)


@keys.command(name="revoke")
def revoke_key(key: UUID, *, application: str, subscription: str | None = None, json: Json = False) -> None:
    """Take a key back. It opens nothing from now on, on other machines within a second.

    Args:
        key: its id, from `signroom keys list`
        application: name of the application
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_keys import revoke_key as revoke

    with acting_for_application(application, subscription) as (ports, caller, owner):
        revoked, now = revoke(ports, caller, owner.id, key), ports.clock.now()
    tell(_facts(revoked, now), f"{key} revoked {moment(revoked.revoked_at)}", as_json=json)


@keys.command(name="expire")
def end_key(key: UUID, at: datetime, *, application: str, subscription: str | None = None, json: Json = False) -> None:
    """Give a key a last moment.

    Args:
        key: its id, from `signroom keys list`
        at: last moment, like 2027-01-31 (UTC)
        application: name of the application
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_keys import end_key as end

    with acting_for_application(application, subscription) as (ports, caller, owner):
        ending, now = end(ports, caller, owner.id, key, _utc(at)), ports.clock.now()
    tell(_facts(ending, now), f"{key} ends {moment(ending.expires_at)}", as_json=json)


@keys.command(name="rotate")
def rotate_key(
    key: UUID,
    *,
    application: str,
    overlap_hours: int = 24,
    subscription: str | None = None,
    json: Json = False,
) -> None:
    """Make a key like another one, which goes on working for a while. The new one is printed here, once.

    Args:
        key: id of the key before, from `signroom keys list`
        application: name of the application
        overlap_hours: how long the key before goes on working; 0 ends it at once
        subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_keys import rotate_key as rotate

    with acting_for_application(application, subscription) as (ports, caller, owner):
        made = rotate(ports, caller, owner.id, key, timedelta(hours=overlap_hours))
        now = ports.clock.now()
    tell({**_facts(made.key, now), "key": made.text}, made.text, as_json=json)


def _facts(key: ApiKey, now: datetime) -> dict[str, str | None]:
    state = "revoked" if key.revoked_at else "expired" if key.expired(now) else "valid"
    return {
        "id": str(key.id),
        "state": state,
        "role": key.role or "of the application",
        "description": key.description,
        "createdOn": moment(key.created_at),
        "createdBy": key.created_by,
        "expiresOn": moment(key.expires_at),
        "lastUsedOn": moment(key.last_used_at),
        "revokedOn": moment(key.revoked_at),
    }


def _utc(given: datetime) -> datetime:
    return given.replace(tzinfo=given.tzinfo or UTC)
