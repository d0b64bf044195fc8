"""Media types and the refusals that every route may answer with."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from litestar import Request
from litestar.exceptions import ClientException
from litestar.openapi.datastructures import ResponseSpec

from signroom.api.shapes import DetailedProblem, Problem
from signroom.service.once import Idempotency, idempotency

ANSWERS = {
    400: ResponseSpec(Problem, generate_examples=False, description="Syntax: see `code` and `message`."),
    401: ResponseSpec(Problem, generate_examples=False, description="The API key is missing or wrong."),
    403: ResponseSpec(Problem, generate_examples=False, description="The API key does not allow that."),
    404: ResponseSpec(Problem, generate_examples=False, description="There is nothing at this address."),
    405: ResponseSpec(Problem, generate_examples=False, description="Another method is meant: see `Allow`."),
    413: ResponseSpec(Problem, generate_examples=False, description="The body is too large."),
    415: ResponseSpec(Problem, generate_examples=False, description="The body is not JSON."),
    422: ResponseSpec(DetailedProblem, generate_examples=False, description="Meaning: see `code` (docs/errors.md)."),
    429: ResponseSpec(Problem, generate_examples=False, description="Too many requests: see `Retry-After`."),
    503: ResponseSpec(Problem, generate_examples=False, description="Try again after `Retry-After` seconds."),
}


class UnsupportedMediaType(ClientException):
    status_code = 415
    detail = "The body must be JSON."


def require_json(request: Request[Any, Any, Any]) -> None:
    """Accept every spelling of JSON that clients in the field send. Raises: UnsupportedMediaType."""
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    known = media_type in {"application/json", "application/json-patch+json", "text/json"}
    if not known and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise UnsupportedMediaType


def require_json_or_nothing(request: Request[Any, Any, Any]) -> None:
    """For bodies that may be empty: then the media type says nothing. Raises: UnsupportedMediaType."""
    length = request.headers.get("content-length")
    if length == "0" or (length is None and "transfer-encoding" not in request.headers):
        return
    require_json(request)


async def once(request: Request[Any, Any, Any], key: str | None) -> Idempotency | None:
    """What makes this request the same as another: its route and its body. None without a key."""
    if not key:
        return None
    body = await request.body()
    digest = await asyncio.to_thread(lambda: hashlib.sha256(body).digest())
    return idempotency(key, request.route_handler.handler_name, digest)
