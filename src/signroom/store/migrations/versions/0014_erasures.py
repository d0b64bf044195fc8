"""sessions and documents that are erased, and the index by which a person is found

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signroom.store.tables import UtcDateTime

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('signroom_sessions', sa.Column('erased_at', UtcDateTime(timezone=True), nullable=True))
    op.add_column('signroom_documents', sa.Column('erased_at', UtcDateTime(timezone=True), nullable=True))
    op.create_table(
        'signroom_persons',
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('identifier', sa.String(length=64), nullable=False),
        sa.Column('subject_id', sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint('subscription_id', 'identifier', 'subject_id', name=op.f('pk_signroom_persons')),
    )
    op.create_index(op.f('ix_signroom_persons_subject_id'), 'signroom_persons', ['subject_id'])
    for table in ('signroom_sessions', 'signroom_documents'):
        due = sa.Column('person_due', sa.Boolean(), server_default=sa.true(), nullable=False)
        op.add_column(table, due)
        op.create_index(
            f'ix_{table}_person_due',
            table,
            ['id'],
            postgresql_where=sa.text('person_due IS true'),
            sqlite_where=sa.text('person_due IS 1'),
        )
    op.create_table(
        'signroom_erasures',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('kind', sa.String(length=20), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('application_id', sa.Uuid(), nullable=False),
        sa.Column('erased_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('removed', sa.LargeBinary(), nullable=False),
        sa.Column('proofs', sa.LargeBinary(), nullable=False),
        sa.Column('files_deleted_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_erasures')),
    )
    op.create_index(op.f('ix_signroom_erasures_ended_at_erased_at'), 'signroom_erasures', ['ended_at', 'erased_at'])
    op.create_index(op.f('ix_signroom_idempotency_subject'), 'signroom_idempotency', ['subject'])
    op.create_index(
        op.f('ix_signroom_prepared_documents_document_id'), 'signroom_prepared_documents', ['document_id']
    )
