"""A small sample of what ``make fuzz`` does, always the same files; and the tool itself."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import run
from tests.fuzz.grammar import generated
from tests.fuzz.judge import Result, Task, Verdict
from tests.fuzz.mutations import MUTATIONS
from tests.fuzz.originals import originals
from tests.harness.tools import require_tools
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers.programs import nss_database
from tests.verifiers.signed_pdf import Judges, objects_kept

_SEED = 12
_MUTATED, _GENERATED = 100, 50
_RIGHT = {Verdict.SIGNED, Verdict.REFUSED}


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    require_tools("certutil", "pdfsig", "pdftoppm", "pdftotext", "mutool")
    return Judges(
        nss_database(tmp_path_factory.mktemp("nss"), [authority.root_der()]),
        authority.root_der(),
    )


@pytest.mark.parametrize(("letter", "count"), [("m", _MUTATED), ("g", _GENERATED)])
def test_what_is_accepted_is_signed_and_right(letter: str, count: int, judges: Judges, tmp_path: Path) -> None:
    names = [f"{letter}{number}" for number in range(count)]

    found = list(run.results(names, _SEED, tmp_path, judges))

    wrong = [result.as_line() for result in found if result.verdict not in _RIGHT]
    assert not wrong, json.dumps(wrong, indent=1)
    assert [result.name for result in found] == names
    assert sum(result.verdict is Verdict.SIGNED for result in found) > count / 4


def test_a_file_whose_pages_qpdf_cannot_list_is_judged(judges: Judges, tmp_path: Path) -> None:
    """Of this hybrid file it sees a page tree without one page. It raises then what is no error of a PDF.

    Its address is 9 bytes off: PDFium and MuPDF show four pages, poppler none. It is refused.
    """
    (found,) = run.results(["g514"], 1616, tmp_path, judges)
    file = tmp_path / "g514.pdf"
    file.write_bytes(run.make("g514", 1616)[0])

    assert found.verdict is Verdict.REFUSED, found.problems
    assert "two kinds" in found.reason
    assert not list(objects_kept(file, file))


def test_a_file_can_be_made_again() -> None:
    for name in ("m1", "m77", "g3"):
        assert run.make(name, _SEED) == run.make(name, _SEED)
        assert run.make(name, _SEED) != run.make(name, _SEED + 1)


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_changes_files(name: str) -> None:
    changed = sum(
        MUTATIONS[name](Random(seed), content, hard_pdfs.make("ten-pages")) != content
        for seed, content in enumerate(list(originals().values())[::40])
    )

    assert changed > 2


def test_generated_pages_show_their_text() -> None:
    """Those that are written soundly: damage is added last."""
    import pypdfium2

    shown = 0
    for seed in range(40):
        content, _ = generated(Random(seed))
        try:
            with pypdfium2.PdfDocument(content) as document:
                shown += "Page 1: the parties agree." in document[0].get_textpage().get_text_bounded()
        except pypdfium2.PdfiumError:
            continue
    assert shown > 25


def _dies(task: Task, _judges: Judges, phase: Callable[[str], None]) -> Result:
    phase("reading")
    if task.name == "m1":
        os.kill(os.getpid(), signal.SIGKILL)
    if task.name == "m2":
        os.kill(os.getpid(), signal.SIGXCPU)
    return Result(task.name, task.about, Verdict.SIGNED)


def test_a_child_that_dies_is_a_finding_and_is_replaced(
    monkeypatch: pytest.MonkeyPatch, judges: Judges, tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "judged", _dies)

    found = list(run.results(["m0", "m1", "m2", "m3"], _SEED, tmp_path, judges))

    assert [(result.name, result.verdict) for result in found] == [
        ("m0", Verdict.SIGNED),
        ("m1", Verdict.CRASHED),
        ("m2", Verdict.SLOW),
        ("m3", Verdict.SIGNED),
    ]
