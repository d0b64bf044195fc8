"""Has anybody confirmed who a signer is? Said of sessions, documents, inspections and in webhooks."""

from __future__ import annotations

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tests.api.requests import SESSIONS, a_file, demo_signer, signed_session
from tests.harness.server import Json, Server, base64, ok, signature
from tests.pki import authority

TEST_CONTEXT = "803517ad-3bbc-4169-b085-60053a8f6dbf"
LOG_IN = "/api/v2/authentication"
CONTEXTS = pytest.mark.parametrize(
    ("fields", "confirmed"), [({}, False), ({"securityContextId": TEST_CONTEXT}, True)], ids=["any", "test"]
)


@CONTEXTS
def test_a_session_and_its_documents_say_whether_the_identity_is_confirmed(
    server: Server, fields: Json, confirmed: bool
) -> None:
    session = signed_session(server, a_file(), **fields)
    address = f"/api/documents/{session['documents'][0]['id']}"

    assert session["signerIdentityConfirmed"] is confirmed
    assert [s["identityConfirmed"] for s in ok(server.api.get(address))["signers"]] == [confirmed]
    answer = server.api.get(f"{address}/signers")
    assert answer.status_code == 200, answer.text
    (signer,) = answer.json()
    assert signer["identityConfirmed"] is confirmed
    # Judged by the context of its session, not by the default.
    unknown = [w["type"] for w in signer["validationResults"]["warnings"]].count("UnknownRootTrustStatus")
    assert unknown == (0 if confirmed else 1)
    assert signer["validationResults"]["errors"] == []


@CONTEXTS
def test_an_inspection_of_a_document_of_ours_is_judged_by_its_sessions_context(
    server: Server, fields: Json, confirmed: bool
) -> None:
    location = signed_session(server, a_file(), **fields)["documents"][0]["signedFile"]["location"]

    (signer,) = ok(server.api.put("/api/signature-inspection", json={"file": {"url": location}, "validate": True}))[
        "signers"
    ]
    (unasked,) = ok(server.api.put("/api/signature-inspection", json={"file": {"url": location}}))["signers"]

    assert signer["identityConfirmed"] is confirmed
    assert unasked["identityConfirmed"] is None


def test_nobody_has_signed_yet(server: Server) -> None:
    opened = server.open_session(documents=[a_file()])
    assert ok(server.api.get(f"{SESSIONS}/{opened['sessionId']}"))["signerIdentityConfirmed"] is None


@CONTEXTS
def test_the_page_is_told(server: Server, fields: Json, confirmed: bool) -> None:
    """Before and after: by whom, or that nobody has. What may not sign is confirmed by nobody."""
    page = server.page(server.open_session(documents=[a_file()], **fields)["redirectUrl"])
    before = page.load()
    assert before["identityConfirmed"] is confirmed
    assert before["signer"] is None
    key, chain = page.demo_key()
    expired_one = {"certificate": base64(authority.leaf("expired").certificate_der), "chain": []}
    asked = [{"certificate": chain[0], "chain": chain[1:]}, expired_one]
    usable, expired = ok(page.client.post("certificates", json={"certificates": asked}))["certificates"]
    page.sign(key, chain)
    signer = page.load()["signer"]

    by = "Signroom demo CA" if confirmed else None
    assert (usable["confirmedBy"], expired["confirmedBy"], signer["confirmedBy"]) == (by, None, by)
    assert usable["name"] == signer["name"]
    assert signer["issuedBy"] == "Signroom demo CA"
    assert signer["signedAt"] is not None


@CONTEXTS
def test_a_local_signature_says_it_too(server: Server, fields: Json, confirmed: bool) -> None:
    key, certificate = demo_signer(server)
    body = {"file": a_file()["file"], "certificate": {"content": base64(certificate)}, **fields}
    prepared = ok(server.api.post("/api/signature", json=body))
    value = signature(key, b64decode(prepared["toSign"]["data"]))

    document = ok(
        server.api.post("/api/signature/completion", json={"state": prepared["state"], "signature": base64(value)})
    )

    assert [signer["identityConfirmed"] for signer in document["signers"]] == [confirmed]


def test_one_who_had_signed_before_is_nobody_that_was_asked_about(server: Server) -> None:
    first = signed_session(server, a_file())["documents"][0]["signedFile"]["location"]
    again = signed_session(server, {"file": {"url": first}}, securityContextId=TEST_CONTEXT)

    signers = ok(server.api.get(f"/api/documents/{again['documents'][0]['id']}"))["signers"]

    assert [signer["identityConfirmed"] for signer in signers] == [None, True]


@pytest.mark.parametrize("context", [{}, {"securityContextId": "1f4a6f6b-5d0c-4f3e-9d0a-0e7a3c5b9a01"}])
def test_a_certificate_of_his_own_logs_nobody_in(server: Server, context: Json) -> None:
    """In the demo the test context decides; in production there is no state to begin with."""
    stranger = authority.leaf("rsa2048")
    assert isinstance(stranger.key, rsa.RSAPrivateKey)
    begun = ok(server.api.post(LOG_IN, json=context))
    digest = b64decode(begun["toSignHash"]["value"])
    value = stranger.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    body = {"state": begun["state"], "certificate": base64(stranger.certificate_der), "signature": base64(value)}

    answer = ok(server.api.post(f"{LOG_IN}/completion", json=body))

    assert (answer["success"], answer["failure"]) == (False, "CertificateFailedValidation")


def test_who_did_not_make_the_value_is_not_confirmed(server: Server) -> None:
    """Anybody can put another person's certificate beside a value of their own."""
    note = a_file(b"a note", "note.txt", signatureType="Cms")
    made = signed_session(server, note, securityContextId=TEST_CONTEXT)["documents"][0]["signedFile"]["location"]
    signed = server.api.get(made).content
    forged = signed[:-1] + bytes([signed[-1] ^ 1])

    def signer(content: bytes) -> Json:
        body = {"file": {"content": base64(content)}, "validate": True, "securityContextId": TEST_CONTEXT}
        (found,) = ok(server.api.put("/api/signature-inspection", json=body))["signers"]
        return found  # type: ignore[no-any-return]

    assert signer(signed)["identityConfirmed"] is True
    found = signer(forged)
    assert found["validationResults"]["errors"]
    assert found["identityConfirmed"] is False
