"""Media types and the refusals that every route may answer with."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import ClientException
from litestar.openapi.datastructures import ResponseSpec

from signroom.api.shapes import DetailedProblem, Problem

ANSWERS = {
    400: ResponseSpec(Problem, generate_examples=False, description="Syntax: see `code` and `message`."),
    401: ResponseSpec(Problem, generate_examples=False, description="The API key is missing or wrong."),
    403: ResponseSpec(Problem, generate_examples=False, description="The API key does not allow that."),
    413: ResponseSpec(Problem, generate_examples=False, description="The body is too large."),
    415: ResponseSpec(Problem, generate_examples=False, description="The body is not JSON."),
    422: ResponseSpec(DetailedProblem, generate_examples=False, description="Meaning: see `code` (docs/errors.md)."),
}


class UnsupportedMediaType(ClientException):
    status_code = 415
    detail = "The body must be JSON."


def require_json(request: Request[Any, Any, Any]) -> None:
    """Accept every spelling of JSON that clients in the field send. Raises: UnsupportedMediaType."""
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    known = media_type in {"application/json", "application/json-patch+json", "text/json"}
    if not known and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise UnsupportedMediaType
