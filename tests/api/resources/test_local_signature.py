"""Local signature, inspection and log-in by certificate, with a key of the application's own."""

from __future__ import annotations

import hashlib
import sqlite3
from base64 import b64decode
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tests.api.requests import TEST_CONTEXT, a_file, demo_signer, fetched, uploaded
from tests.harness.commands import signroom
from tests.harness.databases import database_does_not_matter
from tests.harness.server import Json, Server, base64, ok, refused, signature
from tests.harness.waiting import SECONDS
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers import cms as cms_verifier
from tests.verifiers import programs as verifiers
from tests.verifiers import xml as xml_verifier

PREPARE, COMPLETE, INSPECT = "/api/signature", "/api/signature/completion", "/api/signature-inspection"
PDF = hard_pdfs.make("plain")


def prepared(server: Server, content: bytes = PDF, **fields: Any) -> Json:
    _, certificate = demo_signer(server)
    name = "contract.pdf" if content.startswith(b"%PDF") else "content.bin"
    body = {**a_file(content, name), "certificate": {"content": base64(certificate)}, **fields}
    return ok(server.api.post(PREPARE, json=body))


def completed(server: Server, preparation: Json) -> Json:
    key, _ = demo_signer(server)
    value = signature(key, b64decode(preparation["toSign"]["data"]))
    return ok(server.api.post(COMPLETE, json={"state": preparation["state"], "signature": base64(value)}))


def test_a_pdf_is_signed_in_two_calls(server: Server, tmp_path: Path) -> None:
    preparation = prepared(server)
    to_sign = preparation["toSign"]

    document = completed(server, preparation)

    assert preparation["success"] is True
    assert preparation["failure"] is None
    assert b64decode(to_sign["hash"]) == hashlib.sha256(b64decode(to_sign["data"])).digest()
    assert preparation["toSignHash"] == {
        "algorithm": "SHA256",
        "value": to_sign["hash"],
        "hexValue": b64decode(to_sign["hash"]).hex(),
    }
    assert document["signatureType"] == "Pdf"
    assert document["signers"][0]["certificate"]["subjectCommonName"] == "Test signer (DEMO)"
    assert verifiers.pyhanko(fetched(document["signedFile"]["location"], tmp_path), [])[0].intact
    assert ok(server.api.get(f"/api/documents/{document['id']}"))["id"] == document["id"]


def test_a_key_that_takes_a_hash_signs_the_hash(server: Server) -> None:
    key, _ = demo_signer(server)
    assert isinstance(key, rsa.RSAPrivateKey)
    preparation = prepared(server)

    value = key.sign(b64decode(preparation["toSignHash"]["value"]), padding.PKCS1v15(), Prehashed(hashes.SHA256()))

    answer = server.api.post(COMPLETE, json={"state": preparation["state"], "signature": base64(value)})
    assert answer.status_code == 200, answer.text


def test_the_same_completion_is_answered_the_same_and_another_is_refused(server: Server) -> None:
    preparation = prepared(server, content=hard_pdfs.make("plain"))

    first, again = completed(server, preparation), completed(server, preparation)

    assert first["id"] == again["id"]
    wrong = {"state": preparation["state"], "signature": base64(b"x" * 256)}
    assert refused(server.api.post(COMPLETE, json=wrong), 422) == "InvalidSignatureValue"


def test_completion_with_an_idempotency_key(server: Server) -> None:
    key, _ = demo_signer(server)
    preparation = prepared(server)
    value = signature(key, b64decode(preparation["toSign"]["data"]))
    body, headers = {"state": preparation["state"], "signature": base64(value)}, {"Idempotency-Key": uuid4().hex}

    first = ok(server.api.post(COMPLETE, json=body, headers=headers))

    assert ok(server.api.post(COMPLETE, json=body, headers=headers))["id"] == first["id"]
    other = {**body, "signature": base64(b"other")}
    assert refused(server.api.post(COMPLETE, json=other, headers=headers), 422) == "IdempotencyKeyReused"


