"""The demo with the cable pulled: a person gets a PDF of level B-LTA, and nothing is asked of another machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from asn1crypto import pem

from tests.harness.tools import not_run
from tests.journeys.without_a_network import ROOT_CERTIFICATE, SIGNED, Found, alone
from tests.verifiers import programs
from tests.verifiers.dss import running_dss


def test_the_demo_needs_no_network_for_a_file_that_lasts(tmp_path: Path) -> None:
    possible = alone(["true"], tmp_path)
    if possible.returncode:
        not_run(f"no network namespace can be made: {possible.stderr.strip()}")

    done = alone([sys.executable, "-m", "tests.journeys.without_a_network", str(tmp_path)], tmp_path)

    assert done.returncode == 0, done.stderr
    found = Found(**json.loads(done.stdout))
    assert (found.status, found.level, found.level_detail, found.code) == ("Completed", "B-LTA", None, 0)
    assert (found.control > 0, found.outside) == (True, 0)

    signed, root = tmp_path / SIGNED, tmp_path / ROOT_CERTIFICATE
    with running_dss(root) as dss:
        judged = dss.judge(signed, revocation=True)["signatures"]
    assert [(one["level"], one["indication"]) for one in judged] == [("PAdES-BASELINE-LTA", "TOTAL_PASSED")]
    _, _, der = pem.unarmor(root.read_bytes())
    assert programs.pdfsig(signed, programs.nss_database(tmp_path / "nss", [der]))[0].valid
