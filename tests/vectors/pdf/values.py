"""Values that are missing, null, doubled or of a wrong type."""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Callable, Iterator, Mapping

import pikepdf

from tests.vectors.pdf import builder
from tests.vectors.pdf.builder import Form, Objects, document, written
from tests.vectors.pdf.case import Case, Outcome, Refused, Signed

XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">'
    b"<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>TITLE</rdf:li></rdf:Alt></dc:title>"
    b"<pdf:Producer>Scanner</pdf:Producer>MORE</rdf:Description></rdf:RDF></x:xmpmeta>"
    b'<?xpacket end="w"?>'
)
FACTUR_X = (
    b'<fx:DocumentType xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">INVOICE</fx:DocumentType>'
    b'<zf:Version xmlns:zf="urn:zugferd:pdfa:CrossIndustryDocument:invoice:2p0#">1.0</zf:Version>'
)


def cases() -> Iterator[Case]:
    yield from _absent()
    yield from _doubled()
    yield from _ids()
    yield from _metadata()
    yield from _page_trees()
    yield from _pages()
    yield from _encrypted()


def _case(
    name: str,
    make: Callable[[], bytes],
    right: Outcome | None = None,
    *,
    pages: int = 2,
    readers: int = 2,
) -> Case:
    return Case(name, make, right or Signed(), pages=pages, readers=readers)


def _both(name: str, objects: Objects, *, trailer: bytes = b"", pages: int = 2, readers: int = 2) -> Iterator[Case]:
    """The same objects with a table and with a cross-reference stream."""
    for form in (Form.TABLE, Form.STREAM):
        make = functools.partial(written, objects, form, trailer=trailer)
        yield Case(f"{name}-{form}", make, pages=pages, readers=readers)


# -- null and missing -------------------------------------------------------------------------------

_WIDGET = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/F 4/P 4 0 R/Rect[72 500 300 540]/DA(/F1 12 Tf 0 g)>>"
_EMPTY_SIGNATURE = b"<</Type/Annot/Subtype/Widget/FT/Sig/T(empty)/F 4/P 4 0 R/Rect[0 0 0 0]>>"


def _absent() -> Iterator[Case]:
    """null, and a reference to what is not there, are the same as nothing (ISO 32000-1, 7.3.7 and 7.3.10)."""
    of_page = {
        "annots-null": b"/Annots null",
        "annots-missing-object": b"/Annots 99 0 R",
        "annots-beyond-all-numbers": b"/Annots 99999999 0 R",
        "annots-indirect-null": b"/Annots 8 0 R",
        "annots-empty": b"/Annots[]",
        "annots-with-nulls": b"/Annots[null 99 0 R 8 0 R]",
        "annots-a-number": b"/Annots 7",
        "annots-a-dictionary": b"/Annots<<>>",
        "annots-indirect-array": b"/Annots 9 0 R",
        "page-entries-null": b"/Rotate null/CropBox null/Group null/AA null/StructParents 99 0 R",
    }
    for name, entries in of_page.items():
        yield from _both(
            name,
            document(page=entries, more={8: b"null", 9: b"[]"}),
        )
    of_catalog = {
        "acroform-null": b"/AcroForm null",
        "acroform-missing-object": b"/AcroForm 99 0 R",
        "acroform-indirect-null": b"/AcroForm 8 0 R",
        "acroform-empty": b"/AcroForm<<>>",
        "acroform-without-fields": b"/AcroForm<</NeedAppearances false/SigFlags 0>>",
        "acroform-indirect-without-fields": b"/AcroForm 10 0 R",
        "fields-null": b"/AcroForm<</Fields null>>",
        "fields-missing-object": b"/AcroForm<</Fields 99 0 R>>",
        "fields-indirect-null": b"/AcroForm<</Fields 8 0 R>>",
        "fields-indirect": b"/AcroForm<</Fields 9 0 R>>",
        "fields-with-nulls": b"/AcroForm<</Fields[null 99 0 R 8 0 R]>>",
        "fields-a-number": b"/AcroForm<</Fields 3>>",
        "catalog-entries-null": b"/Names null/Outlines 99 0 R/Metadata null/StructTreeRoot 8 0 R/Perms null/DSS null",
        "metadata-missing-object": b"/Metadata 99 0 R",
        "metadata-a-string": b"/Metadata(none)",
        "extensions-null": b"/Extensions null/Version null",
    }
    for name, entries in of_catalog.items():
        more = {8: b"null", 9: b"[]", 10: b"<</DA(/F1 12 Tf)>>"}
        yield from _both(
            name,
            document(catalog=entries, more=more),
        )
    of_trailer = {
        "info-null": b"/Info null",
        "info-missing-object": b"/Info 99 0 R",
        "info-indirect-null": b"/Info 8 0 R",
        "info-a-string": b"/Info(none)",
        "encrypt-null": b"/Encrypt null",
        "encrypt-missing-object": b"/Encrypt 99 0 R",
    }
    for name, entries in of_trailer.items():
        yield from _both(
            name,
            document(more={8: b"null"}),
            trailer=entries,
        )
    yield from _both("acroform-with-a-field", _with_field())
    yield from _both("annots-shared-by-two-pages", _shared_annots())
    for needed in ("true", "false", "null"):
        yield from _both(f"form-that-needs-appearances-{needed}", _without_appearance(needed.encode()))