def test_a_repeat_goes_on_where_the_first_call_was_cut_off(sqlite_server: Server) -> None:
    """The value was committed, and the process died before the file was made."""
    key, _ = demo_signer(sqlite_server)
    preparation = prepared(sqlite_server)
    value = signature(key, b64decode(preparation["toSign"]["data"]))
    body, headers = {"state": preparation["state"], "signature": base64(value)}, {"Idempotency-Key": uuid4().hex}
    first = ok(sqlite_server.api.post(COMPLETE, json=body, headers=headers))
    with closing(sqlite3.connect(sqlite_server.data / "signroom.db", timeout=SECONDS)) as database, database:
        changed = database.execute(
            "UPDATE signroom_documents SET status = 'Processing', signed_key = NULL, verdict = NULL WHERE id = ?",
            (UUID(first["id"]).hex,),
        )
    assert changed.rowcount == 1
    assert ok(sqlite_server.api.get(f"/api/documents/{first['id']}"))["signedFile"] is None

    again = ok(sqlite_server.api.post(COMPLETE, json=body, headers=headers))

    assert again["id"] == first["id"]
    assert again["signers"]
    assert again["signedFile"]["length"] == first["signedFile"]["length"]


def test_extracted_content_that_a_document_uses_is_kept(sqlite_server: Server, tmp_path: Path) -> None:
    attached = completed(sqlite_server, prepared(sqlite_server, content=b"any bytes at all"))
    signed = {"url": attached["signedFile"]["location"]}
    content = inspected(sqlite_server, signed, extractEncapsulatedContent=True)["encapsulatedContent"]
    opened = sqlite_server.open_session(documents=[{"file": {"url": content["location"], "name": "content.bin"}}])
    with closing(sqlite3.connect(sqlite_server.data / "signroom.db", timeout=SECONDS)) as database, database:
        database.execute("UPDATE signroom_uploads SET created_at = '2020-01-01 00:00:00.000000'")

    ok(sqlite_server.api.post("/Api/MultipartUploads"))  # purges what nothing uses

    file = sqlite_server.session(opened["sessionId"])["documents"][0]["originalFile"]
    assert fetched(file["location"], tmp_path).read_bytes() == b"any bytes at all"


def test_a_document_key_is_taken_at_completion(server: Server) -> None:
    key = ok(server.api.post("/api/document-keys"))["key"]

    preparation = prepared(server, documentKey=key)
    assert ok(server.api.get(f"/api/document-keys/{key}"))["hasDocument"] is False
    document = completed(server, preparation)

    assert document["key"] == key
    assert ok(server.api.get(f"/api/documents/keys/{key}"))["document"]["id"] == document["id"]
    other = {"documentKey": key, **a_file(), "certificate": {"content": base64(demo_signer(server)[1])}}
    assert refused(server.api.post(PREPARE, json=other), 422) == "DocumentKeyInUse"


def test_a_damaged_pdf_is_an_answer(server: Server) -> None:
    preparation = prepared(server, content=b"%PDF-1.7\nnothing else")

    assert (preparation["success"], preparation["failure"]) == (False, "CorruptedPdf")
    (error,) = preparation["validationResults"]["errors"]
    assert (error["type"], error["message"]) == ("DecodeError", "The PDF is damaged and cannot be read.")
    assert preparation["state"] is preparation["toSignHash"] is preparation["toSign"] is None
    assert preparation["certificate"]["subjectCommonName"] == "Test signer (DEMO)"


def test_a_protected_pdf_is_refused(server: Server) -> None:
    _, certificate = demo_signer(server)
    body = {**a_file(hard_pdfs.make("encrypted-user")), "certificate": {"content": base64(certificate)}}

    assert refused(server.api.post(PREPARE, json=body), 422) == "ProtectedPdfError"


@pytest.mark.parametrize("label", ["expired", "rsa1024"])
def test_a_certificate_that_may_not_sign_is_an_answer(server: Server, label: str) -> None:
    certificate = base64(authority.leaf(label).certificate_der)

    preparation = prepared(server, certificate={"content": certificate})

    assert (preparation["success"], preparation["failure"]) == (False, "CertificateValidationFailed")
    assert preparation["validationResults"]["errors"]
    assert preparation["state"] is None


def test_a_stranger_is_not_trusted_where_there_are_roots(server: Server) -> None:
    stranger = base64(authority.leaf("rsa2048").certificate_der)

    theirs = prepared(server, certificate={"content": stranger}, securityContextId=TEST_CONTEXT)
    ours = prepared(server, securityContextId=TEST_CONTEXT)

    assert theirs["failure"] == "CertificateValidationFailed"
    assert ours["success"] is True, ours["validationResults"]
    assert ours["certificate"]["issuer"]["subjectCommonName"] == "Signroom demo CA"
    assert ours["certificate"]["issuer"]["pkiBrazil"]["certificateType"] == "Unknown"


