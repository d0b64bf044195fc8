"""Every setting is documented, and no other."""

from __future__ import annotations

import re

from signroom.settings import NAMES, PREFIX
from tests.habits.repository import ROOT

ROBOT_ONLY = "PFX_PASSWORD"
"""Read by ``signroom robot`` alone: the signer's, not the service's."""


def test_the_documentation_lists_every_setting_and_no_other() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")

    documented = set(re.findall(rf"`{PREFIX}([A-Z_]+)`", page))

    assert documented == {*NAMES, ROBOT_ONLY}