def _with_field() -> Objects:
    objects = document(catalog=b"/AcroForm 9 0 R", page=b"/Annots 10 0 R", more={8: _WIDGET})
    return {**objects, 9: b"<</Fields 11 0 R/DR<<>>>>", 10: b"[8 0 R]", 11: b"[8 0 R]"}


def _without_appearance(needed: bytes) -> Objects:
    """A filled field without an appearance: whether readers draw its value hangs on /NeedAppearances."""
    return document(
        catalog=b"/AcroForm<</Fields[8 0 R]/NeedAppearances %b/DR<</Font<</F1 3 0 R>>>>>>" % needed,
        page=b"/Annots[8 0 R]",
        more={8: _WIDGET.replace(b"/T(name)", b"/T(name)/V(Ana)")},
    )


def _shared_annots() -> Objects:
    """Two pages refer to one array: what is added to it for one page is added to the other."""
    square = b"<</Type/Annot/Subtype/Square/Rect[72 600 172 650]/C[1 0 0]/F 4/AP<</N 10 0 R>>>>"
    look = b"/Type/XObject/Subtype/Form/BBox[0 0 100 50]"
    objects = document(more={8: b"[9 0 R]", 9: square, 10: builder.stream(b"1 0 0 RG 2 2 96 46 re S", look)})
    objects[4] = builder.page_body(5, entries=b"/Annots 8 0 R")
    objects[6] = builder.page_body(7, entries=b"/Annots 8 0 R")
    return objects


# -- keys that come twice ---------------------------------------------------------------------------


