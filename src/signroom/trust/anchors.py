"""Whom a security context trusts, and where that is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from signroom.domain.certificate import CertificateUse
from signroom.domain.qualification import Qualification
from signroom.domain.security_context import NO_RULES, ContextRules, SecurityContext
from signroom.trust.paths import Link, Path


class Services(Protocol):
    """The services of trusted lists: roots for some time, and for some use."""

    def roots_for(self, known: Iterable[Link], at: datetime, use: CertificateUse) -> tuple[Link, ...]:
        """Those that a path over `known` certificates may end at, for what was signed at `at`."""

    def qualification(self, path: Path, at: datetime) -> Qualification:
        """What the lists say of the lowest certificate of an anchored path."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """Whom a security context trusts. ``intermediates`` are known, not trusted: they save a signer from sending them.

    ``any_issuer``: every path is accepted as far as it goes, with a warning.
    """

    roots: tuple[Link, ...] = ()
    intermediates: tuple[Link, ...] = ()
    any_issuer: bool = False
    services: Services | None = None
    """Roots that count beside the others, by trusted lists."""
    rules: ContextRules = NO_RULES

    @property
    def configured(self) -> bool:
        """False when there is nothing that a path could end at."""
        return self.any_issuer or bool(self.roots) or self.services is not None

    def roots_for(self, known: Iterable[Link], at: datetime, use: CertificateUse) -> tuple[Link, ...]:
        listed = () if self.services is None else self.services.roots_for(known, at, use)
        return (*self.roots, *listed)

    def qualification(self, path: Path, at: datetime, use: CertificateUse) -> Qualification | None:
        """None: not known."""
        if self.services is None or not path.anchored or use is not CertificateUse.SIGNATURES:
            return None
        return self.services.qualification(path, at)


class AnchorSource(Protocol):
    """Where the anchors of security contexts come from.

    A source is asked once for each judgement and may answer differently each time: trust lists (ETSI TS 119 612)
    change while the service runs. A judgement keeps to the answer that it got at its beginning.
    """

    def anchors(self, context: SecurityContext) -> Anchors:
        """The anchors of `context` at this moment; `Anchors()` when it has none. Many threads ask at once, and nobody
        waits here for the network: a source fetches beforehand.
        """
