"""Each route of the contract: its answer, status and headers against the document, then every refusal it may give."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from tests.api.requests import TEST_CONTEXT, a_file, demo_signer
from tests.harness.commands import signroom
from tests.harness.databases import database_does_not_matter
from tests.harness.server import Json, Key, Server, base64, signature
from tests.pki import authority
from tests.vectors import hard_pdfs, what_a_file_is
from tests.wire.answers import answered, answered_as, refused_with
from tests.wire.operations import (
    APPLICATIONS,
    AUTHENTICATED,
    AUTHENTICATION,
    COMPLETION,
    DOCUMENTS,
    INFO,
    INSPECTION,
    KEYED,
    KEYS,
    MULTIPART,
    PLAIN,
    SESSIONS,
    SIGNATURE,
    UNKNOWN,
    WITH_IDS,
    WITH_JSON,
    Operation,
)
from tests.wire.schema import routes

PDF = hard_pdfs.make("plain")


def opened(server: Server, **fields: Any) -> Json:
    found: Json = answered_as("POST", SESSIONS, server.api.post(SESSIONS, json=fields))
    return found


def session_of(server: Server, session_id: str) -> Json:
    found: Json = answered_as("GET", f"{SESSIONS}/{{id}}", server.api.get(f"{SESSIONS}/{session_id}"))
    return found


def prepared(server: Server, content: bytes = PDF, **fields: Any) -> Json:
    _, certificate = demo_signer(server)
    body = {**a_file(content), "certificate": {"content": base64(certificate)}, **fields}
    found: Json = answered_as("POST", SIGNATURE, server.api.post(SIGNATURE, json=body))
    return found


def signed_hash(key: Key, digest: str) -> str:
    """What a key makes of a SHA-256 that somebody else computed, base64."""
    assert isinstance(key, rsa.RSAPrivateKey)
    return base64(key.sign(b64decode(digest), padding.PKCS1v15(), Prehashed(hashes.SHA256())))


def locally_signed(server: Server, **fields: Any) -> Json:
    """A document that the demo's PFX has signed through ``/api/signature``."""
    key, _ = demo_signer(server)
    preparation = prepared(server, **fields)
    body = {"state": preparation["state"], "signature": signed_hash(key, preparation["toSignHash"]["value"])}
    found: Json = answered_as("POST", COMPLETION, server.api.post(COMPLETION, json=body))
    return found


def fetch(location: str) -> httpx.Response:
    """As a plain browser does: without any header of ours."""
    return httpx.get(location, trust_env=False)


# -- sessions ----------------------------------------------------------------------------------------


def test_a_session_is_created(server: Server) -> None:
    found = opened(server, returnUrl="https://app.example/back?a=%2F#top", callbackArgument="order 42")

    address = urlsplit(found["redirectUrl"])
    assert f"{address.scheme}://{address.netloc}" == server.url
    assert not set(found["redirectUrl"]) & set("\"'\\<> "), "one client writes it into a page unescaped"


def test_a_pending_session_shows_predefined_documents_and_no_uploads(server: Server) -> None:
    with_documents = session_of(server, opened(server, documents=[a_file()])["sessionId"])
    for_uploads = opened(server)
    server.page(for_uploads["redirectUrl"]).add(PDF)

    (document,) = with_documents["documents"]
    assert (with_documents["status"], document["status"]) == ("Pending", "PendingSignature")
    assert document["signedFile"] is document["dateSigned"] is None
    assert with_documents["signerCertificate"] is None
    assert session_of(server, for_uploads["sessionId"])["documents"] == []


def test_a_completed_session_names_signer_and_files(server: Server, signed: Json) -> None:
    session = session_of(server, signed["id"])

    (document,) = session["documents"]
    assert (session["status"], document["status"], document["signatureType"]) == ("Completed", "Completed", "Pdf")
    assert session["callbackArgument"] == "order 42"
    assert session["signerCertificate"]["subjectCommonName"] == "Ana (DEMO)"
    for file in (document["originalFile"], document["signedFile"]):
        assert file["mimeType"] == file["contentType"] == "application/pdf"
        assert file["url"] == file["location"]
        assert len(fetch(file["location"]).content) == file["length"]
        assert file["name"].endswith(".pdf")


