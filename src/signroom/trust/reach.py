"""Can the authorities that the operator has configured be asked about? For ``signroom doctor``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from signroom.ports.operations import AuthorityReach
from signroom.trust.anchors import Anchors
from signroom.trust.paths import Link, signed_by
from signroom.trust.revocation import RevocationSources, Status

_MOST = 20
"""Authorities that are asked about; each may name some addresses."""


def reach(anchors: Anchors, sources: RevocationSources, now: datetime) -> list[AuthorityReach]:
    """Of each intermediate authority whether somebody says that it was not revoked. Asks outside."""
    authorities = (*anchors.roots, *anchors.intermediates)
    found = []
    for link in anchors.intermediates[:_MOST]:
        issuer = next((one for one in authorities if one is not link and signed_by(link, one)), None)
        found.append(_reach(link, issuer, sources, now))
    return found


def _reach(link: Link, issuer: Link | None, sources: RevocationSources, now: datetime) -> AuthorityReach:
    name = link.certificate.subject.first("CN") or link.fingerprint.hex()[:16]
    if issuer is None:
        return AuthorityReach(name, "its issuer is not configured")
    if not link.valid_at(now):
        return AuthorityReach(name, "it is not in date")
    (answer,) = sources.ask([(link, issuer)], now)
    match answer.status:
        case Status.GOOD:
            return AuthorityReach(name, None)
        case Status.REVOKED:
            return AuthorityReach(name, "it was revoked")
        case Status.UNKNOWN:
            return AuthorityReach(name, _why([failure.reason for failure in answer.failures]))


def _why(reasons: Sequence[str]) -> str:
    return " ".join(dict.fromkeys(reasons)) or "nobody says whether it was revoked"
