"""The one door to all formats: a format is loaded when a file of its kind comes by, and not before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.errors import DataNotExpected, InvalidXml, NotSigned, UnsupportedFileType
from signroom.domain.signature import (
    NO_OPTIONS,
    CmsOptions,
    DigestAlgorithm,
    DigestValue,
    Indication,
    OptionsByType,
    SignatureType,
)
from signroom.domain.validation import Check
from signroom.formats import catalogue
from signroom.formats.beginning import Beginning, decide, may_be_pdf
from signroom.service.documents.check_file import type_by_name
from tests.formats.conftest import NOW, trusted, value
from tests.harness.server import ROOT
from tests.vectors import hard_pdfs, what_a_file_is
from tests.vectors.pdf.containers import container

FILES = {SignatureType.PDF: hard_pdfs.make("plain"), SignatureType.CMS: b"plain text", SignatureType.XML: b"<a/>"}
PARTS = (
    *(
        b"%PDF-1.7\n",
        b"1 0 obj\n",
        b"%PDF-",
        b"<note>",
        b"PK\x03\x04",
        b"From: a@b\r\n",
        b"To: b@c\r\n",
        b" ",
        b"junk\n",
    ),
    *(b"\x30\x80", b"\x30\x82\x01\x00", bytes.fromhex("06092a864886f70d010702"), b"\xef\xbb\xbf", b"\xff\xfe", b"\0"),
)
INSPECT = """
import sys
from pathlib import Path
from signroom.domain.signature import NO_OPTIONS, SignatureType
from signroom.formats import catalogue