@database_does_not_matter
@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"certificate": {"content": "bm90aGluZw=="}}, 400, "BadCertificate"),
        ({"certificate": {}}, 400, "BadRequest"),
        ({"certificate": None}, 400, "BadRequest"),
        ({"certificate": {"id": str(uuid4())}}, 422, "NotSupported"),
        ({"certificate": {"id": str(uuid4()), "content": "AAAA"}}, 422, "NotSupported"),
        ({"xmlSignatureOptions": {"type": "FullXml", "elementToSignId": "a"}}, 400, "BadRequest"),
        ({"xmlSignatureOptions": {"elementToSignId": "a"}, "signatureType": "Pdf"}, 400, "BadRequest"),
        ({"xmlSignatureOptions": {"signatureElementLocation": {"insertionOption": "PrependChild"}}}, 400, "BadRequest"),
        ({"cmsSignatureOptions": {"dataFile": {"content": "AAAA", "name": "a"}}}, 422, "DataNotExpected"),
        ({"file": None}, 400, "BadRequest"),
        ({"file": {"content": "%%%"}}, 400, "BadRequest"),
        ({"signatureType": "Word"}, 400, "BadRequest"),
        ({"securityContextId": str(uuid4())}, 422, "SecurityContextNotFound"),
        ({"securityContextId": "201856ce-273c-4058-a872-8937bd547d36"}, 422, "SecurityContextNotConfigured"),
        ({"documentKey": "ABCD-EFGH-JKMN-PQRS"}, 422, "DocumentKeyNotFound"),
    ],
)
def test_what_cannot_be_prepared_is_refused(server: Server, fields: Json, status: int, code: str) -> None:
    _, certificate = demo_signer(server)
    body = {**a_file(), "certificate": {"content": base64(certificate)}, **fields}

    assert refused(server.api.post(PREPARE, json=body), status) == code


def test_a_state_is_ours_and_of_the_same_subscription(server: Server, other_key: str) -> None:
    state, value = prepared(server)["state"], base64(b"x")

    made_up = server.api.post(COMPLETE, json={"state": state[:-2] + "xx", "signature": value})
    theirs = server.api.post(COMPLETE, json={"state": state, "signature": value}, headers={"X-Api-Key": other_key})
    empty = server.api.post(COMPLETE, json={"state": "", "signature": value})

    assert refused(made_up, 422) == refused(theirs, 422) == "BadSignatureState"
    assert refused(empty, 400) == "BadRequest"


# -- inspection ------------------------------------------------------------------------------------


def inspected(server: Server, file: Json, **fields: Any) -> Json:
    return ok(server.api.put(INSPECT, json={"file": file, **fields}))


def test_a_signed_file_is_inspected_however_it_comes(server: Server, tmp_path: Path) -> None:
    location = completed(server, prepared(server))["signedFile"]["location"]
    content = fetched(location, tmp_path).read_bytes()

    by_url = inspected(server, {"url": location}, validate=True, securityContextId=TEST_CONTEXT)
    by_path = inspected(server, {"url": location.removeprefix(server.url)})
    by_content = inspected(server, {"content": base64(content)})
    by_token = inspected(server, {"blobToken": uploaded(server, content)})

    (signer,) = by_url["signers"]
    assert by_url["success"] is True
    assert signer["certificate"]["subjectCommonName"] == "Test signer (DEMO)"
    assert signer["certificate"]["issuer"]["subjectCommonName"] == "Signroom demo CA"
    assert signer["signature"]["algorithmIdentifier"] == {"algorithm": "SHA256WithRSA"}
    assert signer["messageDigest"]["algorithm"] == "SHA256"
    assert signer["validationResults"]["errors"] == []
    assert signer["signingTime"].endswith("Z")
    for other in (by_path, by_content, by_token):
        assert other["signers"][0]["validationResults"] is None
        assert other["signers"][0]["messageDigest"] == signer["messageDigest"]


def test_a_tampered_file_fails(server: Server, tmp_path: Path) -> None:
    location = completed(server, prepared(server))["signedFile"]["location"]
    content = bytearray(fetched(location, tmp_path).read_bytes())
    content[20] ^= 1

    (signer,) = inspected(server, {"content": base64(bytes(content))}, validate=True)["signers"]

    assert "MessageDigestMismatch" in [item["type"] for item in signer["validationResults"]["errors"]]


