"""The DSS judge: what it answers, and what happens where it cannot be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pki import authority
from tests.vectors.pdf.builder import document, written
from tests.vectors.pdf.signing import signed_by_another
from tests.verifiers.dss import running_dss


def test_one_process_judges_many_files(tmp_path: Path) -> None:
    anchor, good, bad, none = (tmp_path / name for name in ("root.crt", "good.pdf", "bad.pdf", "none.pdf"))
    anchor.write_bytes(authority.root_der())
    signed = signed_by_another(written(document()))
    good.write_bytes(signed)
    bad.write_bytes(signed.replace(b"the parties agree", b"the parties argue"))
    none.write_bytes(b"%PDF-1.7\nnothing\n%%EOF\n")

    with running_dss(anchor) as dss:
        answers = [dss.judge(file) for file in (good, bad, none, good)]

    assert [answer["signatures"][0]["indication"] for answer in (answers[0], answers[1], answers[3])] == [
        "TOTAL_PASSED",
        "TOTAL_FAILED",
        "TOTAL_PASSED",
    ]
    assert answers[0]["signatures"][0]["coversWholeFile"]
    assert "exception" in answers[2]


@pytest.mark.parametrize("ci", [False, True])
def test_without_java_or_maven_the_tests_are_reported_as_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ci: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CI", str(ci).lower())

    with pytest.raises(pytest.fail.Exception if ci else pytest.skip.Exception, match="is not installed"):
        running_dss(tmp_path / "root.crt").__enter__()
