"""May this certificate sign? Its own fitness, its issuers by the security context, then what the session requires.

In this order: a requirement that reads OIDs proves nothing before the chain was checked.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import ParamSpec, TypeVar
from uuid import UUID

from signroom.domain import errors
from signroom.domain.certificate import CertificateUse
from signroom.domain.requirement import CertificateRequirement, JudgedCertificate
from signroom.domain.security_context import BY_ID, TEST, SecurityContext
from signroom.domain.signature import CertificateChain, TrustedChain
from signroom.domain.validation import Check, TrustVerdict
from signroom.ports import Ports
from signroom.ports.files import Turn

P = ParamSpec("P")
T = TypeVar("T")

_OF_SESSION, _OF_SUBSCRIPTION = 2, 16
"""Calls that are judged at the same time."""
MAX_ISSUERS = 10
"""Issuer certificates that a signer may send along with one certificate."""

_FEW_CERTIFICATES, _SMALL_CHAIN = 4, 16 << 10
"""Certificates, and their bytes together, that are judged without a line."""

_REFUSALS: dict[Check, type[errors.CertificateRejected]] = {
    Check.CERTIFICATE_EXPIRED: errors.CertificateExpired,
    Check.CERTIFICATE_NOT_YET_VALID: errors.CertificateNotYetValid,
    Check.INVALID_KEY_USAGE: errors.CertificatePurpose,
    Check.ALGORITHM_NOT_ALLOWED: errors.CertificateKeyNotSupported,
    Check.CERTIFICATE_VALIDATION_FAILED: errors.CertificateRuleBroken,
    Check.CERTIFICATE_REVOKED: errors.CertificateRevoked,
    Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN: errors.RevocationStatusUnknown,
}


async def judging(ports: Ports, turn: Turn, judge: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `judge`, which may ask about revocation. It waits in line, and then it has a thread of its own.

    A responder that does not answer takes 20 seconds. In the threads of the verbs everybody would wait for it.

    Raises: what `judge` raises.
    """
    at_once = _OF_SUBSCRIPTION if turn.session_id is None else _OF_SESSION
    of_all = ("judge", turn.subscription_id)
    async with ports.lines.passed(("judge", turn), at_once), ports.lines.passed(of_all, _OF_SUBSCRIPTION):
        own = ThreadPoolExecutor(1, "judging")
        call = partial(contextvars.copy_context().run, partial(judge, *args, **kwargs))
        judged = asyncio.get_running_loop().run_in_executor(own, call)
        own.shutdown(wait=False)
        try:
            return await asyncio.shield(judged)
        except asyncio.CancelledError:
            await asyncio.wait({judged})  # whoever hangs up does not get another thread meanwhile
            judged.exception()
            raise


def only_computes(ports: Ports, context: SecurityContext, chain: CertificateChain) -> bool:
    """True when judging the certificate asks nobody and takes some milliseconds at most: then `judging` is not needed.

    Raises: SecurityContextNotConfigured.
    """
    certificates = (chain.certificate, *chain.issuers)
    small = len(certificates) <= _FEW_CERTIFICATES and sum(map(len, certificates)) <= _SMALL_CHAIN
    return small and ports.trust.asks_nobody(context)


def find_context(ports: Ports, subscription_id: UUID, context_id: UUID | None) -> SecurityContext:
    """The context that a request names, built in or the subscription's own, or the installation's default.

    For the subscription's own the database is asked. Raises: SecurityContextNotFound, SecurityContextNotConfigured.
    """
    if context_id is None:
        return ports.default_context
    context = BY_ID.get(context_id)
    if context is None:
        with ports.store.ask() as work:
            context = work.security_contexts.get(subscription_id, context_id)
    ports.trust.require_configured(context)
    return context


async def find_context_soon(
    ports: Ports, subscription_id: UUID, context_id: UUID | None, *, deciding: bool = False
) -> SecurityContext:
    """As `find_context`, for the event loop: a thread is needed where the database is asked.

    As `find_deciding_context` when it is to be a `deciding` one.
    """
    find = find_deciding_context if deciding else find_context
    if context_id is None or context_id in BY_ID:
        return find(ports, subscription_id, context_id)
    return await asyncio.to_thread(find, ports, subscription_id, context_id)


def find_deciding_context(ports: Ports, subscription_id: UUID, context_id: UUID | None) -> SecurityContext:
    """The context that decides who somebody is: it has roots.

    Where every issuer is accepted a certificate says nothing about its holder, since anybody can write any name and any
    number into one. While the service is tried out, the test context decides instead; in production it is refused.

    Raises: SecurityContextNotFound, SecurityContextNotConfigured.
    """
    context = find_context(ports, subscription_id, context_id)
    if not context.any_issuer:
        return context
    if ports.demo is None:
        raise errors.SecurityContextNotConfigured(
            "The context accepts every issuer, so nobody confirms who the holder of a certificate is. Name a context "
            "with trusted roots in securityContextId, or set SIGNROOM_DEFAULT_SECURITY_CONTEXT to one."
        )
    ports.trust.require_configured(TEST)
    return TEST


def require_good_certificate(
    ports: Ports,
    chain: CertificateChain,
    context: SecurityContext,
    requirements: Sequence[CertificateRequirement],
    now: datetime,
) -> TrustedChain:
    """Evidence that the certificate may sign for a session with these `requirements`.

    Raises: BadCertificate, a CertificateRejected.
    """
    certificate = ports.trust.read(chain.certificate)
    certificate.require_fit(CertificateUse.SIGNATURES, now, context.rules.purposes)
    verdict = ports.trust.judge(chain, context, now)
    trusted = require_trusted(chain, verdict)
    requirements = (*context.rules.requirements, *requirements)
    if requirements:
        authorities = tuple(ports.trust.read(der) for der in verdict.path[1:])
        judged = JudgedCertificate(certificate, verdict.policies, authorities)
        for requirement in requirements:
            requirement.require(judged)
    return trusted


def require_trusted(chain: CertificateChain, verdict: TrustVerdict) -> TrustedChain:
    """Evidence from the `verdict` on `chain`, with the path that was found: other issuers that came along are left out.

    Raises: the CertificateRejected of the first check that failed.
    """
    if not verdict.trusted:
        first = verdict.results.errors[0]
        raise _REFUSALS.get(first.check, errors.CertificateNotTrusted)(first.message)
    return TrustedChain(CertificateChain(chain.certificate, verdict.path[1:]) if len(verdict.path) > 1 else chain)
