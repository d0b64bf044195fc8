"""What is worth a word about a PDF that can be signed: who has signed it, what moves in it, what lies outside it.

A look, not a proof: the objects nearest to the catalog are read, a bounded number of them, and what cannot be read is
passed over. No finding ever stands in the way of signing; what does is refused in ``permission`` and ``preflight``.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Iterator
from numbers import Real
from typing import TYPE_CHECKING, Any

from signroom.domain.preflight import Finding, FindingCode, FindingLevel, fact
from signroom.domain.signature import Indication, SignatureVerdict, Verdict
from signroom.formats.malformed import MALFORMED

if TYPE_CHECKING:
    from pyhanko.pdf_utils.generic import DictionaryObject, IndirectObject
    from pyhanko.pdf_utils.reader import PdfFileReader

_MAX_OBJECTS = 1500
"""Some 0.2 ms each. Names, open action and form are near the catalog, so that they are seen in files of any size."""
_MAX_STEPS = 20_000
_MAX_STREAM = 1 << 20
"""Bytes: a larger one is passed over, whatever its dictionary says."""
_MAX_BYTES = 16 << 20
"""Of all streams together: the reader keeps what it has read."""
_HEAD = 2048
_LENGTH = re.compile(rb"/Length\s+(\d{1,10})(?:\s+(\d{1,5})\s+R)?")
_MAX_SIGNATURES = 20
_MAX_XMP = 1 << 20
_MAX_SIDE = 14_400
"""200 inches: what readers of PDF 1.7 are bound to show (ISO 32000-1, annex C)."""
_UPWARDS = {"/Parent", "/P", "/StructTreeRoot", "/Prev", "/Dest"}
"""Keys that lead back, or to where nothing acts."""
_ACTIONS = ("JavaScript", "Launch", "SubmitForm", "ImportData")
_LEVELS = 16
"""Of a page tree, that an inherited value is looked for."""
# As an element or as an attribute (ISO 16684-1, 7).
_PART = re.compile(rb"pdfaid:part(?:\s*=\s*[\"']|[^>=]*(?:=[^>]*)?>)\s*(\d)")
_CONFORMANCE = re.compile(rb"pdfaid:conformance(?:\s*=\s*[\"']|[^>=]*(?:=[^>]*)?>)\s*([A-Za-z])")


def findings(reader: PdfFileReader, verdict: Verdict) -> tuple[Finding, ...]:
    """In the order in which a signer should hear of them. To be used inside ``parsing.only_refusals``."""
    found = [*_damage(reader), *_things_inside(reader), *_xfa(reader), *_certification(reader)]
    found += [_earlier(signature) for signature in verdict.signatures[:_MAX_SIGNATURES]]
    found += _pdf_a(reader)
    return tuple(sorted(found, key=lambda finding: finding.level is not FindingLevel.BUT))


def _damage(reader: PdfFileReader) -> Iterator[Finding]:
    # Hybrid files are read leniently too, and nothing is wrong with them.
    if not reader.strict and not reader.xrefs.hybrid_xrefs_present:
        yield Finding(FindingCode.DAMAGED, FindingLevel.BUT)


def _xfa(reader: PdfFileReader) -> Iterator[Finding]:
    form = _value(reader.root, "/AcroForm")
    if isinstance(form, dict) and "/XFA" in form:
        yield Finding(FindingCode.XFA_FORM, FindingLevel.NOTE)


def _certification(reader: PdfFileReader) -> Iterator[Finding]:
    from pyhanko.sign.validation.pdf_embedded import read_certification_data

    certification = read_certification_data(reader)
    if certification is not None and certification.permission is not None:
        yield Finding(FindingCode.CERTIFIED, FindingLevel.NOTE, (fact("level", str(certification.permission.value)),))


def _earlier(verdict: SignatureVerdict) -> Finding:
    facts = (fact("name", _common_name(verdict.certificate)),)
    if verdict.indication is Indication.TOTAL_PASSED:
        return Finding(FindingCode.EARLIER_SIGNATURE, FindingLevel.NOTE, facts)
    return Finding(FindingCode.EARLIER_SIGNATURE_UNPROVEN, FindingLevel.BUT, facts)


def _common_name(der: bytes) -> str:
    """Of a certificate's subject; empty when it has none or cannot be read."""
    from asn1crypto.x509 import Certificate

    try:
        name = Certificate.load(der).subject.native.get("common_name", "")
    except MALFORMED:
        return ""
    return name if isinstance(name, str) else str(name[-1])


def _pdf_a(reader: PdfFileReader) -> Iterator[Finding]:
    metadata = _value(reader.root, "/Metadata")
    xmp = b"" if metadata is None else _xmp(metadata)
    part, conformance = _PART.search(xmp), _CONFORMANCE.search(xmp)
    if part is not None:
        letter = "" if conformance is None else conformance[1].decode().upper()
        facts = (fact("part", part[1].decode()), fact("conformance", letter))
        yield Finding(FindingCode.PDF_A, FindingLevel.NOTE, facts)


def _xmp(stream: Any) -> bytes:
    """At most a megabyte of it. pyHanko's own way would parse the XML of a stranger."""
    try:
        encoded: bytes = stream.encoded_data[:_MAX_XMP]
        if _value(stream, "/Filter") is None:
            return encoded
        return zlib.decompressobj().decompress(encoded, _MAX_XMP)
    except (*MALFORMED, zlib.error):
        return b""


