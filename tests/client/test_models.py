"""Answers become dataclasses: all that the service's own OpenAPI document promises, and what others may send."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from signroom_client import models, options
from signroom_client.decoding import decode
from signroom_client.encoding import encode, timestamp
from signroom_client.errors import UnexpectedAnswerError
from signroom_client.naming import wire_name
from signroom_client.showing import OneLine
from signroom_client.words import Check, DigestAlgorithm, DocumentStatus, SessionStatus, SignatureType

from tests.harness.server import Server, ok

Json = dict[str, Any]
AN_ID = "201856ce-273c-4058-a872-8937bd547d36"

# Schema of the service -> model of the client.
MODELS: dict[str, type[Any]] = {
    "ApplicationInfoModel": models.Application,
    "AuthenticationModel": models.AuthenticationChallenge,
    "AuthenticationResultModel": models.AuthenticationResult,
    "CertificateModel": models.Certificate,
    "CertificateSummary": models.CertificateSummary,
    "ChangeModel": models.Change,
    "CompletionStatus": models.CompletionStatus,
    "CreateSessionResponse": models.CreatedSession,
    "DigestModel": models.Digest,
    "DocumentFileModel": models.DocumentFile,
    "DocumentKeyModel": models.DocumentKey,
    "DocumentKeyQueryModel": models.DocumentKeyInfo,
    "DocumentModel": models.Document,
    "DocumentSummary": models.SessionDocument,
    "ErasedDocumentModel": models.ErasedDocument,
    "ErasureModel": models.Erasure,
    "InspectSignatureModel": models.InspectedSignatures,
    "KeyInfoModel": models.ApiKey,
    "KeyModel": models.NewApiKey,
    "NameModel": models.Name,
    "PkiBrazilModel": models.PkiBrazil,
    "PkiItalyModel": models.PkiItaly,
    "PrepareSignatureModel": models.PreparedSignature,
    "RemovedModel": models.Removed,
    "SessionModel": models.Session,
    "SessionSummary": models.SessionSummary,
    "SignaturePolicyModel": models.SignaturePolicy,
    "SignatureValueModel": models.SignatureValue,
    "SignerModel": models.Signer,
    "SignerSummary": models.SignerSummary,
    "SystemInfoModel": models.SystemInfo,
    "ToSignModel": models.ToSign,
    "ValidationItemModel": models.ValidationItem,
    "ValidationResultsModel": models.ValidationResults,
    "XmlAttributeModel": models.XmlAttribute,
    "XmlElementModel": models.XmlElement,
}
# Said twice on the wire, or never with a value; `found` becomes None.
LEFT_OUT = {
    "DigestModel": {"hexValue"},
    "SignatureValueModel": {"hexValue"},
    "DocumentFileModel": {"mimeType", "url", "content", "blobToken"},
    "DocumentKeyQueryModel": {"found"},
}


@pytest.fixture(scope="module")
def schemas(sqlite_server: Server) -> Json:
    found: Json = ok(sqlite_server.api.get("/openapi.json"))["components"]["schemas"]
    return {name.rpartition("_")[2].rpartition(".")[2]: schema for name, schema in found.items()}


@pytest.mark.parametrize("name", MODELS)
def test_every_field_of_the_service_is_known(schemas: Json, name: str) -> None:
    promised = set(schemas[name]["properties"]) - LEFT_OUT.get(name, set())

    known = {wire_name(field) for field in fields(MODELS[name])}

    assert promised - known == set()


@pytest.mark.parametrize("name", MODELS)
def test_a_full_answer_is_read_whole(schemas: Json, name: str) -> None:
    answer = sample(schemas, schemas[name], 3)

    found = decode(MODELS[name], answer)

    for field in fields(found):
        if wire_name(field) in answer:
            assert getattr(found, field.name) is not None, field.name


@pytest.mark.parametrize("name", MODELS)
def test_an_answer_of_nulls_is_read_where_the_contract_allows_it(schemas: Json, name: str) -> None:
    answer = sample(schemas, schemas[name], 3)
    nullable = [key for key, schema in schemas[name]["properties"].items() if _nullable(schema)]

    found = decode(MODELS[name], answer | dict.fromkeys(nullable))

    assert type(found) is MODELS[name]


def sample(schemas: Json, schema: Json, depth: int) -> Any:
    """A value that a schema allows, all of it filled in; recursion ends at `depth`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2].rpartition("_")[2].rpartition(".")[2]
        return sample(schemas, schemas[name], depth - 1)
    for choice in schema.get("oneOf") or schema.get("anyOf") or ():
        if choice.get("type") != "null":
            return None if depth <= 0 and "$ref" in choice else sample(schemas, choice, depth)
    kind = schema.get("type")
    kind = next(k for k in kind if k != "null") if isinstance(kind, list) else kind
    if kind == "object" and "properties" in schema:
        return {key: sample(schemas, value, depth) for key, value in schema["properties"].items()}
    if kind == "object":
        return {"case": ["42"]}
    if kind == "array":
        return [sample(schemas, schema["items"], depth)] if depth > 0 else []
    return _SCALARS[schema.get("format") or schema.get("contentEncoding") or kind]


