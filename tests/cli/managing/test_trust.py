"""``signroom trust``, as an operator uses it. In this process: each command of its own would take seconds more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from signroom.cli import doctor
from signroom.cli.commands import run as run_command
from signroom.cli.doctor import CheckResult, Severity
from signroom.domain.qualification import QualifiedLevel
from signroom.domain.security_context import EU
from signroom.domain.signature import CertificateChain
from signroom.domain.signature_policy import known_policies
from signroom.settings import SettingsError, read_settings
from signroom.wiring import build_service, examine_lists
from tests.cli.test_commands import PRODUCTION
from tests.formats.test_signature_policies import OWN
from tests.trust.european.made_lists import QC_COMPLIANCE, QC_ESIGN, QC_SSCD, Facts, Service, holder, made, signers
from tests.trust.pinned import test_approved_policies as approved

_NOW = datetime.now(UTC)
_FACTS = Facts(issued=_NOW - timedelta(days=3), next_update=_NOW + timedelta(days=90))
_CA = holder("CA", is_ca=True)
_DIGEST = hashlib.sha256(_CA.der).hexdigest()
_MADE = made([Service(_CA.der)], master=_FACTS, national=_FACTS)


def run(arguments: list[str]) -> int:
    """The exit code."""
    try:
        return run_command(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An installation that knows who signs the list of the lists. Commands log to where a test captures it."""
    logging_before = structlog.get_config()
    named = {"SIGNROOM_DATA": str(tmp_path / "data"), "SIGNROOM_PUBLIC_URL": "https://sign.example", **PRODUCTION}
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "trust" / "eu" / "lotl-signers"
    folder.mkdir(parents=True)
    (folder / "signer.crt").write_bytes(signers()[0].der)
    assert run(["migrate"]) == 0
    yield named
    structlog.configure(**logging_before)


def _lines(variables: dict[str, str]) -> list[CheckResult]:
    return list(doctor.trusted_lists(read_settings(variables, Path("/none"))))


