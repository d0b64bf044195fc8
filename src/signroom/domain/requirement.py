"""What an application may require of the signer's certificate.

A certificate that anybody made for himself can hold any text and any OID: ask only after its chain was checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from signroom.domain.certificate import Certificate
from signroom.domain.errors import (
    BadInput,
    CryptoDeviceRequired,
    OtherCpfRequired,
    OtherIssuerRequired,
    OtherPersonRequired,
    OtherPolicyRequired,
    QualifiedCertificateRequired,
    QualifiedDeviceRequired,
)
from signroom.domain.national import CNPJ, PkiBrazilType, is_cnpj, is_codice_fiscale, is_cpf

# ETSI EN 319 412-5, 4.2.1 and 4.2.2; EN 319 411-2, 5.3.
QC_COMPLIANCE = "0.4.0.1862.1.1"
QC_SSCD = "0.4.0.1862.1.4"
QSCD_POLICIES = frozenset({"0.4.0.194112.1.2", "0.4.0.194112.1.3"})
"""QCP-n-qscd and QCP-l-qscd."""
QUALIFIED_POLICIES = QSCD_POLICIES | {"0.4.0.194112.1.0", "0.4.0.194112.1.1"}
"""QCP-n and QCP-l, too."""
BRAZILIAN_POLICIES = "2.16.76.1.2."
"""Policies of ICP-Brasil begin like this; the type follows (DOC-ICP-04)."""
_BRAZILIAN_DEVICES = (f"{BRAZILIAN_POLICIES}3.", f"{BRAZILIAN_POLICIES}4.")
"""A3 and A4."""
MAX_ARGUMENT = 255
_PERSON = re.compile(r"(?:PAS|IDC|PNO|TAX|TIN|VAT|NTR|LEI|PSD|[A-Z]{2}:)[A-Z]{2}-[!-~]{1,60}")
"""EN 319 412-1, 5.1.3 and 5.1.4: kind of number, country, hyphen, number. Two letters and a colon are national."""
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]{0,38})){1,30}")
_FINGERPRINT = re.compile(r"[0-9A-F]{64}")
_NIF_SPAIN = re.compile(r"[0-9XYZ][0-9]{7}[A-Z]|[A-W][0-9]{7}[0-9A-J]")
_NIF_PORTUGAL = re.compile(r"[1-9][0-9]{8}")
_ORGANIZATION_IDENTIFIER = ("organizationIdentifier", "2.5.4.97")
_SHOWN, _HIDDEN = 3, "*"
_LEAST_FOR_SHOWN = 6
"""Of shorter numbers nothing is shown: little would be left to guess."""


class RequirementKind(StrEnum):
    """Spelled as on the wire. The first two are the contract's ``CertificateRequirementTypes``, the rest additions."""

    CRYPTO_DEVICE = "CryptoDevice"
    CPF = "Cpf"
    CNPJ = "Cnpj"
    CODICE_FISCALE = "CodiceFiscale"
    NIF = "Nif"
    """Of Spain or Portugal."""
    PERSON = "Person"
    """An identifier of EN 319 412-1, of any country: ``PNOEE-38001085718``."""
    ISSUER = "Issuer"
    """An authority on the path: SHA-256 of its certificate in hexadecimal, or its common name."""
    POLICY = "Policy"
    """The dotted OID of a certificate policy that the authorities of the path carry."""
    QUALIFIED = "Qualified"
    """A qualified certificate (Regulation (EU) 910/2014)."""
    QUALIFIED_DEVICE = "QualifiedDevice"
    """A qualified certificate whose key is in a qualified signature creation device."""


@dataclass(frozen=True, slots=True)
class JudgedCertificate:
    """A certificate whose path to a trusted root was checked."""

    certificate: Certificate
    policies: frozenset[str]
    """Those of its policies that its authorities carry."""
    authorities: tuple[Certificate, ...] = ()
    """The certificates of the path above it, the root last."""


