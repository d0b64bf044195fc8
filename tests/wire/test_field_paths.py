"""Each refusal of a request says where the request is wrong, in the names of the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.harness.databases import database_does_not_matter
from tests.harness.server import Json, Server
from tests.wire.answers import refused_with
from tests.wire.operations import DOCUMENTS, KEYS, SESSIONS, SIGNATURE

JSON = "application/json"
DEPTH = 5
TEXT_FAULT = {"file": {"content": "AAAA", "name": "a.pdf"}}


# -- what the schema alone can tell: every field of every body, from the description of the API itself ----------


def models_of(schema: Json, schemas: Json) -> Iterator[Json]:
    """What a value may be: the schema itself, what it refers to, and each of its alternatives."""
    if "$ref" in schema:
        yield from models_of(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    elif "oneOf" in schema:
        for one in schema["oneOf"]:
            yield from models_of(one, schemas)
    else:
        yield schema


def right(schema: Json, schemas: Json) -> Any:
    """The smallest value that the decoder takes."""
    model = next(iter(models_of(schema, schemas)))
    match model.get("type"):
        case "object":
            return {name: right(model["properties"][name], schemas) for name in model.get("required", ())}
        case "array":
            return []
        case "integer" | "number":
            return model.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return {"uuid": str(uuid4()), "byte": "AAAA", "date-time": "2026-01-01T00:00:00Z"}.get(
                model.get("format", ""), "x"
            )


def faults(schema: Json, schemas: Json, depth: int = 0) -> Iterator[tuple[Any, str]]:
    """Bodies of which one place is wrong, each with that place, as the wire calls it."""
    models = list(models_of(schema, schemas))
    types = {model.get("type") for model in models}
    # A number is a moment for some clients; no text but one is.
    moment = any(model.get("format") == "date-time" for model in models)
    yield ("x" if moment or "string" not in types else 5), ""
    for model in models if depth < DEPTH else ():
        if model.get("type") == "array" and model.get("items"):
            for value, path in faults(model["items"], schemas, depth + 1):
                yield [value], f"[0]{'.' if path and not path.startswith('[') else ''}{path}"
        if model.get("type") != "object" or "properties" not in model:
            continue
        whole = right(model, schemas)
        for name, inner in model["properties"].items():
            for value, path in faults(inner, schemas, depth + 1):
                yield {**whole, name: value}, f"{name}{'' if path.startswith('[') or not path else '.'}{path}"
        for name in model.get("required", ()):
            yield {key: value for key, value in whole.items() if key != name}, name


@database_does_not_matter
def test_each_field_of_each_body_is_named_by_its_path(server: Server, admin: dict[str, str]) -> None:
    document = server.api.get("/openapi.json").json()
    schemas, wrong, tried = document["components"]["schemas"], [], 0

    for template, operations in document["paths"].items():
        address = template.replace("{tier}", "default")
        for name in ("session_id", "document_id", "application_id", "key_id", "webhook_id", "context_id"):
            address = address.replace(f"{{{name}}}", str(uuid4()))
        address = address.replace("{provider_id}", str(uuid4())).replace("{token}", "x")
        for method, operation in operations.items():
            schema = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
            for body, path in faults(schema, schemas) if schema else ():
                answer = server.api.request(method, address, json=body, headers=admin)
                tried += 1
                found = answer.json().get("path") if answer.status_code == 400 else answer.text
                if found != (path or None):
                    wrong.append((method, template, path, found, body))

    assert wrong == []
    assert tried > 300


# -- what only our own code can tell ------------------------------------------------------------------------------


def pdf_options(**fields: Any) -> Json:
    return {"pdfSignatureOptions": {"visualRepresentation": {"text": {"text": "x"}, **fields}}}


FULL = {"auto": {"container": {}, "signatureRectangleSize": {"height": 1, "width": 1}}}


@database_does_not_matter
@pytest.mark.parametrize(
    ("address", "body", "status", "path"),
    [
        (SESSIONS, {"returnUrl": "/back"}, 400, "returnUrl"),
        (SESSIONS, {"callbackArgument": "a\0"}, 400, "callbackArgument"),
        (SESSIONS, {"language": "xx"}, 400, "language"),
        (SESSIONS, {"documentMetadata": {"a.b": "x"}}, 400, "documentMetadata"),
        (SESSIONS, {"documentMetadata": {"one": "x", "two": 5}}, 400, "documentMetadata.two"),
        (
            SESSIONS,
            {"certificateRequirements": [{"type": "CryptoDevice"}, {"type": "x"}]},
            400,
            "certificateRequirements[1].type",
        ),
        (
            SESSIONS,
            {"certificateRequirements": [{"type": "Cpf", "argument": "1"}]},
            400,
            "certificateRequirements[0].argument",
        ),
        (SESSIONS, {"documents": [{}]}, 400, "documents[0].file"),
        (SESSIONS, {"documents": [{"file": {"content": "!", "name": "a"}}]}, 400, "documents[0].file.content"),
        (SESSIONS, {"documents": [{"file": {"url": "ftp://x"}}]}, 400, "documents[0].file.url"),
        (SESSIONS, {"documents": [{"file": {"url": "/x"}}]}, 400, "documents[0].file.url"),
        (SESSIONS, {"documents": [{"file": {"blobToken": "x"}}]}, 422, "documents[0].file.blobToken"),
        (SESSIONS, {"documents": [{"id": str(uuid4())}]}, 422, "documents[0].id"),
        (SESSIONS, {"documents": [TEXT_FAULT]}, 422, "documents[0].file.content"),
        (SESSIONS, {"documents": [{**TEXT_FAULT, "documentKey": "x"}]}, 422, "documents[0].documentKey"),
        (SESSIONS, {"documents": [{**TEXT_FAULT, "signatureType": "x"}]}, 400, "documents[0].signatureType"),
        (
            SESSIONS,
            {"documents": [{**TEXT_FAULT, "pdfSignatureOptions": {"level": "x"}}]},
            400,
            "documents[0].pdfSignatureOptions.level",
        ),
        (
            SESSIONS,
            {"cmsSignatureOptions": {"dataHashes": [{"algorithm": "MD4"}]}},
            400,
            "cmsSignatureOptions.dataHashes[0].algorithm",
        ),
        (SESSIONS, {"xmlSignatureOptions": {"type": "x"}}, 400, "xmlSignatureOptions.type"),
        (SESSIONS, pdf_options(), 400, "pdfSignatureOptions.visualRepresentation.position"),
        (
            SESSIONS,
            pdf_options(position={"auto": {"container": {"left": 1e9}, "signatureRectangleSize": {}}}),
            400,
            "pdfSignatureOptions.visualRepresentation.position.auto.container.left",
        ),
        (
            SESSIONS,
            pdf_options(position={**FULL, "pageOptimization": {"paperSize": "x"}}),
            400,
            "pdfSignatureOptions.visualRepresentation.position.pageOptimization.paperSize",
        ),
        (SESSIONS, {"securityContextId": str(uuid4())}, 422, "securityContextId"),
        (SESSIONS, {"cmsSignatureOptions": {"timestampTier": "x"}}, 422, "cmsSignatureOptions.timestampTier"),
        ("/api/tsp/x", {"algorithm": "SHA256", "hexValue": "00" * 32}, 422, "{tier}"),
        (SIGNATURE, {**TEXT_FAULT, "certificate": {}}, 400, "certificate.content"),
        (SIGNATURE, {"file": {}, "certificate": {"content": "AAAA"}}, 400, "file"),
        (f"{SESSIONS}/{uuid4()}/cancel", None, 422, "{session_id}"),
        (f"{DOCUMENTS}/{uuid4()}/extend", {"level": "B-B"}, 400, "level"),
        ("/api/signature/completion", {"state": "x", "signature": "AAAA"}, 422, "state"),
        ("/api/settings/webhooks", {"url": "x"}, 400, "url"),
        ("/api/settings/webhooks", {"url": "https://x.example", "auth": "x"}, 400, "auth"),
        ("/api/applications", {"name": "x|y"}, 400, "name"),
        ("/api/tsp/default", {"algorithm": "MD5", "hexValue": "00" * 16}, 400, "algorithm"),
    ],
)
def test_a_fault_that_the_schema_cannot_tell_has_its_path(
    server: Server, admin: dict[str, str], address: str, body: Json | None, status: int, path: str
) -> None:
    answer = server.api.post(address, json=body, headers=admin) if body else server.api.post(address, headers=admin)

    told = refused_with(answer, status)
    assert answer.headers["signroom-path"] == path
    assert status == 422 or told["path"] == path


@database_does_not_matter
def test_a_parameter_of_the_address_is_named_as_the_wire_calls_it(server: Server) -> None:
    def path(address: str) -> Any:
        return refused_with(server.api.get(address), 400)["path"]

    assert path(f"{SESSIONS}?limit=0") == "?limit"
    assert path(f"{SESSIONS}?createdFrom=x") == "?createdFrom"
    assert path(f"{SESSIONS}?status=x") == "?status"
    assert path(f"{SESSIONS}?cursor=x") == "?cursor"
    assert path(f"{KEYS}/unused?metadataName=x") == "?metadataValue"
    assert path(f"{DOCUMENTS}?metadataName=x") == "?metadataValue"
    assert path(f"{SESSIONS}/x") == "{session_id}"


@database_does_not_matter
def test_a_422_has_its_path_in_the_body_for_those_who_ask(server: Server) -> None:
    """The original's clients know no such fields there, and one of them refuses what it does not know."""
    body = {"documents": [TEXT_FAULT]}
    plain = server.api.post(SESSIONS, json=body)
    asked = server.api.post(SESSIONS, json=body, headers={"Signroom-Strict": "true"})

    assert set(refused_with(plain, 422, "InvalidPdf")) == {"code", "message", "detail"}
    assert asked.json()["path"] == "documents[0].file.content"
    assert asked.json()["docUrl"] == f"{server.url}/docs/errors/#InvalidPdf"