@database_does_not_matter
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("plain", "NotSigned"),
        ("text", "NotSigned"),
        ("html", "InvalidXml"),
        ("empty", "EmptyFile"),
        ("truncated", "InvalidPdf"),
    ],
)
def test_what_cannot_be_inspected_is_refused(server: Server, kind: str, code: str) -> None:
    answer = server.api.put(INSPECT, json={"file": {"content": base64(hard_pdfs.make(kind))}})

    assert refused(answer, 422) == code


# -- log in with a certificate ---------------------------------------------------------------------


def test_a_certificate_logs_in_once(server: Server) -> None:
    key, certificate = demo_signer(server)
    assert isinstance(key, rsa.RSAPrivateKey)
    begun = ok(server.api.post("/api/v2/authentication", json={"securityContextId": TEST_CONTEXT}))
    value = key.sign(b64decode(begun["toSignHash"]["value"]), padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    body = {"state": begun["state"], "certificate": base64(certificate), "signature": base64(value)}

    first = ok(server.api.post("/api/v2/authentication/completion", json=body))
    replay = ok(server.api.post("/api/v2/authentication/completion", json=body))

    assert (first["success"], first["failure"]) == (True, None), first["validationResults"]
    assert first["certificate"]["subjectCommonName"] == "Test signer (DEMO)"
    assert (replay["success"], replay["failure"]) == (False, "StaleSession")


def test_a_log_in_needs_the_key_and_a_trusted_issuer(server: Server, other_key: str) -> None:
    _, certificate = demo_signer(server)
    stranger = authority.leaf("rsa2048")
    begun = ok(server.api.post("/api/v2/authentication", json={"securityContextId": TEST_CONTEXT}))
    digest = b64decode(begun["toSignHash"]["value"])
    assert isinstance(stranger.key, rsa.RSAPrivateKey)
    value = base64(stranger.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256())))
    address = "/api/v2/authentication/completion"

    stolen = {"state": begun["state"], "certificate": base64(certificate), "signature": value}
    theirs = {**stolen, "certificate": base64(stranger.certificate_der)}

    assert refused(server.api.post(address, json=stolen), 422) == "InvalidSignatureValue"
    elsewhere = server.api.post(address, json=theirs, headers={"X-Api-Key": other_key})
    assert refused(elsewhere, 422) == "BadSignatureState"
    answer = ok(server.api.post(address, json=theirs))
    assert (answer["success"], answer["failure"]) == (False, "CertificateFailedValidation")
    assert refused(server.api.post(address, json={**theirs, "state": "x"}), 422) == "BadSignatureState"


def test_a_log_in_belongs_to_the_application_that_began_it(server: Server) -> None:
    """Another application of the same subscription sees the same sessions, and is still another one."""
    name = f"Neighbour {uuid4().hex[:8]}"
    signroom(server, "applications", "create", name, "--subscription", "Demo")
    neighbour = signroom(server, "keys", "create", "--application", name)
    key, certificate = demo_signer(server)
    assert isinstance(key, rsa.RSAPrivateKey)
    begun = ok(server.api.post("/api/v2/authentication", json={"securityContextId": TEST_CONTEXT}))
    value = key.sign(b64decode(begun["toSignHash"]["value"]), padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    body = {"state": begun["state"], "certificate": base64(certificate), "signature": base64(value)}
    address = "/api/v2/authentication/completion"

    theirs = server.api.post(address, json=body, headers={"X-Api-Key": neighbour})
    assert refused(theirs, 422) == "BadSignatureState"
    assert ok(server.api.post(address, json=body))["success"] is True, "their try has not spent it"


# -- CMS and XML -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"xmlSignatureOptions": {"type": "XmlElement", "elementToSignId": "i2"}},
        {
            "xmlSignatureOptions": {
                "signatureElementLocation": {
                    "xPath": "//o:item[1]",
                    "namespaces": [{"prefix": "o", "uri": "urn:order"}],
                    "insertionOption": "prependSibling",
                }
            }
        },
    ],
    ids=["whole", "element", "place"],
)
def test_xml_is_signed_as_a_whole_by_element_and_where_it_is_wanted(
    server: Server, tmp_path: Path, options: Json
) -> None:
    xml = b'<order xmlns="urn:order"><item Id="i1"/><item Id="i2">two</item></order>'

    document = completed(server, prepared(server, content=xml, signatureType="Xml", **options))

    file = fetched(document["signedFile"]["location"], tmp_path)
    xml_verifier.require_accepted(
        file, server.ca_certificate.read_bytes(), id_elements=["urn:order:item"] if "element" in str(options) else ()
    )
    (signer,) = inspected(server, {"url": document["signedFile"]["location"]}, validate=True)["signers"]
    by_element = "XmlElement" in str(options)
    assert signer["xmlSignedEntityType"] == ("XmlElement" if by_element else "FullXml")
    assert (signer["xmlSignedElement"] or {}).get("localName") == ("item" if by_element else None)
    assert signer["validationResults"]["errors"] == []


