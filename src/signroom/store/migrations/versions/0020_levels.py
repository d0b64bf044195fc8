"""levels of signed files, and the versions before the newest

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import signroom.store.tables


revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('signroom_documents', sa.Column('signed_level', sa.String(length=10), nullable=True))
    op.add_column('signroom_documents', sa.Column('signed_made_at', signroom.store.tables.UtcDateTime(), nullable=True))
    op.add_column('signroom_documents', sa.Column('earlier_versions', sa.LargeBinary(), nullable=True))
    op.add_column('signroom_documents', sa.Column('level_detail', sa.String(length=500), nullable=True))
    op.add_column('signroom_documents', sa.Column('level_asked_at', signroom.store.tables.UtcDateTime(), nullable=True))
    op.add_column('signroom_documents', sa.Column('security_context_id', sa.Uuid(), nullable=True))
    op.create_table(
        'signroom_document_versions',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('file_key', sa.String(length=200), nullable=False),
        sa.Column('file_length', sa.BigInteger(), nullable=False),
        sa.Column('file_sha256', sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ['document_id'],
            ['signroom_documents.id'],
            name=op.f('fk_signroom_document_versions_document_id_signroom_documents'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('document_id', 'number', name=op.f('pk_signroom_document_versions')),
    )
    op.create_index(op.f('ix_signroom_document_versions_file_key'), 'signroom_document_versions', ['file_key'])
    op.create_index(
        op.f('ix_signroom_document_versions_subscription_id_file_sha256'),
        'signroom_document_versions',
        ['subscription_id', 'file_sha256'],
    )
