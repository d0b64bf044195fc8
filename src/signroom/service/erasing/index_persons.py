"""Keep the index by which a person is found: read what has changed, and write down whose numbers are in it.

It is kept beside the verbs, not by them: nothing that a signer waits for takes longer, and rows of older versions get
into it the same way. `find_person` brings it up to date first, so that nothing is missed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from signroom.domain.certificate import Certificate
from signroom.domain.document import Document
from signroom.domain.errors import BadCertificate
from signroom.domain.person import identifiers_of_document, identifiers_of_session
from signroom.domain.session import Session
from signroom.ports import Ports

_AT_ONCE = 50
"""Rows in one transaction: who changes one of them meanwhile waits."""
_SECONDS = 20.0
"""For one run: other schedules wait for it."""


def index_persons(ports: Ports) -> int:
    """Returns how many sessions and documents were read. May run late, twice, and in several places at once."""
    return sum(_runs(ports, time.monotonic() + _SECONDS))


def bring_up_to_date(ports: Ports) -> bool:
    """False when there is so much to read that some is left."""
    index_persons(ports)
    with ports.store.read() as work:
        return not work.persons.is_due()


def _runs(ports: Ports, until: float) -> Iterable[int]:
    while time.monotonic() < until:
        with ports.store.read() as work:  # most often nothing is to be done, and nothing is written
            if not work.persons.is_due():
                return
        with ports.store.work() as work:
            subjects: list[Session | Document] = [
                *work.persons.due_sessions(_AT_ONCE),
                *work.persons.due_documents(_AT_ONCE),
            ]
            work.persons.put_all([(subject, _identifiers(ports, subject)) for subject in subjects])
        if not subjects:  # others are at it
            return
        yield len(subjects)


def _identifiers(ports: Ports, subject: Session | Document) -> frozenset[str]:
    if subject.erased_at is not None:
        return frozenset()
    if isinstance(subject, Session):
        signer = subject.signer_certificate
        return identifiers_of_session(subject, _certificates(ports, [] if signer is None else [signer]))
    signers = [] if subject.verdict is None else [s.certificate for s in subject.verdict.signatures]
    return identifiers_of_document(subject, _certificates(ports, signers))


def _certificates(ports: Ports, signers: Iterable[bytes]) -> list[Certificate]:
    found = []
    for der in signers:
        try:
            found.append(ports.trust.read(der))
        except BadCertificate:
            continue  # of an earlier signature in a stranger's file: nobody can say whose it is
    return found
