"""B-T, B-LT and B-LTA in PDFs of each kind, judged by DSS and pyHanko, poppler, MuPDF and qpdf."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest

from signroom.domain.augmentation import NO_DATA, Augmentation, TimestampUse, ValidationData
from signroom.domain.errors import (
    AugmentationImpossible,
    BrokenSignature,
    InvalidPdf,
    NotSigned,
    Refused,
    TimestampTooLarge,
    VerificationFailed,
)
from signroom.domain.level import Level
from signroom.domain.pdf_facts import PdfFacts
from signroom.domain.signature import DigestAlgorithm, Indication, PdfReading
from signroom.formats.pdf import format as pdf
from signroom.formats.pdf.reading import whole_table
from signroom.ports.files import Augmented, Signed
from signroom.store import rows
from tests.formats.conftest import signed as signed_by_toy
from tests.pki import three_tiers
from tests.pki.three_tiers import NOW, YEAR
from tests.vectors import hard_pdfs, lasting_pdfs
from tests.vectors.lasting_pdfs import ARCHIVE, KINDS, ROOM, SIGNATURE, all_data, archive_again, raise_to, sign
from tests.verifiers import programs
from tests.verifiers.ades import pyhanko_says
from tests.verifiers.dss import Dss, running_dss
from tests.verifiers.pages import READERS, differences


@pytest.fixture(scope="module")
def dss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dss]:
    anchor = tmp_path_factory.mktemp("anchor") / "root.crt"
    anchor.write_bytes(three_tiers.root().der)
    with running_dss(anchor) as running:
        yield running


@pytest.fixture(scope="module")
def nss(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return programs.nss_database(tmp_path_factory.mktemp("nss"), [three_tiers.root().der])


@pytest.fixture
def original(tmp_path: Path) -> Callable[[str], Path]:
    def write(kind: str) -> Path:
        file = tmp_path / "original.pdf"
        file.write_bytes(KINDS[kind]())
        return file

    return write


@pytest.fixture
def file(original: Callable[[str], Path]) -> Path:
    return original("table")


def data() -> ValidationData:
    return all_data("rsa2048")


def require_passed(dss: Dss, file: Path, level: str, *, years: float = 0, signatures: int = 1) -> None:
    """DSS demands revocation data, and judges as in so many years."""
    answer = dss.judge(file, at=NOW + years * YEAR if years else None, revocation=True)
    found = answer["signatures"]
    assert len(found) == signatures, answer
    for one in found:
        said = one["indication"], one["level"], one["undefinedChanges"]
        assert said == ("TOTAL_PASSED", f"PAdES-BASELINE-{level}", []), (one["subIndication"], one["errors"])


def levels_of(file: Path) -> list[Level]:
    return [one.level for one in pdf.read_levels(file, None).signatures]


def require_stored(done: Augmented | Signed, file: Path) -> None:
    content = file.read_bytes()
    assert (done.stored.length, done.stored.sha256) == (len(content), hashlib.sha256(content).digest())


def require_like_read(reading: PdfReading | None, file: Path) -> None:
    """What was computed is what somebody who reads the file finds out."""
    assert reading is not None
    read = lasting_pdfs.read(file)
    assert comparable(reading.facts) == comparable(read.facts)
    assert [one.indication for one in reading.earlier] == [one.indication for one in read.earlier]


def comparable(facts: PdfFacts) -> PdfFacts:
    # An empty table may be written in two ways, and digests in another order.
    table = repr(list(whole_table.unpacked(facts.table))).encode() if facts.table else b"[]"
    store = None if facts.store is None else replace(facts.store, known=tuple(sorted(facts.store.known)))
    return replace(facts, table=table, store=store)


# -- what is right ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_each_kind_reaches_each_level_and_lasts(
    original: Callable[[str], Path], tmp_path: Path, nss: Path, dss: Dss, kind: str
) -> None:
    before, output = original(kind), tmp_path / "signed.pdf"
    signed = sign(before, output)
    assert levels_of(output) == [Level.B_T]

    require_stored(signed, output)
    require_like_read(signed.reading, output)
    with_data = tmp_path / "lt.pdf"
    with_data.write_bytes(output.read_bytes())
    done = raise_to(with_data, None, data(), reading=signed.reading)
    require_stored(done, with_data)
    assert levels_of(with_data) == [Level.B_LT]
    require_passed(dss, with_data, "LT")

    done = raise_to(output, ARCHIVE, data(), reading=signed.reading)
    require_stored(done, output)
    require_like_read(done.reading, output)
    assert levels_of(output) == [Level.B_LTA]
    require_passed(dss, output, "LTA", years=4.5)  # the signer's and the authorities' certificates have ended
    assert pyhanko_says(output, [three_tiers.root().der]) == ["PASSED OK"]
    assert programs.mutool(output)[0]  # it does not know document timestamps
    assert programs.pdfsig(output, nss)[0].valid
    assert programs.qpdf_accepts(output)

    done = archive_again(output, reading=done.reading)
    require_stored(done, output)
    require_like_read(done.reading, output)
    require_passed(dss, output, "LTA", years=30)  # and the first two timestamp authorities' certificates
    assert output.read_bytes().startswith(before.read_bytes())
    verdict = pdf.verify(output, None)
    assert [(one.indication, one.warnings) for one in verdict.signatures] == [(Indication.TOTAL_PASSED, ())]


def mended(name: str) -> bytes:
    """A file whose table cannot be found: the first update brings all of it."""
    return re.sub(rb"startxref\n\d+", b"startxref\n7", hard_pdfs.make(name))


HARDER: dict[str, Callable[[], bytes]] = {
    "mended table": lambda: mended("ten-pages"),
    "mended object streams": lambda: mended("xref-stream"),
    **{
        name: functools.partial(hard_pdfs.make, name)
        for name in ("linearized", "certified-forms", "xfa-static", "trailing-junk")
    },
}


@pytest.mark.parametrize("name", HARDER)
def test_what_is_known_of_harder_files_is_what_a_reader_finds(file: Path, tmp_path: Path, name: str) -> None:
    file.write_bytes(HARDER[name]())
    output = tmp_path / "signed.pdf"
    signed = sign(file, output)
    require_like_read(signed.reading, output)

    done = raise_to(output, ARCHIVE, data(), reading=signed.reading)

    require_like_read(done.reading, output)
    assert levels_of(output)[-1] == Level.B_LTA
    assert pdf.verify(output, None).intact
    assert programs.qpdf_accepts(output)


@pytest.mark.parametrize("kind", ["table", "object-streams"])
def test_what_is_shown_stays_as_it_was(original: Callable[[str], Path], tmp_path: Path, dss: Dss, kind: str) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(original(kind), output, options=lasting_pdfs.VISIBLE)
    before = {name: reader(output) for name, reader in READERS.items()}

    done = raise_to(output, ARCHIVE, data(), reading=signed.reading)
    archive_again(output, reading=done.reading)

    assert signed.reading is not None
    require_passed(dss, output, "LTA", years=30)
    for name, reader in READERS.items():
        assert differences(before[name], reader(output)) == []


@pytest.mark.parametrize("kind", three_tiers.KINDS)
def test_each_kind_of_key_reaches_the_last_level(file: Path, tmp_path: Path, dss: Dss, kind: str) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(file, output, kind)
    raise_to(output, ARCHIVE, all_data(kind), reading=signed.reading)

    require_passed(dss, output, "LTA", years=4.5)


def test_three_signers_with_levels_between_them_keep_all_that_is_there(file: Path, tmp_path: Path, dss: Dss) -> None:
    kinds, output = ("rsa2048", "p256", "p384"), tmp_path / "1.pdf"
    for number, kind in enumerate(kinds):
        output = tmp_path / f"{number}.pdf"
        signed = sign(file, output, kind)
        # What validates those before it does not validate this one.
        assert levels_of(output) == [Level.B_LTA] * number + [Level.B_T]
        raise_to(output, ARCHIVE, all_data(kind), reading=signed.reading)
        file = output

    levels = pdf.read_levels(output, None)
    assert [one.level for one in levels.signatures] == [Level.B_LTA] * 3
    assert [len(one.timestamps) for one in levels.signatures] == [4, 3, 2]
    assert all(stamp.intact for one in levels.signatures for stamp in one.timestamps)
    wanted = all_data(*kinds)
    assert set(levels.data.certificates) == {*wanted.certificates, three_tiers.root().der}
    assert set(levels.data.lists) == set(wanted.lists)
    with pikepdf.open(output) as opened:
        store = opened.Root.DSS
        assert [len(store.Certs), len(store.CRLs), len(store.OCSPs)] == [
            len(one) for one in (wanted.certificates, wanted.lists, wanted.responses)
        ]
    require_passed(dss, output, "LTA", years=4.5, signatures=3)
    archive_again(output)
    require_passed(dss, output, "LTA", years=30, signatures=3)
    assert pdf.verify(output, None).intact


@pytest.mark.parametrize("algorithm", [DigestAlgorithm.SHA384, DigestAlgorithm.SHA512])
def test_an_archive_timestamp_may_have_another_digest(file: Path, tmp_path: Path, algorithm: DigestAlgorithm) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(file, output)

    require_stored(raise_to(output, ARCHIVE, data(), reading=signed.reading, algorithm=algorithm), output)

    assert levels_of(output) == [Level.B_LTA]


def test_a_file_that_nobody_has_read_is_raised_as_well(file: Path, tmp_path: Path, dss: Dss) -> None:
    output = tmp_path / "signed.pdf"
    sign(file, output, timestamp=False)
    assert levels_of(output) == [Level.B_B]

    for use, added, level in (
        (SIGNATURE, NO_DATA, Level.B_T),
        (None, data(), Level.B_LT),
        (ARCHIVE, NO_DATA, Level.B_LTA),
    ):
        require_stored(raise_to(output, use, added), output)
        assert levels_of(output) == [level]

    require_passed(dss, output, "LTA")


# -- a signature's own timestamp, later ---------------------------------------------------------------


def test_a_timestamp_that_comes_later_goes_into_the_room_of_its_signature(file: Path, tmp_path: Path, dss: Dss) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(file, output, timestamp=False)
    before = output.read_bytes()

    done = raise_to(output, SIGNATURE, reading=signed.reading)

    after = output.read_bytes()
    start, end = before.rindex(b"/Contents<") + 10, before.rindex(b">>\nendobj")
    assert len(after) == len(before)
    assert (after[:start], after[end:]) == (before[:start], before[end:])
    require_stored(done, output)
    assert [one.use for one in pdf.read_levels(output, None).signatures[0].timestamps] == [SIGNATURE]
    # And the reading goes on from there.
    raise_to(output, ARCHIVE, data(), reading=done.reading)
    require_passed(dss, output, "LTA")


def test_of_two_signatures_the_one_that_is_meant_gets_it(file: Path, tmp_path: Path, dss: Dss) -> None:
    first, output = tmp_path / "first.pdf", tmp_path / "signed.pdf"
    sign(file, first)
    sign(first, output, "p256", timestamp=False)
    value = pdf.read_levels(output, None).signatures[1].value

    raise_to(output, SIGNATURE, value=value)

    levels = pdf.read_levels(output, None).signatures
    assert [[stamp.use for stamp in one.timestamps] for one in levels] == [[SIGNATURE], [SIGNATURE]]
    raise_to(output, ARCHIVE, all_data("rsa2048", "p256"))
    require_passed(dss, output, "LTA", signatures=2)


@pytest.mark.parametrize("why", ["no room", "covered by another signature"])
def test_where_it_cannot_go_in_a_document_timestamp_serves(file: Path, tmp_path: Path, dss: Dss, why: str) -> None:
    output = tmp_path / "signed.pdf"
    sign(file, output, timestamp=False, room=ROOM if why.startswith("covered") else 0)
    if why.startswith("covered"):
        sign(output, tmp_path / "both.pdf", "p256")
        output = tmp_path / "both.pdf"
    value = pdf.read_levels(output, None).signatures[0].value
    before = output.read_bytes()

    raise_to(output, SIGNATURE, value=value)

    assert output.read_bytes().startswith(before)
    (first, *_) = pdf.read_levels(output, None).signatures
    assert (first.level, [one.use for one in first.timestamps]) == (Level.B_T, [ARCHIVE])
    levels = [one["level"] for one in dss.judge(output)["signatures"]]
    assert levels == ["PAdES-BASELINE-T"] * len(levels)


# -- what is already there ---------------------------------------------------------------------------


def test_data_that_are_there_are_not_added_again(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(file, output)
    done = raise_to(output, None, data(), reading=signed.reading)
    before = output.read_bytes()

    again = raise_to(output, None, data(), reading=done.reading)
    read = raise_to(output, None, data())

    assert output.read_bytes() == before
    assert again.stored == read.stored == done.stored


def test_a_signer_who_signs_again_has_the_data_behind_each_signature(file: Path, tmp_path: Path, dss: Dss) -> None:
    first, second, everything = tmp_path / "first.pdf", tmp_path / "second.pdf", all_data("p256")
    raise_to(first, ARCHIVE, everything, reading=sign(file, first, "p256").reading)
    signed = sign(first, second, "p256")
    assert levels_of(second) == [Level.B_LTA, Level.B_T]  # as DSS has it: what is there was written for the first

    done = raise_to(second, ARCHIVE, everything, reading=signed.reading, behind=True)

    require_passed(dss, second, "LTA", signatures=2)
    assert levels_of(second) == [Level.B_LTA, Level.B_LTA]
    require_like_read(done.reading, second)
    length = second.stat().st_size
    raise_to(second, None, everything, reading=done.reading)
    assert second.stat().st_size == length


def test_a_store_of_another_program_is_kept_and_gets_longer(file: Path, tmp_path: Path, dss: Dss) -> None:
    output = tmp_path / "signed.pdf"
    with pikepdf.open(file, allow_overwriting_input=True) as opened:
        old = [opened.make_stream(der) for der in (three_tiers.root().der, data().certificates[0])]
        vri = pikepdf.Dictionary({"/ABC": pikepdf.Dictionary(Cert=pikepdf.Array(old), TU=pikepdf.String("D:2020"))})
        # Its list is an object of its own, and the store a part of the catalog.
        opened.Root.DSS = pikepdf.Dictionary(Certs=opened.make_indirect(pikepdf.Array(old)), VRI=vri)
        opened.save(file)
    signed = sign(file, output)

    raise_to(output, ARCHIVE, data(), reading=signed.reading)

    found = pdf.read_levels(output, None)
    assert found.data.certificates[0] == three_tiers.root().der
    with pikepdf.open(output) as opened:
        certificates = opened.Root.DSS.Certs
        assert len(certificates) == 1 + len(data().certificates)
        assert str(opened.Root.DSS.VRI.ABC.TU) == "D:2020"
    require_passed(dss, output, "LTA")


def test_what_is_known_of_a_file_is_stored_and_what_older_versions_stored_is_read(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(file, output)
    reading = raise_to(output, ARCHIVE, data(), reading=signed.reading).reading
    assert reading is not None

    stored = rows.packed(reading)
    assert rows.unpacked_as(PdfReading, stored) == reading
    older = replace(reading, facts=replace(reading.facts, catalog=None, store=None))
    # Nothing is known of the catalog: the file is read.
    raise_to(output, ARCHIVE, reading=older)
    assert pdf.verify(output, None).intact


# -- what is refused, and leaves the file as it was ---------------------------------------------------


def spoilt_token(imprint: bytes) -> bytes:
    token = bytearray(three_tiers.stamp(imprint))
    token[-1] ^= 1
    return bytes(token)


TOKENS: dict[str, tuple[Callable[[bytes], bytes], type[Refused]]] = {
    "about something else": (lambda _: three_tiers.stamp(bytes(32)), VerificationFailed),
    "spoilt": (spoilt_token, VerificationFailed),
    "of another digest": (lambda _: three_tiers.stamp(bytes(48), algorithm="sha384"), VerificationFailed),
    "without certificates": (lambda imprint: three_tiers.stamp(imprint, certificates=False), VerificationFailed),
    "too large": (lambda imprint: three_tiers.stamp(imprint, padding_bytes=20_000), TimestampTooLarge),
    "no token": (lambda _: b"\x30\x03\x02\x01\x01", VerificationFailed),
    "nothing": (lambda _: b"", VerificationFailed),
}


@pytest.mark.parametrize("use", TimestampUse)
@pytest.mark.parametrize("fault", TOKENS)
def test_a_bad_token_is_refused_and_the_file_stays(file: Path, tmp_path: Path, fault: str, use: TimestampUse) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(file, output, timestamp=False)
    before = output.read_bytes()
    make, error = TOKENS[fault]
    step = Augmentation(use, data() if use is ARCHIVE else NO_DATA, timestamp_room=ROOM)
    laid_out = pdf.lay_out_augmentation(output, step, now=NOW, data=None, reading=signed.reading)
    assert laid_out.imprint is not None

    with pytest.raises(error):
        pdf.augment(output, laid_out, token=make(laid_out.imprint), data=None, reading=signed.reading)

    assert output.read_bytes() == before


@pytest.mark.parametrize("fault", TOKENS)
def test_a_bad_token_is_not_signed_with(file: Path, tmp_path: Path, fault: str) -> None:
    prepared, checked, reading = lasting_pdfs.prepare(file)
    imprint = pdf.signature_imprint(prepared, checked, DigestAlgorithm.SHA256)
    make, error = TOKENS[fault]

    with pytest.raises(error):
        pdf.sign(file, prepared, checked, tmp_path / "out.pdf", content=None, reading=reading, timestamp=make(imprint))

    assert not (tmp_path / "out.pdf").exists()


def test_a_token_with_a_digest_that_could_be_forged_is_not_signed_with(file: Path, tmp_path: Path) -> None:
    prepared, checked, reading = lasting_pdfs.prepare(file)
    token = three_tiers.stamp(hashlib.sha1(checked.value, usedforsecurity=False).digest(), algorithm="sha1")

    with pytest.raises(VerificationFailed):
        pdf.sign(file, prepared, checked, tmp_path / "out.pdf", content=None, reading=reading, timestamp=token)


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("change", ["a byte more", "another byte", "signed again"])
@pytest.mark.parametrize("use", TimestampUse)
def test_a_file_that_was_changed_in_between_is_refused_and_stays(
    file: Path, tmp_path: Path, change: str, use: TimestampUse, *, is_known: bool
) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(file, output, timestamp=False)
    reading = signed.reading if is_known else None
    step = Augmentation(use, timestamp_room=ROOM)
    laid_out = pdf.lay_out_augmentation(output, step, now=NOW, data=None, reading=reading)
    assert laid_out.imprint is not None
    content = output.read_bytes()
    if change == "a byte more":
        output.write_bytes(content + b"\n")
    elif change == "another byte":
        output.write_bytes(content.replace(b"/MediaBox[0 0 595", b"/MediaBox[0 0 596", 1))
    else:
        sign(file, output, timestamp=False)
    before = output.read_bytes()
    assert before != content

    with pytest.raises((InvalidPdf, BrokenSignature, NotSigned)):
        pdf.augment(output, laid_out, token=three_tiers.stamp(laid_out.imprint), data=None, reading=reading)

    assert output.read_bytes() == before


@pytest.mark.parametrize("use", [*TimestampUse, None])
def test_a_file_without_a_signature_or_with_a_broken_one_is_refused(
    file: Path, tmp_path: Path, use: TimestampUse | None
) -> None:
    output = tmp_path / "signed.pdf"
    sign(file, output)
    broken = output.read_bytes().replace(b"/MediaBox[0 0 595", b"/MediaBox[0 0 596", 1)
    output.write_bytes(broken)

    with pytest.raises(NotSigned):
        raise_to(file, use, data())
    with pytest.raises(BrokenSignature):
        raise_to(output, use, data())
    with pytest.raises(NotSigned):
        pdf.read_levels(file, None)

    assert output.read_bytes() == broken


def test_there_is_no_signature_of_another_value(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "signed.pdf"
    sign(file, output, timestamp=False)

    with pytest.raises(NotSigned):
        raise_to(output, SIGNATURE, value=b"another")


def test_a_step_that_wants_a_timestamp_does_not_go_without(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "signed.pdf"
    signed = sign(file, output)
    laid_out = pdf.lay_out_augmentation(output, Augmentation(ARCHIVE), now=NOW, data=None, reading=signed.reading)

    with pytest.raises(AugmentationImpossible):
        pdf.augment(output, laid_out, token=None, data=None, reading=signed.reading)


def test_the_authority_of_the_last_timestamp_may_be_told_afterwards(file: Path, tmp_path: Path, dss: Dss) -> None:
    # Who has stamped is known once the token is there.
    output, later = tmp_path / "signed.pdf", NOW + 5 * YEAR
    signed = sign(file, output)
    done = raise_to(output, ARCHIVE, data(), reading=signed.reading)
    again = three_tiers.data_of_stamper(later)
    done = raise_to(output, ARCHIVE, again, at=later, generation=1, reading=done.reading)

    raise_to(output, None, three_tiers.data_of_stamper(later, 1), reading=done.reading)

    require_passed(dss, output, "LTA", years=12)


def test_levels_of_signatures_of_other_programs_are_read(written: Callable[[str], Path]) -> None:
    (level,) = pdf.read_levels(signed_by_toy(written("plain"), "p256"), None).signatures

    assert (level.level, level.timestamps) == (Level.B_B, ())
    assert levels_of(written("certified-forms")) == [Level.B_B]


def test_a_certified_file_that_forbids_changes_may_still_be_archived(written: Callable[[str], Path]) -> None:
    # ISO 32000-2, 12.8.2.2.2: validation data and document timestamps are no changes.
    output = written("certified-no-changes")

    raise_to(output, ARCHIVE, data(), at=NOW + timedelta(seconds=1))

    assert pdf.verify(output, None).intact
    assert levels_of(output) == [Level.B_T]  # the data are those of somebody else
