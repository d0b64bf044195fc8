"""Opening: what readers show is what is read, and what cannot be told is refused by its name."""

from __future__ import annotations

import io
import re
import time
import zlib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pikepdf
import pytest

from signroom.domain.errors import InvalidPdf, ProtectedPdf
from signroom.domain.pdf_facts import StringCipher
from signroom.formats.pdf.reading.opening import named_in, open_pdf
from signroom.formats.pdf.reading.syntax import Reference
from tests.vectors.pdf.builder import (
    FREE,
    HEADER,
    Form,
    Writer,
    document,
    last_startxref,
    stream,
    text_of_page,
    written,
)

OBJECTS = document(2)
FORMS = list(Form)


def file_of(data: bytes, folder: Path) -> Path:
    file = folder / "file.pdf"
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("form", FORMS)
def test_every_object_is_read_as_it_was_written(form: Form, tmp_path: Path) -> None:
    with open_pdf(file_of(written(OBJECTS, form), tmp_path)) as opened:
        assert (opened.rebuilt, opened.damage, opened.encryption) == (False, "", None)
        for number, body in OBJECTS.items():
            if b"stream\n" in body:
                with pytest.raises(InvalidPdf, match=f"Object {number} is a stream"):
                    opened.raw(Reference(number))
            else:
                assert opened.raw(Reference(number)) == body
        assert opened.raw(Reference(99)) is None
        with pytest.raises(InvalidPdf, match="generation"):
            opened.raw(Reference(1, 5))


def hybrid_with_free_rows() -> bytes:
    """As ISO 32000-1, 7.5.8.4 has it: one section, whose table calls the hidden objects free."""
    writer = Writer()
    writer.add_all({n: b for n, b in OBJECTS.items() if n != 6})
    plain = dict(writer.places)
    writer.places = {}
    writer.pack(8, {6: OBJECTS[6]})
    at = len(writer.out)
    writer.xref_stream(9, b"")
    writer.places = {**dict.fromkeys(writer.places, FREE), **plain}
    return writer.table(b"/Root 1 0 R/XRefStm %d" % at).file


def test_objects_that_the_table_of_a_hybrid_file_calls_free(tmp_path: Path) -> None:
    with open_pdf(file_of(hybrid_with_free_rows(), tmp_path)) as opened:
        assert len(opened.pdf.pages) == 2
        assert opened.raw(Reference(6)) == OBJECTS[6]
        assert opened.is_compressed(Reference(6))
        assert not opened.rebuilt


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("off", [-40, -3, 5, 300])
def test_a_wrong_startxref(form: Form, off: int, tmp_path: Path) -> None:
    file = file_of(written(OBJECTS, form, startxref=lambda at: at + off), tmp_path)
    if form is Form.HYBRID:
        # What is in its object streams is not found by programs that search for objects.
        with pytest.raises(InvalidPdf, match="two kinds"), open_pdf(file):
            pass
        return
    with open_pdf(file) as opened:
        assert opened.damage
        assert len(opened.pdf.pages) == 2
        assert opened.raw(Reference(4)) == OBJECTS[4]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("behind", [b"\0" * 5000, b" " * 5000, b"<html>" + b"x" * 3000])
def test_bytes_behind_the_end(form: Form, behind: bytes, tmp_path: Path) -> None:
    with open_pdf(file_of(written(OBJECTS, form, behind=behind), tmp_path)) as opened:
        assert len(opened.pdf.pages) == 2
        assert opened.raw(Reference(4)) == OBJECTS[4]


@pytest.mark.parametrize("number", [1, 2, 4, 6])
def test_one_wrong_offset_of_what_is_needed(number: int, tmp_path: Path) -> None:
    """It is found out when the object is read: the table is made anew then."""
    data = written(OBJECTS)
    rows = list(re.finditer(rb"\d{10} 00000 n", data))
    at = rows[number - 1].start()
    wrong = data[:at] + b"%010d" % 17 + data[at + 10 :]
    with open_pdf(file_of(wrong, tmp_path)) as opened:
        assert opened.rebuilt
        assert len(opened.pdf.pages) == 2
        assert opened.raw(Reference(number)) == OBJECTS[number]


