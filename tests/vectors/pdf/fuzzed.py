"""What ``make fuzz`` has found: for each fault that was mended the smallest file of its kind."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

from tests.vectors.pdf import builder
from tests.vectors.pdf.builder import FREE, PAGE, Form, Writer, document, updated, written
from tests.vectors.pdf.case import Case, MendedOrRefused, Refused, Signed
from tests.vectors.pdf.signing import signed_by_another

_SECOND_PAGE_CONTENT = 7


def cases() -> Iterator[Case]:
    yield Case("two-generations-and-no-address", _two_generations, Refused("InvalidPdf"), pages=0)
    impossible = functools.partial(_two_generations, 65_535)
    yield Case("an-impossible-generation-and-no-address", impossible, Refused("InvalidPdf"), pages=0)
    yield Case("in-an-object-stream-too-and-no-address", _in_a_stream_too, Refused("InvalidPdf"), pages=0)
    yield Case("an-object-in-mid-line-and-no-address", _in_mid_line, Refused("InvalidPdf"), pages=0)
    yield Case("a-font-in-mid-line-and-no-address", _font_in_mid_line, Refused("InvalidPdf"), pages=0)
    yield Case("an-object-in-mid-line-and-an-address-beside", _in_mid_line_beside, Refused("InvalidPdf"), pages=0)
    yield Case("signature-hidden-by-damage", _hidden_signature, Refused("InvalidPdf"), pages=0)
    yield Case("cross-reference-stream-with-two-lengths", _two_lengths, MendedOrRefused())
    # No program finds the second page, and two look for it elsewhere when the address is wrong.
    yield Case("hybrid-with-the-second-page-hidden-off-by-0", functools.partial(_hidden_between, 0), pages=3, readers=0)
    for off in (5, 15):
        hidden = functools.partial(_hidden_between, off)
        yield Case(f"hybrid-with-the-second-page-hidden-off-by-{off}", hidden, Refused("InvalidPdf"), pages=0)
    for much in (0, 2000):
        unfinished = functools.partial(_unfinished, much)
        yield Case(f"update-without-a-table-of-{much}-bytes-and-more", unfinished, Refused("InvalidPdf"), pages=0)
    yield Case("form-is-nothing-and-no-catalog-in-the-table", _wrong_row, MendedOrRefused())
    yield Case("startxref-off-and-objects-moved-behind-it", _moved_behind, MendedOrRefused(), pages=3)
    yield Case("more-pages-than-objects-and-no-address", _many_pages, MendedOrRefused(), pages=0)
    yield Case("cross-reference-stream-with-a-page's-number", _taken_number, Refused("InvalidPdf"), pages=0)
    inside = functools.partial(written, document(4), Form.STREAM, startxref=lambda at: at + 1)
    yield Case("startxref-into-the-number-of-a-stream", inside, Refused("InvalidPdf"), pages=4)
    for number in (8, 9, 10):
        yield Case(f"comment-is-missing-object-{number}", functools.partial(_comment_missing, number))
        yield Case(f"info-is-missing-object-{number}", functools.partial(_info_missing, number), Signed())
    yield Case("signature-that-the-table-passes-over", _passed_over, Refused("InvalidPdf"), pages=0)
    yield Case("signature-that-an-update-deletes-and-no-information", _deleted, Refused("InvalidPdf"), pages=0)
    for form in (Form.TABLE, Form.STREAM):
        swallowed = functools.partial(_row_into_a_stream, form)
        yield Case(f"row-into-a-stream-without-an-end-{form}", swallowed, Refused("InvalidPdf"), pages=0)
    yield Case("page-with-a-key-without-a-value-inside", _key_alone, Refused("InvalidPdf"), pages=0)
    yield Case("empty-field-with-a-key-without-a-value-inside", _field_with_a_key_alone, fills="")
    yield Case("forty-keys-twice", _keys_twice)
    yield Case("object-stream-without-a-length", _packed_without_length, Refused("InvalidPdf"))
    yield Case("catalog-twice-form-first-null", functools.partial(_form_twice, b"/AcroForm null/AcroForm 8 0 R"))
    yield Case("catalog-twice-form-first-empty", functools.partial(_form_twice, b"/AcroForm<<>>/AcroForm 8 0 R"))
    for name, make in _WITHOUT_END.items():
        yield Case(f"without-end-{name}", make, Refused("InvalidPdf"), pages=0)
    yield Case("rows-unknown-behind-a-table", _unknown_rows, Refused("InvalidPdf"), pages=0)
    yield Case("rows-too-few-behind-a-table", _too_few_rows, MendedOrRefused())
    yield Case("update-one-byte-off", _one_byte_off, Refused("InvalidPdf"), pages=0)
    for name, make in _WITH_A_GAP.items():
        yield Case(f"numbers-left-out-{name}", make, Refused("InvalidPdf"), pages=0)
    yield Case("numbers-left-out-and-updated", lambda: updated(_with_a_long_string(20), {21: b"null"}), pages=3)
    yield Case("an-object-twice-and-a-long-string", functools.partial(_with_a_long_string, 10), pages=3)


def _behind_a_table(rows: bytes, widths: bytes = b"[1 4 2]") -> bytes:
    """poppler makes the table anew for such a stream. Where it is not the newest one, it shows no page."""
    file = written(document()) + b"8 0 obj\n<</Type/XRef/W%b/Index[8 1]/Size 9" % widths
    trailer = b"/Root 1 0 R/Prev %d/Length %d>>stream\n" % (builder.last_startxref(file), len(rows))
    at = file.rindex(b"8 0 obj")
    return file + trailer + rows + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % at


def _unknown_rows() -> bytes:
    return _behind_a_table(b"x\x00\x00\x03\x20\x00\x00")


def _too_few_rows() -> bytes:
    return _behind_a_table(b"\x01\x00\x00")


def _one_byte_off() -> bytes:
    """The first revision lacks a byte. Programs that read "0 0 obj" follow the table, and others make it anew."""
    file = builder.updated(written(document(), Form.STREAM), {5: builder.content("Page 1: the parties agree.")})
    return re.sub(rb"startxref\n\d+", b"startxref\n-5", file, count=1)


def _last(length: bytes, *, ended: bool = False, text: bytes = b"") -> bytes:
    """The content of the second of three pages is the last object, and nothing says where it ends."""
    objects = document(3)
    _, _, data = objects.pop(_SECOND_PAGE_CONTENT).partition(b"stream\n")
    data = data.removesuffix(b"\nendstream")
    objects[_SECOND_PAGE_CONTENT] = b"<<%b>>stream\n%b\nendstream" % (length, text or data)
    file = written(objects)
    at = file.rindex(b"endstream")
    end = b"endstream\nendobj\n"
    assert file[at : at + len(end)] == end
    return file if ended else file[:at] + b" " * len(end) + file[at + len(end) :]


def _image_beyond() -> bytes:
    """Some programs take the bytes behind the end for points of the picture."""
    image = builder.stream(bytes(1000), b"/Type/XObject/Subtype/Image/Width 50/Height 60/BitsPerComponent 8")
    image = image.replace(b"/Length 1000", b"/ColorSpace/DeviceGray/Length 3000")
    drawn = builder.stream(b"q 300 0 0 300 50 50 cm /I Do Q")
    page = builder.page_body(_SECOND_PAGE_CONTENT).replace(b"/Font<<", b"/XObject<</I 20 0 R>>/Font<<")
    return written(document(3, more={6: page, _SECOND_PAGE_CONTENT: drawn, 20: image}))


_OPEN = b"/Type/Annot/Subtype/Square/Rect[100 100 300 300]/IC[1 0 0]/F 4/Contents(open"
_WITHOUT_END: dict[str, Callable[[], bytes]] = {
    "length-short": functools.partial(_last, b"/Length 5"),
    "length-right": functools.partial(_last, b"/Length 57"),
    "length-missing": functools.partial(_last, b""),
    "length-of-nothing": functools.partial(_last, b"/Length 99 0 R"),
    "length-beyond-the-file": functools.partial(_last, b"/Length 4000"),
    "length-beyond-the-file-and-ended": functools.partial(_last, b"/Length 4000", ended=True),
    "length-beyond-the-file-in-disguise": functools.partial(_last, b"/L#65ngth 4000/Name(/Length 57)", ended=True),
    "length-beyond-the-file-of-an-image": _image_beyond,
    "string-where-the-length-leads": functools.partial(_last, b"/Length 3", ended=True, text=b"0 g(open"),
    "keys": lambda: written(document(3, more={6: _second_page(b"<</A<</A<</A>>/B>>/B>>")})),
    "key-and-a-parenthesis": lambda: written(document(3, more={20: b"<</A>> ("})),
    "string": lambda: written(document(3, more={6: _second_page(b"[20 0 R]"), 20: b"<<%b>>" % _OPEN})),
    "string-and-escapes": lambda: written(
        document(3, more={6: _second_page(b"[20 0 R]"), 20: b"<<%b\\) %%(>>" % _OPEN})
    ),
}


def _second_page(annotations: bytes) -> bytes:
    return builder.page_body(_SECOND_PAGE_CONTENT, entries=b"/Annots" + annotations)


def _copied_into_a_stream() -> bytes:
    """poppler makes the table anew when it finds a wrong length, and then takes the object in the stream."""
    second = builder.page_body(_SECOND_PAGE_CONTENT)
    objects = document(3)
    text = objects[_SECOND_PAGE_CONTENT]
    objects[_SECOND_PAGE_CONTENT] = text.replace(b"stream\n", b"stream\n\n6 0 obj\n%b\nendobj\n" % second, 1)
    return written({**objects, 20: b"null"})


def _with_a_long_string(number: int) -> bytes:
    """It does so for a long string, too. Another PDF is attached as the object with this number, as it is."""
    attached = written(document(3)).replace(b"agree", b"argue")
    page = builder.page_body(_SECOND_PAGE_CONTENT, entries=b"/Note(%b)" % (b"x" * 700))
    return written(document(3, more={6: page, number: builder.stream(attached, b"/Type/EmbeddedFile")}))


_WITH_A_GAP: dict[str, Callable[[], bytes]] = {
    "and-a-wrong-length": _copied_into_a_stream,
    "and-a-long-string": functools.partial(_with_a_long_string, 20),
}


def _keys_twice() -> bytes:
    """Each layer of a page is named twice, as some programs do that write for TeX: qpdf gave up after fifteen."""
    first = b"".join(b"/Layer%d 3 0 R" % number for number in range(40))
    again = b"".join(
        b"/Layer%d 3 0 R" % number + b"/Between%d 1/And%d 2/So%d 3/On%d 4" % ((number,) * 4) for number in range(40)
    )
    return written(document(page=b"/PieceInfo 8 0 R", more={8: b"<<%b%b>>" % (first, again)}))


def _packed_without_length() -> bytes:
    """Most programs look for its end. Some verifiers find nothing in it."""
    return re.sub(rb"(/Type/ObjStm[^>]*)/Length (\d+)", rb"\1/Len0th \2", written(document(), Form.STREAM))


def _two_lengths() -> bytes:
    """qpdf takes the second one, which is no length, and finds the objects without the table; behind an update not."""
    return re.sub(rb"(/Type/XRef[^>]*/Length \d+)", rb"\1/Length 2 0 R", written(document(), Form.STREAM))


def _without_address(file: bytes) -> bytes:
    return file.replace(b"startxref", b"%")


def _two_generations(second: int = 1) -> bytes:
    """Some programs look at the generation, and a table has a row for one only."""
    writer = Writer()
    writer.add_all(document())
    writer.add(_SECOND_PAGE_CONTENT, builder.content("Page 2: the parties argue."), second)
    return _without_address(writer.table().file)


def _in_a_stream_too() -> bytes:
    """Programs that look for objects take the one in the object stream, or the other one."""
    objects = document()
    writer = Writer()
    writer.add_all({n: b for n, b in objects.items() if n != _SECOND_PAGE_CONTENT - 1})
    writer.pack(20, {_SECOND_PAGE_CONTENT - 1: objects[_SECOND_PAGE_CONTENT - 1]})
    writer.stream(21)
    writer.add(_SECOND_PAGE_CONTENT - 1, builder.page_body(PAGE))
    return _without_address(writer.table(first=False).file)


def _in_mid_line_beside() -> bytes:
    """Programs that find the table beside its address find the object, and those that look for objects do not."""
    file = written(document(), startxref=lambda at: at + 3)
    return file.replace(b"endobj\n7 0 obj", b"endobj 7 0 obj")


def _in_mid_line() -> bytes:
    """qpdf finds objects at the beginning of a line only; here it misses the content of a page in the middle."""
    file = _without_address(written(document(3)))
    return file.replace(b"endobj\n7 0 obj", b"endobj 7 0 obj")


def _font_in_mid_line() -> bytes:
    """MuPDF draws with this font for as long as it has to search for objects."""
    file = _without_address(written(document()))
    mended = file.replace(b"endobj\n3 0 obj", b"endobj 3 0 obj")
    assert mended != file
    return mended


def _hidden_between(off: int) -> bytes:
    """The object stream is what the table calls free, too: readers that look in the newest stream only need both."""
    objects = document(3)
    hidden = {6: objects.pop(6)}
    writer = Writer()
    writer.add_all(objects)
    plain, writer.places = writer.places, {}
    writer.pack(20, hidden)
    at = len(writer.out)
    writer.xref_stream(21, b"")
    writer.places = {**dict.fromkeys(writer.places, FREE), **plain}
    return writer.table(b"/Root 1 0 R/XRefStm %d" % at, startxref=lambda right: right + off).file


def _hidden_signature() -> bytes:
    """The field is lost with the catalog's form, and the bytes of the signature are still there."""
    file = signed_by_another(written(document()))
    return _without_address(file.replace(b"/AcroForm", b"/AcroFarm"))


