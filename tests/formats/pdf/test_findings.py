"""What is worth a word is found, in bounded time, and whatever is in the file nothing is raised."""

from __future__ import annotations

import io
import random
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest

from signroom.domain.preflight import Finding, FindingCode
from signroom.domain.signature import Verdict
from signroom.formats.pdf.findings import findings
from signroom.formats.pdf.preflight import inspect
from tests.vectors import hard_pdfs
from tests.vectors.pdf.builder import document, written
from tests.vectors.pdf.signing import signed_by_another

NOTHING = Verdict(())
SECONDS = 0.6
"""The bound is 0.3; the machine may be slow."""


def found(content: bytes, *, damaged: bool = False) -> dict[str, dict[str, str]]:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return {finding.code.value: dict(finding.facts) for finding in findings(pdf, NOTHING, damaged=damaged)}


def with_catalog(more: bytes, *objects: bytes, page: bytes = b"") -> bytes:
    """`objects` are numbered from 4 on."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R" + more + b">>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]" + page + b">>",
        *objects,
    ]
    return hard_pdfs.assemble(bodies)


def a_stream(data: bytes, more: bytes = b"", length: int | None = None) -> bytes:
    return b"<</Length %d%b>>stream\n%b\nendstream" % (len(data) if length is None else length, more, data)


def xmp(part: bytes = b"2", conformance: bytes = b"B") -> bytes:
    return b"<x><pdfaid:part>%b</pdfaid:part><pdfaid:conformance>%b</pdfaid:conformance></x>" % (part, conformance)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("plain", {}),
        ("broken-objects", {}),
        ("scripts", {"Scripts": {"kinds": "JavaScript, Launch"}}),
        ("external", {"ExternalContent": {}}),
        ("xfa-static", {"XfaForm": {}}),
        ("pdf-a", {"PdfA": {"part": "2", "conformance": "B"}}),
        ("odd-pages", {"OddPages": {"kinds": "cropped, huge, rotated, scaled"}}),
        ("certified-forms", {"Certified": {"level": "2"}}),
        ("encrypted-owner", {}),
    ],
)
def test_what_is_worth_a_word_is_found(name: str, wanted: dict[str, dict[str, str]]) -> None:
    assert found(hard_pdfs.make(name)) == wanted


def test_what_was_read_leniently_is_said_to_be_damaged_and_comes_first() -> None:
    with pikepdf.open(io.BytesIO(hard_pdfs.make("odd-pages"))) as pdf:
        codes = [finding.code for finding in findings(pdf, NOTHING, damaged=True)]

    assert codes == [FindingCode.DAMAGED, FindingCode.ODD_PAGES]


@pytest.mark.parametrize(
    "more",
    [
        b"/OpenAction<</S/JavaScript/JS(x)>>",
        b"/OpenAction 4 0 R",
        b"/AA<</WC 4 0 R>>",
        b"/Names<</JavaScript<</Names[(a) 4 0 R]>>>>",
        b"/AcroForm<</Fields[<</T(a)/FT/Btn/AA<</D<</S/URI/Next[null 4 0 R]>>>>>>]>>",
    ],
)
def test_scripts_are_found_where_they_hide(more: bytes) -> None:
    assert found(with_catalog(more, b"<</S/JavaScript/JS(x)>>")) == {"Scripts": {"kinds": "JavaScript"}}


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (b"<</S/Hide/T(covers)/H true>>", "Hide"),
        (b"<</S/SetOCGState/State[/OFF 5 0 R]>>", "SetOCGState"),
        (b"<</S/ResetForm>>", "ResetForm"),
    ],
)
@pytest.mark.parametrize(
    "more", [b"/OpenAction 4 0 R", b"/AcroForm<</Fields[<</T(a)/FT/Sig/AA<</PV 4 0 R>>>>]>>", b"/AA<</WP 4 0 R>>"]
)
def test_an_action_that_shows_something_else_without_a_script_is_found(more: bytes, action: bytes, kind: str) -> None:
    """It opens with an annotation or a layer gone that was seen here."""
    assert found(with_catalog(more, action)) == {"Scripts": {"kinds": kind}}


@pytest.mark.parametrize("more", [b"/F(x)", b"/F<</F(x)>>", b"/Ref<</F(x)/Page 0>>"])
def test_content_of_other_files_is_found_in_streams_only(more: bytes) -> None:
    assert found(with_catalog(b"/X 4 0 R", a_stream(b"", more))) == {"ExternalContent": {}}
    assert found(with_catalog(b"/X<<" + more + b">>")) == {}


@pytest.mark.parametrize("more", [b"/F null", b"/F 99 0 R", b"/Ref 98 0 R"])
def test_content_that_is_absent_is_not_external(more: bytes) -> None:
    assert found(with_catalog(b"/X 4 0 R", a_stream(b"", more))) == {}


@pytest.mark.parametrize(
    "page",
    [
        b"/CropBox null/Rotate null/UserUnit null",
        b"/CropBox 99 0 R/Rotate 99 0 R/UserUnit 99 0 R",
        b"/CropBox[1 2 3]/Rotate(90)/UserUnit(2)",
        b"/CropBox[595 842 0 0]/Rotate 720/UserUnit 1.0",
    ],
)
def test_a_page_whose_odd_entries_are_absent_is_not_odd(page: bytes) -> None:
    assert found(with_catalog(b"", page=page)) == {}


# -- the claim of PDF/A ----------------------------------------------------------------------------


# Functions: packing a bomb takes a second, and every worker reads this file.
@pytest.mark.parametrize(
    "metadata",
    [
        lambda: a_stream(xmp()),
        lambda: a_stream(zlib.compress(xmp()), b"/Filter/FlateDecode"),
        lambda: a_stream(zlib.compress(xmp()), b"/Filter[/FlateDecode]"),
        lambda: a_stream(xmp() + b"\0 & \xff"),
        lambda: a_stream(b'<x pdfaid:part="2" pdfaid:conformance="b"/>'),
        lambda: a_stream(zlib.compress(xmp() + b" " * (50 << 20)), b"/Filter/FlateDecode"),
    ],
    ids=["plain", "deflated", "list", "not-xml", "attributes", "bomb"],
)
def test_a_claim_is_found_in_metadata_of_every_kind(metadata: Callable[[], bytes]) -> None:
    assert found(with_catalog(b"/Metadata 4 0 R", metadata())) == {"PdfA": {"part": "2", "conformance": "B"}}


@pytest.mark.parametrize(
    "metadata",
    [
        lambda: b"null",
        lambda: b"7",
        lambda: b"<<>>",
        lambda: a_stream(b""),
        lambda: a_stream(b"x", b"/Filter/FlateDecode"),
        lambda: a_stream(b" " * (2 << 20) + xmp()),
        lambda: a_stream(zlib.compress(b" " * (50 << 20) + xmp()), b"/Filter/FlateDecode"),
        lambda: a_stream(xmp(b"x")),
    ],
    ids=["null", "number", "dictionary", "empty", "garbage", "large", "bomb", "no-number"],
)
def test_metadata_that_claim_nothing_that_can_be_read_in_bounds_are_passed_over(metadata: Callable[[], bytes]) -> None:
    assert found(with_catalog(b"/Metadata 4 0 R", metadata())) == {}


def test_encrypted_metadata_are_read() -> None:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(hard_pdfs.make("pdf-a"))) as pdf:
        pdf.save(target, encryption=pikepdf.Encryption(owner="owner", user=""))

    assert found(target.getvalue()) == {"PdfA": {"part": "2", "conformance": "B"}}


# -- bounds ----------------------------------------------------------------------------------------


def a_flat_tree() -> bytes:
    return hard_pdfs.with_pages(20_000)


def many_names() -> bytes:
    """One dictionary with 50,000 references, and a script behind it in the order of keys."""
    names = b"".join(b"/N%d %d 0 R" % (number, number + 5) for number in range(50_000))
    return with_catalog(b"/A<<%b>>/OpenAction 4 0 R" % names, b"<</S/JavaScript>>", *[b"<</S/X>>"] * 50_000)


def many_direct() -> bytes:
    return with_catalog(b"/A[" + b"<</S/X>>" * 200_000 + b"]/OpenAction 4 0 R", b"<</S/JavaScript>>")


def nested() -> bytes:
    """Dictionaries in dictionaries, each with a wide array beside the next one."""
    value = b"<<>>"
    for _ in range(400):
        value = b"<</A" + value + b"/B[" + b"1 " * 500 + b"]>>"
    return with_catalog(b"/A " + value)


def unfinished() -> bytes:
    """Streams whose length is a lie and whose end is far away: qpdf looks for it through the whole file."""
    count = 1500
    refs = b"".join(b"%d 0 R " % (number + 4) for number in range(count))
    return with_catalog(b"/A[" + refs + b"]", *[b"<</Length 9999999>>stream\n" + b"x" * 100] * count, b" " * (20 << 20))


@pytest.mark.parametrize("make", [a_flat_tree, many_names, many_direct, nested, unfinished])
def test_a_look_takes_a_bounded_time(make: Callable[[], bytes]) -> None:
    with pikepdf.open(io.BytesIO(make()), inherit_page_attributes=False) as pdf:
        started = time.thread_time()
        codes = [finding.code for finding in findings(pdf, NOTHING, damaged=False)]
        taken = time.thread_time() - started

    assert taken < SECONDS
    assert (FindingCode.SCRIPTS in codes) is (make in {many_names, many_direct})


def test_the_nearest_objects_are_seen_in_files_of_any_size() -> None:
    content = hard_pdfs.with_pages(5000).replace(b"/Type/Catalog", b"/OpenAction<</S/Launch>>/Type/Catalog", 1)

    assert found(content) == {"Scripts": {"kinds": "Launch"}}


@pytest.mark.parametrize("source", ["scripts", "pdf-a", "odd-pages", "certified-forms", "xfa-static", "xref-stream"])
def test_a_damaged_file_never_makes_it_fail(source: str) -> None:
    chance = random.Random(source)
    looked = 0
    for _ in range(60):
        content = bytearray(hard_pdfs.make(source))
        for _ in range(chance.randint(1, 12)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            pdf = pikepdf.open(io.BytesIO(content))
        except pikepdf.PdfError:
            continue
        assert all(isinstance(finding, Finding) for finding in findings(pdf, NOTHING, damaged=False))
        looked += 1
    assert looked > 10


def test_what_came_after_an_earlier_signature_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file.pdf"
    file.write_bytes(signed_by_another(written(document())) + b"\0" * 2000 + b"a mail gateway was here")

    told = {finding.code: dict(finding.facts) for finding in inspect(file).findings}

    assert told[FindingCode.CHANGED_AFTER_SIGNATURE]["changes"] == "bytes behind the signed file, which mean nothing"
    assert FindingCode.EARLIER_SIGNATURE in told
    assert FindingCode.DAMAGED not in told
