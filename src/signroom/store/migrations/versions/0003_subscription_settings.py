"""settings of subscriptions: file validation, branding; origins that may frame the page

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('signroom_file_validations',
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('file_name_pattern', sa.Text(), nullable=True),
    sa.Column('endpoint_url', sa.Text(), nullable=True),
    sa.Column('endpoint_auth', sa.String(length=10), nullable=True),
    sa.Column('endpoint_user', sa.String(length=255), nullable=True),
    sa.Column('endpoint_secret', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['subscription_id'], ['signroom_subscriptions.id'], name=op.f('fk_signroom_file_validations_subscription_id')),
    sa.PrimaryKeyConstraint('subscription_id', name=op.f('pk_signroom_file_validations'))
    )
    op.create_table('signroom_brandings',
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=True),
    sa.Column('accent', sa.String(length=7), nullable=True),
    sa.Column('accent_dark', sa.String(length=7), nullable=True),
    sa.Column('logo', sa.LargeBinary(), nullable=True),
    sa.Column('logo_type', sa.String(length=20), nullable=True),
    sa.ForeignKeyConstraint(['subscription_id'], ['signroom_subscriptions.id'], name=op.f('fk_signroom_brandings_subscription_id')),
    sa.PrimaryKeyConstraint('subscription_id', name=op.f('pk_signroom_brandings'))
    )
    with op.batch_alter_table('signroom_applications', schema=None) as batch_op:
        batch_op.add_column(sa.Column('frame_origins', sa.LargeBinary(), nullable=True))
    applications = sa.table("signroom_applications", sa.column("frame_origins", sa.LargeBinary))
    op.execute(sa.update(applications).values(frame_origins=b"[]"))
    with op.batch_alter_table('signroom_applications', schema=None) as batch_op:
        batch_op.alter_column('frame_origins', existing_type=sa.LargeBinary(), nullable=False)
