"""Nothing that a request says is dropped in silence: on every route, at every level, in its address and in a form."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import warnings
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, get_type_hints
from uuid import uuid4

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.handlers import HTTPRouteHandler
from msgspec import inspect

from scripts.contract_table import structs
from signroom.api import resources
from signroom.api.shapes.contract import CreateSessionRequest
from signroom.api.shapes.fields import NOT_DONE, NOT_DONE_IN, unknown_fields
from signroom.api.shapes.wire import Wire
from signroom.http.ignored import query_parameters
from tests.harness.server import Json, Server, ok
from tests.wire.answers import refused_with
from tests.wire.conftest import new_key
from tests.wire.operations import KEYS, MULTIPART, PLAIN

pytestmark = pytest.mark.filterwarnings("ignore:Deprecated:DeprecationWarning")
HEADER = "Signroom-Ignored"
STRICT = {"Signroom-Strict": "true"}
OTHER_BODIES = {
    "applications.write_metadata",
    "uploads.plain",
    "uploads.part",
    "timestamps.issue_default",
    "timestamps.issue_of_tier",
}
NO_KEY = {"info", "keys", "crl", "download", "responder", "root", "timestamp"}
"""Routes without a key take no parameters; a browser follows the address of a file as it is."""


def _handlers() -> dict[str, HTTPRouteHandler]:
    """Every route that needs a key, as ``sessions.create``."""
    found = {}
    for module in pkgutil.iter_modules(resources.__path__):
        for name, value in vars(importlib.import_module(f"{resources.__name__}.{module.name}")).items():
            if isinstance(value, HTTPRouteHandler) and value.fn.__module__.endswith(module.name) and name not in NO_KEY:
                # A copy: what is asked of a handler it remembers, and other tests build applications of the same ones.
                found[f"{module.name}.{name}"] = deepcopy(value)
    return found


HANDLERS = _handlers()


def _model(handler: HTTPRouteHandler) -> type[Wire] | None:
    """The model of a route's body; None without a body, or when the names in it are free."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the framework, about how parameters are declared
        kind = get_type_hints(handler.fn, include_extras=True).get("data")
    return None if kind is None else next(iter(structs(inspect.type_info(kind))), None)


MODELS = {name: model for name, handler in HANDLERS.items() if (model := _model(handler)) is not None}


def _filled(model: type[Wire]) -> Json:
    """A body with every object that the model has; lists of objects have one. What is no object is left out."""
    types = get_type_hints(model, include_extras=True)
    found: Json = {}
    for field in msgspec.structs.fields(model):
        kind = inspect.type_info(types[field.name])
        inner = next(iter(structs(kind)), None)
        if inner is not None:
            found[field.encode_name] = [_filled(inner)] if _is_list(kind) else _filled(inner)
    return found


def _is_list(kind: inspect.Type) -> bool:
    match kind:
        case inspect.ListType(item_type=item):
            return any(structs(item))
        case inspect.UnionType(types=types):
            return any(_is_list(one) for one in types)
        case inspect.Metadata(type=inner):
            return _is_list(inner)
    return False


FILLED = {model: json.dumps(_filled(model)) for model in MODELS.values()}


