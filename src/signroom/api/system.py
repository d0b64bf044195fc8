"""``/api/system/info``: open to anybody."""

from __future__ import annotations

from importlib.metadata import version

from litestar import get

from signroom.api import shapes
from signroom.api.auth import InjectedPorts
from signroom.api.models import seconds

API_VERSION = "2.2"
"""The version of the contract that this API speaks."""


@get("/api/system/info", summary="Product, version and time", tags=["System"], security=[])
async def info(ports: InjectedPorts) -> shapes.SystemInfoModel:
    """Needs no key."""
    now = ports.clock.now()
    return shapes.SystemInfoModel(
        product_name="Signroom",
        product_version=version("signroom"),
        api_version=API_VERSION,
        timestamp=seconds(now) or now,
    )
