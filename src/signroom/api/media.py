"""Media types and the refusals that every route may answer with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litestar import Request
from litestar.exceptions import ClientException, SerializationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.typing import FieldDefinition

from signroom.api.ignored import name_ignored
from signroom.api.shapes.contract import DetailedProblem, Problem
from signroom.api.shapes.fields import unknown_fields
from signroom.api.shapes.wire import Wire
from signroom.domain.errors import BadInput
from signroom.http.bodies import WireRequest
from signroom.service.access.idempotency import Idempotency, idempotency

ANSWERS = {
    400: ResponseSpec(Problem, generate_examples=False, description="Syntax: see `code` and `message`."),
    401: ResponseSpec(Problem, generate_examples=False, description="The API key is missing or wrong."),
    403: ResponseSpec(Problem, generate_examples=False, description="The API key does not allow that."),
    404: ResponseSpec(Problem, generate_examples=False, description="There is nothing at this address."),
    405: ResponseSpec(Problem, generate_examples=False, description="Another method is meant: see `Allow`."),
    410: ResponseSpec(Problem, generate_examples=False, description="It was erased: see `code`."),
    413: ResponseSpec(Problem, generate_examples=False, description="The body is too large."),
    415: ResponseSpec(Problem, generate_examples=False, description="The body is not JSON."),
    422: ResponseSpec(DetailedProblem, generate_examples=False, description="Meaning: see `code` (docs/errors.md)."),
    429: ResponseSpec(Problem, generate_examples=False, description="Too many requests: see `Retry-After`."),
    503: ResponseSpec(Problem, generate_examples=False, description="Try again after `Retry-After` seconds."),
}


class UnsupportedMediaType(ClientException):
    status_code = 415
    detail = "The body must be JSON."


async def require_json(request: Request[Any, Any, Any]) -> None:
    """Accept every spelling of JSON that clients in the field send. Raises: UnsupportedMediaType, BadInput."""
    _require_json_type(request)
    if not await request.body():
        raise BadInput("The body is missing.")
    await _name_unknown_fields(request)


async def require_json_or_nothing(request: Request[Any, Any, Any]) -> None:
    """For bodies that may be empty: then the media type says nothing. Raises: UnsupportedMediaType, BadInput."""
    if request.headers.get("content-length", "0") != "0":
        _require_json_type(request)  # before a large body of another type is read
    if await request.body():
        _require_json_type(request)
        await _name_unknown_fields(request)


async def body_is_read_later(_request: Request[Any, Any, Any]) -> None:
    """For routes that read a body that is no JSON: nothing of it is looked at before."""


async def _name_unknown_fields(request: Request[Any, Any, Any]) -> None:
    """They are told with the answer and in the log. With ``Signroom-Strict``, and of a strict application, they are
    refused.

    Raises: BadInput, UnknownField, PdfAConversionNotAvailable, NotImplementedHere.
    """
    field = request.route_handler.parsed_data_field
    model = next((kind for kind in _kinds(field) if issubclass(kind, Wire)), None)
    if model is None:
        return
    try:
        value = await request.json()
    except SerializationException:
        return  # the framework says what is wrong, as for every body
    name_ignored(request, unknown_fields(model, value))


def _kinds(field: FieldDefinition | None) -> Iterator[type]:
    """The types that a handler's `data` may be."""
    if field is None:
        return
    for one in (field, *field.inner_types):
        if isinstance(one.annotation, type):
            yield one.annotation


def _require_json_type(request: Request[Any, Any, Any]) -> None:
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    known = media_type in {"application/json", "application/json-patch+json", "text/json"}
    if not known and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise UnsupportedMediaType


async def idempotency_of(request: Request[Any, Any, Any], key: str | None) -> Idempotency | None:
    """What makes this request the same as another: its route and its body. None without a key."""
    if not key:
        return None
    if not isinstance(request, WireRequest):
        raise TypeError("only a request whose body is JSON has a digest")
    return idempotency(key, request.route_handler.handler_name, await request.digest())
