"""The sandbox's own authorities. Their certificates are open to anybody who reaches the service, and so are these."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, Response, get, post, put

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import member
from signroom.domain.demo import DemoFailure
from signroom.ports.timestamps import BadQuery
from signroom.service.certificates.issue_demo_certificate import (
    demo_crl,
    demo_failures,
    demo_ocsp,
    demo_root,
    demo_timestamp,
)

TSA_PATH = "/demo-tsa"
MAX_QUERY = 16 << 10
"""Bytes of a request; real ones have some hundred."""


@get("/demo-ca.crl", include_in_schema=False, sync_to_thread=True)
def crl(ports: InjectedPorts, authority: str | None = None) -> Response[bytes]:
    """Where the demo certificates say that their revocation list is (RFC 2585)."""
    return Response(demo_crl(ports, authority), media_type="application/pkix-crl")


@get("/demo-ca.crt", include_in_schema=False, sync_to_thread=True)
def root(ports: InjectedPorts, authority: str | None = None) -> Response[bytes]:  # noqa: ARG001
    """Where they say that their issuer is (RFC 5280, 4.2.2.1)."""
    return Response(demo_root(ports), media_type="application/pkix-cert")


@post("/demo-ca.ocsp", status_code=200, include_in_schema=False, request_max_body_size=MAX_QUERY)
async def responder(
    request: Request[Any, Any, Any], ports: InjectedPorts, authority: str | None = None
) -> Response[bytes]:
    """Where they say that their status is told (RFC 6960, A.1)."""
    answer = await asyncio.to_thread(demo_ocsp, ports, await request.body(), authority)
    return Response(answer, media_type="application/ocsp-response")


@post(
    TSA_PATH,
    status_code=200,
    media_type="application/timestamp-reply",
    include_in_schema=False,
    request_max_body_size=MAX_QUERY,
)
async def timestamp(request: Request[Any, Any, Any], ports: InjectedPorts) -> Response[bytes]:
    """The timestamp authority of the sandbox."""
    try:
        asked = ports.timestamps.read_query(await request.body())
        token = await asyncio.to_thread(demo_timestamp, ports, asked)
        body = ports.timestamps.write_granted(asked, token)
    except BadQuery as error:
        body = ports.timestamps.write_rejected(error.failure, error.reason)
    return Response(body)


@get("/api/demo/failures", responses=ANSWERS, summary="What of the demo is switched off", tags=["Demo"])
async def failures(ports: InjectedPorts, caller: InjectedCaller) -> shapes.DemoFailuresModel:
    """Addition. The demo's timestamp authority, its responder and its list can be switched off."""
    return shapes.DemoFailuresModel(fail=demo_failures(ports, caller, None))


@put(
    "/api/demo/failures",
    responses=ANSWERS,
    before_request=require_json,
    summary="Switch parts of the demo off and on",
    tags=["Demo"],
)
async def set_failures(
    data: shapes.DemoFailuresModel, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.DemoFailuresModel:
    """Addition. `fail` names everything that is off from now on: `tsa`, `slow-tsa`, `ocsp`, `crl`."""
    wanted = frozenset(member(DemoFailure, one, f"fail[{number}]") for number, one in enumerate(data.fail))
    return shapes.DemoFailuresModel(fail=demo_failures(ports, caller, wanted))
