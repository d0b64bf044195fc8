"""Strangers' files: what was forged is found, what cannot be known is said, and nothing hides anything else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from signroom.domain.errors import BrokenSignature
from signroom.domain.signature import Indication
from signroom.formats.pdf.preflight import inspect
from signroom.formats.pdf.verification import verify
from tests.formats.conftest import ROOTS, signed
from tests.harness.tools import require_tools
from tests.vectors import forged_pdfs
from tests.verifiers import programs as verifiers

Written = Callable[[str], Path]
Change = Callable[[bytes], bytes]


def test_another_document_in_the_gap_of_the_byte_range_is_found(written: Written) -> None:
    """Signature wrapping. Both signed ranges are intact, so whoever compares lengths only is fooled."""
    require_tools("mutool")
    output = signed(written("plain"), "p256")
    assert verify(output).signatures[0].indication is Indication.TOTAL_PASSED
    output.write_bytes(forged_pdfs.wrapped(output.read_bytes()))
    # The forgery is a good one: viewers show the other text, and pyHanko believes the signature.
    assert "you owe me a million" in verifiers.text(output)
    assert verifiers.pyhanko(output, ROOTS)[0].bottom_line

    (verdict,) = verify(output).signatures

    assert verdict.indication is Indication.TOTAL_FAILED
    assert "byte range" in (verdict.reason or "")
    assert not verdict.covers_whole_file
    with pytest.raises(BrokenSignature):
        inspect(output)


@pytest.mark.parametrize(
    "ranges",
    [
        b"[0 10 20]",
        b"[1 %d %d %d]",
        b"[0 %d %d -1]",
        b"[0 %d %d 99999999]",
        b"[0 99999999999999999999 %d %d]",
        b"[(a) (b) (c) (d)]",
        b"[0 %d %d %d 0 0]",
    ],
)
def test_a_byte_range_that_is_none_fails_its_signature_alone(written: Written, ranges: bytes) -> None:
    output = signed(written("plain"), "p256")
    content = output.read_bytes()
    found = re.search(rb"/ByteRange ?\[(\d+) (\d+) (\d+) (\d+)\] *", content)
    assert found is not None
    numbers = tuple(map(int, found.groups()[1:]))
    forged = b"/ByteRange " + ranges % numbers[: ranges.count(b"%d")]
    output.write_bytes(content.replace(found[0], forged.ljust(len(found[0]))))

    (verdict,) = verify(output).signatures

    assert verdict.indication is Indication.TOTAL_FAILED


@pytest.mark.parametrize(
    ("change", "which"),
    [
        (lambda _: b"", "unproven"),
        (lambda c: b"\xab" * len(c), "unproven"),
        (lambda c: c[: len(c) // 9], "unproven"),
        (forged_pdfs.without_certificates, "unproven"),
        (forged_pdfs.with_unknown_digest, "unsupported"),
    ],
    ids=["empty", "garbage", "cut", "no-certificate", "unknown-digest"],
)
def test_a_container_that_cannot_be_read_or_judged_is_not_broken(tmp_path: Path, change: Change, which: str) -> None:
    file = tmp_path / "forged.pdf"
    file.write_bytes(forged_pdfs.with_contents(forged_pdfs.signed_by_pyhanko(), change))

    (verdict,) = verify(file).signatures

    assert (verdict.field_name, verdict.indication) == ("Other", Indication.INDETERMINATE)
    assert (verdict.reason or "").startswith(which)
    assert "rsa2048" not in (verdict.reason or "")  # the signer's name: it may hold a personal number
    assert inspect(file).signatures == 1


def test_a_container_with_another_certificate_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "forged.pdf"
    content = forged_pdfs.with_contents(forged_pdfs.signed_by_pyhanko(), forged_pdfs.with_another_certificate)
    file.write_bytes(content)

    (verdict,) = verify(file).signatures

    assert verdict.indication is Indication.TOTAL_FAILED
    assert (verdict.reason or "").startswith("FORMAT_FAILURE")
    with pytest.raises(BrokenSignature):
        inspect(file)


def test_two_signers_in_one_container_are_both_judged(tmp_path: Path) -> None:
    file = tmp_path / "two.pdf"
    file.write_bytes(forged_pdfs.with_contents(forged_pdfs.signed_by_pyhanko(), forged_pdfs.with_two_signers))

    (verdict,) = verify(file).signatures

    assert verdict.indication is Indication.TOTAL_PASSED


def test_every_byte_of_the_container_that_means_something_counts(written: Written) -> None:
    """The signature's own bytes, which the byte range leaves out: no changed one may pass as another signature."""
    output = signed(written("plain"), "p256")
    content = output.read_bytes()
    start = content.rindex(b"/Contents<") + 10
    length = 2 * len(bytes.fromhex(content[start : content.index(b">", start)].decode()).rstrip(b"\0"))
    whose = verify(output).signatures[0].certificate
    copy = output.with_name("copy.pdf")
    passed = 0
    for position in range(start, start + length, 101):
        digit = b"%x" % (int(content[position : position + 1], 16) ^ 1)
        copy.write_bytes(content[:position] + digit + content[position + 1 :])
        (verdict,) = verify(copy).signatures
        if verdict.indication is Indication.TOTAL_PASSED:
            # Issuers that came along are not covered by the signature: whom to trust is not judged here.
            passed += 1
            assert verdict.certificate == whose
    assert passed < length / 101 / 2


