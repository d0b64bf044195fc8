"""Document keys and look-ups by key and metadata."""

from __future__ import annotations

from uuid import uuid4

import pytest
from signroom_client import BadRequestError, FileReference, NewDocument, RefusedError, SignroomClient

from tests.client.conftest import PDF, sign
from tests.harness.server import Server


def test_a_key_is_allocated_printed_and_found_again(server: Server, signroom: SignroomClient) -> None:
    case = f"case {uuid4()}"
    key = signroom.allocate_document_key(provisional_metadata={"Case": case})
    unused = signroom.unused_document_keys("case", case)
    before = signroom.query_document_key(key.key)

    document = NewDocument(FileReference.from_bytes(PDF, "a.pdf"), document_key=key.key)
    created = signroom.create_session(documents=[document])
    sign(server, created.redirect_url)
    signed = signroom.when_completed(created.session_id).documents[0]

    assert unused == (key,)
    assert before is not None
    assert (before.has_document, before.provisional_metadata) == (False, {"Case": (case,)})
    assert key.formatted_key is not None
    assert signed.key == key.key
    found = signroom.find_document_by_key(f" {key.formatted_key.lower()} ")
    assert found is not None
    assert found.id == signed.id
    after = signroom.query_document_key(key.key)
    assert after is not None
    assert after.document is not None
    assert after.document.id == signed.id
    assert signroom.unused_document_keys("case", case) == ()


def test_many_keys_at_once(signroom: SignroomClient) -> None:
    keys = signroom.allocate_document_keys(7)

    assert len({key.key for key in keys}) == 7


def test_too_many_keys_are_refused(signroom: SignroomClient) -> None:
    with pytest.raises(BadRequestError):
        signroom.allocate_document_keys(101)


def test_a_key_that_nobody_allocated_is_none(signroom: SignroomClient) -> None:
    for typed in ("AAAABBBBCCCCDDDD", " aaaa-bbbb ", "a/b ?", "../x", "", "é"):
        assert signroom.query_document_key(typed) is None
        assert signroom.find_document_by_key(typed) is None


def test_a_key_without_a_document_finds_none(signroom: SignroomClient) -> None:
    assert signroom.find_document_by_key(signroom.allocate_document_key().key) is None


def test_documents_are_found_by_metadata_over_all_pages(signroom: SignroomClient) -> None:
    case = f"case {uuid4()}"
    documents = [
        NewDocument(FileReference.from_bytes(PDF, f"{n}.pdf"), metadata={"case": [case, "other"], "n": str(n)})
        for n in range(3)
    ]
    signroom.create_session(documents=documents, document_metadata={"order": "42"})

    found = list(signroom.list_documents("CASE", case, page_size=2))

    assert {name for d in found for name in d.metadata["n"]} == {"0", "1", "2"}
    assert {d.metadata["case"] for d in found} == {(case, "other")}
    assert {d.metadata["order"] for d in found} == {("42",)}
    assert list(signroom.list_documents("case", "nothing like it")) == []


def test_an_unknown_document_is_a_refusal(signroom: SignroomClient) -> None:
    for call in (signroom.get_document, signroom.get_document_signers):
        with pytest.raises(RefusedError) as caught:
            call(uuid4())
        assert caught.value.code == "DocumentNotFound"
