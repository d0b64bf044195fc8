"""Every finding of pre-flight has a sentence, and a row in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from signroom.domain.preflight import Finding, FindingCode, FindingLevel

DOCS = Path(__file__).parents[2] / "docs" / "preflight.md"


@pytest.mark.parametrize("code", FindingCode)
def test_every_finding_has_a_sentence_and_a_row_in_the_docs(code: FindingCode) -> None:
    assert Finding(code, FindingLevel.NOTE).message.endswith(".")
    assert f"\n| `{code}` |" in DOCS.read_text()
