"""Documents: their moves and their names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.document import DocumentStatus, StoredFile, Version, clean_file_name, signed_name
from signroom.domain.errors import BadFileName, WrongState
from signroom.domain.level import Level
from signroom.domain.signature import CheckedValue, SignatureType, Verdict
from tests.domain.test_session import ID, NOON, a_document

SIGNED = StoredFile("key", "a-signed.pdf", "application/pdf", 2, b"e" * 32)


def test_document_is_signed_processed_and_completed() -> None:
    document = a_document(DocumentStatus.PENDING_SIGNATURE).accept_signature(ID, CheckedValue(b"value"), NOON)
    done = document.complete(SIGNED, Verdict(()))

    assert document.status is DocumentStatus.PROCESSING
    assert done.status is DocumentStatus.COMPLETED
    assert done.versions == (Version(Level.B_B, SIGNED, NOON),)
    assert done.signed == SIGNED
    assert not done.awaits_signature


def test_the_newest_version_is_the_signed_file_and_no_version_is_forgotten() -> None:
    done = (
        a_document(DocumentStatus.PENDING_SIGNATURE)
        .accept_signature(ID, CheckedValue(b"value"), NOON)
        .complete(SIGNED, Verdict(()))
    )
    later = replace(SIGNED, blob_key="later")

    extended = replace(done, versions=(*done.versions, Version(Level.B_T, later, NOON + timedelta(days=1))))

    assert a_document(DocumentStatus.PROCESSING).signed is None
    assert extended.signed == later
    assert extended.file_keys == (done.original.blob_key, SIGNED.blob_key, "later")


def test_a_document_without_a_value_is_not_completed() -> None:
    with pytest.raises(WrongState):
        a_document(DocumentStatus.PROCESSING).complete(SIGNED, Verdict(()))


def test_completed_document_is_never_touched_again() -> None:
    done = a_document(DocumentStatus.COMPLETED)

    with pytest.raises(WrongState):
        done.accept_signature(ID, CheckedValue(b"v"), NOON)
    with pytest.raises(WrongState):
        done.fail("X")


def test_failed_document_may_be_signed_again_and_forgets_its_error() -> None:
    failed = a_document(DocumentStatus.PROCESSING).fail("SignedFileVerificationFailed")

    again = failed.accept_signature(ID, CheckedValue(b"value"), NOON)

    assert failed.awaits_signature
    assert failed.processing_error_code == "SignedFileVerificationFailed"
    assert again.processing_error_code is None


def test_a_document_that_could_not_be_prepared_is_left_out_and_may_be_signed_later() -> None:
    refused = a_document(DocumentStatus.PENDING_SIGNATURE).refuse(ID, "InvalidPdf", "Field \0A\n is odd." + "x" * 600)

    assert refused.left_out
    assert refused.awaits_signature
    assert refused.preparation_id == ID
    assert (refused.processing_error_detail or "").startswith("Field  A  is odd.x")
    assert len(refused.processing_error_detail or "") == 500
    again = refused.accept_signature(ID, CheckedValue(b"value"), NOON)
    assert (again.left_out, again.processing_error_detail) == (False, None)


def test_a_value_that_was_given_before_is_kept() -> None:
    other = UUID(int=7)
    signed = a_document(DocumentStatus.PENDING_SIGNATURE).accept_signature(ID, CheckedValue(b"value"), NOON)

    refused = signed.fail("StorageUnavailable").refuse(other, "FileNotFound", None)

    assert (refused.preparation_id, refused.signature_value) == (ID, CheckedValue(b"value"))
    assert not refused.left_out


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("contract.pdf", "contract.pdf"),
        ("C:\\Users\\me\\contract.pdf", "contract.pdf"),
        ("../../etc/passwd", "passwd"),
        ("  a\u202eb\x00c.pdf ", "abc.pdf"),
        ("Prüfung 合同.pdf", "Prüfung 合同.pdf"),
    ],
)
def test_file_name_is_a_label_never_a_path(sent: str, kept: str) -> None:
    assert clean_file_name(sent) == kept


@pytest.mark.parametrize("name", ["", "   ", "a/..", ".", "folder/", "\x00\x01", "x" * 256])
def test_nameless_files_are_refused(name: str) -> None:
    with pytest.raises(BadFileName):
        clean_file_name(name)


@given(st.text(min_size=1, max_size=300))
def test_a_clean_name_has_no_separator_and_no_control_character(name: str) -> None:
    try:
        clean = clean_file_name(name)
    except BadFileName:
        return
    assert 1 <= len(clean) <= 255
    assert clean.isprintable()
    assert "/" not in clean
    assert "\\" not in clean


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("contract.pdf", SignatureType.PDF, "contract.pdf"),
        ("contract", SignatureType.PDF, "contract"),
        ("x" * 251 + ".pdf", SignatureType.PDF, "x" * 251 + ".pdf"),
        ("order.xml", SignatureType.XML, "order.xml"),
        ("notes.txt", SignatureType.CMS, "notes.txt.p7s"),
        ("notes.txt.P7S", SignatureType.CMS, "notes.txt.P7S"),
        ("x" * 251 + ".txt", SignatureType.CMS, "x" * 251 + ".p7s"),
    ],
)
def test_a_signed_file_is_named_like_the_original(name: str, kind: SignatureType, expected: str) -> None:
    assert signed_name(name, kind) == expected
