"""Object numbers and cross-references that are not what they should be."""

from __future__ import annotations

import functools
import io
import operator
import re
import zlib
from collections.abc import Callable, Iterable, Iterator

import pikepdf

from tests.vectors.pdf import builder
from tests.vectors.pdf.builder import FORMS, FREE, HEADER, Form, Objects, Writer, document, updated, written
from tests.vectors.pdf.case import Case, Earlier, MendedOrRefused, Outcome, Refused, Signed, State
from tests.vectors.pdf.containers import container
from tests.vectors.pdf.signing import signed_by_another

Place = tuple[int, int, int]
INTACT = (Earlier(State.INTACT),)


def in_forms(
    name: str,
    make: Callable[[Form], bytes],
    right: Outcome | None = None,
    *,
    forms: Iterable[Form] = FORMS,
    pages: int = 2,
    earlier: tuple[Earlier, ...] = (),
    readers: int = 2,
) -> Iterator[Case]:
    """The same fault in several forms of the cross-reference."""
    for form in forms:
        yield Case(
            f"{name}-{form}",
            functools.partial(make, form),
            right or Signed(),
            pages=pages,
            earlier=earlier,
            readers=readers,
        )


def cases() -> Iterator[Case]:
    yield from _sizes()
    yield from _streams()
    yield from _tables()
    yield from _addresses()
    yield from _behind()
    yield from _before()
    yield from _rebuilt()
    yield from _odd_and_good()
    yield from _slow()


# -- /Size ------------------------------------------------------------------------------------------


def _with_font_last() -> Objects:
    """The font is the last object, and no reader would take another one for it."""
    font = 8
    return document(
        more={
            4: builder.page_body(5, font=font),
            6: builder.page_body(7, font=font),
            font: b"<</Type/Font/Subtype/Type1/BaseFont/Times-BoldItalic>>",
        }
    )


def _with_field_last() -> Objects:
    """A filled text field is the last object but its appearance."""
    widget = (
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Ana)/F 4/P 4 0 R/Rect[72 500 300 540]"
        b"/DA(/F1 24 Tf 0 g)/AP<</N 9 0 R>>>>"
    )
    look = b"/Type/XObject/Subtype/Form/BBox[0 0 228 40]/Resources<</Font<</F1 3 0 R>>>>"
    return document(
        catalog=b"/AcroForm<</Fields[8 0 R]/DR<</Font<</F1 3 0 R>>>>>>",
        page=b"/Annots[8 0 R]",
        more={8: widget, 9: builder.stream(b"/Tx BMC BT /F1 24 Tf 2 10 Td (Ana) Tj ET EMC", look)},
    )


def _sizes() -> Iterator[Case]:
    sizes = {
        "size-below-content": (document, b"7"),
        "size-below-page": (document, b"6"),
        "size-below-half": (document, b"5"),
        "size-below-font": (_with_font_last, b"8"),
        "size-below-field": (_with_field_last, b"8"),
        "size-one": (document, b"1"),
        "size-zero": (document, b"0"),
        "size-negative": (document, b"-4"),
        "size-missing": (document, b""),
        "size-real": (document, b"7.0"),
        "size-too-large": (document, b"4000"),
        "size-beyond-numbers": (document, b"99999999999999999999"),
        "size-text": (document, b"(8)"),
    }
    no_numbers = {"size-negative", "size-missing", "size-beyond-numbers", "size-text"}
    for name, (objects, size) in sizes.items():
        right = MendedOrRefused() if name in no_numbers else Signed()
        yield from in_forms(name, functools.partial(written, objects(), size=size), right)
    yield from in_forms("size-of-last-section-smaller", _smaller_later)
    yield Case("size-below-packed", lambda: _packed_above(unlisted=False))
    yield Case("size-below-packed-and-unlisted", lambda: _packed_above(unlisted=True))


def _smaller_later(form: Form) -> bytes:
    """The second section changes the first page and claims fewer objects than the first section has."""
    first = written(document(3), form)
    return updated(first, {5: builder.content(builder.text_of_page(1), at=600)}, size=5)