def test_every_level_of_a_chain_has_its_names_and_national_parts(server: Server, signed: Json) -> None:
    certificate = session_of(server, signed["id"])["signerCertificate"]
    assert certificate["issuer"] is not None

    while certificate is not None:
        assert certificate["subjectName"]["dnString"]
        assert certificate["pkiBrazil"]["certificateType"] == "Unknown"
        assert certificate["pkiItaly"]["certificateType"] == "Undefined"
        assert certificate["thumbprintSHA256"] == b64decode(certificate["binaryThumbprintSHA256"]).hex()
        certificate = certificate["issuer"]


def test_a_cancelled_session(server: Server) -> None:
    session = opened(server, documents=[a_file()])
    server.page(session["redirectUrl"]).client.post("cancel").raise_for_status()

    found = session_of(server, session["sessionId"])

    assert found["status"] == "UserCancelled"
    assert found["documents"][0]["signedFile"] is None


def test_waiting_for_a_session(server: Server) -> None:
    session = opened(server, documents=[a_file()], enableBackgroundProcessing=True)
    address = f"{SESSIONS}/{session['sessionId']}/when-completed"
    template = f"{SESSIONS}/{{id}}/when-completed"
    refused_with(server.api.get(address), 422, "BadSignatureSessionOperation")

    page = server.page(session["redirectUrl"])
    page.sign(*page.demo_key())
    started = datetime.now(UTC)
    while not (found := answered_as("GET", template, server.api.get(address)))["completed"]:
        assert 0 <= found["progress"] <= 100
        assert datetime.now(UTC) - started < timedelta(minutes=1)

    assert found == {"completed": True, "progress": 100}
    assert session_of(server, session["sessionId"])["status"] == "Completed"


def test_signature_session_id_is_added_to_the_return_url(server: Server) -> None:
    session = opened(server, returnUrl="https://app.example/back?a=%2F&b=#top", documents=[a_file()])
    page = server.page(session["redirectUrl"])
    view = page.sign(*page.demo_key())
    server.wait(session["sessionId"])

    address = urlsplit(page.load()["returnUrl"])

    assert view is not None
    assert address.query.startswith("a=%2F&b=&"), "escapes stay as they came"
    assert address.fragment == "top"
    assert dict(parse_qsl(address.query))["signatureSessionId"] == session["sessionId"]


# -- documents ---------------------------------------------------------------------------------------


def test_a_document_is_read(server: Server, signed: Json) -> None:
    address = f"{DOCUMENTS}/{signed['documents'][0]['id']}"

    found = answered_as("GET", f"{DOCUMENTS}/{{id}}", server.api.get(address))

    assert found["metadata"] == {"Order": ["42"]}
    assert [signer["certificate"]["subjectCommonName"] for signer in found["signers"]] == ["Ana (DEMO)"]


def test_the_signers_of_a_document_are_read(server: Server, signed: Json) -> None:
    address = f"{DOCUMENTS}/{signed['documents'][0]['id']}/signers"

    (signer,) = answered_as("GET", f"{DOCUMENTS}/{{id}}/signers", server.api.get(address))

    assert signer["certificate"]["subjectCommonName"] == "Ana (DEMO)"
    assert signer["certificate"]["issuer"]["subjectCommonName"] == "Signroom demo CA"
    assert signer["messageDigest"]["algorithm"] == "SHA256", "the full information: what was signed"
    assert signer["signature"]["algorithmIdentifier"] == {"algorithm": None}, "the contract has no word for ECDSA"
    assert signer["signature"]["signatureAlgorithmName"] == "SHA256WithECDSA"
    assert signer["signatureFieldName"]


