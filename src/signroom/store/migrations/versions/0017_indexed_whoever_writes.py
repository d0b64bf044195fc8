"""what a process of version 0.1.0 changes is read for the index of persons

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

_FUNCTION = """
CREATE FUNCTION signroom_person_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.person_due := true;
    RETURN NEW;
END
$$
"""
_POSTGRESQL = """
CREATE TRIGGER signroom_{table}_person_due BEFORE UPDATE OF status ON signroom_{table}
FOR EACH ROW WHEN (NEW.person_due IS FALSE) EXECUTE FUNCTION signroom_person_due()
"""
_SQLITE = """
CREATE TRIGGER signroom_{table}_person_due AFTER UPDATE OF status ON signroom_{table}
FOR EACH ROW WHEN NEW.person_due IS 0
BEGIN
    UPDATE signroom_{table} SET person_due = 1 WHERE id = NEW.id;
END
"""


def upgrade() -> None:
    # A process of this version sets the mark itself, and nothing happens then. Version 0.1.0 does not know the column: it
    # writes its own ones, the status among them, whenever it saves a session or a document.
    postgresql = op.get_bind().dialect.name == 'postgresql'
    if postgresql:
        op.execute(_FUNCTION)
    for table in ('sessions', 'documents'):
        op.execute((_POSTGRESQL if postgresql else _SQLITE).format(table=table))
