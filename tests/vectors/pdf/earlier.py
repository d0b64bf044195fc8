"""Signatures that are in the file already, of all ages and makers, and what was appended after them."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pikepdf

from signroom.domain.validation import Check
from tests.pki import authority
from tests.vectors.pdf import builder
from tests.vectors.pdf.builder import Form, Objects, document, updated, written
from tests.vectors.pdf.case import Case, Earlier, Refused, Signed, State
from tests.vectors.pdf.containers import (
    ORDINARY,
    P256,
    RARE,
    container,
    rsa_sha1,
    sha1_pkcs7,
    timestamp,
)
from tests.vectors.pdf.signing import filled, signed_by_another, signed_by_pyhanko, vri_key

INTACT = Earlier(State.INTACT)
BROKEN = Earlier(State.BROKEN)
TIMESTAMP = Earlier(State.TIMESTAMP)
NOT_BROKEN = Earlier(State.NOT_BROKEN)
FORMS = (Form.TABLE, Form.STREAM)
Change = Callable[[bytes], bytes]


def cases() -> Iterator[Case]:
    yield from _old_kinds()
    yield from _rare_kinds()
    yield from _second_ones()
    yield from _long_term()
    yield from _filled_in_later()
    yield from _shadows()
    yield from _linearized()
    yield from _timestamps()
    yield from _empty()


def _signed(form: Form = Form.TABLE) -> bytes:
    return signed_by_another(written(document(), form))


def _changed(make: Callable[[], bytes], *changes: Change) -> bytes:
    """What `make` gives after each of `changes` in turn."""
    file = make()
    for change in changes:
        file = change(file)
    return file


def _case(
    name: str, make: Callable[[], bytes], *changes: Change, earlier: tuple[Earlier, ...], right: Refused | None = None
) -> Case:
    return Case(name, functools.partial(_changed, make, *changes), right or Signed(), earlier=earlier)


# -- kinds ------------------------------------------------------------------------------------------


def _old_kinds() -> Iterator[Case]:
    weak = Earlier(State.UNPROVEN, checks=(Check.ALGORITHM_NOT_ALLOWED,))
    certificate = b"/Cert<%b>" % authority.leaf("rsa2048").certificate_der.hex().encode()
    chain = b"/Cert[<%b><%b>]" % tuple(der.hex().encode() for der in authority.leaf("rsa2048").chain_der)
    for form in FORMS:
        yield _case(
            f"adbe-pkcs7-sha1-{form}",
            functools.partial(signed_by_another, written(document(), form), sha1_pkcs7, subfilter=b"/adbe.pkcs7.sha1"),
            earlier=(weak,),
        )
        for name, entries in (("one-certificate", certificate), ("chain", chain)):
            yield _case(
                f"adbe-x509-rsa-sha1-{name}-{form}",
                functools.partial(
                    signed_by_another,
                    written(document(), form),
                    rsa_sha1,
                    subfilter=b"/adbe.x509.rsa_sha1",
                    entries=entries,
                ),
                earlier=(weak,),
            )
    yield _case(
        "adbe-pkcs7-sha1-and-then-another",
        functools.partial(signed_by_another, written(document()), sha1_pkcs7, subfilter=b"/adbe.pkcs7.sha1"),
        functools.partial(signed_by_another, field=b"Second"),
        earlier=(weak, INTACT),
    )
    yield _case(
        "adbe-pkcs7-detached-with-signing-time",
        functools.partial(
            signed_by_another,
            written(document()),
            functools.partial(container, signing_time=True),
            subfilter=b"/adbe.pkcs7.detached",
        ),
        earlier=(INTACT,),
    )
    for name, make, subfilter, entries in (
        ("adbe-pkcs7-sha1", sha1_pkcs7, b"/adbe.pkcs7.sha1", b""),
        ("adbe-x509-rsa-sha1", rsa_sha1, b"/adbe.x509.rsa_sha1", certificate),
    ):
        yield _case(
            f"{name}-of-other-bytes",
            functools.partial(signed_by_another, written(document()), make, subfilter=subfilter, entries=entries),
            _one_letter,
            earlier=(BROKEN,),
            right=Refused("EarlierSignatureBroken"),
        )


def _one_letter(file: bytes) -> bytes:
    return file.replace(b"the parties agree", b"the parties argue")


def _rare_kinds() -> Iterator[Case]:
    for name, kind in RARE.items():
        yield _case(
            f"kind-{name}",
            functools.partial(signed_by_another, written(document()), functools.partial(container, kinds=(kind,))),
            earlier=(NOT_BROKEN,),
        )
        yield _case(
            f"kind-{name}-and-then-another",
            functools.partial(signed_by_another, written(document()), functools.partial(container, kinds=(kind,))),
            functools.partial(signed_by_another, field=b"Second"),
            earlier=(NOT_BROKEN, INTACT),
        )
    yield _case(
        "two-signers-in-one-signature",
        functools.partial(signed_by_another, written(document()), functools.partial(container, kinds=(ORDINARY, P256))),
        earlier=(NOT_BROKEN,),
    )
    yield _case(
        "unknown-subfilter",
        functools.partial(signed_by_another, written(document()), subfilter=b"/Example.signature"),
        earlier=(NOT_BROKEN,),
    )


# -- second signatures ------------------------------------------------------------------------------


def _second_ones() -> Iterator[Case]:
    for form in FORMS:
        yield _case(
            f"fields-with-parents-{form}",
            functools.partial(signed_by_pyhanko, written(document(), form), field="A.Sig"),
            functools.partial(signed_by_pyhanko, field="B.Sig", signer="p256"),
            earlier=(INTACT, INTACT),
        )
        yield _case(
            f"fields-with-one-parent-{form}",
            functools.partial(signed_by_pyhanko, written(document(), form), field="A.First"),
            functools.partial(signed_by_pyhanko, field="A.Second", signer="p256"),
            earlier=(INTACT, INTACT),
        )
        yield _case(
            f"cosigned-by-another-product-{form}",
            functools.partial(_signed, form),
            functools.partial(signed_by_another, field=b"Second"),
            earlier=(INTACT, INTACT),
        )
        yield _case(
            f"tagged-and-cosigned-{form}",
            functools.partial(signed_by_another, written(_tagged(), form)),
            _cosigned_and_tagged,
            earlier=(INTACT, INTACT),
        )
    yield _case(
        "ten-signatures",
        _signed,
        *(functools.partial(signed_by_another, field=b"Signer%d" % n) for n in range(2, 11)),
        earlier=(INTACT,) * 10,
    )


def _tagged() -> Objects:
    """A tagged document (ISO 32000-1, 14.7): each page is a paragraph."""
    objects = document(
        catalog=b"/MarkInfo<</Marked true>>/StructTreeRoot 8 0 R",
        page=b"/StructParents 0",
        more={
            8: b"<</Type/StructTreeRoot/K 9 0 R/ParentTree 10 0 R/ParentTreeNextKey 1>>",
            9: b"<</Type/StructElem/S/Document/P 8 0 R/K[11 0 R]>>",
            10: b"<</Nums[0[11 0 R]]>>",
            11: b"<</Type/StructElem/S/P/P 9 0 R/Pg 4 0 R/K 0>>",
        },
    )
    text = b"/P<</MCID 0>>BDC BT /F1 24 Tf 72 720 Td (%b) Tj ET EMC" % builder.text_of_page(1).encode()
    objects[5] = builder.stream(text)
    return objects


def _cosigned_and_tagged(file: bytes) -> bytes:
    """The second product puts its own widget into the structure tree: root and parent tree gain a kid."""
    new = builder.highest(file) + 1
    element = new + 2
    tree = {
        9: b"<</Type/StructElem/S/Document/P 8 0 R/K[11 0 R %d 0 R]>>" % element,
        10: b"<</Nums[0[11 0 R]1 %d 0 R]>>" % element,
        8: b"<</Type/StructTreeRoot/K 9 0 R/ParentTree 10 0 R/ParentTreeNextKey 2>>",
        element: b"<</Type/StructElem/S/Form/P 9 0 R/Pg 4 0 R/K<</Type/OBJR/Obj %d 0 R/Pg 4 0 R>>>>" % new,
    }
    return signed_by_another(file, field=b"Second", more=tree)


# -- validation data (DSS) --------------------------------------------------------------------------


def _long_term() -> Iterator[Case]:
    stamp = functools.partial(
        signed_by_another, make=timestamp, field=b"Stamp", subfilter=b"/ETSI.RFC3161", kind=b"/Type/DocTimeStamp"
    )
    for form in FORMS:
        make = functools.partial(_signed, form)
        yield _case(f"validation-data-{form}", make, _validation_data, earlier=(INTACT,))
        yield _case(f"validation-data-refreshed-{form}", make, _validation_data, _refreshed, earlier=(INTACT,))
        yield _case(
            f"long-term-refreshed-{form}",
            make,
            _validation_data,
            stamp,
            _refreshed,
            functools.partial(stamp, field=b"Stamp2"),
            earlier=(INTACT, TIMESTAMP, TIMESTAMP),
        )
        yield _case(f"resources-moved-{form}", make, _resources_moved, earlier=(INTACT,))
        yield _case(f"resources-moved-and-validation-data-{form}", make, _moved_with_data, earlier=(INTACT,))
        yield _case(
            f"validation-data-direct-refreshed-{form}",
            make,
            functools.partial(_direct_data, time=b"20240201"),
            functools.partial(_direct_data, time=b"20240301"),
            earlier=(INTACT,),
        )
    for kind in (b"/Type/DSS", b"/Type(VRI)", b"/Type 7", b"/Type null"):
        name = re.sub(r"\W+", "-", kind.decode()).strip("-").lower()
        yield _case(f"vri-of-odd-{name}", _signed, functools.partial(_validation_data, kind=kind), earlier=(INTACT,))


def _catalog_with(file: bytes, entries: bytes) -> bytes:
    """The body of the catalog with `entries` in place of what it had under the same keys."""
    keys = {"/" + key.decode() for key in re.findall(rb"/(\w+)", entries)}
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        return b"<<%b%b>>" % (builder.entries_of(pdf.Root, *keys), entries)


def _validation_data(file: bytes, kind: bytes = b"/Type/VRI") -> bytes:
    """A DSS with the certificates, and a VRI dictionary for the signature (EN 319 142-1, 5.4.2)."""
    new = builder.highest(file) + 1
    return updated(
        file,
        {
            builder.CATALOG: _catalog_with(file, b"/DSS %d 0 R" % new),
            new: b"<</Type/DSS/Certs[%d 0 R]/VRI<</%b %d 0 R>>>>" % (new + 1, vri_key(file), new + 2),
            new + 1: builder.stream(authority.leaf("rsa2048").certificate_der),
            new + 2: b"<<%b/Cert[%d 0 R]/TU(D:20240201120000Z)>>" % (kind, new + 1),
        },
    )


def _direct_data(file: bytes, time: bytes) -> bytes:
    """A DSS within the catalog and a VRI within the DSS, with a certificate of its own; both replace earlier ones."""
    new = builder.highest(file) + 1
    vri = b"<</Type/VRI/Cert[%d 0 R]/TU(D:%b120000Z)>>" % (new, time)
    dss = b"/DSS<</Type/DSS/Certs[%d 0 R]/VRI<</%b %b>>>>" % (new, vri_key(file), vri)
    certificate = builder.stream(authority.leaf("rsa2048").certificate_der)
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        catalog = builder.entries_of(pdf.Root, "/DSS")
    return updated(file, {builder.CATALOG: b"<<%b%b>>" % (catalog, dss), new: certificate})


def _refreshed(file: bytes) -> bytes:
    """A later update replaces the DSS, and in it the signature's own VRI."""
    number = builder.highest(file) + 1
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        dss = pdf.Root.DSS
        (key,) = dss.VRI.keys()
        at, certificate, vri = dss.objgen[0], dss.Certs[0].objgen[0], dss.VRI[key].objgen[0]
    return updated(
        file,
        {
            at: b"<</Type/DSS/Certs[%d 0 R %d 0 R]/VRI<<%b %d 0 R>>>>" % (certificate, number, key.encode(), vri),
            number: builder.stream(authority.root_der()),
            vri: b"<</Type/VRI/Cert[%d 0 R %d 0 R]/TU(D:20240301120000Z)>>" % (certificate, number),
        },
    )


