"""A full disk: what comes is refused with a code, what was signed waits, and all goes on when there is room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.server import Server, fork_server, ok, refused, values_of
from tests.harness.tools import not_run
from tests.vectors import hard_pdfs

UPLOAD = os.urandom(1_000_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "signroom-test", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        not_run(f"only root can mount a small disk to fill: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def server(small_disk: Path) -> Iterator[Server]:
    server = fork_server(small_disk / "data")
    yield server
    server.kill()


def fill(folder: Path) -> Path:
    """Take every byte that is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def test_a_full_disk_loses_nothing_and_the_service_goes_on_when_there_is_room(server: Server, small_disk: Path) -> None:
    opened, other = server.open_session(), server.open_session()
    page, uploading = server.page(opened["redirectUrl"]), server.page(other["redirectUrl"])
    page.add(hard_pdfs.make("ten-pages"))
    kept = uploading.add(hard_pdfs.make("plain"), "kept.pdf")
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    values = values_of(preparation, key)
    files = {file for file in (server.data / "files").rglob("*") if file.is_file()}

    filler = fill(small_disk)
    # Whichever is asked first, the files or the database: each says so, and neither crashes.
    answers = [uploading.upload(UPLOAD, f"{number}.bin") for number in range(3)]
    answers.append(server.api.post("/api/plain-uploads", files={"file": ("data.bin", UPLOAD)}))
    answers.append(page.finish(preparation, values))
    answers.append(uploading.client.get("load"))  # a new connection of SQLite needs room even to read
    codes = [refused(answer, 503) for answer in answers if answer.status_code != 200]

    assert set(codes) <= {"StorageUnavailable", "DatabaseUnavailable", "ProcessingUnavailable"}
    assert "StorageUnavailable" in codes[:4]
    assert {file for file in (server.data / "files").rglob("*") if file.is_file()} == files
    assert server.process.poll() is None

    filler.unlink()
    assert [document["id"] for document in uploading.load()["documents"]] == [kept["id"]]
    assert ok(page.finish(preparation, values))["status"] in {"Processing", "Completed"}
    session = server.wait(opened["sessionId"])
    assert session["status"] == "Completed", server.log.read_text()
    uploading.add(hard_pdfs.make("plain"), "after.pdf")
