"""The DSS judge: what it answers, and what happens where it cannot be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pki import authority
from tests.vectors.pdf.builder import document, written
from tests.vectors.pdf.signing import signed_by_another
from tests.verifiers import dss
from tests.verifiers.dss import running_dss


def test_one_process_judges_many_files_of_many_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them is killed before it has read its answer."""
    monkeypatch.setattr(dss, "_shared", None)
    anchor, good, bad, none = (tmp_path / name for name in ("root.crt", "good.pdf", "bad.pdf", "none.pdf"))
    anchor.write_bytes(authority.root_der())
    signed = signed_by_another(written(document()))
    good.write_bytes(signed)
    bad.write_bytes(signed.replace(b"the parties agree", b"the parties argue"))
    none.write_bytes(b"%PDF-1.7\nnothing\n%%EOF\n")

    with dss.share() as process:
        assert process.stdin is not None
        process.stdin.write(f"\n{good}\t{anchor}\n")
        with running_dss(anchor) as judge:
            answers = [judge.judge(file) for file in (bad, none, good)]
        process.stdin.close()

    assert process.returncode == 0

    assert "exception" in answers.pop(1)
    assert [answer["signatures"][0]["indication"] for answer in answers] == ["TOTAL_FAILED", "TOTAL_PASSED"]
    assert answers[1]["signatures"][0]["coversWholeFile"]


@pytest.mark.parametrize("ci", [False, True])
def test_without_java_or_maven_the_tests_are_reported_as_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ci: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CI", str(ci).lower())

    with pytest.raises(pytest.fail.Exception if ci else pytest.skip.Exception, match="is not installed"):
        running_dss(tmp_path / "root.crt").__enter__()
