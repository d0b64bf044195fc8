"""PDFs as users send them (`tests.vectors.pdf`): each is signed or refused as is right, and every judge agrees."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from signroom.domain.errors import DocumentRejected, NotSigned
from signroom.domain.examination import ExaminedSignature
from signroom.domain.signature import NO_OPTIONS, DigestAlgorithm, Indication, Inspection, PdfOptions
from signroom.domain.validation import Check, Outcome
from signroom.formats import catalogue
from tests.formats.conftest import NOW, trusted, value
from tests.pki import authority
from tests.vectors import pdf as vectors
from tests.vectors.pdf import builder
from tests.vectors.pdf.case import Case, Earlier, Refused, Signed, State
from tests.verifiers import programs
from tests.verifiers.dss import running_dss
from tests.verifiers.signed_pdf import Judges, Original, is_shown_alike, problems, quick_problems, shown_by_all

SIGNER = "rsa2048"
_ONE_OF = 16
"""Of so many cases one is looked at by all judges in every run: each takes a second."""
SIGNED_BEFORE = [case for case in vectors.CASES.values() if case.earlier]
CLEAN = [case for case in vectors.CASES.values() if not isinstance(case.right, Refused)]
ALL_JUDGES = os.environ.get("ALL_JUDGES") == "1"
"""``ALL_JUDGES=1 make test TESTS=tests/formats/pdf/test_cases.py``: six more minutes."""
SLOW = {"highest-number-allowed"}
"""Some programs make room for all objects that there might be: two minutes."""
JUDGED_BY_ALL = {
    case.name for case in vectors.CASES.values() if ALL_JUDGES or zlib.crc32(case.name.encode()) % _ONE_OF == 0
} - (set() if ALL_JUDGES else SLOW)
_KEPT = 1 << 20
WITHOUT_SIGNATURE = [case for case in vectors.EARLIER if not case.earlier]


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory, nss: Path) -> Iterator[Judges]:
    anchor = tmp_path_factory.mktemp("anchor") / "root.crt"
    anchor.write_bytes(authority.root_der())
    with running_dss(anchor) as dss:
        yield Judges(nss, authority.root_der(), dss)


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is imported and made once is not counted in any case's time."""
    file = tmp_path_factory.mktemp("warm") / "plain.pdf"
    file.write_bytes(vectors.CASES["plain-table"].make())
    inspected(file)
    signed(file)


def inspected(file: Path) -> Inspection:
    """As the sandbox does."""
    found = catalogue.inspect(file, None, NO_OPTIONS, None)
    if found.reading is not None:
        catalogue.compare_pages(file, found.reading, found.pages)
    return found


def looked_at(file: Path) -> Inspection | DocumentRejected:
    try:
        return inspected(file)
    except DocumentRejected as refusal:
        return refusal


def signed(file: Path) -> Path:
    """What pre-flight has accepted can be prepared: nothing that is raised here is right."""
    prepared = catalogue.prepare(
        file, PdfOptions(), trusted(SIGNER), algorithm=DigestAlgorithm.SHA256, now=NOW, data=None
    )
    output = file.with_name(f"{file.stem}-signed.pdf")
    catalogue.embed(file, prepared, value(prepared, SIGNER), output)
    return output


_made: dict[str, bytes] = {}
"""By the name of the case: five tests look at it, and making one with earlier signatures signs them."""
_seen: dict[str, Original] = {}
_signed: dict[str, Path] = {}
"""What the first test has seen and signed of a case, for the others."""


def written(case: Case, folder: Path) -> Path:
    content = _made.get(case.name) or case.make()
    if len(content) <= _KEPT:
        _made[case.name] = content
    file = folder / "file.pdf"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("case", vectors.CASES.values(), ids=str)
def test_it_is_signed_or_refused_as_is_right(case: Case, judges: Judges, tmp_path: Path) -> None:
    file = written(case, tmp_path)
    begun = time.process_time()
    seen = looked_at(file)
    if isinstance(seen, DocumentRejected):
        if isinstance(case.right, Signed):
            assert case.fills is None, f"refused: {seen.code}: {seen}"
            # What programs show differently may be refused: nobody knows what the signer would see. So may a hybrid
            # file with a wrong table: programs mend it differently.
            assert case.name.endswith("-hybrid") or not is_shown_alike(file), f"refused: {seen.code}: {seen}"
            return
        assert seen.code == case.right.code
        assert seen.detail, "a refusal says what is wrong with this file"
        return
    assert not isinstance(case.right, Refused), "it is accepted"
    if case.fills is not None:
        assert seen.reading is not None
        assert (seen.reading.facts.fills.name if seen.reading.facts.fills else "") == case.fills
    output = signed(file)
    took = time.process_time() - begun

    by_all = case.name in JUDGED_BY_ALL
    if case.earlier:
        _signed[case.name] = output
    if by_all:
        _seen[case.name] = Original.of(file)
    found = problems(_seen[case.name], output, judges) if by_all else quick_problems(file, output, judges)
    assert not found, "\n".join(found)
    assert took <= case.seconds
    assert seen.signatures == sum(earlier.state is not State.TIMESTAMP for earlier in case.earlier)
    if isinstance(case.right, Signed):
        assert case.right.warning in " ".join(finding.message for finding in seen.findings).lower()


