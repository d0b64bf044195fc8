"""how far each feed was purged, where extracted content is from, files that may come late, timestamps that were issued

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signroom.store.tables import UtcDateTime

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'signroom_purged_events',
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('position', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('subscription_id', name=op.f('pk_signroom_purged_events')),
    )
    # Until now the oldest event that is kept said how far all feeds were purged. Whose the others were is not known.
    op.execute(
        'INSERT INTO signroom_purged_events (subscription_id, position)'
        ' SELECT id, (SELECT min(position) - 1 FROM signroom_events) FROM signroom_subscriptions'
        ' WHERE (SELECT min(position) FROM signroom_events) > 1'
    )
    op.add_column('signroom_uploads', sa.Column('extracted_from', sa.LargeBinary(length=32), nullable=True))
    op.create_index(
        'ix_signroom_uploads_extracted_from',
        'signroom_uploads',
        ['subscription_id', 'extracted_from'],
        postgresql_where=sa.text('extracted_from IS NOT NULL'),
        sqlite_where=sa.text('extracted_from IS NOT NULL'),
    )
    op.create_table(
        'signroom_late_files',
        sa.Column('beginning', sa.String(length=200), nullable=False),
        sa.Column('look_at', UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('beginning', name=op.f('pk_signroom_late_files')),
    )
    op.create_index(op.f('ix_signroom_late_files_look_at'), 'signroom_late_files', ['look_at'], unique=False)
    op.create_table(
        'signroom_timestamps',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('application_id', sa.Uuid(), nullable=False),
        sa.Column('tier', sa.String(length=32), nullable=False),
        sa.Column('lane', sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=False),
        sa.Column('count', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('day', 'application_id', 'tier', 'lane', name=op.f('pk_signroom_timestamps')),
    )
    op.create_index(
        op.f('ix_signroom_timestamps_subscription_id_day'), 'signroom_timestamps', ['subscription_id', 'day'], unique=False
    )
