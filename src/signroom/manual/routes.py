"""The documentation site under ``/docs``: pages and their files, with a policy of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from signroom.manual.site import MISSING, Site, SiteFile, compressed, read_site

_PLAIN_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
"""It may be kept, and the server is asked each time whether it is still the same (ETag)."""

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>Signroom: documentation</title>
<h1>The documentation was not built</h1>
<p>Run <code>make docs</code> in the checkout, and start the service again.</p>
<p>The <a href="/docs/api">API reference</a> is here all the same.</p>
</html>
"""
_NOT_FOUND = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>Signroom: no such page</title>
<h1>There is no such page</h1>
<p>Go to <a href="/docs/">the documentation</a>, or to the <a href="/docs/api">API reference</a>.</p>
</html>
"""


def manual_routes(read: Callable[[], Site | None] = read_site) -> list[HTTPRouteHandler]:
    """Everything under ``/docs`` but the API reference. `read` is called once, with the first request."""
    reading: asyncio.Task[Site | None] | None = None

    async def site() -> Site | None:
        nonlocal reading
        if reading is None:
            reading = asyncio.create_task(asyncio.to_thread(read))
        # The next request needs it too, whatever becomes of this one.
        return await asyncio.shield(reading)

    @get(["/docs", "/docs/{address:path}"], include_in_schema=False)
    async def page(request: Request[Any, Any, Any]) -> Response[Any]:
        """A page or a file of the site; without a site a page that says how to build it."""
        built = await site()
        wanted = str(request.path_params.get("address", "")).lstrip("/")
        slash = request.scope["raw_path"].endswith(b"/")
        if built is None:
            return _plain(_NOT_FOUND if wanted else _NOT_BUILT, 404)
        if not slash and (not wanted or built.is_page_without_slash(wanted)):
            return Redirect(f"/docs/{wanted}{'/' if wanted else ''}", status_code=308)
        file = built.find(f"{wanted}/" if slash and wanted else wanted)
        if file is not None:
            return await _answer(request, built, file)
        missing = built.find(MISSING)
        return _plain(_NOT_FOUND, 404) if missing is None else await _answer(request, built, missing, status=404)

    return [page]


async def _answer(request: Request[Any, Any, Any], site: Site, file: SiteFile, *, status: int = 200) -> Response[bytes]:
    packed = file.is_text and "gzip" in request.headers.get("accept-encoding", "")
    # Another form of the same file has another tag (RFC 9110, 8.8.3.3).
    etag = f'{file.etag[:-1]}-gzip"' if packed else file.etag
    headers = {
        "etag": etag,
        "vary": "Accept-Encoding",
        "cache-control": _FOR_EVER if file.immutable else _ASK_AGAIN,
        "content-security-policy": site.policy,
    }
    if status == 200 and etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    if packed:
        headers["content-encoding"] = "gzip"
        content = await asyncio.to_thread(compressed, file.path)
    else:
        content = await asyncio.to_thread(file.path.read_bytes)
    return Response(content, media_type=file.media_type, headers=headers, status_code=status)


def _plain(html: str, status: int) -> Response[str]:
    return Response(
        html, media_type=MediaType.HTML, status_code=status, headers={"content-security-policy": _PLAIN_POLICY}
    )