def _page_with_resources_apart(file: bytes) -> Objects:
    """The first page with the same resources as before, now in an object of their own."""
    new = builder.highest(file) + 1
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        page = pdf.pages[0].obj
        kept = builder.entries_of(page, "/Resources")
        resources = page.Resources.unparse(resolved=True)
        number = page.objgen[0]
    return {number: b"<<%b/Resources %d 0 R>>" % (kept, new), new: resources}


def _resources_moved(file: bytes) -> bytes:
    return updated(file, _page_with_resources_apart(file))


def _moved_with_data(file: bytes) -> bytes:
    return _resources_moved(_validation_data(file))


# -- forms and comments -----------------------------------------------------------------------------


def _with_form() -> Objects:
    """A text field and a choice on the first page, both with what they show."""
    look = b"/Type/XObject/Subtype/Form/BBox[0 0 228 30]/Resources<</Font<</F1 3 0 R>>>>"
    text = (
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V()/F 4/P 4 0 R/Rect[72 500 300 530]/DA(/F1 14 Tf 0 g)"
        b"/AP<</N 9 0 R>>>>"
    )
    choice = (
        b"<</Type/Annot/Subtype/Widget/FT/Ch/Ff 131072/T(town)/V(Rome)/Opt[(Rome)(Paris)]/F 4/P 4 0 R"
        b"/Rect[72 400 300 430]/DA(/F1 14 Tf 0 g)/AP<</N 11 0 R>>>>"
    )
    return document(
        catalog=b"/AcroForm<</Fields[8 0 R 10 0 R]/DR<</Font<</F1 3 0 R>>>>/DA(/F1 14 Tf 0 g)>>",
        page=b"/Annots[8 0 R 10 0 R]",
        more={8: text, 9: _look(b"", look), 10: choice, 11: _look(b"Rome", look)},
    )


