"""Every journey of the guide as one FastAPI application.
The service runs beside it: `make demo` in the folder of the repository starts it and prints the key. Then, there:
SIGNING_URL=http://127.0.0.1:8400 SIGNING_KEY='Example application|...' uvicorn --app-dir examples fastapi_app:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from signroom_client import AsyncSignroomClient, Document, NewDocument, SessionStatus, SignroomError

PAGE = "<!doctype html><html lang=en><meta charset=utf-8>{head}<h1>{title}</h1>{body}<p><a href=/>Home</a>"
CONTRACT = Path(os.environ.get("APP_CONTRACT", "contract.pdf"))
HOME = """<form method=post action=/sign><fieldset><legend>Ask for a signature</legend>
<p><label>Order <input name=order value=42 required></label>
<p><label><input type=checkbox name=contract value=1> our contract (otherwise the user brings his own files)</label>
<p><label><input type=checkbox name=no_downloads value=1> he may not download from the signing page</label>
<p><label><input type=checkbox name=background value=1> he need not wait for the documents</label>
<p><button>Sign</button></fieldset></form><p><a href=/signed?order=42>What was signed for order 42</a>"""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncSignroomClient(os.environ["SIGNING_URL"], os.environ["SIGNING_KEY"]) as app.state.signroom:
        yield


app = FastAPI(lifespan=lifespan)


def page(title: str, body: str, head: str = "") -> HTMLResponse:
    return HTMLResponse(PAGE.format(title=escape(title), body=body, head=head))


@app.get("/")
async def home() -> HTMLResponse:
    return page("Orders", HOME)


@app.post("/sign")
async def sign(
    request: Request,
    order: Annotated[str, Form(max_length=50)],
    contract: Annotated[bool, Form()] = False,
    no_downloads: Annotated[bool, Form()] = False,
    background: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Open a session and send the user to it."""
    if contract and not CONTRACT.is_file():
        raise HTTPException(404, f"There is no {CONTRACT.name}: put one here, or set APP_CONTRACT.")
    session = await request.app.state.signroom.create_session(
        return_url=str(request.url_for("callback")),
        callback_argument=order,
        documents=[NewDocument(CONTRACT, metadata={"kind": "contract"})] if contract else [],
        document_metadata={"order": order},
        disable_downloads=no_downloads,
        enable_background_processing=background,
    )
    return RedirectResponse(session.redirect_url, status_code=303)


@app.get("/callback")
async def callback(request: Request, signatureSessionId: UUID) -> HTMLResponse:  # noqa: N803
    """The user is back. Anybody can call this address with any id: ask the service what is true."""
    session = await request.app.state.signroom.get_session(signatureSessionId)
    order = escape(session.callback_argument or "")
    if session.status == SessionStatus.PROCESSING:  # background processing: he did not wait, this page does
        return page("Almost there", f"<p>Order {order}: being finished.", head="<meta http-equiv=refresh content=2>")
    if session.status != SessionStatus.COMPLETED:
        return page("Not signed", f"<p>Order {order}: {escape(str(session.status))}.")
    return page("Signed", f"<p>Order {order}:<ul>{''.join(map(row, session.documents))}</ul>")


@app.get("/signed")
async def signed(request: Request, order: str) -> HTMLResponse:
    """Everything that was signed for an order, whichever session it was in."""
    found = [document async for document in request.app.state.signroom.list_documents("order", order)]
    return page("Signed documents", f"<ul>{''.join(row(d) for d in found if d.signed_file)}</ul>")


def row(document: Document) -> str:
    """`location` works in a browser without any key, for four hours."""
    file = document.signed_file
    if file is None:
        return "<li>It is not there."
    return f'<li><a href="{escape(file.location)}">{escape(file.name)}</a>'


@app.exception_handler(SignroomError)
async def failed(_request: Request, error: SignroomError) -> HTMLResponse:
    """The service knows no such session, refuses for another reason, or does not answer (``ConnectionFailed``)."""
    status = 404 if error.code == "SignatureSessionNotFound" else 502
    return HTMLResponse(PAGE.format(title="Not possible", body=f"<p>{escape(error.code)}", head=""), status_code=status)
