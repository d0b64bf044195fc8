"""The chain of cross-reference sections: where the newest truly begins, of which kind, and what all speak of."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.errors import PdfTooComplex
from signroom.formats.pdf.reading.crossref import NoChain, SectionKind, read_chain
from tests.vectors.pdf.builder import Form, document, last_startxref, updated, written

OBJECTS = document(2)
KINDS = {
    Form.TABLE: [SectionKind.TABLE],
    Form.STREAM: [SectionKind.STREAM],
    Form.HYBRID: [SectionKind.TABLE, SectionKind.STREAM, SectionKind.TABLE],
}


@pytest.mark.parametrize("form", list(Form))
def test_one_section_and_an_update(form: Form) -> None:
    file = written(OBJECTS, form)
    first = read_chain(file)
    assert [section.kind for section in first] == KINDS[form]
    assert first[0].offset == last_startxref(file)
    later = updated(file, {30: b"null"})
    chain = read_chain(later)
    assert chain[0].offset == last_startxref(later)
    assert chain[-1].offset == first[-1].offset
    assert chain[0].highest >= 30


@pytest.mark.parametrize("off", [-12, -7, -1, 1, 3, 9])
def test_a_startxref_that_is_a_little_off(off: int) -> None:
    right = last_startxref(written(OBJECTS))
    assert read_chain(written(OBJECTS, startxref=lambda at: at + off))[0].offset == right
    with pytest.raises(NoChain):  # of a stream nothing can be told apart: qpdf looks for it
        read_chain(written(OBJECTS, Form.STREAM, startxref=lambda at: at + 20 + off))


def test_white_space_before_a_section() -> None:
    file = written(OBJECTS)
    at = file.rindex(b"\nxref") + 1
    moved = file[:at] + b" \r\n" * 5 + file[at:]
    assert read_chain(moved)[0].offset == at + 15
    far = file[:at] + b" " * 5000 + file[at:]
    with pytest.raises(NoChain):
        read_chain(far)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"  \n", b" \n\n"])
def test_rows_that_are_not_of_twenty_bytes(end: bytes) -> None:
    file = re.sub(rb"(\d{10} \d{5} [nf]) \n", lambda found: found[1] + end, written(OBJECTS))
    with pytest.raises(NoChain, match="20 bytes"):
        read_chain(file)


@pytest.mark.parametrize("end", [b" \r", b"\r\n"])
def test_other_line_ends_are_right(end: bytes) -> None:
    file = re.sub(rb"(\d{10} \d{5} [nf]) \n", lambda found: found[1] + end, written(OBJECTS))
    assert read_chain(file)[0].highest == 7


@pytest.mark.parametrize("form", list(Form))
def test_prev_0_is_none(form: Form) -> None:
    assert len(read_chain(written(OBJECTS, form, trailer=b"/Prev 0"))) >= len(KINDS[form]) - 1


def test_sections_in_a_circle() -> None:
    file = written(OBJECTS, trailer=b"/Prev 1234567")
    own = b"%07d" % last_startxref(file)
    with pytest.raises(NoChain, match="circle"):
        read_chain(file.replace(b"1234567", own))
    later = updated(file.replace(b"1234567", own), {30: b"null"})
    with pytest.raises(NoChain, match="circle"):
        read_chain(later)
    back = updated(file, {30: b"null"})
    with pytest.raises(NoChain, match="circle"):
        read_chain(back.replace(b"1234567", b"%07d" % last_startxref(back)))


def test_the_stream_of_a_hybrid_file_has_no_say_in_what_comes_before() -> None:
    file = b"%PDF-1.7\n1 0 obj<</Type/XRef/Size 1/W[1 1 1]/Prev 9/Length 0>>stream\n\nendstream endobj\n"
    chain = read_chain(file + b"xref\n0 0\ntrailer<</XRefStm 9>>\nstartxref\n%d\n" % len(file))
    assert [section.kind for section in chain] == [SectionKind.TABLE, SectionKind.STREAM]


@pytest.mark.parametrize(
    "index", [b"/Index[0 8 5]", b"/Index[]", b"/Index 5", b"/Index[0 99999999999]", b"/Index[-5 3]", b"/Index[0 /A]"]
)
def test_odd_indices_of_a_stream(index: bytes) -> None:
    file = re.sub(rb"/Index\[[\d ]+\]", index, written(OBJECTS, Form.STREAM))
    try:
        assert read_chain(file)[0].kind is SectionKind.STREAM
    except NoChain:
        assert index == b"/Index 5"


@pytest.mark.parametrize("size", [b"-1", b"0", b"1", b"99999999999999999", b"9999999999999999999999", b"(8)", b"1.5"])
@pytest.mark.parametrize("form", list(Form))
def test_odd_sizes_do_not_matter(form: Form, size: bytes) -> None:
    chain = read_chain(written(OBJECTS, form, size=size))
    assert max(section.highest for section in chain) == (7 if form is Form.TABLE else 9)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"%PDF-1.7\n",
        b"startxref\n",
        b"startxref\n999999999999999999\n",
        b"xref\n0 9999999999\ntrailer<<>>startxref\n0",
        b" xref\n0 9999999999\ntrailer<<>>\nstartxref\n1",
        b" xref\n0 0\ntrailer<</Prev 1>>\nstartxref\n1",
        b" xref\n0 0\ntrailer[]\nstartxref\n1",
        b" xref\n0 0\ntrailr<<>>\nstartxref\n1",
        b" 1 0 obj<</Type/XRef>>endobj\nstartxref\n1",
        b" 1 0 obj<</Type/ObjStm>>stream\n\nendstream\nstartxref\n1",
        b" 1 0 obj[" + b"startxref\n1",
    ],
)
def test_no_chain(file: bytes) -> None:
    with pytest.raises(NoChain):
        read_chain(file)


@given(st.data())
def test_damaged_files_are_chains_or_no_chains(data: st.DataObject) -> None:
    file = bytearray(written(OBJECTS, data.draw(st.sampled_from(list(Form)))))
    at = data.draw(st.integers(len(file) // 2, len(file) - 1))
    file[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        read_chain(bytes(file))
    except NoChain:
        return


@pytest.mark.parametrize(
    "hostile",
    [
        b" xref\n" + b"0 0\n" * 3_000_000 + b"trailer<<>>",
        b" xref\n" + b"1 1\n0000000000 00000 n \n" * 500_000 + b"trailer<<>>",
        b" " * 12_000_000 + b"xref\n0 0\ntrailer<<>>",
        b" xref\n0 0\n" + b"%\n" * 6_000_000 + b"trailer<<>>",
        b" xref\n0 0\ntrailer<</Prev 5/A" + b"(" * 12_000_000,
        b" 1 0 obj<</Type/XRef/Index[" + b"0 1 " * 3_000_000 + b"]>>stream\n",
        b" 1 0 obj" + b"%" * 12_000_000,
    ],
)
def test_hostile_sections_cost_no_more_than_reading_them(hostile: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(NoChain):
        read_chain(hostile + b"\nstartxref\n1\n%%EOF\n")
    assert time.process_time() - start < 5


def test_a_table_with_millions_of_rows_is_too_complex() -> None:
    rows = b"0000000000 65535 f \n" * 2_000_001
    with pytest.raises(PdfTooComplex):
        read_chain(b" xref\n0 2000001\n" + rows + b"trailer<<>>\nstartxref\n1\n%%EOF\n")


def test_many_sections_share_one_megabyte_of_trailers() -> None:
    """Each trailer lies in a string of the one before."""
    out, previous = bytearray(b"%PDF-1.7\n"), 0
    for _ in range(300):
        at = len(out)
        out += b"xref\n0 0\ntrailer<</Prev %d/A(" % previous
        previous = at
    out += b"x" * 100_000 + b")>>" * 300
    start = time.process_time()
    with pytest.raises(NoChain):
        read_chain(bytes(out) + b"\nstartxref\n%d\n%%%%EOF\n" % previous)
    assert time.process_time() - start < 5


def test_a_long_chain_is_followed_and_an_endless_one_is_not() -> None:
    for count, right in ((1000, True), (5000, False)):
        out, previous = bytearray(b"%PDF-1.7\n"), 0
        for _ in range(count):
            at = len(out)
            out += b"xref\n0 0\ntrailer<</Prev %d>>\n" % previous
            previous = at
        out += b"startxref\n%d\n%%%%EOF\n" % previous
        if right:
            assert len(read_chain(bytes(out))) == count
        else:
            with pytest.raises(NoChain, match="too many"):
                read_chain(bytes(out))
