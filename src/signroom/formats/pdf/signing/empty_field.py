"""Signature fields that the author of a form has made for somebody to sign in (ISO 32000-2, 12.7.5.5).

One is filled in where it fits, rather than that a field is added beside it: the author has said where the signature
goes, and a file that is signed or protected may allow the one and not the other.

A field fits when

1. it has a name of its own, no value, and is not read-only;
2. no key of it or of a field above it is there twice: some programs take the first one, others the last one;
3. it has one widget, in one dictionary with it (poppler takes others for unsigned, whatever they have), which is in the
   list of annotations of one page, once;
4. its seed value (/SV) asks for nothing that the signature will not have;
5. its lock (/Lock) can be written into the signature.

What does not fit is left alone. A field that shows something is filled in and goes on showing it: with another look
something would be seen that was covered before, or what was read before would be gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pikepdf

from signroom.domain.errors import InvalidPdf
from signroom.domain.pdf_facts import EmptyField, FieldLock, SignatureSite
from signroom.formats.pdf import entries
from signroom.formats.pdf.earlier.embedded import (
    Field,
    elements,
    form_fields,
    full_name,
    inherited,
    listed,
    name_of,
    place_of,
)
from signroom.formats.pdf.reading.opening import OpenPdf
from signroom.formats.pdf.reading.syntax import BadSyntax, Dictionary, Reference
from signroom.formats.pdf.visible.appearance import site_of_widget
from signroom.formats.pdf.widget_looks import shows_something

_MOST = 50
"""Fields of one file that are looked at."""
_MOST_PAGES = 20_000
_MOST_ANNOTATIONS = 200_000
"""Of all pages. A file with more pages or annotations gets a field of its own."""
_MOST_LOCKED = 1000
_MOST_PARENTS = 64
_SIDES = 4
_READ_ONLY = 1
"""Of /Ff (table 227)."""
_HIDDEN, _NO_VIEW = 2, 32
"""Of /F (table 167)."""
_LEAST_SIDE = 12.0
"""Points: less has no room for text. Such a field is signed, and looks as before."""
_OUR_FILTER, _OUR_SUBFILTER = "/Adobe.PPKLite", "/ETSI.CAdES.detached"
_OUR_DIGESTS = ("SHA256", "SHA384", "SHA512")
_OUR_VERSION = 3
_LEVELS = (1, 2, 3)

# Bits of /Ff of a seed value dictionary (ISO 32000-2, table 237): what the signature must keep.
_FILTER, _SUBFILTER, _VERSION, _REASONS, _ATTESTATION, _REVOCATION, _DIGEST, _LOCK, _LOOKS = (1 << n for n in range(9))


@dataclass(frozen=True, slots=True)
class FittingField:
    """A field that can be filled in."""

    field: EmptyField
    page: int
    """Index of the page that shows its widget."""
    site: SignatureSite | None
    """Where the signature is drawn; None where nothing is."""


class _Unfit(Exception):
    """The field cannot be filled in by us."""


def fitting_fields(opened: OpenPdf) -> list[FittingField]:
    """In the order of the pages, and of the annotations of each."""
    fields = list(form_fields(opened.pdf))
    names = Counter(field.name for field in fields)
    empty: dict[tuple[int, int], EmptyField] = {}
    for field in fields:
        if len(empty) == _MOST:
            break
        if field.kind == "/Sig" and field.value is None and names[field.name] == 1:
            try:
                found = _read(field, opened)
            except (_Unfit, InvalidPdf, BadSyntax, *entries.UNREADABLE):
                continue
            empty[place_of(field.node) or (0, 0)] = found
    return list(_on_pages(opened.pdf, empty)) if empty else []


def _require(fits: bool) -> None:
    if not fits:
        raise _Unfit


def _read(field: Field, opened: OpenPdf) -> EmptyField:
    node = field.node
    place = place_of(node)
    if place is None or not field.name or full_name(node) != field.name:
        raise _Unfit
    _require_each_key_once(node, opened)
    flags = inherited(node, "/Ff")
    _require(flags is None or (isinstance(flags, int) and not flags & _READ_ONLY))
    _require("/Kids" not in node and node.get("/Subtype") == "/Widget")
    # Of five numbers some programs take the first four, others none.
    _require(entries.rectangle(node.get("/Rect")) is not None and len(node.get("/Rect")) == _SIDES)
    _require_kept(inherited(node, "/SV"))
    return EmptyField(field.name, *place, _lock(inherited(node, "/Lock"), is_encrypted=opened.encryption is not None))


def _require_each_key_once(node: Any, opened: OpenPdf) -> None:
    for _ in range(_MOST_PARENTS):
        place = place_of(node)
        raw = None if place is None else opened.raw(Reference(*place))
        _require(raw is not None)
        names = Dictionary(raw or b"").names()
        _require(len(set(names)) == len(names))
        if "/Parent" not in node:
            return
        node = node["/Parent"]
    raise _Unfit


def _require_kept(seed: Any) -> None:
    """What the author asks of every signature here, and not only suggests."""
    if seed is None:
        return
    _require(isinstance(seed, pikepdf.Dictionary))
    flags = seed.get("/Ff", 0)
    _require(isinstance(flags, int) and 0 <= flags < _LOOKS << 1)
    # A reason, an attestation, a look: nobody has chosen one, and nothing is said in a signer's name.
    reasons = [str(reason) for reason in elements(seed.get("/Reasons"))]
    kept: Mapping[int, bool] = {
        _FILTER: seed.get("/Filter") in (None, _OUR_FILTER),
        # The first one that a program knows is the one to take, and verifiers do not know what we know.
        _SUBFILTER: [name_of(one) for one in elements(seed.get("/SubFilter"))][:1] in ([], [_OUR_SUBFILTER]),
        _VERSION: (entries.number(seed, "/V") or 0) <= _OUR_VERSION,
        _REASONS: reasons in ([], ["."]),  # these two forbid one
        _ATTESTATION: False,
        _REVOCATION: not entries.truth(seed, "/AddRevInfo"),
        _DIGEST: "/DigestMethod" not in seed or set(_OUR_DIGESTS) <= set(map(str, elements(seed["/DigestMethod"]))),
        _LOCK: seed.get("/LockDocument") in (None, "/auto", "/false"),
        _LOOKS: False,
    }
    _require(all(is_kept for bit, is_kept in kept.items() if flags & bit))
    # These say themselves whether they must be kept. A certification is another kind of signature.
    certification, certificate, stamp = (seed.get(key) for key in ("/MDP", "/Cert", "/TimeStamp"))
    _require(certification is None or entries.integer(certification, "/P") == 0)
    for part in (certificate, stamp):
        _require(part is None or (isinstance(part, pikepdf.Dictionary) and not part.get("/Ff", 0)))


def _lock(lock: Any, *, is_encrypted: bool) -> FieldLock | None:
    if lock is None:
        return None
    _require(isinstance(lock, pikepdf.Dictionary))
    action, level = name_of(lock.get("/Action")).removeprefix("/"), lock.get("/P")
    fields = elements(lock.get("/Fields")) if action != "All" else []
    _require(action in {"All", "Include", "Exclude"} and len(fields) <= _MOST_LOCKED)
    _require(level is None or level in _LEVELS)
    _require(all(isinstance(one, pikepdf.String) for one in fields) and not (fields and is_encrypted))
    return FieldLock(action, tuple(bytes(one) for one in fields), None if level is None else int(level))


def _on_pages(pdf: pikepdf.Pdf, empty: Mapping[tuple[int, int], EmptyField]) -> Iterator[FittingField]:
    pages = pdf.pages
    if len(pages) > _MOST_PAGES:
        return
    shown: list[tuple[tuple[int, int], int]] = []
    left = _MOST_ANNOTATIONS
    for index, page in enumerate(pages):
        annotations = entries.entry(page.obj, "/Annots")
        if not entries.is_array(annotations):
            continue
        left -= len(annotations)
        if left < 0:
            return
        shown += [(place, index) for place in listed(annotations) if isinstance(place, tuple) and place in empty]
    times = Counter(place for place, _ in shown)
    for place, index in shown:
        if times[place] == 1:
            yield FittingField(empty[place], index, _site(pdf, index, pdf.get_object(place)))


def _site(pdf: pikepdf.Pdf, page: int, widget: Any) -> SignatureSite | None:
    flags = entries.integer(widget, "/F") or 0
    box = entries.rectangle(widget.get("/Rect"))
    if box is None or flags & (_HIDDEN | _NO_VIEW) or shows_something(widget):
        return None
    found = site_of_widget(page, pdf.pages[page].obj, box)
    place = found.place
    if min(place.width, place.height) < _LEAST_SIDE:
        return None
    return SignatureSite(page, found.box, place.left, place.top, place.width, place.height, found.turns)
