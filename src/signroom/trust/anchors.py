"""Whom a security context trusts, and where that is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from signroom.domain.security_context import NO_RULES, ContextRules, SecurityContext
from signroom.trust.paths import Link


@dataclass(frozen=True, slots=True)
class Anchors:
    """Whom a security context trusts. ``intermediates`` are known, not trusted: they save a signer from sending them.

    ``any_issuer``: every path is accepted as far as it goes, with a warning.
    """

    roots: tuple[Link, ...] = ()
    intermediates: tuple[Link, ...] = ()
    any_issuer: bool = False
    rules: ContextRules = NO_RULES

    @property
    def configured(self) -> bool:
        """False when there is nothing that a path could end at."""
        return self.any_issuer or bool(self.roots)


class AnchorSource(Protocol):
    """Where the anchors of security contexts come from.

    A source is asked once for each judgement and may answer differently each time: trust lists (ETSI TS 119 612)
    change while the service runs. A judgement keeps to the answer that it got at its beginning.
    """

    def anchors(self, context: SecurityContext) -> Anchors:
        """The anchors of `context` at this moment; `Anchors()` when it has none. Many threads ask at once, and nobody
        waits here for the network: a source fetches beforehand.
        """
