"""The commands as an operator runs them: `docs/operate/backup.md`."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from signroom.cli.doctor import Severity, _backup
from signroom.domain.backup import Installation
from tests.cli.test_commands import PRODUCTION, environment
from tests.harness.commands import command
from tests.service.conftest import NOON


def test_an_operator_backs_up_looks_verifies_loses_and_restores(tmp_path: Path) -> None:
    place = str(tmp_path / "backups")
    variables = environment(tmp_path / "data", SIGNROOM_PUBLIC_URL="http://localhost", **PRODUCTION)
    assert command(variables, "migrate").returncode == 0
    assert command(variables, "subscriptions", "create", "Acme").returncode == 0

    made = command(variables, "backup", place)
    shown = command(variables, "backup", place, "--list", "--json")
    verified = command(variables, "backup", place, "--verify")
    refused = command(variables, "restore", place)
    shutil.rmtree(tmp_path / "data")
    restored = command(variables, "restore", place, "--json")
    doctor = command(variables, "doctor", "--json")

    assert (made.returncode, verified.returncode) == (0, 0), made.stderr + verified.stderr
    assert re.fullmatch(r"backup \S+: \d+ rows, 0 files \(0\.0 MB\), 0 lost", made.stdout.splitlines()[0])
    assert verified.stdout.strip().endswith("0 damaged")
    (only,) = json.loads(shown.stdout)
    assert (refused.returncode, "InstallationNotEmpty" in refused.stderr) == (3, True)
    found = json.loads(restored.stdout)
    assert (restored.returncode, found["backup"], found["signedSince"]) == (0, only["backup"], [])
    log = json.loads(command(variables, "audit", "list", "--json").stdout)
    assert [entry["action"] for entry in log] == ["Restored"]
    assert log[0]["after"]["backup"] == only["backup"]
    lines = {line["check"]: line for line in json.loads(doctor.stdout)}
    # The backup that it was restored from knows nothing of itself.
    assert "restored on" in lines["backup"]["what"]
    assert lines["backup"]["level"] == "warn"
    for secret in ("k" * 40, "secret.key"):
        assert secret not in made.stdout + shown.stdout + restored.stdout + made.stderr


def test_damage_is_an_exit_code_and_a_wrong_place_a_sentence(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    variables = environment(tmp_path / "data", SIGNROOM_PUBLIC_URL="http://localhost")
    none_yet = command(variables, "backup", str(place))
    assert command(variables, "migrate").returncode == 0
    assert command(variables, "backup", str(place)).returncode == 0
    for file in place.rglob("database.db"):
        file.write_bytes(b"?")

    damaged = command(variables, "backup", str(place), "--verify")
    inside = command(variables, "backup", str(tmp_path / "data" / "inside"))
    nothing = command(variables, "restore", str(tmp_path / "nowhere"))
    scheme = command(variables, "backup", "ftp://host/folder")

    found = [re.findall(r"signroom: (\w+):", done.stderr)[-1] for done in (none_yet, damaged, inside)]
    assert found == ["DatabaseNotFound", "BackupDamaged", "BackupPlaceRefused"]
    assert [done.returncode for done in (none_yet, damaged, inside, nothing, scheme)] == [3] * 5
    assert "is the disk mounted" in nothing.stderr
    assert "s3://bucket/prefix" in scheme.stderr


def test_the_doctor_tells_the_age_of_the_last_backup() -> None:
    installation = Installation(UUID(int=1))

    def level(hours: float | None, *, production: bool = True) -> Severity:
        at = None if hours is None else NOON - timedelta(hours=hours)
        return _backup(replace(installation, backed_up_at=at), NOON, production=production).level

    assert [level(1), level(47), level(49), level(None)] == [Severity.OK, Severity.OK, Severity.WARN, Severity.WARN]
    assert level(None, production=False) is Severity.OK
