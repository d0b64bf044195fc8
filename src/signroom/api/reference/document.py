"""The OpenAPI document: what the framework says of our routes, made fit for readers.

Calls are in the order of use, errors are told once, and each call has an example of its request and its answer.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any

from signroom.api.reference.calls import DONE, GROUPS, INTRODUCTION, REFUSAL
from signroom.api.reference.examples import Examples, Json
from signroom.api.reference.webhook_calls import webhook_calls
from signroom.api.shapes import appearance, contract, erasing, webhooks

_ORDER = ("post", "get", "put", "delete")
_RAISES = re.compile(r"\n*\s*Raises:.*", re.DOTALL)
_JSON = "application/json"

_PROBLEM: Json = {
    "title": "Problem",
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "string", "description": "Never renamed: branch on it."},
        "message": {"type": "string", "description": "English, for logs."},
        "detail": {"type": ["string", "null"], "description": "With 422: what else there is to say."},
        "path": {
            "type": ["string", "null"],
            "description": "Where the request is wrong: `documents[1].file.content`, `?limit`, `X-Api-Key`.",
        },
        "docUrl": {"type": "string", "format": "uri", "description": "The page that explains the code."},
        "exceptionCode": {"type": "string", "description": "With 500: finds the failure in the server's log."},
    },
    "example": {
        "code": "BadReturnUrl",
        "message": "returnUrl must be an absolute http or https URL of at most 1024 characters.",
        "path": "returnUrl",
        "docUrl": "https://sign.example/docs/errors/#BadReturnUrl",
    },
}


def describe(document: Json) -> Json:
    """The document for readers; `document` is what the framework has made, and is not changed."""
    components = document["components"]
    schemas = {
        **{name: _described(name, _without_empty_lists(schema)) for name, schema in components["schemas"].items()},
        "Problem": _PROBLEM,
    }
    schemas.pop("DetailedProblem", None)
    examples = Examples(schemas)
    refusal = {"description": REFUSAL, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {
        **document,
        "info": {**document["info"], "description": INTRODUCTION},
        "tags": [{"name": name, "description": text} for name, text in GROUPS.items()],
        "paths": _paths(document["paths"], examples, document["security"]),
        "webhooks": webhook_calls(examples),
        "components": {**components, "schemas": schemas, "responses": {"Refusal": refusal}},
    }


def _paths(paths: Json, examples: Examples, ways: list[Json]) -> Json:
    """By group, and within a group from the collection to the single thing, each created before it is read."""
    groups = {name: number for number, name in enumerate(GROUPS)}
    order = {method: number for number, method in enumerate(_ORDER)}

    def place(path: str) -> tuple[int, int, str]:
        # A group that nobody has put into order comes last; a test says so.
        tags = [groups.get(call["tags"][0], len(groups)) for call in paths[path].values()]
        return min(tags), path.count("/"), path

    return {
        path: {
            # Each call says by itself who may make it: not every reader of the document knows what holds for all.
            method: {"security": ways, **_call(f"{method.upper()} {path}", paths[path][method], examples)}
            for method in sorted(paths[path], key=lambda method: order.get(method, len(order)))
        }
        for path in sorted(paths, key=place)
    }


def _call(call: str, operation: Json, examples: Examples) -> Json:
    described: Json = {**operation, "summary": plain(operation["summary"])}
    described["description"] = markdown(operation.get("description", ""))
    if "parameters" in operation:
        described["parameters"] = [_parameter(one, examples) for one in operation["parameters"]]
    if "requestBody" in operation:
        body = operation["requestBody"]
        content = {
            media: {**one, "example": examples.request(call, one["schema"])} if media == _JSON else one
            for media, one in body["content"].items()
        }
        described["requestBody"] = {**body, "content": content}
    described["responses"] = {
        **{code: _answer(answer, examples) for code, answer in operation["responses"].items() if code < "300"},
        "default": {"$ref": "#/components/responses/Refusal"},
    }
    return described


def _parameter(parameter: Json, examples: Examples) -> Json:
    value = examples.parameter(parameter["name"], parameter.get("schema", {}))
    return parameter if value is None else {**parameter, "example": value}


def _answer(answer: Json, examples: Examples) -> Json:
    content = {
        media: {**one, "example": examples.answer(one["schema"])} if media == _JSON and _says(one["schema"]) else one
        for media, one in answer.get("content", {}).items()
    }
    found = {**answer, "description": DONE}
    return {**found, "content": content} if content else found


def _without_empty_lists(schema: Any) -> Any:
    """The schema without the empty list that some clients send for an unset object: the introduction tells of it."""
    if isinstance(schema, list):
        return [_without_empty_lists(one) for one in schema if not isinstance(one, dict) or one.get("maxItems") != 0]
    if isinstance(schema, dict):
        return {name: _without_empty_lists(inner) for name, inner in schema.items()}
    return schema


def _says(schema: Json) -> bool:
    """False for answers that are empty, which the framework takes for bytes."""
    return schema.get("format") != "byte"


def _described(name: str, schema: Json) -> Json:
    """A model, with what its docstring and those of its fields say."""
    texts = _docstrings().get(name, {})
    fields = {
        field: {**inner, "description": texts[field]} if field in texts and "description" not in inner else inner
        for field, inner in schema.get("properties", {}).items()
    }
    found = {**schema, "properties": fields} if fields else schema
    return {**found, "description": texts[""]} if texts.get("") else found


@cache
def _docstrings() -> dict[str, dict[str, str]]:
    """By model and field, as the wire calls it, the text below it in our source; the model's own under no name."""
    found: dict[str, dict[str, str]] = {}
    for module in (appearance, contract, erasing, webhooks):
        for node in _classes(module):
            fields = {"": markdown(ast.get_docstring(node) or "")}
            for before, text in zip(node.body, node.body[1:], strict=False):
                if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and _is_text(text):
                    fields[_on_the_wire(module, node.name, before.target.id)] = markdown(ast.literal_eval(text.value))  # type: ignore[attr-defined]
            found[node.name] = fields
    return found


def _classes(module: ModuleType) -> Iterable[ast.ClassDef]:
    return (node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.ClassDef))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _on_the_wire(module: ModuleType, model: str, field: str) -> str:
    kind: Any = getattr(module, model)
    names = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    return str(names.get(field, field))


def markdown(text: str) -> str:
    """A docstring as Markdown: code in single backticks, and nothing about what our own functions raise."""
    return _RAISES.sub("", inspect.cleandoc(text)).replace("``", "`").strip()


def plain(text: str) -> str:
    """A text that is shown as it is."""
    return text.replace("`", "")
