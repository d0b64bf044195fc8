"""``make corpus`` on a small folder: it signs, lists refusals by reason, and its exit code says whether all held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.harness.server import ROOT
from tests.vectors import hard_pdfs


def test_a_folder_is_signed_judged_and_summed_up(tmp_path: Path) -> None:
    folder, report = tmp_path / "files", tmp_path / "lines.json"
    folder.mkdir()
    for name in ("plain", "xref-stream", "encrypted-user", "html"):
        (folder / f"{name}.pdf").write_bytes(hard_pdfs.make(name))
    (folder / "notes.txt").write_text("not looked at")

    done = subprocess.run(
        [sys.executable, "-m", "tests.corpus", str(folder), "--without-dss", "--report", str(report)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    found = {Path(line["file"]).stem: line for line in map(json.loads, report.read_text().splitlines())}
    assert {name: line["verdict"] for name, line in found.items()} == {
        "plain": "signed",
        "xref-stream": "signed",
        "encrypted-user": "refused",
        "html": "refused",
    }
    assert found["plain"]["opens_everywhere"]
    assert not found["html"]["opens_everywhere"]
    assert "refused 1: ProtectedPdfError" in done.stdout
    assert "2 signed, 2 refused" in done.stdout
    assert "of 2 that poppler and MuPDF open without a word, 0 were refused: 0 because" in done.stdout


def test_an_empty_folder_is_no_success(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "tests.corpus", str(tmp_path)], cwd=ROOT, check=False)

    assert done.returncode == 2