def test_lists_are_taken_from_files_and_shown(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pt.xml").write_bytes(_MADE.national)
    (tmp_path / "lotl.xml").write_bytes(_MADE.master)
    (tmp_path / "bad.xml").write_bytes(_MADE.national.replace(b"granted", b"granteD"))
    assert _lines(variables) == []
    assert run(["trust", "import", "pt.xml", "lotl.xml"]) == 0
    assert "PT number 7 is kept." in capsys.readouterr().out
    assert run(["trust", "import", "bad.xml", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)[0]["code"] == "BadTrustedList"
    assert run(["trust", "list", "--context", "eu", "--json"]) == 0
    (root,) = json.loads(capsys.readouterr().out)
    assert (root["territory"], root["fingerprint"], root["counts"]) == (
        "PT",
        _DIGEST,
        True,
    )
    (line,) = _lines(variables)
    assert run(["audit", "list", "--json"]) == 0
    assert [one["after"]["kept"] for one in json.loads(capsys.readouterr().out)] == [["EU 7", "PT 7"]]
    assert (line.level, "1 national" in line.what, "3 days old" in line.what) == (Severity.OK, True, True)


def test_doctor_fails_for_what_is_missing_expired_or_changed(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {**variables, "SIGNROOM_EU_TRUST_LISTS": "PT,ES"}
    assert [line.level for line in _lines(wanted)] == [Severity.FAIL]
    old = Facts(issued=_NOW - timedelta(days=3), next_update=_NOW + timedelta(days=1))
    again = made([Service(_CA.der)], master=_FACTS, national=old)
    for name, content in (("lotl.xml", again.master), ("pt.xml", again.national)):
        (tmp_path / name).write_bytes(content)
    assert run(["trust", "import", "lotl.xml", "pt.xml"]) == 0
    assert [line.what for line in _lines(wanted) if line.level is Severity.FAIL] == ["There is no list of ES."]

    found, _ = examine_lists(read_settings(variables, Path("/none")))
    assert len(found.national) == 1
    file = tmp_path / "data" / "trusted-lists" / "PT.xml"
    file.write_bytes(file.read_bytes().replace(b"granted", b"granteD"))
    failing = [line.what for line in _lines(variables) if line.level is Severity.FAIL]
    assert failing == ["The list of PT does not count: Its signature is not valid."]
    (tmp_path / "data" / "trust" / "eu" / "lotl-signers" / "broken.crt").write_bytes(b"?")
    (line,) = _lines(variables)
    assert (line.level, "go on with what they have read" in line.what) == (Severity.FAIL, True)


def test_nothing_is_fetched_that_nobody_asked_for(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "SIGNROOM_EU_TRUST_LISTS" not in variables
    assert run(["trust", "refresh"]) == 3
    assert "SIGNROOM_EU_TRUST_LISTS is off" in capsys.readouterr().err


def test_a_root_of_icp_brasil_is_taken_by_its_fingerprint(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "root.crt").write_bytes(_CA.der)
    assert run(["trust", "icp-brasil", "root.crt"]) == 3
    assert "--fingerprint" in capsys.readouterr().err
    digest = _DIGEST
    assert run(["trust", "icp-brasil", "root.crt", "--fingerprint", digest]) == 0
    assert run(["trust", "list", "--context", "icp-brasil"]) == 0
    assert capsys.readouterr().out.count(digest) == 2
    assert run(["trust", "icp-brasil", "nowhere.crt"]) == 3
    capsys.readouterr()
    assert run(["audit", "list", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)  # what was refused has changed nothing
    assert (entry["action"], entry["after"]["name"], entry["after"]["kept"]) == ("TrustChanged", "icp-brasil", [digest])


def test_signature_policies_are_taken_from_a_file(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policies.toml").write_bytes(OWN)
    (tmp_path / "odd.toml").write_bytes(OWN.replace(b"SHA512", b"SHA1"))
    assert run(["policies", "import", "odd.toml"]) == 3
    assert run(["policies", "import", "policies.toml"]) == 0
    assert run(["policies", "import", "nowhere.toml"]) == 3
    capsys.readouterr()
    assert run(["policies", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed if one["own"]] == ["ACME_v1"]
    assert all(one["source"] for one in listed)
    assert run(["audit", "list", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["action"], entry["after"]["kept"]) == ("SignaturePoliciesImported", [f"1.2.3.4.5.6 {'5a' * 64}"])
    service = build_service(read_settings(variables, Path("/none")), execute_jobs=False)
    try:
        assert [one.name for one in service.ports.policies()] == ["ACME_v1"]
    finally:
        service.stop()


def test_the_service_judges_by_imported_lists(variables: dict[str, str], tmp_path: Path) -> None:
    settings = read_settings({**variables, "SIGNROOM_DEFAULT_SECURITY_CONTEXT": "eu"}, Path("/none"))
    with pytest.raises(SettingsError, match="trust import"):
        build_service(settings, execute_jobs=False)
    for name, content in (("lotl.xml", _MADE.master), ("pt.xml", _MADE.national)):
        (tmp_path / name).write_bytes(content)
    assert run(["trust", "import", "lotl.xml", "pt.xml"]) == 0
    signer = holder("Signer", _CA, statements=(QC_COMPLIANCE, QC_SSCD, QC_ESIGN))
    service = build_service(settings, execute_jobs=False)
    try:
        chain = CertificateChain(signer.der, (_CA.der,))
        verdict = service.ports.trust.judge(chain, EU, _NOW, revocation_may_be_unknown=True)
    finally:
        service.stop()
    assert verdict.trusted
    assert verdict.qualification is not None
    assert verdict.qualification.level is QualifiedLevel.QES


@pytest.mark.parametrize(
    ("until", "revoked", "code"), [(90, None, 0), (90, 1, 4), (-1, None, 3)], ids=["approved", "revoked", "ended"]
)
def test_policies_are_compared_with_the_list_of_those_that_are_approved(
    variables: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    until: int,
    revoked: int | None,
    code: int,
) -> None:
    policy = next(one for one in known_policies() if one.name == "PA_AD_RB_v2_3")
    file = approved.VECTORS / f"{policy.name}.der"
    others = [one.oid for one in known_policies() if one.oid.startswith("2.16.76.1.7.1.1.") and one is not policy]
    since = _NOW - timedelta(days=9)
    ours = approved.entry(
        policy.oid,
        since,
        revoked=None if revoked is None else _NOW - timedelta(days=revoked),
        digest=hashlib.sha256(file.read_bytes()).digest(),
    )
    content = approved.made(ours, *(approved.entry(oid, since) for oid in others), until=_NOW + timedelta(days=until))
    (tmp_path / "lpa.der").write_bytes(content)
    approved.sign_list(content, approved.iti(), tmp_path / "lpa.p7s")
    folder = tmp_path / "data" / "trust" / "icp-brasil"
    folder.mkdir()
    (folder / "root.crt").write_bytes(approved.root().der)

    assert run(["policies", "check", "lpa.der", "lpa.p7s", "--policy", str(file), "--json"]) == code
    said = capsys.readouterr()
    if code == 3:
        assert "BadPolicyList" in said.err
        return
    told = json.loads(said.out)
    standings = {one["oid"]: one["standing"] for one in told["policies"]}
    assert standings == dict.fromkeys(others, "Approved") | {policy.oid: "Revoked" if revoked else "Approved"}
    (compared,) = told["files"]
    assert (compared["digest"], compared["asListed"], compared["asHere"]) == (policy.digest.hex(), True, True)
    assert run(["policies", "check", "lpa.der", "lpa.p7s"]) == code
    assert f"{policy.name} {policy.oid}: {standings[policy.oid]}" in capsys.readouterr().out
    assert run(["policies", "check", "lpa.der", str(file)]) == 3
    assert run(["policies", "check", "lpa.der", "nowhere"]) == 3
    other = approved.VECTORS / "PA_PAdES_AD_RB_v1_1.der"
    assert run(["policies", "check", "lpa.der", "lpa.p7s", "--policy", str(other)]) == 4