def _look(text: bytes, entries: bytes) -> bytes:
    return builder.stream(b"/Tx BMC BT /F1 14 Tf 2 10 Td (%b) Tj ET EMC" % text, entries)


def _filled(file: bytes, *, choice: bool = False) -> bytes:
    """The text field gets a value, or the choice another one; the appearance follows."""
    objects = _with_form()
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 228 30]/Resources<</Font<</F1 3 0 R>>>>"
    new = builder.highest(file) + 1
    if choice:
        field = objects[10].replace(b"/V(Rome)", b"/V(Paris)").replace(b"11 0 R", b"%d 0 R" % new)
        return updated(file, {10: field, new: _look(b"Paris", entries)})
    field = objects[8].replace(b"/V()", b"/V(Ana)").replace(b"9 0 R", b"%d 0 R" % new)
    return updated(file, {8: field, new: _look(b"Ana", entries)})


def _commented(file: bytes, *, subtype: bytes = b"/Text") -> bytes:
    """A comment on the first page, in the margin."""
    new = builder.highest(file) + 1
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        page = pdf.pages[0].obj
        kept = builder.entries_of(page, "/Annots")
        annotations = b" ".join(a.unparse() for a in page.get("/Annots", []))
        number = page.objgen[0]
    note = b"<</Type/Annot/Subtype%b/Rect[10 800 30 820]/Contents(Seen.)/F 4/P %d 0 R/C[1 1 0]>>" % (subtype, number)
    return updated(file, {number: b"<<%b/Annots[%b %d 0 R]>>" % (kept, annotations, new), new: note})


