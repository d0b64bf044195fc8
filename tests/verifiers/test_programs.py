"""The judges are judged first: each accepts what pyHanko alone signed, and rejects the same file once damaged.

None of Signroom's own code takes part, so that a verifier that says yes to everything is found here.
"""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, signers
from pyhanko.sign.fields import SigSeedSubFilter

from tests.harness.tools import require_tools
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers


@pytest.fixture(scope="module")
def nss(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tools("certutil", "pdfsig", "qpdf", "mutool")
    return verifiers.nss_database(tmp_path_factory.mktemp("nss"), [authority.root_der()])


@pytest.fixture(scope="module")
def empty_nss(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tools("certutil", "pdfsig")
    return verifiers.nss_database(tmp_path_factory.mktemp("empty-nss"), [])


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    return _sign(tmp_path / "signed.pdf", hard_pdfs.make("plain"), "First")


def test_every_verifier_accepts_an_ordinary_pades_signature(signed: Path, nss: Path) -> None:
    verifiers.require_accepted(signed, nss, [authority.root_der()])
    assert verifiers.pdfsig(signed, nss) == [verifiers.PdfsigResult(valid=True, trusted=True, whole_document=True)]
    [seen] = verifiers.pyhanko(signed, [authority.root_der()])
    assert seen == verifiers.PyhankoResult(True, True, True, True, coverage_whole=True, modification_level="NONE")


def test_one_flipped_byte_of_page_content_is_rejected_by_all_who_check_the_digest(signed: Path, nss: Path) -> None:
    damaged = bytearray(signed.read_bytes())
    damaged[damaged.index(b"the parties agree")] ^= 1
    signed.write_bytes(damaged)
    [by_pdfsig] = verifiers.pdfsig(signed, nss)
    [by_pyhanko] = verifiers.pyhanko(signed, [authority.root_der()])
    assert not by_pdfsig.valid
    assert verifiers.mutool(signed) == [False]
    assert not by_pyhanko.intact
    assert not by_pyhanko.bottom_line
    assert verifiers.qpdf_accepts(signed), "qpdf judges syntax alone: it is no witness of a digest"


def test_a_file_that_qpdf_wrote_anew_is_rejected(signed: Path, nss: Path, tmp_path: Path) -> None:
    rewritten = tmp_path / "rewritten.pdf"
    subprocess.run(["qpdf", str(signed), str(rewritten)], check=True, capture_output=True)
    [by_pdfsig] = verifiers.pdfsig(rewritten, nss)
    [by_pyhanko] = verifiers.pyhanko(rewritten, [authority.root_der()])
    assert not by_pdfsig.valid
    assert verifiers.mutool(rewritten) == [False]
    assert not by_pyhanko.bottom_line


def test_without_the_root_a_signature_is_valid_but_not_trusted(signed: Path, empty_nss: Path) -> None:
    [by_pdfsig] = verifiers.pdfsig(signed, empty_nss)
    [by_pyhanko] = verifiers.pyhanko(signed, [])
    assert (by_pdfsig.valid, by_pdfsig.trusted) == (True, False)
    assert (by_pyhanko.valid, by_pyhanko.trusted, by_pyhanko.bottom_line) == (True, False, False)


def test_a_second_signature_leaves_the_first_one_valid_without_the_whole_file(
    signed: Path, nss: Path, tmp_path: Path
) -> None:
    twice = _sign(tmp_path / "twice.pdf", signed.read_bytes(), "Second")
    roots = [authority.root_der()]
    verifiers.require_accepted(twice, nss, roots, signatures=2)
    first, second = verifiers.pyhanko(twice, roots)
    assert (first.coverage_whole, second.coverage_whole) == (False, True)
    assert (first.modification_level, second.modification_level) == ("FORM_FILLING", "NONE")
    assert [each.whole_document for each in verifiers.pdfsig(twice, nss)] == [False, True]


@pytest.mark.parametrize("name", ["truncated", "only-header", "empty", "prev-loop"])
def test_qpdf_rejects_broken_syntax(name: str, tmp_path: Path) -> None:
    require_tools("qpdf")
    file = tmp_path / "broken.pdf"
    file.write_bytes(hard_pdfs.make(name))
    assert not verifiers.qpdf_accepts(file)


def _sign(target: Path, pdf: bytes, field: str) -> Path:
    metadata = PdfSignatureMetadata(field_name=field, subfilter=SigSeedSubFilter.PADES)
    out: io.BytesIO = signers.sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(pdf)), metadata, hard_pdfs.pyhanko_signer("rsa2048")
    )
    target.write_bytes(out.getvalue())
    return target
