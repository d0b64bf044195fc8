"""The ``Inventory`` port: an SQLite file that is thrown away afterwards, so that millions of files need no memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from signroom.domain.backup import KeptFile, Loss
from signroom.ports.files import Stored

_TABLES = """
    CREATE TABLE wanted (key TEXT PRIMARY KEY, length INTEGER, sha256 BLOB, loss TEXT) WITHOUT ROWID;
    CREATE TABLE known (key TEXT PRIMARY KEY, length INTEGER, sha256 BLOB) WITHOUT ROWID;
    CREATE TABLE there (key TEXT PRIMARY KEY, length INTEGER) WITHOUT ROWID;
    CREATE VIEW complete AS
        SELECT w.key AS key, w.loss AS loss,
            coalesce(w.length, k.length) AS length, coalesce(w.sha256, k.sha256) AS sha256
        FROM wanted w LEFT JOIN known k ON k.key = w.key AND (w.length IS NULL OR w.length = k.length)
            AND (w.sha256 IS NULL OR w.sha256 = k.sha256);
    CREATE VIEW absent AS
        SELECT c.*, t.key IS NOT NULL AS other FROM complete c LEFT JOIN there t ON t.key = c.key
        WHERE (t.key IS NULL OR c.sha256 IS NULL OR t.length IS NOT c.length);
"""


@contextmanager
def open_inventory(folder: Path) -> Iterator[SqliteInventory]:
    """A new one below `folder`."""
    with closing(sqlite3.connect(folder / "inventory.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=OFF")
        connection.executescript(_TABLES)
        yield SqliteInventory(connection)


class SqliteInventory:
    """Make it with `open_inventory`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def want(self, files: Iterable[KeptFile]) -> None:
        self._connection.execute("DELETE FROM wanted")
        # A file may be of several rows: one that tells the digest counts.
        insert = """
            INSERT INTO wanted VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
            SET length = coalesce(length, excluded.length), sha256 = coalesce(sha256, excluded.sha256)
        """
        self._many(insert, ((f.key, f.length, f.sha256, f.loss) for f in files))

    def know(self, files: Iterable[KeptFile]) -> None:
        whole = ((f.key, f.length, f.sha256) for f in files if f.loss is None)
        self._many("INSERT OR REPLACE INTO known VALUES (?, ?, ?)", whole)

    def found(self, files: Iterable[tuple[str, int]]) -> None:
        self._many("INSERT OR REPLACE INTO there VALUES (?, ?)", files)

    def forget(self, keys: Iterable[str]) -> None:
        self._many("DELETE FROM there WHERE key = ?", ((key,) for key in keys))

    def stored(self, key: str, stored: Stored) -> None:
        update = "UPDATE wanted SET length = ?, sha256 = ?, loss = NULL WHERE key = ?"
        self._connection.execute(update, (stored.length, stored.sha256, key))
        self.found([(key, stored.length)])

    def lose(self, key: str, loss: Loss | None) -> None:
        self._connection.execute("UPDATE wanted SET loss = ? WHERE key = ?", (loss, key))

    def to_copy(self, after: str, limit: int) -> list[tuple[KeptFile, bool]]:
        query = """
            SELECT key, length, sha256, other FROM absent WHERE key > ? AND loss IS NULL ORDER BY key LIMIT ?
        """
        found = self._connection.execute(query, (after, limit)).fetchall()
        return [(KeptFile(key, length, sha256), bool(other)) for key, length, sha256, other in found]

    def present(self, after: str, limit: int) -> list[KeptFile]:
        query = """
            SELECT c.key, c.length, c.sha256 FROM complete c JOIN there t ON t.key = c.key AND t.length IS c.length
            WHERE c.key > ? AND c.loss IS NULL AND c.sha256 IS NOT NULL ORDER BY c.key LIMIT ?
        """
        return [KeptFile(*row) for row in self._connection.execute(query, (after, limit))]

    def copy_bytes(self) -> int:
        (total,) = self._connection.execute("SELECT coalesce(sum(length), 0) FROM absent WHERE loss IS NULL").fetchone()
        return int(total)

    def lost(self) -> set[str]:
        query = "SELECT key FROM wanted WHERE loss = ?"
        return {key for (key,) in self._connection.execute(query, (Loss.MISSING,))}

    def wanted(self) -> Iterator[KeptFile]:
        for key, length, sha256, loss in self._connection.execute(
            "SELECT key, length, sha256, loss FROM complete ORDER BY key"
        ):
            yield KeptFile(key, length, sha256, None if loss is None else Loss(loss))

    def needless(self, after: str, limit: int) -> list[str]:
        query = """
            SELECT key FROM there WHERE key > ? AND NOT EXISTS (SELECT 1 FROM wanted w WHERE w.key = there.key)
            ORDER BY key LIMIT ?
        """
        return [key for (key,) in self._connection.execute(query, (after, limit))]

    def _many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")
