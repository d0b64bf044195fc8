"""An application that needs its users' signatures: all that an integrator writes to use Signroom.

`signroom demo` runs it on a port of its own. It knows an address and an API key, nothing else of the service.
"""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Annotated, Any

import httpx
from litestar import Litestar, MediaType, Response, get, post
from litestar.params import Parameter
from litestar.response import Redirect

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Example application</title>
<link rel="stylesheet" href="/style.css"><main>{}</main></html>"""
STYLE = """:root { color-scheme: light dark } body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 }
main { max-width: 38rem; margin: 0 auto; padding: 2rem 1rem } form { margin: 1rem 0 } dt { font-weight: 600 }
button { font: inherit; padding: .6rem 1rem; border-radius: .4rem; border: 1px solid } dd { overflow-wrap: anywhere }
.button { display: inline-block; padding: .6rem 1rem; border-radius: .4rem; background: #175a4a; color: #fff }"""
START = """<h1>Example application</h1><p>It asks you for a signature, by a signature session.</p>
<form method="post" action="/start"><button>Choose a PDF and sign it</button></form>
<form method="post" action="/start?contract=1"><button>Sign our contract</button></form>
<p>The signature lasts (level B-LTA), also when <a href="/failures">something is down</a>.</p>"""


def contract(text: str) -> bytes:
    """A small PDF; an application has its own."""
    stream = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode()
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    pdf, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(pdf)
    return pdf + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer


def name_of(signer: dict[str, Any]) -> str:
    name = escape(signer["certificate"]["subjectDisplayName"] or "unknown")
    return name if signer["identityConfirmed"] else f"{name} (nobody has confirmed this identity)"


def create_app(signroom_url: str, api_key: str, own_url: str, more: Sequence[Any] = ()) -> Litestar:
    """The application as ASGI, to be served on `own_url`. The demo has `more` pages."""
    signroom = httpx.AsyncClient(base_url=signroom_url, headers={"X-Api-Key": api_key}, timeout=30)

    async def call(method: str, path: str, body: Any = None) -> Any:
        answer = await signroom.request(method, path, json=body)
        return answer.raise_for_status().json()

    @get("/", media_type=MediaType.HTML)
    async def home() -> str:
        return PAGE.format(START)

    @get("/style.css")
    async def style() -> Response[str]:
        return Response(STYLE, media_type="text/css")

    @post("/start", status_code=303)
    async def start(contract_wanted: Annotated[bool, Parameter(query="contract")] = False) -> Redirect:
        """Open a session and send the user to it."""
        request: Any = {"returnUrl": f"{own_url}/callback", "pdfSignatureOptions": {"level": "B-LTA"}}
        if contract_wanted:
            content = b64encode(contract("Contract: the parties agree to try Signroom.")).decode()
            request["documents"] = [{"file": {"name": "contract.pdf", "content": content}}]
        session = await call("POST", "/api/signature-sessions", request)
        return Redirect(session["redirectUrl"], status_code=303)

    @get("/callback", media_type=MediaType.HTML)
    async def callback(session_id: Annotated[str, Parameter(query="signatureSessionId")]) -> str:
        """The user is back: look at the status first, he may have cancelled."""
        session = await call("GET", f"/api/signature-sessions/{session_id}")
        again = '<p><a href="/">Start again</a></p>'
        if session["status"] != "Completed":
            return PAGE.format(f"<h1>Not signed</h1><p>The session is {escape(session['status'])}.</p>{again}")
        parts = []
        for document in session["documents"]:
            signers = (await call("GET", f"/api/documents/{document['id']}"))["signers"]
            names = ", ".join(map(name_of, signers))
            file = document["signedFile"]
            signed = f"Signed by {names} on {escape(document['dateSigned'])}, level {document['level']}"
            signed += "" if document["level"] == document["levelWanted"] else f" of {document['levelWanted']}"
            parts.append(
                f"<dl><dt>{escape(file['name'])}</dt><dd>{signed}</dd></dl>"
                f'<p><a class="button" href="{escape(file["location"])}">Download {escape(file["name"])}</a></p>'
            )
        return PAGE.format(f"<h1>Signed</h1>{''.join(parts)}{again}")

    return Litestar([home, style, start, callback, *more], openapi_config=None, logging_config=None)
