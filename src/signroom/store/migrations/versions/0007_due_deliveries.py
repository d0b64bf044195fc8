"""the next delivery of an endpoint by when it is due

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f('ix_signroom_deliveries_webhook_id_status_due_at'),
        'signroom_deliveries',
        ['webhook_id', 'status', 'due_at'],
        unique=False,
    )
