"""The ``Trust`` port: certificates read, and judged by security contexts.

Whom a context trusts is asked of an `AnchorSource` at each judgement. A context without roots is not configured, and
whoever asks for it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from signroom.domain.augmentation import Evidence
from signroom.domain.certificate import Certificate, CertificateUse
from signroom.domain.errors import SecurityContextNotConfigured
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Outcome, TrustVerdict
from signroom.ports.outside import Exchange
from signroom.trust.anchor_folder import AnchorFolder
from signroom.trust.anchors import Anchors, AnchorSource
from signroom.trust.certificates import read_certificate
from signroom.trust.path_validation import collect, judge
from signroom.trust.revocation import RevocationSources

_NOBODY = RevocationSources(None)


class CertificateTrust:
    """Reads certificates, and judges them by the roots of security contexts."""

    def __init__(self, anchors: AnchorSource, sources: RevocationSources) -> None:
        self._anchors = anchors
        self._sources = sources

    def read(self, der: bytes) -> Certificate:
        return read_certificate(der)

    def require_configured(self, context: SecurityContext) -> None:
        self._of(context)

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
        unknown_is = Outcome.WARNING if revocation_may_be_unknown else Outcome.ERROR
        sources = _NOBODY if offline else self._sources
        return judge(chain, self._of(context), at, sources, unknown_is=unknown_is, use=use)

    def collect(
        self, chain: CertificateChain, context: SecurityContext, at: datetime, *, use: CertificateUse
    ) -> Evidence:
        return collect(chain, self._of(context), at, self._sources, use=use)

    def _of(self, context: SecurityContext) -> Anchors:
        """The anchors of `context` now. Raises: SecurityContextNotConfigured."""
        anchors = self._anchors.anchors(context)
        if not anchors.configured:
            raise SecurityContextNotConfigured
        return anchors


def open_trust(
    folder: Path, fetch: Exchange | None, *, extra: Mapping[SecurityContext, Sequence[bytes]] | None = None
) -> CertificateTrust:
    """The contexts whose roots lie in `folder`, which need not be there, and `extra` roots (DER) beside them.

    Raises: BrokenTrustFile.
    """
    return CertificateTrust(AnchorFolder(folder, extra or {}), RevocationSources(fetch))
