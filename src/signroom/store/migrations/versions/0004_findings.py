"""findings of pre-flight

Revision ID: 0004
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable: rows from before, and from processes of the version before that still run, have none.
    with op.batch_alter_table('signroom_documents', schema=None) as batch_op:
        batch_op.add_column(sa.Column('findings', sa.LargeBinary(), nullable=True))
