"""The operator, who has no key: being able to run a command on a machine of the installation is enough.

Only ``cli/`` may import this file. Whatever comes in over HTTP is an application with a key (`authenticate`).
"""

from __future__ import annotations

import getpass
import os
from uuid import UUID

from signroom.domain.application import Application, Operator, OperatorCaller
from signroom.domain.errors import ApplicationNotFound, BadInput
from signroom.ports import ManagementPorts


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
    """Raises: SubscriptionNotFound."""
    with ports.store.read() as work:
        return operator.acting_for(work.subscriptions.named(name).id)


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
            owner = work.subscriptions.named(subscription)
            applications = [a for a in applications if a.subscription_id == owner.id]
    if len(applications) > 1:
        raise BadInput(f"Several subscriptions have an application '{name}': say which.")
    if not applications:
        raise ApplicationNotFound
    (application,) = applications
    return operator.acting_for(application.subscription_id), application


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
