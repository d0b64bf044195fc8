"""The signing page: its shell, its built files, its API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from litestar import MediaType, Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import Parameter
from litestar.response import Stream

from signroom.domain.errors import KeySourceNotAvailable
from signroom.domain.language import LANGUAGES
from signroom.http.archive import archive_response
from signroom.http.bodies import WireRequest
from signroom.http.handlers import Given, bound
from signroom.http.headers import page_policy, sent
from signroom.page import api
from signroom.page.api import InjectedPorts
from signroom.page.assets import Asset, holds, read_assets
from signroom.ports import Ports
from signroom.service.access.page_language import greeting
from signroom.service.documents.download_session import open_signed_files
from signroom.service.sessions.follow_session import SessionStreams

STATIC = Path(__file__).parent / "static"


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
    found = await asyncio.to_thread(greeting, ports, link, lang, accept_language)
    headers = {
        "content-language": found.language,
        "vary": "Accept-Language",
        "content-security-policy": page_policy(found.frame_origins),
    }
    return Response(read_shells(STATIC)[found.language], media_type=MediaType.HTML, headers=headers)


@cache
def read_shells(static: Path) -> Mapping[str, bytes]:
    """The shell in each language. It is read once and together with the files it names: both are of one version."""
    built = (static / "index.html").read_text("utf-8")
    return {language: _shell(built, language, read_assets(static / "assets")) for language in LANGUAGES}


def _shell(built: str, language: str, files: Mapping[str, Asset]) -> bytes:
    # Without its words the page shows nothing: the browser asks for them at once, and not only when its script does.
    words = next(name for name in files if name.startswith(f"{language}-") and name.endswith(".json"))
    link = f'<link rel="preload" as="fetch" crossorigin href="/sign/assets/{words}">'
    named = built.replace('<html lang="en">', f'<html lang="{language}">', 1)
    return named.replace("</head>", f"  {link}\n  </head>", 1).encode()


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


@get("/sign/assets/{name:str}", include_in_schema=False)
async def asset(name: str, request: Request[Any, Any, Any]) -> Response[bytes]:
    """A built file of the page. Raises: NotFoundException."""
    found = read_assets(STATIC / "assets").get(name)
    if found is None:
        raise NotFoundException
    lines = request.scope["headers"]
    form = found.form_for(sent(lines, b"accept-encoding"))
    headers = {"etag": form.etag, "vary": "Accept-Encoding", "cache-control": found.cache_control}
    if holds(sent(lines, b"if-none-match"), form):
        return Response(b"", status_code=304, headers=headers)
    if form.encoding is not None:
        headers["content-encoding"] = form.encoding
    return Response(form.content, media_type=found.media_type, headers=headers)


def page_routes(ports: Ports) -> list[Any]:
    """Everything under ``/sign``."""
    # All at the start: a newer version that is installed under a running process is not mixed with its own.
    read_shells(STATIC)
    streams = SessionStreams(ports)
    check_of = api.token_check(ports, streams)
    given: Given = {
        "ports": lambda _: ports,
        "page_session": api.found_session,
        "streams": lambda _: streams,
        "framed": api.is_framed,
    }
    calls = Router(
        path="/",
        route_handlers=[
            bound(each, given, check_of(each), each.before_request or api.name_unknown) for each in api.HANDLERS
        ],
        request_class=WireRequest,
        request_max_body_size=api.MAX_BODY,
        include_in_schema=False,
    )
    links = Router(
        path="/",
        route_handlers=[bound(api.renew, given, api.name_unknown)],
        request_class=WireRequest,
        include_in_schema=False,
    )
    return [shell, asset, web_pki_script, signed_files, calls, links]
