"""Security contexts: whom an installation trusts, by the ids that published samples of the contract name."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from signroom.domain.certificate import Certificate, CertificateUse


@dataclass(frozen=True, slots=True)
class SecurityContext:
    """``name`` is what a setting calls it; `any_issuer` accepts every issuer and says so in its verdicts.

    Where every issuer is accepted, nobody has confirmed who a signer is: anybody can make a certificate in any name.
    """

    id: UUID
    name: str
    any_issuer: bool = False


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
    """Whether a certificate that the context accepts says who its holder is. False for a context that is not known."""
    context = BY_ID.get(context_id)
    return context is not None and not context.any_issuer
