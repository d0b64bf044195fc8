"""security contexts of subscriptions

Revision ID: 0022
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0022'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'signroom_security_contexts',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.String(length=50), nullable=False),
        sa.Column('roots', sa.LargeBinary(), nullable=False),
        sa.Column('intermediates', sa.LargeBinary(), nullable=False),
        sa.Column('rules', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ['subscription_id'],
            ['signroom_subscriptions.id'],
            name=op.f('fk_signroom_security_contexts_subscription_id_signroom_subscriptions'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_security_contexts')),
        sa.UniqueConstraint('subscription_id', 'name', name=op.f('uq_signroom_security_contexts_subscription_id_name')),
    )