def _passed_over() -> bytes:
    """The last update leads to what was there before the signature. Its /Info makes poppler search the file."""
    first = written(document())
    changed = {5: builder.content("Page 1: the parties argue.")}
    file = updated(signed_by_another(first), changed, b"/Info 99 0 R")
    before, _, last = file.rpartition(b"/Prev ")
    return before + re.sub(rb"^\d+", b"%d" % builder.last_startxref(first), last)


def _deleted() -> bytes:
    """poppler searches the file for an /Info that is not there, and finds the signature all the same."""
    file = signed_by_another(written(document()))
    number = int(re.findall(rb"/V (\d+) 0 R", file)[-1])
    end = b"xref\n%d 1\n0000000000 00001 f \ntrailer\n<</Root 1 0 R/Info 99 0 R/Prev %d/Size 100>>\n"
    return file + end % (number, builder.last_startxref(file)) + b"startxref\n%d\n%%%%EOF\n" % len(file)


def _row_into_a_stream(form: Form) -> bytes:
    """MuPDF searches the file when it finds no object there, and a stream without an end swallows what follows it."""
    more = {20: builder.stream(b"x" * 20, b"/Type/Annot"), 21: builder.stream(b"y" * 30)}
    file = written(document(page=b"/Annots[20 0 R]", more=more), form)
    at = file.index(b"20 0 obj") + len(b"20 0 obj")
    end = file.rindex(b"endstream", 0, at)
    return file[:end] + b" " * (at - end) + file[at:]


