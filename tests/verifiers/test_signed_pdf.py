"""The judge of our outputs sees what it is there for. The files are signed without our code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pki import authority
from tests.vectors.pdf import builder
from tests.vectors.pdf.builder import document, updated, written
from tests.vectors.pdf.signing import signed_by_another
from tests.verifiers.dss import running_dss
from tests.verifiers.programs import nss_database
from tests.verifiers.signed_pdf import Judges, Original, objects_kept, problems, pyhanko_could_read

Judge = Callable[[bytes, bytes], list[str]]


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judges]:
    folder = tmp_path_factory.mktemp("judges")
    anchor = folder / "root.crt"
    anchor.write_bytes(authority.root_der())
    nss = nss_database(folder / "nss", [authority.root_der()])
    with running_dss(anchor) as dss:
        yield Judges(nss, authority.root_der(), dss)


@pytest.fixture
def judge(judges: Judges, tmp_path: Path) -> Judge:
    def judge(before: bytes, after: bytes) -> list[str]:
        original, output = tmp_path / "original.pdf", tmp_path / "output.pdf"
        original.write_bytes(before)
        output.write_bytes(after)
        return problems(Original.of(original), output, judges)

    return judge


@pytest.mark.parametrize("form", builder.FORMS)
def test_nothing_is_said_against_a_good_signature(judge: Judge, form: builder.Form) -> None:
    original = written(document(), form)
    signed = signed_by_another(original)  # once: a second later it would be another file

    assert judge(original, signed) == []
    assert judge(signed, signed_by_another(signed, field=b"Second")) == []


def test_content_that_was_lost_is_seen_by_every_reader(judge: Judge) -> None:
    original = written(document())
    output = signed_by_another(updated(original, {7: builder.stream(b"q Q")}))

    found = judge(original, output)

    for reader in ("PDFium", "poppler", "MuPDF"):
        assert {f"{reader}: page 2 looks otherwise", f"{reader}: page 2 has another text"} <= set(found)
    assert any(problem.startswith("object 7 0 was changed") for problem in found)


def test_a_changed_original_is_seen(judge: Judge) -> None:
    original = written(document())
    output = signed_by_another(original).replace(b"%PDF-1.7", b"%PDF-1.6")

    found = judge(original, output)

    assert "the output does not begin with the bytes of the original" in found
    assert "pdfsig: no valid signature covers the whole file" in found
    assert any(problem.startswith("pyHanko: ") for problem in found)
    assert any(problem.startswith("DSS: TOTAL_FAILED") for problem in found)


def test_a_signature_that_does_not_cover_the_whole_file_is_seen(judge: Judge) -> None:
    original = written(document())

    found = judge(original, updated(signed_by_another(original), {}))

    assert "pdfsig: no valid signature covers the whole file" in found
    assert "pyHanko: no signature covers the whole file" in found
    assert "DSS: no signature covers the whole file" in found


def test_an_address_that_leads_nowhere_is_seen(judge: Judge) -> None:
    original = written(document())
    output = signed_by_another(written(document(), startxref=lambda at: at + 3))

    assert any(problem.startswith("/Prev") for problem in judge(original, output))


def test_changed_metadata_are_seen(judge: Judge) -> None:
    original = written(document(more={8: b"<</Producer(Scanner)>>"}), trailer=b"/Info 8 0 R")
    output = signed_by_another(updated(original, {8: b"<</Producer(Signroom)>>"}, trailer=b"/Info 8 0 R"))

    assert "Info was changed" in judge(original, output)


def test_a_million_digits_are_looked_at_once(tmp_path: Path) -> None:
    """One case of `tests.vectors.pdf` held up the run with all judges for hours."""
    original, output = tmp_path / "original.pdf", tmp_path / "output.pdf"
    original.write_bytes(written(document(more={20: b"<%b>" % (b"0" * 1_000_000)})))
    output.write_bytes(updated(original.read_bytes(), {20: b"<00>"}))

    assert [found[:23] for found in objects_kept(original, output)] == ["object 20 0 was changed"]


def test_an_object_that_pyhanko_could_never_read_is_not_held_against_a_signature(tmp_path: Path) -> None:
    """It may look at the object only once there is a form. One file of 12,000 was called wrong for that."""
    file = tmp_path / "damaged.pdf"
    file.write_bytes(written(document(more={20: b"<</A)>>"})))
    root = authority.root_der()

    complaint = "it cannot read the file (PdfReadError: Unexpected byte 'b')'' at position 625)"
    assert not pyhanko_could_read(file, root, complaint)
    assert pyhanko_could_read(file, root, complaint.replace("625", "626"))