def _packed_above(*, unlisted: bool) -> bytes:
    """All but the streams are in an object stream; pages have numbers far above /Size.

    With `unlisted` the object stream also holds an object that no cross-reference names: its number is in use all
    the same for a reader that rebuilds the table.
    """
    kids = b"<</Type/Pages/Count 2/Kids[40 0 R 41 0 R]>>"
    packed = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: kids,
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        40: builder.page_body(5),
        41: builder.page_body(6),
    }
    writer = Writer()
    writer.add(5, builder.content(builder.text_of_page(1)))
    writer.add(6, builder.content(builder.text_of_page(2)))
    writer.pack(7, packed, unlisted={60: b"<</Nothing true>>"} if unlisted else None)
    return writer.stream(8, size=b"9").file


# -- streams ----------------------------------------------------------------------------------------


def flushed(data: bytes) -> bytes:
    """A zlib stream that ends in a sync flush: no last block, no checksum (RFC 1950, 1951)."""
    compressor = zlib.compressobj()
    return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


def _without_checksum(data: bytes) -> bytes:
    return zlib.compress(data)[:-4]


def _with_rubbish(data: bytes) -> bytes:
    return zlib.compress(data) + b"\r\n\r\n"


def _streams() -> Iterator[Case]:
    for name, compress in {
        "sync-flush": flushed,
        "no-checksum": _without_checksum,
        "rubbish-behind-zlib": _with_rubbish,
    }.items():
        yield Case(f"xref-{name}", functools.partial(_deflated, compress, "xref"))
        yield Case(f"packed-{name}", functools.partial(_deflated, compress, "packed"))
        yield Case(f"content-{name}", functools.partial(_deflated, compress, "content"))
    yield Case("xref-stream-not-packed", lambda: _deflated(None, "xref"))
    yield Case("xref-stream-predicted", lambda: _predicted(zlib.compress))
    yield Case("xref-stream-predicted-sync-flush", lambda: _predicted(flushed))


def _deflated(compress: Callable[[bytes], bytes] | None, where: str) -> bytes:
    objects = document()
    packer = compress or zlib.compress
    if where == "content":
        for number, page in ((5, 1), (7, 2)):
            text = b"BT /F1 24 Tf 72 720 Td (%b) Tj ET" % builder.text_of_page(page).encode()
            objects[number] = builder.stream(packer(text), b"/Filter/FlateDecode")
    writer = Writer()
    packed = builder.packable(objects, Form.STREAM)
    writer.add_all({n: b for n, b in objects.items() if n not in packed})
    writer.pack(8, packed, packer if where == "packed" else zlib.compress)
    return writer.stream(9, compress=compress if where == "xref" else zlib.compress).file


def _predicted(compress: Callable[[bytes], bytes]) -> bytes:
    """The rows are written as differences to the one above (PNG Up), as most programs do."""

    def pack(rows: bytes) -> bytes:
        width, above, out = 7, bytes(7), bytearray()
        for start in range(0, len(rows), width):
            row = rows[start : start + width]
            out += b"\2" + bytes((a - b) & 0xFF for a, b in zip(row, above, strict=True))
            above = row
        return compress(bytes(out))

    writer = Writer()
    objects = document()
    packed = builder.packable(objects, Form.STREAM)
    writer.add_all({n: b for n, b in objects.items() if n not in packed})
    writer.pack(8, packed)
    parameters = b"/Root 1 0 R/DecodeParms<</Predictor 12/Columns 7>>"
    return writer.stream(9, parameters, compress=pack).file


# -- tables -----------------------------------------------------------------------------------------