@database_does_not_matter
@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "Send it in the header X-Api-Key"),
        ({"X-Api-Key": ""}, "Send it in the header X-Api-Key"),
        ({"X-Api-Key": "app|"}, "has no secret in it"),
        ({"X-Api-Key": "app|short"}, "X-Api-Key: It does not have the form of a key"),
        ({"Authorization": "Basic eDp5"}, "Authorization: It does not have the form of a key"),
        ({"X-Api-Key": f"app|{'x' * 43}"}, "X-Api-Key: No key of this service has this secret, or it was revoked"),
    ],
)
def test_a_401_says_what_is_wrong_with_the_key(server: Server, headers: dict[str, str], told: str) -> None:
    body = refused_with(httpx.get(f"{server.url}{SESSIONS}", headers=headers, trust_env=False), 401, "Unauthorized")

    assert told in body["message"]
    assert body["path"] == next((name for name, value in headers.items() if value), "X-Api-Key")


@database_does_not_matter
def test_a_revoked_key_looks_like_one_that_never_was(server: Server, admin: dict[str, str]) -> None:
    application = server.api.get("/api/applications", headers=admin).json()["items"][0]["id"]
    keys = f"/api/applications/{application}/api-keys"
    made = server.api.post(keys, headers=admin).json()
    server.api.delete(f"{keys}/{made['info']['id']}", headers=admin)

    revoked, unknown = (
        server.api.get(SESSIONS, headers={"X-Api-Key": key}) for key in (made["key"], f"app|{'x' * 43}")
    )

    assert refused_with(revoked, 401) == refused_with(unknown, 401)


@database_does_not_matter
def test_a_path_in_a_header_is_one_line(server: Server) -> None:
    name = "é\r\nSet-Cookie: a=b" + "x" * 1000

    answer = server.api.post(SESSIONS, json={"documentMetadata": {name: 5}})

    assert refused_with(answer, 400)["path"].startswith("documentMetadata.é\r\nSet-Cookie")
    assert answer.headers["signroom-path"].startswith("documentMetadata.%C3%A9%0D%0ASet-Cookie%3A%20a%3Db")
    assert len(answer.headers["signroom-path"]) < 300
    assert "set-cookie" not in answer.headers
