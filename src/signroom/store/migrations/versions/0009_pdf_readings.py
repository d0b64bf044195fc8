"""what was read of PDFs at upload

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Documents from before, and of processes of the version before that still run, have no row: their file is read.
    op.create_table(
        'signroom_pdf_readings',
        sa.Column('document_id', sa.Uuid(), nullable=False),
        sa.Column('reading', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ['document_id'],
            ['signroom_documents.id'],
            name=op.f('fk_signroom_pdf_readings_document_id_signroom_documents'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('document_id', name=op.f('pk_signroom_pdf_readings')),
    )
