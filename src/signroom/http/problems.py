"""The one table from our errors to HTTP: status and ``{code, message, path, docUrl}``; never HTML or a stack trace.

With 422 there is `detail`, and nothing that is not in the contract: a client library of the original refuses unknown
fields there. Path and address are in headers with every refusal; with 422 they are in the body for callers that send
``Signroom-Strict: true``, which no library of the original does.

Shared by both ways in that speak HTTP (``api`` and ``page``). An unknown error is a 500 with an id and no detail;
what happened is in the log under the same id.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException

from signroom.domain import errors
from signroom.http.field_paths import as_header, fault_of, path_of
from signroom.http.headers import ENCODED, STRICT

log = structlog.get_logger()

# The nearest class in the error's ancestry decides.
STATUS: dict[type[errors.SignroomError], int] = {
    errors.Unavailable: 503,
    errors.ShareUsed: 429,
    errors.BadInput: 400,
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.SignatureSessionErased: 410,
    errors.DocumentErased: 410,
    errors.FileTooLarge: 413,
    errors.TooManyRequests: 429,
    errors.FileChanged: 500,  # nothing is wrong with the request, and trying again does not help
    errors.SecretUnreadable: 503,  # the operator must act: nothing is wrong with the request
    errors.Refused: 422,
}

# What the framework itself refuses.
_FRAMEWORK_CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "RouteNotFound",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    413: "RequestTooLarge",
    414: "UriTooLong",
    415: "UnsupportedMediaType",
    429: "TooManyRequests",
    431: "HeadersTooLarge",
}

GONE = "client disconnected prematurely"
"""What the framework raises when a client goes away in the middle of its request: nobody reads the answer."""

_MESSAGES = {
    404: "There is nothing at this address.",  # the framework's own text names folders of this machine
    413: "The body is too large: upload the file first (/api/plain-uploads or /Api/MultipartUploads).",
}

PUBLIC_URL = "public_url"
"""Where the application's state has the public address."""
PATH = "signroom-path"
"""Answer: where the request is wrong."""

Handler = Request[Any, Any, Any]


def status_of(error: errors.SignroomError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def early_refusal(
    code: str, message: str, public_url: str, retry_after: int | None = None
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Body and header lines of a refusal that is given before the framework is reached: never one with 422."""
    address = _documentation(public_url, code)
    body = json.dumps({"code": code, "message": message, "path": None, "docUrl": address}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    if address is not None:
        headers.append((b"link", _help(address).encode()))
    return body, [*headers, *ENCODED]


def refuse(request: Handler, error: errors.SignroomError) -> Response[dict[str, str | None]]:
    """Answer for an error of ours."""
    status = status_of(error)
    if isinstance(error, errors.Unavailable):  # the caller can only try again: who can mend it reads the log
        log.warning("request.unavailable", code=error.code, detail=error.detail)
    again = error.retry_after if isinstance(error, errors.Unavailable | errors.TooManyRequests) else None
    headers = {} if again is None else {"Retry-After": str(again)}
    path = path_of(request, error) if isinstance(error, errors.Refused) else None
    if status == 422:
        body = {"code": error.code, "message": error.message, "detail": error.detail}
        return _problem(request, status, body, headers, path)
    return _problem(request, status, {"code": error.code, "message": str(error)}, headers, path)


def refuse_by_framework(request: Handler, error: HTTPException) -> Response[dict[str, str | None]]:
    """Answer for a refusal of the framework: unknown route, malformed JSON, wrong type, body too large."""
    status = error.status_code
    if status >= 500 and str(error.detail) == GONE:
        log.info("request.abandoned")
        return _problem(request, 400, {"code": "BadRequest", "message": "The request was not sent to its end."}, {})
    if status >= 500:
        return crash(request, error)
    headers = dict(error.headers or {})
    code = _FRAMEWORK_CODES.get(status, "BadRequest")
    path, message = fault_of(request, error)
    body: dict[str, str | None] = {"code": code, "message": _MESSAGES.get(status, message)}
    return _problem(request, status, body, headers, path)


def refuse_depth(request: Handler, _error: RecursionError) -> Response[dict[str, str | None]]:
    """Answer for JSON that is nested deeper than the decoder follows."""
    return refuse(request, errors.BadInput("It is nested too deeply."))


def refuse_text(request: Handler, _error: UnicodeDecodeError) -> Response[dict[str, str | None]]:
    """Answer for JSON that is not UTF-8 (RFC 8259, 8.1)."""
    return refuse(request, errors.BadInput("It is not UTF-8."))


def crash(request: Handler, error: Exception) -> Response[dict[str, str | None]]:
    """Answer for a bug. The id joins answer and log; the log has no content of requests."""
    exception_code = uuid4().hex
    log.error("request.crashed", exception_code=exception_code, exc_info=error)
    message = "An unexpected error occurred; its code helps to find it in the server's log."
    return _problem(request, 500, {"code": "InternalError", "message": message, "exceptionCode": exception_code}, {})


def _problem(
    request: Handler, status: int, body: dict[str, str | None], headers: dict[str, str], path: str | None = None
) -> Response[dict[str, str | None]]:
    doc_url = _documentation(request.app.state.get(PUBLIC_URL), body["code"])
    if status != 422 or request.headers.get(STRICT, "").strip().lower() == "true":
        body = {**body, "path": path, "docUrl": doc_url}
    if doc_url is not None:
        headers["Link"] = _help(doc_url)
    if path is not None:
        headers[PATH] = as_header(path)
    return Response(body, status_code=status, headers=headers, media_type=MediaType.JSON)


def _documentation(public_url: str | None, code: str | None) -> str | None:
    """Where the code is explained; None where no public address is known."""
    return f"{public_url}/docs/errors/#{code}" if public_url else None


def _help(address: str) -> str:
    """A `Link` header (RFC 8288)."""
    return f'<{address}>; rel="help"'