def _doubled() -> Iterator[Case]:
    """Scanners write keys twice. The value is the one that mainstream readers take: they agree for all of these."""
    of_page = {
        "twice-annots": b"/Annots[8 0 R]/Annots[8 0 R]",
        "twice-annots-null-first": b"/Annots null/Annots[8 0 R]",
        "twice-rotate": b"/Rotate 0/Rotate 0",
        "twice-media-box": b"/MediaBox[0 0 420 842]",
        "twice-contents": b"/Contents 5 0 R",
        "twice-parent": b"/Parent 2 0 R",
        "twice-type": b"/Type/Page",
        "twice-resources": b"/Resources<</Font<</F1 3 0 R>>>>",
    }
    for name, entries in of_page.items():
        yield from _both(
            f"page-{name}",
            document(page=entries, more={8: _WIDGET}),
        )
    of_catalog = {
        "twice-pages": b"/Pages 2 0 R",
        "twice-acroform": b"/AcroForm<</Fields[]>>/AcroForm<</Fields[]>>",
        "twice-page-mode": b"/PageMode/UseNone/PageMode/UseOutlines",
        "twice-type": b"/Type/Catalog",
    }
    for name, entries in of_catalog.items():
        yield from _both(
            f"catalog-{name}",
            document(catalog=entries),
        )
    yield from _both("catalog-twice-pages-and-one-is-another", _two_trees())
    yield from _both("page-twice-contents-and-one-is-another", _two_contents())
    of_trailer = {
        "twice-root": b"/Root 1 0 R/Root 1 0 R",
        "twice-info": b"/Info 8 0 R/Info 8 0 R",
        "twice-size": b"/Size 9",
        "twice-id": b"/ID[<01><02>]/ID[<01><03>]",
    }
    for name, entries in of_trailer.items():
        yield from _both(
            f"trailer-{name}",
            document(more={8: b"<</Title(Contract)>>"}),
            trailer=entries,
        )
    info = b"<</Title(Contract)/Title(Contract)/Producer(Scanner)/Producer(Scanner 2)>>"
    yield from _both("info-twice-title", document(more={8: info}), trailer=b"/Info 8 0 R")
    field = _WIDGET.replace(b"/T(name)", b"/T(name)/T(name)/FT/Tx/F 4")
    yield from _both(
        "field-twice-name",
        document(catalog=b"/AcroForm<</Fields[8 0 R]>>", page=b"/Annots[8 0 R]", more={8: field}),
    )
    signature = _EMPTY_SIGNATURE.replace(b"/FT/Sig", b"/FT/Sig/FT/Sig/T(empty)")
    yield from _both(
        "signature-field-twice-type",
        document(catalog=b"/AcroForm<</Fields[8 0 R]>>", page=b"/Annots[8 0 R]", more={8: signature}),
    )


def _two_trees() -> Objects:
    """/Pages twice, with different trees: qpdf, PDFium and MuPDF take the last one, poppler the first."""
    more = {8: b"<</Type/Pages/Count 1/Kids[9 0 R]>>", 9: builder.page_body(10).replace(b"2 0 R", b"8 0 R")}
    more[10] = builder.content("Page 1: the parties do not agree.")
    objects = document(more=more)
    objects[1] = b"<</Type/Catalog/Pages 8 0 R/Pages 2 0 R>>"
    return objects


def _two_contents() -> Objects:
    objects = document(more={8: builder.content("Page 1: the parties do not agree.")})
    objects[4] = objects[4].replace(b"/Contents 5 0 R", b"/Contents 8 0 R/Contents 5 0 R")
    return objects


# -- /ID --------------------------------------------------------------------------------------------


def _ids() -> Iterator[Case]:
    ids = {
        "number": b"17",
        "one-element": b"[<00112233>]",
        "empty-array": b"[]",
        "string": b"(abc)",
        "null": b"null",
        "missing-object": b"99 0 R",
        "of-numbers": b"[1 2]",
        "three-elements": b"[<01><02><03>]",
        "empty-strings": b"[()()]",
        "name": b"/None",
        "indirect": b"8 0 R",
        "of-references": b"[9 0 R 9 0 R]",
        "long": b"[<%b><%b>]" % (b"ab" * 600, b"cd" * 600),
    }
    more = {8: b"[<00112233><44556677>]", 9: b"<00112233>"}
    for name, text in ids.items():
        yield from _both(
            f"id-{name}",
            document(more=more),
            trailer=b"/ID " + text,
        )


# -- Info and XMP -----------------------------------------------------------------------------------


