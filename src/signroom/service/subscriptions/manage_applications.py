"""Subscriptions and their applications."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from signroom.domain.application import (
    ADMINS,
    MANAGERS,
    Application,
    ApplicationCaller,
    Caller,
    Operator,
    Role,
    Subscription,
    require_frame_origin,
)
from signroom.domain.audit import Action, application_facts, subscription_facts
from signroom.domain.errors import ApplicationNotFound, BadInput, NotFound, named
from signroom.domain.metadata import Metadata
from signroom.domain.session import require_return_url
from signroom.ports import ManagementPorts
from signroom.ports.store import ApplicationSummary, Work
from signroom.service.events.record_change import record_change, record_making

MAX_NAME = 100
MAX_RETURN_URLS = 100
MAX_FRAME_ORIGINS = 20


@dataclass(frozen=True, slots=True)
class ChangeApplication:
    """The command. What is None stays as it is."""

    name: str | None = None
    strict: bool | None = None
    """Whether a request with a field that there is not is refused."""


def create_subscription(
    ports: ManagementPorts,
    operator: Operator,
    name: str,
) -> Subscription:
    """Holding an `Operator` is the permission. Raises: BadInput, NameTaken."""
    now = ports.clock.now()
    subscription = Subscription(uuid4(), clean_name(name), created_at=now)
    with ports.store.work() as work:
        _add_subscription(work, operator, subscription, now)
    return subscription


def ensure_application(
    ports: ManagementPorts,
    operator: Operator,
    subscription: str,
    name: str,
) -> Application:
    """The application called `name`, made together with its subscription when missing.

    Holding an `Operator` is the permission. Raises: BadInput.
    """
    now = ports.clock.now()
    with ports.store.work() as work:
        try:
            owner = work.subscriptions.named(subscription)
        except NotFound:
            owner = Subscription(uuid4(), clean_name(subscription), created_at=now)
            _add_subscription(work, operator, owner, now)
        known = [a for a in work.applications.named_of_any_tenant(name) if a.subscription_id == owner.id]
        if known:
            return known[0]
        application = Application(uuid4(), owner.id, clean_name(name), created_at=now)
        work.applications.add(application)
        record_making(
            work,
            operator.name,
            Action.APPLICATION_CREATED,
            application.id,
            now,
            subscription_id=owner.id,
            after=application_facts(application),
        )
    return application


def create_application(ports: ManagementPorts, caller: Caller, name: str, roles: Iterable[Role] = ()) -> Application:
    """An application of the caller's subscription. Raises: NotAllowed, BadInput, NameTaken."""
    caller.require(ADMINS)
    now = ports.clock.now()
    application = Application(uuid4(), caller.subscription_id, clean_name(name), frozenset(roles), created_at=now)
    with ports.store.work() as work:
        work.applications.add(application)
        facts = application_facts(application)
        record_change(work, caller, Action.APPLICATION_CREATED, application.id, now, after=facts)
    return application


def find_application(ports: ManagementPorts, caller: Caller, name: str) -> Application:
    """The application of that name in the caller's subscription. Raises: NotAllowed, ApplicationNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.of(caller).application_named(name)


def read_application(ports: ManagementPorts, caller: Caller, application_id: UUID) -> Application:
    """Its settings. Raises: NotAllowed, ApplicationNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.of(caller).application(application_id)


