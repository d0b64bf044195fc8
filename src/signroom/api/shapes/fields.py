"""Fields of a request that mean nothing to us: they are named, or refused, and never dropped in silence.

An integrator who misspells `certificateRequirements` must hear of it: he would believe that everybody is kept out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from signroom.api.shapes.appearance import PdfOptionsRequest
from signroom.api.shapes.wire import Wire
from signroom.domain.errors import NotImplementedHere, PdfAConversionNotAvailable, Refused
from signroom.http import ignored

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


def unknown_fields(kind: type[Wire], value: Any) -> list[str]:
    """As `signroom.http.ignored.unknown_fields`, with what the original service knows and we do not.

    Raises: PdfAConversionNotAvailable, NotImplementedHere for a field of `NOT_DONE` that asks for something.
    """
    return ignored.unknown_fields(kind, value, _is_to_be_named)


def _is_to_be_named(kinds: tuple[type, ...], name: str, place: str, value: Any) -> bool:
    """Raises: PdfAConversionNotAvailable, NotImplementedHere."""
    if name in SENT_BACK:
        return False
    refusal = _refusals(kinds).get(name.lower())
    if refusal is not None and value not in (None, False, "", [], {}):
        raise refusal(f"Field '{place}'.", path=place)
    return True


@cache
def _refusals(kinds: tuple[type, ...]) -> Mapping[str, type[Refused]]:
    """What is refused in these models, by its name in lower case."""
    found = {name.lower(): refusal for name, refusal in NOT_DONE.items()}
    for kind in kinds:
        found |= {name.lower(): refusal for name, refusal in NOT_DONE_IN.get(kind, {}).items()}
    return found
