"""``/api/applications`` and ``/api/settings``: what managers of a subscription do."""

from __future__ import annotations

import asyncio
from uuid import UUID

from litestar import delete, get, post, put

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import metadata_of, roles_of
from signroom.api.translation.models import metadata_model, seconds
from signroom.domain.application import Caller
from signroom.domain.errors import BadInput, NotAllowed, at
from signroom.ports import Ports
from signroom.ports.store import ApplicationSummary
from signroom.service.erasing.delete_tenants import delete_application
from signroom.service.subscriptions.disable_tenants import disable_application, enable_application
from signroom.service.subscriptions.manage_applications import (
    ChangeApplication,
    change_application,
    create_application,
    list_applications,
    read_application,
    set_default_metadata,
    set_return_urls,
    summarize_application,
)

_TAGS = ["Applications"]
_APPLICATION = "/api/applications/{application_id:str}"


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
    with at("rootAuthorizationData"):
        if roles_of(data.root_authorization_data):
            raise NotAllowed("Roles over all subscriptions are the operator's.")
    with at("authorizationData"):
        given = roles_of(data.authorization_data)
    made = await asyncio.to_thread(create_application, ports, caller, data.name, given)
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


@get("/api/applications", responses=ANSWERS, summary="List applications", tags=_TAGS)
async def list_all(ports: InjectedPorts, caller: InjectedCaller) -> shapes.ApplicationList:
    """Addition. Needs the role Manager. All of the subscription, by name."""
    found = await asyncio.to_thread(list_applications, ports, caller)
    return shapes.ApplicationList(items=[_info(summary) for summary in found])


@get(_APPLICATION, responses=ANSWERS, summary="Read an application", tags=_TAGS)
async def read(application_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.ApplicationInfoModel:
    """Addition. Needs the role Manager."""
    return await asyncio.to_thread(_read, ports, caller, application_id)


@put(
    _APPLICATION,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Rename an application, make it strict",
    tags=_TAGS,
)
async def change(
    application_id: UUID, data: shapes.ChangeApplicationRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.ApplicationInfoModel:
    """Addition. Needs the role Manager; of one with the role Admin, or a key with it, Admin.

    Its keys go on working under another name.

    With `strict`, every request of it that has a field that there is not is refused, as with `Signroom-Strict: true`.
    """
    command = ChangeApplication(data.name, data.strict)
    await asyncio.to_thread(change_application, ports, caller, application_id, command)
    return await asyncio.to_thread(_read, ports, caller, application_id)


@post(f"{_APPLICATION}/disable", status_code=200, responses=ANSWERS, summary="Disable an application", tags=_TAGS)
async def disable(application_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.ApplicationInfoModel:
    """Addition. Needs the role Manager; of one with the role Admin, or a key with it, Admin. Again: the same answer.

    From the answer on, on other machines within a second, its keys open nothing, the pages of its sessions are closed,
    and its webhooks hold what they would send. What was signed before is finished. An application does not disable
    itself.
    """
    await asyncio.to_thread(disable_application, ports, caller, application_id)
    return await asyncio.to_thread(_read, ports, caller, application_id)


@post(f"{_APPLICATION}/enable", status_code=200, responses=ANSWERS, summary="Enable an application", tags=_TAGS)
async def enable(application_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.ApplicationInfoModel:
    """Addition. Needs the role Manager; of one with the role Admin, or a key with it, Admin.

    It goes on where it was disabled.
    """
    await asyncio.to_thread(enable_application, ports, caller, application_id)
    return await asyncio.to_thread(_read, ports, caller, application_id)


@delete(_APPLICATION, status_code=200, responses=ANSWERS, summary="Delete an application", tags=_TAGS)
async def remove(
    application_id: UUID, ports: InjectedPorts, caller: InjectedCaller, force: bool = False
) -> shapes.ApplicationInfoModel:
    """Addition. Needs the role Admin. It is closed for good at once; what belongs to it goes within minutes.

    That is its keys, webhooks with all that they hold, sessions, documents and files, erased ones too. Afterwards there
    is no such application. It is refused while sessions are open (`force=true` cancels them) or documents are in
    processing: `StillInUse` says how many. Again: the same answer. An application does not delete itself. On other
    machines it is closed within a second.
    """
    await asyncio.to_thread(delete_application, ports, caller, application_id, force=force)
    return await asyncio.to_thread(_read, ports, caller, application_id)


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
    metadata = metadata_of(data, "")
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


def _read(ports: Ports, caller: Caller, application_id: UUID) -> shapes.ApplicationInfoModel:
    return _info(summarize_application(ports, caller, application_id))


def _info(summary: ApplicationSummary) -> shapes.ApplicationInfoModel:
    application = summary.application
    return shapes.ApplicationInfoModel(
        id=application.id,
        name=application.name,
        roles=sorted(application.roles),
        enabled=not application.closed,
        strict=application.strict,
        keys=summary.keys,
        usable_keys=summary.usable_keys,
        created_on=seconds(application.created_at),
        last_used_on=seconds(summary.last_used_at),
        disabled_on=seconds(application.disabled_at),
        deleting_since=seconds(application.deleting_since),
    )
