"""Where a request is wrong, in the names of the wire: what a refusal says as its path.

A field of the body is ``documents[1].file.content``, a parameter of the address ``?limit`` or ``{session_id}``, a
header line its name.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from litestar import Request
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

from signroom.domain.errors import NotFound, SignroomError, joined_path
from signroom.http.bodies import decoded_of

_MISSING_FIELD = re.compile(r"Object missing required field `([^`]+)`")
_MISSING_PARAMETER = re.compile(r"Missing required (\w+) parameter '([^']+)'")
_DECODER_CUT_OFF = "Input data was truncated"
"""What the decoder says. Nobody has shortened anything: a bracket or a quote is missing."""
_CUT_OFF = "body: The JSON ends too early: a closing quote, bracket or brace is missing."
_ANY_KEY = "[...]"
"""How the decoder writes a key of an object whose keys are free."""
_MAX_PATH = 200
"""Characters."""


def path_of(request: Request[Any, Any, Any], error: SignroomError) -> str | None:
    """What the error says. An id that is not found is the address's when only one stands there."""
    if error.path:
        return error.path[:_MAX_PATH]
    parameters = request.scope.get("path_params") or {}
    if isinstance(error, NotFound) and len(parameters) == 1:
        return f"{{{next(iter(parameters))}}}"
    return None


def fault_of(request: Request[Any, Any, Any], error: HTTPException) -> tuple[str | None, str]:
    """Where the framework found a request wrong, and what is wrong there."""
    if not isinstance(error, ValidationException):
        detail = str(error.detail)
        return None, _CUT_OFF if detail == _DECODER_CUT_OFF else detail
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else None
    if not isinstance(first, dict) or "message" not in first:
        missing = _MISSING_PARAMETER.search(str(error.detail))
        if missing is None:
            return None, str(error.detail)
        place = missing[2] if missing[1] in {"header", "cookie"} else f"?{missing[2]}"
        return place, f"{missing[2]}: The parameter is missing."
    key, message = str(first.get("key", "")), str(first["message"])
    if first.get("source") != "body":
        place = _parameter(request.route_handler, key)
        return place, f"{place.strip('?{}')}: {message}"
    place = key.removeprefix("data") if key.split("[", maxsplit=1)[0] == "data" else key
    if _ANY_KEY in place:
        place = _with_key(request, place)
    missing = _MISSING_FIELD.match(message)
    if missing is not None:
        place, message = joined_path(place, missing[1]), "The field is missing."
    if message == "'data'":  # how the framework says that there is none
        message = "The body is missing."
    place = place[:_MAX_PATH]
    return place or None, f"{place or 'body'}: {message}"


def as_header(path: str) -> str:
    """A path as the value of a header line: what is not ASCII there is percent-encoded."""
    return quote(path, safe="?{}[]._-")


def _parameter(handler: BaseRouteHandler, name: str) -> str:
    """How the wire calls a parameter that the code calls `name`."""
    if any(part.strip("{}").partition(":")[0] == name for path in handler.paths for part in path.split("/")):
        return f"{{{name}}}"
    field = handler.parsed_fn_signature.parameters.get(name)
    declared = None if field is None else field.kwarg_definition
    if isinstance(declared, ParameterKwarg):
        if declared.header or declared.cookie:
            return str(declared.header or declared.cookie)
        return f"?{declared.query or name}"
    return f"?{name}"


def _with_key(request: Request[Any, Any, Any], place: str) -> str:
    """`place` with the key in it whose value is no text and no list of texts: the only such object is metadata."""
    before = place.partition(_ANY_KEY)[0]
    value = decoded_of(request.scope)
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", before):
        if number and isinstance(value, list) and int(number) < len(value):
            value = value[int(number)]
        elif name and isinstance(value, dict):
            value = value.get(name)
        else:
            return before
    for key, inner in value.items() if isinstance(value, dict) else ():
        texts = inner if isinstance(inner, list) else [inner]
        if not all(text is None or isinstance(text, str) for text in texts):
            return joined_path(before, str(key)[:_MAX_PATH])
    return before