@dataclass(frozen=True, slots=True, repr=False)
class CertificateRequirement:
    """``argument`` is in the form that `of` makes: a CPF has 11 digits, other identifiers are upper-case."""

    kind: RequirementKind
    argument: str | None = None

    @classmethod
    def of(cls, kind: RequirementKind, argument: str | None) -> CertificateRequirement:
        """As an application writes it: a CPF may have dots and a hyphen. Raises: BadInput."""
        read = _READ.get(kind)
        if read is None:
            # Clients of the contract may send one with CryptoDevice, which never meant anything.
            if argument and kind is not RequirementKind.CRYPTO_DEVICE:
                raise BadInput(f"The requirement {kind} takes no argument.")
            return cls(kind)
        given = (argument or "").strip()
        if len(given) > MAX_ARGUMENT:
            raise BadInput(f"The argument of the requirement {kind} is longer than {MAX_ARGUMENT} characters.")
        return cls(kind, read(given))

    @property
    def masked(self) -> str | None:
        """The argument as a stranger may see it; a CPF as ``***.456.789-**``, other persons' numbers but for their end.

        Companies, issuers and policies are no persons.
        """
        argument = self.argument
        if argument is None or self.kind in _NOT_PERSONAL:
            return argument
        if self.kind is RequirementKind.CPF:
            return f"***.{argument[3:6]}.{argument[6:9]}-**"
        # A number may have hyphens of its own: what is in between may be a date of birth.
        kind, hyphen, number = argument.partition("-") if self.kind is RequirementKind.PERSON else ("", "", argument)
        shown = number[-_SHOWN:] if len(number) >= _LEAST_FOR_SHOWN else ""
        return f"{kind}{hyphen}{_HIDDEN * (len(number) - len(shown))}{shown}"

    def require(self, judged: JudgedCertificate) -> None:
        """Raises: the CertificateRequirementNotMet of this kind."""
        _CHECKS[self.kind](judged, self.argument or "")


# -- arguments -------------------------------------------------------------------------------------


def _cpf(given: str) -> str:
    cpf = given.replace(".", "").replace("-", "")
    if not is_cpf(cpf):
        raise BadInput("The argument of the requirement Cpf must be a CPF: 11 digits, the last two of them right.")
    return cpf


def _cnpj(given: str) -> str:
    cnpj = re.sub(r"[./-]", "", given).upper()
    if not CNPJ.fullmatch(cnpj) or not is_cnpj(cnpj):
        raise BadInput("The argument of the requirement Cnpj must be one: 14 characters, the last two of them right.")
    return cnpj


def _codice_fiscale(given: str) -> str:
    if not is_codice_fiscale(given.upper()):
        raise BadInput("The argument of the requirement CodiceFiscale must be one: 16 characters, the last one right.")
    return given.upper()


def _nif(given: str) -> str:
    nif = re.sub(r"[ .-]", "", given).upper()
    if not (_NIF_SPAIN.fullmatch(nif) or _NIF_PORTUGAL.fullmatch(nif)):
        raise BadInput("The argument of the requirement Nif must be a NIF of Spain or of Portugal.")
    return nif


def _person(given: str) -> str:
    if not _PERSON.fullmatch(given.upper()):
        raise BadInput(
            "The argument of the requirement Person must be an identifier of EN 319 412-1, such as PNOEE-38001085718."
        )
    return given.upper()


def _issuer(given: str) -> str:
    fingerprint = re.sub(r"[ :]", "", given).upper()
    if _FINGERPRINT.fullmatch(fingerprint):
        return fingerprint
    if not given or not given.isprintable():
        raise BadInput("The argument of the requirement Issuer must be an authority's common name, or SHA-256 of it.")
    return given


def _policy(given: str) -> str:
    if not _OID.fullmatch(given):
        raise BadInput("The argument of the requirement Policy must be a dotted OID.")
    return given


_READ: Mapping[RequirementKind, Callable[[str], str]] = {
    RequirementKind.CPF: _cpf,
    RequirementKind.CNPJ: _cnpj,
    RequirementKind.CODICE_FISCALE: _codice_fiscale,
    RequirementKind.NIF: _nif,
    RequirementKind.PERSON: _person,
    RequirementKind.ISSUER: _issuer,
    RequirementKind.POLICY: _policy,
}
_NOT_PERSONAL = frozenset({RequirementKind.CNPJ, RequirementKind.ISSUER, RequirementKind.POLICY})


# -- checks ----------------------------------------------------------------------------------------


def _require_crypto_device(judged: JudgedCertificate, _argument: str) -> None:
    """The authority vouches that the key was made in hardware and stays there.

    A policy counts only when the authorities above carry it too: anybody who may issue A1 can write A3.
    """
    certificate = judged.certificate
    carried = any(oid.startswith(_BRAZILIAN_DEVICES) for oid in judged.policies)
    brazilian_device = carried and certificate.pki_brazil.certificate_type in {PkiBrazilType.A3, PkiBrazilType.A4}
    if not (brazilian_device or _in_qualified_device(judged)):
        raise CryptoDeviceRequired("Such are ICP-Brasil A3 and A4, and qualified signature creation devices.")


def _in_qualified_device(judged: JudgedCertificate) -> bool:
    stated = judged.certificate.qc_statements >= {QC_COMPLIANCE, QC_SSCD}
    return stated or bool(judged.policies & QSCD_POLICIES)


