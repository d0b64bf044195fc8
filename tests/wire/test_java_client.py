"""The publisher's own Java client, as Maven has it, does what the guide shows; only endpoint and key change.

Where Java or Maven is missing, or the library cannot be fetched, the test is reported as not run. Once it was built it
is kept in the cache, like the judges.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.api.requests import a_file, signed_session
from tests.harness.server import Server
from tests.harness.tools import not_run, require_tools
from tests.vectors import hard_pdfs
from tests.wire.conftest import new_key

_SOURCE = Path(__file__).with_name("java_client")
_SECONDS_TO_FETCH = 180
_SECONDS_TO_RUN = 60


def test_an_application_of_the_guide(sqlite_server: Server, tmp_path: Path) -> None:
    require_tools("java")
    folder = _built()
    (tmp_path / "doc1.pdf").write_bytes(hard_pdfs.make("plain"))
    (tmp_path / "doc.xml").write_bytes(b"<order/>")
    signed = signed_session(sqlite_server, a_file(name="doc1.pdf"), returnUrl="http://localhost:60695/complete")
    arguments = [f"{sqlite_server.url}/", new_key(sqlite_server, role="Admin"), str(tmp_path), signed["id"]]
    command = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

    done = subprocess.run(
        [*command, "-cp", f"{folder}{os.pathsep}{folder / 'lib' / '*'}", "Snippets", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS_TO_RUN,
    )

    read = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert re.fullmatch(rf"{re.escape(sqlite_server.url)}/sign/[\w-]+", read.pop("create"))
    assert read == {
        "predefine": "Pending 2 Pdf doc.xml",
        "requirement": "true",
        "pdfa": "refused 422",  # the library's list has no word for the code
        "callback": "Completed doc1.pdf true %PDF- Unknown",
        "document": "true Pdf",
        "signers": "Ana (DEMO) SHA256 null true true",  # nor for ECDSA
        "keys": "16 3",
        "application": "true",
        "login": "true",
        "unknown": "refused 422",
        "unserved": "refused 404",
    }, done.stderr


def _built() -> Path:
    """The folder of the library and of the compiled program. One process builds it; others wait until it is there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "signroom-judges"
    sources = sorted(path for path in _SOURCE.rglob("*") if path.is_file())
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = cache / f"java-client-{key}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "java-client.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            _build(folder)
            (folder / "built").touch()
    return folder


def _build(folder: Path) -> None:
    require_tools("javac", "mvn")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    fetch = ["mvn", "--quiet", "--batch-mode", "--file", str(_SOURCE / "pom.xml"), "dependency:copy-dependencies"]
    build = ["javac", "-cp", f"{folder / 'lib' / '*'}", "-d", str(folder), str(_SOURCE / "src" / "Snippets.java")]
    for command in ([*fetch, f"-DoutputDirectory={folder / 'lib'}"], build):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS_TO_FETCH)
        except subprocess.TimeoutExpired:
            not_run("the Java client could not be fetched: Maven took too long")
        if done.returncode != 0:
            not_run(f"the Java client could not be built: {(done.stdout + done.stderr)[-300:]}")
