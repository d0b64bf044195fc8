"""What an application may require of the signer's certificate.

A certificate that anybody made for himself can hold any text and any OID: ask only after its chain was checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from signroom.domain.certificate import Certificate
from signroom.domain.errors import BadInput, CryptoDeviceRequired, OtherCpfRequired
from signroom.domain.national import PkiBrazilType, is_cpf

# ETSI EN 319 412-5, 4.2.1 and 4.2.2; EN 319 411-2, 5.3.
QC_COMPLIANCE = "0.4.0.1862.1.1"
QC_SSCD = "0.4.0.1862.1.4"
QSCD_POLICIES = frozenset({"0.4.0.194112.1.2", "0.4.0.194112.1.3"})
"""QCP-n-qscd and QCP-l-qscd."""
BRAZILIAN_POLICIES = "2.16.76.1.2."
"""Policies of ICP-Brasil begin like this; the type follows (DOC-ICP-04)."""
_BRAZILIAN_DEVICES = (f"{BRAZILIAN_POLICIES}3.", f"{BRAZILIAN_POLICIES}4.")
"""A3 and A4."""


class RequirementKind(StrEnum):
    """Spelled as on the wire (``CertificateRequirementTypes``)."""

    CRYPTO_DEVICE = "CryptoDevice"
    CPF = "Cpf"


@dataclass(frozen=True, slots=True, repr=False)
class CertificateRequirement:
    """``argument`` of ``Cpf``: 11 digits."""

    kind: RequirementKind
    argument: str | None = None

    @classmethod
    def of(cls, kind: RequirementKind, argument: str | None) -> CertificateRequirement:
        """As an application writes it: a CPF may have dots and a hyphen. Raises: BadInput."""
        if kind is not RequirementKind.CPF:
            return cls(kind)
        cpf = (argument or "").strip().replace(".", "").replace("-", "")
        if not is_cpf(cpf):
            raise BadInput("The argument of the requirement Cpf must be a CPF: 11 digits, the last two of them right.")
        return cls(kind, cpf)

    @property
    def masked(self) -> str | None:
        """The argument as a stranger may see it; a CPF as ``***.456.789-**``."""
        return None if self.argument is None else f"***.{self.argument[3:6]}.{self.argument[6:9]}-**"

    def require(self, certificate: Certificate, policies: frozenset[str]) -> None:
        """`certificate` must have been validated before; `policies` are those of its that its authorities carry.

        Raises: CryptoDeviceRequired, OtherCpfRequired.
        """
        if self.kind is RequirementKind.CRYPTO_DEVICE:
            _require_crypto_device(certificate, policies)
        else:
            _require_cpf(certificate, self.argument)


def _require_crypto_device(certificate: Certificate, policies: frozenset[str]) -> None:
    """The authority vouches that the key was made in hardware and stays there.

    A policy counts only when the authorities above carry it too: anybody who may issue A1 can write A3.
    """
    qualified_device = certificate.qc_statements >= {QC_COMPLIANCE, QC_SSCD}
    carried = any(oid.startswith(_BRAZILIAN_DEVICES) for oid in policies)
    brazilian_device = carried and certificate.pki_brazil.certificate_type in {PkiBrazilType.A3, PkiBrazilType.A4}
    if not (brazilian_device or qualified_device or policies & QSCD_POLICIES):
        raise CryptoDeviceRequired("Such are ICP-Brasil A3 and A4, and qualified signature creation devices.")


def _require_cpf(certificate: Certificate, cpf: str | None) -> None:
    # A company's certificate names the person responsible for it: that person may sign with it.
    found = certificate.pki_brazil.cpf
    if found is None:
        raise OtherCpfRequired("It has no CPF: a certificate of ICP-Brasil is needed.")
    if found != cpf:
        raise OtherCpfRequired("Its CPF is another one.")