@pytest.mark.parametrize("form", [Form.TABLE, Form.STREAM])
def test_a_row_that_leads_to_an_object_with_another_number(form: Form, tmp_path: Path) -> None:
    """The contents of two pages have changed their numbers. Readers see it only once they show the pages."""
    data = written(OBJECTS, form)
    first, second = (n for n, body in OBJECTS.items() if b"stream\n" in body)
    swapped = data.replace(b"\n%d 0 obj" % first, b"\n0 0 obj").replace(b"\n%d 0 obj" % second, b"\n%d 0 obj" % first)
    swapped = swapped.replace(b"\n0 0 obj", b"\n%d 0 obj" % second)

    with open_pdf(file_of(swapped, tmp_path)) as opened:
        assert (opened.rebuilt, opened.damage) == (True, "its cross-reference table is wrong")


@pytest.mark.parametrize("end", [b"\n", b"\r", b"  \n"])
def test_rows_of_another_length(end: bytes, tmp_path: Path) -> None:
    data = re.sub(rb"(\d{10} \d{5} [nf]) \n", lambda found: found[1] + end, written(OBJECTS))
    with open_pdf(file_of(data, tmp_path)) as opened:
        assert opened.rebuilt
        assert opened.raw(Reference(4)) == OBJECTS[4]


def test_a_circle(tmp_path: Path) -> None:
    data = written(OBJECTS, trailer=b"/Prev 1234567")
    own = b"%07d" % last_startxref(data)
    with open_pdf(file_of(data.replace(b"1234567", own), tmp_path)) as opened:
        assert opened.rebuilt
        assert len(opened.pdf.pages) == 2


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n"])
def test_something_before_the_beginning(before: bytes, tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidPdf, match="before its beginning"),
        open_pdf(file_of(before + written(OBJECTS), tmp_path)),
    ):
        pass


def packed_by_hand(numbers: bytes, bodies: bytes, *, count: bytes = b"2", first: int | None = None) -> bytes:
    """Objects 4 and 9 are said to be in object stream 10, at the indices 0 and 1."""
    objects = {n: b for n, b in OBJECTS.items() if n != 4}
    writer = Writer()
    writer.add_all(objects)
    data = numbers + bodies
    entries = b"/Type/ObjStm/N %b/First %d" % (count, len(numbers) if first is None else first)
    writer.add(10, stream(zlib.compress(data), entries + b"/Filter/FlateDecode"))
    writer.places[4] = (2, 10, 0)
    writer.places[9] = (2, 10, 1)
    return writer.stream(11, b"/Root 1 0 R").file


PAGE_BODY = OBJECTS[4]


@pytest.mark.parametrize(
    ("numbers", "count", "first"),
    [
        (b"9 0 4 0 ", b"2", None),  # the indices are others
        (b"4 0 4 5 ", b"2", None),  # a number is there twice
        (b"4 0 9 5 ", b"200000000", None),
        (b"4 0 9 5 ", b"-1", None),
        (b"4 0 9 5 ", b"/A", None),
        (b"4 -9 9 5 ", b"2", None),
        (b"4 x 9 5 ", b"2", None),
        (b"4 99999 9 5 ", b"2", None),
        (b"4 0 9 5 ", b"0", None),
    ],
)
def test_damaged_object_streams(numbers: bytes, count: bytes, first: int | None, tmp_path: Path) -> None:
    data = packed_by_hand(numbers, PAGE_BODY, count=count, first=first)
    with pytest.raises(InvalidPdf), open_pdf(file_of(data, tmp_path)) as opened:
        opened.raw(Reference(4))


def test_an_object_stream_that_extends_another(tmp_path: Path) -> None:
    data = packed_by_hand(b"4 0 9 %d " % (len(PAGE_BODY) + 1), PAGE_BODY + b" (nine)", count=b"2/Extends 10 0 R")
    with open_pdf(file_of(data, tmp_path)) as opened:
        assert opened.raw(Reference(4)) == PAGE_BODY
        assert opened.raw(Reference(9)) == b"(nine)"


