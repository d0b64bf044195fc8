"""Ask a provider for one timestamp, to see whether it is fit for use. Nothing is counted or kept."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from signroom.domain.signature import DigestAlgorithm
from signroom.domain.timestamp import MessageImprint, TimestampProvider, TimestampRequest
from signroom.ports.timestamps import NoTimestamp, TimestampAuthorities
from signroom.service.timestamps.issue_timestamp import JudgingPorts, require_good_time, require_trusted

TEST_SECONDS = 8.0


class AskingPorts(JudgingPorts, Protocol):
    """What it takes to ask a provider and to judge its answer."""

    @property
    def timestamps(self) -> TimestampAuthorities: ...


@dataclass(frozen=True, slots=True)
class ProviderCheck:
    """`detail` says what was found, or what is wrong."""

    name: str
    passed: bool
    detail: str


async def examine_provider(
    ports: AskingPorts, provider: TimestampProvider, digest: bytes, *, seconds: float = TEST_SECONDS
) -> list[ProviderCheck]:
    """Get one timestamp on `digest` (SHA-256), and say what was checked. The first check that fails is the last one.

    `seconds`: so long the provider may take. No detail holds a secret or an address.
    """
    imprint = MessageImprint(DigestAlgorithm.SHA256, digest)
    checks: list[ProviderCheck] = []
    name = "Token"
    try:
        found = await ports.timestamps.ask(provider, TimestampRequest(imprint, secrets.randbits(64)), seconds=seconds)
        held = "It answered with a token: signature value, imprint, nonce and purpose of the certificate fit."
        checks.append(ProviderCheck(name, True, held))
        name = "Time"
        require_good_time(ports, found)
        checks.append(
            ProviderCheck(name, True, f"Its time is {found.time:%Y-%m-%dT%H:%M:%SZ}, its policy {found.policy}.")
        )
        name = "Trust"
        await asyncio.to_thread(require_trusted, ports, provider, found)
        held = f"Its certificate leads to a root of the context {provider.context.name}."
        checks.append(ProviderCheck(name, True, held))
    except NoTimestamp as error:
        checks.append(ProviderCheck(name, False, error.reason))
    return checks


async def examine_providers(
    ports: AskingPorts, providers: Sequence[TimestampProvider], digest: bytes, *, seconds: float
) -> list[str | None]:
    """What is wrong with each, in the order of `providers`; None: its timestamps count.

    All are asked at once, so it takes no longer than the slowest.
    """
    examined = await asyncio.gather(*(examine_provider(ports, one, digest, seconds=seconds) for one in providers))
    return [next((check.detail for check in checks if not check.passed), None) for checks in examined]
