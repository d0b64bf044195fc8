"""documents that could not be prepared, and what is wrong with a failed one

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable: rows from before, and from processes of the version before that still run, have none.
    with op.batch_alter_table('signroom_documents', schema=None) as batch_op:
        batch_op.add_column(sa.Column('processing_error_detail', sa.String(length=500), nullable=True))
    with op.batch_alter_table('signroom_preparations', schema=None) as batch_op:
        batch_op.add_column(sa.Column('refused', sa.LargeBinary(), nullable=True))
