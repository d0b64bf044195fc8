"""Advisories on locked packages are noticed offline, in a small copy of the repository's files."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest

from scripts.advisories import (
    NPM,
    PYPI,
    Known,
    Package,
    SemVer,
    Source,
    Unusable,
    check,
    from_npm,
    from_osv,
    locked,
    read,
    update,
    write,
)
from tests.habits.repository import ROOT

TODAY = date(2026, 11, 30)
_PYPI = {
    "id": "PYSEC-2026-1",
    "aliases": ["CVE-2026-0001"],
    "modified": "2026-11-20T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Planted_Package"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}, {"fixed": "1.4"}]}],
        }
    ],
}
_NPM = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "modified": "2026-11-21T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "@planted/page"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"last_affected": "2.0.0-beta.2"}]}],
        }
    ],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Locks of two packages, and what is known of them."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "web").mkdir()
    (tmp_path / "locks" / "runtime.txt").write_text(
        "planted-package==1.3.9 ; python_version >= '3'\\\n  --hash=sha256:0\n"
    )
    (tmp_path / "locks" / "advisories-allowed.toml").write_text("")
    lock = {"packages": {"": {"version": "0"}, "node_modules/@planted/page": {"version": "2.0.0-beta.2"}}}
    (tmp_path / "web" / "package-lock.json").write_text(json.dumps(lock))
    records = tmp_path / "records"
    records.mkdir()
    (records / "one.json").write_text(json.dumps(_PYPI))
    with ZipFile(tmp_path / "npm.zip", "w") as archive:
        archive.writestr("two.json", json.dumps(_NPM))
    packages = locked(tmp_path)
    known = [from_osv(records, PYPI, packages[:1]), from_osv(tmp_path / "npm.zip", NPM, packages[1:])]
    assert [each.ecosystem for each in packages] == [PYPI, NPM]
    write(tmp_path, Known(tuple(s for s, _ in known), tuple(a for _, found in known for a in found)))
    return tmp_path


def test_a_locked_version_with_an_advisory_is_a_problem_that_says_the_fix(root: Path) -> None:
    assert check(root, TODAY).problems == [
        "  @planted/page 2.0.0-beta.2: GHSA-aaaa-bbbb-cccc, not fixed in any version that is known",
        "  planted-package 1.3.9: PYSEC-2026-1 CVE-2026-0001, fixed in 1.4",
    ]


def test_the_fixed_version_is_no_problem(root: Path) -> None:
    (root / "locks" / "runtime.txt").write_text("planted-package==1.4 \\\n")
    (root / "web" / "package-lock.json").write_text(
        json.dumps({"packages": {"node_modules/@planted/page": {"version": "2.0.0"}}})
    )

    assert check(root, TODAY).problems == []


def test_its_age_is_said_and_what_nobody_has_looked_up(root: Path) -> None:
    (root / "locks" / "dev.txt").write_text("another==1.0 \\\n")

    assert check(root, TODAY).said == [
        "advisories: PyPI: 1 of 2 locked packages were looked up, 1 advisories are known of 1 of them;\n"
        "  records in the OSV format (1 packages), as of 2026-11-20 (10 days ago)",
        "advisories: npm: 1 of 1 locked packages were looked up, 1 advisories are known of 1 of them;\n"
        "  records in the OSV format (1 packages), as of 2026-11-21 (9 days ago)",
    ]
    assert "which is old" in check(root, date(2027, 1, 1)).said[0]


def test_what_is_allowed_has_a_reason_and_an_end(root: Path) -> None:
    allowed = root / "locks" / "advisories-allowed.toml"
    entry = '[[allowed]]\nid = "PYSEC-2026-1"\npackage = "planted-package"\nuntil = 2026-12-31\n'

    allowed.write_text(entry)
    with pytest.raises(Unusable):
        check(root, TODAY)
    allowed.write_text(f'{entry}reason = "It is never called."\n')

    assert [each for each in check(root, TODAY).problems if "PYSEC" in each] == []
    late = check(root, date(2026, 12, 31)).problems
    assert "  planted-package 1.3.9: PYSEC-2026-1 CVE-2026-0001, fixed in 1.4 (it was allowed until 2026-12-31)" in late


def test_an_entry_that_allows_nothing_is_a_problem(root: Path) -> None:
    entry = '[[allowed]]\nid = "PYSEC-2020-9"\npackage = "gone"\nuntil = 2027-12-31\nreason = "It was."\n'
    (root / "locks" / "advisories-allowed.toml").write_text(entry)

    assert "  gone: PYSEC-2020-9 of advisories-allowed.toml affects no locked version: remove it" in (
        check(root, TODAY).problems
    )


def test_what_was_judged_by_version_says_nothing_of_another_version() -> None:
    source = Source(PYPI, "pip-audit", "2026-11-30", {"planted-package": "1.3.9"})
    packages = locked(ROOT)

    assert not any(source.covers(each) for each in packages)


def test_a_file_that_is_empty_says_that_nobody_has_looked(root: Path) -> None:
    write(root, Known((), ()))

    assert check(root, TODAY).said == [
        "advisories: PyPI: 0 of 1 locked packages were looked up: CONTRIBUTING.md says how to fetch them",
        "advisories: npm: 0 of 1 locked packages were looked up: CONTRIBUTING.md says how to fetch them",
    ]


def test_a_part_of_a_database_says_what_it_is_and_what_was_looked_up(root: Path) -> None:
    (root / "locks" / "dev.txt").write_text("another==1.0 \\\nthird==1.0 \\\n")
    about = {"name": "a part", "licence": "CC-BY-4.0", "as_of": "2026-11-25", "note": "Old ones were not read."}
    (root / "records" / "source.json").write_text(json.dumps({**about, "packages": ["planted-package", "another"]}))

    source, advisories = from_osv(root / "records", PYPI, [each for each in locked(root) if each.ecosystem == PYPI])

    assert [each.id for each in advisories] == ["PYSEC-2026-1"]
    assert source.packages == {"another": "*", "planted-package": "*"}  # nothing is known of the first
    assert (source.name, source.licence, source.as_of, source.note) == tuple(about.values())
    write(root, Known((source,), tuple(advisories)))
    assert check(root, TODAY).said[0] == (
        "advisories: PyPI: 2 of 3 locked packages were looked up, 1 advisories are known of 1 of them;\n"
        "  a part (2 packages), as of 2026-11-25 (5 days ago)"
    )


def test_a_source_that_names_what_is_not_locked_is_refused(root: Path) -> None:
    (root / "records" / "source.json").write_text(json.dumps({"packages": ["planted-packet"]}))

    with pytest.raises(Unusable, match="planted-packet"):
        from_osv(root / "records", PYPI, locked(root))


def test_several_sources_stand_beside_each_other_and_replace_older_ones(root: Path) -> None:
    second = root / "second"
    second.mkdir()
    (second / "one.json").write_text(json.dumps({**_PYPI, "id": "PYSEC-2026-2"}))

    update(root, {PYPI: [root / "records", second], NPM: [root / "npm.zip"]}, TODAY)
    update(root, {PYPI: [root / "records", second], NPM: [root / "npm.zip"]}, TODAY)

    known = read(root)
    assert [each.ecosystem for each in known.sources] == [PYPI, PYPI, NPM]
    assert [each.id for each in known.advisories if each.ecosystem == PYPI] == ["PYSEC-2026-1", "PYSEC-2026-2"]


def test_the_old_urllib3_would_be_noticed_again() -> None:
    """It stood in the lock for three years, with nothing to notice it."""
    known = read(ROOT)
    old = Package(PYPI, "urllib3", "2.0.7")

    assert len([each.id for each in known.advisories if each.affects(old)]) >= 4


def test_files_without_records_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(_NPM))

    with pytest.raises(Unusable):
        from_osv(tmp_path, PYPI, [])


def test_npm_s_answer_is_read() -> None:
    about = {"name": "page", "url": "https://example.org/advisories/GHSA-1", "range": ">=1.0.0 <1.2.3 || <=0.9.0"}

    (advisory,) = from_npm({"vulnerabilities": {"page": {"via": [about, "other"]}}})

    assert advisory.id == "GHSA-1"
    assert [(each.introduced, each.fixed, each.last_affected) for each in advisory.ranges] == [
        ("1.0.0", "1.2.3", None),
        ("0", None, "0.9.0"),
    ]


@pytest.mark.parametrize("text", ["^1.0.0", "1.x", "> 1.0.0 <2.0.0", "~2"])
def test_a_range_that_we_cannot_read_is_refused(text: str) -> None:
    about = {"name": "page", "url": "https://example.org/GHSA-1", "range": text}

    with pytest.raises(Unusable):
        list(from_npm({"vulnerabilities": {"page": {"via": [about]}}}))


def test_versions_of_npm_are_ordered_as_its_standard_says() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.10.0"]

    assert sorted(set(ordered), key=SemVer) == ordered


def test_our_own_locks_have_no_advisory_that_is_known() -> None:
    assert check(ROOT, TODAY).problems == []
    assert len(locked(ROOT)) > 300
