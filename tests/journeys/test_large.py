"""A hundred megabytes, from upload to download, in less than 200 MB of memory for every process."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

from tests.harness.server import Server, base64, start_server
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

LIMIT_KB = 200 * 1024


def read(file: Path) -> str:
    """What the system says of a process; nothing of one that has just ended."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for thread in threads for child in read(thread).split()]
    return [pid, *(descendant for child in children for descendant in family(child))]


def peaks(server: Server) -> dict[int, int]:
    """Highest resident memory so far in KB, by process."""
    found = {}
    for pid in family(server.process.pid):
        for line in read(Path(f"/proc/{pid}/status")).splitlines():
            if line.startswith("VmHWM:"):
                found[pid] = int(line.split()[1])
    return found


@pytest.mark.slow
def test_uploading_and_signing_100_mb_keeps_every_process_under_200_mb(tmp_path: Path) -> None:
    file = tmp_path / "large.pdf"
    hard_pdfs.write_large(file, 99 << 20)
    server = start_server(tmp_path / "data")
    try:
        opened = server.open_session()
        page = server.page(opened["redirectUrl"])
        with file.open("rb") as stream:
            chunks = iter(lambda: stream.read(1 << 20), b"")
            answer = page.client.put("upload", content=chunks, headers={"X-File-Name": "large.pdf"})
        assert answer.json()["length"] == file.stat().st_size
        page.sign(*page.demo_key())
        session = server.wait(opened["sessionId"], seconds=240)
        assert session["status"] == "Completed"
        signed = session["documents"][0]["signedFile"]
        digest, length = hashlib.sha256(), 0
        with httpx.stream("GET", signed["location"], trust_env=False) as download:
            for chunk in download.iter_bytes():
                digest.update(chunk)
                length += len(chunk)
        memory = peaks(server)
        (stored,) = server.files_of(opened["sessionId"], "signed-")
        assert length == signed["length"] == stored.stat().st_size
        with stored.open("rb") as blob:
            assert hashlib.file_digest(blob, "sha256").digest() == digest.digest()
        assert verifiers.pyhanko(stored, [])[0].intact
    finally:
        server.stop()

    assert len(memory) >= 3, "the web process and its workers"
    assert all(kb < LIMIT_KB for kb in memory.values()), memory


@pytest.mark.slow
def test_300_mb_uploaded_in_parts_keep_every_process_under_200_mb(tmp_path: Path) -> None:
    file = tmp_path / "large.pdf"
    hard_pdfs.write_large(file, 300 << 20)
    server = start_server(tmp_path / "data", {"SIGNROOM_MAX_FILE": "400 MB"})
    try:
        begun = server.api.post("/Api/MultipartUploads").json()
        etags, whole = [], hashlib.md5(usedforsecurity=False)
        with file.open("rb") as stream:
            for number, part in enumerate(iter(lambda: stream.read(begun["partSize"]), b"")):
                whole.update(part)
                md5 = base64(hashlib.md5(part, usedforsecurity=False).digest())
                address = f"/Api/MultipartUploads/{begun['blobToken']}/{number}"
                headers = {"Content-MD5": md5, "Content-Type": "application/octet-stream"}
                etags.append(server.api.post(address, content=part, headers=headers).headers["etag"])
        end = {"partETags": etags, "completeMD5": base64(whole.digest())}
        assert server.api.post(f"/Api/MultipartUploads/{begun['blobToken']}", json=end).status_code == 200
        opened = server.open_session(documents=[{"file": {"blobToken": begun["blobToken"], "name": "large.pdf"}}])
        server.page(opened["redirectUrl"]).sign(*server.pages[-1].demo_key())
        session = server.wait(opened["sessionId"], seconds=240)
        memory = peaks(server)
        assert session["status"] == "Completed"
        assert session["documents"][0]["originalFile"]["length"] == file.stat().st_size
        assert not list((server.data / "files" / "uploads").rglob("part-*")), "the parts are gone"
    finally:
        server.stop()

    assert all(kb < LIMIT_KB for kb in memory.values()), memory