def _tables() -> Iterator[Case]:
    yield from in_forms("prev-zero", functools.partial(written, document(), trailer=b"/Prev 0"))
    yield from in_forms("prev-beyond-the-end", functools.partial(written, document(), trailer=b"/Prev 99999999"))
    yield from in_forms("prev-negative", functools.partial(written, document(), trailer=b"/Prev -12"))
    yield from in_forms("prev-null", functools.partial(written, document(), trailer=b"/Prev null"))
    yield from in_forms("prev-zero-in-an-update", lambda form: _update_of(form, b"/Prev 0"), MendedOrRefused())
    yield Case("prev-written-as-a-reference", _referring_prev)

    ordinary: dict[str, Callable[[dict[int, Place]], bytes]] = {
        "head-with-a-space": lambda p: builder.table(p).replace(b"0 8\n", b"0 8 \n"),
        "head-with-a-tab": lambda p: builder.table(p).replace(b"0 8\n", b"0\t8\n"),
        "head-on-the-first-line": lambda p: builder.table(p).replace(b"0 8\n", b"0 8 ", 1),
        "empty-section-first": lambda p: b"0 0\n" + builder.table(p),
        "starts-at-one": lambda p: builder.table(p).replace(b"0 8\n", b"1 8\n"),
        "starts-at-one-without-the-free-entry": lambda p: builder.table({n: q for n, q in p.items() if n}),
        "entries-of-nineteen-bytes": lambda p: builder.table(p, b"\n"),
        "entries-of-twenty-one-bytes": lambda p: builder.table(p, b" \r\n"),
        "entries-with-crlf": lambda p: builder.table(p, b"\r\n"),
        "without-the-free-entry": lambda p: builder.table({**p, 0: (1, 0, 65535)}),
        "free-entry-of-generation-0": lambda p: builder.table(p).replace(b"65535 f", b"00000 f"),
        "one-run-for-each-object": lambda p: b"".join(b"%d 1\n%b" % (n, builder.entry(p[n])) for n in sorted(p)),
        "count-too-large": lambda p: builder.table(p).replace(b"0 8\n", b"0 9\n"),
        "count-too-small": lambda p: builder.table(p).replace(b"0 8\n", b"0 7\n"),
        "same-object-twice": lambda p: builder.table(p) + b"5 1\n" + builder.entry(p[5]),
        "entry-in-use-at-0": lambda p: builder.table({**p, 8: (1, 0, 0)}),
        "entry-beyond-the-end": lambda p: builder.table({**p, 8: (1, 9_999_999, 0)}),
    }
    for name, write in ordinary.items():
        right = MendedOrRefused() if name in {"count-too-large", "count-too-small"} else Signed()
        yield Case(f"table-{name}", functools.partial(_tabled, write), right)
    yield Case("table-behind-spaces", lambda: _replaced(b"\nxref\n", b"\n   xref\n", startxref=0))
    yield Case("trailer-on-one-line", lambda: _replaced(b"trailer\n<<", b"trailer<<"))
    yield Case("trailer-with-a-comment", lambda: _replaced(b"trailer\n<<", b"trailer\n%made by hand >>\n<<"))
    yield Case("trailer-with-null-entries", lambda: written(document(), trailer=b"/Info null/Encrypt null/ID null"))


def _tabled(write: Callable[[dict[int, Place]], bytes]) -> bytes:
    writer = Writer()
    writer.add_all(document())
    return writer.table(write=write).file


def _replaced(old: bytes, new: bytes, *, startxref: int | None = None) -> bytes:
    """A file of a table in which something after the objects is written otherwise."""
    file = written(document())
    assert old in file
    changed = file.replace(old, new)
    if startxref is None:
        return changed
    return re.sub(rb"startxref\n\d+", b"startxref\n%d" % (builder.last_startxref(file) + startxref), changed)


def _update_of(form: Form, prev: bytes) -> bytes:
    """The second section's /Prev leads nowhere although the first section is needed."""
    file = updated(written(document(), form), {5: builder.content(builder.text_of_page(1), at=600)})
    at = file.rindex(b"/Prev ")
    end = re.compile(rb"/Prev \d+").match(file, at)
    assert end is not None
    return file[:at] + prev.ljust(len(end[0])) + file[end.end() :]


