"""The ``Trust`` port: certificates read, and judged by security contexts.

Whom a context trusts is asked of an `AnchorSource` at each judgement. A context without roots is not configured, and
whoever asks for it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from signroom.domain.certificate import Certificate, CertificateUse
from signroom.domain.errors import SecurityContextNotConfigured
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Outcome, TrustVerdict
from signroom.ports.outside import Exchange
from signroom.trust.anchor_folder import AnchorFolder
from signroom.trust.anchors import Anchors, AnchorSource
from signroom.trust.certificates import read_certificate
from signroom.trust.path_validation import judge
from signroom.trust.revocation import RevocationSources

_NOBODY = RevocationSources(None)
_CERTIFICATES = 64
"""How many were read last and are remembered: in memory only, until others are read."""


class CertificateTrust:
    """Reads certificates, and judges them by the roots of security contexts."""

    def __init__(self, anchors: AnchorSource, sources: RevocationSources) -> None:
        self._anchors = anchors
        self._sources = sources
        # A session that is signed shows its signer to each who asks for it.
        self._read = lru_cache(_CERTIFICATES)(read_certificate)

    def read(self, der: bytes) -> Certificate:
        return self._read(der)

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