assert catalogue.inspect(Path(sys.argv[1]), SignatureType(sys.argv[2]), NO_OPTIONS, None).signature_type == sys.argv[2]
formats = ("signroom.formats.pdf", "signroom.formats.cms", "signroom.formats.xml")
print(*(name for name in formats if f"{name}.format" in sys.modules))
"""


@pytest.mark.parametrize("kind", list(SignatureType))
def test_only_the_format_of_the_file_is_loaded(tmp_path: Path, kind: SignatureType) -> None:
    file = tmp_path / "file"
    file.write_bytes(FILES[kind])

    done = subprocess.run(
        [sys.executable, "-c", INSPECT, str(file), kind.value], check=True, cwd=ROOT, capture_output=True, text=True
    )

    assert done.stdout.split() == [f"signroom.formats.{kind.value.lower()}"]


def test_no_format_is_loaded_with_the_catalogue() -> None:
    code = "import sys, signroom.formats.catalogue\nprint(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"pyhanko", "asn1crypto", "lxml", "cryptography"}


SOUND = [name for name in what_a_file_is.files() if name not in what_a_file_is.REFUSED]


def written(folder: Path, name: str) -> Path:
    file = folder / name
    file.write_bytes(what_a_file_is.files()[name].content)
    return file


@pytest.mark.parametrize("name", what_a_file_is.files())
def test_the_beginning_decides_what_a_file_is(tmp_path: Path, name: str) -> None:
    file, right = written(tmp_path, name), what_a_file_is.files()[name]

    assert (catalogue.sniff(file), catalogue.signed_kind(file)) == (right.unasked, right.inspected)


@pytest.mark.parametrize("name", SOUND)
def test_a_file_is_inspected_as_what_it_is(tmp_path: Path, name: str) -> None:
    right = what_a_file_is.files()[name]

    inspection = catalogue.inspect(written(tmp_path, name), None, NO_OPTIONS, None)

    assert (inspection.signature_type, inspection.signatures) == (right.unasked, right.signatures)


@pytest.mark.parametrize("name", [n for n in SOUND if what_a_file_is.files()[n].unasked is SignatureType.CMS])
def test_what_is_not_a_pdf_is_signed_as_what_it_is(tmp_path: Path, name: str) -> None:
    """Inspected like a signed file it has the signatures it has; signed it has one more."""
    file, signatures = written(tmp_path, name), what_a_file_is.files()[name].signatures

    if signatures:
        assert len(catalogue.examine(file, None, (), None).signatures) == signatures
    else:
        # They begin like XML, and are none.
        with pytest.raises(InvalidXml if name in {"page.html", "note-mark.xml"} else NotSigned):
            catalogue.examine(file, None, (), None)
    require_one_more(file, None, signatures)


def test_a_detached_signature_of_a_pdf_is_signed_beside_it(tmp_path: Path) -> None:
    file, data = tmp_path / "contract.pdf.p7s", tmp_path / "contract.pdf"
    data.write_bytes(what_a_file_is.pdf())
    file.write_bytes(container(what_a_file_is.pdf()))

    inspection = catalogue.inspect(file, None, NO_OPTIONS, data)

    assert (inspection.signature_type, inspection.signatures) == (SignatureType.CMS, 1)
    require_one_more(file, data, 1)


def require_one_more(file: Path, data: Path | None, before: int) -> None:
    output, algorithm = file.with_name("signed.p7m"), DigestAlgorithm.SHA256
    options = OptionsByType().of(SignatureType.CMS)
    prepared = catalogue.prepare(file, options, trusted("rsa2048"), algorithm=algorithm, now=NOW, data=data)
    catalogue.embed(file, prepared, value(prepared, "rsa2048"), output)

    found = catalogue.examine(output, data, (), None).signatures
    assert len(found) == before + 1
    assert all(signature.results.valid for signature in found)


def test_xml_that_speaks_of_a_pdf_is_xml(tmp_path: Path) -> None:
    file, output = written(tmp_path, "note.xml"), tmp_path / "signed.xml"
    with pytest.raises(NotSigned):
        catalogue.examine(file, None, (), None)
    options, algorithm = OptionsByType().of(SignatureType.XML), DigestAlgorithm.SHA256
    prepared = catalogue.prepare(file, options, trusted("rsa2048"), algorithm=algorithm, now=NOW, data=None)
    catalogue.embed(file, prepared, value(prepared, "rsa2048"), output)

    assert catalogue.examine(output, None, (), None).signature_type is SignatureType.XML


def test_a_signed_file_with_another_file_beside_it_says_that_they_do_not_match(tmp_path: Path) -> None:
    file, other = written(tmp_path, "contract.pdf.p7m"), tmp_path / "other.pdf"
    other.write_bytes(what_a_file_is.pdf() + b"\n")

    (signature,) = catalogue.examine(file, other, (), None).signatures

    assert Check.MESSAGE_DIGEST_MISMATCH in {item.check for item in signature.results.errors}


@given(st.lists(st.sampled_from(list(PARTS)), max_size=6), st.binary(max_size=8), st.integers(0, 5000))
def test_every_beginning_is_decided(parts: list[bytes], end: bytes, more: int) -> None:
    head = b"".join(parts) + end
    found = decide(head, len(head) + more)

    assert (found is Beginning.EMPTY) == (head == b"")
    if found is Beginning.PDF:
        assert b"%PDF-" in head
        assert may_be_pdf(head, len(head) + more)
    if b"".join(parts).lstrip().startswith(b"%PDF-"):
        assert found is Beginning.PDF


@pytest.mark.parametrize("form", what_a_file_is.text_forms())
def test_a_text_form_of_a_signed_pdf_is_inspected(tmp_path: Path, form: str) -> None:
    file, content = tmp_path / "contract.pdf.p7m", tmp_path / "content"
    file.write_bytes(what_a_file_is.text_forms()[form])

    (signature,) = catalogue.examine(file, None, (), content).signatures

    assert signature.verdict.indication is not Indication.TOTAL_FAILED
    assert content.read_bytes() == what_a_file_is.pdf()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("contract.pdf.p7m", "It looks like a signed file (CMS, .p7m or .p7s)."),
        ("note-mark.xml", "It looks like an XML file."),
        ("stored.zip", "It looks like a ZIP or Office file."),
        ("picture.jpg", "It looks like an image."),
    ],
)
def test_what_is_called_pdf_and_is_something_else_says_what_it_is(tmp_path: Path, name: str, told: str) -> None:
    file = written(tmp_path, name).rename(tmp_path / "contract.pdf")

    with pytest.raises(UnsupportedFileType) as caught:
        catalogue.inspect(file, type_by_name(file.name), NO_OPTIONS, None)

    assert caught.value.detail == told


@pytest.mark.parametrize("kind", [SignatureType.PDF, SignatureType.XML])
def test_data_beside_a_file_that_is_not_about_data_is_refused(tmp_path: Path, kind: SignatureType) -> None:
    file, data = tmp_path / "file", tmp_path / "data"
    file.write_bytes(FILES[kind])
    data.write_bytes(b"data")
    hashes = (DigestValue("SHA256", bytes(32)),)

    for beside_it, options in ((data, NO_OPTIONS), (None, OptionsByType(cms=CmsOptions(data_hashes=hashes)))):
        with pytest.raises(DataNotExpected):
            catalogue.inspect(file, kind, options, beside_it)
    for beside_it, named in ((data, ()), (None, hashes)):
        with pytest.raises(DataNotExpected):
            catalogue.examine(file, beside_it, named, None)
