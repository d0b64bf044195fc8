"""``POST /api/documents/preflight``: an application knows before it asks a signer."""

from __future__ import annotations

import pytest

from tests.api.requests import a_file, uploaded
from tests.harness.server import Json, Server, base64, ok, refused
from tests.vectors import hard_pdfs, pdf, what_a_file_is

PREFLIGHT = "/api/documents/preflight"


def checked(server: Server, name: str, called: str = "contract.pdf", **fields: object) -> Json:
    return ok(server.api.post(PREFLIGHT, json={**a_file(hard_pdfs.make(name), called), **fields}))


def test_a_plain_file_can_be_signed_and_nothing_is_to_say(server: Server) -> None:
    assert checked(server, "ten-pages") == {
        "canBeSigned": True,
        "signatureType": "Pdf",
        "pages": 10,
        "signatures": [],
        "findings": [],
    }


def test_earlier_signatures_and_what_their_author_allows_are_told(server: Server) -> None:
    found = checked(server, "certified-forms")

    assert found["canBeSigned"]
    assert found["signatures"] == [{"name": "Signer rsa2048", "intact": True}]
    assert [(f["code"], f["level"]) for f in found["findings"]] == [("Certified", "note"), ("EarlierSignature", "note")]
    assert all(f["message"].endswith(".") for f in found["findings"])


def test_the_field_that_the_signature_goes_into_is_named(server: Server) -> None:
    """To the application, before and after it has opened a session, and to the signer."""
    content = pdf.CASES["empty-field-with-a-parent"].make()
    file = {"file": {"name": "form.pdf", "content": base64(content)}}

    found = ok(server.api.post(PREFLIGHT, json=file))
    opened = server.open_session(documents=[file, a_file(hard_pdfs.make("plain"))])
    documents = server.session(opened["sessionId"])["documents"]
    shown = server.page(opened["redirectUrl"]).load()["documents"]

    assert [(f["code"], f["level"], f["facts"]) for f in found["findings"]] == [
        ("FillsField", "note", {"field": "Parties.Buyer"})
    ]
    assert [document["pdfSignatureField"] for document in documents] == ["Parties.Buyer", None]
    assert [f["facts"] for f in shown[0]["findings"]] == [{"field": "Parties.Buyer"}]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("encrypted-user", "ProtectedPdfError"),
        ("certified-no-changes", "CertifiedPdf"),
        ("xfa-dynamic", "XfaNotSupported"),
        ("truncated", "InvalidPdf"),
        ("docx", "UnsupportedFileType"),
        ("empty", "EmptyFile"),
        ("objstm-bomb", "InvalidPdf"),
    ],
)
def test_a_file_that_cannot_be_signed_is_an_answer_with_its_reason(server: Server, name: str, code: str) -> None:
    token = uploaded(server, hard_pdfs.make(name))

    found = ok(server.api.post(PREFLIGHT, json={"file": {"blobToken": token}}))

    assert not found["canBeSigned"]
    assert [(f["code"], f["level"]) for f in found["findings"]] == [(code, "cannot")]


def test_a_file_over_the_limit_cannot_be_signed(small_server: Server) -> None:
    found = ok(small_server.api.post(PREFLIGHT, json=a_file(hard_pdfs.make("plain") + b"%" * 300_000)))

    assert [f["code"] for f in found["findings"]] == ["FileTooLarge"]


def test_a_name_that_says_something_else_is_told(server: Server) -> None:
    found = checked(server, "plain", "contract.docx")

    assert [(f["code"], f["level"], f["facts"]) for f in found["findings"]] == [
        ("OtherType", "but", {"suffix": ".docx"})
    ]


def test_the_wanted_type_decides(server: Server) -> None:
    assert checked(server, "plain", signatureType="Cms")["signatureType"] == "Cms"
    assert checked(server, "text", "notes.txt")["signatureType"] == "Cms"
    assert [f["code"] for f in checked(server, "text", signatureType="Pdf")["findings"]] == ["InvalidPdf"]


@pytest.mark.parametrize("name", ["contract.pdf.p7m", "binary.eml", "note.txt", "note.xml"])
def test_what_only_mentions_a_pdf_can_be_signed(server: Server, name: str) -> None:
    found = ok(server.api.post(PREFLIGHT, json=a_file(what_a_file_is.files()[name].content, name)))

    assert (found["canBeSigned"], found["signatureType"], found["pages"]) == (True, "Cms", 0)


def test_a_signed_file_that_is_called_pdf_says_what_it_is(server: Server) -> None:
    found = ok(server.api.post(PREFLIGHT, json=a_file(what_a_file_is.signed_pdf(), "contract.pdf")))

    assert [(f["code"], f["message"]) for f in found["findings"]] == [
        (
            "UnsupportedFileType",
            "The file is not of the kind that it is to be signed as. It looks like a signed file (CMS, .p7m or .p7s).",
        )
    ]


def test_its_address_is_not_taken_for_a_documents_id(server: Server) -> None:
    assert server.api.options(PREFLIGHT).headers["allow"] == "OPTIONS, POST"
    assert ok(server.api.post("/Api/Documents/PreFlight", json=a_file()))["canBeSigned"]


def test_bad_requests_are_refused_as_everywhere(server: Server, monitor_key: str) -> None:
    assert refused(server.api.post(PREFLIGHT, json={"file": {}}), 400) == "BadRequest"
    answer = server.api.post(PREFLIGHT, json={"file": {"blobToken": "nobody's"}})
    assert refused(answer, 422) == "UploadNotFound"
    body = {"file": {"content": base64(b"x"), "name": "x"}}
    assert refused(server.api.post(PREFLIGHT, json=body, headers={"X-Api-Key": monitor_key}), 403) == "Forbidden"
