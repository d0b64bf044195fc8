"""The ``NamePatterns`` port on RE2."""

from __future__ import annotations

import time

import pytest

from signroom.domain.errors import BadFileNamePattern
from signroom.patterns.linear import Re2Patterns

PATTERNS = Re2Patterns()


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        (r"[a-z]+\.pdf", "contract.pdf", True),
        (r"[a-z]+\.pdf", "contract.pdf.exe", False),
        (r"[a-z]+\.pdf", "x/contract.pdf", False),
        (r"a|b\.pdf", "a.pdf", False),
        (r"(?i).*\.PDF", "Ü 合同.pdf", True),
        (r".{8}", "Ü 合同.pdf", True),
        (r".*", "a\nb", False),
        (r"\pL+", "合同", True),
    ],
)
def test_a_pattern_is_for_the_whole_name(pattern: str, name: str, fits: bool) -> None:
    assert PATTERNS.matches(pattern, name) is fits


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("ab[c", "at character 3: [c"),
        (r"ab(?=c)", "at character 3: (?="),
        (r"(a)\1", r"at character 4: \1"),
        ("a{1001}", "at character 2: {1001}"),
        ("((a{100}){100}){100}", ""),
        ("", ""),
        ("a" * 1001, ""),
        ("\ud800", ""),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_place(pattern: str, part: str) -> None:
    with pytest.raises(BadFileNamePattern, match="RE2") as refused:
        PATTERNS.require_valid(pattern)

    assert part in str(refused.value)


def test_a_pattern_that_backtracks_elsewhere_takes_no_time() -> None:
    started = time.process_time()

    assert not PATTERNS.matches("(a*)*(a|a)*b", "a" * 255)
    assert time.process_time() - started < 0.5


def test_a_pattern_with_a_nul_is_refused() -> None:
    with pytest.raises(BadFileNamePattern, match="NUL"):
        PATTERNS.require_valid("a\0b")
