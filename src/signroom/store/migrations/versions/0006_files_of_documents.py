"""indexes by file: who else points to the file of a document that is purged

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

_COLUMNS = ('original_key', 'signed_key', 'data_key')


def upgrade() -> None:
    for column in _COLUMNS:
        op.create_index(op.f(f'ix_signroom_documents_{column}'), 'signroom_documents', [column], unique=False)