_SCALARS: dict[Any, Any] = {
    "uuid": AN_ID,
    "date-time": "2026-05-01T12:00:00Z",
    "byte": "AQID",
    "string": "20260501",  # a date and base64 too: bytes are plain strings in the document
    "integer": 7,
    "number": 0.5,
    "boolean": True,
}


def _nullable(schema: Json) -> bool:
    kinds = schema.get("type")
    choices = schema.get("oneOf") or schema.get("anyOf") or ()
    return (isinstance(kinds, list) and "null" in kinds) or any(choice.get("type") == "null" for choice in choices)


# -- what the contract has and our service does not send yet --------------------------------------


def test_timestamps_and_attribute_certificates_are_read() -> None:
    digest = {"algorithm": "SHA256", "value": "AQID", "hexValue": "010203"}
    signer = {
        "certificate": {"subjectName": {"commonName": "TSA"}, "issuer": {"issuer": None}},
        "signature": {"algorithmIdentifier": {"algorithm": "SHA256WithRSA"}, "value": "AQID"},
        "commitmentType": {"oid": "1.2.3", "name": "proof of origin"},
        "bStamp": {"blockchain": "Bitcoin"},
        "timestamps": None,
    }
    role = {"authority": [{"choice": "DirectoryName", "directoryName": {"country": "BR"}}], "name": "doctor"}
    answer = {
        "date": "2026-05-01T12:00:00Z",
        "timestamps": [
            {
                "genTime": "2026-05-01T12:00:01.1234567Z",
                "serialNumber": "123456789012345678901234567890",
                "messageImprint": digest,
                "encapsulatedContentType": "TstInfo",
                "hasEncapsulatedContent": True,
                "signers": [signer],
                "auditPackage": {},
            }
        ],
        "attributeCertificates": [
            {
                "holderType": "EntityName",
                "holderName": {"otherName": {"typeId": "1.2", "encoded": "AQID"}},
                "issuer": {"organization": "Council"},
                "validityStart": "2026-01-01T00:00:00+02:00",
                "attributes": [{"type": "Role", "role": role}],
            }
        ],
    }

    found = decode(models.Signer, answer)

    (stamp,), (attribute,) = found.timestamps, found.attribute_certificates
    assert stamp.gen_time == datetime(2026, 5, 1, 12, 0, 1, 123456, tzinfo=UTC)
    assert stamp.message_imprint == models.Digest(decode(models.Digest, digest).algorithm, b"\1\2\3")
    assert stamp.signers[0].certificate is not None
    assert stamp.signers[0].certificate.subject_name.common_name == "TSA"
    assert stamp.signers[0].timestamps == ()
    assert attribute.attributes[0].role is not None
    assert attribute.attributes[0].role.authority[0].directory_name == models.Name(country="BR")
    assert attribute.validity_start == datetime(2025, 12, 31, 22, tzinfo=UTC)


def test_an_answer_is_shown_in_one_line_without_secrets() -> None:
    file = {"name": "a\nb.pdf", "length": 7, "location": "https://sign.example/secret"}
    document = {"id": AN_ID, "status": "Completed", "signedFile": file, "metadata": {"case": ["secret"]}}
    session = decode(models.Session, {"id": AN_ID, "status": "Completed", "documents": [document, document]})
    challenge = models.AuthenticationChallenge("secret", models.Digest(DigestAlgorithm.SHA256, bytes(32)))

    assert repr(session) == f"Session(id={AN_ID}, status=Completed, documents=[2 SessionDocument])"
    assert repr(session.documents[0]) == f"SessionDocument(id={AN_ID}, signed_file=DocumentFile(...), status=Completed)"
    assert repr(session.documents[0].signed_file) == r"DocumentFile(name='a\nb.pdf', length=7)"
    assert repr(challenge) == "AuthenticationChallenge(to_sign_hash=Digest(...))"
    assert repr(challenge.to_sign_hash) == "Digest(algorithm=SHA256, value=<32 bytes>)"
    assert repr(decode(models.Document, document)) == (
        f"Document(id={AN_ID}, signed_file=DocumentFile(...), metadata={{case}})"
    )


