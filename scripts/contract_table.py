"""Every field of the wire contract, and what becomes of it here: writes docs/contract-fields.md (``make contract``).

What the contract has comes from ``tests/wire/openapi-2.2.json`` (the published document, reduced to the routes in
scope) and ``tests/wire/contract-more.json`` (its other routes, and fields that newer client libraries know). What we do
comes from the models and the routes of ``signroom.api``. ``tests/wire/test_contract_table.py`` proves the rows.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import inspect

from signroom.api import resources
from signroom.api.shapes.fields import NOT_DONE, NOT_DONE_IN, SENT_BACK
from signroom.api.shapes.wire import Wire
from signroom.http.ignored import query_parameters

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "contract-fields.md"
Schema = dict[str, Any]

DONE, SENT, EMPTY, MISSING = "done", "sent", "sent, empty", "not sent"
PASSED_OVER = "passed over: what counts is the file"

REFUSED_VALUES: Mapping[str, str] = {
    "certificate.id": "NotSupported",
    "image.resource.url": "NotSupported",
}
"""Fields that a model has only to refuse them, by the end of their path."""
REFUSED_OF_ROUTES: Mapping[tuple[str, str], str] = {
    ("/api/signature-sessions", "cmsSignatureOptions.dataFile"): "NotSupported",
}
"""The same, for a field that is done elsewhere: one file cannot be the data of each document of a session."""

ALWAYS_EMPTY: Mapping[str, str] = {
    "markedFile": "null: marks are not made",
    "attributeCertificates": "an empty list: they are not read",
    "bStamp": "null: nothing is stamped in a blockchain",
    "commitmentType": "null: it is not read",
    "auditPackage": "null: there is none",
    "encapsulatedContent": "null: it is in the token",
}
"""Fields of answers that say nothing yet, and why."""


@dataclass(frozen=True)
class Row:
    """One field: where it stands, its type, and what becomes of it."""

    path: str
    kind: str
    state: str


@dataclass(frozen=True)
class Route:
    """What one route of the contract takes."""

    method: str
    path: str
    rows: tuple[Row, ...]


@cache
def contract() -> Schema:
    found: Schema = json.loads((ROOT / "tests" / "wire" / "openapi-2.2.json").read_text())
    return found


@cache
def more() -> Schema:
    found: Schema = json.loads((ROOT / "tests" / "wire" / "contract-more.json").read_text())
    return found


@cache
def routes() -> tuple[Route, ...]:
    """Each route that is served, with every field of its body and every parameter of its address."""
    return tuple(_routes())


def _routes() -> Iterator[Route]:
    handlers, missing = _handlers(), set(more()["routesNotServed"])
    for path, operations in contract()["paths"].items():
        for method, operation in operations.items():
            if f"{method.upper()} {path}" not in missing:
                handler = handlers[method.upper(), _plain(path)]
                yield Route(method.upper(), path, tuple(_refused_here(path, _taken(operation, handler))))


def answers() -> Iterator[tuple[str, tuple[Row, ...]]]:
    """Each model of an answer, with its fields."""
    ours: dict[str, set[str]] = {}
    for route in contract()["paths"].items():
        for method, operation in route[1].items():
            handler = _handlers().get((method.upper(), _plain(route[0])))
            schema = _schema_of(operation["responses"]["200"])
            if handler is not None and schema is not None:
                _match_answer(schema, _type(handler, "return"), ours)
    later = more()["laterAnswerFields"]
    for name in sorted(ours):
        properties = contract()["components"]["schemas"][name]["properties"]
        rows = [Row(field, _kind(value), _sent(field, ours[name])) for field, value in properties.items()]
        rows += [Row(field, "newer", _sent(field, ours[name])) for field in later.get(name, ())]
        yield name, tuple(rows)


def page() -> str:
    """The whole page."""
    lines = [
        "# The contract, field by field",
        "",
        "<!-- Written by `make contract`; tests/wire/test_contract_table.py proves each row. -->",
        "",
        "What becomes of every field of the original service's interface here. **done**: it is heeded. **refused**: it",
        "gets 422 with this code as soon as it asks for something (null, false and empty ask for nothing). Types are",
        "the contract's; *newer* are fields that the published document does not have and newer client libraries know.",
        "A field that is in neither table is unknown: [errors.md](errors.md) says what happens to it.",
        "",
        "## Requests",
        "",
    ]
    for route in routes():
        lines += [f"### `{route.method} {route.path}`", ""]
        if route.rows:
            lines += ["| field | type | here |", "|---|---|---|"]
            lines += [f"| `{row.path}` | {row.kind} | {row.state} |" for row in route.rows]
        else:
            lines += ["No fields: an empty body, raw bytes or a form with one file."]
        lines += [""]
    lines += [
        "## Answers",
        "",
        "Additions of ours are not listed: [guide/migrating.md](guide/migrating.md) names them.",
        "",
    ]
    for name, rows in answers():
        lines += [f"### `{name}`", "", "| field | type | here |", "|---|---|---|"]
        lines += [f"| `{row.path}` | {row.kind} | {row.state} |" for row in rows]
        lines += [""]
    lines += ["## Routes that are not served", "", "404 `RouteNotFound`.", ""]
    lines += [f"- `{route}`" for route in more()["routesNotServed"]]
    return "\n".join(lines) + "\n"


# -- requests ---------------------------------------------------------------------------------------------


def _taken(operation: Schema, handler: HTTPRouteHandler) -> Iterator[Row]:
    with _quiet():
        known = query_parameters(handler)
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            name = parameter["name"]
            yield Row(f"?{name}", _kind(parameter["schema"]), DONE if name.lower() in known else "unknown")
    schema = _schema_of(operation.get("requestBody", {}))
    if schema is not None:
        yield from _fields(schema, tuple(structs(inspect.type_info(_type(handler, "data")))), "")


def _refused_here(path: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows of a route, with what it alone refuses. What is inside a refused field has no row."""
    refused = {field: code for (route, field), code in REFUSED_OF_ROUTES.items() if route == path}
    for row in rows:
        if row.path in refused:
            yield Row(row.path, row.kind, f"refused: `{refused[row.path]}`")
        elif not any(row.path.startswith(f"{field}.") for field in refused):
            yield row


