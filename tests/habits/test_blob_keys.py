"""Keys of blobs are made and read in one file."""

from __future__ import annotations

import re

from tests.habits.repository import ROOT, tracked_files

OWNER = ROOT / "src" / "signroom" / "domain" / "blob_key.py"
MADE_BY_HAND = re.compile(r"""f["'](?:sessions|documents|uploads)/\{|["'](?:sessions|documents|uploads)/["']""")


def test_no_other_file_makes_or_parses_the_key_of_a_blob() -> None:
    sources = [file for file in tracked_files() if file.suffix == ".py" and file.is_relative_to(ROOT / "src")]

    assert MADE_BY_HAND.search(OWNER.read_text("utf-8"))
    assert [file.name for file in sources if file != OWNER and MADE_BY_HAND.search(file.read_text("utf-8"))] == []
