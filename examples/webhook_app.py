"""Sessions without a return address, and a webhook that says what was signed.
The service runs in another terminal: `make demo` in the folder of the repository starts it, and prints the key. Then,
in the same folder (examples/README.md has the `pip install`):

.venv/bin/signroom webhooks create http://127.0.0.1:8000/webhook --subscription Demo    # prints the secret, once
SIGNING_URL=http://127.0.0.1:8400 SIGNING_KEY='Example application|...' WEBHOOK_SECRET=whsec_... \
    python -m uvicorn --app-dir examples webhook_app:app --port 8000
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from signroom_client import AsyncSignroomClient, EventType, RefusedError, WebhookDocument, WebhookError, parse_webhook

SECRET = os.environ["WEBHOOK_SECRET"]
PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Orders</title><h1>Orders</h1>
<form method=post action=/orders><label>Order <input name=order value=42 maxlength=50 required></label>
<button>Ask for a signature</button></form><ul>{links}</ul><h2>Signed</h2><ul>{signed}</ul>"""

links: dict[str, str] = {}
"""Order -> address of its signing page."""
signed: dict[str, WebhookDocument] = {}
"""By the id of the event, which may come more than once. A real application keeps both in its database."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncSignroomClient(os.environ["SIGNING_URL"], os.environ["SIGNING_KEY"]) as app.state.signroom:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def home() -> HTMLResponse:
    """The signing page opens in a tab of its own and ends there."""
    asked = "".join(
        f'<li><a href="{escape(link)}" target="_blank" rel="noopener">Sign order {escape(order)}</a>'
        for order, link in links.items()
    )
    return HTMLResponse(PAGE.format(links=asked, signed="".join(map(row, signed.values()))))


def row(document: WebhookDocument) -> str:
    unconfirmed = " (nobody has confirmed this identity)"
    signers = ", ".join(
        (s.certificate.subject_display_name or "?") + ("" if s.identity_confirmed else unconfirmed)
        for s in document.signers
    )
    name = document.signed_file.name if document.signed_file else "?"
    order = escape(document.callback_argument or "")
    return f'<li>Order {order}: <a href="/documents/{document.id}">{escape(name)}</a>, signed by {escape(signers)}'


@app.post("/orders")
async def ask(request: Request, order: Annotated[str, Form(max_length=50)]) -> RedirectResponse:
    """Open a session without a return address: the user need not come back, the webhook tells us."""
    session = await request.app.state.signroom.create_session(callback_argument=order)
    links[order] = session.redirect_url
    return RedirectResponse("/", status_code=303)


@app.post("/webhook")
async def webhook(request: Request) -> Response:
    """Anybody can post here: only what the service has signed counts. Answer soon; what takes long is done later."""
    try:
        event = parse_webhook(await request.body(), request.headers, secret=SECRET)
    except WebhookError as error:
        return Response(error.code, status_code=400)
    if event.type == EventType.DOCUMENT_SIGNATURE_COMPLETED and event.document and event.id:
        signed[event.id] = event.document
        links.pop(event.document.callback_argument or "", None)
    return Response(status_code=204)


@app.get("/documents/{document_id}")
async def download(request: Request, document_id: UUID) -> RedirectResponse:
    """Addresses of files work for four hours: ask for a fresh one."""
    try:
        document = await request.app.state.signroom.get_document(document_id)
    except RefusedError as error:
        raise HTTPException(404) from error
    if document.signed_file is None:
        raise HTTPException(404)
    return RedirectResponse(document.signed_file.location)
