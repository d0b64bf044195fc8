"""The signing page: its shell, its built files, its API."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from litestar import MediaType, Response, Router, get
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.static_files import create_static_files_router

from signroom.domain.errors import KeySourceNotAvailable
from signroom.page import api

STATIC = Path(__file__).parent / "static"


@get("/sign/{link:str}", include_in_schema=False)
async def shell(link: str) -> Response[bytes]:
    """The same bytes for every link: the page asks the API what it is about. Nothing of `link` is echoed."""
    return Response(_index(), media_type=MediaType.HTML)


@cache
def _index() -> bytes:
    return (STATIC / "index.html").read_bytes()


@get("/sign/assets-operator/web-pki.js", include_in_schema=False)
async def web_pki_script(ports: api.InjectedPorts) -> Response[bytes]:
    """Lacuna Web PKI, the operator's copy, from our own origin: no other one may run scripts.

    Raises: KeySourceNotAvailable.
    """
    web_pki = ports.key_sources.web_pki
    if web_pki is None:
        raise KeySourceNotAvailable
    # The operator may replace it under the same name.
    headers = {"cache-control": "public, max-age=3600"}
    return Response(web_pki.script, media_type="text/javascript", headers=headers)


def page_routes() -> list[Any]:
    """Everything under ``/sign``."""
    assets = create_static_files_router(
        path="/sign/assets",
        directories=[STATIC / "assets"],
        name="page-assets",
        include_in_schema=False,
        # File names hold a hash of their content.
        cache_control=CacheControlHeader(public=True, max_age=31536000, immutable=True),
    )
    calls = Router(
        path="/",
        route_handlers=list(api.HANDLERS),
        dependencies={"page_session": Provide(api.provide_session)},
        include_in_schema=False,
    )
    return [shell, assets, web_pki_script, calls]
