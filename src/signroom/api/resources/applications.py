"""``/api/applications`` and ``/api/settings``: what managers of a subscription do."""

from __future__ import annotations

import asyncio
from uuid import UUID

from litestar import get, post, put

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import metadata_of, roles_of
from signroom.api.translation.models import metadata_model
from signroom.domain.errors import BadInput, NotAllowed
from signroom.service.subscriptions.manage_applications import (
    create_application,
    read_application,
    set_default_metadata,
    set_return_urls,
)

_TAGS = ["Applications"]


@post(
    "/api/applications",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Create an application",
    tags=_TAGS,
)
async def create(
    data: shapes.CreateApplicationRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.ApplicationModel:
    """Needs the role Admin. `authorizationData.roles` are the roles of its keys."""
    if roles_of(data.root_authorization_data):
        raise NotAllowed("Roles over all subscriptions are the operator's.")
    made = await asyncio.to_thread(create_application, ports, caller, data.name, roles_of(data.authorization_data))
    roles = sorted(made.roles)
    subscription = shapes.ApplicationSubscriptionModel(
        subscription_id=made.subscription_id, roles=list(roles), parent_roles=[]
    )
    return shapes.ApplicationModel(
        id=made.id,
        subscription_id=made.subscription_id,
        name=made.name,
        root_roles=[],
        subscriptions=[subscription],
    )


@get(
    "/api/applications/{application_id:str}/default-document-metadata",
    responses=ANSWERS,
    summary="Read the default metadata of documents",
    tags=_TAGS,
)
async def read_metadata(application_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> dict[str, list[str]]:
    """Needs the role Manager."""
    found = await asyncio.to_thread(read_application, ports, caller, application_id)
    return metadata_model(found.default_metadata)


@put(
    "/api/applications/{application_id:str}/default-document-metadata",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Set the default metadata of documents",
    tags=_TAGS,
)
async def write_metadata(
    application_id: UUID, data: shapes.WholeMetadata, ports: InjectedPorts, caller: InjectedCaller
) -> dict[str, list[str]]:
    """Needs the role Manager. A document's own metadata and its session's win over it, by name."""
    if isinstance(data, list) and data:
        raise BadInput("The metadata is an object.")
    metadata = metadata_of(data)
    found = await asyncio.to_thread(set_default_metadata, ports, caller, application_id, metadata)
    return metadata_model(found.default_metadata)


@get(
    "/api/settings/applications/{application_id:str}/return-urls",
    responses=ANSWERS,
    summary="Read the allowed return URLs",
    tags=_TAGS,
)
async def read_return_urls(application_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.ReturnUrls:
    """Addition. Needs the role Manager. An empty list allows all."""
    found = await asyncio.to_thread(read_application, ports, caller, application_id)
    return shapes.ReturnUrls(return_urls=list(found.return_urls))


@put(
    "/api/settings/applications/{application_id:str}/return-urls",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Set the allowed return URLs",
    tags=_TAGS,
)
async def write_return_urls(
    application_id: UUID, data: shapes.ReturnUrls, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.ReturnUrls:
    """Addition. Needs the role Manager. A session's `returnUrl` must then lie below one of them."""
    found = await asyncio.to_thread(set_return_urls, ports, caller, application_id, data.return_urls)
    return shapes.ReturnUrls(return_urls=list(found.return_urls))
