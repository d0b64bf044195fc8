from __future__ import annotations

from uuid import UUID

import pytest

from signroom.domain.blob_key import NEVER_WRITTEN, DocumentFolder, UploadFolder, doctor_probe, upload_of

SESSION = UUID("11111111-1111-4111-8111-111111111111")
DOCUMENT = UUID("22222222-2222-4222-8222-222222222222")
UPLOAD = UUID("33333333-3333-4333-8333-333333333333")
OTHER = UUID("44444444-4444-4444-8444-444444444444")

OF_SESSION = DocumentFolder(SESSION, DOCUMENT)
WITHOUT_SESSION = DocumentFolder(None, DOCUMENT)
OF_UPLOAD = UploadFolder(UPLOAD)


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        (OF_SESSION.original(), f"sessions/11/{SESSION}-{DOCUMENT}-original"),
        (OF_SESSION.original_of_request(OTHER), f"sessions/11/{SESSION}-{DOCUMENT}-original-{OTHER.hex}"),
        (OF_SESSION.data(), f"sessions/11/{SESSION}-{DOCUMENT}-data"),
        (OF_SESSION.signed(OTHER), f"sessions/11/{SESSION}-{DOCUMENT}-signed-{OTHER}"),
        (WITHOUT_SESSION.original(), f"documents/22/{DOCUMENT}-original"),
        (WITHOUT_SESSION.signed(OTHER), f"documents/22/{DOCUMENT}-signed-{OTHER}"),
        (OF_UPLOAD.file(), f"uploads/{UPLOAD}/file"),
        (OF_UPLOAD.part(7, OTHER), f"uploads/{UPLOAD}/part-7-{OTHER.hex}"),
        (OF_UPLOAD.joined_file(OTHER), f"uploads/{UPLOAD}/file-{OTHER.hex}"),
        (OF_UPLOAD.content(), f"uploads/{UPLOAD}/content"),
        (doctor_probe(OTHER), f"doctor-{OTHER}"),
        (NEVER_WRITTEN, "health"),
    ],
)
def test_the_form_of_a_key_stays(key: str, stored: str) -> None:
    assert key == stored


@pytest.mark.parametrize("key", [OF_UPLOAD.file(), OF_UPLOAD.part(0, OTHER), OF_UPLOAD.content()])
def test_a_key_says_which_upload_it_belongs_to(key: str) -> None:
    assert upload_of(key) == UPLOAD


@pytest.mark.parametrize("key", [OF_SESSION.original(), WITHOUT_SESSION.data(), NEVER_WRITTEN])
def test_a_key_of_a_document_belongs_to_no_upload(key: str) -> None:
    assert upload_of(key) is None
