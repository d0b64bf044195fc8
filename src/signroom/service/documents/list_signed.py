"""Who signed what in a certain time: for the operator, who answers for it. Each such question is in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action
from signroom.domain.certificate import Certificate
from signroom.domain.document import Document
from signroom.domain.errors import BadCertificate, BadInput
from signroom.ports import ManagementPorts
from signroom.ports.store import Position
from signroom.service.events.record_change import record_change

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Signed:
    """``signer`` is the name in the certificate of the last signature; None when it is not there any more."""

    document: Document
    application: str | None
    signer: str | None
    identity_confirmed: bool | None
    """Whether a trusted authority has confirmed that name; None: nobody asked."""


def list_signed(
    ports: ManagementPorts,
    caller: Caller,
    since: datetime,
    until: datetime,
    read: Callable[[bytes], Certificate],
) -> Iterator[Signed]:
    """Documents that were signed from `since` until before `until`, the earliest first.

    `read` raises BadCertificate. Raises: NotAllowed, BadInput.
    """
    caller.require(MANAGERS)
    if since >= until:
        raise BadInput("The time ends before it begins.")
    with ports.store.work() as work:
        asked = {"since": since.isoformat(), "until": until.isoformat()}
        now = ports.clock.now()
        record_change(work, caller, Action.SIGNERS_LISTED, caller.subscription_id, now, after=asked)
        names = {a.id: a.name for a in work.applications.of_subscription(caller.subscription_id)}
    return _pages(ports, caller.subscription_id, since, until, lambda d: _signed(d, names.get(d.application_id), read))


def _pages(
    ports: ManagementPorts,
    subscription_id: UUID,
    since: datetime,
    until: datetime,
    shown: Callable[[Document], Signed],
) -> Iterator[Signed]:
    after: Position | None = None
    while True:
        with ports.store.read() as work:
            found = work.documents.signed_between(subscription_id, since, until, after, _AT_ONCE)
        yield from map(shown, found)
        if len(found) < _AT_ONCE:
            return
        last = found[-1]
        after = Position(last.signed_at or last.created_at, last.id)


def _signed(document: Document, application: str | None, read: Callable[[bytes], Certificate]) -> Signed:
    last = document.verdict.signatures[-1] if document.verdict and document.verdict.signatures else None
    if last is None or not last.certificate:
        return Signed(document, application, None, None)
    try:
        subject = read(last.certificate).subject
    except BadCertificate:
        return Signed(document, application, None, None)
    return Signed(document, application, subject.first("CN") or subject.dn_string or None, last.identity_confirmed)
