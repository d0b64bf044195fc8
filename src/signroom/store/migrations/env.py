"""Alembic's entry: runs on the connection that ``store.schema`` hands in, for our own tables only."""

from alembic import context

from signroom.store.tables import metadata

connection = context.config.attributes["connection"]


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """DBOS keeps its tables in the same database; autogenerate would want to drop them."""
    return kind != "table" or (name is not None and name in metadata.tables)


context.configure(connection=connection, target_metadata=metadata, include_name=ours, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
