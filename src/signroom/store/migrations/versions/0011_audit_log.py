"""who changed what, and the lives of API keys

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signroom.store.tables import UtcDateTime

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'signroom_audit_log',
        sa.Column(
            'position',
            sa.BigInteger().with_variant(sa.Integer(), 'sqlite'),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=True),
        sa.Column('actor', sa.String(length=150), nullable=False),
        sa.Column('key_id', sa.Uuid(), nullable=True),
        sa.Column('action', sa.String(length=64), nullable=False),
        sa.Column('subject_id', sa.Uuid(), nullable=False),
        sa.Column('before', sa.LargeBinary(), nullable=False),
        sa.Column('after', sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint('position', name=op.f('pk_signroom_audit_log')),
        sa.UniqueConstraint('id', name=op.f('uq_signroom_audit_log_id')),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f('ix_signroom_audit_log_at'), 'signroom_audit_log', ['at'])
    op.create_index(
        op.f('ix_signroom_audit_log_subscription_id_position'), 'signroom_audit_log', ['subscription_id', 'position']
    )
    op.add_column('signroom_api_keys', sa.Column('created_by', sa.String(length=150), nullable=True))
    op.add_column('signroom_api_keys', sa.Column('last_used_at', UtcDateTime(timezone=True), nullable=True))
    op.add_column('signroom_api_keys', sa.Column('revoked_at', UtcDateTime(timezone=True), nullable=True))
    op.add_column('signroom_events', sa.Column('api_key_id', sa.Uuid(), nullable=True))