# -- what is inside --------------------------------------------------------------------------------


def _things_inside(reader: PdfFileReader) -> Iterator[Finding]:
    actions: set[str] = set()
    pages: set[str] = set()
    external = False
    for found in _dictionaries(reader):
        action = _value(found, "/S")
        if isinstance(action, str):
            actions.add(action.removeprefix("/"))
        external = external or _is_external(found)
        if _value(found, "/Type") == "/Page":
            pages.update(_oddities(found))
    kinds = [kind for kind in _ACTIONS if kind in actions]
    if kinds:
        yield Finding(FindingCode.SCRIPTS, FindingLevel.BUT, (fact("kinds", ", ".join(kinds)),))
    if external:
        yield Finding(FindingCode.EXTERNAL_CONTENT, FindingLevel.BUT)
    if pages:
        yield Finding(FindingCode.ODD_PAGES, FindingLevel.NOTE, (fact("kinds", ", ".join(sorted(pages))),))


def _dictionaries(reader: PdfFileReader) -> Iterator[DictionaryObject]:
    """Dictionaries and streams in reach of the catalog, the nearest first."""
    from pyhanko.pdf_utils.generic import IndirectObject

    waiting: deque[Any] = deque([reader.root])
    seen: set[tuple[int, int]] = set()
    room = _MAX_BYTES
    for _ in range(_MAX_STEPS):
        if not waiting:
            return
        found = waiting.popleft()
        if isinstance(found, IndirectObject):
            place = (found.idnum, found.generation)
            if place in seen or len(seen) == _MAX_OBJECTS:
                continue
            seen.add(place)
            if _is_large(reader, found):
                continue
            found = _resolved(found)
            room -= len(getattr(found, "encoded_data", b""))
            if room < 0:
                return
        if isinstance(found, dict):
            yield found  # type: ignore[misc]  # pyHanko's dictionaries are plain ones with more methods
            found = [value for key, value in found.items() if key not in _UPWARDS]
        if isinstance(found, list):
            waiting.extend(value for value in found if isinstance(value, dict | list | IndirectObject))


def _is_large(reader: PdfFileReader, reference: IndirectObject) -> bool:
    """True for a stream that says it is large: pyHanko would read all of it, for a dictionary of some bytes."""
    from pyhanko.pdf_utils.misc import PdfError

    try:
        place = reader.xrefs[reference.reference]
        if not isinstance(place, int):  # in an object stream, which the reader bounds
            return False
        reader.stream.seek(place)
        length = _LENGTH.search(reader.stream.read(_HEAD))
        if length is None:
            return False
        if length[2] is None:
            return int(length[1]) > _MAX_STREAM
        known = _resolved(type(reference)(int(length[1]), int(length[2]), reader))
    except (*MALFORMED, PdfError, OSError):
        return False
    return isinstance(known, int) and known > _MAX_STREAM


def _is_external(found: DictionaryObject) -> bool:
    """A stream whose data lie in a file (ISO 32000-1, 7.3.8.2), or a picture of another document (8.10.4)."""
    from pyhanko.pdf_utils.generic import StreamObject

    return isinstance(found, StreamObject) and ("/F" in found or "/Ref" in found)


def _oddities(page: DictionaryObject) -> Iterator[str]:
    media, crop = _box(page, "/MediaBox"), _box(page, "/CropBox")
    if media is not None and max(media[2] - media[0], media[3] - media[1]) > _MAX_SIDE:
        yield "huge"
    if media is not None and crop is not None and any(abs(a - b) > 1 for a, b in zip(media, crop, strict=True)):
        yield "cropped"
    turn = _inherited(page, "/Rotate")
    if isinstance(turn, int) and turn % 360:
        yield "rotated"
    unit = _value(page, "/UserUnit")
    if isinstance(unit, Real) and float(unit) != 1:
        yield "scaled"


def _box(page: DictionaryObject, key: str) -> tuple[float, float, float, float] | None:
    """As left, bottom, right, top (any two corners may be given: ISO 32000-1, 7.9.5)."""
    found = _inherited(page, key)
    try:
        left, bottom, right, top = (float(found[n]) for n in range(4))
    except (*MALFORMED, OverflowError):
        return None
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def _inherited(page: DictionaryObject, key: str) -> Any:
    node: Any = page
    for _ in range(_LEVELS):
        if not isinstance(node, dict):
            return None
        found = _value(node, key)
        if found is not None:
            return found
        node = _value(node, "/Parent")
    return None


def _value(found: Any, key: str) -> Any:
    """What is under `key`, resolved; None when there is nothing, or nothing that can be read."""
    raw = dict.get(found, key)
    return _resolved(raw)


def _resolved(value: Any) -> Any:
    """The object behind a reference. It may be broken in every way there is: nothing depends on it."""
    from pyhanko.pdf_utils.generic import IndirectObject
    from pyhanko.pdf_utils.misc import PdfError

    if not isinstance(value, IndirectObject):
        return value
    try:
        return value.get_object()
    except (*MALFORMED, PdfError, RecursionError, OSError):
        return None