def test_a_document_without_signature_has_no_signers(server: Server) -> None:
    document = session_of(server, opened(server, documents=[a_file()])["sessionId"])["documents"][0]

    found = server.api.get(f"{DOCUMENTS}/{document['id']}/signers")

    assert answered_as("GET", f"{DOCUMENTS}/{{id}}/signers", found) == []
    whole = answered_as("GET", f"{DOCUMENTS}/{{id}}", server.api.get(f"{DOCUMENTS}/{document['id']}"))
    assert whole["signers"] == []


@pytest.mark.parametrize("base", [DOCUMENTS + "/keys", KEYS])
def test_a_document_is_found_by_its_key(server: Server, base: str) -> None:
    key = answered_as("POST", KEYS, server.api.post(KEYS))
    document = locally_signed(server, documentKey=key["key"])

    for spelling in (key["key"], key["formattedKey"], key["key"].lower()):
        found = answered_as("GET", f"{base}/{{key}}", server.api.get(f"{base}/{spelling}"))
        assert found["found"] is True
        assert found["document"]["id"] == document["id"]
        assert found["document"]["formattedKey"] == key["formattedKey"]


@pytest.mark.parametrize("base", [DOCUMENTS + "/keys", KEYS])
def test_a_key_that_nobody_allocated_is_not_found(server: Server, base: str) -> None:
    for key in ("2345-6789-ABCD-EFGH", "x", "%20"):
        found = answered_as("GET", f"{base}/{{key}}", server.api.get(f"{base}/{key}"))
        assert (found["found"], found["document"]) == (False, None)


# -- document keys -----------------------------------------------------------------------------------


def test_a_document_key_is_allocated_and_looked_up(server: Server) -> None:
    body = {"provisionalMetadata": {"Order": ["42", "43"], "Year": ["2026"]}}

    key = answered_as("POST", KEYS, server.api.post(KEYS, json=body))
    found = answered_as("GET", f"{KEYS}/{{key}}", server.api.get(f"{KEYS}/{key['formattedKey']}"))

    assert key["formattedKey"].replace("-", "") == key["key"]
    assert found == {
        "found": True,
        "formattedKey": key["formattedKey"],
        "hasDocument": False,
        "provisionalMetadata": body["provisionalMetadata"],
        "document": None,
        "erased": None,
    }


@pytest.mark.parametrize("count", [1, 100])
def test_document_keys_are_allocated_at_once(server: Server, count: int) -> None:
    answer = server.api.post(f"{KEYS}/batch", json={"count": count, "provisionalMetadata": None})

    keys = answered_as("POST", f"{KEYS}/batch", answer)

    assert len({key["key"] for key in keys}) == count


def test_unused_document_keys_are_found_whatever_the_case_of_the_name(server: Server) -> None:
    value = uuid4().hex
    batch = {"count": 2, "provisionalMetadata": {"Order no": [value]}}
    keys = answered_as("POST", f"{KEYS}/batch", server.api.post(f"{KEYS}/batch", json=batch))
    locally_signed(server, documentKey=keys[0]["key"])

    query = {"metadataName": "ORDER NO", "metadataValue": value}
    found = answered_as("GET", f"{KEYS}/unused", server.api.get(f"{KEYS}/unused", params=query))

    assert found == [keys[1]]


# -- uploads -----------------------------------------------------------------------------------------


def test_a_plain_upload(server: Server) -> None:
    files = {"whatever": ("contrato ação.pdf", PDF, "application/pdf")}

    found = answered_as("POST", PLAIN, server.api.post(PLAIN, files=files))

    assert found["length"] == len(PDF)
    assert found["name"] == "contrato ação.pdf"
    assert found["mimeType"] == found["contentType"] == "application/pdf"
    assert opened(server, documents=[{"file": {"blobToken": found["blobToken"]}}])
    assert opened(server, documents=[{"file": found}]), "the whole reference goes back as it came"


