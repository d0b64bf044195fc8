"""Finding, handing out and erasing all that is kept of a person."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.serialization import Encoding

from signroom.domain.application import Application, ApplicationCaller, Role, Subscription
from signroom.domain.audit import Action
from signroom.domain.document import Document
from signroom.domain.errors import BadInput, NotAllowed
from signroom.domain.requirement import CertificateRequirement, RequirementKind
from signroom.domain.session import Session
from signroom.domain.signature import CertificateChain, CheckedValue
from signroom.ports.store import ChangeFilter
from signroom.service.erasing.index_persons import index_persons
from signroom.service.erasing.persons import erase_person, export_person, find_person
from signroom.store import rows, tables
from tests.service.conftest import Room

CPF = "529.982.247-25"
PLAIN = "52998224725"


def changed(room: Room, session: Session, **fields: object) -> Session:
    new = replace(session, **fields)  # type: ignore[arg-type]
    with room.ports.store.work() as work:
        work.sessions.save(new)
    return new


def named(room: Room, document: Document, **fields: object) -> Document:
    new = replace(document, **fields)  # type: ignore[arg-type]
    with room.ports.store.work() as work:
        work.documents.save(new)
    return new


@pytest.mark.parametrize("written", [CPF, PLAIN, "529 982 247 25", " 529.982.247-25 "])
def test_a_person_is_found_in_every_place_and_form(room: Room, written: str) -> None:
    requirement = CertificateRequirement.of(RequirementKind.CPF, CPF)
    required = changed(room, room.session(), requirements=(requirement,))
    called = changed(room, room.session(), callback_argument=f"client {CPF}, contract 7")
    returned = changed(room, room.session(), return_url=f"https://app.example/done?cpf={PLAIN}")
    by_metadata = named(room, room.document(room.session()), metadata=(("Cliente", (PLAIN,)),))
    file = by_metadata.original
    by_name = named(room, room.document(room.session()), original=replace(file, name=f"contrato {CPF}.pdf"))
    changed(room, room.session(), callback_argument="529.982.247-24")  # no CPF: another number

    found = find_person(room.ports, room.caller, written)

    assert {trace.id for trace in found.traces} == {required.id, called.id, returned.id, by_metadata.id, by_name.id}
    assert found.complete


def test_a_signer_is_found_by_the_number_in_the_certificate(room: Room, ana: CertificateChain) -> None:
    session = changed(room, room.session(), signer_certificate=ana.certificate)
    other = room.session()
    certificate = room.ports.trust.read(ana.certificate)

    found = find_person(room.ports, room.caller, certificate.subject_identifier or "")

    assert [trace.id for trace in found.traces] == [session.id]
    assert other.id != session.id


@pytest.fixture
def ana(room: Room) -> CertificateChain:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "Ana"),
            x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, "IDCPT-12345678"),
        ]
    )
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, room.clock.now(), room.clock.now())
    return CertificateChain(made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def test_who_signs_later_is_found_too(room: Room, ana: CertificateChain) -> None:
    session = room.session()
    assert find_person(room.ports, room.caller, "IDCPT12345678").traces == ()

    changed(room, session, signer_certificate=ana.certificate)

    assert [t.id for t in find_person(room.ports, room.caller, "idcpt-12345678").traces] == [session.id]
    assert index_persons(room.ports) == 0


def test_what_the_version_before_signs_is_found_too(room: Room, ana: CertificateChain) -> None:
    """During a roll-out: version 0.1.0 does not know the mark, and saves the columns that it knows."""
    session = changed(room, room.session(), signer_certificate=None)
    document = named(room, room.document(session), metadata=())
    assert find_person(room.ports, room.caller, "IDCPT12345678").traces == ()
    later = {
        tables.sessions: rows.session_row(replace(session, signer_certificate=ana.certificate)),
        tables.documents: rows.document_row(replace(document, metadata=(("Cliente", (PLAIN,)),))),
    }

    with room.service.engine.begin() as connection:
        for table, row in later.items():
            of_that_version = {name: value for name, value in row.items() if name not in {"person_due", "erased_at"}}
            connection.execute(sa.update(table).where(table.c.id == row["id"]).values(of_that_version))

    assert [t.id for t in find_person(room.ports, room.caller, "IDCPT12345678").traces] == [session.id]
    assert [t.id for t in find_person(room.ports, room.caller, PLAIN).traces] == [document.id]
    assert index_persons(room.ports) == 0


def test_a_person_is_found_by_an_index(room: Room) -> None:
    session = changed(room, room.session(), callback_argument=CPF)
    index_persons(room.ports)
    p, s = tables.persons, tables.sessions
    query = sa.select(s.c.id).join_from(p, s, s.c.id == p.c.subject_id)
    query = query.where(p.c.subscription_id == session.subscription_id, p.c.identifier == PLAIN)
    due = sa.select(s.c.id).where(s.c.person_due.is_(sa.true())).limit(20)
    with room.service.engine.begin() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if not sqlite:  # a table with one row is read as a whole, whatever indexes it has
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plans = []
        for wanted in (query, due):
            text = wanted.compile(connection, compile_kwargs={"literal_binds": True})
            rows = connection.exec_driver_sql(f"{'EXPLAIN QUERY PLAN' if sqlite else 'EXPLAIN'} {text}")
            plans.append("\n".join(str(row) for row in rows))
    by_number, is_due = plans
    assert "pk_signroom_persons" in by_number or "sqlite_autoindex_signroom_persons" in by_number
    assert "ix_signroom_sessions_person_due" in is_due
    assert "SCAN signroom_persons" not in by_number
    assert "Seq Scan" not in by_number


def test_an_export_has_all_that_is_kept(room: Room, tmp_path: Path) -> None:
    session = changed(room, room.session(), callback_argument=f"client {CPF}")
    document = room.completed(named(room, room.document(session), metadata=(("Nome", ("Ana Ã",)),)), None)
    target = tmp_path / "ana.zip"

    exported = export_person(room.ports, room.caller, CPF, target)

    assert (exported.sessions, exported.documents, exported.files, exported.complete) == (1, 1, 2, True)
    with zipfile.ZipFile(target) as archive:
        whole = json.loads(archive.read("person.json"))
        assert archive.read(f"{document.id}/signed.pdf") == b"content"
    assert whole["sessions"][0]["callbackArgument"] == f"client {CPF}"
    assert whole["documents"][0]["metadata"] == {"Nome": ["Ana Ã"]}
    with room.ports.store.read() as work:
        (change,) = work.audit_log.find(session.subscription_id, None, 9, ChangeFilter(Action.PERSON_EXPORTED))
    assert PLAIN not in str(change)


def test_a_person_is_erased_but_for_what_is_refused(room: Room) -> None:
    done = changed(room, room.session(), callback_argument=CPF)
    room.completed(room.document(done), None)
    of_open = named(room, room.document(room.session()), metadata=(("c", (CPF,)),))
    local = named(room, room.document(), metadata=(("c", (CPF,)),))
    busy = changed(room, room.session(), callback_argument=CPF)
    stuck = room.document(busy)
    with room.ports.store.work() as work:
        work.documents.save(stuck.accept_signature(uuid4(), CheckedValue(b"v"), room.clock.now()))

    outcome = erase_person(room.ports, room.caller, CPF)

    assert {erasure.id for erasure in outcome.erased} == {done.id, of_open.session_id, local.id}
    assert [(one.trace.id, one.code) for one in outcome.refused] == [(busy.id, "DocumentInProcessing")]
    assert not outcome.complete
    assert [t.id for t in find_person(room.ports, room.caller, CPF).traces] == [busy.id]
    with room.ports.store.read() as work:
        (change,) = work.audit_log.find(done.subscription_id, None, 9, ChangeFilter(Action.PERSON_ERASED))
    assert change.after == {"sessions": 2, "documents": 3, "refused": 1}


def test_only_a_manager_of_the_subscription_asks_for_persons(room: Room) -> None:
    changed(room, room.session(), callback_argument=CPF)
    other = Subscription(uuid4(), "Other")
    application = Application(uuid4(), other.id, "Portal", frozenset(Role))
    with room.ports.store.work() as work:
        work.subscriptions.add(other)
        work.applications.add(application)

    assert find_person(room.ports, ApplicationCaller(application, frozenset(Role)), CPF).traces == ()
    with pytest.raises(NotAllowed):
        find_person(room.ports, replace(room.caller, roles=frozenset({Role.WORKER})), CPF)
    for text in ("", "1234", "x" * 65):
        with pytest.raises(BadInput):
            find_person(room.ports, room.caller, text)
