"""Where a signer's key may be, as the page offers it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from signroom.domain.requirement import CertificateRequirement, RequirementKind


class KeySource(StrEnum):
    """Spelled as on the wire (``docs/page-api.md``)."""

    PFX = "pfx"
    WEB_EID = "web-eid"
    WEB_PKI = "web-pki"
    DEMO = "demo"


TYPED_IN = frozenset({KeySource.PFX, KeySource.DEMO})
"""What a signer types or chooses in the page itself: not where another page may lie over it."""


@dataclass(frozen=True, slots=True)
class WebPki:
    """Lacuna Web PKI as the operator obtained it: nothing of it is ours to ship."""

    script: bytes
    licence: str | None
    """None: the component works on localhost only."""


@dataclass(frozen=True, slots=True)
class KeySources:
    """What this installation offers, in the order to show."""

    offered: tuple[KeySource, ...]
    web_pki: WebPki | None = None


def needs_crypto_device(requirements: tuple[CertificateRequirement, ...]) -> bool:
    """True when a key in software cannot be what is asked for: the page says so before anybody types a password."""
    return any(requirement.kind is RequirementKind.CRYPTO_DEVICE for requirement in requirements)