def _referring_prev() -> bytes:
    """``/Prev 1234 0 R``: some generators write the offset as if it were an object."""
    file = updated(written(document()), {5: builder.content(builder.text_of_page(1), at=600)})
    head, tail = file[: file.rindex(b"/Prev ")], file[file.rindex(b"/Prev ") :]
    return head + re.sub(rb"/Prev (\d+)", rb"/Prev \1 0 R", tail)


# -- addresses --------------------------------------------------------------------------------------


def _addresses() -> Iterator[Case]:
    for off in (-9, -2, -1, 1, 3, 40):
        name = f"startxref-{'early' if off < 0 else 'late'}-by-{abs(off)}"
        yield from in_forms(
            name,
            functools.partial(written, document(), startxref=functools.partial(operator.add, off)),
            forms=(Form.TABLE, Form.STREAM),
        )
    odd: dict[str, Callable[[int], int]] = {
        "zero": lambda _: 0,
        "negative": lambda _: -5,
        "beyond-the-end": lambda at: at * 100,
        "into-an-object": lambda _: 30,
    }
    for name, startxref in odd.items():
        yield from in_forms(
            f"startxref-{name}",
            functools.partial(written, document(), startxref=startxref),
        )
    yield from in_forms(
        "startxref-missing",
        lambda form: _without_address(written(document(), form)),
        forms=(Form.TABLE, Form.STREAM),  # readers that rebuild a hybrid file do not find its hidden objects
    )
    yield from in_forms("startxref-of-the-section-before", _of_the_section_before, MendedOrRefused(), pages=0)
    yield Case(
        "startxref-of-the-section-before-with-a-word-too-much", _of_a_damaged_section, Refused("InvalidPdf"), pages=0
    )
    yield from in_forms("startxref-off-and-signed", _signed_and_off, Refused("InvalidPdf"), pages=0)
    yield Case("startxref-of-a-line-end-and-signed", _signed_and_early, earlier=INTACT)
    yield Case("xrefstm-that-lists-itself-at-0", _listed_at_0)
    # qpdf passes over the word, and shows no object of the stream. MuPDF searches the file, and shows them.
    yield Case(
        "xrefstm-that-is-no-name",
        lambda: written(document(), Form.HYBRID).replace(b"/XRefStm", b" XRefStm", 1),
        Refused("InvalidPdf"),
        pages=0,
    )


def _without_address(file: bytes) -> bytes:
    return file[: file.rindex(b"startxref")] + b"%%EOF\n"


def _of_the_section_before(form: Form) -> bytes:
    """The last address points to the first section: readers that follow it see an older first page."""
    first = written(document(), form)
    file = updated(first, {5: builder.content("Page 1: the parties do not agree.")})
    at = file.rindex(b"startxref\n") + 10
    return file[:at] + b"%d\n%%%%EOF\n" % builder.last_startxref(first)


def _of_a_damaged_section() -> bytes:
    """The table that the last address points to has a word too much. PDFium and qpdf read it and show the older page.

    poppler and MuPDF search the file for objects, and show the newer one.
    """
    file = _of_the_section_before(Form.TABLE)
    return file.replace(b" n \ntrailer", b" n n \ntrailer", 1)


def _signed_and_off(form: Form) -> bytes:
    """A signed file with a later section whose address is wrong: it cannot be mended without a word."""
    signed = signed_by_another(written(document(), form))
    file = updated(signed, {5: builder.content(builder.text_of_page(1))})
    at = file.rindex(b"startxref\n") + 10
    return file[:at] + b"%d\n%%%%EOF\n" % (builder.last_startxref(file) + 7)


def _signed_and_early() -> bytes:
    """Its address leads to the line end in front of the table. A well-known program signs like this."""

    def one_less(file: bytes) -> bytes:
        at = builder.last_startxref(file)
        return file.replace(b"startxref\n%d" % at, b"startxref\n%d" % (at - 1))

    return signed_by_another(written(document()), changed=one_less)


