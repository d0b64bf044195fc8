"""Every metric and every check of the doctor is documented, and no other."""

from __future__ import annotations

import re

from signroom.telemetry.meters import Meters
from tests.habits.repository import ROOT, rows_of

PAGE = ROOT / "docs" / "monitoring.md"
DOCTOR = ROOT / "src" / "signroom" / "cli" / "doctor.py"


def test_the_page_lists_every_metric_and_no_other() -> None:
    first_cells = " ".join(row[0] for row in rows_of(PAGE))

    documented = set(re.findall(r"`(signroom_\w+)`", first_cells))

    assert documented == set(Meters("1").names())


def test_alerts_ask_for_metrics_that_exist() -> None:
    asked = set(re.findall(r"signroom_[a-z_]+", PAGE.read_text("utf-8").partition("### Alerts")[2].partition("## ")[0]))

    assert asked
    assert {name.removesuffix("_bucket") for name in asked} <= set(Meters("1").names())


def test_the_page_lists_every_check_of_the_doctor_and_no_other() -> None:
    source = DOCTOR.read_text("utf-8")
    checks = set(re.findall(r'(?:CheckResult|_failed)\(\s*"([^"]+)"', source))

    section = PAGE.read_text("utf-8").partition("## signroom doctor")[2]
    assert checks == set(re.findall(r"^\| `([\w ]+)` \|", section, flags=re.MULTILINE))
