"""until when the archive timestamps of signed files hold

Revision ID: 0026
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signroom.store.tables import UtcDateTime

revision = '0026'
down_revision = '0024'
branch_labels = None
depends_on = None

_TO_RENEW = "archive_until IS NOT NULL AND level_asked_at IS NULL AND purged_at IS NULL"


def upgrade() -> None:
    op.add_column('signroom_documents', sa.Column('archive_until', UtcDateTime(), nullable=True))
    op.create_index(
        'ix_signroom_documents_archive_until',
        'signroom_documents',
        ['archive_until', 'id'],
        unique=False,
        postgresql_where=sa.text(_TO_RENEW),
        sqlite_where=sa.text(_TO_RENEW),
    )
