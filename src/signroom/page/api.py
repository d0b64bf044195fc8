"""``/sign/api/``: what the signing page and the robot call (``docs/page-api.md``)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import msgspec
import segno
from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import SkipValidation
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream

from signroom.domain.errors import BadFileName, BadInput, FileTooLarge, SignatureMissing, TokenRefused
from signroom.domain.signature import CertificateChain
from signroom.http.bodies import room_of
from signroom.http.callers.hang_up import Body, HangUps, while_connected
from signroom.http.files import ATTACHMENT, file_response
from signroom.http.handlers import Before
from signroom.http.headers import sent
from signroom.http.ignored import name_parameters, name_unknown_fields, name_unread_body, unknown_fields
from signroom.page import shapes
from signroom.page.views import document_view, judgement_view, preparation_view, search_view, session_view
from signroom.ports import Ports
from signroom.ports.store import SessionOfPage
from signroom.service.access.hand_over import begin_hand_over, is_hand_over, take_over
from signroom.service.access.page_tokens import (
    PageToken,
    is_known_open,
    owner_of_token,
    require_open_application,
    session_of_token,
)
from signroom.service.certificates.issue_demo_certificate import issue_demo_certificate
from signroom.service.certificates.judge_certificate import MAX_ISSUERS
from signroom.service.certificates.judge_certificates import judge_certificates
from signroom.service.documents.add_document import add_document
from signroom.service.documents.preview_document import find_words, page_sizes, page_text, preview_page
from signroom.service.documents.read_documents import read_document_of_page
from signroom.service.documents.remove_document import remove_document
from signroom.service.sessions.end_session import cancel_session
from signroom.service.sessions.extend_session import extend_session
from signroom.service.sessions.follow_session import SessionStreams
from signroom.service.sessions.open_page import open_page, renew_page_token
from signroom.service.sessions.read_sessions import read_session_of_page
from signroom.service.signing.finish_signing import finish_signing
from signroom.service.signing.prepare_signing import canonical_form, prepare_signing
from signroom.service.subscriptions.manage_branding import read_logo_of_page

TOKEN_HEADER = "x-signature-session-token"
_TOKEN_LINE = TOKEN_HEADER.encode()
MAX_KEY = 255
MAX_BODY = 4 << 20
"""Bytes of a call's JSON: 50 certificates with 10 issuers each fit."""
MAX_LINK_BODY = 16 << 10
"""The same of `renew`, which reads it of anybody."""
FRAMED_HEADER = "x-signroom-framed"
_FRAMED_LINE = FRAMED_HEADER.encode()

InjectedPorts = NamedDependency[SkipValidation[Ports]]
InjectedSession = NamedDependency[SkipValidation[UUID]]
"""The session that the request's token names: the only one that it can touch."""


def token_check(ports: Ports, streams: SessionStreams) -> Callable[[HTTPRouteHandler], Before]:
    """Makes the check of a route: it knows the session before anything of the body is read."""
    hang_ups = HangUps()

    def of_route(handler: HTTPRouteHandler) -> Before:
        is_look, is_stream = handler in _LOOKS, handler is events

        async def require_token(request: Request[Any, Any, Any]) -> None:
            """Raises: TokenRequired, BadToken, TokenExpired, TooManyRequests, ApplicationDisabled."""
            session_id, subscription_id = owner_of_token(ports, sent(request.scope["headers"], _TOKEN_LINE))
            ports.meter.about(session_id=session_id)
            if is_look:
                hang_ups.require_few(session_id)
            if is_stream:
                streams.require_place(session_id)  # a refusal costs nobody a look at the database
            if not is_known_open(ports, session_id):
                await asyncio.to_thread(require_open_application, ports, session_id)
            state = request.scope["state"]
            state["page_session"] = session_id
            state["on_gone"] = partial(hang_ups.count, session_id)
            room_of(request.scope).of_page(session_id, subscription_id, MAX_BODY, 2 * MAX_BODY)

        return require_token

    return of_route


