"""Media types and the refusals that every route may answer with."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import ClientException
from litestar.openapi.datastructures import ResponseSpec

from signroom.api.shapes.contract import DetailedProblem, Problem
from signroom.api.shapes.fields import unknown_fields
from signroom.domain.errors import BadInput
from signroom.http.bodies import WireRequest
from signroom.http.headers import sent
from signroom.http.ignored import name_unknown_fields
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
    await name_unknown_fields(request, unknown_fields)


async def require_json_or_nothing(request: Request[Any, Any, Any]) -> None:
    """For bodies that may be empty: then the media type says nothing. Raises: UnsupportedMediaType, BadInput."""
    if (sent(request.scope["headers"], b"content-length") or "0") != "0":
        _require_json_type(request)  # before a large body of another type is read
    if await request.body():
        _require_json_type(request)
        await name_unknown_fields(request, unknown_fields)


async def body_is_read_later(_request: Request[Any, Any, Any]) -> None:
    """For routes that read a body that is no JSON: nothing of it is looked at before."""


def _require_json_type(request: Request[Any, Any, Any]) -> None:
    media_type = sent(request.scope["headers"], b"content-type").split(";", 1)[0].strip().lower()
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
