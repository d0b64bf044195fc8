"""What a data folder says of who runs in it: at which address, and whether it is a demo's that is still running."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import structlog

from signroom.settings import SettingsError

log = structlog.get_logger()

_ADDRESS, _HELD = "address", "demo.running"
_ELSEWHERE = '`--data OTHER --port 8655`; with make: `make demo ARGS="--data OTHER --port 8655"`'


class DemoFolder:
    """The data folder of a demo, which no other demo uses until this process ends.

    The lock is one of the process (POSIX): a child has no part in it, and whatever ends the process lets it go.
    """

    def __init__(self, data: Path) -> None:
        """Raises: SettingsError when another demo has it."""
        self._file = _opened(data / _HELD)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = self._file.read().strip() or "it is just starting"
            self.close()
            raise SettingsError(
                f"Another demo ({holder}) uses the folder {data}: open that one, stop it, or start this one in "
                f"a folder of its own ({_ELSEWHERE})."
            ) from error
        except OSError:  # a network disk without locks: nobody can say who has the folder
            log.warning("demo.not_locked")

    def tell(self, url: str) -> None:
        """Write down who has the folder, for whoever comes next."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{url}, process {os.getpid()}\n")
        self._file.flush()

    def close(self) -> None:
        """Let others have the folder."""
        self._file.close()


def _opened(file: Path) -> TextIO:
    return os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")


def keep_address(data: Path, url: str) -> None:
    """Write down the public address of the service that starts here: `doctor` and `extend` look there.

    A disk that is full keeps no service from starting: they then ask for the setting.
    """
    part = data / f".{_ADDRESS}.{os.getpid()}"
    with suppress(OSError):
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as target:
            target.write(f"{url}\n")
        part.replace(data / _ADDRESS)


def known_address(data: Path) -> str | None:
    """The public address of the service that was started last in this data folder. None: there was none yet."""
    try:
        return (data / _ADDRESS).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
