"""The OpenAPI document as integrators read it: in order, with examples that are right, and errors told once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from signroom.api.reference.calls import GROUPS
from signroom.api.reference.examples import Examples
from signroom.api.reference.webhook_calls import shape_of
from signroom.domain.event import TYPES
from tests.harness.databases import database_does_not_matter
from tests.harness.server import ROOT, Json, Server

JSON = "application/json"
ANSWERED = {"post /api/signature-sessions", "post /api/documents/preflight"}
"""A newcomer sends these first: their examples bring a file, and are done as they stand."""


@pytest.fixture(scope="session")
def document(server: Server) -> Json:
    found: Json = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    return found


def calls(document: Json) -> Iterator[tuple[str, str, Json]]:
    return ((method, path, call) for path, methods in document["paths"].items() for method, call in methods.items())


def contents(call: Json) -> Iterator[Json]:
    """The bodies in JSON of a call's request and of its answers, but those that are empty."""
    for part in (call.get("requestBody", {}), *call["responses"].values()):
        content = part.get("content", {}).get(JSON)
        if content is not None and content["schema"].get("format") != "byte":
            yield content


@database_does_not_matter
def test_each_body_has_an_example_that_its_schema_takes(document: Json) -> None:
    wrong, seen = [], 0
    for method, path, call in calls(document):
        for content in contents(call):
            judge = Draft202012Validator({**content["schema"], "components": document["components"]})
            wrong += [
                f"{method} {path} {fault.json_path}: {fault.message}" for fault in judge.iter_errors(content["example"])
            ]
            seen += 1

    assert wrong == []
    assert seen > 100
    problem = document["components"]["schemas"]["Problem"]
    assert list(Draft202012Validator(problem).iter_errors(problem["example"])) == []


@database_does_not_matter
def test_each_example_of_a_request_is_understood(server: Server, document: Json, other_admin_key: str) -> None:
    """What it names may not be there; but it is no malformed request, and has no field that there is not."""
    wrong = []
    for method, path, call in calls(document):
        body = call.get("requestBody", {}).get("content", {}).get(JSON)
        if body is None or call["tags"] == ["Demo"]:  # the demo is the same for all tests
            continue
        address = re.sub(r"\{(\w+)\}", lambda found: "default" if found[1] == "tier" else str(uuid4()), path)
        headers = {"X-Api-Key": other_admin_key, "Signroom-Strict": "true"}
        answer = server.api.request(method, address, json=body["example"], headers=headers)
        # Certificates of the examples are none: nobody wants to read three kilobytes of one.
        if answer.status_code == 400 and "MIID" not in str(body["example"]):
            wrong.append((method, path, answer.text))
        if f"{method} {path}" in ANSWERED and answer.status_code != 200:
            wrong.append((method, path, answer.text))

    assert wrong == []


@database_does_not_matter
def test_what_a_webhook_brings_is_described_for_each_type_of_event(document: Json) -> None:
    told, wrong = "", []
    for name, methods in document["webhooks"].items():
        call, content = methods["post"], methods["post"]["requestBody"]["content"][JSON]
        judge = Draft202012Validator({**content["schema"], "components": document["components"]})
        wrong += [f"{name} {fault.json_path}: {fault.message}" for fault in judge.iter_errors(content["example"])]
        shape = content["schema"]["$ref"].rsplit("/", 1)[-1]
        told += call["description"]
        assert shape_of(content["example"]["type"]) == shape
        assert call["externalDocs"]["url"] == "/docs/guide/webhooks/"

    assert wrong == []
    assert all(told.count(f"`{kind}`") == 1 for kind in TYPES)


