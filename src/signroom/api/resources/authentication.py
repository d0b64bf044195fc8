"""``/api/v2/authentication``: log in with a certificate."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, post

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.description import OptionalBody
from signroom.api.media import ANSWERS, require_json, require_json_or_nothing
from signroom.api.shapes import contract as shapes
from signroom.api.translation.models import certificate_model, chain_of, digest_model, results_model
from signroom.http.callers.hang_up import while_connected
from signroom.service.certificates.authenticate_person import begin_authentication, complete_authentication

_TAGS = ["Certificate authentication"]


@post(
    "/api/v2/authentication",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json_or_nothing,
    operation_class=OptionalBody,
    summary="Begin a log-in with a certificate",
    tags=_TAGS,
)
async def prepare(
    ports: InjectedPorts, caller: InjectedCaller, data: shapes.PrepareAuthenticationRequest | None = None
) -> shapes.AuthenticationModel:
    """Let the user's key sign `toSignHash`, within 10 minutes. Its digest is one that the security context accepts."""
    wanted = data or shapes.PrepareAuthenticationRequest()
    challenge = await asyncio.to_thread(
        begin_authentication,
        ports,
        caller,
        wanted.security_context_id,
        revocation_may_be_unknown=bool(wanted.ignore_revocation_status_unknown),
    )
    digest = digest_model(challenge.algorithm.value, challenge.digest)
    return shapes.AuthenticationModel(state=challenge.state, to_sign_hash=digest)


@post(
    "/api/v2/authentication/completion",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Complete a log-in with a certificate",
    tags=_TAGS,
)
async def complete(
    data: shapes.CompleteAuthenticationRequest,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    caller: InjectedCaller,
) -> shapes.AuthenticationResultModel:
    """Only with `success` is the user the one that `certificate` names. A state works once."""
    completing = complete_authentication(ports, caller, data.state, data.certificate, data.signature)
    found = await while_connected(request, completing)

    def answer() -> shapes.AuthenticationResultModel:
        return shapes.AuthenticationResultModel(
            success=found.failure is None,
            failure=found.failure,
            certificate=certificate_model(chain_of(ports, found.certificate, found.path)),
            validation_results=results_model(found.results),
        )

    return await asyncio.to_thread(answer)
