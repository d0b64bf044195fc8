"""``/api/applications/{id}/api-keys``: the keys of an application, from their making to their end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from litestar import delete, get, post, put

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.description import OptionalBody
from signroom.api.media import ANSWERS, require_json, require_json_or_nothing
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import moment_of
from signroom.api.translation.models import seconds
from signroom.domain.application import ApiKey
from signroom.domain.errors import BadInput
from signroom.service.subscriptions.manage_keys import (
    OVERLAP,
    CreateKey,
    NewKey,
    create_key,
    end_key,
    list_keys,
    revoke_key,
    rotate_key,
)

_TAGS = ["Applications"]
_KEYS = "/api/applications/{application_id:str}/api-keys"
_KEY = f"{_KEYS}/{{key_id:str}}"


@post(
    _KEYS,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json_or_nothing,
    operation_class=OptionalBody,
    summary="Create an API key",
    tags=_TAGS,
)
async def create(
    application_id: UUID, ports: InjectedPorts, caller: InjectedCaller, data: shapes.CreateKeyRequest | None = None
) -> shapes.KeyModel:
    """Needs the role Manager. The key is shown here and never again."""
    wanted = data or shapes.CreateKeyRequest()
    command = CreateKey(wanted.description, moment_of(wanted.expires_on, "expiresOn"))
    return _new(await asyncio.to_thread(create_key, ports, caller, application_id, command))


@get(_KEYS, responses=ANSWERS, summary="List API keys", tags=_TAGS)
async def list_all(application_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.KeyList:
    """Addition. Needs the role Manager. Newest first, revoked and expired ones too. Secrets are not shown."""
    found = await asyncio.to_thread(list_keys, ports, caller, application_id)
    return shapes.KeyList(items=[_info(key) for key in found])


@put(
    _KEY,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Set the end of an API key",
    tags=_TAGS,
)
async def change(
    application_id: UUID, key_id: UUID, data: shapes.EndKeyRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.KeyInfoModel:
    """Addition. Needs the role Manager. `expiresOn` lies ahead; a key that shall end now is deleted."""
    at = moment_of(data.expires_on, "expiresOn")
    if at is None:
        raise BadInput("expiresOn is missing.", path="expiresOn")
    return _info(await asyncio.to_thread(end_key, ports, caller, application_id, key_id, at))


@delete(_KEY, status_code=200, responses=ANSWERS, summary="Revoke an API key", tags=_TAGS)
async def revoke(
    application_id: UUID, key_id: UUID, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.KeyInfoModel:
    """Addition. Needs the role Manager. Again: the same answer.

    From the answer on the key opens nothing, on other machines within a second.
    """
    return _info(await asyncio.to_thread(revoke_key, ports, caller, application_id, key_id))


@post(
    f"{_KEY}/rotate",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json_or_nothing,
    operation_class=OptionalBody,
    summary="Rotate an API key",
    tags=_TAGS,
)
async def rotate(
    application_id: UUID,
    key_id: UUID,
    ports: InjectedPorts,
    caller: InjectedCaller,
    data: shapes.RotateKeyRequest | None = None,
) -> shapes.KeyModel:
    """Addition. Needs the role Manager. The new key is shown here and never again.

    The one before works for `previousHours` more: 24 unless given, 0 ends it at once.
    """
    hours = None if data is None else data.previous_hours
    overlap = OVERLAP if hours is None else timedelta(hours=hours)
    return _new(await asyncio.to_thread(rotate_key, ports, caller, application_id, key_id, overlap))


def _new(new: NewKey) -> shapes.KeyModel:
    return shapes.KeyModel(key=new.text, info=_info(new.key))


def _info(key: ApiKey) -> shapes.KeyInfoModel:
    return shapes.KeyInfoModel(
        id=key.id,
        type="ApiKey",
        application_id=key.application_id,
        description=key.description,
        expires_on=seconds(key.expires_at),
        role=key.role,
        created_on=seconds(key.created_at),
        created_by=key.created_by,
        last_used_on=seconds(key.last_used_at),
        revoked_on=seconds(key.revoked_at),
    )