def _metadata() -> Iterator[Case]:
    texts = {
        "with-a-bare-ampersand": XMP.replace(b"TITLE", b"Smith & Sons"),
        "in-raw-latin-1": XMP.replace(b"TITLE", b"Contrat n\xb0 1, cl\xf4tur\xe9"),
        "with-a-nul-behind": XMP.replace(b"TITLE", b"Contract") + b"\0",
        "with-a-nul-inside": XMP.replace(b"TITLE", b"Con\0tract"),
        "empty": b"",
        "of-spaces": b" " * 400,
        "not-xml": b"Title: Contract",
        "cut": XMP[:200],
        "utf-16": XMP.decode("utf-8").encode("utf-16"),
        "with-a-doctype": b'<!DOCTYPE x [<!ENTITY a "b">]>' + XMP,
        "of-factur-x": XMP.replace(b"TITLE", b"Invoice").replace(b"MORE", FACTUR_X),
    }
    entries = b"/Type/Metadata/Subtype/XML"
    for name, text in texts.items():
        body = builder.stream(text.replace(b"MORE", b""), entries)
        yield from _both(
            f"xmp-{name}",
            document(catalog=b"/Metadata 8 0 R", more={8: body}),
        )
    packed = builder.stream(zlib.compress(XMP.replace(b"MORE", b"")) + b"\0", entries + b"/Filter/FlateDecode")
    yield from _both("xmp-deflated", document(catalog=b"/Metadata 8 0 R", more={8: packed}))
    infos = {
        "nul-in-producer": b"(Scanner\\000)",
        "raw-nul-in-producer": b"(Scanner\0)",
        "producer-in-latin-1": b"(Soci\xe9t\xe9)",
        "producer-in-half-utf-16": b"<FEFF0053D8>",
        "producer-a-number": b"12",
        "producer-null": b"null",
        "producer-missing-object": b"99 0 R",
        "producer-with-brackets": b"(a \\(b\\) (c) \\\\)",
    }
    for name, text in infos.items():
        more = {8: b"<</Producer %b/Title(Contract)/CreationDate(yesterday)>>" % text}
        yield from _both(
            name,
            document(more=more),
            trailer=b"/Info 8 0 R",
        )
    yield from _both("info-direct", document(), trailer=b"/Info<</Producer(Scanner)>>")


# -- page trees -------------------------------------------------------------------------------------


def _page_trees() -> Iterator[Case]:
    trees = {
        "count-missing": b"<</Type/Pages/Kids[4 0 R 6 0 R]>>",
        "count-null": b"<</Type/Pages/Count null/Kids[4 0 R 6 0 R]>>",
        "count-too-small": b"<</Type/Pages/Count 1/Kids[4 0 R 6 0 R]>>",
        "count-zero": b"<</Type/Pages/Count 0/Kids[4 0 R 6 0 R]>>",
        "count-negative": b"<</Type/Pages/Count -2/Kids[4 0 R 6 0 R]>>",
        "count-too-large": b"<</Type/Pages/Count 5/Kids[4 0 R 6 0 R]>>",
        "count-real": b"<</Type/Pages/Count 2.0/Kids[4 0 R 6 0 R]>>",
        "count-indirect": b"<</Type/Pages/Count 8 0 R/Kids[4 0 R 6 0 R]>>",
        "kids-indirect": b"<</Type/Pages/Count 2/Kids 9 0 R>>",
        "kids-with-a-missing-object": b"<</Type/Pages/Count 2/Kids[4 0 R 6 0 R 99 0 R]>>",
        "kids-with-a-missing-object-first": b"<</Type/Pages/Count 3/Kids[99 0 R 4 0 R 6 0 R]>>",
        "kids-with-null": b"<</Type/Pages/Count 2/Kids[4 0 R 6 0 R null]>>",
        "kids-with-a-number": b"<</Type/Pages/Count 2/Kids[4 0 R 6 0 R 8 0 R]>>",
        "pages-without-type": b"<</Count 2/Kids[4 0 R 6 0 R]>>",
        "pages-of-wrong-type": b"<</Type/Page/Count 2/Kids[4 0 R 6 0 R]>>",
        "pages-with-parent-null": b"<</Type/Pages/Parent null/Count 2/Kids[4 0 R 6 0 R]>>",
    }
    # What readers make of these differs: one shows no page, another one all. Nothing may change all the same.
    disputed = {
        "count-too-small", "count-zero", "count-negative", "count-too-large", "count-missing", "count-null",
        "kids-with-a-missing-object-first", "pages-of-wrong-type", "count-real",
    }  # fmt: skip
    for name, tree in trees.items():
        more = {8: b"2", 9: b"[4 0 R 6 0 R]"}
        yield from _both(
            name,
            document(tree=tree, more=more),
            pages=1 if name == "count-too-small" else 2,
            readers=1 if name in disputed else 2,
        )
    yield from _both("tree-is-one-page", _page_as_tree(), pages=1)
    yield from _both("tree-of-three-levels", _deep_tree())
    yield from _both("page-shown-twice", _shown_twice())