def test_cms_is_signed_attached_or_detached_and_once_more(server: Server, tmp_path: Path) -> None:
    content, root = b"any bytes at all", server.ca_certificate.read_bytes()
    beside = tmp_path / "content"
    beside.write_bytes(content)

    attached = completed(server, prepared(server, content=content))
    detached = completed(server, prepared(server, content=content, cmsSignatureOptions={"detached": True}))
    first = {"url": detached["signedFile"]["location"], "name": "first.p7s"}
    data = {"dataFile": {"content": base64(content), "name": "content"}}
    twice = completed(server, prepared(server, file=first, cmsSignatureOptions=data))

    assert attached["signatureType"] == "Cms"
    assert attached["signedFile"]["name"] == "content.bin.p7s"
    assert cms_verifier.openssl_accepts(fetched(attached["signedFile"]["location"], tmp_path), root) == content
    for document in (detached, twice):
        file = fetched(document["signedFile"]["location"], tmp_path)
        assert cms_verifier.openssl_accepts(file, root, beside) == content
    assert len(twice["signers"]) == 2


def test_a_detached_signature_is_inspected_with_its_data(server: Server, tmp_path: Path) -> None:
    content = b"any bytes at all"
    detached = completed(server, prepared(server, content=content, cmsSignatureOptions={"detached": True}))
    file = {"url": detached["signedFile"]["location"]}
    digest = {"algorithm": "sha256", "hexValue": hashlib.sha256(content).hexdigest()}

    without = inspected(server, file, validate=True)
    by_hash = inspected(server, file, validate=True, dataHashes=[digest])
    by_data = inspected(server, file, validate=True, dataFile={"content": base64(content)})

    assert (without["success"], without["failure"], without["missingDataHash"]) == (False, "DataFileRequired", "SHA256")
    for found in (by_hash, by_data):
        assert found["success"] is True
        assert found["signers"][0]["validationResults"]["errors"] == []
        assert found["hasEncapsulatedContent"] is False


def test_data_that_was_not_signed_is_told_without_being_asked_to_validate(server: Server) -> None:
    attached = completed(server, prepared(server, content=b"I owe 1 EUR"))
    file = {"url": attached["signedFile"]["location"]}
    other = {"dataFile": {"content": base64(b"I owe 1,000,000 EUR"), "name": "contract"}}

    (mismatch,) = inspected(server, file, **other)["signers"]
    (fitting,) = inspected(server, file, dataFile={"content": base64(b"I owe 1 EUR"), "name": "contract"})["signers"]

    assert [item["type"] for item in mismatch["validationResults"]["errors"]] == ["MessageDigestMismatch"]
    assert fitting["validationResults"] is None
    body = {"documents": [{"file": {**file, "name": "a.p7m"}, "cmsSignatureOptions": other}]}
    assert refused(server.api.post("/api/signature-sessions", json=body), 422) == "DataMismatch"
    local: Json = {"file": {**file, "name": "a.p7m"}, "cmsSignatureOptions": other}
    local["certificate"] = {"content": base64(demo_signer(server)[1])}
    assert refused(server.api.post(PREPARE, json=local), 422) == "DataMismatch"


def test_encapsulated_content_is_handed_out(server: Server, tmp_path: Path) -> None:
    content = bytes(range(256)) * 100
    attached = completed(server, prepared(server, content=content))

    found = inspected(server, {"url": attached["signedFile"]["location"]}, extractEncapsulatedContent=True)

    assert found["encapsulatedContentType"] == "Data"
    assert found["encapsulatedContent"]["length"] == len(content)
    assert fetched(found["encapsulatedContent"]["location"], tmp_path).read_bytes() == content