def list_applications(ports: ManagementPorts, caller: Caller) -> list[ApplicationSummary]:
    """All of the caller's subscription, by name, with what is known of their keys. Raises: NotAllowed."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.applications.summaries(caller.subscription_id, ports.clock.now())


def summarize_application(ports: ManagementPorts, caller: Caller, application_id: UUID) -> ApplicationSummary:
    """One of them. Raises: NotAllowed, ApplicationNotFound."""
    for summary in list_applications(ports, caller):
        if summary.application.id == application_id:
            return summary
    raise ApplicationNotFound


def change_application(
    ports: ManagementPorts, caller: Caller, application_id: UUID, command: ChangeApplication
) -> Application:
    """Give it another name, or make it strict or not. Its keys go on working: they are found by their secret alone.

    Raises: NotAllowed, ApplicationNotFound, BadInput, NameTaken.
    """
    name = None if command.name is None else clean_name(command.name)

    def change(found: Application) -> Application:
        require_manageable(caller, found)
        return replace(
            found,
            name=found.name if name is None else name,
            strict=found.strict if command.strict is None else command.strict,
        )

    return _change(ports, caller, application_id, change)


def require_manageable(caller: Caller, application: Application) -> None:
    """What has the role Admin is for admins. Raises: NotAllowed."""
    if Role.ADMIN in application.roles:
        caller.require(ADMINS)


def require_changeable(work: Work, caller: Caller, application: Application, now: datetime) -> None:
    """What has the role Admin, or a key with that role, is for admins. Raises: NotAllowed.

    A manager may set what their own application has, whatever keys it has.
    """
    if isinstance(caller, ApplicationCaller) and caller.application.id == application.id:
        return
    require_manageable(caller, application)
    if any(key.role is Role.ADMIN and key.usable(now) for key in work.applications.keys_of(application.id)):
        caller.require(ADMINS)


def set_default_metadata(
    ports: ManagementPorts, caller: Caller, application_id: UUID, metadata: Metadata
) -> Application:
    """Raises: NotAllowed, ApplicationNotFound."""
    return _change(ports, caller, application_id, lambda found: replace(found, default_metadata=metadata))


def set_return_urls(ports: ManagementPorts, caller: Caller, application_id: UUID, urls: Sequence[str]) -> Application:
    """Where sessions of an application may return to.

    Raises: NotAllowed, ApplicationNotFound, BadReturnUrl, BadInput for too many.
    """
    return _change(ports, caller, application_id, lambda found: replace(found, return_urls=_return_urls(urls)))


def set_frame_origins(
    ports: ManagementPorts, caller: Caller, application_id: UUID, origins: Sequence[str]
) -> Application:
    """Whose pages may show the signing page of an application's sessions in a frame.

    Raises: NotAllowed, ApplicationNotFound, BadFrameOrigin, BadInput for too many.
    """
    return _change(ports, caller, application_id, lambda found: replace(found, frame_origins=_frame_origins(origins)))


def _change(
    ports: ManagementPorts, caller: Caller, application_id: UUID, change: Callable[[Application], Application]
) -> Application:
    caller.require(MANAGERS)
    now = ports.clock.now()
    with ports.store.work() as work:
        found = work.of(caller).locked_application(application_id)
        require_changeable(work, caller, found, now)
        changed = change(found)
        work.applications.save(changed)
        record_change(
            work,
            caller,
            Action.APPLICATION_CHANGED,
            application_id,
            now,
            before=application_facts(found),
            after=application_facts(changed),
        )
    return changed


def _add_subscription(work: Work, operator: Operator, subscription: Subscription, now: datetime) -> None:
    work.subscriptions.add(subscription)
    record_making(
        work,
        operator.name,
        Action.SUBSCRIPTION_CREATED,
        subscription.id,
        now,
        subscription_id=subscription.id,
        after=subscription_facts(subscription),
    )


def _return_urls(urls: Sequence[str]) -> tuple[str, ...]:
    if len(urls) > MAX_RETURN_URLS:
        raise BadInput(f"At most {MAX_RETURN_URLS} return URLs.", path="returnUrls")
    for number, url in enumerate(urls):
        with named(f"returnUrls[{number}]"):
            require_return_url(url)
    return tuple(dict.fromkeys(urls))


def _frame_origins(origins: Sequence[str]) -> tuple[str, ...]:
    if len(origins) > MAX_FRAME_ORIGINS:
        raise BadInput(f"At most {MAX_FRAME_ORIGINS} origins.", path="frameOrigins")
    for number, origin in enumerate(origins):
        with named(f"frameOrigins[{number}]"):
            require_frame_origin(origin)
    return tuple(dict.fromkeys(origins))


def clean_name(name: str) -> str:
    """Of a subscription or an application. Raises: BadInput."""
    clean = name.strip()
    if not clean or len(clean) > MAX_NAME or not clean.isprintable() or "|" in clean:
        raise BadInput(f"A name has 1 to {MAX_NAME} printable characters and no '|'.", path="name")
    return clean
