"""A command that only reads or writes rows opens no more than it needs."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.subscriptions.manage_applications import create_subscription
from signroom.service.subscriptions.manage_retention import set_retention
from signroom.settings import read_settings
from signroom.wiring import managing


def test_a_command_for_rows_makes_no_secret_and_starts_nothing(tmp_path: Path, empty_database_url: str) -> None:
    environment = {
        "SIGNROOM_PUBLIC_URL": "http://localhost",
        "SIGNROOM_DATA": str(tmp_path / "data"),
        "SIGNROOM_DATABASE_URL": empty_database_url,
    }
    threads, processes = set(threading.enumerate()), set(multiprocessing.active_children())

    with managing(read_settings(environment, tmp_path)) as ports:
        create_subscription(ports, this_operator(), "Acme")
        set_retention(ports, act_for_subscription(ports, this_operator(), "Acme"), 30)
        assert set(threading.enumerate()) <= threads
        assert set(multiprocessing.active_children()) <= processes

    assert not (tmp_path / "data" / "secret.key").exists()