@database_does_not_matter
def test_the_bodies_that_the_guide_shows_are_of_their_shape(document: Json) -> None:
    page = (ROOT / "docs" / "guide" / "webhooks.md").read_text()
    shown = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]
    schemas = document["components"]["schemas"]

    assert [shape_of(body["type"]) for body in shown] == ["DocumentEvent", "SessionEvent"]
    for body, name, inner in zip(shown, ("document", "session"), ("WebhookDocument", "SessionSummary"), strict=True):
        schema = {"$ref": f"#/components/schemas/{shape_of(body['type'])}", "components": document["components"]}
        assert list(Draft202012Validator(schema).iter_errors(body)) == []
        assert set(body[name]) == set(schemas[inner]["properties"])


@database_does_not_matter
def test_each_call_says_in_which_ways_a_key_is_accepted(server: Server, document: Json) -> None:
    """Before, the document knew `X-Api-Key` alone."""
    schemes = document["components"]["securitySchemes"]
    ways: list[Json] = [{name: []} for name in schemes]
    assert {str(call["security"]) for _, _, call in calls(document)} == {str(ways), "[{}]"}
    sent = {("apiKey", "X-Api-Key"): "{}", ("http", "bearer"): "Bearer {}", ("apiKey", "Authorization"): "ApiKey {}"}
    assert {(one["type"], one.get("name") or one["scheme"]) for one in schemes.values()} == set(sent)

    key = server.api_key
    for (_, name), value in sent.items():
        header = "X-Api-Key" if name == "X-Api-Key" else "Authorization"
        for text in (key, key.rpartition("|")[2]):
            address, headers = f"{server.url}/api/signature-sessions?limit=1", {header: value.format(text)}
            assert httpx.get(address, headers=headers, trust_env=False).status_code == 200


@database_does_not_matter
def test_no_example_of_an_endpoint_contradicts_itself(document: Json) -> None:
    def endpoints(part: Any) -> Iterator[Json]:
        if isinstance(part, dict):
            if {"auth", "hasSecret"} <= set(part):
                yield part
            part = list(part.values())
        for inner in part if isinstance(part, list) else ():
            yield from endpoints(inner)

    shown = [one for _, _, call in calls(document) for body in contents(call) for one in endpoints(body["example"])]
    assert shown
    assert all(
        (one["auth"] != "None", one["auth"] == "Basic") == (one["hasSecret"], bool(one["user"])) for one in shown
    )


@database_does_not_matter
def test_errors_are_told_once(document: Json) -> None:
    for method, path, call in calls(document):
        others = set(call["responses"]) - {"200", "204"}
        assert others == {"default"}, f"{method} {path}"
        assert call["responses"]["default"] == {"$ref": "#/components/responses/Refusal"}
    assert "**422**" in document["info"]["description"]


@database_does_not_matter
def test_groups_are_in_the_order_of_use(document: Json) -> None:
    assert [tag["name"] for tag in document["tags"]] == list(GROUPS)
    used = [call["tags"][0] for _, _, call in calls(document)]
    assert list(dict.fromkeys(used)) == list(GROUPS), "each group is used, and its calls are together"
    assert next(call["summary"] for _, _, call in calls(document)) == "Open a signature session"


@database_does_not_matter
def test_no_text_shows_how_it_was_written(document: Json) -> None:
    def texts(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from (text for name in ("description", "summary") if isinstance(text := part.get(name), str))
            for inner in part.values():
                yield from texts(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from texts(inner)

    assert [text for text in texts(document) if "``" in text or "Raises:" in text or text.count("`") % 2] == []
    assert [call["summary"] for _, _, call in calls(document) if "`" in call["summary"]] == []
    fields = document["components"]["schemas"]["CreateSessionRequest"]["properties"]
    assert fields["resultToken"]["description"] == "Addition: `signroomResult` on the return URL, a JWT."


def test_a_model_inside_itself_ends() -> None:
    tree: Json = {
        "type": "object",
        "properties": {"child": {"oneOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "null"}]}},
    }

    assert Examples({"Tree": tree}).answer({"$ref": "#/components/schemas/Tree"}) == {"child": None}


@database_does_not_matter
def test_the_document_is_made_once_and_asked_for_once(server: Server) -> None:
    first = server.api.get("/openapi.json")
    again = server.api.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