def test_an_upload_in_parts(server: Server) -> None:
    begun = answered_as("POST", MULTIPART, server.api.post(MULTIPART))
    content = hard_pdfs.of_length(begun["partSize"] + 1000)
    address, etags = f"{MULTIPART}/{begun['blobToken']}", []
    for number in range(2):
        part = content[number * begun["partSize"] : (number + 1) * begun["partSize"]]
        headers = {"Content-Type": "application/octet-stream", "Content-MD5": md5(part)}
        answer = server.api.post(f"{address}/{number}", content=part, headers=headers)
        answered_as("POST", f"{MULTIPART}/{{token}}/{{partNumber}}", answer)
        etags.append(answer.headers["ETag"])

    answer = server.api.post(address, json={"partETags": etags, "completeMD5": md5(content)})

    answered_as("POST", f"{MULTIPART}/{{token}}", answer)
    assert all(tag.startswith('"') and tag.endswith('"') for tag in etags)
    reference = {"blobToken": begun["blobToken"], "name": "large.pdf"}
    session = session_of(server, opened(server, documents=[{"file": reference}])["sessionId"])
    assert fetch(session["documents"][0]["originalFile"]["location"]).content == content


def md5(content: bytes) -> str:
    return base64(hashlib.md5(content, usedforsecurity=False).digest())


# -- signatures of the application's own ----------------------------------------------------------------


def test_a_signature_is_prepared_and_completed(server: Server) -> None:
    key, _ = demo_signer(server)
    preparation = prepared(server)
    assert (preparation["success"], preparation["failure"]) == (True, None)
    assert preparation["validationResults"]["errors"] == []
    to_sign = preparation["toSign"]
    assert to_sign["hash"] == preparation["toSignHash"]["value"]
    assert hashlib.sha256(b64decode(to_sign["data"])).digest() == b64decode(to_sign["hash"])
    body = {"state": preparation["state"], "signature": base64(signature(key, b64decode(to_sign["data"])))}

    first = answered_as("POST", COMPLETION, server.api.post(COMPLETION, json=body))
    again = answered_as("POST", COMPLETION, server.api.post(COMPLETION, json=body))

    assert first["signers"][0]["certificate"]["subjectCommonName"] == "Test signer (DEMO)"
    assert again["id"] == first["id"]
    other = {**body, "signature": base64(b"x" * 256)}
    refused_with(server.api.post(COMPLETION, json=other), 422)


@pytest.mark.parametrize("kind", ["Cms", "Xml"])
def test_other_kinds_are_signed_too(server: Server, kind: str) -> None:
    content, name = (b"just a text", "a.txt") if kind == "Cms" else (b"<order id='1'><item/></order>", "a.xml")
    _, certificate = demo_signer(server)
    body = {**a_file(content, name), "certificate": {"content": base64(certificate)}, "signatureType": kind}
    preparation = answered_as("POST", SIGNATURE, server.api.post(SIGNATURE, json=body))
    key, _ = demo_signer(server)
    value = signed_hash(key, preparation["toSignHash"]["value"])

    done = server.api.post(COMPLETION, json={"state": preparation["state"], "signature": value})
    document = answered_as("POST", COMPLETION, done)
    signers = server.api.get(f"{DOCUMENTS}/{document['id']}/signers")
    inspected = server.api.put(INSPECTION, json={"file": {"url": document["signedFile"]["location"]}, "validate": True})

    assert document["signatureType"] == kind
    assert answered_as("GET", f"{DOCUMENTS}/{{id}}/signers", signers)[0]["certificate"]
    assert answered_as("PUT", INSPECTION, inspected)["signers"][0]["validationResults"]["errors"] == []


def test_failures_of_a_preparation_are_answers(server: Server) -> None:
    damaged = prepared(server, b"%PDF-1.7\nnothing else")
    expired = prepared(server, certificate={"content": base64(authority.leaf("expired").certificate_der)})

    assert (damaged["success"], damaged["failure"]) == (False, "CorruptedPdf")
    assert (expired["success"], expired["failure"]) == (False, "CertificateValidationFailed")
    assert "CertificateExpired" in [item["type"] for item in expired["validationResults"]["errors"]]
    for failed in (damaged, expired):
        assert failed["state"] is failed["toSignHash"] is failed["toSign"] is None


