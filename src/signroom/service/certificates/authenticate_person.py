"""Log in with a certificate: the holder signs a nonce. Version 2 of the contract: two calls, no session.

A context that accepts every issuer is refused: with a certificate that he made himself anybody would be anybody.

The nonce is signed by us and stored only once it is spent, so that nobody can replay it or fill a table.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from signroom.domain.application import WORKERS, ApplicationCaller
from signroom.domain.certificate import Certificate
from signroom.domain.errors import BadSignatureState, BadToken, TokenExpired
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import CertificateChain, ClaimedValue, DigestAlgorithm
from signroom.domain.validation import ValidationResults
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.certificates.judge_certificate import find_deciding_context, judging

_PURPOSE = "authentication"
STATE_LIFETIME = timedelta(minutes=10)
_SEPARATOR = "~"
_USUAL = DigestAlgorithm.SHA256
"""Of a state that names none."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """``digest``, by ``algorithm``, is what the holder's key signs."""

    state: str
    algorithm: DigestAlgorithm
    digest: bytes


@dataclass(frozen=True, slots=True)
class Authentication:
    """``failure`` as ``AuthenticationFailures``, None when the holder is who the certificate says."""

    certificate: Certificate
    results: ValidationResults
    path: tuple[bytes, ...]
    failure: str | None


def begin_authentication(
    ports: Ports, caller: ApplicationCaller, security_context_id: UUID | None, *, revocation_may_be_unknown: bool
) -> Challenge:
    """The digest is the first that the security context accepts, as for a signature.

    Raises: NotAllowed, SecurityContextNotFound, SecurityContextNotConfigured, DigestNotAccepted.
    """
    caller.require(WORKERS)
    context = find_deciding_context(ports, caller.subscription_id, security_context_id)
    now = ports.clock.now()
    algorithm = context.rules.digest_at(now)
    nonce = secrets.token_bytes(32)
    text = base64.urlsafe_b64encode(nonce).decode()
    parts = [text, _owner(caller), str(context.id), str(int(revocation_may_be_unknown))]
    if algorithm is not _USUAL:  # processes of the version before read states of four parts
        parts.append(algorithm.value)
    state = ports.tokens.issue(_PURPOSE, _SEPARATOR.join(parts), now)
    return Challenge(state, algorithm, hashlib.new(algorithm.value, nonce).digest())


def _owner(caller: ApplicationCaller) -> str:
    """Whom a state is for. One of another application would log a person in where they did not mean to."""
    return f"{caller.subscription_id}/{caller.application.id}"


async def complete_authentication(
    ports: Ports, caller: ApplicationCaller, state: str, certificate_der: bytes, signature: bytes
) -> Authentication:
    """A state that is too old or was used before fails as ``StaleSession``.

    Raises: NotAllowed, BadSignatureState for a state that is not this application's, BadCertificate,
    SignatureRejected, SecurityContextNotConfigured, Unavailable.
    """
    caller.require(WORKERS)
    now = ports.clock.now()
    certificate = ports.trust.read(certificate_der)
    try:
        subject = ports.tokens.read(_PURPOSE, state, now, max_age=STATE_LIFETIME)
    except TokenExpired:
        return Authentication(certificate, ValidationResults(), (certificate_der,), "StaleSession")
    except BadToken as error:
        raise BadSignatureState from error
    text, owner, context_id, may_be_unknown, *named = subject.split(_SEPARATOR)
    if owner != _owner(caller):
        raise BadSignatureState
    nonce = base64.urlsafe_b64decode(text)
    chain = CertificateChain(certificate_der)
    algorithm = DigestAlgorithm(named[0]) if named else _USUAL
    value = ClaimedValue(signature, nonce, algorithm, certificate_der)
    turn = Turn.of_caller(caller)
    formats = ports.formats.of(turn)

    def check() -> tuple[bool, SecurityContext]:
        is_checked = formats.check_few([value]) is not None
        return is_checked, find_deciding_context(ports, caller.subscription_id, UUID(context_id))

    is_checked, context = await asyncio.to_thread(check)
    if not is_checked:
        await formats.check_values([value])
    may_be = may_be_unknown == "1"
    verdict = await judging(ports, turn, ports.trust.judge, chain, context, now, revocation_may_be_unknown=may_be)
    fresh = await asyncio.to_thread(_spend, ports, nonce, now)  # last: an outage before it may be tried again
    failure = None if verdict.trusted else "CertificateFailedValidation"
    return Authentication(certificate, verdict.results, verdict.path, failure if fresh else "StaleSession")


def _spend(ports: Ports, nonce: bytes, now: datetime) -> bool:
    """False when it was used before."""
    with ports.store.work() as work:
        return work.spent.spend_nonce(hashlib.sha256(nonce).digest(), now + STATE_LIFETIME)
