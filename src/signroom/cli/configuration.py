"""The settings of a command: this process's environment and folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signroom.settings import Settings


def current_settings(defaults: Mapping[str, str] | None = None) -> Settings:
    """Raises: SettingsError."""
    from signroom.settings import read_settings

    return read_settings(os.environ, Path.cwd(), defaults=defaults)


def settings_for_rows() -> Settings:
    """For commands that only touch rows: they need no address. Raises: SettingsError."""
    return current_settings({"PUBLIC_URL": "http://localhost"})