def found_session(request: Request[Any, Any, Any]) -> UUID:
    """The session of the request's token, as `token_check` found it."""
    session_id: UUID = request.scope["state"]["page_session"]
    return session_id


InjectedStreams = NamedDependency[SkipValidation[SessionStreams]]
InjectedFramed = NamedDependency[SkipValidation[bool]]
"""True when the page says that it is shown inside another one."""


def is_framed(request: Request[Any, Any, Any]) -> bool:
    return sent(request.scope["headers"], _FRAMED_LINE) == "1"


async def name_unknown(request: Request[Any, Any, Any]) -> None:
    """What a call says that its route does not know is named in the answer, or refused, as in the public API.

    Raises: BadInput, UnknownField.
    """
    name_parameters(request, request.route_handler)
    if request.route_handler.parsed_data_field is not None:
        await name_unknown_fields(request, unknown_fields)
    else:
        await name_unread_body(request)


async def name_unknown_parameters(request: Request[Any, Any, Any]) -> None:
    """The same for a route whose body is a file. Raises: UnknownField."""
    name_parameters(request, request.route_handler)


def _view(ports: Ports, session_id: UUID, framed: bool) -> shapes.SessionView:
    return session_view(ports, read_session_of_page(ports, session_id), framed=framed)


@post("/sign/api/renew", status_code=200, request_max_body_size=MAX_LINK_BODY)
async def renew(data: shapes.Renew, ports: InjectedPorts, framed: InjectedFramed) -> shapes.TokenView:
    """By the session's link, or once by the code of a hand-over. What fails after that code is spent is for `load`.

    Only the page's script calls it: whoever merely looks at a link (mail filters, previews) opens nothing.
    """
    if is_hand_over(data.link):
        taken = await asyncio.to_thread(take_over, ports, data.link)
        return _token_view(taken.token, taken.link)

    def answer() -> shapes.TokenView:
        token = renew_page_token(ports, data.link)
        return _token_view(token, session=_view(ports, token.session_id, framed) if data.load else None)

    return await asyncio.to_thread(answer)


def _token_view(
    token: PageToken, link: str | None = None, session: shapes.SessionView | None = None
) -> shapes.TokenView:
    expires_at = token.expires_at.replace(microsecond=0)
    return shapes.TokenView(token=token.token, expires_at=expires_at, link=link, session=session)


@get("/sign/api/load")
async def load(ports: InjectedPorts, page_session: InjectedSession, framed: InjectedFramed) -> shapes.SessionView:
    return await asyncio.to_thread(lambda: session_view(ports, open_page(ports, page_session), framed=framed))


@get("/sign/api/events")
async def events(
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    streams: InjectedStreams,
    page_session: InjectedSession,
    framed: InjectedFramed,
) -> ServerSentEvent:
    """Server-sent events: the session as `load` gives it, now and after each change. Ends after a minute: ask again."""
    token = sent(request.scope["headers"], _TOKEN_LINE)

    def holds() -> bool:
        try:
            return session_of_token(ports, token) == page_session
        except TokenRefused:
            return False

    found = await asyncio.to_thread(read_session_of_page, ports, page_session)
    following = streams.follow(found, holds)
    first = await anext(following)  # while there can still be a refusal

    async def messages() -> AsyncIterator[ServerSentEventMessage]:
        yield _message(ports, first, framed)
        async for changed in following:
            yield _message(ports, changed, framed)

    return ServerSentEvent(messages(), headers={"cache-control": "no-store"})


@post("/sign/api/hand-over", status_code=200)
async def hand_over(ports: InjectedPorts, page_session: InjectedSession) -> shapes.HandOverView:
    """An address for another device, which works idempotency_key, and the same as a QR code."""
    begun = await asyncio.to_thread(begin_hand_over, ports, page_session)
    picture = await asyncio.to_thread(_qr_code, begun.address)
    return shapes.HandOverView(address=begun.address, qr=picture, expires_at=begun.expires_at.replace(microsecond=0))