def _listed_at_0() -> bytes:
    """A hybrid file whose stream lists itself with the offset 0: it was made before its place was known."""
    writer = Writer()
    writer.add_all(document())
    writer.table()
    first, at = writer.section, len(writer.out)
    row = bytes([1]) + bytes(6)
    entries = b"/Type/XRef/W[1 4 2]/Index[8 1]/Size 9"
    writer.out += b"8 0 obj\n%b\nendobj\n" % builder.stream(row, entries)
    end = b"/Root 1 0 R/Prev %d/XRefStm %d" % (first, at)
    return writer.table(end, size=b"9", write=lambda _: b"0 0\n").file


# -- behind and before ------------------------------------------------------------------------------

BEHIND = {
    "nuls": bytes(4096),
    "spaces": b" " * 8192,
    "line-ends": b"\r\n" * 3000,
    "html": b"<html><body><p>Sent from my phone</p>" + b"<br/>" * 400 + b"</body></html>\n",
    "mime-boundary": b"\r\n--=_NextPart_000_0012\r\nContent-Type: text/plain\r\n\r\n-- \r\n" + b"confidential " * 200,
    "a-megabyte-of-nuls": bytes(1 << 20),
    "a-megabyte-of-spaces": b" " * (1 << 20),
    "a-second-end": b"\n%%EOF\n%%EOF\n",
    "half-an-end": b"%%EO",
    "the-word-startxref": b"\nThe word startxref is in this text.\n" + b"text " * 500,
}
BEFORE = {
    "bom": b"\xef\xbb\xbf",
    "line-end": b"\r\n",
    "http-head": b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n",
    "pjl": b"\x1b%-12345X@PJL JOB\r\n@PJL ENTER LANGUAGE=PDF\r\n",
    "nine-hundred-bytes": b"-" * 900 + b"\n",
}


def _behind() -> Iterator[Case]:
    for name, junk in BEHIND.items():
        yield from in_forms(
            f"{name}-behind",
            functools.partial(written, document(), behind=junk),
            forms=(Form.TABLE, Form.STREAM),
        )
    for name in ("nuls", "spaces", "html"):
        yield Case(
            f"{name}-behind-signed",
            functools.partial(_signed_with, BEHIND[name]),
            Signed(warning="something was added" if name == "html" else ""),
            earlier=INTACT,
        )


def _signed_with(behind: bytes) -> bytes:
    return signed_by_another(written(document())) + behind


def _refused_before() -> Refused:
    """No signature of such a file is valid for all verifiers (decision 26)."""
    return Refused("InvalidPdf")


def _before() -> Iterator[Case]:
    for name, junk in BEFORE.items():
        yield from in_forms(
            f"{name}-before-offsets-from-the-header",
            functools.partial(written, document(), before=junk),
            _refused_before(),
            forms=(Form.TABLE, Form.STREAM),
        )
        yield from in_forms(
            f"{name}-before-offsets-from-the-start",
            functools.partial(written, document(), out=junk + HEADER),
            _refused_before(),
            forms=(Form.TABLE, Form.STREAM),
        )
    yield Case(
        "junk-before-and-behind",
        lambda: BEFORE["bom"] + written(document()) + BEHIND["nuls"],
        Refused("InvalidPdf"),
    )
    yield Case(
        "junk-before-and-signed",
        lambda: BEFORE["bom"] + signed_by_another(written(document())),
        Refused("InvalidPdf"),
        pages=0,
    )


# -- tables that must be rebuilt --------------------------------------------------------------------


