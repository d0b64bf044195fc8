"""May this certificate sign? Its own fitness, its issuers by the security context, then what the session requires.

In this order: a requirement that reads OIDs proves nothing before the chain was checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from signroom.domain import errors
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.security_context import BY_ID, TEST, SecurityContext
from signroom.domain.signature import CertificateChain, TrustedChain
from signroom.domain.validation import Check, TrustVerdict
from signroom.ports import Ports

MAX_ISSUERS = 10
"""Issuer certificates that a signer may send along with one certificate."""

_REFUSALS: dict[Check, type[errors.CertificateRejected]] = {
    Check.CERTIFICATE_EXPIRED: errors.CertificateExpired,
    Check.CERTIFICATE_NOT_YET_VALID: errors.CertificateNotYetValid,
    Check.INVALID_KEY_USAGE: errors.CertificatePurpose,
    Check.ALGORITHM_NOT_ALLOWED: errors.CertificateKeyNotSupported,
    Check.CERTIFICATE_VALIDATION_FAILED: errors.CertificateRuleBroken,
    Check.CERTIFICATE_REVOKED: errors.CertificateRevoked,
    Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN: errors.RevocationStatusUnknown,
}


def find_context(ports: Ports, context_id: UUID | None) -> SecurityContext:
    """The context that a request names, or the installation's default.

    Raises: SecurityContextNotFound, SecurityContextNotConfigured.
    """
    if context_id is None:
        return ports.default_context
    context = BY_ID.get(context_id)
    if context is None:
        raise errors.SecurityContextNotFound
    ports.trust.require_configured(context)
    return context


def find_deciding_context(ports: Ports, context_id: UUID | None) -> SecurityContext:
    """The context that decides who somebody is: it has roots.

    Where every issuer is accepted a certificate says nothing about its holder, since anybody can write any name and any
    number into one. While the service is tried out, the test context decides instead; in production it is refused.

    Raises: SecurityContextNotFound, SecurityContextNotConfigured.
    """
    context = find_context(ports, context_id)
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
    certificate.require_fit_for_signing(now)
    verdict = ports.trust.judge(chain, context, now)
    trusted = require_trusted(chain, verdict)
    for requirement in requirements:
        requirement.require(certificate, verdict.policies)
    return trusted


def require_trusted(chain: CertificateChain, verdict: TrustVerdict) -> TrustedChain:
    """Evidence from the `verdict` on `chain`, with the path that was found: other issuers that came along are left out.

    Raises: the CertificateRejected of the first check that failed.
    """
    if not verdict.trusted:
        first = verdict.results.errors[0]
        raise _REFUSALS.get(first.check, errors.CertificateNotTrusted)(first.message)
    return TrustedChain(CertificateChain(chain.certificate, verdict.path[1:]) if len(verdict.path) > 1 else chain)
