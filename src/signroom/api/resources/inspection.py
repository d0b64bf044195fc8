"""``/api/signature-inspection``."""

from __future__ import annotations

from typing import Any

from litestar import Request, put

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import digests_of, file_source, optional_source
from signroom.api.translation.models import inspection_model
from signroom.http.callers.hang_up import while_connected
from signroom.service.verification.inspect_signature import InspectSignature, inspect_signature


@put(
    "/api/signature-inspection",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Inspect a signed file",
    tags=["Inspection"],
)
async def inspect(
    data: shapes.InspectSignatureRequest,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    caller: InjectedCaller,
) -> shapes.InspectSignatureModel:
    """Who signed the file, when, with what, and (with `validate`) whether it holds. PDF, CMS or XML.

    Nothing of it is kept, but encapsulated content that was asked for: for a day.
    """
    command = InspectSignature(
        file=file_source(data.file),
        validate=bool(data.should_validate),
        security_context_id=data.security_context_id,
        revocation_may_be_unknown=bool(data.ignore_revocation_status_unknown),
        trust_signing_time=bool(data.trust_uncertified_signing_time),
        data=optional_source(data.data_file, "dataFile"),
        data_hashes=digests_of(data.data_hashes),
        extract_content=bool(data.extract_encapsulated_content),
    )
    found = await while_connected(request, inspect_signature(ports, caller, command))
    return inspection_model(ports, found)