def _page_as_tree() -> Objects:
    """The catalog's /Pages is the only page itself."""
    objects = document(1)
    objects[1] = b"<</Type/Catalog/Pages 4 0 R>>"
    objects[4] = objects[4].replace(b"/Parent 2 0 R", b"")
    del objects[2]
    return objects


def _deep_tree() -> Objects:
    """What pages inherit is in nodes above; the first node has no page."""
    objects = document(tree=b"<</Type/Pages/Count 2/Kids[10 0 R 8 0 R]/MediaBox[0 0 420 842]>>")
    objects[8] = b"<</Type/Pages/Parent 2 0 R/Count 2/Kids[9 0 R]/Resources<</Font<</F1 3 0 R>>>>>>"
    objects[9] = b"<</Type/Pages/Parent 8 0 R/Count 2/Kids[4 0 R 6 0 R]>>"
    objects[10] = b"<</Type/Pages/Parent 2 0 R/Count 0/Kids[]>>"
    objects[4] = b"<</Type/Page/Parent 9 0 R/Contents 5 0 R>>"
    objects[6] = b"<</Type/Page/Parent 9 0 R/Contents 7 0 R>>"
    return objects


def _shown_twice() -> Objects:
    """One page object stands twice in the tree: its widget is on both places."""
    return document(tree=b"<</Type/Pages/Count 3/Kids[4 0 R 6 0 R 4 0 R]>>")


# -- pages ------------------------------------------------------------------------------------------


def _pages() -> Iterator[Case]:
    plain = document()[4]
    pages = {
        "page-without-type": plain.replace(b"/Type/Page", b""),
        "page-of-wrong-type": plain.replace(b"/Type/Page/", b"/Type/Pagina/"),
        "page-without-parent": plain.replace(b"/Parent 2 0 R", b""),
        "page-of-another-parent": plain.replace(b"/Parent 2 0 R", b"/Parent 99 0 R"),
        "page-of-null-parent": plain.replace(b"/Parent 2 0 R", b"/Parent null"),
        "page-without-media-box": plain.replace(b"/MediaBox[0 0 420 842]", b""),
        "page-with-names-in-hexadecimal": plain.replace(b"/Contents", b"/C#6fntents"),
        "page-with-comments": plain.replace(b"/Contents", b"%a comment >> \n/Contents"),
        "page-with-line-ends": plain.replace(b"/", b"\r\n/"),
        "page-with-a-key-without-value": plain[:-2] + b"/Tabs>>",
    }
    for name, body in pages.items():
        yield from _both(name, document(more={4: body}), readers=1 if "without-value" in name else 2)
    contents = {
        "contents-an-array": b"[5 0 R]",
        "contents-with-a-missing-object": b"[99 0 R 5 0 R]",
        "contents-with-null": b"[null 5 0 R]",
        "contents-an-indirect-array": b"8 0 R",
    }
    for name, text in contents.items():
        body = plain.replace(b"/Contents 5 0 R", b"/Contents " + text)
        yield from _both(
            name,
            document(more={4: body, 8: b"[5 0 R]"}),
        )
    lengths = {
        "length-wrong": b"/Length 7",
        "length-missing": b"/Lenght 7",
        "length-null": b"/Length null",
        "length-missing-object": b"/Length 99 0 R",
        "length-too-long": b"/Length 400",
        "length-indirect": b"/Length 8 0 R",
    }
    for name, text in lengths.items():
        stream = document()[5]
        start = stream.index(b"/Length")
        changed = stream[:start] + text + stream[stream.index(b">>", start) :]
        length = b"%d" % (stream.index(b"\nendstream") - stream.index(b"stream\n") - 7)
        yield from _both(
            name,
            document(more={5: changed, 8: length}),
        )
    yield _case("catalog-without-type", lambda: written(document(more={1: b"<</Pages 2 0 R>>"})))
    yield _case("catalog-of-wrong-type", lambda: written(document(more={1: b"<</Type/Katalog/Pages 2 0 R>>"})))


