"""Fields of a request that mean nothing to us: they are named, or refused, and never dropped in silence.

An integrator who misspells `certificateRequirements` must hear of it: he would believe that everybody is kept out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, get_type_hints

import msgspec
from msgspec import inspect

from signroom.api.shapes.appearance import PdfOptionsRequest
from signroom.api.shapes.wire import Wire
from signroom.domain.errors import NotImplementedHere, PdfAConversionNotAvailable, Refused

NOT_DONE: Mapping[str, type[Refused]] = {
    "convertToPdfA": PdfAConversionNotAvailable,
    **dict.fromkeys(
        (
            "bypassMarksIfSigned",
            "certification",
            "certificationLevel",
            "marks",
            "pdfMarks",
            "policy",
            "policyId",
            "signaturePolicy",
            "signaturePolicyId",
            "timestamp",
            "timestampPolicy",
            "useTimestamp",
        ),
        NotImplementedHere,
    ),
}
"""Fields that the original service knows, and what a request gets that uses one, wherever it stands.

Were they dropped, something else would be signed than was asked for.
"""

NOT_DONE_IN: Mapping[type[Wire], Mapping[str, type[Refused]]] = {
    PdfOptionsRequest: dict.fromkeys(("customSignatureFieldName", "reason"), NotImplementedHere)
}
"""The same for names that say nothing by themselves: they are refused in this model only."""

SENT_BACK = frozenset({"length"})
"""Fields of our answers that clients send back with a file. They ask for nothing: what counts is the file."""

MAX_NAMED = 20
_MAX_LENGTH = 100
"""Characters. What is longer is cut before anything is done with it: a name may have hundreds of thousands."""
_MAX_PATH = 200
"""Characters of a name with the way to it."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\[\]-]")


def unknown_fields(kind: type[Wire], value: Any) -> list[str]:
    """Where `value`, JSON that was decoded, has fields that `kind` does not know, like ``documents[0].fille``.

    At most `MAX_NAMED`. Characters that a header may not have are shown as ``?``. A known name that came in another
    case (``ReturnUrl``) gets its own spelling in `value`: the original service takes names in any case.

    Raises: PdfAConversionNotAvailable, NotImplementedHere for a field of `NOT_DONE` that asks for something.
    """
    found: list[str] = []
    for path in _unknown(value, (kind,), ""):
        if len(found) < MAX_NAMED:
            found.append(shown(path))
    return found


def shown(name: str) -> str:
    """A name that a caller wrote, as a header may have it: characters that it may not have are ``?``."""
    return _UNSAFE.sub("?", name[:_MAX_PATH])


def _unknown(value: Any, kinds: tuple[type, ...], path: str) -> Iterator[str]:
    """No model has a list in a list. So this goes no deeper than the models do, however deep `value` is."""
    if not kinds:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield from _unknown(item, kinds, f"{path}[{index}]")
        return
    if not isinstance(value, dict):
        return
    known = _known(kinds)
    _correct_case(value, known)
    for name, inner in value.items():
        place = f"{path}.{name[:_MAX_LENGTH]}" if path else name[:_MAX_LENGTH]
        if name in known:
            yield from _unknown(inner, known[name], place)
            continue
        if name in SENT_BACK:
            continue
        refusal = _refusals(kinds).get(name[:_MAX_LENGTH].lower())
        if refusal is not None and inner not in (None, False, "", [], {}):
            raise refusal(f"Field '{place}'.")
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
def _refusals(kinds: tuple[type, ...]) -> Mapping[str, type[Refused]]:
    """What is refused in these models, by its name in lower case."""
    found = {name.lower(): refusal for name, refusal in NOT_DONE.items()}
    for kind in kinds:
        found |= {name.lower(): refusal for name, refusal in NOT_DONE_IN.get(kind, {}).items()}
    return found


@cache
def _known(kinds: tuple[type, ...]) -> Mapping[str, tuple[type, ...]]:
    """The names of the fields of all these models."""
    return {name: models for kind in kinds for name, models in _fields(kind).items()}


@cache
def _fields(kind: type[Wire]) -> dict[str, tuple[type, ...]]:
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
