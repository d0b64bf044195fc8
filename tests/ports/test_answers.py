"""The contract of the ``AnswerStore`` port, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signroom.blobs.objects import ObjectBlobs, open_blobs
from signroom.ports.outside import KeptAnswer, KeptAnswers
from signroom.store.engine import open_engine
from signroom.store.revocation.kept import SMALL, SqlAnswerStore

NOW = datetime(2026, 11, 30, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
LARGE = b"\x30" * (SMALL + 1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def blobs(tmp_path: Path) -> ObjectBlobs:
    return open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch")


@pytest.fixture
def store(engine: Engine, blobs: ObjectBlobs) -> SqlAnswerStore:
    return SqlAnswerStore(engine, blobs)


def answer(number: int, octets: bytes = b"answer", *, asked: datetime = NOW, ends: datetime = NOW + HOUR) -> KeptAnswer:
    return KeptAnswer(bytes((number,)) * 32, octets, asked, ends)


def test_what_is_kept_is_found_by_every_process(store: SqlAnswerStore, engine: Engine, blobs: ObjectBlobs) -> None:
    small, large = answer(1), answer(2, LARGE)
    store.keep([small, large])

    other = SqlAnswerStore(engine, blobs)
    assert other.find({small.key, large.key, b"?" * 32}, NOW) == {small.key: small, large.key: large}
    assert len(blobs.beginning_with("answers/")) == 1


def test_one_statement_finds_many(store: SqlAnswerStore, engine: Engine) -> None:
    store.keep([answer(number) for number in range(20)])
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    assert len(store.find({answer(number).key for number in range(20)}, NOW)) == 20
    assert len([line for line in statements if line.startswith("SELECT")]) == 1
    statements.clear()
    assert store.find(set(), NOW) == {}
    assert statements == []


def test_what_is_over_is_not_found_and_deleted_some_at_a_time(store: SqlAnswerStore, blobs: ObjectBlobs) -> None:
    store.keep([answer(1), answer(2, LARGE), answer(3, ends=NOW + 2 * HOUR)])

    assert set(store.find({answer(n).key for n in (1, 2, 3)}, NOW + HOUR)) == {answer(3).key}
    assert store.delete_expired(NOW, 10) == 0
    assert [store.delete_expired(NOW + HOUR, 1) for _ in range(3)] == [1, 1, 0]
    assert blobs.beginning_with("answers/") == []
    assert store.summary(NOW + HOUR).count == 1


def test_a_newer_answer_replaces_an_older_one_and_never_the_other_way_round(
    store: SqlAnswerStore, blobs: ObjectBlobs
) -> None:
    old, new = answer(1, LARGE), answer(1, LARGE + b"\0", asked=NOW + HOUR, ends=NOW + 2 * HOUR)
    store.keep([old])
    store.keep([new])
    assert store.find({old.key}, NOW) == {old.key: new}
    assert len(blobs.beginning_with("answers/")) == 1

    store.keep([old])
    assert store.find({old.key}, NOW) == {old.key: new}


def test_a_blob_that_is_gone_or_changed_is_as_good_as_no_answer(
    store: SqlAnswerStore, blobs: ObjectBlobs, tmp_path: Path
) -> None:
    store.keep([answer(1, LARGE), answer(2, LARGE + b"\0"), answer(3)])
    one, two = (tmp_path / "files" / key for key in sorted(blobs.beginning_with("answers/")))
    one.unlink()
    two.chmod(0o600)
    two.write_bytes(b"\x31" * len(LARGE + b"\0"))
    assert set(store.find({answer(n).key for n in (1, 2, 3)}, NOW)) == {answer(3).key}


def test_it_says_how_much_there_is_and_how_old_it_is(store: SqlAnswerStore) -> None:
    assert store.summary(NOW) == KeptAnswers(0, 0, None)
    store.keep([answer(1, asked=NOW - HOUR), answer(2, LARGE), answer(3, ends=NOW)])
    assert store.summary(NOW) == KeptAnswers(2, 6 + len(LARGE), NOW - HOUR)
    assert store.asked_at({answer(1).key, b"?" * 32}) == {answer(1).key: NOW - HOUR}


def test_many_may_keep_the_same_answer_at_once(store: SqlAnswerStore) -> None:
    kept = [threading.Thread(target=store.keep, args=([answer(1, LARGE), answer(2)],)) for _ in range(8)]
    for thread in kept:
        thread.start()
    for thread in kept:
        thread.join()
    assert store.find({answer(1).key, answer(2).key}, NOW) == {
        answer(1).key: answer(1, LARGE),
        answer(2).key: answer(2),
    }
