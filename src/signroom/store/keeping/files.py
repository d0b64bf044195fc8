"""Which stored files the rows of a database point to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.backup import KeptFile
from signroom.store import tables

_AT_ONCE = 1000

D, U, P, V = tables.documents, tables.uploads, tables.upload_parts, tables.document_versions
FILE_COLUMNS: tuple[tuple[sa.Column[str], sa.Column[int] | None, sa.Column[bytes] | None], ...] = (
    (D.c.original_key, D.c.original_length, D.c.original_sha256),
    (D.c.signed_key, D.c.signed_length, D.c.signed_sha256),
    (V.c.file_key, V.c.file_length, V.c.file_sha256),
    (D.c.data_key, None, None),
    (U.c.file_key, U.c.file_length, U.c.file_sha256),
    (P.c.blob_key, P.c.length, None),
)
"""Every column that holds the key of a blob, with those of its length and its digest."""


def files_of(connection: Connection, now: datetime) -> Iterator[KeptFile]:
    """Files that are needed from `now` on. Those of documents whose time is over count as gone (`require_files`)."""
    for key, length, sha256 in FILE_COLUMNS:
        columns = (key, sa.null() if length is None else length, sa.null() if sha256 is None else sha256)
        query = sa.select(*columns).where(key.is_not(None))
        if key.table is V:
            query = query.join_from(V, D, D.c.id == V.c.document_id)
        if key.table in (D, V):
            kept = sa.or_(D.c.available_until.is_(None), D.c.available_until > now)
            query = query.where(D.c.purged_at.is_(None), kept)
        for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
            yield KeptFile(row[0], row[1], row[2])
