"""The tables. Names carry a prefix: on SQLite, DBOS keeps its own tables in the same file under plain names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware times in UTC on both databases; SQLite forgets the zone, so it is put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive times are not stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ENDED = ["Completed", "ProcessingError", "UserCancelled", "Expired"]
"""The statuses of sessions that are counted."""

subscriptions = sa.Table(
    "signroom_subscriptions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    # Of documents, after they were signed; NULL: they are kept.
    sa.Column("retention_days", sa.Integer),
    # NULL in rows of versions that did not write it down.
    sa.Column("created_at", UtcDateTime),
    sa.Column("disabled_at", UtcDateTime),
    sa.Column("deleting_since", UtcDateTime),
)

file_validations = sa.Table(
    "signroom_file_validations",
    metadata,
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id"), primary_key=True),
    sa.Column("file_name_pattern", sa.Text),
    sa.Column("endpoint_url", sa.Text),
    sa.Column("endpoint_auth", sa.String(10)),
    sa.Column("endpoint_user", sa.String(255)),
    sa.Column("endpoint_secret", sa.LargeBinary),
)

brandings = sa.Table(
    "signroom_brandings",
    metadata,
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id"), primary_key=True),
    sa.Column("name", sa.String(100)),
    sa.Column("accent", sa.String(7)),
    sa.Column("accent_dark", sa.String(7)),
    sa.Column("logo", sa.LargeBinary),
    sa.Column("logo_type", sa.String(20)),
)

applications = sa.Table(
    "signroom_applications",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id"), nullable=False, index=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("roles", sa.String(100), nullable=False),
    sa.Column("default_metadata", sa.LargeBinary, nullable=False),
    sa.Column("return_urls", sa.LargeBinary, nullable=False),
    sa.Column("frame_origins", sa.LargeBinary, nullable=False),
    # NULL: no.
    sa.Column("strict", sa.Boolean),
    # NULL in rows of versions that did not write it down.
    sa.Column("created_at", UtcDateTime),
    sa.Column("disabled_at", UtcDateTime),
    sa.Column("deleting_since", UtcDateTime),
    sa.UniqueConstraint("subscription_id", "name"),
)

api_keys = sa.Table(
    "signroom_api_keys",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("application_id", sa.ForeignKey("signroom_applications.id"), nullable=False, index=True),
    sa.Column("secret_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("role", sa.String(20)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("description", sa.String(255)),
    # NULL in rows of versions that did not write it down.
    sa.Column("created_by", sa.String(150)),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
)

DOCUMENTS_TO_COUNT = "status = 'Completed' AND counted IS NULL"
DOCUMENTS_TO_RENEW = "archive_until IS NOT NULL AND level_asked_at IS NULL AND purged_at IS NULL"
DOCUMENTS_WITHOUT_END = "signed_level = 'B-LTA' AND archive_until IS NULL AND purged_at IS NULL AND erased_at IS NULL"
SESSIONS_TO_COUNT = (
    "status IN ('Completed', 'ProcessingError', 'UserCancelled', 'Expired')"
    " AND (counted_as IS NULL OR counted_as <> status)"
)
"""In these words, so that a query uses the index of the same rows."""

sessions = sa.Table(
    "signroom_sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id"), nullable=False),
    sa.Column("application_id", sa.ForeignKey("signroom_applications.id"), nullable=False, index=True),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("link_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("return_url", sa.Text),
    sa.Column("callback_argument", sa.Text),
    # Up to 4 KB of text: an index over the text itself could refuse a row (PostgreSQL: 2704 bytes).
    sa.Column("callback_argument_hash", sa.LargeBinary(32)),
    sa.Column("disable_downloads", sa.Boolean, nullable=False),
    sa.Column("predefined", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("security_context_id", sa.Uuid, nullable=False),
    sa.Column("requirements", sa.LargeBinary, nullable=False),
    sa.Column("background", sa.Boolean, nullable=False),
    sa.Column("metadata", sa.LargeBinary, nullable=False),
    sa.Column("options", sa.LargeBinary, nullable=False),
    sa.Column("result_token", sa.Boolean, nullable=False),
    sa.Column("language", sa.String(10)),
    sa.Column("signer_certificate", sa.LargeBinary),
    sa.Column("signer_issuers", sa.LargeBinary, nullable=False),
    sa.Column("processing_error_code", sa.String(64)),
    sa.Column("opened_at", UtcDateTime),
    sa.Column("webhook_url", sa.Text),
    sa.Column("erased_at", UtcDateTime),
    # The status under which the statistics have it; NULL: not at all.
    sa.Column("counted_as", sa.String(20)),
    sa.Index(None, "subscription_id", "created_at", "id"),
    sa.Index("ix_signroom_sessions_callback_argument", "subscription_id", "callback_argument_hash"),
    # It was changed since it was read for the index of persons.
    sa.Column("person_due", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Index(None, "status", "expires_at"),
    sa.Index(
        "ix_signroom_sessions_person_due",
        "id",
        postgresql_where=sa.text("person_due IS true"),
        sqlite_where=sa.text("person_due IS 1"),
    ),
    # Of processes that do not count, and those that wait for the first count: few, and soon none.
    sa.Index(
        "ix_signroom_sessions_to_count",
        "id",
        postgresql_where=sa.text(SESSIONS_TO_COUNT),
        sqlite_where=sa.text(SESSIONS_TO_COUNT),
    ),
)

documents = sa.Table(
    "signroom_documents",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id"), nullable=False),
    sa.Column("application_id", sa.ForeignKey("signroom_applications.id"), nullable=False, index=True),
    sa.Column("session_id", sa.ForeignKey("signroom_sessions.id")),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("signature_type", sa.String(10), nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("signatures", sa.Integer, nullable=False),
    sa.Column("findings", sa.LargeBinary),
    sa.Column("original_key", sa.String(200), nullable=False),
    sa.Column("original_name", sa.String(255), nullable=False),
    sa.Column("original_type", sa.String(100), nullable=False),
    sa.Column("original_length", sa.BigInteger, nullable=False),
    sa.Column("original_sha256", sa.LargeBinary(32), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("preparation_id", sa.Uuid),
    sa.Column("signature_value", sa.LargeBinary),
    sa.Column("signed_key", sa.String(200)),
    sa.Column("signed_name", sa.String(255)),
    sa.Column("signed_type", sa.String(100)),
    sa.Column("signed_length", sa.BigInteger),
    sa.Column("signed_sha256", sa.LargeBinary(32)),
    # NULL in rows of releases that knew one level, B-B.
    sa.Column("signed_level", sa.String(10)),
    sa.Column("signed_made_at", UtcDateTime),
    sa.Column("earlier_versions", sa.LargeBinary),
    sa.Column("level_detail", sa.String(500)),
    sa.Column("level_asked_at", UtcDateTime),
    sa.Column("archive_until", UtcDateTime),
    # NULL in rows of releases that asked the session.
    sa.Column("security_context_id", sa.Uuid),
    sa.Column("signed_at", UtcDateTime),
    sa.Column("processing_error_code", sa.String(64)),
    sa.Column("processing_error_detail", sa.String(500)),
    sa.Column("verdict", sa.LargeBinary),
    sa.Column("key", sa.String(16)),
    sa.Column("metadata", sa.LargeBinary, nullable=False),
    sa.Column("options", sa.LargeBinary, nullable=False),
    sa.Column("data_key", sa.String(200)),
    sa.Column("available_until", UtcDateTime),
    sa.Column("purged_at", UtcDateTime),
    sa.Column("erased_at", UtcDateTime),
    # NULL: the statistics do not have it.
    sa.Column("counted", sa.Boolean),
    sa.UniqueConstraint("session_id", "position"),
    sa.Index(None, "subscription_id", "created_at", "id"),
    sa.Index(None, "subscription_id", "signed_sha256"),
    sa.Index("ix_signroom_documents_subscription_id_signed_at", "subscription_id", "signed_at", "id"),
    sa.Index(None, "purged_at", "available_until"),
    sa.Index(
        "ix_signroom_documents_archive_until",
        "archive_until",
        "id",
        postgresql_where=sa.text(DOCUMENTS_TO_RENEW),
        sqlite_where=sa.text(DOCUMENTS_TO_RENEW),
    ),
    sa.Index(
        "ix_signroom_documents_without_end",
        "id",
        postgresql_where=sa.text(DOCUMENTS_WITHOUT_END),
        sqlite_where=sa.text(DOCUMENTS_WITHOUT_END),
    ),
    # A file may be of several documents: who else points to it?
    sa.Index(None, "original_key"),
    sa.Index(None, "signed_key"),
    sa.Index(None, "data_key"),
    sa.Column("person_due", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Index(
        "ix_signroom_documents_person_due",
        "id",
        postgresql_where=sa.text("person_due IS true"),
        sqlite_where=sa.text("person_due IS 1"),
    ),
    # As of the sessions, above.
    sa.Index(
        "ix_signroom_documents_to_count",
        "id",
        postgresql_where=sa.text(DOCUMENTS_TO_COUNT),
        sqlite_where=sa.text(DOCUMENTS_TO_COUNT),
    ),
    # Of versions that gave no keys: few, and soon none.
    sa.Index(
        "ix_signroom_documents_without_key",
        "id",
        postgresql_where=sa.text("key IS NULL"),
        sqlite_where=sa.text("key IS NULL"),
    ),
)

# The same values as in `documents.metadata`, to search by.
# Of documents whose signed file has reached a higher level since: the files before it, for finding them.
document_versions = sa.Table(
    "signroom_document_versions",
    metadata,
    sa.Column("document_id", sa.ForeignKey("signroom_documents.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("subscription_id", sa.Uuid, nullable=False),
    sa.Column("file_key", sa.String(200), nullable=False, index=True),
    sa.Column("file_length", sa.BigInteger, nullable=False),
    sa.Column("file_sha256", sa.LargeBinary(32), nullable=False),
    sa.Index(None, "subscription_id", "file_sha256"),
)

# Those that subscriptions have made; the built-in ones are in the code.
security_contexts = sa.Table(
    "signroom_security_contexts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.String(50), nullable=False),
    sa.Column("roots", sa.LargeBinary, nullable=False),
    sa.Column("intermediates", sa.LargeBinary, nullable=False),
    sa.Column("rules", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("subscription_id", "name"),
)

pdf_readings = sa.Table(
    "signroom_pdf_readings",
    metadata,
    sa.Column("document_id", sa.ForeignKey("signroom_documents.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("reading", sa.LargeBinary, nullable=False),
)

document_metadata = sa.Table(
    "signroom_document_metadata",
    metadata,
    sa.Column("document_id", sa.ForeignKey("signroom_documents.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("subscription_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.String(50), nullable=False),
    sa.Column("value", sa.String(500), nullable=False),
    sa.Index("ix_signroom_document_metadata_search", "subscription_id", "name", "value"),
)

document_keys = sa.Table(
    "signroom_document_keys",
    metadata,
    sa.Column("key", sa.String(16), primary_key=True),
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id"), nullable=False),
    sa.Column("application_id", sa.ForeignKey("signroom_applications.id"), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("metadata", sa.LargeBinary, nullable=False),
    sa.Column("document_id", sa.Uuid, unique=True),
    # NULL: an application has allocated it.
    sa.Column("made_with_document", sa.Boolean),
)

document_key_metadata = sa.Table(
    "signroom_document_key_metadata",
    metadata,
    sa.Column("key", sa.ForeignKey("signroom_document_keys.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("subscription_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.String(50), nullable=False),
    sa.Column("value", sa.String(500), nullable=False),
    sa.Index("ix_signroom_document_key_metadata_search", "subscription_id", "name", "value"),
)

# One row: how far the comparison of all stored files has come.
file_comparison = sa.Table(
    "signroom_file_comparison",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    # Until then one process is at it.
    sa.Column("claimed_until", UtcDateTime),
    sa.Column("started_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    # The last document that was compared.
    sa.Column("after", sa.Uuid),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
)

uploads = sa.Table(
    "signroom_uploads",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("token_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id"), nullable=False),
    sa.Column("application_id", sa.ForeignKey("signroom_applications.id"), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("used", sa.Boolean, nullable=False),
    sa.Column("ended_with", sa.LargeBinary(32)),
    sa.Column("file_key", sa.String(200)),
    sa.Column("file_name", sa.String(255)),
    sa.Column("file_type", sa.String(100)),
    sa.Column("file_length", sa.BigInteger),
    sa.Column("file_sha256", sa.LargeBinary(32)),
    # Of the signed file that its content was taken from.
    sa.Column("extracted_from", sa.LargeBinary(32)),
    sa.Index(None, "used", "created_at"),
    sa.Index(
        "ix_signroom_uploads_extracted_from",
        "subscription_id",
        "extracted_from",
        postgresql_where=sa.text("extracted_from IS NOT NULL"),
        sqlite_where=sa.text("extracted_from IS NOT NULL"),
    ),
)

upload_parts = sa.Table(
    "signroom_upload_parts",
    metadata,
    sa.Column("upload_id", sa.ForeignKey("signroom_uploads.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("etag", sa.String(32), nullable=False),
    sa.Column("length", sa.Integer, nullable=False),
    sa.Column("blob_key", sa.String(200), nullable=False),
)

idempotency = sa.Table(
    "signroom_idempotency",
    metadata,
    sa.Column("application_id", sa.ForeignKey("signroom_applications.id"), primary_key=True),
    sa.Column("key", sa.LargeBinary(32), primary_key=True),  # SHA-256: clients choose any length
    sa.Column("request", sa.LargeBinary(32), nullable=False),
    sa.Column("subject", sa.Uuid, nullable=False, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
)

spent_nonces = sa.Table(
    "signroom_spent_nonces",
    metadata,
    sa.Column("nonce", sa.LargeBinary(32), primary_key=True),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

preparations = sa.Table(
    "signroom_preparations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("session_id", sa.ForeignKey("signroom_sessions.id"), index=True),
    sa.Column("chain", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # Documents that the consent leaves out, with the reasons; NULL in rows of versions that refused the whole session.
    sa.Column("refused", sa.LargeBinary),
)

prepared_documents = sa.Table(
    "signroom_prepared_documents",
    metadata,
    sa.Column("preparation_id", sa.ForeignKey("signroom_preparations.id"), primary_key=True),
    sa.Column("document_id", sa.Uuid, primary_key=True, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("original_length", sa.BigInteger, nullable=False),
    # The tail without the placeholder: some 4 KB instead of 40 KB of zeros.
    sa.Column("tail_before", sa.LargeBinary, nullable=False),
    sa.Column("tail_after", sa.LargeBinary, nullable=False),
    sa.Column("contents_length", sa.Integer, nullable=False),
    sa.Column("digest_algorithm", sa.String(10), nullable=False),
    sa.Column("document_digest", sa.LargeBinary(64), nullable=False),
    sa.Column("to_sign", sa.LargeBinary, nullable=False),
    sa.Column("signature_type", sa.String(10), nullable=False),
    sa.Column("options", sa.LargeBinary, nullable=False),
)

# Positions are given in the order of commits (`SqlFeed.flush`): who has read up to one has missed none before it.
events = sa.Table(
    "signroom_events",
    metadata,
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("session_id", sa.ForeignKey("signroom_sessions.id"), index=True),
    sa.Column("document_id", sa.Uuid),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    # NULL only in rows of processes of the version before, until they are adopted.
    sa.Column("id", sa.Uuid, unique=True),
    sa.Column("subscription_id", sa.Uuid),
    sa.Column("application_id", sa.Uuid),
    sa.Column("webhook_id", sa.Uuid),
    sa.Column("data", sa.LargeBinary),
    sa.Column("api_key_id", sa.Uuid),
    sa.Index(None, "subscription_id", "position"),
    # A position is never given twice, whatever was purged.
    sqlite_autoincrement=True,
)

# How far the feed of a subscription was purged because of its age: the last position that was.
purged_events = sa.Table(
    "signroom_purged_events",
    metadata,
    sa.Column("subscription_id", sa.Uuid, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)

webhooks = sa.Table(
    "signroom_webhooks",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.ForeignKey("signroom_subscriptions.id"), nullable=False, index=True),
    # NULL: of every application of the subscription.
    sa.Column("application_id", sa.ForeignKey("signroom_applications.id")),
    # NULL: where each session says (`webhookUrl`).
    sa.Column("url", sa.Text),
    sa.Column("auth", sa.String(10), nullable=False),
    sa.Column("user", sa.String(255)),
    sa.Column("secret", sa.LargeBinary),
    sa.Column("signing_secret", sa.LargeBinary, nullable=False),
    sa.Column("previous_secret", sa.LargeBinary),
    sa.Column("previous_until", UtcDateTime),
    sa.Column("event_types", sa.LargeBinary, nullable=False),
    sa.Column("description", sa.String(255)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("paused_at", UtcDateTime),
)

deliveries = sa.Table(
    "signroom_deliveries",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.Uuid, nullable=False),
    sa.Column("webhook_id", sa.ForeignKey("signroom_webhooks.id"), nullable=False),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("event_type", sa.String(64), nullable=False),
    sa.Column("session_id", sa.Uuid),
    sa.Column("document_id", sa.Uuid),
    # What is delivered in order: a document's events, or those of a session itself.
    sa.Column("stream", sa.Uuid, nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("settled_at", UtcDateTime),
    sa.Index(None, "webhook_id", "created_at", "id"),
    sa.Index(None, "webhook_id", "stream", "created_at", "id"),
    sa.Index(None, "webhook_id", "status", "created_at"),
    sa.Index(None, "webhook_id", "status", "due_at"),
    sa.Index(None, "status", "due_at"),
    sa.Index(None, "event_id"),
    sa.Index(None, "created_at"),
)

# Append-only: what became of each try.
delivery_attempts = sa.Table(
    "signroom_delivery_attempts",
    metadata,
    sa.Column("delivery_id", sa.ForeignKey("signroom_deliveries.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("milliseconds", sa.Integer, nullable=False),
    sa.Column("status_code", sa.Integer),
    sa.Column("error", sa.String(255)),
    sa.Column("answer", sa.LargeBinary),
)

# Append-only: what was changed, by whom. Entries outlive what they tell of, so nothing refers to it.
audit_log = sa.Table(
    "signroom_audit_log",
    metadata,
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("subscription_id", sa.Uuid),
    sa.Column("actor", sa.String(150), nullable=False),
    sa.Column("key_id", sa.Uuid),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("subject_id", sa.Uuid, nullable=False),
    sa.Column("before", sa.LargeBinary, nullable=False),
    sa.Column("after", sa.LargeBinary, nullable=False),
    sa.Index(None, "subscription_id", "position"),
    sqlite_autoincrement=True,
)

# One row: what this installation is. Its backups carry its id.
installation = sa.Table(
    "signroom_installation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("installation_id", sa.Uuid, nullable=False),
    sa.Column("backed_up_at", UtcDateTime),
    # Without credentials: obstore takes none from an address.
    sa.Column("backup_place", sa.String(500)),
    sa.Column("restored_at", UtcDateTime),
    # When the backup was made from which it was restored.
    sa.Column("restored_from", UtcDateTime),
)

# Where the numbers of persons occur. They are in plain, as in the rows that they are read from (decision 36).
persons = sa.Table(
    "signroom_persons",
    metadata,
    sa.Column("subscription_id", sa.Uuid, primary_key=True),
    sa.Column("identifier", sa.String(64), primary_key=True),
    # Of the session or the document.
    sa.Column("subject_id", sa.Uuid, primary_key=True, index=True),
)

# What was erased, and how far that has come. Nothing personal is in it.
erasures = sa.Table(
    "signroom_erasures",
    metadata,
    # Of the session or the document.
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("subscription_id", sa.Uuid, nullable=False),
    sa.Column("application_id", sa.Uuid, nullable=False),
    sa.Column("erased_at", UtcDateTime, nullable=False),
    sa.Column("removed", sa.LargeBinary, nullable=False),
    sa.Column("proofs", sa.LargeBinary, nullable=False),
    sa.Column("files_deleted_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Index(None, "ended_at", "erased_at"),
)

# Counters outlive what they count, so nothing refers to it. Each is the sum of its lanes.
statistics = sa.Table(
    "signroom_statistics",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("application_id", sa.Uuid, primary_key=True),
    sa.Column("what", sa.String(10), primary_key=True),
    sa.Column("outcome", sa.String(20), primary_key=True),
    sa.Column("format", sa.String(10), primary_key=True),
    sa.Column("level", sa.String(10), primary_key=True),
    sa.Column("lane", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("subscription_id", sa.Uuid, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index(None, "subscription_id", "day"),
)

# Timestamps that applications were given. A tier may be longer than a format of `statistics`.
timestamps = sa.Table(
    "signroom_timestamps",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("application_id", sa.Uuid, primary_key=True),
    sa.Column("tier", sa.String(32), primary_key=True),
    sa.Column("lane", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("subscription_id", sa.Uuid, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index(None, "subscription_id", "day"),
)

# What the keys of blobs begin with whose rows were removed. Until `look_at` somebody may still be writing one.
# Of the whole installation; those of the file of settings are not here.
timestamp_providers = sa.Table(
    "signroom_timestamp_providers",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("url", sa.String(1024), nullable=False),
    sa.Column("context", sa.String(50), nullable=False),
    sa.Column("tier", sa.String(32), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("auth", sa.String(20), nullable=False),
    sa.Column("user", sa.String(255)),
    sa.Column("secret", sa.LargeBinary),
)

late_files = sa.Table(
    "signroom_late_files",
    metadata,
    sa.Column("beginning", sa.String(200), primary_key=True),
    sa.Column("look_at", UtcDateTime, nullable=False, index=True),
)

# By an identifier of each secret key that is, or was, the current one: when everything at rest was sealed with it.
secret_keys = sa.Table(
    "signroom_secret_keys",
    metadata,
    sa.Column("id", sa.LargeBinary(8), primary_key=True),
    sa.Column("resealed_at", UtcDateTime, nullable=False),
)

# Answers about revocation and issuers' certificates from outside. They can be asked for again at any time.
answers = sa.Table(
    "signroom_answers",
    metadata,
    # SHA-256 of the question.
    sa.Column("key", sa.LargeBinary(32), primary_key=True),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("valid_until", UtcDateTime, nullable=False, index=True),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.LargeBinary(32), nullable=False),
    # One of the two: a small answer, or the blob of a large one.
    sa.Column("octets", sa.LargeBinary),
    sa.Column("blob_key", sa.String(200)),
)

# Which processes that run jobs are alive, by the database's clock (seconds since 1970).
executor_leases = sa.Table(
    "signroom_executor_leases",
    metadata,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("seen_at", sa.Double, nullable=False),
)
