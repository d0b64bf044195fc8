"""keys that are made with their documents, and an index of the documents that have none yet

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('signroom_document_keys', sa.Column('made_with_document', sa.Boolean(), nullable=True))
    # The keys themselves are given by a schedule: during a roll-out processes of the version before go on to store
    # documents without one, which a migration would miss.
    op.create_index(
        'ix_signroom_documents_without_key',
        'signroom_documents',
        ['id'],
        postgresql_where=sa.text('key IS NULL'),
        sqlite_where=sa.text('key IS NULL'),
    )
