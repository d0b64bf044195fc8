"""What a backup says of itself is read strictly: it may come from a stranger's disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from signroom.domain.backup import (
    BackupKind,
    KeptFile,
    Loss,
    Manifest,
    Part,
    file_line,
    file_of,
    manifest_of,
    manifest_text,
    marker_text,
    owner_in,
)
from signroom.domain.blob_key import DocumentFolder, UploadFolder, doctor_probe, is_blob_key, signed_document_of
from signroom.domain.errors import BackupDamaged, BackupNewer

ID = UUID(int=7)
MANIFEST = Manifest(
    id="20261130T033928Z-00000000",
    kind=BackupKind.BACKUP,
    made_at=datetime(2026, 11, 30, tzinfo=UTC),
    made_by="0.2.0",
    installation_id=ID,
    schema="0015",
    key_fingerprint="00",
    database=Part(1, b"d"),
    files=Part(2, b"f"),
    file_count=3,
    file_bytes=4,
    lost=0,
    files_included=True,
    rows={"signroom_events": 5},
    secret_key=Part(6, b"s"),
)


def test_a_manifest_and_a_list_come_back_as_they_were() -> None:
    files = [KeptFile("uploads/a/file", 3, b"x"), KeptFile("uploads/b/file", None, None, Loss.MISSING)]

    assert manifest_of(manifest_text(MANIFEST)) == MANIFEST
    assert [file_of(file_line(file)) for file in files] == files
    assert owner_in(marker_text(ID)) == ID


def test_a_manifest_of_a_newer_form_is_told_and_nonsense_is_damage() -> None:
    with pytest.raises(BackupNewer):
        manifest_of(b'{"format": 2}')
    for text in (b"", b"[]", b"null", b'"x"', b'{"format": 1}', b'{"format": 1, "rows": 3}', b"\xff", b"[" * 10_000):
        for read in (manifest_of, owner_in, file_of):
            with pytest.raises(BackupDamaged):
                read(text)


def test_a_list_names_nothing_outside_of_the_store() -> None:
    for key in ("../key", "a/../../key", "/etc/passwd", "a//b", "", ".", "a/.", "a\\..\\b", "a\0b", "a\nb", "é"):
        line = json.dumps({"key": key, "length": 1, "sha256": None}).encode()
        with pytest.raises(BackupDamaged):
            file_of(line)


def test_every_key_that_this_service_makes_is_one() -> None:
    folders = [DocumentFolder(None, ID), DocumentFolder(ID, ID)]
    keys = [key for f in folders for key in (f.original(), f.original_of_request(ID), f.data(), f.signed(ID))]
    upload = UploadFolder(ID)
    keys += [upload.file(), upload.part(1, ID), upload.joined_file(ID), upload.content(), doctor_probe(ID)]

    assert all(map(is_blob_key, keys))
    assert [signed_document_of(key) for key in keys] == [None, None, None, ID] * 2 + [None] * 5
    older = [f"documents/{ID}/signed-{ID}", f"sessions/{ID}/{ID}/signed-{ID}", f"sessions/{ID}/{ID}/data"]
    assert [signed_document_of(key) for key in older] == [ID, ID, None]
