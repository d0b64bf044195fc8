"""Pre-flight says what a file is, or refuses it with its reason; no error of a parser gets out."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from signroom.domain.errors import (
    BrokenSignature,
    CertifiedPdf,
    DocumentRejected,
    EmptyFile,
    InvalidPdf,
    ProtectedPdf,
    UnsupportedFileType,
    XfaPdf,
)
from signroom.domain.preflight import FindingCode
from signroom.domain.signature import Indication, SignatureType
from signroom.formats.pdf.parsing import only_refusals
from signroom.formats.pdf.preflight import compare_pages, inspect
from signroom.formats.pdf.signing import own_update
from signroom.formats.pdf.verification import verify
from tests.formats.conftest import signed
from tests.vectors import hard_pdfs
from tests.vectors.pdf.builder import document
from tests.vectors.pdf.builder import written as written_document

Written = Callable[[str], Path]


@pytest.mark.parametrize(
    ("name", "pages"),
    [
        ("plain", 1),
        ("ten-pages", 10),
        ("xref-stream", 10),
        ("linearized", 10),
        ("acroform", 1),
        ("hybrid", 1),
        ("content-bomb", 1),
        ("encrypted-owner", 10),
        ("huge-size", 1),
        ("more-pages-claimed", 1),
        ("negative-prev", 1),
        ("negative-startxref", 1),
        ("prev-loop", 1),
        ("trailing-junk", 1),
    ],
)
def test_a_good_or_odd_file_is_described(written: Written, name: str, pages: int) -> None:
    found = inspect(written(name))

    assert (found.signature_type, found.content_type) == (SignatureType.PDF, "application/pdf")
    assert (found.pages, found.signatures) == (pages, 0)


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("empty", EmptyFile),
        ("html", UnsupportedFileType),
        ("docx", UnsupportedFileType),
        ("image", UnsupportedFileType),
        ("text", InvalidPdf),
        ("only-header", InvalidPdf),
        ("truncated", InvalidPdf),
        ("leading-junk", InvalidPdf),
        ("no-page", InvalidPdf),
        ("page-loop", InvalidPdf),
        ("pages-beyond-counting", InvalidPdf),
        ("xref-bomb", InvalidPdf),
        ("encrypted-user", ProtectedPdf),
        ("certified-no-changes", CertifiedPdf),
        ("locked-fields", CertifiedPdf),
        ("locked-other-fields", CertifiedPdf),
        ("locked-document", CertifiedPdf),
        ("xfa-dynamic", XfaPdf),
        ("objstm-bomb", InvalidPdf),
        ("deep-nesting", InvalidPdf),
        ("deep-page-tree", InvalidPdf),
    ],
)
def test_a_file_that_cannot_be_signed_is_refused(written: Written, name: str, refusal: type[DocumentRejected]) -> None:
    with pytest.raises(refusal):
        inspect(written(name))


@pytest.mark.parametrize(
    ("name", "kind"), [("html", "an HTML page"), ("docx", "a ZIP or Office file"), ("image", "an image")]
)
def test_a_file_of_another_kind_is_told_what_it_looks_like(written: Written, name: str, kind: str) -> None:
    with pytest.raises(UnsupportedFileType, match=f"It looks like {kind}"):
        inspect(written(name))


def test_a_lock_on_one_other_field_does_not_stand_in_the_way(written: Written) -> None:
    file = written("locked-one-field")

    assert inspect(file).signatures == 1
    assert [s.indication for s in verify(signed(file, "p256")).signatures] == [Indication.TOTAL_PASSED] * 2


def test_a_disk_that_cannot_be_read_is_not_the_files_fault(written: Written, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "gone.pdf")
    with pytest.raises(OSError, match="Input/output error"), only_refusals():
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("name", "findings"),
    [
        ("plain", []),
        ("hybrid", []),
        ("broken-objects", []),
        ("scripts", [("Scripts", "but", {"kinds": "JavaScript, Launch"})]),
        ("external", [("ExternalContent", "but", {})]),
        ("xfa-static", [("XfaForm", "note", {})]),
        ("pdf-a", [("PdfA", "note", {"part": "2", "conformance": "B"})]),
        ("odd-pages", [("OddPages", "note", {"kinds": "cropped, huge, rotated, scaled"})]),
        (
            "certified-forms",
            [("Certified", "note", {"level": "2"}), ("EarlierSignature", "note", {"name": "Signer rsa2048"})],
        ),
    ],
)
def test_what_is_worth_a_word_is_found(written: Written, name: str, findings: list[object]) -> None:
    found = inspect(written(name)).findings

    assert [(f.code, f.level, dict(f.facts)) for f in found] == findings


def test_who_signed_earlier_is_named(written: Written) -> None:
    found = inspect(signed(signed(written("plain"), "p256"), "rsa2048")).findings

    assert [f.code for f in found] == [FindingCode.EARLIER_SIGNATURE] * 2
    assert all(dict(f.facts)["name"] for f in found)


def test_looking_at_a_large_file_reads_a_bounded_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "large.pdf"
    file.write_bytes(hard_pdfs.with_pages(20_000))
    started = time.process_time()

    assert inspect(file).pages == 20_000
    assert time.process_time() - started < 5


def test_signatures_that_are_there_are_counted(written: Written) -> None:
    assert inspect(written("certified-forms")).signatures == 1
    assert inspect(signed(signed(written("plain"), "p256"), "rsa2048")).signatures == 2


def test_a_file_whose_signature_is_broken_is_not_signed_over(written: Written) -> None:
    file = signed(written("plain"), "p256")
    file.write_bytes(file.read_bytes().replace(b"the parties agree", b"the parties argue"))

    with pytest.raises(BrokenSignature, match="HASH_FAILURE"):
        inspect(file)


@pytest.mark.parametrize("source", ["plain", "xref-stream", "acroform", "certified-forms"])
def test_a_damaged_file_is_either_described_or_refused(tmp_path: Path, source: str) -> None:
    """300 files with random damage: never an error of the parser's own."""
    chance = random.Random(source)
    file = tmp_path / "damaged.pdf"
    for _ in range(75):
        content = bytearray(hard_pdfs.make(source))
        for _ in range(chance.randint(1, 12)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        file.write_bytes(content)
        with contextlib.suppress(DocumentRejected):
            assert inspect(file).pages >= 1


@pytest.mark.parametrize("length", [50 << 10, 17 << 20])
def test_what_would_be_refused_after_it_was_signed_is_refused_at_upload(length: int, tmp_path: Path) -> None:
    """A file of more than 16 MB was not asked."""
    file = tmp_path / "file.pdf"
    hard_pdfs.write_large(file, length)
    found = inspect(file)
    reading, pages = found.reading, found.pages
    assert reading is not None
    compare_pages(file, reading.facts, pages)
    (change, *others) = reading.facts.changed

    lost = replace(reading.facts, changed=(replace(change, new=b"<<>>"), *others))
    with pytest.raises(InvalidPdf, match="without touching something else"):
        compare_pages(file, lost, pages)


def test_a_file_that_qpdf_gives_up_on_later_is_refused_at_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raises a RuntimeError for some: of a look into the file that was only taken after the signer's consent."""
    file = tmp_path / "file.pdf"
    file.write_bytes(written_document(document(1, catalog=b"/AcroForm 99 0 R")))
    found = inspect(file)
    assert found.reading is not None
    monkeypatch.setattr(own_update, "View", _raise_runtime_error)

    with pytest.raises(InvalidPdf, match="without touching something else"):
        compare_pages(file, found.reading.facts, found.pages)


def _raise_runtime_error(*_args: object) -> None:
    raise RuntimeError
