"""applications and subscriptions that are disabled or being deleted, and strict applications

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signroom.store.tables import UtcDateTime

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ('signroom_subscriptions', 'signroom_applications'):
        for name in ('created_at', 'disabled_at', 'deleting_since'):
            op.add_column(table, sa.Column(name, UtcDateTime(timezone=True), nullable=True))
    op.add_column('signroom_applications', sa.Column('strict', sa.Boolean(), nullable=True))