# The verb counts the bytes as they come: its error (with the limit in it) is the answer.
@put("/sign/api/upload", status_code=200, request_max_body_size=None, before_request=name_unknown_parameters)
async def upload(
    request: Request[Any, Any, Any], ports: InjectedPorts, page_session: InjectedSession
) -> shapes.DocumentView:
    """The raw file, streamed: it is never in memory as a whole. With an `Idempotency-Key` a repeat adds nothing."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > ports.limits.max_file:
        raise FileTooLarge(f"At most {ports.limits.max_file} bytes.")  # before the body is read
    idempotency_key = request.headers.get("idempotency-key") or None
    if idempotency_key is not None and len(idempotency_key) > MAX_KEY:
        raise BadInput(f"Idempotency-Key has at most {MAX_KEY} characters.", path="Idempotency-Key")
    body = Body(request)
    adding = add_document(ports, page_session, _file_name(request), body.chunks(), idempotency_key)
    document = await while_connected(request, adding, body=body, on_gone=request.state.on_gone)
    return document_view(ports, document, downloads=False)


@post("/sign/api/remove", status_code=200)
async def remove(
    data: shapes.Remove, ports: InjectedPorts, page_session: InjectedSession, framed: InjectedFramed
) -> shapes.SessionView:
    def answer() -> shapes.SessionView:
        remove_document(ports, page_session, data.document_id)
        return _view(ports, page_session, framed)

    return await asyncio.to_thread(answer)


@get("/sign/api/original/{document_id:str}")
async def original(document_id: UUID, ports: InjectedPorts, page_session: InjectedSession) -> Stream:
    document = await asyncio.to_thread(read_document_of_page, ports, page_session, document_id)
    return await file_response(ports, document.original)


@get("/sign/api/preview/{document_id:str}/{page:int}")
async def preview(
    document_id: UUID,
    page: int,
    *,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    page_session: InjectedSession,
    width: int = 800,
) -> Response[bytes]:
    """A page as PNG or JPEG: read by fetch and shown from a blob, so that no address holds a token."""
    drawing = preview_page(ports, page_session, document_id, page, width)
    picture = await while_connected(request, drawing, on_gone=request.state.on_gone)
    media_type = "image/jpeg" if picture.startswith(_JPEG) else "image/png"
    return Response(picture, media_type=media_type, headers=ATTACHMENT)


@get("/sign/api/pages/{document_id:str}")
async def pages(
    document_id: UUID, request: Request[Any, Any, Any], ports: InjectedPorts, page_session: InjectedSession
) -> shapes.PageSizes:
    measuring = page_sizes(ports, page_session, document_id)
    sizes = await while_connected(request, measuring, on_gone=request.state.on_gone)
    return shapes.PageSizes(pages=[(run.count, run.width, run.height) for run in sizes])


@post("/sign/api/find", status_code=200)
async def find(
    data: shapes.Find, request: Request[Any, Any, Any], ports: InjectedPorts, page_session: InjectedSession
) -> shapes.SearchView:
    """Not by an address with the words in it, which a log would show."""
    searching = find_words(ports, page_session, data.document_id, data.words, data.first_page)
    return search_view(await while_connected(request, searching, on_gone=request.state.on_gone))


@get("/sign/api/text/{document_id:str}/{page:int}")
async def text(
    document_id: UUID,
    page: int,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    page_session: InjectedSession,
) -> shapes.PageText:
    reading = page_text(ports, page_session, document_id, page)
    words = await while_connected(request, reading, on_gone=request.state.on_gone)
    return shapes.PageText(text=words)


@get("/sign/api/canonical/{preparation_id:str}/{document_id:str}")
async def canonical(
    preparation_id: UUID,
    document_id: UUID,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    page_session: InjectedSession,
) -> Response[bytes]:
    """The octets of an XML document that its signature covers."""
    reading = canonical_form(ports, page_session, preparation_id, document_id)
    octets = await while_connected(request, reading, on_gone=request.state.on_gone)
    return Response(octets, media_type="application/xml", headers=ATTACHMENT)


@get("/sign/api/logo")
async def logo(ports: InjectedPorts, page_session: InjectedSession) -> Response[bytes]:
    """The subscription's own picture; shown from a blob, never opened as a page."""
    found = await asyncio.to_thread(read_logo_of_page, ports, page_session)
    return Response(found.content, media_type=found.content_type, headers=ATTACHMENT)


