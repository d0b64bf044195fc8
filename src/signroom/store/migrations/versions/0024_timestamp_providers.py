"""timestamp providers that are set by command or API

Revision ID: 0024
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0024'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'signroom_timestamp_providers',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(length=100), nullable=False),
        sa.Column('url', sa.String(length=1024), nullable=False),
        sa.Column('context', sa.String(length=50), nullable=False),
        sa.Column('tier', sa.String(length=32), nullable=False),
        sa.Column('priority', sa.Integer(), nullable=False),
        sa.Column('auth', sa.String(length=20), nullable=False),
        sa.Column('user', sa.String(length=255), nullable=True),
        sa.Column('secret', sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_timestamp_providers')),
        sa.UniqueConstraint('name', name=op.f('uq_signroom_timestamp_providers_name')),
    )
