"""A command that only reads or writes rows opens no more than it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.harness.server import clean_environment

_COMMAND = """
import multiprocessing, os, sys, threading
from pathlib import Path
from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.subscriptions.manage_applications import create_subscription
from signroom.service.subscriptions.manage_retention import set_retention
from signroom.settings import read_settings
from signroom.wiring import managing

with managing(read_settings(os.environ, Path(sys.argv[1]))) as ports:
    create_subscription(ports, this_operator(), "Acme")
    set_retention(ports, act_for_subscription(ports, this_operator(), "Acme"), 30)
    print(len(threading.enumerate()), len(multiprocessing.active_children()))
"""


def test_a_command_for_rows_makes_no_secret_and_starts_nothing(tmp_path: Path, empty_database_url: str) -> None:
    environment = {
        "SIGNROOM_PUBLIC_URL": "http://localhost",
        "SIGNROOM_DATA": str(tmp_path / "data"),
        "SIGNROOM_DATABASE_URL": empty_database_url,
    }

    # In a program of its own: here the services of other tests start processes whenever they like.
    run = subprocess.run(
        [sys.executable, "-c", _COMMAND, str(tmp_path)],
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["1", "0"]
    assert not (tmp_path / "data" / "secret.key").exists()