def _key_alone() -> bytes:
    """Some programs read on behind the page: it looks as what follows it says, which an update would change."""
    return written(document(page=b"/PieceInfo<</A<</B>>>>"))


def _field_with_a_key_alone() -> bytes:
    field = (
        b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Buyer)/F 4/P 4 0 R/Rect[72 500 300 540]/SV<</Filte//Adobe.PPKLite>>>>"
    )
    return written(document(catalog=b"/AcroForm<</Fields[20 0 R]>>", page=b"/Annots[20 0 R]", more={20: field}))


def _info_missing(number: int) -> bytes:
    """What refers to nothing must not refer to the signature afterwards. It makes poppler search the file."""
    return written(document(), trailer=b"/Info %d 0 R" % number)


def _comment_missing(number: int) -> bytes:
    """The same: the second page must not get the signature's widget."""
    second = builder.page_body(_SECOND_PAGE_CONTENT, entries=b"/Annots[%d 0 R]" % number)
    return written(document(more={6: second}))


def _unfinished(much: int) -> bytes:
    """An update that was cut off. Programs that look for the end in the last kilobyte search the file for objects."""
    update = b"5 0 obj\n%b\nendobj\n" % builder.content("Page 1: the parties argue.")
    return written(document()) + update + b"%" + b" " * much + b"\n"


