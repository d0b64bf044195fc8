"""What is worth a word about a PDF that can be signed: who has signed it, what moves in it, what lies outside it.

A look, not a proof: the objects nearest to the catalog are read, a bounded number of them, and what cannot be read is
passed over. No finding ever stands in the way of signing; what does is refused in ``permission`` and ``reading``.
"""

from __future__ import annotations

import re
import time
import zlib
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pikepdf

from signroom.domain.errors import PdfTooComplex
from signroom.domain.preflight import Finding, FindingCode, FindingLevel, fact
from signroom.domain.signature import Indication, SignatureVerdict, Verdict
from signroom.formats.malformed import MALFORMED
from signroom.formats.pdf import entries
from signroom.formats.pdf.permission import certification_level

_MAX_OBJECTS = 1500
"""Some 50 us each. Names, open action and form are near the catalog, so that they are seen in files of any size."""
_MAX_STEPS = 20_000
"""Values that are looked at on the way from object to object."""
_MAX_CHILDREN = 2000
"""Of them in one dictionary or array, so that none takes all steps from what stands beside it."""
_FEW = 32
"""Entries: a dictionary that small is always looked into."""
_MAX_SECONDS = 0.3
"""Of processor: for objects that take qpdf long to read. An honest file needs a quarter of it: what is found must not
hang on how fast a machine is."""
_MAX_SIGNATURES = 20
_MAX_XMP = 1 << 20
"""Bytes, before and after inflating."""
_MAX_SIDE = 14_400
"""200 inches: what readers of PDF 1.7 are bound to show (ISO 32000-1, annex C)."""
_UPWARDS = {"/Parent", "/P", "/StructTreeRoot", "/Prev", "/Dest"}
"""Keys that lead back, or to where nothing acts."""
_ACTIONS = ("JavaScript", "Launch", "SubmitForm", "ImportData", "Hide", "SetOCGState", "ResetForm")
"""The last three need no script to show something else: they hide annotations, switch layers, empty fields."""
_LEVELS = 16
"""Of a page tree, that an inherited value is looked for."""
# As an element or as an attribute (ISO 16684-1, 7).
_PART = re.compile(rb"pdfaid:part(?:\s*=\s*[\"']|[^>=]*(?:=[^>]*)?>)\s*(\d)")
_CONFORMANCE = re.compile(rb"pdfaid:conformance(?:\s*=\s*[\"']|[^>=]*(?:=[^>]*)?>)\s*([A-Za-z])")


def findings(pdf: pikepdf.Pdf, verdict: Verdict, *, damaged: bool) -> tuple[Finding, ...]:
    """In the order in which a signer should hear of them; `damaged` when the file could only be read leniently.

    It never raises because of what is in the file.
    """
    found = [Finding(FindingCode.DAMAGED, FindingLevel.BUT)] if damaged else []
    found += [*_things_inside(pdf), *_xfa(pdf), *_certification(pdf)]
    found += [one for signature in verdict.signatures[:_MAX_SIGNATURES] for one in _earlier(signature)]
    found += _pdf_a(pdf)
    return tuple(sorted(found, key=lambda finding: finding.level is not FindingLevel.BUT))


def _xfa(pdf: pikepdf.Pdf) -> Iterator[Finding]:
    if entries.entry(entries.dictionary(pdf.Root, "/AcroForm"), "/XFA") is not None:
        yield Finding(FindingCode.XFA_FORM, FindingLevel.NOTE)


def _certification(pdf: pikepdf.Pdf) -> Iterator[Finding]:
    try:
        level = certification_level(pdf)
    except PdfTooComplex:
        return
    if level is not None:
        yield Finding(FindingCode.CERTIFIED, FindingLevel.NOTE, (fact("level", str(level)),))


def _earlier(verdict: SignatureVerdict) -> Iterator[Finding]:
    name = fact("name", _common_name(verdict.certificate))
    if verdict.indication is Indication.TOTAL_PASSED:
        yield Finding(FindingCode.EARLIER_SIGNATURE, FindingLevel.NOTE, (name,))
    else:
        yield Finding(FindingCode.EARLIER_SIGNATURE_UNPROVEN, FindingLevel.BUT, (name,))
    if verdict.warnings:
        changes = fact("changes", "; ".join(verdict.warnings))
        yield Finding(FindingCode.CHANGED_AFTER_SIGNATURE, FindingLevel.BUT, (name, changes))


def _common_name(der: bytes) -> str:
    """Of a certificate's subject; empty when it has none or cannot be read."""
    from asn1crypto.x509 import Certificate

    try:
        name = Certificate.load(der).subject.native.get("common_name", "")
    except MALFORMED:
        return ""
    return name if isinstance(name, str) else str(name[-1])


def _pdf_a(pdf: pikepdf.Pdf) -> Iterator[Finding]:
    xmp = _xmp(entries.dictionary(pdf.Root, "/Metadata"))
    part, conformance = _PART.search(xmp), _CONFORMANCE.search(xmp)
    if part is not None:
        letter = "" if conformance is None else conformance[1].decode().upper()
        facts = (fact("part", part[1].decode()), fact("conformance", letter))
        yield Finding(FindingCode.PDF_A, FindingLevel.NOTE, facts)