def _fields(schema: Schema, models: tuple[type[Wire], ...], path: str) -> Iterator[Row]:
    target, raw = _resolved(schema)
    if raw.get("type") == "array":
        yield from _fields(raw["items"], models, f"{path}[]")
        return
    known = {
        field.encode_name: tuple(structs(inspect.type_info(types[field.name])))
        for model in models
        for types in (_hints(model),)
        for field in msgspec.structs.fields(model)
    }
    for name, value in raw.get("properties", {}).items():
        place = f"{path}.{name}" if path else name
        yield Row(place, _kind(value), _state(place, name, models, known))
        if known.get(name):
            yield from _fields(value, known[name], place)
    for name in more()["laterRequestFields"].get(target, ()):
        place = f"{path}.{name}" if path else name
        yield Row(place, "newer", _state(place, name, models, known))


def _state(place: str, name: str, models: tuple[type[Wire], ...], known: Mapping[str, object]) -> str:
    for end, code in REFUSED_VALUES.items():
        if place == end or place.endswith(f".{end}"):
            return f"refused: `{code}`"
    if name in known:
        return DONE
    if name in SENT_BACK:
        return PASSED_OVER
    refusal = next((NOT_DONE_IN[model][name] for model in models if name in NOT_DONE_IN.get(model, {})), None)
    refusal = refusal or NOT_DONE.get(name)
    return "unknown" if refusal is None else f"refused: `{refusal.code}`"


# -- answers ----------------------------------------------------------------------------------------------


def _match_answer(schema: Schema, kind: Any, ours: dict[str, set[str]]) -> None:
    """Note for each model of the contract which of its fields our model sends."""
    target, raw = _resolved(schema)
    if raw.get("type") == "array":
        _match_answer(raw["items"], kind, ours)
        return
    models = list(structs(kind if isinstance(kind, inspect.Type) else inspect.type_info(kind)))
    if not models or "properties" not in raw or target in ours:
        return
    fields = {f.encode_name: _hints(model)[f.name] for model in models for f in msgspec.structs.fields(model)}
    ours[target] = set(fields)
    for name, value in raw["properties"].items():
        if name in fields:
            _match_answer(value, fields[name], ours)


def _sent(field: str, sent: set[str]) -> str:
    if field not in sent:
        return MISSING
    return f"{EMPTY}: {ALWAYS_EMPTY[field]}" if field in ALWAYS_EMPTY else SENT


# -- reading the document and the code --------------------------------------------------------------------


def _schema_of(content: Schema) -> Schema | None:
    found = content.get("content", {}).get("application/json", {}).get("schema")
    return None if found is None else dict(found)


def _resolved(schema: Schema) -> tuple[str, Schema]:
    """The name and the model behind a reference."""
    if "$ref" not in schema:
        return "", schema
    name = schema["$ref"].rpartition("/")[2]
    return name, contract_schema(name)


def contract_schema(name: str) -> Schema:
    found: Schema = contract()["components"]["schemas"][name]
    return found


def _kind(schema: Schema) -> str:
    name, _ = _resolved(schema)
    if name:
        return name
    if schema["type"] == "array":
        return f"{_kind(schema['items'])}[]"
    return f"{schema['type']} ({schema['format']})" if "format" in schema else str(schema["type"])


@cache
def _handlers() -> dict[tuple[str, str], HTTPRouteHandler]:
    found = {}
    for module in pkgutil.iter_modules(resources.__path__):
        for value in vars(importlib.import_module(f"{resources.__name__}.{module.name}")).values():
            if isinstance(value, HTTPRouteHandler):
                # A handler remembers what it is asked, and an application that is made of it later believes that.
                copied = copy(value)
                copied.owner = None
                found.update({(str(m), _plain(path)): copied for m in value.http_methods for path in value.paths})
    return found


def _plain(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path).lower()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the framework says about how parameters are declared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _type(handler: HTTPRouteHandler, name: str) -> Any:
    with _quiet():
        return get_type_hints(handler.fn, include_extras=True)[name]


@cache
def _hints(model: type[Wire]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


def structs(kind: inspect.Type) -> Iterator[type[Wire]]:
    """The models of the wire inside a type: of a list, of a union, or the type itself."""
    match kind:
        case inspect.StructType(cls=model) if issubclass(model, Wire):
            yield model
        case inspect.UnionType(types=types):
            for one in types:
                yield from structs(one)
        case inspect.ListType(item_type=item) | inspect.Metadata(type=item):
            yield from structs(item)
        case _:
            pass


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written.\n")