def _rebuilt() -> Iterator[Case]:
    right = MendedOrRefused()
    yield from in_forms("offsets-shifted", _shifted, right)
    yield from in_forms("no-cross-reference", _without_cross_reference, right, forms=(Form.TABLE,))
    yield Case("no-cross-reference-stream", _without_xref_stream, right, readers=1)
    yield Case("line-ends-converted", lambda: written(document()).replace(b"\n", b"\r\n"), right)
    yield Case("zeros-for-all-offsets", lambda: _tabled(lambda p: builder.table(dict.fromkeys(p, (1, 0, 0)))), right)
    yield Case("offsets-of-other-objects", _crossed, right)
    yield from in_forms("offsets-shifted-and-signed", _shifted_and_signed, Refused("InvalidPdf"), pages=0)
    yield Case("cut-in-a-content-stream", _cut, Refused("InvalidPdf"), pages=0)
    for name, change in _SEARCHED.items():
        yield Case(f"searched-{name}", functools.partial(_searched, change), Refused("InvalidPdf"), readers=1)
    for name, (old, new) in _FOLLOWED.items():
        yield Case(f"followed-{name}", functools.partial(_followed, old, new), Refused("InvalidPdf"), readers=1)
    yield Case("searched-deleted-object", _deleted_in_a_damaged_table, Refused("InvalidPdf"), readers=1)


_SEARCHED: dict[str, tuple[bytes, bytes]] = {
    "length-too-long": (b"/Length 57", b"/Length 4000"),
    "length-too-short": (b"/Length 57", b"/Length 30"),
    "length-missing": (b"/Length 57", b""),
    "length-of-nothing": (b"/Length 57", b"/Length 99 0 R"),
    "length-in-a-comment": (b"/Length 57", b"/Length 9%/Length 57\n"),
    "length-twice": (b"/Length 57", b"/Length 57/Length 9"),
    "end-inside-of-a-stream": (b"/Length 57>>stream\n", b"/Length 71>>stream\n%\nendstream %\n"),
    "stream-inside-of-a-stream": (b"/Length 57>>stream\n", b"/Length 57>>stream\n%\nendstream\nendobj\n"),
    "number-too-high": (b"4 0 obj", b"8388606 0 obj"),
}
"""What is changed in a file without a table, where programs go by different things: the first such place."""


def _searched(change: tuple[bytes, bytes]) -> bytes:
    file = _without_cross_reference(Form.TABLE)
    assert change[0] in file
    return file.replace(*change, 1)


_FOLLOWED: dict[str, tuple[bytes, bytes]] = {
    "another-generation": (b"292 00000 n", b"292 00001 n"),
    "free": (b"0000000292 00000 n", b"0000000000 00001 f"),
    "another-place": (b"\n   xref\n", b"\n5 0 obj\n<</Length 0>>stream\n\nendstream\nendobj\n   xref\n"),
}
"""What is written otherwise in a file whose table leads to the content of page 1 at 292."""


def _followed(old: bytes, new: bytes) -> bytes:
    """A table with spaces in front, and a section behind it: some programs follow it, and some search the file."""
    first = written(document()).replace(b"\nxref\n", b"\n   xref\n")
    assert first.count(old) == 1
    first = first.replace(old, new)
    first = re.sub(rb"startxref\n\d+", b"startxref\n%d" % first.index(b"   xref"), first)
    return updated(first, {7: builder.content(builder.text_of_page(2))})


def _deleted_in_a_damaged_table() -> bytes:
    """A table that cannot be read calls a page's note deleted: some programs find the note all the same."""
    note = b"<</Type/Annot/Subtype/Square/F 4/C[1 0 0]/Rect[72 500 300 540]>>"
    writer = Writer()
    writer.add_all(document(page=b"/Annots[8 0 R]", more={8: note}))
    writer.free(8)
    first = writer.table().file.replace(b"trailer", b"trailor")
    return updated(first, {})


def _shifted(form: Form) -> bytes:
    """Fourteen bytes were put in after the header; no offset knows of them."""
    file = written(document(), form)
    return file[: len(HEADER)] + b"%junkjunkjunk\n" + file[len(HEADER) :]


def _shifted_and_signed(form: Form) -> bytes:
    return signed_by_another(_shifted(form))


def _without_cross_reference(form: Form) -> bytes:
    file = written(document(), form)
    return file[: file.rindex(b"xref\n0 ")] + b"trailer\n<</Root 1 0 R>>\n%%EOF\n"


def _without_xref_stream() -> bytes:
    file = written(document(), Form.STREAM)
    return file[: builder.last_startxref(file)] + b"startxref\n0\n%%EOF\n"


