"""The ``Trust`` port: certificates read, and judged by security contexts.

Whom a context trusts is asked of an `AnchorSource` at each judgement. A context without roots is not configured, and
whoever asks for it is refused.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from signroom.domain.augmentation import Evidence
from signroom.domain.certificate import Certificate, CertificateUse
from signroom.domain.errors import BadCertificate, BadSecurityContext, SecurityContextNotConfigured
from signroom.domain.security_context import BUILT_IN, RevocationRule, SecurityContext
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Outcome, TrustVerdict
from signroom.ports.outside import Exchange
from signroom.trust.anchor_folder import AnchorFolder
from signroom.trust.anchors import Anchors, AnchorSource
from signroom.trust.asking.answers import Answers
from signroom.trust.asking.issuers import Issuers
from signroom.trust.certificates import recently_read
from signroom.trust.european.keeper import EuropeanAnchors, TrustedLists
from signroom.trust.path_validation import collect, judge
from signroom.trust.paths import Link, read_link
from signroom.trust.revocation import RevocationSources

_REFRESHED_SECONDS, _MOST_REFRESHED = 60.0, 100


class CertificateTrust:
    """Reads certificates, and judges them by the roots of security contexts."""

    def __init__(self, anchors: AnchorSource, sources: RevocationSources, issuers: Issuers | None = None) -> None:
        self._anchors, self._issuers = anchors, issuers
        self._sources = sources
        self._refreshed: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def read(self, der: bytes) -> Certificate:
        return recently_read(der)

    def require_configured(self, context: SecurityContext) -> None:
        self._of(context)

    def require_authorities(self, context: SecurityContext) -> None:
        for der in (*context.roots, *context.intermediates, *context.rules.timestamp_roots):
            try:
                link = read_link(der)
            except BadCertificate as error:
                raise BadSecurityContext("A root or an intermediate is not a certificate.") from error
            if not link.may_certify:
                raise BadSecurityContext("A root or an intermediate is not the certificate of an authority.")
            if link.has_short_key:
                raise BadSecurityContext("The key of a root or an intermediate is too short.")

    def asks_nobody(self, context: SecurityContext) -> bool:
        anchors = self._of(context)
        if anchors.any_issuer and not anchors.roots and anchors.services is None:
            return True  # no path ends at a root
        kept_by_nobody = anchors.rules.revocation is RevocationRule.NOT_ASKED
        return kept_by_nobody and (self._issuers is None or self._issuers.asks_nobody)

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
        anchors = self._of(context)
        lenient = revocation_may_be_unknown or anchors.rules.revocation is RevocationRule.IF_KNOWN
        unknown_is = Outcome.WARNING if lenient else Outcome.ERROR
        return judge(
            chain,
            anchors,
            at,
            self._sources,
            unknown_is=unknown_is,
            issuers=self._issuers,
            offline=offline,
            use=use,
        )

    def collect(
        self, chain: CertificateChain, context: SecurityContext, at: datetime, *, use: CertificateUse
    ) -> Evidence:
        anchors = self._of(context)
        others = self._roots_of_others() if anchors.any_issuer else ()
        return collect(chain, anchors, at, self._sources, use=use, issuers=self._issuers, other_roots=others)

    def refresh(self, chain: CertificateChain, context: SecurityContext, *, use: CertificateUse) -> None:
        now = time.monotonic()
        with self._lock:
            recent = {key: at for key, at in self._refreshed.items() if now - at < _REFRESHED_SECONDS}
            known = hashlib.sha256(chain.certificate).digest()
            if known in recent or len(recent) >= _MOST_REFRESHED:
                return
            self._refreshed = {**recent, known: now}
        threading.Thread(target=self._look_up, args=(chain, context, use), name="signroom-refresh", daemon=True).start()

    def _look_up(self, chain: CertificateChain, context: SecurityContext, use: CertificateUse) -> None:
        with suppress(BadCertificate, SecurityContextNotConfigured):  # whoever judges it hears of that
            self.judge(chain, context, datetime.now(UTC), revocation_may_be_unknown=True, use=use)

    def _roots_of_others(self) -> tuple[Link, ...]:
        """Those of all built-in contexts: the operator has chosen them, so whom they name may be asked."""
        found = [root for context in BUILT_IN for root in self._anchors.anchors(context).roots]
        return tuple({root.fingerprint: root for root in found}.values())

    def _of(self, context: SecurityContext) -> Anchors:
        """The anchors of `context` now. Raises: SecurityContextNotConfigured."""
        anchors = own_anchors(context) if context.is_own else self._anchors.anchors(context)
        if not anchors.configured:
            raise SecurityContextNotConfigured
        return anchors


@lru_cache(maxsize=32)
def own_anchors(context: SecurityContext) -> Anchors:
    """Those that a subscription's own context brings along. Raises: BadCertificate."""
    roots, intermediates = (tuple(map(read_link, found)) for found in (context.roots, context.intermediates))
    return Anchors(roots, intermediates, rules=context.rules)


def open_trust(
    folder: Path,
    fetch: Exchange | None,
    *,
    extra: Mapping[SecurityContext, Sequence[bytes]] | None = None,
    answers: Answers | None = None,
    lists: TrustedLists | None = None,
    issuer_hosts: Collection[str] = (),
) -> CertificateTrust:
    """The contexts whose roots lie in `folder`, which need not be there, and `extra` roots (DER) beside them.

    Without `answers` everything is asked for each time, through `fetch`. `issuer_hosts`: where issuers are fetched from
    that nobody has sent. Raises: BrokenTrustFile.
    """
    asking = answers or Answers(fetch)
    sources, issuers = RevocationSources(asking), Issuers(asking, issuer_hosts)
    anchors: AnchorSource = AnchorFolder(folder, extra or {})
    if lists is not None:
        anchors = EuropeanAnchors(anchors, lists)
    return CertificateTrust(anchors, sources, issuers)
