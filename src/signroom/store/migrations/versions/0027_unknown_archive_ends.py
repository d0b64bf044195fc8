"""documents of which it is not known when their archive timestamp ends are found by an index

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None

_WITHOUT_END = "signed_level = 'B-LTA' AND archive_until IS NULL AND purged_at IS NULL AND erased_at IS NULL"


def upgrade() -> None:
    op.create_index(
        'ix_signroom_documents_without_end',
        'signroom_documents',
        ['id'],
        unique=False,
        postgresql_where=sa.text(_WITHOUT_END),
        sqlite_where=sa.text(_WITHOUT_END),
    )