def _xmp(metadata: pikepdf.Object | None) -> bytes:
    """At most a megabyte of it, as text: nobody parses a stranger's XML. Empty when it is larger in the file.

    qpdf would inflate all of it, so this is done here.
    """
    length = entries.integer(metadata, "/Length")
    if not isinstance(metadata, pikepdf.Stream) or length is None or length > _MAX_XMP:
        return b""
    try:
        # As long as the file at most, where the length is a lie.
        encoded = bytes(memoryview(metadata.get_raw_stream_buffer())[:_MAX_XMP])
        filters = entries.entry(metadata, "/Filter")
        if filters is None:
            return encoded
        return zlib.decompressobj().decompress(encoded, _MAX_XMP)
    except (*entries.UNREADABLE, MemoryError, zlib.error):
        return b""


# -- what is inside --------------------------------------------------------------------------------


def _things_inside(pdf: pikepdf.Pdf) -> Iterator[Finding]:
    actions: set[str] = set()
    pages: set[str] = set()
    external = False
    for found, values in _dictionaries(pdf):
        action = entries.as_name(values.get("/S"))
        if action is not None:
            actions.add(action)
        # Its data lie in a file (ISO 32000-1, 7.3.8.2), or it is a picture of another document (8.10.4).
        external = external or (isinstance(found, pikepdf.Stream) and ("/F" in values or "/Ref" in values))
        if entries.as_name(values.get("/Type")) == "Page":
            pages.update(_oddities(values))
    kinds = [kind for kind in _ACTIONS if kind in actions]
    if kinds:
        yield Finding(FindingCode.SCRIPTS, FindingLevel.BUT, (fact("kinds", ", ".join(kinds)),))
    if external:
        yield Finding(FindingCode.EXTERNAL_CONTENT, FindingLevel.BUT)
    if pages:
        yield Finding(FindingCode.ODD_PAGES, FindingLevel.NOTE, (fact("kinds", ", ".join(sorted(pages))),))


def _dictionaries(pdf: pikepdf.Pdf) -> Iterator[tuple[pikepdf.Object, dict[str, Any]]]:
    """Dictionaries and streams in reach of the catalog, the nearest first, with their entries."""
    end = time.thread_time() + _MAX_SECONDS
    waiting: deque[pikepdf.Object] = deque([pdf.Root])
    seen: set[tuple[int, int]] = set()
    steps = _MAX_STEPS
    while waiting and time.thread_time() < end:
        found = waiting.popleft()
        if entries.is_array(found):
            below = _elements(found, seen)
        else:
            values = _values(found, _MAX_OBJECTS - len(seen))
            yield found, values
            below = (value for key, value in values.items() if key not in _UPWARDS)
        for value in islice(below, min(steps, _MAX_CHILDREN)):
            steps -= 1
            if time.thread_time() > end:
                return
            if not entries.is_dictionary(value) and not entries.is_array(value):
                continue
            if value.is_indirect:
                if value.objgen in seen or len(seen) == _MAX_OBJECTS:
                    continue
                seen.add(value.objgen)
            waiting.append(value)


def _elements(array: pikepdf.Object, seen: set[tuple[int, int]]) -> Iterator[Any]:
    """As long as objects may be read: qpdf reads the one that it is asked for."""
    for index in range(len(array)):
        if len(seen) == _MAX_OBJECTS:
            return
        yield entries.element(array, index)


def _values(found: pikepdf.Object, room: int) -> dict[str, Any]:
    """All that are not null. qpdf reads them all at once, so there are none where that might be more than `room`."""
    try:
        own = found.stream_dict if isinstance(found, pikepdf.Stream) else found
        if len(own) <= max(room, _FEW):
            return {key: value for key, value in own.items() if value is not None}
    except entries.UNREADABLE:
        pass
    return {}


def _oddities(page: dict[str, Any]) -> Iterator[str]:
    media, crop = (entries.rectangle(_inherited(page, key)) for key in ("/MediaBox", "/CropBox"))
    if media is not None and max(media[2] - media[0], media[3] - media[1]) > _MAX_SIDE:
        yield "huge"
    if media is not None and crop is not None and any(abs(a - b) > 1 for a, b in zip(media, crop, strict=True)):
        yield "cropped"
    turn = entries.as_number(_inherited(page, "/Rotate"))
    if turn is not None and turn % 360:
        yield "rotated"
    if entries.as_number(page.get("/UserUnit")) not in {None, 1}:
        yield "scaled"


def _inherited(page: dict[str, Any], key: str) -> Any:
    """An attribute of a page, or of the nodes above it (ISO 32000-1, 7.7.3.4)."""
    if key in page:
        return page[key]
    node = page.get("/Parent")
    for _ in range(_LEVELS):
        value = entries.entry(node, key)
        if value is not None:
            return value
        node = entries.entry(node, "/Parent")
        if node is None:
            return None
    return None
