"""the event feed, webhooks and their deliveries, leases of executors, retention

Revision ID: 0005
Revises: 0004

Columns of tables that processes of the version before still write are nullable.
"""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

_AT_ONCE = 1000


def upgrade() -> None:
    with op.batch_alter_table('signroom_subscriptions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('retention_days', sa.Integer(), nullable=True))
    with op.batch_alter_table('signroom_sessions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('webhook_url', sa.Text(), nullable=True))
    with op.batch_alter_table('signroom_documents', schema=None) as batch_op:
        batch_op.add_column(sa.Column('available_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('purged_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_signroom_documents_purged_at_available_until'), ['purged_at', 'available_until'], unique=False)
    _events()
    _webhooks()
    op.create_table('signroom_executor_leases',
    sa.Column('id', sa.String(length=200), nullable=False),
    sa.Column('seen_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_executor_leases'))
    )


def _events() -> None:
    # On SQLite the table is made anew: with AUTOINCREMENT a position is never given twice.
    with op.batch_alter_table('signroom_events', schema=None, table_kwargs={'sqlite_autoincrement': True}) as batch_op:
        batch_op.add_column(sa.Column('id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('subscription_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('application_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('webhook_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('data', sa.LargeBinary(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f('uq_signroom_events_id'), ['id'])
        batch_op.create_index(batch_op.f('ix_signroom_events_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_signroom_events_subscription_id_position'), ['subscription_id', 'position'], unique=False)
    events = sa.table('signroom_events', sa.column('position', sa.BigInteger), sa.column('id', sa.Uuid),
                      sa.column('subscription_id', sa.Uuid), sa.column('application_id', sa.Uuid), sa.column('session_id', sa.Uuid))
    sessions = sa.table('signroom_sessions', sa.column('id', sa.Uuid), sa.column('subscription_id', sa.Uuid), sa.column('application_id', sa.Uuid))
    owner = sessions.c.id == events.c.session_id
    op.execute(sa.update(events).values(
        subscription_id=sa.select(sessions.c.subscription_id).where(owner).scalar_subquery(),
        application_id=sa.select(sessions.c.application_id).where(owner).scalar_subquery(),
    ))
    connection = op.get_bind()
    change = sa.update(events).where(events.c.position == sa.bindparam('at')).values(id=sa.bindparam('made'))
    while found := connection.execute(sa.select(events.c.position).where(events.c.id.is_(None)).limit(_AT_ONCE)).scalars().all():
        connection.execute(change, [{'at': position, 'made': uuid4()} for position in found])


def _webhooks() -> None:
    op.create_table('signroom_webhooks',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('application_id', sa.Uuid(), nullable=True),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('auth', sa.String(length=10), nullable=False),
    sa.Column('user', sa.String(length=255), nullable=True),
    sa.Column('secret', sa.LargeBinary(), nullable=True),
    sa.Column('signing_secret', sa.LargeBinary(), nullable=False),
    sa.Column('previous_secret', sa.LargeBinary(), nullable=True),
    sa.Column('previous_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('event_types', sa.LargeBinary(), nullable=False),
    sa.Column('description', sa.String(length=255), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['subscription_id'], ['signroom_subscriptions.id'], name=op.f('fk_signroom_webhooks_subscription_id')),
    sa.ForeignKeyConstraint(['application_id'], ['signroom_applications.id'], name=op.f('fk_signroom_webhooks_application_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_webhooks'))
    )
    op.create_index(op.f('ix_signroom_webhooks_subscription_id'), 'signroom_webhooks', ['subscription_id'], unique=False)
    op.create_table('signroom_deliveries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('webhook_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('event_type', sa.String(length=64), nullable=False),
    sa.Column('session_id', sa.Uuid(), nullable=True),
    sa.Column('document_id', sa.Uuid(), nullable=True),
    sa.Column('stream', sa.Uuid(), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['webhook_id'], ['signroom_webhooks.id'], name=op.f('fk_signroom_deliveries_webhook_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signroom_deliveries'))
    )
    for columns in (['webhook_id', 'created_at', 'id'], ['webhook_id', 'stream', 'status'], ['webhook_id', 'status', 'created_at'],
                    ['status', 'due_at'], ['event_id'], ['created_at']):
        op.create_index(op.f('ix_signroom_deliveries_' + '_'.join(columns)), 'signroom_deliveries', columns, unique=False)
    op.create_table('signroom_delivery_attempts',
    sa.Column('delivery_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('milliseconds', sa.Integer(), nullable=False),
    sa.Column('status_code', sa.Integer(), nullable=True),
    sa.Column('error', sa.String(length=255), nullable=True),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['delivery_id'], ['signroom_deliveries.id'], name=op.f('fk_signroom_delivery_attempts_delivery_id')),
    sa.PrimaryKeyConstraint('delivery_id', 'number', name=op.f('pk_signroom_delivery_attempts'))
    )