@cache
def bomb() -> bytes:
    """What unfolds to 400 MB in two steps. Packing it takes seconds: only the worker that needs it does so."""
    return zlib.compress(zlib.compress(b" " * (400 << 20), 9), 9)


@pytest.mark.parametrize("where", ["object stream", "cross-reference stream"])
def test_a_bomb_ends_quickly(where: str, tmp_path: Path) -> None:
    filters = b"/Filter[/FlateDecode/FlateDecode]"
    if where == "object stream":
        writer = Writer()
        writer.add_all({n: b for n, b in OBJECTS.items() if n != 4})
        writer.add(10, stream(bomb(), b"/Type/ObjStm/N 2/First 8" + filters))
        writer.places[4] = (2, 10, 0)
        data = writer.stream(11, b"/Root 1 0 R").file
    else:
        body = stream(bomb(), b"/Type/XRef/W[1 4 2]/Size 99999999/Root 1 0 R" + filters)
        data = HEADER + b"1 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (body, len(HEADER))
    start = time.process_time()
    with pytest.raises(InvalidPdf), open_pdf(file_of(data, tmp_path)) as opened:
        opened.raw(Reference(4))
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("options", "cipher"),
    [
        ({"R": 2, "aes": False, "metadata": False}, StringCipher.RC4),
        ({"R": 3, "aes": False, "metadata": False}, StringCipher.RC4),
        ({"R": 4, "aes": False, "metadata": False}, StringCipher.RC4),
        ({"R": 4, "aes": True, "metadata": True}, StringCipher.AES_128),
        ({"R": 6, "aes": True}, StringCipher.AES_256),
    ],
)
def test_encrypted_files(options: dict[str, Any], cipher: StringCipher, tmp_path: Path) -> None:
    data = encrypted(written(OBJECTS), **options)
    with open_pdf(file_of(data, tmp_path)) as opened:
        assert opened.encryption is not None
        assert opened.encryption.strings is cipher
    with (
        pytest.raises(ProtectedPdf),
        open_pdf(file_of(encrypted(written(OBJECTS), user="secret", **options), tmp_path)),
    ):
        pass


def encrypted(data: bytes, *, user: str = "", packed: bool = False, **options: Any) -> bytes:
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    with pikepdf.open(io.BytesIO(data)) as pdf:
        out = io.BytesIO()
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user=user, **options), object_stream_mode=mode)
    return out.getvalue()


def test_an_unknown_way_of_encrypting_is_a_protected_pdf(tmp_path: Path) -> None:
    data = written(
        document(1, more={20: b"<</Filter/Adobe.PubSec/SubFilter/adbe.pkcs7.s5/V 4>>"}), trailer=b"/Encrypt 20 0 R"
    )
    with pytest.raises(ProtectedPdf), open_pdf(file_of(data, tmp_path)):
        pass


def test_the_text_is_that_of_the_builder(tmp_path: Path) -> None:
    with open_pdf(file_of(written(OBJECTS), tmp_path)) as opened:
        assert text_of_page(2).encode() in opened.pdf.pages[1].Contents.read_bytes()


def test_all_numbers_above_the_highest_that_references_name_are_found() -> None:
    """Only those are looked at that have as many digits: what a look at all of them finds is what is found."""
    dice = Random(19)
    every = re.compile(rb"R[\x00\t\n\x0c\r ]+\d{1,5}[\x00\t\n\x0c\r ]+(\d{1,10})")
    pieces = (b" ", b"0", b" 0 R", b"R", b"\n", b"00", b"/", b"9")
    count = 0
    for _ in range(500):
        numbers = [b"%d" % dice.randrange(10 ** dice.randrange(1, 13)) for _ in range(20)]
        data = b"".join(dice.choice((dice.choice(numbers), *pieces)) for _ in range(100))
        highest = dice.choice((0, 9, 10, 99, dice.randrange(10 ** dice.randrange(1, 11))))
        named = {int(found[1][::-1]) for found in every.finditer(data[::-1])}
        assert named_in(data, highest) == {number for number in named if number > highest}
        count += bool(named_in(data, highest))
    assert count > 200