def test_a_signed_file_is_inspected(server: Server) -> None:
    location = locally_signed(server)["signedFile"]["location"]
    validated = {"validate": True, "securityContextId": TEST_CONTEXT}

    plain = answered_as("PUT", INSPECTION, server.api.put(INSPECTION, json={"file": {"url": location}}))
    judged = answered_as("PUT", INSPECTION, server.api.put(INSPECTION, json={"file": {"url": location}, **validated}))

    assert plain["success"] is judged["success"] is True
    (signer,) = judged["signers"]
    assert signer["signature"]["algorithmIdentifier"] == {"algorithm": "SHA256WithRSA"}
    assert signer["signature"]["signatureAlgorithmName"] == "SHA256WithRSA"
    assert signer["validationResults"]["errors"] == []
    assert signer["certificate"]["issuer"]["subjectCommonName"] == "Signroom demo CA"


def test_the_inspection_of_a_file_that_was_signed_here_names_its_document(server: Server) -> None:
    """The document's words: "If the file was signed on this instance, additional information ... `document`"."""
    document = locally_signed(server)

    body = {"file": {"content": base64(fetch(document["signedFile"]["location"]).content)}}
    found = answered_as("PUT", INSPECTION, server.api.put(INSPECTION, json=body))

    assert found["document"] is not None
    assert found["document"]["id"] == document["id"]


def test_a_signature_without_a_signing_time_still_has_a_date_that_clients_can_read(server: Server) -> None:
    """`SignerModel.date` is not nullable in the document; .NET makes a DateTime of it."""
    leaf = authority.leaf("rsa2048")
    assert isinstance(leaf.key, rsa.RSAPrivateKey)
    builder = PKCS7SignatureBuilder().set_data(b"text").add_signer(leaf.certificate, leaf.key, hashes.SHA256())
    content = builder.sign(Encoding.DER, [PKCS7Options.NoAttributes, PKCS7Options.Binary])

    body = {"file": {"content": base64(content), "name": "a.p7m"}}
    found = answered_as("PUT", INSPECTION, server.api.put(INSPECTION, json=body))

    assert found["signers"][0]["signingTime"] is None


def test_the_content_of_a_cms_is_extracted(server: Server) -> None:
    leaf = authority.leaf("rsa2048")
    assert isinstance(leaf.key, rsa.RSAPrivateKey)
    builder = PKCS7SignatureBuilder().set_data(b"text").add_signer(leaf.certificate, leaf.key, hashes.SHA256())
    attached = base64(builder.sign(Encoding.DER, [PKCS7Options.Binary]))
    detached = base64(builder.sign(Encoding.DER, [PKCS7Options.Binary, PKCS7Options.DetachedSignature]))

    body = {"file": {"content": attached, "name": "a.p7m"}, "extractEncapsulatedContent": True}
    found = answered_as("PUT", INSPECTION, server.api.put(INSPECTION, json=body))
    body = {"file": {"content": detached, "name": "a.p7s"}, "validate": True}
    without = answered_as("PUT", INSPECTION, server.api.put(INSPECTION, json=body))
    body["dataHashes"] = [{"algorithm": "SHA256", "value": base64(hashlib.sha256(b"text").digest())}]
    with_hash = answered_as("PUT", INSPECTION, server.api.put(INSPECTION, json=body))

    assert (found["hasEncapsulatedContent"], found["encapsulatedContentType"]) == (True, "Data")
    assert fetch(found["encapsulatedContent"]["location"]).content == b"text"
    assert (without["success"], without["failure"]) == (False, "DataFileRequired")
    assert without["missingDataHash"] == "SHA256"
    assert with_hash["success"] is True


