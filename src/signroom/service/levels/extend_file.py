"""Raise a signed file that lies on the operator's disk: each of its signatures, one after the other."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from signroom.domain.application import Operator
from signroom.domain.audit import Action, Facts
from signroom.domain.augmentation import SignatureLevel
from signroom.domain.document import RENEWAL_PAUSE
from signroom.domain.errors import BadInput, DataFileRequired, Refused
from signroom.domain.level import Level
from signroom.domain.security_context import SecurityContext
from signroom.domain.timestamp import DEFAULT_TIER, require_tier
from signroom.ports import Ports
from signroom.ports.files import Stored, Turn
from signroom.service.events.record_change import record_making
from signroom.service.levels.extend_document import require_timestamps
from signroom.service.levels.raise_level import Patience, Raising, Standing, archive_end, ends_soon, proofs_of

_SECONDS = 60.0
"""For everything from outside, for each signature."""
_OPERATOR = Turn(UUID(int=0))
"""Nobody's turn but the operator's. Its timestamps are no application's, and are not counted."""


@dataclass(frozen=True, slots=True)
class ExtendFile:
    """The command. `file` itself is changed: a copy that belongs to the caller."""

    file: Path
    level: Level
    context: SecurityContext
    """By which the signers' certificates are judged."""
    tier: str = DEFAULT_TIER
    """Of the authorities that are asked for timestamps."""
    content: Path | None = None
    """Of a detached CMS object."""


@dataclass(frozen=True, slots=True)
class ExtendedSignature:
    """What came of one signature of the file."""

    signer: str
    """The common name in its certificate: what it claims."""
    before: Level
    level: Level
    missing: str | None
    """Why the level that was wanted is not reached; None: it is."""
    changed: bool
    """The file has got something for it."""

    def has(self, wanted: Level) -> bool:
        """It is of that level. One that has an archive timestamp and should have got another one is not."""
        return self.level.reaches(wanted) and (self.changed or self.missing is None)


async def extend_file(ports: Ports, operator: Operator, command: ExtendFile) -> tuple[ExtendedSignature, ...]:
    """Raise every signature as far as it goes. What is missing may come later: run it again then.

    A later signature of the file is not harmed: where a timestamp would change what it covers, it is refused. A
    signature that has an archive timestamp gets another one when B-LTA is wanted, unless its newest timestamp is
    younger than a day. The audit log gets an entry when the file has changed: timestamps were spent on it.

    Raises: BadInput, TimestampTierNotFound, SecurityContextNotConfigured, NotSigned, DataFileRequired, a
    DocumentRejected.
    """
    if command.level is Level.B_B:
        raise BadInput("Every signature has the level B-B: the level is one of B-T, B-LT, B-LTA.")
    await asyncio.to_thread(require_timestamps, ports, command.level, require_tier(command.tier))
    ports.trust.require_configured(command.context)
    formats = ports.formats.of(_OPERATOR)
    examined = await formats.examine(command.file, command.content)
    if examined.missing_data_hash is not None:
        raise DataFileRequired
    kind, before = examined.signature_type, await asyncio.to_thread(_content_of, command.file)
    found = await formats.read_levels(command.file, kind, command.content)
    done: list[ExtendedSignature] = []
    for number, first in enumerate(found.signatures):
        # Read anew: raising one signature of a PDF raises the others, too.
        now = (await formats.read_levels(command.file, kind, command.content)).signatures[number]
        level, missing, changed = now.level, None, False
        if not now.level.reaches(command.level) or _is_old(ports, command, now):
            try:
                standing = Standing(
                    command.file,
                    await asyncio.to_thread(_content_of, command.file),
                    kind,
                    now.chain,
                    now.value,
                    now.level,
                    proofs_of(now),
                    command.content,
                )
                raising = Raising(ports, _OPERATOR, command.context, Patience(_SECONDS), command.tier)
                if now.level is Level.B_LTA:
                    end = archive_end(ports, standing)
                    raised = await raising.renew(standing, at_any_rate=ends_soon(end, ports.clock.now()))
                else:
                    raised = await raising.raise_to(command.level, standing)
                level, missing = raised.standing.level, raised.detail
                changed = raised.standing.stored != standing.stored
            except Refused as error:
                missing = str(error)
        done.append(ExtendedSignature(_signer(ports, first), first.level, level, missing, changed))
    if any(one.changed for one in done):
        await asyncio.to_thread(_record, ports, operator, before, done)
    return tuple(done)


def _record(ports: Ports, operator: Operator, before: Stored, done: Sequence[ExtendedSignature]) -> None:
    """The file by its digest. Whose signatures it has is not told."""
    facts: Facts = {
        "sha256": before.sha256.hex(),
        "before": [one.before.value for one in done],
        "levels": [one.level.value for one in done],
    }
    with ports.store.work() as work:
        now, action = ports.clock.now(), Action.FILE_EXTENDED
        record_making(work, operator.name, action, uuid4(), now, subscription_id=None, after=facts)


def _is_old(ports: Ports, command: ExtendFile, signature: SignatureLevel) -> bool:
    """It has an archive timestamp, is to have one, and its newest timestamp is not of the last hours."""
    if command.level is not Level.B_LTA or signature.level is not Level.B_LTA or not signature.timestamps:
        return False
    return ports.clock.now() >= signature.timestamps[-1].time + RENEWAL_PAUSE


def _content_of(file: Path) -> Stored:
    with file.open("rb") as stream:
        return Stored(file.stat().st_size, hashlib.file_digest(stream, "sha256").digest())


def _signer(ports: Ports, signature: SignatureLevel) -> str:
    names = ports.trust.read(signature.chain.certificate).subject.every("CN")
    return names[0] if names else "?"
