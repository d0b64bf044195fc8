"""Which of a signer's certificates may sign here: told before he chooses one, as `prepare_signing` would decide."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from signroom.domain.errors import BadCertificate, BadInput, CertificateRejected, Refused
from signroom.domain.holder import Holder, holder_of
from signroom.domain.session import Session
from signroom.domain.signature import CertificateChain
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.certificates.judge_certificate import (
    MAX_ISSUERS,
    find_context_soon,
    judging,
    require_good_certificate,
)

MAX_CERTIFICATES = 50
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Judgement:
    """`refusal`: what `prepare_signing` would raise for this certificate; None for one that may sign."""

    refusal: Refused | None
    holder: Holder | None = None
    """Who holds it. `confirmed_by` is set for one that may sign. None: it cannot be read."""
    of_authority: bool = False
    """It is a certificate that certifies others (CA:TRUE)."""


async def judge_certificates(
    ports: Ports, session_id: UUID, chains: Sequence[CertificateChain]
) -> tuple[Judgement, ...]:
    """One judgement each, in the order of `chains`. Nothing is kept.

    Raises: BadInput for too many, WrongState, SecurityContextNotConfigured, Unavailable.
    """
    if len(chains) > MAX_CERTIFICATES or any(len(chain.issuers) > MAX_ISSUERS for chain in chains):
        raise BadInput(f"At most {MAX_CERTIFICATES} certificates, each with at most {MAX_ISSUERS} issuers.")
    now = ports.clock.now()
    session = await asyncio.to_thread(_signable, ports, session_id, now)
    context = await find_context_soon(ports, session.subscription_id, session.security_context_id)

    def judge(chain: CertificateChain) -> Judgement:
        try:
            certificate = ports.trust.read(chain.certificate)
        except BadCertificate as refusal:
            return Judgement(refusal)
        try:
            require_good_certificate(ports, chain, context, session.requirements, now)
        except (BadCertificate, CertificateRejected) as refusal:
            return Judgement(refusal, holder_of(certificate, confirmed=False), certificate.is_ca)
        return Judgement(None, holder_of(certificate, confirmed=not context.any_issuer))

    def judge_all() -> tuple[Judgement, ...]:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
            return tuple(threads.map(judge, chains))

    return await judging(ports, Turn.of_session(session), judge_all)


def _signable(ports: Ports, session_id: UUID, now: datetime) -> Session:
    with ports.store.read() as work:
        session = work.sessions.of_any_tenant(session_id)
    session.require_signable(now)
    return session
