"""The signing page: its shell, its built files, its API."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from litestar import MediaType, Request, Response, Router, get
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.params import Parameter
from litestar.response import Stream
from litestar.static_files import create_static_files_router

from signroom.domain.errors import KeySourceNotAvailable
from signroom.http.archive import archive_response
from signroom.http.bodies import WireRequest
from signroom.http.headers import page_policy
from signroom.http.problems import refuse_by_framework
from signroom.page import api
from signroom.page.api import InjectedPorts
from signroom.ports import Ports
from signroom.service.access.page_language import page_language
from signroom.service.access.page_tokens import frame_origins_of_link
from signroom.service.documents.download_session import open_signed_files
from signroom.service.sessions.follow_session import SessionStreams

STATIC = Path(__file__).parent / "static"
_LONGEST_ADDRESS = 250
"""Bytes of the address of a file of the page."""


@get("/sign/{link:str}", include_in_schema=False)
async def shell(
    link: str,
    ports: InjectedPorts,
    lang: str | None = None,
    accept_language: Annotated[str | None, Parameter(header="Accept-Language")] = None,
) -> Response[bytes]:
    """The same bytes for every link but for the language: the page asks the API what it is about.

    Who may frame it differs, too. Nothing of the request is echoed.
    """
    language = await asyncio.to_thread(page_language, ports, link, lang, accept_language)
    origins = await asyncio.to_thread(frame_origins_of_link, ports, link)
    headers = {
        "content-language": language,
        "vary": "Accept-Language",
        "content-security-policy": page_policy(origins),
    }
    return Response(_index(language), media_type=MediaType.HTML, headers=headers)


@cache
def _index(language: str) -> bytes:
    built = (STATIC / "index.html").read_text("utf-8").replace('<html lang="en">', f'<html lang="{language}">', 1)
    # Without its words the page shows nothing: the browser asks for them at once, and not only when its script does.
    words = next((STATIC / "assets").glob(f"{language}-*.json")).name
    link = f'<link rel="preload" as="fetch" crossorigin href="/sign/assets/{words}">'
    return built.replace("</head>", f"  {link}\n  </head>", 1).encode()


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


@get("/sign/files/{token:str}", include_in_schema=False)
async def signed_files(token: str, ports: api.InjectedPorts) -> Stream:
    """All signed files of a session in one archive: the token is the authorisation."""
    files = await asyncio.to_thread(open_signed_files, ports, token)
    return await archive_response(ports, files)


async def _require_possible(request: Request[Any, Any, Any]) -> None:
    """A file system answers a name that is too long with an error, which would count as one of ours.

    Raises: NotFoundException.
    """
    if len(request.scope["path"].encode()) > _LONGEST_ADDRESS:
        raise NotFoundException


def _no_such_file(request: Request[Any, Any, Any], _error: ValueError) -> Response[dict[str, str | None]]:
    """A name with a NUL, which no file can have: the system refuses to look for it."""
    return refuse_by_framework(request, NotFoundException())


def page_routes(ports: Ports) -> list[Any]:
    """Everything under ``/sign``."""
    assets = create_static_files_router(
        path="/sign/assets",
        directories=[STATIC / "assets"],
        name="page-assets",
        include_in_schema=False,
        # File names hold a hash of their content.
        cache_control=CacheControlHeader(public=True, max_age=31536000, immutable=True),
        exception_handlers={ValueError: _no_such_file},
        before_request=_require_possible,
    )
    streams = SessionStreams(ports)
    calls = Router(
        path="/",
        route_handlers=list(api.HANDLERS),
        guards=[api.token_guard(ports, streams)],
        dependencies={
            "page_session": Provide(api.provide_session, sync_to_thread=False),
            "streams": Provide(lambda: streams, sync_to_thread=False),
            "framed": Provide(api.provide_framed, sync_to_thread=False),
        },
        request_class=WireRequest,
        before_request=api.name_unknown,
        request_max_body_size=api.MAX_BODY,
        include_in_schema=False,
    )
    links = Router(
        path="/",
        route_handlers=[api.renew],
        request_class=WireRequest,
        before_request=api.name_unknown,
        include_in_schema=False,
    )
    return [shell, assets, web_pki_script, signed_files, calls, links]
