"""what the installation is, and when it was backed up

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

import signroom.store.tables


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        'signroom_installation',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('installation_id', sa.Uuid(), nullable=False),
        sa.Column('backed_up_at', signroom.store.tables.UtcDateTime(), nullable=True),
        sa.Column('backup_place', sa.String(length=500), nullable=True),
        sa.Column('restored_at', signroom.store.tables.UtcDateTime(), nullable=True),
        sa.Column('restored_from', signroom.store.tables.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_installation')),
    )
    # Its backups carry this id, so that two installations never mix theirs in one place.
    op.bulk_insert(table, [{'id': 1, 'installation_id': uuid4()}])
