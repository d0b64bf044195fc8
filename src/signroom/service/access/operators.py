"""The operator, who has no key: being able to run a command on a machine of the installation is enough.

Only ``cli/`` may import this file. Whatever comes in over HTTP is an application with a key (`authenticate`).
"""

from __future__ import annotations

import getpass
import os
from uuid import UUID

from signroom.domain.application import Application, Operator, OperatorCaller, Subscription
from signroom.domain.errors import ApplicationNotFound, BadInput, SubscriptionNotFound
from signroom.ports import ManagementPorts
from signroom.ports.store import Work

_NAMED = 10
"""At most so many names of subscriptions are told with an error."""


def this_operator() -> Operator:
    """The operator of this installation, by the name of his account on this machine.

    A function that calls this must be reachable from a command only.
    """
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container's user has a number only
        account = str(os.getuid())
    return Operator(f"operator {account}")


def act_for_subscription(ports: ManagementPorts, operator: Operator, name: str) -> OperatorCaller:
    """Raises: SubscriptionNotFound, which names those that there are."""
    with ports.store.read() as work:
        return operator.acting_for(_subscription(work, name).id)


def act_for_application(
    ports: ManagementPorts, operator: Operator, name: str, subscription: str | None = None
) -> tuple[OperatorCaller, Application]:
    """The application of that name, and the operator acting for the subscription that it belongs to.

    Raises: ApplicationNotFound, SubscriptionNotFound, BadInput when several subscriptions have an application of that
    name and `subscription` is None.
    """
    with ports.store.read() as work:
        applications = work.applications.named_of_any_tenant(name)
        if subscription is not None:
            owner = _subscription(work, subscription)
            applications = [a for a in applications if a.subscription_id == owner.id]
    if len(applications) > 1:
        raise BadInput(f"Several subscriptions have an application '{name}': say which.")
    if not applications:
        raise ApplicationNotFound
    (application,) = applications
    return operator.acting_for(application.subscription_id), application


def _subscription(work: Work, name: str) -> Subscription:
    """An operator may know all names, so a wrong one is answered with the right ones."""
    try:
        return work.subscriptions.named(name)
    except SubscriptionNotFound as error:
        names = [f"'{known.subscription.name}'" for known in work.subscriptions.summaries()]
        if not names:
            raise SubscriptionNotFound("There is none yet.") from error
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise SubscriptionNotFound(f"There are: {', '.join(names[:_NAMED])}{more}.") from error


def act_for_document(ports: ManagementPorts, operator: Operator, document_id: UUID) -> OperatorCaller:
    """The operator acting for the subscription that the document, erased or not, belongs to.

    Raises: DocumentNotFound.
    """
    with ports.store.read() as work:
        return operator.acting_for(work.erasures.document_of_any_tenant(document_id).subscription_id)


def act_for_session(ports: ManagementPorts, operator: Operator, session_id: UUID) -> OperatorCaller:
    """The operator acting for the subscription that the session, erased or not, belongs to.

    Raises: SignatureSessionNotFound.
    """
    with ports.store.read() as work:
        return operator.acting_for(work.erasures.session_of_any_tenant(session_id).subscription_id)