@pytest.mark.parametrize("form", ["base64 twice", "MIME header"])
def test_an_attached_object_with_another_data_file_is_told_as_a_mismatch(server: Server, form: str) -> None:
    """In whatever text form it comes: the first bytes say what it is."""
    file = {"content": base64(what_a_file_is.text_forms()[form]), "name": "contract.pdf.p7m"}

    def inspected(data: bytes) -> Json:
        body = {"file": file, "validate": True, "dataFile": {"content": base64(data), "name": "contract.pdf"}}
        found: Json = answered_as("PUT", INSPECTION, server.api.put(INSPECTION, json=body))
        return found

    (other,) = inspected(what_a_file_is.pdf() + b"%")["signers"]
    (same,) = inspected(what_a_file_is.pdf())["signers"]

    def errors(signer: Json) -> set[str]:
        return {item["type"] for item in signer["validationResults"]["errors"]}

    assert "MessageDigestMismatch" in errors(other)
    assert "MessageDigestMismatch" not in errors(same)


def test_a_certificate_logs_in_once(server: Server) -> None:
    key, certificate = demo_signer(server)
    body: Json = {"securityContextId": TEST_CONTEXT, "ignoreRevocationStatusUnknown": True}
    begun = answered_as("POST", AUTHENTICATION, server.api.post(AUTHENTICATION, json=body))
    value = signed_hash(key, begun["toSignHash"]["value"])
    body = {"state": begun["state"], "certificate": base64(certificate), "signature": value}

    first = answered_as("POST", AUTHENTICATED, server.api.post(AUTHENTICATED, json=body))
    replay = answered_as("POST", AUTHENTICATED, server.api.post(AUTHENTICATED, json=body))

    assert (first["success"], first["failure"]) == (True, None), first["validationResults"]
    assert first["certificate"]["subjectCommonName"] == "Test signer (DEMO)"
    assert (replay["success"], replay["failure"]) == (False, "StaleSession")


def test_a_certificate_that_is_not_trusted_does_not_log_in(server: Server) -> None:
    leaf = authority.leaf("rsa2048")
    assert isinstance(leaf.key, rsa.RSAPrivateKey)
    body = {"securityContextId": TEST_CONTEXT}
    begun = answered_as("POST", AUTHENTICATION, server.api.post(AUTHENTICATION, json=body))
    value = signed_hash(leaf.key, begun["toSignHash"]["value"])
    body = {"state": begun["state"], "certificate": base64(leaf.certificate_der), "signature": value}

    found = answered_as("POST", AUTHENTICATED, server.api.post(AUTHENTICATED, json=body))

    assert (found["success"], found["failure"]) == (False, "CertificateFailedValidation")
    assert found["validationResults"]["errors"]


# -- applications, system ----------------------------------------------------------------------------


def test_an_application_with_its_key_and_default_metadata(server: Server, admin: dict[str, str]) -> None:
    data = {"name": f"App {uuid4().hex[:8]}", "authorizationData": {"roles": ["Worker"]}}
    application = answered(
        server.api.post(APPLICATIONS, json=data | {"rootAuthorizationData": {"roles": []}}, headers=admin),
        "ApplicationModel",
    )
    address = f"{APPLICATIONS}/{application['id']}"
    expires = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"description": "first", "expiresOn": expires}
    key = answered(server.api.post(f"{address}/api-keys", json=body, headers=admin), "CreateApplicationApiKeyResponse")
    metadata = {"Tenant": ["a", "b"]}
    metadata_address = f"{address}/default-document-metadata"

    answered(server.api.put(metadata_address, json=metadata, headers=admin), "Metadata")
    read = answered(server.api.get(metadata_address, headers=admin), "Metadata")

    assert (application["name"], application["rootRoles"]) == (data["name"], [])
    assert application["subscriptions"][0]["roles"] == ["Worker"]
    assert (key["info"]["applicationId"], key["info"]["expiresOn"]) == (application["id"], expires)
    assert read == metadata
    mine = {"X-Api-Key": key["key"]}
    session = answered_as("POST", SESSIONS, server.api.post(SESSIONS, json={"documents": [a_file()]}, headers=mine))
    document = session_of(server, session["sessionId"])["documents"][0]["id"]
    assert answered_as("GET", f"{DOCUMENTS}/{{id}}", server.api.get(f"{DOCUMENTS}/{document}"))["metadata"] == metadata


