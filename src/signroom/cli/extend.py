"""``signroom extend``: raise the signatures of a file on this machine to a higher level."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from signroom.cli.configuration import installed_settings
from signroom.cli.printing import print_json, print_line
from signroom.domain.errors import BadInput, SecurityContextNotFound, StorageUnavailable
from signroom.domain.security_context import BY_NAME
from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.levels.extend_file import ExtendedSignature, ExtendFile, extend_file
from signroom.service.subscriptions.manage_security_contexts import find_context
from signroom.wiring import using

if TYPE_CHECKING:
    from signroom.domain.level import Level
    from signroom.domain.security_context import SecurityContext
    from signroom.ports import Ports

NOT_REACHED = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """The arguments of the command."""

    file: Path
    level: Level
    output: Path | None
    data: Path | None
    context: str | None
    subscription: str | None
    tier: str
    force: bool
    as_json: bool

    @property
    def target(self) -> Path:
        """Where the raised file goes: without ``--output`` beside the signed one, as ``contract-B-LTA.pdf``."""
        return self.output or self.file.with_name(f"{self.file.stem}-{self.level}{self.file.suffix}")


def run_extend(wanted: Wanted) -> int:
    """Exit code: 0 every signature has the level, 4 one has not.

    The output is there as a whole or not at all. It is not written when no signature has got further.

    Raises: SettingsError, DatabaseNotFound, BadInput, what `extend_file` raises.
    """
    target = wanted.target
    if target.exists() and not wanted.force:
        raise BadInput(f"{target} is there already: name another --output, or say --force.")
    with using(installed_settings()) as ports, ports.blobs.scratch() as folder:
        copy = _copied(wanted.file, folder / "signed")
        content = None if wanted.data is None else _copied(wanted.data, folder / "content")
        command = ExtendFile(copy, wanted.level, _context(ports, wanted), wanted.tier, content)
        signatures = asyncio.run(extend_file(ports, this_operator(), command))
        reached = all(one.has(wanted.level) for one in signatures)
        written = reached or any(one.changed or one.level is not one.before for one in signatures)
        if written:
            _write(copy, target, like=wanted.file, force=wanted.force)
    _print(wanted, signatures, target if written else None)
    return 0 if reached else NOT_REACHED


def _context(ports: Ports, wanted: Wanted) -> SecurityContext:
    """Raises: SubscriptionNotFound, SecurityContextNotFound."""
    if wanted.context is None:
        return ports.default_context
    if wanted.subscription is None:
        if wanted.context in BY_NAME:
            return BY_NAME[wanted.context]
        raise SecurityContextNotFound("For a subscription's own, say --subscription.")
    caller = act_for_subscription(ports, this_operator(), wanted.subscription)
    return find_context(ports, caller, wanted.context)


def _copied(file: Path, copy: Path) -> Path:
    """Raises: BadInput."""
    try:
        shutil.copyfile(file, copy)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
    return copy


def _write(source: Path, target: Path, *, like: Path, force: bool) -> None:
    """All of it or nothing; durable when this returns. Raises: BadInput, StorageUnavailable."""
    part = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    try:
        shutil.copyfile(source, part)
        shutil.copymode(like, part)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        if force:
            part.replace(target)
        else:
            os.link(part, target)  # unlike a rename, it never replaces a file
    except FileExistsError as error:
        raise BadInput(f"{target} is there already: name another --output, or say --force.") from error
    except OSError as error:
        raise StorageUnavailable(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _print(wanted: Wanted, signatures: tuple[ExtendedSignature, ...], written: Path | None) -> None:
    if wanted.as_json:
        rows = [{"signer": s.signer, "before": s.before, "level": s.level, "missing": s.missing} for s in signatures]
        print_json({"signatures": rows, "output": None if written is None else str(written)})
        return
    for one in signatures:
        print_line(f"{one.level}  {one.signer}" + (f": {one.missing}" if one.missing else ""))
    print_line("Nothing was written." if written is None else f"Written: {written}")