def _filled_in_later() -> Iterator[Case]:
    filled_later = (Earlier(State.INTACT, warning="form filled in later"),)
    commented_later = (Earlier(State.INTACT, warning="comment added later"),)
    for form in FORMS:
        make = functools.partial(signed_by_another, written(_with_form(), form))
        yield _case(f"form-filled-later-{form}", make, _filled, earlier=filled_later)
        yield _case(f"choice-changed-later-{form}", make, functools.partial(_filled, choice=True), earlier=filled_later)
        yield _case(
            f"comment-added-later-{form}", functools.partial(_signed, form), _commented, earlier=commented_later
        )
    yield _case(
        "highlight-added-later",
        _signed,
        functools.partial(_commented, subtype=b"/Square"),
        earlier=commented_later,
    )
    yield _case(
        "form-filled-and-then-signed-again",
        functools.partial(signed_by_another, written(_with_form())),
        _filled,
        functools.partial(signed_by_another, field=b"Second"),
        earlier=(*filled_later, INTACT),
    )


# -- shadows ----------------------------------------------------------------------------------------


def _shadow_form(appearance: bytes, field: bytes = b"/FT/Btn/Ff 65536") -> Objects:
    """A button over the middle of the first page that shows `appearance` (Mainka and others, NDSS 2021)."""
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 320 60]/Resources<</Font<</F1 3 0 R>>>>"
    button = b"<</Type/Annot/Subtype/Widget%b/T(b)/F 4/P 4 0 R/Rect[60 560 380 620]/MK<<>>/AP<</N 9 0 R>>>>" % field
    return document(
        catalog=b"/AcroForm<</Fields[8 0 R]>>",
        page=b"/Annots[8 0 R]",
        more={8: button, 9: builder.stream(appearance, entries)},
    )