@post("/sign/api/demo-certificate", status_code=200)
async def demo_certificate(
    data: shapes.DemoCertificateRequest, ports: InjectedPorts, page_session: InjectedSession
) -> shapes.ChainView:
    chain = await asyncio.to_thread(issue_demo_certificate, ports, page_session, data.public_key, data.name)
    return shapes.ChainView(certificate=chain.certificate, chain=list(chain.issuers))


@post("/sign/api/certificates", status_code=200)
async def certificates(
    data: shapes.Certificates, request: Request[Any, Any, Any], ports: InjectedPorts, page_session: InjectedSession
) -> shapes.JudgementsView:
    """Which of them `prepare` would take, and why not the others."""
    chains = [CertificateChain(each.certificate, tuple(each.chain)) for each in data.certificates]
    judged = await while_connected(request, judge_certificates(ports, page_session, chains))
    return shapes.JudgementsView(certificates=[judgement_view(each) for each in judged])


@post("/sign/api/prepare", status_code=200)
async def prepare(
    data: shapes.Prepare, request: Request[Any, Any, Any], ports: InjectedPorts, page_session: InjectedSession
) -> shapes.PreparationView:
    """Documents that cannot be prepared are named in the answer: they do not stop the others."""
    if len(data.chain) > MAX_ISSUERS:
        raise BadInput(f"At most {MAX_ISSUERS} issuer certificates.")
    chain = CertificateChain(data.certificate, tuple(data.chain))
    return preparation_view(await while_connected(request, prepare_signing(ports, page_session, chain)))


@post("/sign/api/finish", status_code=200)
async def finish(
    data: shapes.Finish,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    page_session: InjectedSession,
    framed: InjectedFramed,
) -> shapes.SessionView:
    values = {s.document_id: s.value for s in data.signatures}
    if len(values) != len(data.signatures):
        raise SignatureMissing
    show = partial(session_view, ports, framed=framed)
    return await while_connected(request, finish_signing(ports, page_session, data.preparation_id, values, show))


@post("/sign/api/extend", status_code=200)
async def extend(ports: InjectedPorts, page_session: InjectedSession, framed: InjectedFramed) -> shapes.SessionView:
    """The signer needs more time."""

    def answer() -> shapes.SessionView:
        extend_session(ports, page_session)
        return _view(ports, page_session, framed)

    return await asyncio.to_thread(answer)


@post("/sign/api/cancel", status_code=200)
async def cancel(ports: InjectedPorts, page_session: InjectedSession, framed: InjectedFramed) -> shapes.SessionView:
    def answer() -> shapes.SessionView:
        cancel_session(ports, page_session)
        return _view(ports, page_session, framed)

    return await asyncio.to_thread(answer)


def _message(ports: Ports, found: SessionOfPage, framed: bool) -> ServerSentEventMessage:
    data = msgspec.json.encode(session_view(ports, found, framed=framed)).decode()
    return ServerSentEventMessage(data=data, event="session")


def _file_name(request: Request[Any, Any, Any]) -> str:
    try:
        return unquote(request.headers.get("x-file-name", ""), errors="strict")
    except UnicodeDecodeError as error:
        raise BadFileName("X-File-Name is percent-encoded UTF-8.", path="X-File-Name") from error


def _qr_code(text: str) -> bytes:
    """PNG, with the quiet zone of ISO/IEC 18004."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=6, border=4)
    return picture.getvalue()


_JPEG = b"\xff\xd8"
_LOOKS = frozenset({upload, preview, pages, find, text, canonical})
"""What is refused to a page whose calls were given up too often. Who wants to sign is never refused for that."""

HANDLERS = [
    load,
    events,
    hand_over,
    upload,
    remove,
    original,
    preview,
    pages,
    find,
    text,
    canonical,
    logo,
    demo_certificate,
    certificates,
    prepare,
    finish,
    extend,
    cancel,
]
