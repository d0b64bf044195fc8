"""Certificates: read, judged, and issued for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from signroom.domain.augmentation import Evidence
from signroom.domain.certificate import Certificate, CertificateUse
from signroom.domain.demo import DemoFailure
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import (
    CertificateChain,
)
from signroom.domain.timestamp import TimestampRequest
from signroom.domain.validation import TrustVerdict


class Trust(Protocol):
    """Certificates read and judged. DER goes in and out, never library types."""

    def read(self, der: bytes) -> Certificate:
        """Raises: BadCertificate."""

    def require_configured(self, context: SecurityContext) -> None:
        """Raises: SecurityContextNotConfigured when the context has no roots here."""

    def require_authorities(self, context: SecurityContext) -> None:
        """Roots and intermediates of a subscription's own context are authorities. Raises: BadSecurityContext."""

    def asks_nobody(self, context: SecurityContext) -> bool:
        """True when `judge` asks nobody outside in `context`, and nothing that is kept of answers: it only computes.

        Raises: SecurityContextNotConfigured.
        """

    def judge(
        self,
        chain: CertificateChain,
        context: SecurityContext,
        at: datetime,
        *,
        revocation_may_be_unknown: bool = False,
        offline: bool = False,
        use: CertificateUse = CertificateUse.SIGNATURES,
    ) -> TrustVerdict:
        """Build a path to a root of `context` and check it as of `at` (RFC 5280, 6): signatures, validity,
        constraints, purposes, policies, revocation by CRL or OCSP. With `offline` nobody is asked about revocation:
        answers that are kept count.
        `use`: what the certificate is to be fit for.

        Never raises for what is wrong with the certificate. Raises: BadCertificate for what is none,
        SecurityContextNotConfigured. May fetch: call from threads.
        """

    def collect(
        self, chain: CertificateChain, context: SecurityContext, at: datetime, *, use: CertificateUse
    ) -> Evidence:
        """Judge as `judge` does, and hand out what validates the path later without asking anybody.

        That is every certificate of the path, the root too; for each but the root the OCSP response or the revocation
        lists that decided; the certificates of whoever signed these; and the same for those signers. A status that is
        unknown is a warning in the verdict and a sentence in the evidence: it may be known later.

        What is wrong in the verdict is missing, too: nobody can rely on it later. Where `context` accepts every issuer,
        revocation is asked for only along a path to a root of another built-in context; any other path that has an
        issuer is not complete. The answers have a bound in bytes. Raises: as `judge`. May fetch: call from threads.
        """

    def refresh(self, chain: CertificateChain, context: SecurityContext, *, use: CertificateUse) -> None:
        """Ask in the background what `judge` would ask, so that a later judgement with `offline` knows it.

        Returns at once. The same certificate is looked at once a minute at most. Nothing is raised, and nothing is said
        of what came of it: the next judgement shows it.
        """


class DemoAuthority(Protocol):
    """The per-install certification authority of the sandbox."""

    def issue(self, public_key: bytes, name: str, now: datetime) -> CertificateChain:
        """A 24 h leaf for a SubjectPublicKeyInfo. Raises: BadInput, CertificateKeyNotSupported."""

    def crl(self, now: datetime, authority: str | None = None) -> bytes:
        """The list of revoked certificates, DER. Its certificates say in their address of the list which `authority`
        has issued them: there are two while the secret key is being changed. Raises: DemoFails.
        """

    def ocsp(self, request: bytes, now: datetime, authority: str | None = None) -> bytes:
        """The answer of its responder (RFC 6960), DER. Raises: BadInput, DemoFails."""

    def stamp(self, request: TimestampRequest, now: datetime) -> bytes:
        """A timestamp token (RFC 3161, 2.4.2) by its own timestamp authority, DER. Raises: DemoFails."""

    @property
    def certificate(self) -> bytes:
        """The root, DER."""

    @property
    def failures(self) -> frozenset[DemoFailure]:
        """What is switched off."""

    def fail(self, failures: frozenset[DemoFailure]) -> None:
        """Switch these off in this process, and everything else on."""
