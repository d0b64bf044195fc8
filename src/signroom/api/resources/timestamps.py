"""``/api/tsp/{tier}`` in JSON, and ``/tsp`` as RFC 3161 has it."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, body_is_read_later, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import message_imprint
from signroom.api.translation.models import timestamp_model
from signroom.domain.application import ApplicationCaller
from signroom.domain.errors import BadInput, TimestampRefused, TimestampTierNotFound, TimestampUnavailable
from signroom.domain.timestamp import DEFAULT_TIER, TimestampRequest
from signroom.http.callers.hang_up import while_connected
from signroom.ports import Ports
from signroom.ports.timestamps import BadQuery
from signroom.service.timestamps.issue_timestamp import issue_timestamp

_TAGS = ["Timestamps"]
MAX_QUERY = 16 << 10
"""Bytes of a request; real ones have some hundred."""
_REPLY = "application/timestamp-reply"
_TIER = Annotated[str, Parameter(description="Up to 32 lower-case letters, digits and hyphens.", max_length=32)]


@post(
    "/api/tsp/{tier:str}",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Get a timestamp for a digest",
    tags=_TAGS,
)
async def issue(
    tier: _TIER,
    data: shapes.DigestRequest,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    caller: InjectedCaller,
) -> shapes.TimestampModel:
    """Send the digest of your data. The answer has the token of RFC 3161, and its facts."""
    asked = TimestampRequest(message_imprint(data), secrets.randbits(64))
    found = await while_connected(request, issue_timestamp(ports, caller, tier, asked))
    return timestamp_model(ports, asked, found)


@post(
    "/tsp",
    status_code=200,
    media_type=_REPLY,
    responses=ANSWERS,
    before_request=body_is_read_later,
    summary="Get a timestamp (RFC 3161)",
    tags=_TAGS,
)
async def issue_default(
    request: Request[Any, Any, Any], ports: InjectedPorts, caller: InjectedCaller
) -> Response[bytes]:
    """For programs that speak RFC 3161: `application/timestamp-query` in, `application/timestamp-reply` out."""
    return await _answer(request, ports, caller, DEFAULT_TIER)


@post(
    "/tsp/{tier:str}",
    status_code=200,
    media_type=_REPLY,
    responses=ANSWERS,
    before_request=body_is_read_later,
    summary="The same, of a tier",
    tags=_TAGS,
)
async def issue_of_tier(
    tier: _TIER, request: Request[Any, Any, Any], ports: InjectedPorts, caller: InjectedCaller
) -> Response[bytes]:
    """As `/tsp`. What the protocol can refuse is refused by an answer of the protocol, with status 200."""
    return await _answer(request, ports, caller, tier)


async def _answer(
    request: Request[Any, Any, Any], ports: Ports, caller: ApplicationCaller, tier: str
) -> Response[bytes]:
    octets = await request.body()
    try:
        asked = ports.timestamps.read_query(octets)
        found = await while_connected(request, issue_timestamp(ports, caller, tier, asked))
        body = ports.timestamps.write_granted(asked, found.token)
    except BadQuery as error:
        body = ports.timestamps.write_rejected(error.failure, error.reason)
    except TimestampRefused as error:
        body = ports.timestamps.write_rejected(error.detail or "bad_request", error.message)
    except (TimestampTierNotFound, TimestampUnavailable, BadInput) as error:
        failure = "time_not_available" if isinstance(error, TimestampUnavailable) else "bad_request"
        body = ports.timestamps.write_rejected(failure, str(error))
    return Response(body)