def _places(value: Any, path: str = "") -> Iterator[tuple[Json, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        yield value, path
        for name, item in value.items():
            yield from _places(item, f"{path}.{name}" if path else name)


def test_every_body_of_json_has_a_model_or_free_names() -> None:
    without = {name for name, handler in HANDLERS.items() if "data" in handler.parsed_fn_signature.parameters} - {
        *MODELS
    }

    assert without == {"applications.write_metadata"}, "the names in it are the caller's own"
    assert len(MODELS) > 20


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_an_extra_field_anywhere_in_any_body_is_named(data: st.DataObject) -> None:
    model = MODELS[data.draw(st.sampled_from(sorted(MODELS)))]
    body = json.loads(FILLED[model])
    refused = {name.lower() for name in (*NOT_DONE, *(n for names in NOT_DONE_IN.values() for n in names))}
    added = set()
    for place, path in data.draw(st.lists(st.sampled_from(list(_places(body))), min_size=1, max_size=4)):
        name = data.draw(st.text("abcXYZ_0-", min_size=6, max_size=12))
        assert name.lower() not in refused
        place[name] = data.draw(st.none() | st.integers() | st.text() | st.lists(st.integers()))
        added.add(f"{path}.{name}" if path else name)

    assert set(unknown_fields(model, body)) == added


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_known_name_in_any_case_is_read(data: st.DataObject) -> None:
    model = MODELS[data.draw(st.sampled_from(sorted(MODELS)))]
    known = {field.encode_name for field in msgspec.structs.fields(model)}
    given_: Json = {}
    for name in data.draw(st.sets(st.sampled_from(sorted(known)), min_size=1) if known else st.just(set())):
        upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
        given_["".join(c.swapcase() if change else c for c, change in zip(name, upper, strict=True))] = None

    assert unknown_fields(model, given_) == []
    assert set(given_) <= known


# -- on the wire ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def admin(sqlite_server: Server) -> Iterator[httpx.Client]:
    key = new_key(sqlite_server, role="Admin")
    with httpx.Client(base_url=sqlite_server.url, headers={"X-Api-Key": key}, trust_env=False) as client:
        yield client


def _address(handler: HTTPRouteHandler) -> tuple[str, str]:
    """Method and path, with ids that name nothing."""
    (method,) = (str(one) for one in handler.http_methods)
    (path,) = handler.paths
    values = {"{number:int}": "0"}
    steps = [values.get(step, str(uuid4())) if step.startswith("{") else step for step in path.split("/")]
    return method, "/".join(steps)


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_a_parameter_that_there_is_not_is_refused_when_asked_for_strictness(admin: httpx.Client, name: str) -> None:
    method, path = _address(HANDLERS[name])

    answer = admin.request(method, f"{path}?metadataNme=x", headers=STRICT)

    refused_with(answer, 400, "UnknownField")
    assert "?metadataNme" in answer.json()["message"]


@pytest.mark.parametrize(
    "name",
    sorted(n for n, handler in HANDLERS.items() if handler.http_methods != {"GET"} and n not in OTHER_BODIES),
)
def test_a_field_that_there_is_not_is_refused_when_asked_for_strictness(admin: httpx.Client, name: str) -> None:
    """Also where a route reads no body at all."""
    method, path = _address(HANDLERS[name])

    answer = admin.request(method, path, json={"xyzzy": 1}, headers=STRICT)

    refused_with(answer, 400, "UnknownField")
    assert "xyzzy" in answer.json()["message"]


def test_a_misspelt_parameter_is_named(sqlite_server: Server) -> None:
    value = uuid4().hex
    made = ok(sqlite_server.api.post(KEYS, json={"provisionalMetadata": {"Order": value}}))

    right = sqlite_server.api.get(f"{KEYS}/unused", params={"metadataName": "Order", "metadataValue": value})
    misspelt = sqlite_server.api.get(f"{KEYS}/unused?metadataNme=Order&metadataVal\u00fce=5&metadataNme=x")
    cased = sqlite_server.api.get(f"{KEYS}/unused?MetadataName=Order&METADATAVALUE={value}%20")

    assert ([key["key"] for key in right.json()], right.headers.get(HEADER)) == ([made["key"]], None)
    assert misspelt.headers[HEADER] == "?metadataNme, ?metadataVal??e"
    assert sqlite_server.api.get(f"{KEYS}/unused?ports=1&caller").headers[HEADER] == "?ports, ?caller"
    assert (cased.json(), cased.headers.get(HEADER)) == ([], None), "the value keeps what it is"
    cased = sqlite_server.api.get(f"{KEYS}/unused?MetadataName=Order&METADATAVALUE={value}")
    assert [key["key"] for key in cased.json()] == [made["key"]]


def test_parameter_and_field_are_named_together(sqlite_server: Server) -> None:
    answer = sqlite_server.api.post(f"{KEYS}?x=1", json={"y": 1})

    assert ok(answer)["key"]
    assert answer.headers[HEADER] == "?x, y"


def test_a_body_where_none_is_read_is_named(sqlite_server: Server) -> None:
    for content, named in ((b'{"partSize": 5}', "partSize"), (b"partSize=5", "body"), (b"[1]", "body")):
        answer = sqlite_server.api.post(MULTIPART, content=content)
        assert ok(answer)["blobToken"]
        assert answer.headers[HEADER] == named
    assert HEADER not in sqlite_server.api.post(MULTIPART, json={}).headers


def test_a_body_that_is_no_json_is_not_named_where_it_is_read(sqlite_server: Server) -> None:
    headers = {**STRICT, "Content-Type": "application/timestamp-query"}

    answer = sqlite_server.api.post("/tsp", content=b"no query", headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/timestamp-reply")
    assert HEADER not in answer.headers


def test_the_other_fields_of_a_form_are_named(sqlite_server: Server) -> None:
    files = {"file": ("a.pdf", b"%PDF-", "application/pdf"), "second": ("b.pdf", b"x", "application/pdf")}
    first = {"file": files["file"]}

    answer = sqlite_server.api.post(PLAIN, files=files)

    assert ok(answer)["length"] == 5
    assert answer.headers[HEADER] == "second"
    refused_with(sqlite_server.api.post(PLAIN, files=files, headers=STRICT), 400, "UnknownField")
    assert HEADER not in sqlite_server.api.post(PLAIN, files=first, headers=STRICT).headers


def test_a_text_before_the_file_is_not_taken_for_the_file(sqlite_server: Server) -> None:
    """It was: the text was stored, and the file was dropped without a word."""
    form = {"data": {"description": "a text"}, "files": {"file": ("a.pdf", b"%PDF-", "application/pdf")}}

    refused_with(sqlite_server.api.post(PLAIN, **form), 400, "BadRequest")  # type: ignore[arg-type]


def test_what_a_route_takes_is_what_its_description_says(sqlite_server: Server) -> None:
    described = {
        (method.upper(), path): {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
        for path, operations in sqlite_server.api.get("/openapi.json").json()["paths"].items()
        for method, operation in operations.items()
    }

    for handler in HANDLERS.values():
        (path,) = handler.paths
        (method,) = handler.http_methods
        plain = re.sub(r":\w+}", "}", path)
        # It belongs to no router: it does not know what is given to it.
        taken = set(query_parameters(handler).values()) - {"caller", "ports", "waits"}
        assert taken == described[str(method), plain], plain


def test_a_name_is_corrected_before_it_is_decoded() -> None:
    body = json.loads('{"RETURNURL": "https://app.example/", "Documents": [{"METADATA": {"Order": "42"}}]}')

    assert unknown_fields(CreateSessionRequest, body) == []
    assert body == {"returnUrl": "https://app.example/", "documents": [{"metadata": {"Order": "42"}}]}