# -- encryption -------------------------------------------------------------------------------------


def _encrypted() -> Iterator[Case]:
    ways = {
        "rc4-40": {"R": 2, "aes": False, "metadata": False},
        "rc4-128": {"R": 3, "aes": False, "metadata": False},
        "aes-128": {"R": 4, "aes": True, "metadata": True},
        "aes-128-plain-metadata": {"R": 4, "aes": True, "metadata": False},
        "aes-256": {"R": 6, "aes": True, "metadata": True},
    }
    for name, options in ways.items():
        for form, mode in (
            ("table", pikepdf.ObjectStreamMode.disable),
            ("stream", pikepdf.ObjectStreamMode.generate),
        ):
            if form == "stream" and name.startswith("rc4-40"):
                continue
            yield _case(
                f"owner-password-{name}-{form}",
                # Of the oldest revision qpdf writes one bit for all changes.
                functools.partial(_locked, options, mode=mode, modify_assembly=True),
            )
    r6 = ways["aes-256"]
    yield _case("owner-password-and-no-print", lambda: _locked(r6, print_highres=False, print_lowres=False))
    yield _case(
        "owner-password-and-no-changes",
        lambda: _locked(r6, modify_annotation=False, modify_form=False, modify_other=False, modify_assembly=False),
        Refused("ProtectedPdfError"),
    )
    yield _case(
        "owner-password-and-comments-only",
        lambda: _locked(r6, modify_form=False, modify_other=False, modify_assembly=False),
        Refused("ProtectedPdfError"),
    )
    yield _case(
        "owner-password-and-forms-only-with-an-empty-field",
        lambda: _locked(r6, empty_field=True, modify_annotation=False, modify_other=False, modify_assembly=False),
        Signed(),  # by the empty field: a new one is forbidden
    )
    yield _case("user-password", lambda: _locked(r6, user="user"), Refused("ProtectedPdfError"))
    yield _case("user-password-rc4", lambda: _locked(ways["rc4-128"], user="user"), Refused("ProtectedPdfError"))


def _locked(
    options: Mapping[str, object],
    *,
    user: str = "",
    empty_field: bool = False,
    mode: pikepdf.ObjectStreamMode = pikepdf.ObjectStreamMode.disable,
    **forbidden: bool,
) -> bytes:
    """Encrypted under an owner password; `forbidden` are permissions that the file does not give."""
    info = b"<</Title(Contract)>>"
    objects = document(catalog=b"/Metadata 9 0 R", more={8: info, 9: builder.stream(XMP.replace(b"MORE", b""))})
    if empty_field:
        objects = document(catalog=b"/AcroForm<</Fields[8 0 R]>>", page=b"/Annots[8 0 R]", more={8: _EMPTY_SIGNATURE})
    trailer = b"" if empty_field else b"/Info 8 0 R"
    allow = pikepdf.Permissions(**forbidden)
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(written(objects, trailer=trailer))) as pdf:
        encryption = pikepdf.Encryption(user=user, owner="owner", allow=allow, **options)  # type: ignore[arg-type]
        pdf.save(target, encryption=encryption, object_stream_mode=mode)
    return target.getvalue()
