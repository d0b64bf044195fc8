"""Every setting is documented, and no other."""

from __future__ import annotations

import re

from signroom.settings import NAMES, PREFIX
from tests.habits.repository import ROOT

OF_COMMANDS = {"PFX_PASSWORD", "ENDPOINT_SECRET", "PROVIDER_SECRET", "API_KEY", "WEBHOOK_SECRET"}
"""Read by one command alone, in place of an argument."""


def test_the_documentation_lists_every_setting_and_no_other() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")

    documented = set(re.findall(rf"`{PREFIX}([A-Z_]+)`", page))

    assert documented == {*NAMES, *OF_COMMANDS}
