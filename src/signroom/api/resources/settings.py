"""``/api/settings``: what holds for a whole subscription, and whose pages may frame an application's sessions."""

from __future__ import annotations

import asyncio
from uuid import UUID

from litestar import get, put

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.shapes.wire import Base64Text
from signroom.api.translation.commands import member
from signroom.domain.branding import MAX_LOGO
from signroom.domain.endpoint import Endpoint, EndpointAuth
from signroom.domain.errors import BadLogo, at
from signroom.domain.file_validation import FileValidation
from signroom.service.subscriptions.manage_applications import read_application, set_frame_origins
from signroom.service.subscriptions.manage_branding import SetBranding, WholeBranding, read_branding, set_branding
from signroom.service.subscriptions.manage_file_validation import (
    SetFileValidation,
    read_file_validation,
    set_file_validation,
)
from signroom.service.subscriptions.manage_retention import read_retention as read_days
from signroom.service.subscriptions.manage_retention import set_retention
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint

_TAGS = ["Settings"]


@get("/api/settings/file-validation", responses=ANSWERS, summary="Read the validation of files", tags=_TAGS)
async def read_validation(ports: InjectedPorts, caller: InjectedCaller) -> shapes.FileValidationModel:
    """Addition. Needs the role Manager. Secrets are not shown: `hasSecret` says whether there is one."""
    return _validation_model(await asyncio.to_thread(read_file_validation, ports, caller))


@put(
    "/api/settings/file-validation",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Set the validation of files",
    tags=_TAGS,
)
async def write_validation(
    data: shapes.FileValidationRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.FileValidationModel:
    """Addition. Needs the role Manager. What is left out is cleared.

    `fileNamePattern` (RE2) must match the whole name of a file. `endpoint` is asked about each file. Its `secret` is a
    password, a token or a key; without it the one is kept that is stored for the same `url`, `auth` and `user`.
    """
    command = SetFileValidation(data.file_name_pattern, _endpoint(data.endpoint))
    return _validation_model(await asyncio.to_thread(set_file_validation, ports, caller, command))


@get("/api/settings/branding", responses=ANSWERS, summary="Read the branding of the signing page", tags=_TAGS)
async def read_brand(ports: InjectedPorts, caller: InjectedCaller) -> shapes.BrandingModel:
    """Addition. Needs the role Manager."""
    return _branding_model(await asyncio.to_thread(read_branding, ports, caller))


@put(
    "/api/settings/branding",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Set the branding of the signing page",
    tags=_TAGS,
)
async def write_brand(
    data: shapes.BrandingRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.BrandingModel:
    """Addition. Needs the role Manager. What is left out is cleared.

    Colours are `#rrggbb` and must stand out from the page (4.5:1). The logo is a PNG, JPEG or WebP of at most 100 KB.
    """
    content = data.logo.content if isinstance(data.logo, shapes.LogoRequest) else None
    logo = None if content is None else await _decoded(content)
    command = SetBranding(data.name, data.accent, data.accent_dark, logo)
    return _branding_model(await set_branding(ports, caller, command))


@get("/api/settings/retention", responses=ANSWERS, summary="Read how long signed documents are kept", tags=_TAGS)
async def read_retention(ports: InjectedPorts, caller: InjectedCaller) -> shapes.RetentionModel:
    """Addition. Needs the role Manager."""
    return shapes.RetentionModel(days=await asyncio.to_thread(read_days, ports, caller))


@put(
    "/api/settings/retention",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Set how long signed documents are kept",
    tags=_TAGS,
)
async def write_retention(
    data: shapes.RetentionModel, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.RetentionModel:
    """Addition. Needs the role Manager. Holds for documents that are completed from then on (`availableUntil`)."""
    return shapes.RetentionModel(days=await asyncio.to_thread(set_retention, ports, caller, data.days))


@get(
    "/api/settings/applications/{application_id:str}/frame-origins",
    responses=ANSWERS,
    summary="Read whose pages may frame the signing page",
    tags=_TAGS,
)
async def read_frame_origins(application_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.FrameOrigins:
    """Addition. Needs the role Manager. An empty list: nobody's."""
    found = await asyncio.to_thread(read_application, ports, caller, application_id)
    return shapes.FrameOrigins(frame_origins=list(found.frame_origins))


@put(
    "/api/settings/applications/{application_id:str}/frame-origins",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Set whose pages may frame the signing page",
    tags=_TAGS,
)
async def write_frame_origins(
    application_id: UUID, data: shapes.FrameOrigins, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.FrameOrigins:
    """Addition. Needs the role Manager. Origins like `https://app.example`; in a frame the page takes no key file."""
    found = await asyncio.to_thread(set_frame_origins, ports, caller, application_id, data.frame_origins)
    return shapes.FrameOrigins(frame_origins=list(found.frame_origins))


def _endpoint(given: object) -> GivenEndpoint | None:
    """Raises: BadInput."""
    if not isinstance(given, shapes.EndpointRequest):
        return None
    auth = member(EndpointAuth, given.auth or EndpointAuth.NONE, "endpoint.auth")
    return GivenEndpoint(given.url, auth, given.user or None, given.secret or None)


async def _decoded(content: Base64Text) -> bytes:
    """Only what is small enough is decoded: this runs on the event loop. Raises: BadLogo, BadInput."""
    if content.length > MAX_LOGO * 4 // 3 + 4:
        raise BadLogo
    with at("logo.content"):
        return b"".join([chunk async for chunk in content.chunks()])


def _validation_model(found: FileValidation) -> shapes.FileValidationModel:
    endpoint = None if found.endpoint is None else _endpoint_model(found.endpoint)
    return shapes.FileValidationModel(file_name_pattern=found.file_name_pattern, endpoint=endpoint)


def _endpoint_model(endpoint: Endpoint) -> shapes.EndpointModel:
    return shapes.EndpointModel(
        url=endpoint.url,
        auth=endpoint.auth.value,
        user=endpoint.user,
        has_secret=endpoint.sealed_secret is not None,
    )


def _branding_model(found: WholeBranding) -> shapes.BrandingModel:
    logo = found.logo
    return shapes.BrandingModel(
        name=found.branding.name,
        accent=found.branding.accent,
        accent_dark=found.branding.accent_dark,
        logo=None if logo is None else shapes.LogoModel(content_type=logo.content_type, content=logo.content),
    )
