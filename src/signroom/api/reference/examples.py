"""Examples for the API reference: what a request may say and what an answer is like, from the schemas.

The words come from ``values.toml``. So no example falls behind its schema, and a new field needs one line at most.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Json = dict[str, Any]

_MOMENT = "2026-03-02T14:05:09Z"
_BY_FORMAT = {"date-time": _MOMENT, "date": "2026-03-02", "byte": "MIIDSTCCAjGgAwIBAgIUPr0="}
_BY_TYPE: Mapping[str, Any] = {"integer": 1, "number": 1, "boolean": False, "string": "text"}
_METADATA = {"order": ["4711"]}


class Examples:
    """Makes examples for the schemas of one OpenAPI document."""

    def __init__(self, schemas: Json) -> None:
        words = tomllib.loads(files("signroom.api.reference").joinpath("values.toml").read_text())
        self._schemas = schemas
        self._fields: Json = words["fields"]
        self._models: Json = words["models"]
        self._requests: Json = words["requests"]

    def request(self, call: str, schema: Json) -> Any:
        """A body for `call`, which is a method and a path."""
        return self._requests[call] if call in self._requests else self._value(schema, "", "", (), only_required=True)

    def answer(self, schema: Json) -> Any:
        """An answer of this schema, with all of its fields."""
        return self._value(schema, "", "", ())

    def parameter(self, name: str, schema: Json) -> Any:
        """A value of a parameter, or None when there is none that says more than its type."""
        kinds = [one for one in self._alternatives(schema) if one.get("type") != "null"]
        if any(one.get("format") == "uuid" for one in kinds):
            return _id(name)
        return None

    def _value(
        self, schema: Json, model: str, field: str, inside: tuple[str, ...], *, only_required: bool = False
    ) -> Any:
        """`inside` names the models around it: one that comes again is null, or left empty."""
        known = self._models.get(f"{model}.{field}", self._fields.get(field))
        kinds = list(self._alternatives(schema))
        nullable = any(one.get("type") == "null" for one in kinds)
        for one in kinds:
            name = one["$ref"].rsplit("/", 1)[-1] if "$ref" in one else ""
            target = self._schemas[name] if name else one
            if known is not None and fits(known, target):
                return known
            if name and name not in inside and "properties" in target:
                return self._object(target, name, (*inside, name), only_required=only_required)
        if any(one.get("format") == "uuid" for one in kinds) and not (nullable and field != "id"):
            return _id(field)
        if nullable:
            return None
        return self._plain(kinds[0], model, field, inside)

    def _object(self, schema: Json, model: str, inside: tuple[str, ...], *, only_required: bool) -> Json:
        wanted = schema.get("required", ()) if only_required else schema["properties"]
        return {
            name: self._value(schema["properties"][name], model, name, inside, only_required=only_required)
            for name in wanted
        }

    def _plain(self, schema: Json, model: str, field: str, inside: tuple[str, ...]) -> Any:
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "array":
                items = schema.get("items", {})
                again = items.get("$ref", "").rsplit("/", 1)[-1] in inside
                return [] if again or not items else [self._value(items, model, field, inside)]
            case "object":
                texts = "array" in str(schema.get("additionalProperties", ""))
                return _METADATA if texts else {}
            case kind:
                return _BY_FORMAT.get(schema.get("format", ""), schema.get("minimum", _BY_TYPE.get(str(kind), {})))

    def _alternatives(self, schema: Json) -> Iterator[Json]:
        for union in ("oneOf", "anyOf"):
            if union in schema:
                for one in schema[union]:
                    yield from self._alternatives(one)
                return
        kind = schema.get("type")
        if isinstance(kind, list):
            yield from ({**schema, "type": one} for one in kind)
        else:
            yield schema


def fits(value: Any, schema: Json) -> bool:
    """Whether a word of ``values.toml`` can stand where `schema` does: it goes by the type, the test by the rest."""
    kind = schema.get("type")
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    if isinstance(value, str):
        return kind == "string" and schema.get("format") not in {"date-time", "date"}
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and isinstance(value, int))
    return kind == "array" and isinstance(value, list)


def _id(field: str) -> str:
    """The same for the same field, so that the id of one example is found in the next."""
    return str(uuid5(NAMESPACE_URL, field.replace("_id", "Id")))