def _wrong_row() -> bytes:
    """qpdf opens it only when it is told to make the table itself. Its form refers to nothing."""
    file = written(document(catalog=b"/AcroForm 8 0 R"))
    return file.replace(b"0000000015 00000 n", b"0000000015 00400 n")


def _moved_behind() -> bytes:
    """A byte is gone before the second page's content: programs that search for objects still find it."""
    return written(document(3)).replace(
        b"/Resources<</Font<</F1 3 0 R>>>>>>\nendobj\n7 0", b"/Resources<</Font<</F1 3 0 R>>>>>>endobj\n7 0"
    )


def _taken_number() -> bytes:
    """In the newest section nobody minds; in an older one qpdf takes the stream for the object with its number."""
    file = written(document(4), Form.STREAM)
    return file.replace(b"\n13 0 obj", b"\n02 0 obj")


def _many_pages() -> bytes:
    """poppler shows nothing of a file that claims to have more pages than its table has objects."""
    tree = b"<</Type/Pages/Count 99/Kids[4 0 R 6 0 R]>>"
    return _without_address(written(document(tree=tree)))


def _form_twice(entries: bytes) -> bytes:
    """Most programs take the last entry, some the first one: there they would not find the signature."""
    form = {8: b"<</Fields[]/DA(/Helv 0 Tf 0 g)>>"}
    return written(document(catalog=entries, more=form), Form.TABLE)
