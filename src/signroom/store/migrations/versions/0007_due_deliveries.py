"""indexes for the next delivery of an endpoint, and for what comes before one in its stream

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

_STREAM = 'ix_signroom_deliveries_webhook_id_stream'


def upgrade() -> None:
    for columns in (['webhook_id', 'status', 'due_at'], ['webhook_id', 'stream', 'created_at', 'id']):
        name = f'ix_signroom_deliveries_{"_".join(columns)}'
        op.create_index(op.f(name), 'signroom_deliveries', columns, unique=False)
    # The last one serves for this one too.
    op.drop_index(op.f(f'{_STREAM}_status'), 'signroom_deliveries')