_INNOCENT = b"BT /F1 20 Tf 4 20 Td (The price is 100 euro.) Tj ET"
_COVER = b"1 1 1 rg 0 0 320 60 re f 0 g BT /F1 20 Tf 4 20 Td (See overleaf.) Tj ET"
_OTHER = b"BT /F1 20 Tf 4 20 Td (The price is 900,000 euro.) Tj ET"


def _replace(file: bytes) -> bytes:
    """The button's appearance is another one now: another price, where no form was filled in."""
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 320 60]/Resources<</Font<</F1 3 0 R>>>>"
    return updated(file, {9: builder.stream(_OTHER, entries)})


def _unhide(file: bytes, *, free: bool = False) -> bytes:
    """What covered a text of the signed page is gone: hidden by its flag, or its object is free."""
    if not free:
        return updated(file, {8: _shadow_form(_COVER)[8].replace(b"/F 4", b"/F 2")})
    writer = builder.Writer.after(file)
    at, size = writer.section, builder.highest(file) + 1
    writer.places[9] = (0, 0, 1)
    root = builder.root_of(file)
    if file[at : at + 4] != b"xref":
        return writer.stream(size, root + b"/Prev %d" % at).file
    return writer.table(root + b"/Prev %d" % at, first=False, size=b"%d" % size).file


def _hidden() -> Objects:
    """The page has a second text, and the button lies over it."""
    objects = _shadow_form(_COVER)
    under = b"BT /F1 24 Tf 72 720 Td (%b) Tj ET BT /F1 20 Tf 64 580 Td (The price is 900,000 euro.) Tj ET"
    return {**objects, 5: builder.stream(under % builder.text_of_page(1).encode())}


def _redefined(file: bytes) -> bytes:
    """A later section gives the first page another content."""
    return updated(file, {5: builder.content("Page 1: the parties do not agree.")})


def _font_changed(file: bytes) -> bytes:
    """Another font: the letters of the signed page mean or look like others."""
    return updated(file, {3: b"<</Type/Font/Subtype/Type1/BaseFont/ZapfDingbats>>"})


def _rotated(file: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        page = pdf.pages[0].obj
        body, number = page.unparse(resolved=True), page.objgen[0]
    return updated(file, {number: body[:-2] + b"/Rotate 180>>"})


def _page_added(file: bytes) -> bytes:
    new = builder.highest(file) + 1
    return updated(
        file,
        {
            2: b"<</Type/Pages/Count 3/Kids[4 0 R 6 0 R %d 0 R]>>" % new,
            new: builder.page_body(new + 1),
            new + 1: builder.content("Page 3: the parties do not agree."),
        },
    )


def _covering_comment(file: bytes) -> bytes:
    """A comment with an appearance that lies over the text of the page."""
    new = builder.highest(file) + 1
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        page = pdf.pages[0].obj
        kept = builder.entries_of(page, "/Annots")
        annotations = b" ".join(a.unparse() for a in page.get("/Annots", []))
        number = page.objgen[0]
    look = b"/Type/XObject/Subtype/Form/BBox[0 0 400 60]/Resources<</Font<</F1 3 0 R>>>>"
    text = b"1 1 1 rg 0 0 400 60 re f 0 g BT /F1 24 Tf 12 20 Td (Page 1: nobody agrees.) Tj ET"
    stamp = b"<</Type/Annot/Subtype/Stamp/Rect[60 700 460 760]/F 4/P %d 0 R/AP<</N %d 0 R>>>>" % (number, new + 1)
    page_body = b"<<%b/Annots[%b %d 0 R]>>" % (kept, annotations, new)
    return updated(file, {number: page_body, new: stamp, new + 1: builder.stream(text, look)})


def _shadows() -> Iterator[Case]:
    broken = Refused("EarlierSignatureBroken")
    for form in FORMS:
        shadows: dict[str, tuple[Objects, Change]] = {
            "replace": (_shadow_form(_INNOCENT), _replace),
            "hide-by-flag": (_hidden(), _unhide),
            "hide-by-freeing": (_hidden(), functools.partial(_unhide, free=True)),
            "content-changed": (document(), _redefined),
            "font-changed": (document(), _font_changed),
            "page-rotated": (document(), _rotated),
            "page-added": (document(), _page_added),
            "comment-over-the-text": (document(), _covering_comment),
        }
        for name, (objects, change) in shadows.items():
            yield _case(
                f"shadow-{name}-{form}",
                functools.partial(signed_by_another, written(objects, form)),
                change,
                earlier=(BROKEN,),
                right=broken,
            )
    yield _case(
        "shadow-replace-and-then-signed-again",
        functools.partial(signed_by_another, written(_shadow_form(_INNOCENT))),
        _replace,
        functools.partial(signed_by_another, field=b"Second"),
        earlier=(BROKEN, INTACT),
        right=broken,
    )


# -- linearized -------------------------------------------------------------------------------------


def _linearized_and_signed() -> bytes:
    """Linearized with its signature in it, as Acrobat writes: the last address points near the beginning."""
    value = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(D:%bZ)/ByteRange[%b]/Contents<%b>>>" % (
        datetime.now(UTC).strftime("%Y%m%d%H%M%S").encode(),
        b"0 9999999999 9999999999 9999999999",
        b"0" * 18_000,
    )
    widget = b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Other)/F 132/P 4 0 R/Rect[0 0 0 0]/V 9 0 R>>"
    catalog = b"/AcroForm<</Fields[8 0 R]/SigFlags 3>>"
    objects = document(catalog=catalog, page=b"/Annots[8 0 R]", more={8: widget, 9: value})
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(written(objects))) as pdf:
        pdf.save(
            target,
            linearize=True,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            compress_streams=False,
        )
    # qpdf puts a space before the string, and `filled` expects none.
    file = target.getvalue().replace(b"/Contents <0000", b" /Contents<0000")
    return filled(file, container)