def _crossed() -> bytes:
    """The table gives two content streams each other's place: readers that check object numbers rebuild it."""
    return _tabled(lambda p: builder.table({**p, 5: p[7], 7: p[5]}))


def _cut() -> bytes:
    """The file ends within the content of the second page: rebuilt, it would lose a clause."""
    file = written(document())
    return file[: file.rindex(b"(Page 2") + 9]


# -- odd and good -----------------------------------------------------------------------------------


def _odd_and_good() -> Iterator[Case]:
    yield from in_forms("plain", functools.partial(written, document()))
    yield from in_forms("updated", lambda form: updated(written(document(), form), {5: _moved()}))
    yield from in_forms("updated-twice", lambda form: updated(updated(written(document(), form), {5: _moved()}), {}))
    yield from in_forms("freed-objects", _freed)
    yield from in_forms("no-id", functools.partial(written, document()))
    yield from in_forms("with-id", functools.partial(written, document(), trailer=b"/ID[<00112233><44556677>]"))
    yield Case("linearized-table", lambda: _saved(linearize=True))
    yield Case(
        "linearized-stream", lambda: _saved(linearize=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    )
    yield Case("linearized-and-updated", lambda: updated(_saved(linearize=True), {}))
    yield Case("stale-xrefstm", _stale_xrefstm)
    yield Case("xrefstm-to-nothing", lambda: written(document(), trailer=b"/XRefStm 99999999"), MendedOrRefused())
    yield Case("table-after-a-stream", _table_after_stream)
    yield Case("stream-after-a-table", _stream_after_table)
    yield Case("carriage-returns-only", _carriage_returns)
    yield Case("odd-generations", _generations)
    yield Case("generation-65535-in-use", _last_generation)
    yield Case("header-of-version-2", lambda: written(document(), out=b"%PDF-2.0\n"))
    yield Case("header-without-version", lambda: written(document(), out=b"%PDF-\n"))
    yield Case("header-only-one-digit", lambda: written(document(), out=b"%PDF-1.\n"))
    yield Case("highest-number-allowed", _high_numbers)


def _moved() -> bytes:
    return builder.content(builder.text_of_page(1), at=600)


def _saved(**options: object) -> bytes:
    """As qpdf writes it."""
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(written(document()))) as pdf:
        pdf.save(target, **options)  # type: ignore[arg-type]
    return target.getvalue()


def _freed(form: Form) -> bytes:
    """An object was deleted; its number is free with a higher generation (ISO 32000-1, 7.5.4)."""
    writer = Writer.after(written(document(more={8: b"<</Old true>>"}), form))
    at, high = writer.section, builder.highest(writer.file)
    writer.places[8] = (0, 0, 1)
    if form is Form.STREAM:
        return writer.stream(high + 1, b"/Root 1 0 R/Prev %d" % at).file
    writer.places[0] = (0, 8, 65535)
    return writer.table(b"/Root 1 0 R/Prev %d" % at, first=False, size=b"%d" % (high + 1)).file


def _stale_xrefstm() -> bytes:
    """An update whose trailer still has the /XRefStm of the section before: it hides nothing new."""
    file = written(document(), Form.HYBRID)
    stale = re.findall(rb"/XRefStm \d+", file)[-1]
    return updated(file, {5: _moved()}, trailer=stale)


def _table_after_stream() -> bytes:
    """Not allowed, and many programs write it."""
    writer = Writer.after(written(document(), Form.STREAM))
    at, size = writer.section, builder.highest(writer.file) + 1
    writer.add(5, _moved())
    return writer.table(b"/Root 1 0 R/Prev %d" % at, first=False, size=b"%d" % size).file


def _stream_after_table() -> bytes:
    writer = Writer.after(written(document()))
    at = writer.section
    writer.add(5, _moved())
    return writer.stream(8, b"/Root 1 0 R/Prev %d" % at).file