@pytest.mark.parametrize("case", [case for case in CLEAN if case.name in JUDGED_BY_ALL], ids=str)
def test_the_pages_of_the_case_are_seen(case: Case, tmp_path: Path) -> None:
    """Of the vectors themselves: content that a reader does not show cannot be missed when it is lost."""
    before = _seen.get(case.name)
    shown = shown_by_all(written(case, tmp_path)) if before is None else before.shown
    texts = [builder.text_of_page(number) for number in range(1, min(case.pages, 50) + 1)]

    right = [
        name
        for name, by_reader in shown.items()
        if len(by_reader.pages) >= len(texts)
        and all(text in page.text for text, page in zip(texts, by_reader.pages, strict=False))
    ]

    assert len(right) >= case.readers, {name: by_reader.complaint for name, by_reader in shown.items()}


@pytest.mark.parametrize("case", SIGNED_BEFORE, ids=str)
def test_the_signatures_of_the_case_are_what_it_says(case: Case, tmp_path: Path, nss: Path) -> None:
    """Of the vectors themselves: poppler, which does not look at later changes, calls those valid that are intact."""
    valid = sum(signature.valid for signature in programs.pdfsig(written(case, tmp_path), nss))

    assert valid >= sum(earlier.state is State.INTACT for earlier in case.earlier)


@pytest.mark.parametrize("case", SIGNED_BEFORE, ids=str)
def test_earlier_signatures_are_judged_as_is_right(case: Case, tmp_path: Path) -> None:
    found = catalogue.examine(written(case, tmp_path), None, (), None).signatures

    assert [wrong(right, signature) for right, signature in zip(case.earlier, found, strict=True)] == [""] * len(found)


@pytest.mark.parametrize("case", [c for c in SIGNED_BEFORE if isinstance(c.right, Signed)], ids=str)
def test_earlier_signatures_keep_their_verdict_when_we_sign(case: Case, tmp_path: Path) -> None:
    output = _signed.get(case.name) or signed(written(case, tmp_path))

    *before, ours = catalogue.examine(output, None, (), None).signatures

    assert [wrong(right, signature) for right, signature in zip(case.earlier, before, strict=True)] == [""] * len(
        before
    )
    assert wrong(Earlier(State.INTACT), ours) == ""
    assert ours.verdict.covers_whole_file


@pytest.mark.parametrize("case", WITHOUT_SIGNATURE, ids=str)
def test_an_empty_place_for_a_signature_is_no_signature(case: Case, tmp_path: Path) -> None:
    with pytest.raises(NotSigned):
        catalogue.examine(written(case, tmp_path), None, (), None)


def wrong(right: Earlier, found: ExaminedSignature) -> str:
    """Why the verdict `found` is not the right one; empty when it is."""
    indication = found.verdict.indication
    expected = {
        State.INTACT: indication is Indication.TOTAL_PASSED,
        State.UNPROVEN: indication is Indication.INDETERMINATE,
        State.NOT_BROKEN: indication is not Indication.TOTAL_FAILED,
        State.BROKEN: indication is Indication.TOTAL_FAILED,
        State.TIMESTAMP: indication is not Indication.TOTAL_FAILED,
    }[right.state]
    warnings = found.results.with_outcome(Outcome.WARNING)
    missing = set(right.checks) - {item.check for item in warnings}
    faults = {
        f"{right.state} is right, and it is called {indication} ({found.verdict.reason})": not expected,
        "a document timestamp is no signer's, and nothing else is a timestamp": (
            found.is_document_timestamp != (right.state is State.TIMESTAMP)
        ),
        f"no warning says {right.warning!r}": right.warning not in " ".join(w.message for w in warnings).lower(),
        f"no warning of {missing}": bool(missing),
        # What cannot be judged must not look as if it had been: it has an error, and is not called broken.
        f"errors: {[item.check.value for item in found.results.errors]}": (
            found.results.valid is (right.state is State.BROKEN or _is_unsupported(found))
        ),
    }
    return "; ".join(fault for fault, is_there in faults.items() if is_there)


def _is_unsupported(found: ExaminedSignature) -> bool:
    return (found.verdict.reason or "").startswith("unsupported")


def test_a_digest_that_is_right_is_never_called_wrong(tmp_path: Path) -> None:
    """A page was changed after the signature: the signed bytes are still there and their digest is right."""
    file = written(vectors.CASES["shadow-content-changed-table"], tmp_path)

    (signature,) = catalogue.examine(file, None, (), None).signatures

    assert Check.MESSAGE_DIGEST_MISMATCH not in {item.check for item in signature.results.errors}
