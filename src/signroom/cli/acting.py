"""For whom a command acts: the only place where an operator comes from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from signroom.cli.configuration import installed_settings

if TYPE_CHECKING:
    from signroom.domain.application import Application, OperatorCaller
    from signroom.ports import ManagementPorts


@contextmanager
def acting_for(subscription: str, *, jobs: bool = False) -> Iterator[tuple[ManagementPorts, OperatorCaller]]:
    """The operator acting for one subscription. With `jobs`, for what makes work for a running service.

    Raises: SettingsError, DatabaseNotFound, SubscriptionNotFound.
    """
    from signroom import wiring
    from signroom.service.access.operators import act_for_subscription, this_operator

    settings = installed_settings()
    opened = wiring.operating(settings) if jobs else wiring.managing(settings)
    with opened as ports:
        yield ports, act_for_subscription(ports, this_operator(), subscription)


@contextmanager
def acting_for_application(
    name: str, subscription: str | None, *, jobs: bool = False
) -> Iterator[tuple[ManagementPorts, OperatorCaller, Application]]:
    """An application, and the operator acting for its subscription; `subscription` when several have one of that name.

    With `jobs`, for what makes work for a running service.

    Raises: SettingsError, DatabaseNotFound, ApplicationNotFound, SubscriptionNotFound, BadInput.
    """
    from signroom import wiring
    from signroom.service.access.operators import act_for_application, this_operator

    settings = installed_settings()
    opened = wiring.operating(settings) if jobs else wiring.managing(settings)
    with opened as ports:
        caller, application = act_for_application(ports, this_operator(), name, subscription)
        yield ports, caller, application