def _carriage_returns() -> bytes:
    """As old Macintosh programs wrote: every line ends in one carriage return."""
    out = bytearray(b"%PDF-1.3\r")
    places = {0: FREE}
    for number, body in document().items():
        places[number] = (1, len(out), 0)
        # The keyword stream must be followed by a line feed (ISO 32000-1, 7.3.8.1).
        out += (
            (b"%d 0 obj\n%b\nendobj\n" % (number, body)).replace(b"\n", b"\r").replace(b"stream\rBT", b"stream\r\nBT")
        )
    at = len(out)
    out += b"xref\r" + builder.table(places, b" \r").replace(b"\n", b"\r")
    return bytes(out + b"trailer\r<</Root 1 0 R/Size 8>>\rstartxref\r%d\r%%%%EOF\r" % at)


def _generations() -> bytes:
    """Pages and contents have generations above 0."""
    objects = document()
    objects[2] = b"<</Type/Pages/Count 2/Kids[4 3 R 6 1 R]>>"
    objects[4] = objects[4].replace(b"5 0 R", b"5 7 R")
    writer = Writer()
    for number, body in objects.items():
        writer.add(number, body, {4: 3, 5: 7, 6: 1}.get(number, 0))
    return writer.table().file


def _last_generation() -> bytes:
    writer = Writer()
    objects = document()
    objects[4] = objects[4].replace(b"5 0 R", b"5 65535 R")
    for number, body in objects.items():
        writer.add(number, body, 65535 if number == 5 else 0)
    return writer.table().file


def _high_numbers() -> bytes:
    """Object 8,388,607: the highest number that old readers take (ISO 32000-1, annex C)."""
    objects = document()
    objects[4] = objects[4].replace(b"5 0 R", b"8388606 0 R")
    objects[8388606] = objects.pop(5)
    return written(objects)


# -- slow -------------------------------------------------------------------------------------------


def _slow() -> Iterator[Case]:
    yield from in_forms(
        "349-pages-signed",
        lambda form: signed_by_another(written(document(349), form)),
        forms=(Form.TABLE, Form.STREAM),
        pages=349,
        earlier=INTACT,
    )
    yield from in_forms("16-pages-of-annotations", _annotated, forms=(Form.TABLE, Form.STREAM), pages=16)
    yield Case(
        "16-pages-of-annotations-signed",
        lambda: signed_by_another(_annotated(Form.TABLE)),
        pages=16,
        earlier=INTACT,
    )
    yield Case("cms-inside", _cms_inside, pages=1)
    yield Case("signed-with-much-room", _much_room, pages=1, earlier=INTACT)


def _annotated(form: Form) -> bytes:
    """Sixteen pages with 200 links each, each with a border, a colour and an action of its own."""
    objects = document(16)
    number = max(objects)
    for page in range(builder.PAGE, builder.PAGE + 32, 2):
        links = range(number + 1, number + 401, 2)
        for link in links:
            place = b"%d %d %d %d" % (10, link % 700, 60, link % 700 + 8)
            objects[link] = b"<</Type/Annot/Subtype/Link/Rect[%b]/Border[0 0 0]/C[1 0 0]/P %d 0 R/A %d 0 R>>" % (
                place,
                page,
                link + 1,
            )
            objects[link + 1] = b"<</Type/Action/S/URI/URI(https://example.org/%d)>>" % link
        number += 400
        annotations = b" ".join(b"%d 0 R" % link for link in links)
        objects[page] = objects[page].replace(b"/MediaBox", b"/Annots[%b]/MediaBox" % annotations)
    return written(objects, form)


def _cms_inside() -> bytes:
    """Two megabytes of a CMS object as a hexadecimal string in one object: an attached signature of another file."""
    content = bytes(1 << 20)
    text = container(content, encapsulated=content).hex().encode()
    return written(document(1, catalog=b"/PieceInfo<</Kept 6 0 R>>", more={6: b"<</Private<%b>>>" % text}))


def _much_room() -> bytes:
    """A signature whose place was made for a megabyte: two million zeros to read."""
    return signed_by_another(written(document(1)), room=1 << 20)
