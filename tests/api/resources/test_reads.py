"""Who may read what, and what time does to lists."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.requests import SESSIONS, a_file, demo_signer, signed_session
from tests.harness.commands import signroom
from tests.harness.server import Server, base64, ok, refused
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs


@pytest.fixture(scope="module")
def without_role(server: Server) -> dict[str, str]:
    """A key that was given no role, as headers."""
    name = f"Nobody {uuid4().hex[:8]}"
    signroom(server, "applications", "create", name, "--subscription", "Demo")
    admin = signroom(server, "keys", "create", "--application", name, "--role", "Admin")
    headers = {"X-Api-Key": admin}
    made = ok(server.api.post("/api/applications", json={"name": f"{name} too"}, headers=headers))
    key = ok(server.api.post(f"/api/applications/{made['id']}/api-keys", headers=headers))["key"]
    return {"X-Api-Key": key}


def test_a_key_without_any_role_reads_nothing(server: Server, without_role: dict[str, str]) -> None:
    session = signed_session(server, a_file())
    document = session["documents"][0]["id"]

    for path in (
        SESSIONS,
        f"{SESSIONS}/{session['id']}",
        f"{SESSIONS}/{session['id']}/when-completed",
        f"/api/documents/{document}",
        f"/api/documents/{document}/signers",
        "/api/documents?metadataName=a&metadataValue=b",
        "/api/documents/keys/2345-6789-ABCD-EFGH",
        "/api/document-keys/2345-6789-ABCD-EFGH",
        "/api/document-keys/unused?metadataName=a&metadataValue=b",
    ):
        assert refused(server.api.get(path, headers=without_role), 403) == "Forbidden", path


def test_an_upload_is_the_signers_until_he_has_signed_it(server: Server) -> None:
    case = uuid4().hex
    opened = server.open_session(documentMetadata={"case": case})
    page = server.page(opened["redirectUrl"])
    document = page.add(hard_pdfs.make("plain"))["id"]
    search = {"metadataName": "case", "metadataValue": case}

    assert ok(server.api.get("/api/documents", params=search))["items"] == []
    for path in (f"/api/documents/{document}", f"/api/documents/{document}/signers"):
        assert refused(server.api.get(path), 422) == "DocumentNotFound"

    page.sign(*page.demo_key())
    server.wait(opened["sessionId"])
    assert [d["id"] for d in ok(server.api.get("/api/documents", params=search))["items"]] == [document]


def test_a_local_preparation_is_no_document_yet(server: Server) -> None:
    body = {**a_file(), "certificate": {"content": base64(demo_signer(server)[1])}}
    application = f"Default {uuid4().hex[:8]}"
    signroom(server, "applications", "create", application, "--subscription", "Demo")
    headers = {"X-Api-Key": signroom(server, "keys", "create", "--application", application, "--role", "Manager")}
    case = uuid4().hex
    key = ok(server.api.post("/api/document-keys", json={"provisionalMetadata": {"case": case}}, headers=headers))

    assert ok(server.api.post("/api/signature", json={**body, "documentKey": key["key"]}, headers=headers))["success"]

    assert ok(server.api.get(f"/api/document-keys/{key['key']}", headers=headers))["hasDocument"] is False


def test_a_session_whose_time_is_over_is_listed_as_expired(short_server: Server) -> None:
    opened = short_server.open_session()["sessionId"]

    def listed(**query: Any) -> list[tuple[str, str]]:
        return [(s["id"], s["status"]) for s in ok(short_server.api.get(SESSIONS, params=query))["items"]]

    assert listed(status="Pending") == [(opened, "Pending")]
    eventually(lambda: listed(status="Pending") == [])
    assert listed(status="Expired") == listed() == [(opened, "Expired")]
    assert short_server.session(opened)["status"] == "Expired"
    assert listed(status="Expired") == [(opened, "Expired")]


@pytest.mark.parametrize("time", ["2020-01-01T00:00:00", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00-03:00"])
@pytest.mark.parametrize("name", ["createdFrom", "createdBefore"])
def test_a_time_may_leave_out_where_it_is(server: Server, name: str, time: str) -> None:
    assert server.api.get(SESSIONS, params={name: time}).status_code == 200


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_out_of_range_is_refused(server: Server, time: str) -> None:
    assert refused(server.api.get(SESSIONS, params={"createdFrom": time}), 400) == "BadRequest"
