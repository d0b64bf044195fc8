"""Security contexts: whom an installation trusts, and what it asks of those who sign.

Some are built in, with the ids that published samples of the contract name. The others are data: a subscription makes
its own, for the authority of an organisation, say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from signroom.domain.certificate import Certificate, CertificateUse, KeyKind
from signroom.domain.errors import BadSecurityContext, DigestNotAccepted
from signroom.domain.level import Level
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.signature import DigestAlgorithm

MAX_CONTEXTS = 20
"""Of a subscription's own."""
MAX_ROOTS, MAX_INTERMEDIATES, MAX_OIDS, MAX_REQUIREMENTS = 20, 30, 50, 10
MAX_KEY_BITS = 16_384
MAX_AUTHORITIES = 128 << 10
"""Bytes of all roots and intermediates of a context."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]{0,38})){1,30}")


class RevocationRule(StrEnum):
    """What it means that nobody says whether a certificate was revoked."""

    REQUIRED = "Required"
    """It may not sign."""
    IF_KNOWN = "IfKnown"
    """It may sign, with a warning. Of one that is known to be revoked nobody accepts anything."""
    NOT_ASKED = "NotAsked"
    """Nobody is asked: the authority keeps no lists and no responder."""


RULED_KINDS = (KeyKind.RSA, KeyKind.EC)
"""No key of another kind may sign at all."""


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Keys of one kind that a context accepts."""

    kind: KeyKind
    least_bits: int
    until: datetime | None = None
    """From then on they are not accepted any more."""

    def accepts(self, certificate: Certificate, at: datetime) -> bool:
        fits = certificate.key_kind is self.kind and certificate.key_bits >= self.least_bits
        return fits and (self.until is None or at < self.until)


class ResponderRule(StrEnum):
    """Who may say by OCSP whether a certificate was revoked (RFC 6960, 2.6)."""

    APPOINTED = "Appointed"
    """The issuer, and whom it has appointed by a certificate of its own."""
    ISSUER = "Issuer"
    """The issuer alone, with the key that has signed the certificate."""


@dataclass(frozen=True, slots=True)
class DigestRule:
    """A digest that a context accepts. What nobody may rely on any more (SHA-1, MD5) is none of them."""

    algorithm: DigestAlgorithm
    until: datetime | None = None
    """From then on it is not accepted any more."""

    def accepts(self, name: str, at: datetime) -> bool:
        return name.upper() == self.algorithm.value and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class ContextRules:
    """What a context asks beside its roots. The rules of RFC 5280 always hold."""

    policies: tuple[str, ...] = ()
    """Dotted OIDs. One of them must hold for the signer's certificate; empty: none is asked for."""
    purposes: tuple[str, ...] = ()
    """Further purposes in an extended key usage (dotted OIDs) that let a certificate sign here."""
    revocation: RevocationRule = RevocationRule.REQUIRED
    keys: tuple[KeyRule, ...] = ()
    """Of signers, of authorities below the root, and of whom these have appointed to answer or to keep lists; empty:
    every key that is safe."""
    requirements: tuple[CertificateRequirement, ...] = ()
    """Each session has them, beside its own."""
    level: Level | None = None
    """That signed files reach unless a session says otherwise."""
    digests: tuple[DigestRule, ...] = ()
    """By which new signatures, certificates below the root, OCSP responses and revocation lists are signed. Empty:
    every safe one."""
    responders: ResponderRule = ResponderRule.APPOINTED
    timestamp_roots: tuple[bytes, ...] = field(default=(), repr=False)
    """DER. Where there are any, timestamps count only by authorities below one of these. Empty: below the context's own
    roots, or those that the operator trusts for a timestamp provider."""

    def accepts_digest(self, name: str, at: datetime) -> bool:
        """`name` like ``sha256``."""
        return not self.digests or any(rule.accepts(name, at) for rule in self.digests)

    def digest_at(self, at: datetime) -> DigestAlgorithm:
        """The one that something new is signed or stamped with: SHA-256 where it is accepted.

        Raises: DigestNotAccepted when every rule about digests has ended.
        """
        for algorithm in DigestAlgorithm:
            if self.accepts_digest(algorithm.value, at):
                return algorithm
        raise DigestNotAccepted

    def accepts_key(self, certificate: Certificate, at: datetime) -> bool:
        return not self.keys or any(rule.accepts(certificate, at) for rule in self.keys)


NO_RULES = ContextRules()