def test_one_unreadable_signature_does_not_hide_a_good_one(tmp_path: Path) -> None:
    file = tmp_path / "first.pdf"
    file.write_bytes(forged_pdfs.signed_by_pyhanko())
    output = signed(file, "p256")
    content = output.read_bytes()
    (first, _) = re.findall(rb"/Contents ?<([0-9a-fA-F]+)>", content)
    output.write_bytes(content.replace(first, b"0" * len(first)))

    broken, good = verify(output).signatures

    assert (broken.field_name, broken.indication) == ("Other", Indication.INDETERMINATE)
    # The second signature covers the first one's bytes.
    assert (good.indication, good.reason) == (Indication.TOTAL_FAILED, "HASH_FAILURE")


def test_a_certified_file_is_judged_although_it_cannot_be_signed(written: Written) -> None:
    (verdict,) = verify(written("certified-no-changes")).signatures

    assert (verdict.field_name, verdict.indication) == ("Author", Indication.TOTAL_PASSED)


def test_a_signature_over_an_outdated_digest_is_neither_passed_nor_failed_and_may_be_signed_over(
    tmp_path: Path,
) -> None:
    file = tmp_path / "sha1.pdf"
    file.write_bytes(forged_pdfs.signed_by_pyhanko(md_algorithm="sha1"))

    assert inspect(file).signatures == 1
    old, new = verify(signed(file, "p256")).signatures

    assert old.indication is Indication.INDETERMINATE
    assert (old.reason or "").startswith("CRYPTO_CONSTRAINTS_FAILURE_NO_POE")
    assert new.indication is Indication.TOTAL_PASSED


def test_a_kind_of_signature_that_is_not_supported_is_listed_and_not_passed(tmp_path: Path) -> None:
    file = tmp_path / "old.pdf"
    file.write_bytes(forged_pdfs.signed_by_pyhanko().replace(b"/adbe.pkcs7.detached", b"/adbe.pkcs9.detached"))

    (verdict,) = verify(file).signatures

    assert verdict.indication is Indication.INDETERMINATE
    assert (verdict.reason or "").startswith("unsupported")


def test_a_date_that_is_none_does_not_spoil_a_signature(tmp_path: Path) -> None:
    file = tmp_path / "dated.pdf"
    content = forged_pdfs.signed_by_pyhanko()
    # The signature does not hold any more; what counts is that the file is judged.
    file.write_bytes(re.sub(rb"/M \(D[^)]*\)", lambda m: b"/M (next Monday)".ljust(len(m[0])), content))

    (verdict,) = verify(file).signatures

    assert (verdict.indication, verdict.reason) == (Indication.TOTAL_FAILED, "HASH_FAILURE")
