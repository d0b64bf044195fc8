"""when everything at rest was sealed with a secret key

Revision ID: 0016
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signroom.store.tables import UtcDateTime

revision = '0016'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'signroom_secret_keys',
        sa.Column('id', sa.LargeBinary(length=8), nullable=False),
        sa.Column('resealed_at', UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_secret_keys')),
    )
