"""how far the comparison of stored files has come

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import signroom.store.tables


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Every file of a document has had its digest from the first version on: nothing is to be added to old rows.
    table = op.create_table(
        'signroom_file_comparison',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('claimed_until', signroom.store.tables.UtcDateTime(), nullable=True),
        sa.Column('started_at', signroom.store.tables.UtcDateTime(), nullable=True),
        sa.Column('finished_at', signroom.store.tables.UtcDateTime(), nullable=True),
        sa.Column('after', sa.Uuid(), nullable=True),
        sa.Column('done', sa.BigInteger(), nullable=False),
        sa.Column('total', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_file_comparison')),
    )
    op.bulk_insert(table, [{'id': 1, 'done': 0, 'total': 0}])
