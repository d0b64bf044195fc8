"""What hatchling runs before it builds a wheel of the service: a wheel without its manual is built on purpose only.

Nothing is made here: `make docs` needs a generator that is no part of the build.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WITHOUT = "WITHOUT_MANUAL"
_MISSING = (
    "signroom: the manual is not built, and a wheel without it has nothing under /docs. Run `make docs` first, or set "
    f"{WITHOUT}=1 for a wheel that has none."
)


class RequireManual(BuildHookInterface[Any]):
    """The build hook ``custom`` of hatchling."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises: SystemExit with one sentence when the manual is missing.

        An installation of the checkout itself (`version` is ``editable``) reads the manual where it lies.
        """
        there = (Path(self.root) / "src" / "signroom" / "manual" / "site" / "index.html").is_file()
        if self.target_name == "wheel" and version != "editable" and not there and not os.environ.get(WITHOUT):
            raise SystemExit(_MISSING)