def test_every_answer_and_option_is_shown_in_one_line() -> None:
    kinds = [kind for module in (models, options) for kind in vars(module).values() if is_dataclass(kind)]

    others = {kind for kind in kinds if kind.__repr__ is not OneLine.__repr__}

    assert len(kinds) > 50
    assert others == {options.CertificateRequirement}
    assert (
        repr(options.NewDocument(b"secret", metadata={"case": "42"})) == "NewDocument(file=<6 bytes>, metadata={case})"
    )


def test_personal_data_of_a_certificate_is_read_and_not_shown() -> None:
    found = decode(
        models.Certificate,
        {
            "pkiBrazil": {"certificateType": "A3", "cpf": "1", "dateOfBirth": "1980-02-29"},
            "subjectCommonName": "A:1980",
        },
    )

    assert found.pki_brazil.date_of_birth == date(1980, 2, 29)
    assert found.pki_brazil.certificate_type == "A3"
    assert "1980" not in repr(found) + repr(found.pki_brazil)


# -- lenient where it may be, strict where it must -------------------------------------------------


def test_unknown_fields_and_words_are_no_error() -> None:
    document = {"id": AN_ID, "status": "Frozen", "signatureType": "Pades", "shine": {"x": 1}}

    found = decode(models.Session, {"id": AN_ID, "status": "completed", "documents": [document], "extra": [1]})

    assert found.status is SessionStatus.COMPLETED
    assert found.completed
    assert found.documents[0].status == "Frozen"
    assert not found.documents[0].status.known
    assert found.documents[0].signature_type is SignatureType.PDF


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])  # noqa: S301
def test_an_unknown_word_is_a_value_like_any_other(copied: Callable[[Any], Any]) -> None:
    frozen = DocumentStatus("Frozen")

    assert copied(frozen) == frozen == "Frozen"
    assert str(frozen) == f"{frozen}" == "Frozen"
    assert {frozen: 1}[DocumentStatus("Frozen")] == 1
    assert frozen not in set(DocumentStatus)
    assert DocumentStatus.COMPLETED.known
    assert Check("CertificateExpired") is Check.CERTIFICATE_EXPIRED


def test_models_are_plain_values() -> None:
    found = decode(models.Document, {"id": AN_ID, "metadata": {"case": ["42", "43"]}})

    assert asdict(found)["metadata"] == {"case": ("42", "43")}
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes


def test_a_time_without_a_zone_is_utc() -> None:
    found = decode(models.SignerSummary, {"certificate": {}, "date": "2026-05-01T12:00:00"})

    assert found.date == datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "Session",
        {},
        {"id": AN_ID},
        {"id": None, "status": "Pending"},
        {"id": AN_ID, "status": "Pending", "documents": {}},
        {"id": AN_ID, "status": "Pending", "documents": [None]},
        {"id": AN_ID, "status": "Pending", "callbackArgument": 3},
    ],
)
def test_what_is_not_a_session_is_refused(answer: object) -> None:
    with pytest.raises(UnexpectedAnswerError) as caught:
        decode(models.Session, answer)

    assert caught.value.code == "UnexpectedAnswer"


def test_true_is_no_number_and_one_is_no_truth() -> None:
    with pytest.raises(UnexpectedAnswerError, match="progress"):
        decode(models.CompletionStatus, {"completed": True, "progress": True})
    with pytest.raises(UnexpectedAnswerError, match="completed"):
        decode(models.CompletionStatus, {"completed": 1})


def test_the_place_of_the_fault_is_named_and_no_value() -> None:
    answer = {"id": AN_ID, "status": "Pending", "signerCertificate": {"validityStart": 19800229}}

    with pytest.raises(UnexpectedAnswerError, match="signerCertificate: validityStart") as caught:
        decode(models.Session, answer)

    assert "19800229" not in str(caught.value)


# -- and back --------------------------------------------------------------------------------------


def test_a_time_without_a_zone_is_not_sent() -> None:
    with pytest.raises(ValueError, match="time zone"):
        timestamp(datetime(2026, 5, 1))  # noqa: DTZ001 - that is the point


def test_what_is_not_set_is_not_sent() -> None:
    assert encode({"a": None, "b": [], "c": UUID(AN_ID), "d": b"\1", "e": SignatureType.CMS, "f": False}) == (
        b'{"b":[],"c":"201856ce-273c-4058-a872-8937bd547d36","d":"AQ==","e":"Cms","f":false}'
    )
