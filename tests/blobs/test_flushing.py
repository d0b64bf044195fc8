"""Every file and every new name is flushed, and none twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from signroom.blobs.flushing import Flusher


@pytest.fixture
def flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was flushed, as it lies below the root. Empty for the root itself."""
    found: list[str] = []

    def note(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        found.append(path.removeprefix(str(tmp_path)).lstrip("/"))

    monkeypatch.setattr(os, "fsync", note)
    return found


def write(root: Path, *keys: str) -> list[Path]:
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(b"x")
    return [root / key for key in keys]


def test_files_come_first_and_each_folder_is_flushed_once(tmp_path: Path, flushed: list[str]) -> None:
    Flusher(tmp_path).flush(write(tmp_path, "s/1/a/original", "s/1/b/original"))

    assert flushed[:2] == ["s/1/a/original", "s/1/b/original"]
    assert sorted(flushed[2:]) == ["", "s", "s/1", "s/1/a", "s/1/b"]


def test_a_folder_whose_name_is_safe_is_flushed_for_new_names_in_it_alone(tmp_path: Path, flushed: list[str]) -> None:
    flusher = Flusher(tmp_path)
    flusher.flush(write(tmp_path, "s/1/original"))
    flushed.clear()

    flusher.flush(write(tmp_path, "s/1/signed"))
    assert flushed == ["s/1/signed", "s/1"]
    flushed.clear()
    flusher.flush(write(tmp_path, "s/2/original"))
    assert flushed == ["s/2/original", "s/2", "s"]


def test_a_folder_that_was_made_again_is_not_the_one_that_was_safe(tmp_path: Path, flushed: list[str]) -> None:
    flusher = Flusher(tmp_path)
    flusher.flush(write(tmp_path, "s/1/original"))
    (tmp_path / "s").rename(tmp_path / "before")
    flushed.clear()

    flusher.flush(write(tmp_path, "s/1/original"))
    assert flushed == ["s/1/original", "s/1", "s", ""]


def test_names_are_not_safe_when_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flusher, files = Flusher(tmp_path), write(tmp_path, "s/1/original")

    def refuse(_descriptor: int) -> None:
        raise OSError("no")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no"):
        patch.setattr(os, "fsync", refuse)
        flusher.flush(files)
    found: list[int] = []
    monkeypatch.setattr(os, "fsync", found.append)
    flusher.flush(files)
    assert len(found) == 4
