"""when everything at rest was sealed with a secret key; counters of what was signed

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signroom.store.tables import UtcDateTime

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

_DOCUMENTS = "status = 'Completed' AND counted IS NULL"
_SESSIONS = (
    "status IN ('Completed', 'ProcessingError', 'UserCancelled', 'Expired')"
    " AND (counted_as IS NULL OR counted_as <> status)"
)


def upgrade() -> None:
    op.create_table(
        'signroom_secret_keys',
        sa.Column('id', sa.LargeBinary(length=8), nullable=False),
        sa.Column('resealed_at', UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_secret_keys')),
    )
    op.create_table(
        'signroom_statistics',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('application_id', sa.Uuid(), nullable=False),
        sa.Column('what', sa.String(length=10), nullable=False),
        sa.Column('outcome', sa.String(length=20), nullable=False),
        sa.Column('format', sa.String(length=10), nullable=False),
        sa.Column('level', sa.String(length=10), nullable=False),
        sa.Column('lane', sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('count', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            'day',
            'application_id',
            'what',
            'outcome',
            'format',
            'level',
            'lane',
            name=op.f('pk_signroom_statistics'),
        ),
    )
    op.create_index(
        op.f('ix_signroom_statistics_subscription_id_day'), 'signroom_statistics', ['subscription_id', 'day'], unique=False
    )
    # The rows that are there are counted by a schedule, some at a time: during a roll-out processes of the version
    # before go on to complete documents without counting them, which a migration would miss.
    op.add_column('signroom_documents', sa.Column('counted', sa.Boolean(), nullable=True))
    op.add_column('signroom_sessions', sa.Column('counted_as', sa.String(length=20), nullable=True))
    for table, where in (('documents', _DOCUMENTS), ('sessions', _SESSIONS)):
        op.create_index(
            f'ix_signroom_{table}_to_count',
            f'signroom_{table}',
            ['id'],
            postgresql_where=sa.text(where),
            sqlite_where=sa.text(where),
        )
    op.create_index(
        op.f('ix_signroom_documents_subscription_id_signed_at'),
        'signroom_documents',
        ['subscription_id', 'signed_at', 'id'],
        unique=False,
    )
