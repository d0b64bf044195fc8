"""Earlier signatures: the verdict at upload is the one after we have signed, others agree, and nobody is fooled."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from signroom.domain.errors import DocumentRejected
from signroom.domain.signature import Indication
from signroom.formats.pdf.earlier.embedded import Range, date_of
from signroom.formats.pdf.earlier.ranges import RangeDigests
from signroom.formats.pdf.earlier.reach import spoken_of
from signroom.formats.pdf.earlier.window import end_of_pdf, opened
from signroom.formats.pdf.verification import judge, verify
from tests.formats.conftest import ROOTS, signed
from tests.vectors import pdf as vectors
from tests.vectors.pdf.case import Case, Signed, State
from tests.verifiers import programs as verifiers

WITH_SIGNATURES = [case for case in vectors.EARLIER if case.earlier and isinstance(case.right, Signed)]
INTACT = [case for case in WITH_SIGNATURES if all(one.state is State.INTACT for one in case.earlier)]


@pytest.mark.parametrize("case", WITH_SIGNATURES, ids=str)
def test_the_verdict_at_upload_is_the_one_after_we_have_signed(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "file.pdf"
    file.write_bytes(case.make())
    content = file.read_bytes()
    with opened(content) as pdf:
        at_upload = judge(pdf, content, as_if_one_more=True).signatures

    *before, ours = verify(signed(file, "p256")).signatures

    assert [(one.field_name, one.indication) for one in before] == [
        (one.field_name, one.indication) for one in at_upload
    ]
    assert (ours.indication, ours.covers_whole_file) == (Indication.TOTAL_PASSED, True)


@pytest.mark.parametrize("case", INTACT, ids=str)
def test_others_agree_on_the_intact_ones(case: Case, tmp_path: Path, nss: Path) -> None:
    """pdfsig compares no revisions; pyHanko is asked about the mathematics, since its rules are narrower than ours."""
    file = tmp_path / "file.pdf"
    file.write_bytes(case.make())

    theirs = verifiers.pdfsig(file, nss)
    assert [one.valid for one in theirs] == [True] * len(case.earlier)
    assert all(one.intact and one.valid for one in verifiers.pyhanko(file, ROOTS))
    assert all(one.indication is Indication.TOTAL_PASSED for one in verify(file).signatures)


def test_a_changed_byte_is_never_intact_and_never_a_crash(tmp_path: Path) -> None:
    """Every byte but those of /Contents is signed by the last signature."""
    chance = random.Random(12)
    file = tmp_path / "file.pdf"
    for name in (
        "form-filled-and-then-signed-again",
        "tagged-and-cosigned-stream",
        "linearized-signed-and-signed-again",
    ):
        content = vectors.CASES[name].make()
        gap = content.rindex(b"/Contents<") + 9, content.index(b">", content.rindex(b"/Contents<"))
        for _ in range(60):
            at = chance.choice([chance.randrange(gap[0]), chance.randrange(gap[1] + 1, len(content))])
            changed = bytes([content[at] ^ 1 << chance.randrange(8)])
            file.write_bytes(content[:at] + changed + content[at + 1 :])
            try:
                last = verify(file).signatures[-1:]
            except DocumentRejected:
                continue
            whole = [one for one in last if one.covers_whole_file]
            assert not [one for one in whole if one.indication is Indication.TOTAL_PASSED], (name, at, changed)


def test_nothing_that_is_appended_makes_a_crash(tmp_path: Path) -> None:
    """A revision made of pieces of others, as fuzzers make them."""
    chance = random.Random(12)
    names = (
        "form-filled-later-table",
        "long-term-refreshed-table",
        "shadow-replace-table",
        "tagged-and-cosigned-table",
    )
    made = [vectors.CASES[name].make() for name in names]
    file = tmp_path / "file.pdf"
    for _ in range(150):
        content = bytearray(chance.choice(made))
        start = content.index(b"%%EOF")  # of the signed revision, or of the one before
        for _ in range(chance.randrange(1, 6)):
            at, length = chance.randrange(start, len(content)), chance.randrange(1, 12)
            source = chance.choice(made)
            piece = chance.randrange(len(source))
            content[at : at + length] = source[piece : piece + length]
        file.write_bytes(content)
        try:
            verify(file)
        except DocumentRejected:
            continue


# -- the parts --------------------------------------------------------------------------------------


def test_the_digests_of_all_ranges_are_right_and_what_they_share_is_read_once() -> None:
    content = random.Random(1).randbytes(5 << 20)
    ranges = [
        Range(0, gap, gap + 1000, end) for gap, end in ((100, 4000), (3_000_000, 3_500_000), (4_000_000, 5 << 20))
    ]
    digests = RangeDigests(content, ranges)

    for one in ranges:
        for name in ("sha256", "sha3_256", "sha1"):
            expected = hashlib.new(name, content[: one.gap] + content[one.behind_gap : one.end]).digest()
            assert digests.digest(one, name) == expected
        shake = hashlib.shake_128(content[: one.gap] + content[one.behind_gap : one.end]).digest(32)
        assert digests.digest(one, "shake128") == shake
    assert digests.digest(ranges[0], "gost") is None


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        (b"[5 0 R 99 0 R]", True),
        (b"[0099 0 R]", True),
        (b"99\r0\tR", True),
        (b"99%comment\n0 R", True),
        (b"99 0%comment\nR", True),
        (b"99 0 obj", False),
        (b"9 0 R 98 0 R", False),
    ],
)
def test_a_reference_to_an_object_that_is_not_there_yet_is_found(text: bytes, spoken: bool) -> None:
    content = vectors.CASES["plain-table"].make()
    with opened(content) as pdf:
        for added in ([(99, 0)], [(99, 0), *((number, 0) for number in range(1000, 9000))]):
            found = spoken_of(added, (text + b" " * 100 + b"99 0 R", len(text) + 50), pdf, {})

            assert found == ({(99, 0)} if spoken else set())


def test_bytes_far_behind_the_end_mark_are_left_out() -> None:
    content = b"%PDF-1.7 ... %%EOF"

    assert end_of_pdf(content + b"\n" * 900, len(content) + 900) == len(content) + 900
    assert end_of_pdf(content + b"\n" * 5000, len(content) + 5000) == len(content)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D:20240105120000Z", "2024-01-05T12:00:00+00:00"),
        ("D:20240105120000+02'00'", "2024-01-05T10:00:00+00:00"),
        ("D:20240105120000-0330", "2024-01-05T15:30:00+00:00"),
        ("D:20240105120000", "2024-01-05T12:00:00+00:00"),
        ("D:2024", "2024-01-01T00:00:00+00:00"),
        ("D:20241305", None),
        ("D:00010101000000+14'00'", None),
        ("next Monday", None),
    ],
)
def test_dates_are_read_and_those_that_are_none_are_left_out(text: str, expected: str | None) -> None:
    import pikepdf

    found = date_of(pikepdf.String(text))

    assert (None if found is None else found.isoformat()) == expected