def _linearized() -> Iterator[Case]:
    yield _case("linearized-and-signed", _linearized_and_signed, earlier=(INTACT,))
    yield _case("linearized-signed-and-updated", _linearized_and_signed, _validation_data_anywhere, earlier=(INTACT,))
    yield _case(
        "linearized-signed-and-signed-again",
        _linearized_and_signed,
        functools.partial(signed_by_another, field=b"Second"),
        earlier=(INTACT, INTACT),
    )
    yield _case(
        "linearized-and-then-signed",
        _linearized_only,
        functools.partial(signed_by_another, field=b"Other"),
        earlier=(INTACT,),
    )


def _linearized_only() -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(written(document()))) as pdf:
        pdf.save(target, linearize=True)
    return target.getvalue()


def _validation_data_anywhere(file: bytes) -> bytes:
    """A DSS for a file whose catalog has another number than ours."""
    new = builder.highest(file) + 1
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        root = pdf.Root.objgen[0]
    return updated(
        file,
        {
            root: _catalog_with(file, b"/DSS %d 0 R" % new),
            new: b"<</Type/DSS/Certs[%d 0 R]>>" % (new + 1),
            new + 1: builder.stream(authority.root_der()),
        },
    )


# -- timestamps and empty places --------------------------------------------------------------------


def _timestamps() -> Iterator[Case]:
    for name, kind in (("doctimestamp", b"/Type/DocTimeStamp"), ("sig", b"/Type/Sig"), ("none", b"")):
        stamp = functools.partial(
            signed_by_another, make=timestamp, field=b"Stamp", subfilter=b"/ETSI.RFC3161", kind=kind
        )
        yield _case(f"timestamp-of-type-{name}", _signed, stamp, earlier=(INTACT, TIMESTAMP))
        yield _case(
            f"timestamp-alone-of-type-{name}", functools.partial(stamp, written(document())), earlier=(TIMESTAMP,)
        )


def _empty() -> Iterator[Case]:
    """A field without a value, or with a value that signs nothing, is no signature."""
    values = {
        "no-value": b"",
        "null": b"/V null",
        "missing-object": b"/V 99 0 R",
        "indirect-null": b"/V 10 0 R",
        "empty-dictionary": b"/V<<>>",
        "empty-indirect-dictionary": b"/V 9 0 R",
        "type-alone": b"/V<</Type/Sig>>",
        "without-contents": b"/V<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/ByteRange[0 1 2 3]>>",
        "empty-contents": b"/V<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/Contents<>/ByteRange[]>>",
        "zeros": (
            b"/V<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/ByteRange[0 0 0 0]/Contents<%b>>>"
            % (b"0" * 200)
        ),
    }
    for name, value in values.items():
        widget = b"<</Type/Annot/Subtype/Widget/FT/Sig/T(empty)/F 132/P 4 0 R/Rect[0 0 0 0]%b>>" % value
        objects = document(
            catalog=b"/AcroForm<</Fields[8 0 R]>>",
            page=b"/Annots[8 0 R]",
            more={8: widget, 9: b"<<>>", 10: b"null"},
        )
        for form in FORMS:
            yield Case(f"empty-signature-{name}-{form}", functools.partial(written, objects, form))