@dataclass(frozen=True, slots=True)
class SecurityContext:
    """``name`` is what a setting calls it; `any_issuer` accepts every issuer and says so in its verdicts.

    Where every issuer is accepted, nobody has confirmed who a signer is: anybody can make a certificate in any name.
    """

    id: UUID
    name: str
    any_issuer: bool = False
    subscription_id: UUID | None = None
    """Whose own it is; None: built in."""
    roots: tuple[bytes, ...] = field(default=(), repr=False)
    """DER, of a subscription's own. Those of the built-in ones are the operator's."""
    intermediates: tuple[bytes, ...] = field(default=(), repr=False)
    """DER: known, not trusted. They save a signer from sending them."""
    rules: ContextRules = NO_RULES

    @property
    def is_own(self) -> bool:
        return self.subscription_id is not None

    @property
    def for_timestamps(self) -> SecurityContext | None:
        """By which alone timestamps are judged; None where the context does not say whose timestamps count."""
        if not self.rules.timestamp_roots:
            return None
        return replace(self, roots=self.rules.timestamp_roots)


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """A certificate that paths may end at. Of trusted lists: whose list, for what, and whether it counts today."""

    context: str
    certificate: Certificate
    territory: str | None = None
    use: CertificateUse | None = None
    counts: bool = True


ANY = SecurityContext(UUID("1f4a6f6b-5d0c-4f3e-9d0a-0e7a3c5b9a01"), "any", any_issuer=True)
TEST = SecurityContext(UUID("803517ad-3bbc-4169-b085-60053a8f6dbf"), "test")
ICP_BRASIL = SecurityContext(UUID("201856ce-273c-4058-a872-8937bd547d36"), "icp-brasil")
ITALY = SecurityContext(UUID("c438b17e-4862-446b-86ad-6f85734f0bfe"), "italy")
EU = SecurityContext(UUID("c3b91347-3b41-4c45-9983-13e3c0fa2a2b"), "eu")
ITALY_TEST = SecurityContext(UUID("d480958c-59b0-4178-bd11-0198188bfd3c"), "italy-test")

BUILT_IN = (ANY, TEST, ICP_BRASIL, ITALY, EU, ITALY_TEST)
BY_ID = {context.id: context for context in BUILT_IN}
BY_NAME = {context.name: context for context in BUILT_IN}


def confirms_identity(context_id: UUID) -> bool:
    """Whether a certificate that the context accepts says who its holder is. A subscription's own always has roots."""
    context = BY_ID.get(context_id)
    return context is None or not context.any_issuer


def require_context(context: SecurityContext) -> SecurityContext:
    """Itself, when it can be a subscription's own. Whether its roots are authorities is judged elsewhere.

    Raises: BadSecurityContext.
    """
    rules = context.rules
    if not _NAME.fullmatch(context.name):
        raise BadSecurityContext("Its name has up to 50 lower-case letters, digits and hyphens.", path="name")
    if context.name in BY_NAME:
        raise BadSecurityContext("Its name is that of a built-in one.", path="name")
    if not context.roots:
        raise BadSecurityContext("It needs at least one root: without one it would trust nobody.", path="roots")
    if (
        max(map(len, (context.roots, rules.timestamp_roots))) > MAX_ROOTS
        or len(context.intermediates) > MAX_INTERMEDIATES
    ):
        raise BadSecurityContext(f"At most {MAX_ROOTS} roots and {MAX_INTERMEDIATES} intermediates.", path="roots")
    if sum(map(len, (*context.roots, *context.intermediates, *rules.timestamp_roots))) > MAX_AUTHORITIES:
        raise BadSecurityContext(f"Its certificates have more than {MAX_AUTHORITIES >> 10} KB together.", path="roots")
    if max(len(rules.policies), len(rules.purposes), len(rules.keys), len(rules.digests)) > MAX_OIDS:
        raise BadSecurityContext(f"At most {MAX_OIDS} rules of one kind.")
    if len(rules.requirements) > MAX_REQUIREMENTS:
        raise BadSecurityContext(f"At most {MAX_REQUIREMENTS} requirements.", path="requirements")
    if not all(1 <= rule.least_bits <= MAX_KEY_BITS for rule in rules.keys):
        raise BadSecurityContext(f"A key has 1 to {MAX_KEY_BITS} bits.", path="keys")
    if not all(_OID.fullmatch(oid) for oid in (*rules.policies, *rules.purposes)):
        raise BadSecurityContext("Policies and purposes are dotted OIDs.")
    return context
