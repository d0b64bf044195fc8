"""The secret of an installation in its data folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from signroom.secrets.installed import keep_secret, read_or_make_secret
from signroom.settings import SettingsError, read_settings
from signroom.wiring import installed_keys


def test_a_secret_and_its_folder_are_on_the_disk_before_anything_is_made_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))

    keep_secret(file := tmp_path / "secret.key", b"k" * 40)

    assert flushed == [file.stat().st_ino, tmp_path.stat().st_ino]
    assert (read_or_make_secret(file), file.stat().st_mode & 0o777) == (b"k" * 40, 0o600)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"\n", b"k" * 31])
def test_a_secret_that_was_cut_off_is_not_taken_for_one(tmp_path: Path, content: bytes) -> None:
    settings = read_settings({"SIGNROOM_PUBLIC_URL": "http://localhost", "SIGNROOM_DATA": str(tmp_path)}, tmp_path)
    (tmp_path / "secret.key").write_bytes(content)

    with pytest.raises(SettingsError, match=r"secret\.key is empty or too short"):
        installed_keys(settings)
