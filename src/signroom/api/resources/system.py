"""``/api/system/info``: open to anybody."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from litestar import get

from signroom.api.auth import InjectedPorts
from signroom.api.description import NO_KEY
from signroom.api.shapes import contract as shapes
from signroom.api.translation.models import seconds

API_VERSION = "2.2"
"""The version of the contract that this API speaks."""


@get("/api/system/info", summary="Product, version and time", tags=["System"], security=NO_KEY)
async def info(ports: InjectedPorts) -> shapes.SystemInfoModel:
    """Needs no key."""
    now = ports.clock.now()
    return shapes.SystemInfoModel(
        product_name="Signroom",
        product_version=version("signroom"),
        api_version=API_VERSION,
        timestamp=seconds(now) or now,
    )


@get("/.well-known/jwks.json", summary="Keys of result tokens", tags=["System"], security=NO_KEY)
async def keys(ports: InjectedPorts) -> dict[str, Any]:
    """Addition. To check `signroomResult` with (RFC 7517). Needs no key."""
    return dict(ports.result_tokens.key_set())
