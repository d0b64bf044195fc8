"""A page of the demo that switches its own authorities off and on, to see what becomes of a signature then."""

from html import escape
from typing import Any

import httpx
from litestar import MediaType, Request, get, post
from litestar.response import Redirect

FAILURES = {
    "tsa": "The timestamp authority does not answer.",
    "slow-tsa": "The timestamp authority is slow.",
    "ocsp": "The OCSP responder does not answer.",
    "crl": "The revocation list cannot be had.",
}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>When something is down</title>
<link rel="stylesheet" href="/style.css"><main><h1>When something is down</h1>
<form method="post" action="/failures">{}<button>Set</button></form>
<p>You can sign all the same. The document is completed at once. The service goes on until the file has its level, and
tells it by the event <code>DocumentArchived</code>.</p><p><a href="/">Back</a></p></main></html>"""


def create_handlers(signroom_url: str, api_key: str) -> list[Any]:
    """For the example application."""
    signroom = httpx.AsyncClient(base_url=signroom_url, headers={"X-Api-Key": api_key}, timeout=30)

    @get("/failures", media_type=MediaType.HTML)
    async def failures() -> str:
        answer = await signroom.get("/api/demo/failures")
        off = answer.raise_for_status().json()["fail"]
        boxes = (
            f'<p><label><input type="checkbox" name="fail" value="{name}"{" checked" if name in off else ""}> '
            f"{escape(text)}</label></p>"
            for name, text in FAILURES.items()
        )
        return PAGE.format("".join(boxes))

    @post("/failures", status_code=303)
    async def set_failures(request: Request[Any, Any, Any]) -> Redirect:
        chosen = (await request.form()).getall("fail", [])
        (await signroom.put("/api/demo/failures", json={"fail": chosen})).raise_for_status()
        return Redirect("/failures", status_code=303)

    return [failures, set_failures]
