"""What bad input gets on the page's API: always a code and a sentence, nothing lost, nothing half-written."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from signroom.secrets.secret_keys import SecretKeys
from signroom.secrets.tokens import SignedTokens
from tests.harness.databases import database_does_not_matter
from tests.harness.server import Page, Server, base64, ok, refused, signature, values_of
from tests.harness.server_fixtures import end_time_of
from tests.pki import authority
from tests.vectors import hard_pdfs

RETURN = "https://app.example/back"


@pytest.fixture
def page(server: Server) -> Page:
    return server.page(server.open_session(returnUrl=RETURN)["redirectUrl"])


@database_does_not_matter
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("empty", "EmptyFile"),
        ("truncated", "InvalidPdf"),
        ("encrypted-user", "ProtectedPdfError"),
        ("certified-no-changes", "CertifiedPdf"),
        ("objstm-bomb", "InvalidPdf"),
        ("deep-nesting", "InvalidPdf"),
    ],
)
def test_a_file_that_cannot_be_signed_is_refused_with_its_reason(page: Page, name: str, code: str) -> None:
    content = hard_pdfs.make(name)

    assert refused(page.upload(content), 422) == code
    assert page.load()["documents"] == []


def test_a_file_over_the_limit_is_refused_and_leaves_nothing(small_server: Server) -> None:
    page = small_server.page(small_server.open_session(returnUrl=RETURN)["redirectUrl"])
    content = hard_pdfs.make("plain")
    before = _files(small_server)

    assert refused(page.upload(content + b"%" * 300_000), 413) == "FileTooLarge"
    assert page.load()["documents"] == []
    assert _files(small_server) == before
    assert page.upload(content).status_code == 200


def _files(server: Server) -> list[Path]:
    return sorted(f for f in (server.data / "files").rglob("*") if f.is_file())


def test_a_refused_file_leaves_no_blob(server: Server, page: Page) -> None:
    before = sorted((server.data / "files").rglob("*-original*"))

    page.upload(hard_pdfs.make("truncated"))

    assert sorted((server.data / "files").rglob("*-original*")) == before


@database_does_not_matter
@pytest.mark.parametrize("name", ["", "..", "%00", "%FF"])
def test_a_file_needs_a_name(page: Page, name: str) -> None:
    response = page.client.put("upload", content=hard_pdfs.make("plain"), headers={"X-File-Name": name})

    assert refused(response, 400) == "BadFileName"


def test_the_same_file_twice_is_two_documents(page: Page) -> None:
    content = hard_pdfs.make("plain")

    ids = {page.add(content)["id"], page.add(content)["id"]}

    documents = page.load()["documents"]
    assert {d["id"] for d in documents} == ids
    assert len({d["sha256"] for d in documents}) == 1


# -- certificates and values -----------------------------------------------------------------------


@database_does_not_matter
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("expired", "CertificateExpired"),
        ("not-yet-valid", "CertificateNotYetValid"),
        ("wrong-key-usage", "CertificateKeyUsage"),
        ("ca", "CertificateKeyUsage"),
    ],
)
def test_a_certificate_that_may_not_sign_is_refused_before_any_key_is_used(page: Page, fault: str, code: str) -> None:
    page.add(hard_pdfs.make("plain"))

    assert refused(page.prepare([base64(authority.leaf(fault).certificate_der)]), 422) == code


@database_does_not_matter
@pytest.mark.parametrize("junk", [b"", b"junk", b"\x30\x80\x00\x00", b"\x30\x82\xff\xff"])
def test_what_is_no_certificate_is_refused(page: Page, junk: bytes) -> None:
    page.add(hard_pdfs.make("plain"))
    _, chain = page.demo_key()

    assert refused(page.prepare([base64(junk)]), 400) == "BadCertificate"
    assert refused(page.prepare([chain[0], base64(junk)]), 400) == "BadCertificate"


def test_a_value_of_another_key_is_refused_and_nothing_is_lost(page: Page) -> None:
    document = page.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    to_sign = b64decode(preparation["items"][0]["toSign"])
    stranger = signature(ec.generate_private_key(ec.SECP256R1()), to_sign)

    for value in (stranger, b"", b"garbage", b"\x00" * 64, b"\x30" * 70, signature(key, b"something else")):
        assert refused(page.finish(preparation, {document["id"]: value}), 422) == "InvalidSignatureValue"

    assert page.load()["status"] == "Pending"
    assert ok(page.finish(preparation, values_of(preparation, key)))["status"] in {"Processing", "Completed"}


def test_a_value_for_another_document_is_refused(page: Page) -> None:
    page.add(hard_pdfs.make("plain"))
    page.add(hard_pdfs.make("ten-pages"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    first, second = values_of(preparation, key).items()

    swapped = {first[0]: second[1], second[0]: first[1]}

    assert refused(page.finish(preparation, swapped), 422) == "InvalidSignatureValue"


def test_values_must_be_exactly_those_of_the_consent(page: Page) -> None:
    page.add(hard_pdfs.make("plain"))
    page.add(hard_pdfs.make("ten-pages"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    values = values_of(preparation, key)
    one = dict(list(values.items())[:1])

    assert refused(page.finish(preparation, {}), 422) == "SignatureValueMissing"
    assert refused(page.finish(preparation, one), 422) == "SignatureValueMissing"
    assert refused(page.finish(preparation, {**values, str(uuid4()): b"x"}), 422) == "SignatureValueMissing"


def test_a_document_added_after_the_consent_is_not_signed_by_it(page: Page) -> None:
    page.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    page.add(hard_pdfs.make("ten-pages"))

    response = page.finish(preparation, values_of(preparation, key))

    assert refused(response, 422) == "BadSignatureSessionOperation"
    assert page.load()["status"] == "Pending"


def test_there_must_be_something_to_sign(page: Page) -> None:
    _, chain = page.demo_key()

    assert refused(page.prepare(chain), 422) == "BadSignatureSessionOperation"


# -- order of things -------------------------------------------------------------------------------


def test_finishing_again_with_the_same_values_is_the_same_answer(server: Server) -> None:
    opened = server.open_session(returnUrl=RETURN)
    page = server.page(opened["redirectUrl"])
    page.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    values = values_of(preparation, key)

    ok(page.finish(preparation, values))
    ok(page.finish(preparation, values))
    assert server.wait(opened["sessionId"])["status"] == "Completed"
    ok(page.finish(preparation, values))
    assert refused(page.finish(preparation, values_of(preparation, key)), 422) == "BadSignatureSessionOperation"
    assert len(server.files_of(opened["sessionId"], "signed-")) == 1


def test_of_two_tabs_the_first_to_finish_wins(server: Server) -> None:
    opened = server.open_session(returnUrl=RETURN)
    one, other = server.page(opened["redirectUrl"]), server.page(opened["redirectUrl"])
    one.add(hard_pdfs.make("plain"))
    key, chain = one.demo_key()
    first, second = ok(one.prepare(chain)), ok(other.prepare(chain))

    ok(other.finish(second, values_of(second, key)))

    assert refused(one.finish(first, values_of(first, key)), 422) == "BadSignatureSessionOperation"
    assert server.wait(opened["sessionId"])["status"] == "Completed"
    assert len(server.files_of(opened["sessionId"], "signed-")) == 1


def test_after_cancel_nothing_can_be_done(page: Page) -> None:
    document = page.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    ok(page.client.post("cancel", json={}))

    assert refused(page.finish(preparation, values_of(preparation, key)), 422) == "BadSignatureSessionOperation"
    assert refused(page.prepare(chain), 422) == "BadSignatureSessionOperation"
    assert refused(page.upload(hard_pdfs.make("plain")), 422) == "BadSignatureSessionOperation"
    assert refused(page.client.post("cancel", json={}), 422) == "BadSignatureSessionOperation"
    removal = page.client.post("remove", json={"documentId": document["id"]})
    assert refused(removal, 422) == "BadSignatureSessionOperation"
    assert page.load()["status"] == "UserCancelled"


def test_a_signed_session_cannot_be_cancelled(server: Server) -> None:
    opened = server.open_session(returnUrl=RETURN)
    page = server.page(opened["redirectUrl"])
    page.add(hard_pdfs.make("plain"))
    page.sign(*page.demo_key())

    assert refused(page.client.post("cancel", json={}), 422) == "BadSignatureSessionOperation"
    assert server.wait(opened["sessionId"])["status"] == "Completed"


def test_predefined_documents_can_neither_be_added_to_nor_removed(server: Server) -> None:
    file = {"name": "contract.pdf", "content": base64(hard_pdfs.make("plain"))}
    page = server.page(server.open_session(returnUrl=RETURN, documents=[{"file": file}])["redirectUrl"])
    document = page.load()["documents"][0]

    assert refused(page.upload(hard_pdfs.make("plain")), 422) == "BadSignatureSessionOperation"
    removal = page.client.post("remove", json={"documentId": document["id"]})
    assert refused(removal, 422) == "BadSignatureSessionOperation"


# -- tokens ----------------------------------------------------------------------------------------


def test_a_call_without_a_token_is_refused(page: Page) -> None:
    del page.client.headers["X-Signature-Session-Token"]

    assert refused(page.client.get("load"), 422) == "SignatureSessionTokenRequired"
    assert refused(page.upload(b"x"), 422) == "SignatureSessionTokenRequired"


@database_does_not_matter
@pytest.mark.parametrize("token", ["wrong", "a.b.c", "0" * 500])
def test_a_wrong_token_is_refused(page: Page, token: str) -> None:
    page.client.headers["X-Signature-Session-Token"] = token

    assert refused(page.client.get("load"), 422) == "BadSignatureSessionToken"


def test_a_wrong_link_is_refused(page: Page) -> None:
    assert refused(page.client.post("renew", json={"link": "wrong"}), 422) == "BadSignatureSessionToken"


def test_an_expired_token_is_refused_and_can_be_renewed(server: Server) -> None:
    opened = server.open_session(returnUrl=RETURN)
    page = server.page(opened["redirectUrl"])
    secret = (server.data / "secret.key").read_bytes()
    old = SignedTokens(SecretKeys(secret)).issue("page", opened["sessionId"], datetime.now(UTC) - timedelta(hours=5))
    page.client.headers["X-Signature-Session-Token"] = old

    assert refused(page.client.get("load"), 422) == "ExpiredSignatureSessionToken"
    assert server.page(opened["redirectUrl"]).load()["status"] == "Pending"


def test_a_token_opens_one_session_only(server: Server) -> None:
    mine, other = (server.page(server.open_session(returnUrl=RETURN)["redirectUrl"]) for _ in range(2))
    foreign = other.add(hard_pdfs.make("plain"))
    key, chain = other.demo_key()
    preparation = ok(other.prepare(chain))

    assert refused(mine.client.get(f"original/{foreign['id']}"), 422) == "DocumentNotFound"
    assert refused(mine.client.post("remove", json={"documentId": foreign["id"]}), 422) == "DocumentNotFound"
    assert refused(mine.finish(preparation, values_of(preparation, key)), 422) == "PreparationNotFound"
    assert other.load()["status"] == "Pending"


# -- the rest --------------------------------------------------------------------------------------


@database_does_not_matter
@pytest.mark.parametrize("verb", ["renew", "remove", "prepare", "finish", "demo-certificate"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"x": 1}', b"\xff"])
def test_malformed_bodies_get_400(page: Page, verb: str, body: bytes) -> None:
    response = page.client.post(verb, content=body, headers={"Content-Type": "application/json"})

    refused(response, 400)


def test_demo_certificates_are_for_named_p256_keys(page: Page) -> None:
    junk = page.client.post("demo-certificate", json={"publicKey": base64(b"junk"), "name": "Ana"})

    assert refused(junk, 422) == "CertificateKeyNotSupported"


def test_an_expired_session_explains_itself_and_accepts_nothing(server: Server) -> None:
    opened = server.open_session(returnUrl=RETURN)
    page = server.page(opened["redirectUrl"])
    document = page.add(hard_pdfs.make("plain"))["id"]
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    end_time_of(server, opened["sessionId"])

    assert refused(page.finish(preparation, values_of(preparation, key)), 422) == "BadSignatureSessionOperation"
    view = page.load()
    assert view["status"] == "Expired"
    assert view["returnUrl"] == f"{RETURN}?signatureSessionId={opened['sessionId']}"
    assert view["documents"] == []
    for address in (f"original/{document}", f"preview/{document}/0", f"text/{document}/0"):
        assert refused(page.client.get(address), 422) == "DocumentNotFound"
    assert server.session(opened["sessionId"])["status"] == "Expired"


def test_the_demo_authority_of_the_server_is_the_one_in_its_folder(server: Server, page: Page) -> None:
    _, chain = page.demo_key()

    root = x509.load_pem_x509_certificate(server.ca_certificate.read_bytes())
    assert b64decode(chain[1]) == root.public_bytes(Encoding.DER)


@database_does_not_matter
def test_what_a_call_does_not_know_is_named_as_in_the_public_api(page: Page) -> None:
    document = ok(page.upload(hard_pdfs.make("plain")))["id"]
    strict = {"Signroom-Strict": "true"}
    certificate = {"certificate": "AAAA", "chian": []}

    for call, body, named in (
        ("remove", {"documentId": document, "documetn": 1}, "documetn"),
        ("certificates", {"certificates": [certificate]}, "certificates[0].chian"),
        ("hand-over", {"device": "phone"}, "device"),
        ("renew", {"link": page.link, "lnik": "x"}, "lnik"),
        ("cancel?reason=none", {}, "?reason"),
    ):
        refusal = page.client.post(call, json=body, headers=strict)
        assert refused(refusal, 400) == "UnknownField"
        assert named in refusal.json()["message"]
        answer = page.client.post(call, json=body)
        assert named in answer.headers["Signroom-Ignored"].split(", ")
    assert "Signroom-Ignored" not in page.client.get("load").headers
