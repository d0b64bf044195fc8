"""A database of an earlier version comes up to date with everything that is in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Engine

from signroom.domain.branding import NO_BRANDING
from signroom.domain.document_key import key_of_old_document
from signroom.domain.file_validation import NO_VALIDATION
from signroom.domain.security_context import ANY
from signroom.domain.session import SessionStatus
from signroom.domain.signature import NO_OPTIONS, PdfLayout, SignatureType
from signroom.ports.store import SessionFilter
from signroom.store import schema
from signroom.store.engine import open_engine
from signroom.store.sql import SqlStore

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


def at(engine: Engine, revision: str) -> None:
    """Bring an empty database to an earlier version."""
    config = schema._config()  # noqa: SLF001
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def insert(engine: Engine, table: str, row: dict[str, object]) -> None:
    kinds: dict[type, type[sa.types.TypeEngine[object]]] = {UUID: sa.Uuid, datetime: sa.DateTime}  # type: ignore[dict-item]
    columns = [sa.column(name, kinds.get(type(value), sa.types.NullType)) for name, value in row.items()]
    with engine.begin() as connection:
        connection.execute(sa.insert(sa.table(f"signroom_{table}", *columns)).values(row))


def test_rows_of_the_first_version_are_kept_and_readable(engine: Engine) -> None:
    at(engine, "0001")
    subscription, application, session, document, preparation = (uuid4() for _ in range(5))
    insert(engine, "subscriptions", {"id": subscription, "name": "Acme"})
    insert(engine, "applications", {"id": application, "subscription_id": subscription, "name": "Portal"})
    key = {"id": uuid4(), "application_id": application, "secret_hash": b"k" * 32, "role": "Worker", "created_at": NOW}
    insert(engine, "api_keys", key)
    opened = {
        "id": session,
        "subscription_id": subscription,
        "application_id": application,
        "status": "Pending",
        "link_hash": b"l" * 32,
        "callback_argument": "order 42",
        "disable_downloads": False,
        "predefined": True,
        "created_at": NOW,
        "expires_at": NOW,
    }
    insert(engine, "sessions", opened)
    added = {
        "id": document,
        "session_id": session,
        "position": 0,
        "status": "PendingSignature",
        "signature_type": "Pdf",
        "pages": 1,
        "signatures": 0,
        "original_key": "key",
        "original_name": "a.pdf",
        "original_type": "application/pdf",
        "original_length": 1,
        "original_sha256": b"d" * 32,
        "created_at": NOW,
    }
    insert(engine, "documents", added)
    insert(engine, "preparations", {"id": preparation, "session_id": session, "chain": CHAIN, "created_at": NOW})
    item = {
        "preparation_id": preparation,
        "document_id": document,
        "position": 0,
        "original_length": 1,
        "tail_before": b"before",
        "tail_after": b"after",
        "contents_length": 10,
        "digest_algorithm": "SHA256",
        "document_digest": b"g" * 32,
        "to_sign": b"1",
    }
    insert(engine, "prepared_documents", item)
    insert(engine, "events", {"type": "SessionCreated", "session_id": session, "at": NOW})

    schema.migrate(engine)

    assert not schema.pending(engine)
    with SqlStore(engine).read() as work:
        found = work.sessions.of_any_tenant(session)
        (own,) = work.documents.of_session(session)
        prepared = work.preparations.prepared(preparation, document)
        listed = work.sessions.find(SessionFilter(subscription, callback_argument="order 42"), 10, datetime.now(UTC))
        assert work.applications.by_key(b"k" * 32) is not None
        (event,) = work.feed.after(subscription, 0, 10)
    assert (found.status, found.security_context_id, found.options) == (SessionStatus.PENDING, ANY.id, NO_OPTIONS)
    assert (own.subscription_id, own.application_id, own.metadata) == (subscription, application, ())
    assert own.inspection.findings == ()
    assert own.key == key_of_old_document(document)
    assert prepared.signature_type is SignatureType.PDF
    assert prepared.layout == PdfLayout(b"before", 10, b"after")
    assert [s.id for s in listed] == [session]
    assert (event.type, event.session_id, event.application_id) == ("SessionCreated", session, application)


def test_an_application_of_the_second_version_may_not_be_framed_by_anybody(engine: Engine) -> None:
    at(engine, "0002")
    subscription, application = uuid4(), uuid4()
    insert(engine, "subscriptions", {"id": subscription, "name": "Acme"})
    row = {"id": application, "subscription_id": subscription, "name": "Portal", "roles": "Worker"}
    insert(engine, "applications", {**row, "default_metadata": b"[]", "return_urls": b'["https://app.example"]'})

    schema.migrate(engine)

    with SqlStore(engine).read() as work:
        found = work.applications.of_any_tenant(application)
        assert (found.return_urls, found.frame_origins) == (("https://app.example",), ())
        assert work.subscriptions.file_validation(subscription) == NO_VALIDATION
        assert work.subscriptions.branding(subscription) == NO_BRANDING


CHAIN = b"\x82\xabcertificate\xc4\x04leaf\xa7issuers\x90"
"""A chain as that version stored it (MessagePack)."""


def test_a_database_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    """A process of this version that is started again while the next one is rolled out."""
    schema.migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    schema.migrate(engine)

    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_what_points_nowhere_stops_the_migration_of_sqlite(tmp_path: object) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/broken.db", foreign_keys=False)
    at(engine, "0001")
    insert(engine, "applications", {"id": uuid4(), "subscription_id": uuid4(), "name": "Nobody's"})

    with pytest.raises(RuntimeError, match="signroom_applications"):
        schema.migrate(engine)
    engine.dispose()
