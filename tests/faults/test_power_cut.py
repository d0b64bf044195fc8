"""The power goes at any moment: what an answer has promised is there afterwards, and no row points to a lost file.

One session runs once, on a disk whose every change is written down. Then the power is cut after each answer, and at
each flush, on a copy.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from tests.faults.power_cut import Change, Disk, changes, recording
from tests.harness.databases import copy_new_database
from tests.harness.server import Server, base64, ok, start_server, values_of
from tests.vectors import hard_pdfs


@dataclass(frozen=True)
class Left:
    """What a power cut has left of the rows."""

    sessions: dict[str, str]
    documents: dict[str, str]
    """Statuses by ids."""
    preparations: set[str]
    uploads: set[bytes]
    """SHA-256 of their files."""
    jobs: str
    """The keys of all."""

    def is_signed(self, document: str, preparation: str) -> bool:
        """Its signed file is there, or a job that will make it of that preparation."""
        return self.documents[document] == "Completed" or (
            self.documents[document] == "Processing" and preparation in self.jobs and preparation in self.preparations
        )


Promise = Callable[[Left], bool]


@dataclass
class Told:
    """One run: what was written down, and what each answer has promised, by where the record ended then."""

    data: Path
    before: dict[str, bytes]
    changes: list[Change] = field(default_factory=list)
    promises: list[tuple[int, str, Promise]] = field(default_factory=list)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return recorded(tmp_path_factory.mktemp("power"))


def recorded(folder: Path) -> Told:
    """A signature from the beginning to the signed file, and two uploads."""
    data = folder / "data"
    data.mkdir()
    environment, record = recording(data, folder)
    copy_new_database(data / "signroom.db")
    told = Told(data, {"signroom.db": (data / "signroom.db").read_bytes(), "server.log": b""})
    server = start_server(data, {**environment, "SIGNROOM_WORKERS": "1"})
    try:
        for name, promise in answers(server):
            told.promises.append((record.stat().st_size, name, promise))
    finally:
        server.kill()
    told.changes = list(changes(record, data))
    return told


def answers(server: Server) -> Iterator[tuple[str, Promise]]:
    """Each answer of the server that says that something is stored, and what it has promised by that."""
    content = hard_pdfs.make("plain")
    ok(server.api.post("/api/plain-uploads", files={"file": ("a.pdf", content)}))
    yield "upload", lambda left: hashlib.sha256(content).digest() in left.uploads

    sent = [
        {"file": {"name": f"{name}.pdf", "content": base64(hard_pdfs.make(name))}} for name in ("plain", "acroform")
    ]
    opened = server.open_session(documents=sent)
    session = opened["sessionId"]
    yield "POST session", lambda left: session in left.sessions and len(left.documents) >= len(sent)

    own = server.open_session()
    added = server.page(own["redirectUrl"]).add(content)["id"]
    yield "PUT upload", lambda left: added in left.documents

    page = server.page(opened["redirectUrl"])
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    # Its answer promises nothing: without it the signer signs once more. What is finished has its preparation.
    ok(page.finish(preparation, values_of(preparation, key)))
    signed = [item["documentId"] for item in preparation["items"]]
    prepared = preparation["preparationId"]
    yield "finish", lambda left: all(left.is_signed(document, prepared) for document in signed)

    done = server.wait(session)
    assert done["status"] == "Completed", done
    yield "Completed", lambda left: left.sessions[session] == "Completed"


def what_is_left(folder: Path) -> Left:
    """Opens the database as the next start would. Each file that a row points to must be there, whole."""
    with closing(sqlite3.connect(folder / "signroom.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        files = database.execute(
            "SELECT original_key, original_sha256 FROM signroom_documents"
            " UNION SELECT signed_key, signed_sha256 FROM signroom_documents WHERE signed_key IS NOT NULL"
            " UNION SELECT file_key, file_sha256 FROM signroom_uploads"
        ).fetchall()
        for key, sha256 in files:
            file = folder / "files" / key
            assert file.is_file(), f"{key} is lost"
            assert hashlib.sha256(file.read_bytes()).digest() == sha256, f"{key} is damaged"
        sessions = database.execute("SELECT id, status FROM signroom_sessions").fetchall()
        documents = database.execute("SELECT id, status FROM signroom_documents").fetchall()
        preparations = database.execute("SELECT id FROM signroom_preparations").fetchall()
        uploads = database.execute("SELECT file_sha256 FROM signroom_uploads").fetchall()
        jobs = database.execute("SELECT workflow_uuid FROM workflow_status").fetchall()
    return Left(
        {str(UUID(row[0])): row[1] for row in sessions},
        {str(UUID(row[0])): row[1] for row in documents},
        {str(UUID(row[0])) for row in preparations},
        {row[0] for row in uploads},
        " ".join(row[0] for row in jobs),
    )


def cut(
    told: Told, target: Path, flushes: Callable[[str], bool] = lambda _path: True, luck: Random | None = None
) -> int:
    """Cut the power after each answer and at each flush, as `Disk` has `flushes` and `luck`. Returns how often."""
    disk, due, cuts = Disk(told.data, flushes), list(told.promises), 0
    kept: list[tuple[str, Promise]] = []
    disk.begin(told.before)
    for change in told.changes:
        while due and due[0][0] < change.end:
            kept.append(due.pop(0)[1:])
            cuts += look(disk, target, kept, luck)
        disk.take(change)
        if change.what == "f" and kept:  # until then it has begun
            cuts += look(disk, target, kept, luck)
    kept.extend((name, promise) for _, name, promise in due)
    return cuts + look(disk, target, kept, luck)


def look(disk: Disk, target: Path, kept: Sequence[tuple[str, Promise]], luck: Random | None) -> int:
    """What was promised so far is still there."""
    disk.leave(target, luck)
    left = what_is_left(target)
    for name, promise in kept:
        assert promise(left), f"{name}: {left}"
    return 1


def test_what_was_answered_is_there_after_a_power_cut_at_any_moment(told: Told, tmp_path: Path) -> None:
    assert cut(told, tmp_path / "left") > len(told.promises)


@pytest.mark.parametrize("deaf", ["files/", "signroom.db"])
def test_a_disk_that_flushes_nothing_is_found_out(told: Told, tmp_path: Path, deaf: str) -> None:
    with pytest.raises((AssertionError, KeyError, sqlite3.Error)):
        cut(told, tmp_path / "left", lambda path: not path.startswith(deaf))
