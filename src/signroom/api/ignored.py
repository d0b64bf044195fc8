"""What a request says that means nothing to us: it is named in the answer and in the log, or refused.

An integrator who misspells a field or a parameter must hear of it: they would believe that it was heeded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import SerializationException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import ParameterKwarg

from signroom.api.shapes.fields import MAX_NAMED, shown
from signroom.domain.errors import UnknownField
from signroom.http.headers import IGNORED, STRICT

log = structlog.get_logger()

Connection = ASGIConnection[Any, Any, Any, Any]


def name_ignored(connection: Connection, names: Collection[str]) -> None:
    """Name them in the answer and in the log; who asks for strictness is refused. Raises: UnknownField."""
    if not names:
        return
    if is_strict(connection):
        raise UnknownField(f"'{next(iter(names))}'.")
    earlier = connection.state.get(IGNORED)
    connection.state[IGNORED] = ", ".join(([earlier] if earlier else []) + list(names))
    application = connection.state.caller.application
    log.warning("request.fields_ignored", application=str(application.id), fields=list(names))


def is_strict(connection: Connection) -> bool:
    """Whether the caller wants to be refused, by a header or by its setting."""
    caller = connection.state.get("caller")
    asked = connection.headers.get(STRICT, "").strip().lower() == "true"
    return asked or (caller is not None and caller.application.strict)


def name_parameters(connection: Connection, handler: BaseRouteHandler) -> None:
    """Name the parameters of the address that the route does not know, like ``?metadataNme``.

    A known name that came in another case gets its own spelling, as in a body. This comes before the framework looks at
    the address.

    Raises: UnknownField.
    """
    query = connection.scope["query_string"]
    if not query:
        return
    known = query_parameters(handler)
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    spelt = [(known.get(name.lower(), name), value) for name, value in pairs]
    if spelt != pairs:
        connection.scope["query_string"] = urlencode(spelt, encoding="latin-1").encode()
    right = set(known.values())
    unknown = dict.fromkeys(f"?{shown(name)}" for name, _ in spelt if name not in right)
    name_ignored(connection, list(unknown)[:MAX_NAMED])


@cache
def query_parameters(handler: BaseRouteHandler) -> Mapping[str, str]:
    """The parameters that a route takes in its address, by their names in lower case."""
    return {name.lower(): name for name in _query_parameters(handler)}


def _query_parameters(handler: BaseRouteHandler) -> Iterator[str]:
    in_path = {part.strip("{}").partition(":")[0] for path in handler.paths for part in path.split("/")}
    dependencies = set(handler.resolve_dependencies())
    for name, field in handler.parsed_fn_signature.parameters.items():
        if name in in_path or name in dependencies or name in _FROM_ELSEWHERE:
            continue
        declared = field.kwarg_definition
        if isinstance(declared, ParameterKwarg) and (declared.header or declared.cookie):
            continue
        yield declared.query if isinstance(declared, ParameterKwarg) and declared.query else name


_FROM_ELSEWHERE = frozenset({"body", "cookies", "data", "headers", "query", "request", "scope", "socket", "state"})
"""What the framework gives to a handler that asks for it by name."""


async def name_unread_body(request: Request[Any, Any, Any]) -> None:
    """For routes that read no body: name what one says all the same. Raises: UnknownField, BadInput."""
    handler = request.route_handler
    if request.method in {"GET", "HEAD"} or not isinstance(handler, HTTPRouteHandler):
        return
    if not await request.body():
        return
    try:
        found = await request.json()
    except SerializationException:
        found = None
    names = list(found)[:MAX_NAMED] if isinstance(found, dict) else ["body"]
    name_ignored(request, [shown(str(name)) for name in names])