def test_anybody_may_ask_who_we_are(server: Server) -> None:
    for headers in ({}, {"X-Api-Key": "app|wrong"}, {"Content-Type": "application/json"}):
        info = answered(httpx.get(server.url + INFO, headers=headers, trust_env=False), "SystemInfo")

    assert info["apiVersion"].startswith("2.2")
    assert abs(datetime.fromisoformat(info["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)


# -- locations ---------------------------------------------------------------------------------------


def test_a_location_is_all_that_a_plain_browser_needs(server: Server, signed: Json) -> None:
    files = [session_of(server, signed["id"])["documents"][0][name] for name in ("originalFile", "signedFile")]

    for file in files:
        answer = fetch(file["location"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert int(answer.headers["content-length"]) == file["length"] == len(answer.content)
    assert fetch(files[0]["location"]).content != fetch(files[1]["location"]).content


def test_a_location_that_was_changed_serves_nothing(server: Server, signed: Json) -> None:
    location = session_of(server, signed["id"])["documents"][0]["signedFile"]["location"]
    path, _, token = location.rpartition("/")

    for place in range(0, len(token), 7):
        other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        refused_with(fetch(f"{path}/{other}"), 403)


# -- refusals of every route ---------------------------------------------------------------------------


def test_every_route_of_the_document_is_called_here() -> None:
    """The two lists are made by hand and by the publisher: neither may lack what the other has."""
    published = {(method, _without_names(path)) for method, path in routes() if "/tsp/" not in path}
    called = [str(one).split(" ") for one in KEYED if not one.path.startswith(APPLICATIONS)]

    assert {(method, _without_names(path)) for method, path in called} == published


def _without_names(path: str) -> str:
    """A template without what its parameters are called, and a sample as its template."""
    steps = ["*" if step.startswith("{") or step in {"2345-6789-ABCD-EFGH", "0"} else step for step in path.split("/")]
    return "/".join(steps)


@database_does_not_matter
@pytest.mark.parametrize("operation", KEYED, ids=str)
@pytest.mark.parametrize(
    "headers", [{}, {"X-Api-Key": ""}, {"X-Api-Key": "app|wrong"}, {"Authorization": "Basic eDp5"}]
)
def test_no_key_or_a_wrong_one_gets_401(server: Server, operation: Operation, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as nobody:
        refused_with(operation.send(nobody), 401, "Unauthorized")


@pytest.mark.parametrize("operation", [one for one in KEYED if one.writes], ids=str)
def test_who_may_only_read_gets_403(server: Server, operation: Operation, monitor: dict[str, str]) -> None:
    refused_with(operation.send(server.api, headers=monitor), 403, "Forbidden")


@pytest.mark.parametrize("operation", [one for one in KEYED if not one.writes], ids=str)
def test_who_may_only_read_may_read(server: Server, operation: Operation, monitor: dict[str, str]) -> None:
    assert operation.send(server.api, headers=monitor).status_code in {200, 422}


@database_does_not_matter
@pytest.mark.parametrize("operation", KEYED, ids=str)
def test_another_method_gets_405_and_is_told_the_right_one(server: Server, operation: Operation) -> None:
    answer = operation.send(server.api, headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code != 405

    answer = server.api.request("PATCH", operation.path)

    refused_with(answer, 405, "MethodNotAllowed")
    assert operation.method in answer.headers["allow"]


@pytest.mark.parametrize("operation", [one for one in KEYED if one.unknown], ids=str)
def test_what_does_not_exist_gets_422_with_its_code(
    server: Server, operation: Operation, admin: dict[str, str]
) -> None:
    if operation.path == AUTHENTICATED:
        _, certificate = demo_signer(server)
        body = {**operation.json, "certificate": base64(certificate)}
        refused_with(operation.send(server.api, headers=admin, json=body), 422, operation.unknown)
    else:
        refused_with(operation.send(server.api, headers=admin), 422, operation.unknown)


@database_does_not_matter
@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
@pytest.mark.parametrize(
    "wrong", ["x", "1", "7a2c2f26-7cf1-4c1a-8a7c-6bb7fd0e5c4", "7a2c2f26-7cf1-4c1a-8a7c-6bb7fd0e5c4%00"]
)
def test_an_id_that_is_none_gets_400(server: Server, operation: Operation, wrong: str, admin: dict[str, str]) -> None:
    path = operation.path.replace(str(UNKNOWN), wrong)

    refused_with(operation.send(server.api, headers=admin, path=path), 400, "BadRequest")


@database_does_not_matter
@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"5",
        b'"text"',
        b"[1]",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b"{}{}",
        b"[" * 50_000,
        b'{"a":' * 50_000,
    ],
    ids=["open", "words", "number", "text", "list", "no-utf8", "nan", "two", "deep-lists", "deep-objects"],
)
def test_a_body_that_is_not_such_json_gets_400(
    server: Server, operation: Operation, body: bytes, admin: dict[str, str]
) -> None:
    headers = {**admin, "Content-Type": "application/json"}

    refused_with(operation.send(server.api, content=body, headers=headers), 400)


@database_does_not_matter
@pytest.mark.parametrize("operation", [one for one in WITH_JSON if not one.empty_is_fine], ids=str)
def test_a_body_that_is_missing_gets_400(server: Server, operation: Operation, admin: dict[str, str]) -> None:
    headers = {**admin, "Content-Type": "application/json"}

    refused_with(operation.send(server.api, content=b"", headers=headers), 400)


@database_does_not_matter
@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "jsonp", "text/jsonx"]
)
def test_another_media_type_gets_415(server: Server, operation: Operation, kind: str, admin: dict[str, str]) -> None:
    answer = operation.send(server.api, content=b"{}", headers={**admin, "Content-Type": kind})

    refused_with(answer, 415, "UnsupportedMediaType")


@pytest.fixture(scope="session")
def small_admin(small_server: Server) -> str:
    return signroom(small_server, "keys", "create", "--application", "Example application", "--role", "Admin")


@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
def test_a_body_beyond_the_limit_gets_413(small_server: Server, small_admin: str, operation: Operation) -> None:
    body = b'{"x": "' + b"x" * 2_000_000 + b'"}'

    headers = {"Content-Type": "application/json", "X-Api-Key": small_admin}
    answer = operation.send(small_server.api, content=body, headers=headers)

    refused_with(answer, 413, "RequestTooLarge")


def test_the_413_of_a_body_names_the_cure(small_server: Server) -> None:
    """Rulings: "413 names uploads"."""
    answer = small_server.api.post(SESSIONS, json={"callbackArgument": "x" * 2_000_000})

    assert "upload" in refused_with(answer, 413, "RequestTooLarge")["message"].lower()


def test_a_file_beyond_the_limit_gets_413(small_server: Server, server: Server, tmp_path: Path) -> None:
    too_large = {"file": ("a.pdf", bytes((5 << 20) + 1))}
    document = a_file(PDF + b"\n%" + bytes(300_000))
    token = answered_as("POST", MULTIPART, small_server.api.post(MULTIPART))["blobToken"]

    for answer in (
        server.api.post(PLAIN, files=too_large),
        small_server.api.post(SESSIONS, json={"documents": [document]}),
        small_server.api.post(f"{MULTIPART}/{token}/0", content=bytes(300_000)),
    ):
        refused_with(answer, 413, "FileTooLarge")


@database_does_not_matter
@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/Api/PadesSignatures",
        "/api/signature-sessions/x/y/z",
        "/api/documents/keys",
        "/api/documents/keys/",
        "/nothing",
        "/api/../../etc/passwd",
        "/api/%2e%2e/x",
        "/api/system/info/x",
        "/api/nothing?q=%00",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_route_gets_404(server: Server, method: str, path: str) -> None:
    answer = server.api.request(method, path)

    refused_with(answer, 404, "RouteNotFound")
