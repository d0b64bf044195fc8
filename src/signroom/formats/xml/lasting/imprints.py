"""What a timestamp of an XML signature is about, as a digest (EN 319 132-1, 5.3 and 5.5.2.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from signroom.domain.augmentation import TimestampUse
from signroom.formats.xml.canonical import Canonicalization, octets
from signroom.formats.xml.reading import XmlDocument
from signroom.formats.xml.signature import (
    BASE64,
    C14N,
    CANONICALIZATIONS,
    DIGESTS,
    EXC_C14N,
    Reference,
    SignatureParts,
    ds,
    malformed,
    unsupported,
    xa,
)
from signroom.formats.xml.transforms import take_in

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

KNOWN = frozenset(DIGESTS.values())


def imprint(
    document: XmlDocument,
    parts: SignatureParts,
    use: TimestampUse,
    *,
    before: Sequence[Element],
    behind: Sequence[bytes] = (),
    method: Canonicalization,
    algorithm: str,
) -> bytes:
    """The digest that a timestamp of this `use` is about.

    Args:
        document: the file.
        parts: the signature in it.
        use: what the timestamp is about.
        before: the unsigned signature properties before an archive timestamp.
        behind: canonical forms of more of them, which are not in the file yet.
        method: its ds:CanonicalizationMethod; where there is none, C14N 1.0.
        algorithm: one of `KNOWN`.

    Raises: Fault where it cannot be told, InvalidXml, XmlTooComplex.
    """
    if algorithm not in KNOWN:
        raise unsupported("a digest algorithm is not known here")
    value = parts.element.find(ds("SignatureValue"))
    if value is None:
        raise malformed("it has no value")
    match use:
        case TimestampUse.SIGNATURE:
            return hashlib.new(algorithm, octets(document, value, method)).digest()
        case TimestampUse.ARCHIVE:
            found = _referenced(document, parts, method, algorithm)
            key_info = parts.element.find(ds("KeyInfo"))
            objects = [each for each in parts.element.iterchildren(ds("Object")) if not _is_qualifying(each)]
            own = [parts.signed_info, value, *([] if key_info is None else [key_info])]
            for element in (*own, *before):
                found.update(octets(document, element, method))
            for form in behind:
                found.update(form)
            for element in objects:
                found.update(octets(document, element, method))
            return found.digest()


def usual_method(parts: SignatureParts, use: TimestampUse) -> str:
    """The canonicalization that a new timestamp names: exclusive, for the signature stands in somebody's document.

    Where a reference ends in a set of nodes, verifiers go different ways to the exclusive form: some by the inclusive
    one, which takes over attributes like xml:lang from above. An inclusive form is the same either way.
    """
    if use is TimestampUse.ARCHIVE and not all(map(_ends_in_octets, parts.references)):
        return C14N
    return EXC_C14N


def _ends_in_octets(reference: Reference) -> bool:
    last = reference.transforms[-1].get("Algorithm", "") if reference.transforms else ""
    return last == BASE64 or last in CANONICALIZATIONS


def _referenced(document: XmlDocument, parts: SignatureParts, method: Canonicalization, algorithm: str) -> Hash:
    """All that the signature refers to, in the order of its references. Raises: Fault, InvalidXml."""
    found: Hash | None = None
    for reference in parts.references:
        found = take_in(document, parts.element, reference, algorithm=algorithm, node_sets=method, before=found)
    if found is None:
        raise malformed("it refers to nothing")
    return found


def _is_qualifying(element: Element) -> bool:
    return element.find(xa("QualifyingProperties")) is not None
