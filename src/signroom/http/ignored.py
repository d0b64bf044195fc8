"""What a request says that means nothing to us: it is named in the answer and in the log, or refused.

An integrator who misspells a field or a parameter must hear of it: they would believe that it was heeded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any, get_type_hints
from urllib.parse import parse_qsl, urlencode

import msgspec
import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import SerializationException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition
from msgspec import inspect

from signroom.domain.errors import UnknownField
from signroom.http.headers import IGNORED, STRICT

log = structlog.get_logger()

Connection = ASGIConnection[Any, Any, Any, Any]
Fields = Callable[[type[Any], Any], list[str]]
"""A model and the JSON that came for it: the names of what it does not know."""
Look = Callable[[tuple[type, ...], str, str, Any], bool]
"""Whether a field that these models do not know is to be named: its name, the way to it, its value. It may refuse."""

MAX_NAMED = 20
_MAX_LENGTH = 100
"""Characters. What is longer is cut before anything is done with it: a name may have hundreds of thousands."""
_MAX_PATH = 200
"""Characters of a name with the way to it."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\[\]-]")


def name_ignored(connection: Connection, names: Collection[str]) -> None:
    """Name them in the answer and in the log; who asks for strictness is refused. Raises: UnknownField."""
    if not names:
        return
    if is_strict(connection):
        first = next(iter(names))
        raise UnknownField(f"'{first}'.", path=first)
    earlier = connection.state.get(IGNORED)
    connection.state[IGNORED] = ", ".join(([earlier] if earlier else []) + list(names))
    caller, session = connection.state.get("caller"), connection.state.get("page_session")
    if caller is not None:
        log.warning("request.fields_ignored", application=str(caller.application.id), fields=list(names))
    elif session is not None:  # a stranger without a link writes nothing into the log
        log.warning("request.fields_ignored", session_id=str(session), fields=list(names))


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


async def name_unknown_fields(request: Request[Any, Any, Any], fields: Fields) -> None:
    """Name what a JSON body has that the route's model does not know. `fields` finds it.

    Raises: BadInput, UnknownField, what `fields` raises.
    """
    model = next(_kinds(request.route_handler.parsed_data_field), None)
    if model is None:
        return
    try:
        value = await request.json()
    except SerializationException:
        return  # the framework says what is wrong, as for every body
    name_ignored(request, fields(model, value))


def _kinds(field: FieldDefinition | None) -> Iterator[type[msgspec.Struct]]:
    """The models that a handler's `data` may be."""
    if field is None:
        return
    for one in (field, *field.inner_types):
        if isinstance(one.annotation, type) and issubclass(one.annotation, msgspec.Struct):
            yield one.annotation


def unknown_fields(
    kind: type[msgspec.Struct], value: Any, look: Look = lambda _kinds, _name, _place, _value: True
) -> list[str]:
    """Where `value`, JSON that was decoded, has fields that `kind` does not know, like ``documents[0].fille``.

    At most `MAX_NAMED`. Characters that a header may not have are shown as ``?``. A known name that came in another
    case (``ReturnUrl``) gets its own spelling in `value`: the original service takes names in any case.

    Raises: what `look` raises.
    """
    found: list[str] = []
    for path in _unknown(value, (kind,), "", look):
        if len(found) < MAX_NAMED:
            found.append(shown(path))
    return found


def shown(name: str) -> str:
    """A name that a caller wrote, as a header may have it: characters that it may not have are ``?``."""
    return _UNSAFE.sub("?", name[:_MAX_PATH])


def _unknown(value: Any, kinds: tuple[type, ...], path: str, look: Look) -> Iterator[str]:
    """No model has a list in a list. So this goes no deeper than the models do, however deep `value` is."""
    if not kinds:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield from _unknown(item, kinds, f"{path}[{index}]", look)
        return
    if not isinstance(value, dict):
        return
    known = _known(kinds)
    _correct_case(value, known)
    for name, inner in value.items():
        place = f"{path}.{name[:_MAX_LENGTH]}" if path else name[:_MAX_LENGTH]
        if name in known:
            yield from _unknown(inner, known[name], place, look)
            continue
        if look(kinds, name[:_MAX_LENGTH], place, inner):
            yield place


def _correct_case(value: dict[str, Any], known: Collection[str]) -> None:
    """Give known names their own spelling. Of two spellings of a name the right one counts, else the first."""
    others = [name for name in value if name not in known and len(name) < _MAX_LENGTH and name.isascii()]
    if not others:
        return
    spelt = {name.lower(): name for name in known}
    for name in others:
        right = spelt.get(name.lower())
        if right is not None and right not in value:
            value[right] = value.pop(name)


@cache
def _known(kinds: tuple[type, ...]) -> Mapping[str, tuple[type, ...]]:
    """The names of the fields of all these models."""
    return {name: models for kind in kinds for name, models in _fields(kind).items()}


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, tuple[type, ...]]:
    """The names of a model's fields on the wire, each with the models that may stand in it."""
    types = get_type_hints(kind, include_extras=True)
    return {
        field.encode_name: tuple(_models(inspect.type_info(types[field.name])))
        for field in msgspec.structs.fields(kind)
    }


def _models(kind: inspect.Type) -> Iterator[type]:
    match kind:
        case inspect.StructType(cls=model):
            yield model
        case inspect.UnionType(types=types):
            for one in types:
                yield from _models(one)
        case inspect.ListType(item_type=item) | inspect.Metadata(type=item):
            yield from _models(item)
        case _:
            pass
