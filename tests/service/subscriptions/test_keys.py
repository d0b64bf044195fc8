"""The life of an API key: made, used, ended, rotated, revoked; and who may do it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from signroom.domain.application import USE_NOTED_EVERY, ApplicationCaller, OperatorCaller, Role
from signroom.domain.errors import (
    ApiKeyNotFound,
    ApiKeyRevoked,
    ApplicationNotFound,
    BadInput,
    DatabaseUnavailable,
    NotAllowed,
    Unauthenticated,
)
from signroom.ports.store import Work
from signroom.service.access.authenticate import authenticate, authenticate_known
from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.subscriptions.manage_applications import (
    create_application,
    create_subscription,
    set_frame_origins,
)
from signroom.service.subscriptions.manage_keys import (
    CreateKey,
    NewKey,
    create_key,
    end_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from signroom.store.diagnosis import diagnose
from tests.service.conftest import Room
from tests.service.stores import PassingStore


@pytest.fixture
def operator(room: Room) -> OperatorCaller:
    return act_for_subscription(room.ports, this_operator(), "Acme")


@pytest.fixture
def new(room: Room, operator: OperatorCaller) -> NewKey:
    return create_key(room.ports, operator, room.caller.application.id, CreateKey("of the shop", role=Role.WORKER))


def secret(key: NewKey) -> str:
    return key.text.partition("|")[2]


def told(room: Room) -> list[str]:
    with room.ports.store.read() as work:
        return [event.type for event in work.feed.after(room.caller.subscription_id, 0, 100)]


def test_a_revoked_key_opens_nothing_and_stays_in_the_list(room: Room, operator: OperatorCaller, new: NewKey) -> None:
    application = room.caller.application.id
    assert authenticate(room.ports, secret(new)).key_id == new.key.id

    revoked = revoke_key(room.ports, operator, application, new.key.id)

    with pytest.raises(Unauthenticated, match="revoked"):
        authenticate(room.ports, secret(new))
    room.clock.advance(days=1)
    assert revoke_key(room.ports, operator, application, new.key.id) == revoked  # once more: the first moment stays
    (listed,) = [key for key in list_keys(room.ports, operator, application) if key.id == new.key.id]
    assert (listed.revoked_at, listed.created_by) == (revoked.revoked_at, operator.name)
    assert told(room).count("ApiKeyRevoked") == 1


def test_a_key_that_was_just_used_opens_nothing_once_it_has_expired_or_is_revoked(
    room: Room, operator: OperatorCaller, new: NewKey
) -> None:
    application, now = room.caller.application.id, room.clock.now()
    end_key(room.ports, operator, application, new.key.id, now + timedelta(minutes=1))
    assert authenticate_known(room.ports, secret(new)) is None
    authenticate(room.ports, secret(new))  # it notes the first use, so that the key is read once more
    caller = authenticate(room.ports, secret(new))
    assert authenticate_known(room.ports, secret(new)) in {caller, None}  # None on a machine that stood still

    room.clock.advance(minutes=1)
    with pytest.raises(Unauthenticated, match="expired"):
        authenticate(room.ports, secret(new))
    with pytest.raises(Unauthenticated, match="expired"):
        assert authenticate_known(room.ports, secret(new)) is None
        authenticate(room.ports, secret(new))
    revoke_key(room.ports, operator, application, new.key.id)
    assert authenticate_known(room.ports, secret(new)) is None
    with pytest.raises(Unauthenticated, match="revoked"):
        authenticate(room.ports, secret(new))


def test_what_an_application_may_do_changes_at_once(room: Room, operator: OperatorCaller, new: NewKey) -> None:
    def origins() -> tuple[str, ...]:
        return authenticate(room.ports, secret(new)).application.frame_origins

    assert (origins(), origins()) == ((), ())

    set_frame_origins(room.ports, operator, room.caller.application.id, ["https://portal.example"])

    assert origins() == ("https://portal.example",)


def test_a_key_gets_a_last_moment(room: Room, operator: OperatorCaller, new: NewKey) -> None:
    application, now = room.caller.application.id, room.clock.now()

    ended = end_key(room.ports, operator, application, new.key.id, now + timedelta(hours=1))

    assert ended.expires_at == now + timedelta(hours=1)
    authenticate(room.ports, secret(new))
    room.clock.advance(hours=1)
    with pytest.raises(Unauthenticated, match="expired"):
        authenticate(room.ports, secret(new))
    with pytest.raises(BadInput):
        end_key(room.ports, operator, application, new.key.id, now)
    revoke_key(room.ports, operator, application, new.key.id)
    with pytest.raises(ApiKeyRevoked):
        end_key(room.ports, operator, application, new.key.id, now + timedelta(days=9))


def test_a_rotated_key_works_beside_its_successor_for_a_while(
    room: Room, operator: OperatorCaller, new: NewKey
) -> None:
    application = room.caller.application.id

    after = rotate_key(room.ports, operator, application, new.key.id, timedelta(hours=2))

    assert (after.key.role, after.key.description) == (Role.WORKER, "of the shop")
    room.clock.advance(hours=1)
    assert authenticate(room.ports, secret(new)).roles == authenticate(room.ports, secret(after)).roles
    room.clock.advance(hours=1)
    with pytest.raises(Unauthenticated):
        authenticate(room.ports, secret(new))
    authenticate(room.ports, secret(after))
    with pytest.raises(ApiKeyRevoked):
        rotate_key(room.ports, operator, application, new.key.id)
    assert told(room) == ["ApiKeyCreated", "ApiKeyCreated", "ApiKeyChanged"]


def test_a_key_that_is_rotated_without_overlap_ends_at_once(room: Room, operator: OperatorCaller, new: NewKey) -> None:
    after = rotate_key(room.ports, operator, room.caller.application.id, new.key.id, timedelta())

    with pytest.raises(Unauthenticated, match="revoked"):
        authenticate(room.ports, secret(new))
    authenticate(room.ports, secret(after))
    assert told(room) == ["ApiKeyCreated", "ApiKeyCreated", "ApiKeyRevoked"]


def test_rotation_never_gives_a_key_more_time_than_it_had(room: Room, operator: OperatorCaller, new: NewKey) -> None:
    application, now = room.caller.application.id, room.clock.now()
    end_key(room.ports, operator, application, new.key.id, now + timedelta(minutes=5))

    rotate_key(room.ports, operator, application, new.key.id, timedelta(hours=2))

    (before,) = [key for key in list_keys(room.ports, operator, application) if key.id == new.key.id]
    assert before.expires_at == now + timedelta(minutes=5)
    with pytest.raises(BadInput):
        rotate_key(room.ports, operator, application, new.key.id, timedelta(days=31))


def test_the_last_use_is_written_once_an_hour(room: Room, operator: OperatorCaller, new: NewKey) -> None:
    def last_use() -> object:
        return next(
            key.last_used_at
            for key in list_keys(room.ports, operator, room.caller.application.id)
            if key.id == new.key.id
        )

    assert last_use() is None
    first = room.clock.now()
    authenticate(room.ports, secret(new))
    room.clock.advance(seconds=USE_NOTED_EVERY.total_seconds() - 1)
    authenticate(room.ports, secret(new))
    assert last_use() == first
    room.clock.advance(seconds=1)
    authenticate(room.ports, secret(new))
    assert last_use() == room.clock.now()


def test_the_installation_bounds_the_life_of_keys(room: Room, operator: OperatorCaller) -> None:
    bounded = replace(room.ports, limits=replace(room.ports.limits, api_key_lifetime=timedelta(days=90)))
    application, now = room.caller.application.id, room.clock.now()

    made = create_key(bounded, operator, application, CreateKey()).key
    asked = create_key(bounded, operator, application, CreateKey(expires_at=now + timedelta(days=400))).key

    assert made.expires_at == now + timedelta(days=90)
    assert asked.expires_at == now + timedelta(days=400)  # who names a moment means it
    assert create_key(room.ports, operator, application, CreateKey()).key.expires_at is None


def test_the_doctor_names_keys_that_never_end_and_those_that_nobody_uses(room: Room, operator: OperatorCaller) -> None:
    def made(expires_at: datetime | None = None) -> str:
        key = create_key(room.ports, operator, room.caller.application.id, CreateKey(expires_at=expires_at)).key
        return f"{room.caller.application.name} {key.id}"

    now = datetime.now(UTC)
    room.clock.time = now - timedelta(days=91)
    old, ended = made(), made(now - timedelta(days=1))
    gone = made()
    revoke_key(room.ports, operator, room.caller.application.id, UUID(gone.rpartition(" ")[2]))
    room.clock.time = now
    new, bounded = made(), made(now + timedelta(days=30))

    found = diagnose(room.service.engine)

    assert {old, new} <= set(found.endless_keys)
    assert old in found.unused_keys
    assert not {ended, gone, bounded} & set(found.endless_keys)
    assert not {ended, gone, new, bounded} & set(found.unused_keys)


def test_keys_of_others_are_not_found(room: Room, operator: OperatorCaller, new: NewKey) -> None:
    sibling = create_application(room.ports, operator, "Shop")
    stranger = this_operator().acting_for(create_subscription(room.ports, this_operator(), "Other").id)
    application = room.caller.application.id

    with pytest.raises(ApiKeyNotFound):
        revoke_key(room.ports, operator, sibling.id, new.key.id)
    with pytest.raises(ApiKeyNotFound):
        revoke_key(room.ports, operator, application, uuid4())
    for refused in (
        lambda: list_keys(room.ports, stranger, application),
        lambda: revoke_key(room.ports, stranger, application, new.key.id),
        lambda: rotate_key(room.ports, stranger, application, new.key.id),
    ):
        with pytest.raises(ApplicationNotFound):
            refused()


@pytest.mark.parametrize("role", [Role.MONITOR, Role.WORKER])
def test_who_manages_nothing_manages_no_keys(room: Room, new: NewKey, role: Role) -> None:
    caller = ApplicationCaller(room.caller.application, frozenset({role}))

    for refused in (
        lambda: list_keys(room.ports, caller, caller.application.id),
        lambda: revoke_key(room.ports, caller, caller.application.id, new.key.id),
        lambda: rotate_key(room.ports, caller, caller.application.id, new.key.id),
    ):
        with pytest.raises(NotAllowed):
            refused()


def test_a_manager_does_not_take_the_key_of_an_admin_application(room: Room, new: NewKey) -> None:
    manager = ApplicationCaller(room.caller.application, frozenset({Role.MANAGER}))

    with pytest.raises(NotAllowed):
        revoke_key(room.ports, manager, manager.application.id, new.key.id)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN])
def test_only_admins_take_or_copy_a_key_with_the_role_admin(room: Room, operator: OperatorCaller, role: Role) -> None:
    """`keys create --role Admin` makes such a key for an application that has no such role itself."""
    shop = create_application(room.ports, operator, "Shop", [Role.MANAGER])
    mighty = create_key(room.ports, operator, shop.id, CreateKey(role=Role.ADMIN)).key
    caller, later = ApplicationCaller(shop, frozenset({role})), room.clock.now() + timedelta(days=1)

    attempts: tuple[Callable[[], Role | None], ...] = (
        lambda: rotate_key(room.ports, caller, shop.id, mighty.id).key.role,
        lambda: end_key(room.ports, caller, shop.id, mighty.id, later).role,
        lambda: revoke_key(room.ports, caller, shop.id, mighty.id).role,
    )
    for attempt in attempts:
        if role is Role.ADMIN:
            assert attempt() is Role.ADMIN
        else:
            with pytest.raises(NotAllowed):
                attempt()


@dataclass
class FullDisk(PassingStore):
    """A store that reads, and takes nothing in."""

    def work(self) -> AbstractContextManager[Work]:
        raise DatabaseUnavailable


def test_a_use_that_cannot_be_written_down_keeps_nobody_from_reading(room: Room, new: NewKey) -> None:
    ports = replace(room.ports, store=FullDisk(room.ports.store))

    assert authenticate(ports, secret(new)).key_id == new.key.id
