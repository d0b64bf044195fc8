"""``/api/settings/timestamp-providers``: the authorities that this installation asks for timestamps."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from litestar import delete, get, post, put
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import member
from signroom.domain.timestamp import DEFAULT_TIER, TimestampProvider
from signroom.domain.timestamp_provider import ProviderAuth, StoredProvider
from signroom.service.timestamps.manage_providers import (
    DescribeProvider,
    change_provider,
    create_provider,
    delete_provider,
    list_providers,
    try_provider,
)

_TAGS = ["Timestamps"]
_PROVIDERS = "/api/settings/timestamp-providers"
_PROVIDER = f"{_PROVIDERS}/{{provider_id:str}}"
_FORCE = Annotated[bool, Parameter(description="Also when no other provider of its tier would be left.")]


@get(_PROVIDERS, responses=ANSWERS, summary="List timestamp providers", tags=_TAGS)
async def list_all(ports: InjectedPorts, caller: InjectedCaller) -> shapes.TimestampProviderList:
    """Addition. Needs the role Admin, in an installation with one subscription. Secrets are not shown.

    Providers hold for the whole installation: with several subscriptions only the operator's command sets them. `id`
    is null for those of the file of settings, which are changed there.
    """
    found = await asyncio.to_thread(list_providers, ports, caller)
    return shapes.TimestampProviderList(items=[*map(_model, found.stored), *map(_configured, found.configured)])


@post(
    _PROVIDERS,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Add a timestamp provider",
    tags=_TAGS,
)
async def create(
    data: shapes.TimestampProviderRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.TimestampProviderModel:
    """Addition. Needs the role Admin, as the list does. Every process asks it within five seconds."""
    return _model(await asyncio.to_thread(create_provider, ports, caller, _command(data)))


@put(
    _PROVIDER,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Change a timestamp provider",
    tags=_TAGS,
)
async def change(
    provider_id: UUID,
    data: shapes.TimestampProviderRequest,
    ports: InjectedPorts,
    caller: InjectedCaller,
    force: _FORCE = False,
) -> shapes.TimestampProviderModel:
    """Addition. Needs the role Admin, as the list does. All of it is set anew.

    Without `secret` the one is kept that is stored for the same `url`, `auth` and `user`.
    """
    changing = asyncio.to_thread(change_provider, ports, caller, provider_id, _command(data), force=force)
    return _model(await changing)


@delete(_PROVIDER, status_code=204, responses=ANSWERS, summary="Delete a timestamp provider", tags=_TAGS)
async def remove(provider_id: UUID, ports: InjectedPorts, caller: InjectedCaller, force: _FORCE = False) -> None:
    """Addition. Needs the role Admin, as the list does."""
    await asyncio.to_thread(delete_provider, ports, caller, provider_id, force=force)


@post(f"{_PROVIDER}/test", status_code=200, responses=ANSWERS, summary="Test a timestamp provider", tags=_TAGS)
async def try_out(provider_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.ProviderTestModel:
    """Addition. Needs the role Admin, as the list does. One timestamp is got, and what was checked is told.

    The first check that fails is the last one.
    """
    checks = await try_provider(ports, caller, provider_id)
    return shapes.ProviderTestModel(
        passed=all(one.passed for one in checks),
        checks=[shapes.ProviderCheckModel(one.name, one.passed, one.detail) for one in checks],
    )


def _command(data: shapes.TimestampProviderRequest) -> DescribeProvider:
    """Raises: BadInput."""
    return DescribeProvider(
        name=data.name,
        url=data.url,
        context_name=data.context,
        tier=data.tier or DEFAULT_TIER,
        priority=1 if data.priority is None else data.priority,
        auth=member(ProviderAuth, data.auth or ProviderAuth.NONE, "auth"),
        user=data.user or None,
        secret=data.secret or None,
    )


def _model(provider: StoredProvider) -> shapes.TimestampProviderModel:
    return shapes.TimestampProviderModel(
        id=provider.id,
        name=provider.name,
        url=provider.url,
        context=provider.context_name,
        tier=provider.tier,
        priority=provider.priority,
        auth=provider.auth.value,
        user=provider.user,
        has_secret=provider.sealed_secret is not None,
    )


def _configured(provider: TimestampProvider) -> shapes.TimestampProviderModel:
    return shapes.TimestampProviderModel(
        id=None,
        name=provider.name,
        url=provider.url,
        context=provider.context.name,
        tier=provider.tier,
        priority=provider.priority,
        auth=None,
        user=None,
        has_secret=provider.credentials is not None,
    )
