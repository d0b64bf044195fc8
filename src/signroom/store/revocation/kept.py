"""The ``AnswerStore`` port: rows for what is small, blobs for what is large.

A blob is written before its row, and deleted after it. Whatever dies in between leaves a blob that nobody asks for, or
a row whose blob is missing; such a row is as good as none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine, RowMapping

from signroom.domain.blob_key import answer_blob
from signroom.domain.errors import BlobNotFound, FileChanged, StorageUnavailable
from signroom.ports.files import Blobs, Stored
from signroom.ports.outside import KeptAnswer, KeptAnswers
from signroom.store import tables
from signroom.store.engine import READ_ONLY
from signroom.store.outages import outages_as_ours

log = structlog.get_logger()

SMALL = 64 << 10
"""Bytes; larger answers are blobs."""
_T = tables.answers


class SqlAnswerStore:
    """Each method is a transaction of its own: an answer belongs to no verb."""

    def __init__(self, engine: Engine, blobs: Blobs) -> None:
        self._engine, self._blobs = engine, blobs
        self._reader = engine.execution_options(**READ_ONLY)

    def find(self, keys: Collection[bytes], now: datetime) -> dict[bytes, KeptAnswer]:
        if not keys:
            return {}
        query = sa.select(_T).where(_T.c.key.in_(sorted(keys)), _T.c.valid_until > now)
        with outages_as_ours(), self._reader.begin() as connection:
            rows = connection.execute(query).mappings().all()
        found: dict[bytes, KeptAnswer] = {}
        for row in rows:
            octets = self._octets(row)
            if octets is not None:
                found[row["key"]] = KeptAnswer(row["key"], octets, row["asked_at"], row["valid_until"])
        return found

    def asked_at(self, keys: Collection[bytes]) -> dict[bytes, datetime]:
        if not keys:
            return {}
        query = sa.select(_T.c.key, _T.c.asked_at).where(_T.c.key.in_(sorted(keys)))
        with outages_as_ours(), self._reader.begin() as connection:
            return {row.key: row.asked_at for row in connection.execute(query)}

    def keep(self, answers: Collection[KeptAnswer]) -> None:
        if not answers:
            return
        new = [self._row(answer) for answer in sorted(answers, key=lambda answer: answer.key)]
        blobs_of = sa.select(_T.c.blob_key).where(_T.c.key.in_([row["key"] for row in new]), _T.c.blob_key.is_not(None))
        upsert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        statement = upsert(_T).values(new)
        changed = {column.name: statement.excluded[column.name] for column in _T.c if column.name != "key"}
        # Of two processes that asked at the same time the newer answer stays.
        newer = _T.c.asked_at <= statement.excluded.asked_at
        with outages_as_ours(), self._engine.begin() as connection:
            before = set(connection.execute(blobs_of.with_for_update()).scalars())
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=changed, where=newer))
            after = set(connection.execute(blobs_of).scalars())
        written = {str(row["blob_key"]) for row in new if row["blob_key"] is not None}
        for needless in (before | written) - after:
            self._blobs.delete(needless)

    def delete_expired(self, now: datetime, limit: int) -> int:
        over = sa.select(_T.c.key, _T.c.blob_key).where(_T.c.valid_until <= now).limit(limit)
        with outages_as_ours(), self._engine.begin() as connection:
            rows = connection.execute(over).all()
            if rows:
                gone = sa.delete(_T).where(_T.c.key.in_([row.key for row in rows]), _T.c.valid_until <= now)
                connection.execute(gone)
        for row in rows:
            if row.blob_key is not None:
                self._blobs.delete(row.blob_key)
        return len(rows)

    def summary(self, now: datetime) -> KeptAnswers:
        total = sa.func.coalesce(sa.func.sum(_T.c.length), 0)
        query = sa.select(sa.func.count(), total, sa.func.min(_T.c.asked_at)).where(_T.c.valid_until > now)
        with outages_as_ours(), self._reader.begin() as connection:
            count, length, oldest = connection.execute(query).one()
        return KeptAnswers(count, int(length), oldest)

    def _row(self, answer: KeptAnswer) -> dict[str, object]:
        """Its blob is written. Raises: StorageUnavailable."""
        digest = hashlib.sha256(answer.octets).digest()
        blob_key: str | None = None
        if len(answer.octets) > SMALL:
            blob_key = answer_blob(answer.key, digest)
            with self._blobs.scratch() as folder:
                file = folder / "answer"
                file.write_bytes(answer.octets)
                self._blobs.write_file(blob_key, file)
        return {
            "key": answer.key,
            "asked_at": answer.asked_at,
            "valid_until": answer.valid_until,
            "length": len(answer.octets),
            "sha256": digest,
            "octets": answer.octets if blob_key is None else None,
            "blob_key": blob_key,
        }

    def _octets(self, row: RowMapping) -> bytes | None:
        """None for a blob that is not what it was, or not there."""
        if row["blob_key"] is None:
            octets: bytes | None = row["octets"]
            return octets
        try:
            with self._blobs.as_file(row["blob_key"], Stored(row["length"], row["sha256"])) as file:
                return file.read_bytes()
        except (BlobNotFound, FileChanged, StorageUnavailable) as error:
            log.warning("answers.blob_not_read", code=error.code)
            return None
