"""Media types and the refusals that every route may answer with."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from litestar import Request
from litestar.exceptions import ClientException
from litestar.openapi.datastructures import ResponseSpec

from signroom.api.shapes.contract import DetailedProblem, Problem
from signroom.domain.errors import BadInput
from signroom.service.access.idempotency import Idempotency, idempotency

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


_MAX_MEMBERS = 20_000
"""Ten times what a hundred documents with all their options have."""
_COUNTED_AT_ONCE = 1 << 18


class UnsupportedMediaType(ClientException):
    status_code = 415
    detail = "The body must be JSON."


async def require_json(request: Request[Any, Any, Any]) -> None:
    """Accept every spelling of JSON that clients in the field send. Raises: UnsupportedMediaType, BadInput."""
    _require_json_type(request)
    body = await request.body()
    if not body:
        raise BadInput("The body is missing.")
    await _require_few_members(body)


async def require_json_or_nothing(request: Request[Any, Any, Any]) -> None:
    """For bodies that may be empty: then the media type says nothing. Raises: UnsupportedMediaType, BadInput."""
    if request.headers.get("content-length", "0") != "0":
        _require_json_type(request)  # before a large body of another type is read
    body = await request.body()
    if body:
        _require_json_type(request)
        await _require_few_members(body)


def _require_json_type(request: Request[Any, Any, Any]) -> None:
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    known = media_type in {"application/json", "application/json-patch+json", "text/json"}
    if not known and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise UnsupportedMediaType


async def _require_few_members(body: bytes) -> None:
    """Megabytes of base64 are decoded in no time, megabytes of small things would hold the event loop for seconds.

    Raises: BadInput.
    """
    if len(body) <= _COUNTED_AT_ONCE:
        members = _members(body)
    else:  # also between joining the body and decoding it, which take the loop some milliseconds each
        members = await asyncio.to_thread(_members, body)
    if members > _MAX_MEMBERS:
        raise BadInput(f"It has more than {_MAX_MEMBERS} values.")


def _members(body: bytes) -> int:
    """About how many values there are, or a number over the limit; commas and brackets inside texts count too."""
    members = 0
    for start in range(0, len(body), _COUNTED_AT_ONCE):
        members += sum(body.count(c, start, start + _COUNTED_AT_ONCE) for c in (b",", b"{", b"["))
        if members > _MAX_MEMBERS:
            break
    return members


async def idempotency_of(request: Request[Any, Any, Any], key: str | None) -> Idempotency | None:
    """What makes this request the same as another: its route and its body. None without a key."""
    if not key:
        return None
    body = await request.body()
    digest = await asyncio.to_thread(lambda: hashlib.sha256(body).digest())
    return idempotency(key, request.route_handler.handler_name, digest)
