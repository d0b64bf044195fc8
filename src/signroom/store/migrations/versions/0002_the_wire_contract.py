"""the wire contract

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa
from alembic import op


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

# What rows from before have in the new columns.
EMPTY_LIST, NO_OPTIONS = b"[]", b"{}"
ANY_ISSUER = UUID("1f4a6f6b-5d0c-4f3e-9d0a-0e7a3c5b9a01")


def _fill(table: str, values: dict[str, object]) -> None:
    kinds = {bytes: sa.LargeBinary, UUID: sa.Uuid, bool: sa.Boolean, str: sa.String}
    target = sa.table(table, *(sa.column(name, kinds[type(value)]) for name, value in values.items()))
    op.execute(sa.update(target).values(values))


def upgrade() -> None:
    op.create_table('signroom_spent_nonces',
    sa.Column('nonce', sa.LargeBinary(length=32), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('nonce', name=op.f('pk_signroom_spent_nonces'))
    )
    with op.batch_alter_table('signroom_spent_nonces', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_signroom_spent_nonces_expires_at'), ['expires_at'], unique=False)

    op.create_table('signroom_document_keys',
    sa.Column('key', sa.String(length=16), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('application_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('metadata', sa.LargeBinary(), nullable=False),
    sa.Column('document_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['application_id'], ['signroom_applications.id'], name=op.f('fk_signroom_document_keys_application_id')),
    sa.ForeignKeyConstraint(['subscription_id'], ['signroom_subscriptions.id'], name=op.f('fk_signroom_document_keys_subscription_id')),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_signroom_document_keys')),
    sa.UniqueConstraint('document_id', name=op.f('uq_signroom_document_keys_document_id'))
    )
    op.create_table('signroom_idempotency',
    sa.Column('application_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.LargeBinary(length=32), nullable=False),
    sa.Column('request', sa.LargeBinary(length=32), nullable=False),
    sa.Column('subject', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['application_id'], ['signroom_applications.id'], name=op.f('fk_signroom_idempotency_application_id')),
    sa.PrimaryKeyConstraint('application_id', 'key', name=op.f('pk_signroom_idempotency'))
    )
    with op.batch_alter_table('signroom_idempotency', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_signroom_idempotency_created_at'), ['created_at'], unique=False)

    op.create_table('signroom_uploads',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('application_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used', sa.Boolean(), nullable=False),
    sa.Column('ended_with', sa.LargeBinary(length=32), nullable=True),
    sa.Column('file_key', sa.String(length=200), nullable=True),
    sa.Column('file_name', sa.String(length=255), nullable=True),
    sa.Column('file_type', sa.String(length=100), nullable=True),
    sa.Column('file_length', sa.BigInteger(), nullable=True),
    sa.Column('file_sha256', sa.LargeBinary(length=32), nullable=True),
    sa.ForeignKeyConstraint(['application_id'], ['signroom_applications.id'], name=op.f('fk_signroom_uploads_application_id')),
    sa.ForeignKeyConstraint(['subscription_id'], ['signroom_subscriptions.id'], name=op.f('fk_signroom_uploads_subscription_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_uploads')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_signroom_uploads_token_hash'))
    )
    with op.batch_alter_table('signroom_uploads', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_signroom_uploads_used_created_at'), ['used', 'created_at'], unique=False)

    op.create_table('signroom_document_key_metadata',
    sa.Column('key', sa.String(length=16), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=50), nullable=False),
    sa.Column('value', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['key'], ['signroom_document_keys.key'], name=op.f('fk_signroom_document_key_metadata_key'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('key', 'number', name=op.f('pk_signroom_document_key_metadata'))
    )
    with op.batch_alter_table('signroom_document_key_metadata', schema=None) as batch_op:
        batch_op.create_index('ix_signroom_document_key_metadata_search', ['subscription_id', 'name', 'value'], unique=False)

    op.create_table('signroom_upload_parts',
    sa.Column('upload_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('etag', sa.String(length=32), nullable=False),
    sa.Column('length', sa.Integer(), nullable=False),
    sa.Column('blob_key', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['upload_id'], ['signroom_uploads.id'], name=op.f('fk_signroom_upload_parts_upload_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('upload_id', 'number', name=op.f('pk_signroom_upload_parts'))
    )
    op.create_table('signroom_document_metadata',
    sa.Column('document_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=50), nullable=False),
    sa.Column('value', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['document_id'], ['signroom_documents.id'], name=op.f('fk_signroom_document_metadata_document_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('document_id', 'number', name=op.f('pk_signroom_document_metadata'))
    )
    with op.batch_alter_table('signroom_document_metadata', schema=None) as batch_op:
        batch_op.create_index('ix_signroom_document_metadata_search', ['subscription_id', 'name', 'value'], unique=False)

    with op.batch_alter_table('signroom_api_keys', schema=None) as batch_op:
        batch_op.add_column(sa.Column('description', sa.String(length=255), nullable=True))
        batch_op.alter_column('role',
               existing_type=sa.VARCHAR(length=20),
               nullable=True)

    with op.batch_alter_table('signroom_applications', schema=None) as batch_op:
        batch_op.add_column(sa.Column('roles', sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column('default_metadata', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('return_urls', sa.LargeBinary(), nullable=True))
    _fill("signroom_applications", {"roles": "", "default_metadata": EMPTY_LIST, "return_urls": EMPTY_LIST})
    with op.batch_alter_table('signroom_applications', schema=None) as batch_op:
        batch_op.alter_column('roles', existing_type=sa.String(length=100), nullable=False)
        batch_op.alter_column('default_metadata', existing_type=sa.LargeBinary(), nullable=False)
        batch_op.alter_column('return_urls', existing_type=sa.LargeBinary(), nullable=False)
        batch_op.drop_constraint(batch_op.f('uq_signroom_applications_name'), type_='unique')
        batch_op.create_unique_constraint(batch_op.f('uq_signroom_applications_subscription_id_name'), ['subscription_id', 'name'])

    with op.batch_alter_table('signroom_documents', schema=None) as batch_op:
        batch_op.add_column(sa.Column('subscription_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('application_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('key', sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column('metadata', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('options', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('data_key', sa.String(length=200), nullable=True))
    _fill("signroom_documents", {"metadata": EMPTY_LIST, "options": NO_OPTIONS})
    for column in ("subscription_id", "application_id"):
        op.execute(
            f"UPDATE signroom_documents SET {column} = (SELECT {column} FROM signroom_sessions"  # noqa: S608
            " WHERE signroom_sessions.id = signroom_documents.session_id)"
        )
    with op.batch_alter_table('signroom_documents', schema=None) as batch_op:
        batch_op.alter_column('metadata', existing_type=sa.LargeBinary(), nullable=False)
        batch_op.alter_column('options', existing_type=sa.LargeBinary(), nullable=False)
        batch_op.alter_column('subscription_id', existing_type=sa.Uuid(), nullable=False)
        batch_op.alter_column('application_id', existing_type=sa.Uuid(), nullable=False)
        batch_op.alter_column('session_id',
               existing_type=sa.Uuid(),
               nullable=True)
        batch_op.create_index(
            batch_op.f('ix_signroom_documents_subscription_id_signed_sha256'), ['subscription_id', 'signed_sha256'], unique=False
        )
        batch_op.create_index(batch_op.f('ix_signroom_documents_application_id'), ['application_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_signroom_documents_subscription_id_created_at_id'), ['subscription_id', 'created_at', 'id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_signroom_documents_subscription_id'), 'signroom_subscriptions', ['subscription_id'], ['id'])
        batch_op.create_foreign_key(batch_op.f('fk_signroom_documents_application_id'), 'signroom_applications', ['application_id'], ['id'])

    with op.batch_alter_table('signroom_events', schema=None) as batch_op:
        batch_op.alter_column('session_id', existing_type=sa.Uuid(), nullable=True)

    with op.batch_alter_table('signroom_preparations', schema=None) as batch_op:
        batch_op.alter_column('session_id',
               existing_type=sa.Uuid(),
               nullable=True)

    with op.batch_alter_table('signroom_prepared_documents', schema=None) as batch_op:
        batch_op.add_column(sa.Column('signature_type', sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column('options', sa.LargeBinary(), nullable=True))
    _fill("signroom_prepared_documents", {"signature_type": "Pdf", "options": NO_OPTIONS})
    with op.batch_alter_table('signroom_prepared_documents', schema=None) as batch_op:
        batch_op.alter_column('signature_type', existing_type=sa.String(length=10), nullable=False)
        batch_op.alter_column('options', existing_type=sa.LargeBinary(), nullable=False)

    with op.batch_alter_table('signroom_sessions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('callback_argument_hash', sa.LargeBinary(length=32), nullable=True))
        batch_op.add_column(sa.Column('security_context_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('requirements', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('background', sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column('metadata', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('options', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('result_token', sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column('language', sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column('signer_issuers', sa.LargeBinary(), nullable=True))
    _fill("signroom_sessions", {"security_context_id": ANY_ISSUER, "requirements": EMPTY_LIST, "background": False, "metadata": EMPTY_LIST, "options": NO_OPTIONS, "result_token": False, "signer_issuers": EMPTY_LIST})
    with op.batch_alter_table('signroom_sessions', schema=None) as batch_op:
        batch_op.alter_column('security_context_id', existing_type=sa.Uuid(), nullable=False)
        batch_op.alter_column('requirements', existing_type=sa.LargeBinary(), nullable=False)
        batch_op.alter_column('background', existing_type=sa.Boolean(), nullable=False)
        batch_op.alter_column('metadata', existing_type=sa.LargeBinary(), nullable=False)
        batch_op.alter_column('options', existing_type=sa.LargeBinary(), nullable=False)
        batch_op.alter_column('result_token', existing_type=sa.Boolean(), nullable=False)
        batch_op.alter_column('signer_issuers', existing_type=sa.LargeBinary(), nullable=False)
        batch_op.create_index('ix_signroom_sessions_callback_argument', ['subscription_id', 'callback_argument_hash'], unique=False)

    _hash_callback_arguments()


def _hash_callback_arguments() -> None:
    sessions = sa.table(
        "signroom_sessions",
        sa.column("id", sa.Uuid),
        sa.column("callback_argument", sa.Text),
        sa.column("callback_argument_hash", sa.LargeBinary),
    )
    connection = op.get_bind()
    found = connection.execute(
        sa.select(sessions.c.id, sessions.c.callback_argument).where(sessions.c.callback_argument.is_not(None))
    ).all()
    if found:
        update = (
            sa.update(sessions)
            .where(sessions.c.id == sa.bindparam("row"))
            .values(callback_argument_hash=sa.bindparam("digest"))
        )
        rows = [{"row": row.id, "digest": sha256(row.callback_argument.encode()).digest()} for row in found]
        connection.execute(update, rows)