def _require_cpf(judged: JudgedCertificate, cpf: str) -> None:
    # A company's certificate names the person responsible for it: that person may sign with it.
    found = judged.certificate.pki_brazil.cpf
    if found is None:
        raise OtherCpfRequired("It has no CPF: a certificate of ICP-Brasil is needed.")
    if found != cpf:
        raise OtherCpfRequired("Its CPF is another one.")


def _require_cnpj(judged: JudgedCertificate, cnpj: str) -> None:
    if judged.certificate.pki_brazil.cnpj != cnpj:
        raise OtherPersonRequired("It has no CNPJ, or another one.")


def _require_codice_fiscale(judged: JudgedCertificate, number: str) -> None:
    found = judged.certificate.pki_italy.codice_fiscale
    if number != found and f"TINIT-{number}" not in _identifiers(judged.certificate):
        raise OtherPersonRequired("It has no codice fiscale, or another one.")


def _require_nif(judged: JudgedCertificate, nif: str) -> None:
    country = "PT" if _NIF_PORTUGAL.fullmatch(nif) else "ES"
    found = _identifiers(judged.certificate)
    wanted = {f"{kind}{country}-{nif}" for kind in ("IDC", "PNO", "TIN", "TAX", "VAT")}
    if country in judged.certificate.subject.every("C"):
        wanted.add(nif)  # as authorities wrote it before EN 319 412-1
    if not found & wanted:
        raise OtherPersonRequired("It has no NIF, or another one.")


def _require_person(judged: JudgedCertificate, identifier: str) -> None:
    certificate = judged.certificate
    found = set(_identifiers(certificate))
    if certificate.pki_brazil.cpf is not None:
        found |= {f"{kind}BR-{certificate.pki_brazil.cpf}" for kind in ("PNO", "TAX", "TIN")}
    if certificate.pki_italy.codice_fiscale is not None:
        found |= {f"{kind}IT-{certificate.pki_italy.codice_fiscale}" for kind in ("PNO", "TAX", "TIN")}
    if identifier not in found:
        raise OtherPersonRequired("It does not name that person.")


def _identifiers(certificate: Certificate) -> frozenset[str]:
    """What the certificate calls its holder; none where it gives two numbers of one kind, or two serialNumbers.

    A program that reads the other one would see somebody else.
    """
    subject = certificate.subject
    given = [*subject.every("serialNumber"), *(n for name in _ORGANIZATION_IDENTIFIER for n in subject.every(name))]
    found = {one.strip().upper() for one in given}
    kinds = [one.partition("-")[0] for one in found if _PERSON.fullmatch(one)]
    clear = len(kinds) == len(set(kinds)) and len(subject.every("serialNumber")) <= 1
    return frozenset(found) if clear else frozenset()


def _require_issuer(judged: JudgedCertificate, issuer: str) -> None:
    # An authority may call itself by the fingerprint of another one.
    by_fingerprint = _FINGERPRINT.fullmatch(issuer) is not None
    for authority in judged.authorities:
        named = {authority.sha256.hex().upper()} if by_fingerprint else authority.subject.every("CN")
        if issuer in named:
            return
    raise OtherIssuerRequired("None of its authorities is that one.")


def _require_policy(judged: JudgedCertificate, policy: str) -> None:
    if policy not in judged.policies:
        raise OtherPolicyRequired("It does not carry the policy, or its authorities do not.")


def _require_qualified(judged: JudgedCertificate, _argument: str) -> None:
    if QC_COMPLIANCE not in judged.certificate.qc_statements and not judged.policies & QUALIFIED_POLICIES:
        raise QualifiedCertificateRequired


def _require_qualified_device(judged: JudgedCertificate, _argument: str) -> None:
    if not _in_qualified_device(judged):
        raise QualifiedDeviceRequired


_CHECKS: Mapping[RequirementKind, Callable[[JudgedCertificate, str], None]] = {
    RequirementKind.CRYPTO_DEVICE: _require_crypto_device,
    RequirementKind.CPF: _require_cpf,
    RequirementKind.CNPJ: _require_cnpj,
    RequirementKind.CODICE_FISCALE: _require_codice_fiscale,
    RequirementKind.NIF: _require_nif,
    RequirementKind.PERSON: _require_person,
    RequirementKind.ISSUER: _require_issuer,
    RequirementKind.POLICY: _require_policy,
    RequirementKind.QUALIFIED: _require_qualified,
    RequirementKind.QUALIFIED_DEVICE: _require_qualified_device,
}
