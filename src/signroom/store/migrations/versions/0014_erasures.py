"""sessions and documents that are erased

Revision ID: 0014
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signroom.store.tables import UtcDateTime

revision = '0014'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('signroom_sessions', sa.Column('erased_at', UtcDateTime(timezone=True), nullable=True))
    op.add_column('signroom_documents', sa.Column('erased_at', UtcDateTime(timezone=True), nullable=True))
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
