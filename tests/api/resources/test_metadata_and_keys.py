"""Document keys, metadata and the searches by them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.requests import SESSIONS, a_file, signed_session
from tests.harness.commands import signroom
from tests.harness.server import Server, ok, refused
from tests.vectors import hard_pdfs

KEYS = "/api/document-keys"


def test_a_key_has_sixteen_characters_in_groups_of_four(server: Server) -> None:
    found = ok(server.api.post(KEYS))

    assert len(found["key"]) == 16
    assert not set(found["key"]) & set("01OIL")
    assert found["formattedKey"].replace("-", "") == found["key"]
    assert [len(group) for group in found["formattedKey"].split("-")] == [4, 4, 4, 4]


def test_a_key_is_found_however_it_is_typed(server: Server) -> None:
    key = ok(server.api.post(KEYS, json={"provisionalMetadata": {"Order": "42", "Tags": ["a", None, "b"]}}))

    for typed in (key["key"], key["formattedKey"], key["formattedKey"].lower()):
        found = ok(server.api.get(f"{KEYS}/{typed}"))
        assert found == {
            "found": True,
            "formattedKey": key["formattedKey"],
            "hasDocument": False,
            "provisionalMetadata": {"Order": ["42"], "Tags": ["a", "b"]},
            "document": None,
            "erased": None,
        }
    by_key = ok(server.api.get(f"/api/documents/keys/{key['key']}"))
    assert by_key == {"found": False, "document": None, "erased": None}


def test_a_document_takes_its_key(server: Server) -> None:
    key = ok(server.api.post(KEYS))

    session = signed_session(server, a_file(documentKey=key["formattedKey"]))

    document = session["documents"][0]
    assert (document["key"], document["formattedKey"]) == (key["key"], key["formattedKey"])
    assert ok(server.api.get(f"/api/documents/keys/{key['key']}"))["document"]["id"] == document["id"]
    assert ok(server.api.get(f"{KEYS}/{key['key']}"))["hasDocument"] is True
    again = server.api.post(SESSIONS, json={"documents": [a_file(documentKey=key["key"])]})
    assert refused(again, 422) == "DocumentKeyInUse"


def test_the_same_key_twice_in_one_session_is_refused_and_creates_nothing(server: Server) -> None:
    key = ok(server.api.post(KEYS))["key"]

    answer = server.api.post(SESSIONS, json={"documents": [a_file(documentKey=key), a_file(documentKey=key)]})

    assert refused(answer, 422) == "DocumentKeyInUse"
    assert ok(server.api.get(f"{KEYS}/{key}"))["hasDocument"] is False


def test_a_cancelled_session_gives_its_keys_back(server: Server) -> None:
    key = ok(server.api.post(KEYS))["key"]
    opened = server.open_session(documents=[a_file(documentKey=key)])
    ok(server.api.post(f"{SESSIONS}/{opened['sessionId']}/cancel"))

    assert ok(server.api.get(f"{KEYS}/{key}"))["hasDocument"] is False
    assert signed_session(server, a_file(documentKey=key))["documents"][0]["key"] == key


def test_keys_of_others_are_unknown(server: Server, other_key: str) -> None:
    key = ok(server.api.post(KEYS))["key"]
    theirs = {"X-Api-Key": other_key}

    session = server.api.post(SESSIONS, json={"documents": [a_file(documentKey=key)]}, headers=theirs)

    assert refused(session, 422) == "DocumentKeyNotFound"
    assert ok(server.api.get(f"{KEYS}/{key}", headers=theirs))["found"] is False
    assert ok(server.api.get(f"/api/documents/keys/{key}", headers=theirs))["found"] is False


@pytest.mark.parametrize("count", [1, 100])
def test_a_batch_has_up_to_a_hundred(server: Server, count: int) -> None:
    found: Any = ok(server.api.post(f"{KEYS}/batch", json={"count": count}))

    assert len({one["key"] for one in found}) == count


@pytest.mark.parametrize("count", [0, -1, 101, None])
def test_other_counts_are_refused(server: Server, count: int | None) -> None:
    assert refused(server.api.post(f"{KEYS}/batch", json={"count": count}), 400) == "BadRequest"


def test_unused_keys_are_found_by_metadata(server: Server) -> None:
    name, value = "Batch ü", uuid4().hex
    body = {"count": 3, "provisionalMetadata": {name: [value, "other"]}}
    keys: Any = ok(server.api.post(f"{KEYS}/batch", json=body))
    signed_session(server, a_file(documentKey=keys[0]["key"]))

    def unused(name: str, value: str) -> set[str]:
        query = {"metadataName": name, "metadataValue": value}
        found: Any = ok(server.api.get(f"{KEYS}/unused", params=query))
        return {one["key"] for one in found}

    assert unused(name.upper(), value) == {keys[1]["key"], keys[2]["key"]}
    assert unused(name, value[:-1]) == set()
    everything: Any = ok(server.api.get(f"{KEYS}/unused"))
    assert {keys[1]["key"], keys[2]["key"]} <= {key["key"] for key in everything}
    assert refused(server.api.get(f"{KEYS}/unused", params={"metadataName": name}), 400) == "BadRequest"


@pytest.mark.parametrize(
    "metadata",
    [
        {"": "x"},
        {"n" * 51: "x"},
        {"semi;colon": "x"},
        {"name": "v" * 501},
        {"name": "a\0b"},
        {"Name": "1", "name": "2"},
    ],
)
def test_metadata_has_bounds(server: Server, metadata: dict[str, str]) -> None:
    for answer in (
        server.api.post(KEYS, json={"provisionalMetadata": metadata}),
        server.api.post(SESSIONS, json={"documentMetadata": metadata}),
        server.api.post(SESSIONS, json={"documents": [a_file(metadata=metadata)]}),
    ):
        assert refused(answer, 400) == "BadMetadata"


def test_a_documents_metadata_wins_over_the_sessions_and_the_applications(server: Server) -> None:
    name = f"App {uuid4().hex[:8]}"
    made = signroom(server, "applications", "create", name, "--subscription", "Demo", "--role", "Manager")
    key = signroom(server, "keys", "create", "--application", name, "--role", "Manager")
    mine = {"X-Api-Key": key}
    address = f"/api/applications/{made.split()[0]}/default-document-metadata"
    defaults = {"A": ["application"], "B": "application", "C": ["application"]}
    assert ok(server.api.put(address, json=defaults, headers=mine))["B"] == ["application"]
    assert ok(server.api.get(address, headers=mine)) == {n: ["application"] for n in "ABC"}

    body = {
        "documents": [a_file(metadata={"a": ["document", "twice"]})],
        "documentMetadata": {"A": "session", "b": "session"},
    }
    opened = ok(server.api.post(SESSIONS, json=body, headers=mine))
    document = server.session(opened["sessionId"])["documents"][0]

    found = ok(server.api.get(f"/api/documents/{document['id']}"))["metadata"]
    assert found == {"a": ["document", "twice"], "b": ["session"], "C": ["application"]}


def test_null_is_unset_and_hides_nothing(server: Server) -> None:
    opened = server.open_session(
        documents=[a_file(metadata={"Case": None, "Kind": []})], documentMetadata={"case": "R9", "kind": "x"}
    )
    document = server.session(opened["sessionId"])["documents"][0]["id"]

    assert ok(server.api.get(f"/api/documents/{document}"))["metadata"] == {"Kind": [], "case": ["R9"]}


def test_documents_are_found_by_metadata_page_by_page(server: Server, other_key: str) -> None:
    value = uuid4().hex
    documents = [a_file(name=f"{n}.pdf", metadata={"Order": [value]}) for n in range(3)]
    opened = server.open_session(documents=documents)
    query: dict[str, Any] = {"metadataName": "order", "metadataValue": value, "limit": 2}

    first = ok(server.api.get("/api/documents", params=query))
    second = ok(server.api.get("/api/documents", params={**query, "cursor": first["nextCursor"]}))
    theirs = ok(server.api.get("/api/documents", params=query, headers={"X-Api-Key": other_key}))

    ids = [d["id"] for d in first["items"] + second["items"]]
    assert sorted(ids) == sorted(d["id"] for d in server.session(opened["sessionId"])["documents"])
    assert second["nextCursor"] is None
    assert theirs == {"items": [], "nextCursor": None}


def test_the_signers_uploads_get_the_sessions_metadata(server: Server) -> None:
    opened = server.open_session(documentMetadata={"Customer": "7"})
    page = server.page(opened["redirectUrl"])
    document = page.add(hard_pdfs.make("plain"))
    page.sign(*page.demo_key())
    server.wait(opened["sessionId"])

    assert ok(server.api.get(f"/api/documents/{document['id']}"))["metadata"] == {"Customer": ["7"]}
