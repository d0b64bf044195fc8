"""Forms with signature fields that are still empty: which one is filled in, and which are left alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping

from tests.vectors.pdf.builder import PAGE, Form, Objects, document, page_body, stream, updated, written
from tests.vectors.pdf.case import Case, Earlier, Outcome, Refused, Signed, State
from tests.vectors.pdf.signing import signed_by_another

FIELD, KID, PARENT, MORE = 20, 21, 22, 23
RECT = b"/Rect[72 500 300 540]"
OWN = ""
"""No field of the file is filled in: one is added."""
_LOCKS_ALL_BUT_ONE = (
    b"/Reference[<</Type/SigRef/TransformMethod/FieldMDP/Data 1 0 R/TransformParams"
    b"<</Type/TransformParams/V/1.2/Action/Exclude/Fields[(Buyer)]>>>>]"
)
_LOCKS_ALL = _LOCKS_ALL_BUT_ONE.replace(b"/Exclude/Fields[(Buyer)]", b"/All")
_AUTHOR = b"/Reference[<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</Type/TransformParams/V/1.2/P %d>>>>]"


def widget(name: bytes = b"Buyer", entries: bytes = b"", *, rect: bytes = RECT, page: int = PAGE) -> bytes:
    """Field and widget in one dictionary."""
    return b"<</Type/Annot/Subtype/Widget/FT/Sig/T(%b)/F 4/P %d 0 R%b%b>>" % (name, page, rect, entries)


def form(
    field: bytes,
    *,
    fields: bytes = b"20 0 R",
    annots: bytes = b"20 0 R",
    of_form: bytes = b"",
    more: Mapping[int, bytes] | None = None,
) -> Objects:
    """A document of two pages with `field` as object 20."""
    return document(
        catalog=b"/AcroForm<</Fields[%b]%b>>" % (fields, of_form),
        page=b"/Annots[%b]" % annots,
        more={FIELD: field, **(more or {})},
    )


def _case(
    name: str, make: Callable[[], bytes], fills: str, right: Outcome | None = None, earlier: tuple[Earlier, ...] = ()
) -> Case:
    return Case(f"empty-field-{name}", make, right or Signed(), fills=fills, earlier=earlier)


def _plain(name: str, objects: Objects, fills: str = "Buyer") -> Case:
    return _case(name, functools.partial(written, objects), fills)


def cases() -> Iterator[Case]:
    yield from _shapes()
    yield from _left_alone()
    yield from _seeds()
    yield from _locks()
    yield from _signed_before()


def _shapes() -> Iterator[Case]:
    for kind in Form:
        yield _case(f"visible-{kind}", functools.partial(written, form(widget()), kind), "Buyer")
    yield _plain("invisible", form(widget(rect=b"/Rect[0 0 0 0]")))
    yield _plain("hidden", form(widget().replace(b"/F 4", b"/F 2")))
    yield _plain("small", form(widget(rect=b"/Rect[72 500 80 505]")))
    yield _plain("corners-the-other-way", form(widget(rect=b"/Rect[300 540 72 500]")))
    looks = {MORE: stream(b"0.9 g 0 0 228 40 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 228 40]")}
    yield _plain("that-says-sign-here", form(widget(entries=b"/AP<</N 23 0 R>>/MK<</BC[0]>>"), more=looks))
    yield _plain("value-null", form(widget(entries=b"/V null")))
    yield _plain("value-missing", form(widget(entries=b"/V 99 0 R")))
    yield _plain("flags-set-already", form(widget(), of_form=b"/SigFlags 3"))
    yield _plain(
        "with-a-parent",
        form(
            widget(entries=b"/Parent 22 0 R"),
            fields=b"22 0 R",
            more={PARENT: b"<</T(Parties)/Kids[20 0 R]>>"},
        ),
        "Parties.Buyer",
    )
    inherits = b"<</Type/Annot/Subtype/Widget/T(Buyer)/Parent 22 0 R/F 4/P 4 0 R%b>>" % RECT
    parent = {PARENT: b"<</FT/Sig/T(Parties)/Kids[20 0 R]>>"}
    yield _plain("kind-from-its-parent", form(inherits, fields=b"22 0 R", more=parent), "Parties.Buyer")
    two = {MORE: widget(b"Seller", rect=b"/Rect[72 400 300 440]")}
    yield _plain(
        "two-in-the-order-of-the-page", form(widget(), fields=b"23 0 R 20 0 R", annots=b"20 0 R 23 0 R", more=two)
    )
    objects = form(widget(b"Seller", page=6), fields=b"20 0 R 23 0 R", annots=b"23 0 R", more={MORE: widget()})
    objects[6] = page_body(7, entries=b"/Annots[20 0 R]")
    yield _plain("two-in-the-order-of-pages", objects)
    yield _plain(
        "form-an-object",
        {**form(widget()), 1: b"<</Type/Catalog/Pages 2 0 R/AcroForm 24 0 R>>", 24: b"<</Fields[20 0 R]>>"},
    )
    yield _plain("page-turned", {**form(widget()), PAGE: page_body(5, entries=b"/Annots[20 0 R]/Rotate 90")})
    yield _plain("text-beside", form(widget(), fields=b"23 0 R 20 0 R", more={MORE: b"<</FT/Tx/T(x)>>"}))


def _kid() -> bytes:
    return b"<</Type/Annot/Subtype/Widget/Parent 20 0 R/F 4/P 4 0 R%b>>" % RECT


def _left_alone() -> Iterator[Case]:
    yield _plain("form-lists-its-fields-twice", form(widget(), fields=b"", of_form=b"/Fields[20 0 R]"), OWN)
    # pyHanko takes the first one, others the last one.
    yield _plain("kind-twice", form(b"<</FT 5 0 R" + widget().removeprefix(b"<<")), OWN)
    twice = {PARENT: b"<</FT/Tx/FT/Sig/T(Parties)/Kids[20 0 R]>>"}
    kid = b"<</Type/Annot/Subtype/Widget/T(Buyer)/Parent 22 0 R/F 4/P 4 0 R%b>>" % RECT
    yield _plain("kind-twice-above", form(kid, fields=b"22 0 R", more=twice), OWN)
    yield _plain("read-only", form(widget(entries=b"/Ff 1")), OWN)
    yield _plain("on-no-page", form(widget(), annots=b""), OWN)
    yield _plain("twice-on-a-page", form(widget(), annots=b"20 0 R 20 0 R"), OWN)
    objects = form(widget())
    objects[6] = page_body(7, entries=b"/Annots[20 0 R]")
    yield _plain("on-two-pages", objects, OWN)
    yield _plain("without-a-name", form(widget().replace(b"/T(Buyer)", b"")), OWN)
    twice = {MORE: widget(rect=b"/Rect[72 400 300 440]")}
    yield _plain("rectangle-of-five-numbers", form(widget(rect=b"/Rect[72 500 500 300 540]")), OWN)
    yield _plain("name-there-twice", form(widget(), fields=b"20 0 R 23 0 R", annots=b"20 0 R 23 0 R", more=twice), OWN)
    both = form(b"<</FT/Sig/T(Buyer)/Kids[21 0 R 23 0 R]>>", annots=b"21 0 R 23 0 R", more={KID: _kid(), MORE: _kid()})
    yield _plain("of-two-widgets", both, OWN)
    apart = form(b"<</FT/Sig/T(Buyer)/Kids[21 0 R]>>", annots=b"21 0 R", more={KID: _kid()})
    yield _plain("apart-from-its-widget", apart, OWN)  # poppler takes such a field for unsigned
    yield _plain("with-a-dictionary-as-value", form(widget(entries=b"/V<</Type/Sig>>")), OWN)
    yield _plain("of-no-widget", form(b"<</FT/Sig/T(Buyer)>>", annots=b""), OWN)
    inside = document(catalog=b"/AcroForm<</Fields[%b]>>" % widget())
    yield _plain("inside-the-form", inside, OWN)
    key_alone = widget().replace(b"/F 4", b"/F 4/X")[:-2] + b"/Y>>"
    yield _plain("key-without-a-value", form(key_alone), OWN)


def _seeds() -> Iterator[Case]:
    def seed(name: str, entries: bytes, fills: str = "Buyer") -> Case:
        return _plain(f"seed-{name}", form(widget(entries=b"/SV<</Type/SV%b>>" % entries)), fills)

    yield seed("suggests", b"/Ff 0/Filter/Other/SubFilter[/adbe.pkcs7.detached]/Reasons[(I agree)]/AddRevInfo true")
    yield seed("subfilter", b"/Ff 2/SubFilter[/ETSI.CAdES.detached/adbe.pkcs7.detached]")
    yield seed("subfilter-rather-another", b"/Ff 2/SubFilter[/adbe.pkcs7.detached/ETSI.CAdES.detached]", OWN)
    yield seed("other-subfilter", b"/Ff 2/SubFilter[/adbe.pkcs7.detached]", OWN)
    yield seed("filter", b"/Ff 1/Filter/Adobe.PPKLite")
    yield seed("other-filter", b"/Ff 1/Filter/Entrust.PPKEF", OWN)
    yield seed("version", b"/Ff 4/V 2")
    yield seed("reasons", b"/Ff 8/Reasons[(I agree)]", OWN)
    yield seed("no-reason", b"/Ff 8/Reasons[(.)]")
    yield seed("digests", b"/Ff 64/DigestMethod[(SHA256)(SHA384)(SHA512)]")
    yield seed("one-digest", b"/Ff 64/DigestMethod[(SHA1)]", OWN)
    yield seed("revocation", b"/Ff 32/AddRevInfo true", OWN)
    yield seed("certification", b"/MDP<</P 2>>", OWN)
    yield seed("approval", b"/MDP<</P 0>>")
    yield seed("certificate", b"/Cert<</Type/SVCert/Ff 2/Issuer[<3000>]>>", OWN)
    yield seed("certificate-suggested", b"/Cert<</Type/SVCert/Ff 0/URL(https://example.org)>>")
    yield seed("timestamp", b"/TimeStamp<</URL(https://example.org)/Ff 1>>", OWN)
    yield seed("lock", b"/Ff 128/LockDocument/true", OWN)
    yield seed("unknown", b"/Ff 4096", OWN)


def _locks() -> Iterator[Case]:
    def lock(name: str, entries: bytes) -> Case:
        text = {MORE: b"<</FT/Tx/T(x)>>"}
        of_form = form(widget(entries=b"/Lock<</Type/SigFieldLock%b>>" % entries), fields=b"23 0 R 20 0 R", more=text)
        return _plain(f"lock-{name}", of_form)

    yield lock("all", b"/Action/All")
    yield lock("some", b"/Action/Include/Fields[(x)]")
    yield lock("others", b"/Action/Exclude/Fields[(x)]")
    yield lock("none", b"/Action/Include/Fields[]")
    yield lock("level", b"/Action/All/P 1")
    broken = form(widget(entries=b"/Lock<</Type/SigFieldLock/Action/Some>>"))
    yield _plain("lock-unknown", broken, OWN)


def _signed_before() -> Iterator[Case]:
    intact = (Earlier(State.INTACT),)
    unsigned = written(form(widget()))
    yield _case("after-another-signature", lambda: signed_by_another(unsigned), "Buyer", earlier=intact)
    for kind in (Form.TABLE, Form.STREAM):
        of_kind = written(form(widget()), kind)
        make = functools.partial(signed_by_another, of_kind, entries=_LOCKS_ALL_BUT_ONE)
        yield _case(f"that-alone-is-not-locked-{kind}", make, "Buyer", earlier=intact)
    all_locked = functools.partial(signed_by_another, unsigned, entries=_LOCKS_ALL)
    yield _case("locked-by-another-signature", all_locked, OWN, Refused("CertifiedPdf"))
    for level in (2, 3):
        make = functools.partial(
            signed_by_another, unsigned, entries=_AUTHOR % level, catalog=b"/Perms<</DocMDP 22 0 R>>"
        )
        yield _case(f"certified-{level}", make, "Buyer", earlier=intact)
    make = functools.partial(signed_by_another, unsigned, entries=_AUTHOR % 1, catalog=b"/Perms<</DocMDP 22 0 R>>")
    yield _case("certified-1", make, OWN, Refused("CertifiedPdf"))
    yield _case("removed-later", lambda: updated(unsigned, {FIELD: b"null"}), OWN)
