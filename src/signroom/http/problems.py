"""The one table from our errors to HTTP: status and ``{code, message, detail}``; never HTML, never a stack trace.

Shared by both ways in that speak HTTP (``api`` and ``page``). An unknown error is a 500 with an id and no detail;
what happened is in the log under the same id.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException

from signroom.domain import errors

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

Handler = Request[Any, Any, Any]


def status_of(error: errors.SignroomError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def refuse(_request: Handler, error: errors.SignroomError) -> Response[dict[str, str | None]]:
    """Answer for an error of ours."""
    status = status_of(error)
    if isinstance(error, errors.Unavailable):  # the caller can only try again: who can mend it reads the log
        log.warning("request.unavailable", code=error.code, detail=error.detail)
    again = error.retry_after if isinstance(error, errors.Unavailable | errors.TooManyRequests) else None
    headers = {} if again is None else {"Retry-After": str(again)}
    if status == 422:
        return _problem(status, {"code": error.code, "message": error.message, "detail": error.detail}, headers)
    return _problem(status, {"code": error.code, "message": str(error)}, headers)


def refuse_by_framework(_request: Handler, error: HTTPException) -> Response[dict[str, str | None]]:
    """Answer for a refusal of the framework: unknown route, malformed JSON, wrong type, body too large."""
    status = error.status_code
    if status >= 500 and str(error.detail) == GONE:
        log.info("request.abandoned")
        return _problem(400, {"code": "BadRequest", "message": "The request was not sent to its end."}, {})
    if status >= 500:
        return crash(_request, error)
    headers = dict(error.headers or {})
    code = _FRAMEWORK_CODES.get(status, "BadRequest")
    return _problem(status, {"code": code, "message": _message(error)}, headers)


def refuse_depth(_request: Handler, _error: RecursionError) -> Response[dict[str, str | None]]:
    """Answer for JSON that is nested deeper than the decoder follows."""
    return refuse(_request, errors.BadInput("It is nested too deeply."))


def refuse_text(_request: Handler, _error: UnicodeDecodeError) -> Response[dict[str, str | None]]:
    """Answer for JSON that is not UTF-8 (RFC 8259, 8.1)."""
    return refuse(_request, errors.BadInput("It is not UTF-8."))


def crash(_request: Handler, error: Exception) -> Response[dict[str, str | None]]:
    """Answer for a bug. The id joins answer and log; the log has no content of requests."""
    exception_code = uuid4().hex
    log.error("request.crashed", exception_code=exception_code, exc_info=error)
    message = "An unexpected error occurred; its code helps to find it in the server's log."
    return _problem(500, {"code": "InternalError", "message": message, "exceptionCode": exception_code}, {})


def _message(error: HTTPException) -> str:
    if error.status_code == 404:
        return "There is nothing at this address."  # the framework's own text names folders of this machine
    if error.status_code == 413:
        return "The body is too large: upload the file first (/api/plain-uploads or /Api/MultipartUploads)."
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first = error.extra[0]
        if isinstance(first, dict) and "message" in first:
            return f"{first.get('key', 'body')}: {first['message']}"
    return str(error.detail)


def _problem(status: int, body: dict[str, str | None], headers: dict[str, str]) -> Response[dict[str, str | None]]:
    return Response(body, status_code=status, headers=headers, media_type=MediaType.JSON)
