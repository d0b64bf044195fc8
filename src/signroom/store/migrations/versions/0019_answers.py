"""answers about revocation and issuers, kept for all processes

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import signroom.store.tables


revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'signroom_answers',
        sa.Column('key', sa.LargeBinary(length=32), nullable=False),
        sa.Column('asked_at', signroom.store.tables.UtcDateTime(), nullable=False),
        sa.Column('valid_until', signroom.store.tables.UtcDateTime(), nullable=False),
        sa.Column('length', sa.BigInteger(), nullable=False),
        sa.Column('sha256', sa.LargeBinary(length=32), nullable=False),
        sa.Column('octets', sa.LargeBinary(), nullable=True),
        sa.Column('blob_key', sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint('key', name=op.f('pk_signroom_answers')),
    )
    op.create_index(op.f('ix_signroom_answers_valid_until'), 'signroom_answers', ['valid_until'])
