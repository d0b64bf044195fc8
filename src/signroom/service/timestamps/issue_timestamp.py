"""Get a timestamp from one of the providers of a tier: the first that gives a token which can be trusted."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from signroom.domain.application import ApplicationCaller
from signroom.domain.certificate import CertificateUse
from signroom.domain.errors import (
    BadCertificate,
    SecurityContextNotConfigured,
    TimestampNotAccepted,
    TimestampRefused,
    TimestampTierNotFound,
    TimestampUnavailable,
)
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import CertificateChain
from signroom.domain.timestamp import Timestamp, TimestampProvider, TimestampRequest, require_tier
from signroom.ports import Ports
from signroom.ports.certificates import Trust
from signroom.ports.operations import Clock
from signroom.ports.timestamps import NoTimestamp

ALL_SECONDS = 10.0
"""Nobody waits longer, whatever the providers do."""
_OF_APPLICATION, _OF_SUBSCRIPTION = 4, 8
"""That are asked for at the same time: a provider is sent at most 20 requests at once."""
ONE_SECONDS, _FAIR_SECONDS = 4.0, 1.0
"""For one provider at most, and what it gets at least where others are left to be asked."""
_BEHIND_SECONDS = 1.5
"""For another caller's answer, while a signer waits: a provider that is silent for so long mostly hangs. Its timestamp
comes later."""
_LEAST_SECONDS = 0.1
"""With less left nobody is asked: the provider would not be to blame."""
MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)


async def issue_timestamp(ports: Ports, caller: ApplicationCaller, tier: str, request: TimestampRequest) -> Timestamp:
    """A token for `request`, checked and trusted. An application that asks for many waits behind its own.

    What is handed out was counted: a token that cannot be counted is not handed out.

    Raises: as `stamp`, DatabaseUnavailable.
    """
    own, all_of_tenant = ("timestamp", caller.application.id), ("timestamp", caller.subscription_id)
    async with ports.lines.passed(own, _OF_APPLICATION), ports.lines.passed(all_of_tenant, _OF_SUBSCRIPTION):
        found = await stamp(ports, tier, request)
    await asyncio.to_thread(count_timestamp, ports, caller.subscription_id, caller.application.id, tier)
    return found


def count_timestamp(ports: Ports, subscription_id: UUID, application_id: UUID, tier: str) -> None:
    """One more that was used for that application. Raises: DatabaseUnavailable."""
    today = ports.clock.now().date()
    with ports.store.work() as work:
        work.statistics.count_timestamp(subscription_id, application_id, tier, today)


async def stamp(
    ports: Ports,
    tier: str,
    request: TimestampRequest,
    seconds: float | None = None,
    context: SecurityContext | None = None,
    *,
    finds_out: bool | None = None,
    hurried: bool = False,
) -> Timestamp:
    """The first token that is good, within `seconds` or `ALL_SECONDS`. `context`: only what counts there is good.

    `finds_out`: the caller can go on without a token, and says whether it may be the one that finds out whether a
    provider is back. None: every provider is asked, also one that failed a moment ago. `hurried`: `seconds` are fewer
    than the caller mostly has, and a provider that needs longer is not to blame.

    1. Ask the providers of the tier in turn.
    2. Judge the authority's certificate by the provider's own context, with what is known of its revocation. Nobody
       waits for more: it is asked for in the background, and counts for the tokens that follow.
    3. Compare the token's time with our clock: an authority that is minutes off proves nothing.

    Each provider gets a share of the time that is left, so that one that hangs leaves time for the next. A provider
    whose answer is of no use is set back, and the next one is asked. One that refuses what the caller asks
    for, a policy or a digest, is not set back: it is not to blame. Nor is one whose timestamps do not count in
    `context`; it is not asked for its tokens, which somebody pays for, while it is known whose they are.

    Raises: BadInput, TimestampTierNotFound, TimestampRefused, TimestampNotAccepted, TimestampUnavailable.
    """
    providers = await asyncio.to_thread(ports.timestamps.of_tier, require_tier(tier))
    if not providers:
        raise TimestampTierNotFound(path="{tier}")
    refused: str | None = None
    failed = 0
    strict = None if context is None else context.for_timestamps
    loop = asyncio.get_running_loop()
    deadline = loop.time() + (ALL_SECONDS if seconds is None else seconds)
    for number, provider in enumerate(providers):
        left = deadline - loop.time()
        if left < _LEAST_SECONDS:
            failed += 1
            break
        last = ports.timestamps.last_authority(provider)
        if not (last is None or await asyncio.to_thread(_counts, ports, strict, last, ports.clock.now())):
            continue
        if finds_out is not None and ports.timestamps.rests(provider, finds_out=finds_out):
            failed += 1
            continue
        try:
            share = max(left / (len(providers) - number), _FAIR_SECONDS)
            seconds, behind = min(left, share, ONE_SECONDS), _BEHIND_SECONDS if finds_out is False else None
            found = await ports.timestamps.ask(provider, request, seconds=seconds, behind_another=behind)
            await asyncio.to_thread(_require_trusted, ports, provider, found)
        except NoTimestamp as error:
            if error.failure is None:
                failed += 1
                if error.asked and not (hurried and error.late):
                    ports.timestamps.set_back(provider, error.reason)
            refused = error.failure or refused
            if error.asked:
                ports.meter.count("timestamp", "failed")
        else:
            ports.meter.count("timestamp", "issued")
            if await asyncio.to_thread(_counts, ports, strict, found.authority, found.time):
                return found
    if refused is not None:
        raise TimestampRefused(refused)
    raise TimestampUnavailable if failed else TimestampNotAccepted


def _counts(ports: Ports, context: SecurityContext | None, authority: CertificateChain, at: datetime) -> bool:
    """Whether `context`, which is for timestamps alone, trusts the authority, as far as is known. None: all count."""
    if context is None:
        return True
    try:
        verdict = ports.trust.judge(
            authority, context, at, revocation_may_be_unknown=True, offline=True, use=CertificateUse.TIMESTAMPS
        )
    except (BadCertificate, SecurityContextNotConfigured):
        return False
    return verdict.trusted


def _require_trusted(ports: Ports, provider: TimestampProvider, found: Timestamp) -> None:
    """Raises: NoTimestamp."""
    require_good_time(ports, found)
    require_trusted(ports, provider, found)


class JudgingPorts(Protocol):
    """What it takes to judge a token."""

    @property
    def trust(self) -> Trust: ...

    @property
    def clock(self) -> Clock: ...


def require_good_time(ports: JudgingPorts, found: Timestamp) -> None:
    """Raises: NoTimestamp."""
    if abs(found.time - ports.clock.now()) > MAX_CLOCK_DIFFERENCE:
        raise NoTimestamp("Its time is more than five minutes from ours.")


def require_trusted(ports: JudgingPorts, provider: TimestampProvider, found: Timestamp) -> None:
    """Raises: NoTimestamp."""
    try:
        verdict = ports.trust.judge(
            found.authority,
            provider.context,
            found.time,
            revocation_may_be_unknown=True,
            offline=True,
            use=CertificateUse.TIMESTAMPS,
        )
    except (BadCertificate, SecurityContextNotConfigured) as error:
        raise NoTimestamp(str(error)) from error
    if not verdict.trusted:
        reason = verdict.results.errors[0].message
        raise NoTimestamp(f"Its certificate is not trusted in the context {provider.context.name}: {reason}")
    ports.trust.refresh(found.authority, provider.context, use=CertificateUse.TIMESTAMPS)
