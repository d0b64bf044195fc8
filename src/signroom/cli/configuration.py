"""The settings of a command: this process's environment and folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signroom.settings import Settings


DEMO_DEFAULTS = {
    "ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8,::1/128",
    "REVOCATION_MAX_AGE": "0",
    "REVOCATION_LIST_MAX_AGE": "0",
}
"""What the demo takes where nothing is set.

The example application and the revocation list of the demo CA are on this machine. Nothing about revocation is kept: a
failure that somebody switches on or off shows at once.
"""
DEMO_URL = "http://127.0.0.1:8400"
"""Where the demo is, unless somebody has moved it."""
DEMO_KEY_FILE = "demo-api-key"
"""The file of the data folder by which a demo is known."""


def current_settings(defaults: Mapping[str, str] | None = None) -> Settings:
    """Raises: SettingsError."""
    from signroom.settings import read_settings

    return read_settings(os.environ, Path.cwd(), defaults=defaults)


def settings_for_rows() -> Settings:
    """For commands that need no address of their own. Where none is set, the one of the last start here counts.

    What such a command logs goes to the standard error. Its output may be a key that a script reads.

    Raises: SettingsError.
    """
    from signroom.cli.logs import configure_command_logs
    from signroom.cli.running import known_address

    configure_command_logs()
    settings = current_settings({"PUBLIC_URL": DEMO_URL})
    known = known_address(settings.data)
    return settings if known is None else current_settings({"PUBLIC_URL": known})


def installed_settings() -> Settings:
    """The same for all commands but those that make an installation: none is made in the wrong folder.

    Raises: SettingsError, DatabaseNotFound.
    """
    settings = settings_for_rows()
    require_database(settings)
    return settings


def require_database(settings: Settings) -> None:
    """Raises: DatabaseNotFound when the file of a SQLite database is not there. PostgreSQL speaks for itself."""
    from signroom.domain.errors import DatabaseNotFound

    scheme, _, file = settings.database_url.partition("?")[0].partition(":///")
    if scheme == "sqlite" and not Path(file).is_file():
        raise DatabaseNotFound
