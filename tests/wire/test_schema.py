"""The judge itself: what it must let pass and what it must not."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.wire.schema import CONTRACT, answer_of, conforms, request_of, routes

FILE: dict[str, Any] = {
    "mimeType": "application/pdf",
    "content": None,
    "blobToken": None,
    "url": "https://sign.example/api/downloads/x",
    "name": "a.pdf",
    "length": 5,
    "contentType": "application/pdf",
    "location": "https://sign.example/api/downloads/x",
}
SESSION: dict[str, Any] = {
    "id": "7a2c2f26-7cf1-4c1a-8a7c-6bb7fd0e5c44",
    "status": "Completed",
    "processingErrorCode": None,
    "callbackArgument": None,
    "signerCertificate": None,
    "signerIdentityConfirmed": None,
    "documents": [
        {
            "status": "Completed",
            "dateSigned": "2026-11-24T04:25:11Z",
            "id": "7a2c2f26-7cf1-4c1a-8a7c-6bb7fd0e5c45",
            "key": "23456789ABCDEFGH",
            "formattedKey": "2345-6789-ABCD-EFGH",
            "originalFile": FILE,
            "markedFile": None,
            "signedFile": FILE,
            "signatureType": "Pdf",
            "availableUntil": None,
            "processingErrorCode": None,
            "processingErrorDetail": None,
            "pdfSignatureField": None,
            "level": "B-B",
            "levelWanted": "B-B",
            "levelDetail": None,
            "validation": None,
        }
    ],
}


def changed(place: str, value: object) -> dict[str, Any]:
    """The session with something else at a place like ``documents.0.id``; `...` takes the key away."""
    body = deepcopy(SESSION)
    *path, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    inside: Any = body
    for step in path:
        inside = inside[step]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    return body


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("documents", []),
        ("documents.0.dateSigned", "2026-11-24T04:25:11.1234567Z"),
        ("documents.0.originalFile.content", "JVBERi0="),
        ("documents.0.originalFile", None),
        ("callbackArgument", ""),
    ],
)
def test_what_the_contract_allows_passes(place: str, value: object) -> None:
    conforms("SignatureSessionModel", changed(place, value))


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("documents", None, "documents: None is not of type 'array'"),
        ("documents", ..., "'documents' is a required property"),
        ("markers", [], "'markers' was unexpected"),
        ("status", "completed", "status: 'completed' is not one of"),
        ("id", "7A2C2F26-7CF1-4C1A-8A7C-6BB7FD0E5C44", "id: "),
        ("documents.0.dateSigned", "2026-11-24T04:25:11+00:00", "documents[0].dateSigned: "),
        ("documents.0.dateSigned", "2026-11-24T04:25:11.12345678Z", "documents[0].dateSigned: "),
        ("documents.0.dateSigned", "2026-11-24 04:25:11Z", "documents[0].dateSigned: "),
        ("documents.0.dateSigned", "2026-13-24T04:25:11Z", "documents[0].dateSigned: "),
        ("documents.0.signatureType", "Pades", "documents[0].signatureType: "),
        ("documents.0.originalFile.length", "5", "documents[0].originalFile.length: "),
        ("documents.0.originalFile.length", 5.0, "documents[0].originalFile.length: "),
        ("documents.0.originalFile.length", None, "documents[0].originalFile.length: "),
        ("documents.0.originalFile.length", True, "documents[0].originalFile.length: "),
        ("documents.0.originalFile.content", "JVBERi0", "documents[0].originalFile.content: "),
        ("documents.0.originalFile.content", "JVBERi_=", "documents[0].originalFile.content: "),
        ("documents.0.originalFile.content", "JVBERi0=\n", "documents[0].originalFile.content: "),
        ("documents.0.signedFile.location", ..., "'location' is a required property"),
    ],
)
def test_what_the_contract_forbids_is_told_with_its_place(place: str, value: object, told: str) -> None:
    with pytest.raises(AssertionError) as caught:
        conforms("SignatureSessionModel", changed(place, value))

    assert told in str(caught.value)


@pytest.mark.parametrize(
    "extra", [{"details": {}}, {"errors": {}}, {"exceptionCode": "x"}, {"detail": 5}, {"validationResults": None}]
)
def test_a_422_has_no_other_key(extra: dict[str, Any]) -> None:
    body = {"code": "InvalidPdf", "message": "The PDF is damaged.", "detail": None}
    conforms("ErrorModelV2", body)

    with pytest.raises(AssertionError):
        conforms("ErrorModelV2", body | extra)


def test_our_additions_are_listed_and_nothing_else_is() -> None:
    signature = {"algorithmIdentifier": {"algorithm": None}, "value": "AQID", "hexValue": "010203"}
    conforms("SignatureAlgorithmAndValueModel", {**signature, "signatureAlgorithmName": "SHA256WithECDSA"})
    with pytest.raises(AssertionError):
        conforms("SignatureAlgorithmAndValueModel", {**signature, "signatureAlgorithmName": None, "name": "x"})


def test_a_word_of_an_enum_that_the_contract_does_not_have_is_a_fault() -> None:
    with pytest.raises(AssertionError):
        conforms("SignatureAlgorithmIdentifier", {"algorithm": "SHA256WithECDSA"})


def test_lists_are_judged_item_by_item() -> None:
    key = {"key": "23456789ABCDEFGH", "formattedKey": "2345-6789-ABCD-EFGH"}
    conforms("DocumentKeyModel[]", [key, key])

    with pytest.raises(AssertionError, match=r"\[1\]\.key"):
        conforms("DocumentKeyModel[]", [key, {**key, "key": "0123456789ABCDEF"}])


def test_a_model_that_is_not_in_the_contract_is_a_mistake_of_the_test() -> None:
    with pytest.raises(LookupError):
        conforms("Sessions", {})


def test_the_document_holds_the_routes_in_scope_and_every_schema_they_need() -> None:
    document = json.loads(CONTRACT.read_text())
    text = json.dumps(document)

    assert len(list(routes())) == 20
    for method, template in routes():
        assert answer_of(method, template) or template.startswith("/Api/MultipartUploads/"), template
    assert request_of("POST", "/api/signature") == "PrepareSignatureRequest"
    for name in document["components"]["schemas"]:
        assert f'#/components/schemas/{name}"' in text or name in {"ErrorModelV2", "WebhookEventModel"}, name
