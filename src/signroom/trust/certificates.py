"""The ``Trust`` port: certificates read (RFC 5280) and judged by a security context.

The only context of this version is ``any``: any issuer, in date, key usage fit for signing. Contexts with roots
get their place here (`SecurityContext`), paths and revocation in rooms of their own beside it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from signroom.domain.certificate import Certificate, KeyKind, Name
from signroom.domain.errors import BadCertificate
from signroom.domain.signature import CertificateChain

MAX_CERTIFICATE = 64 * 1024
"""Bytes; real certificates have 1-4 KB."""

_SHORT_NAMES = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.DN_QUALIFIER: "dnQualifier",
    NameOID.TITLE: "title",
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "GN",
    NameOID.INITIALS: "initials",
    NameOID.PSEUDONYM: "pseudonym",
    NameOID.GENERATION_QUALIFIER: "generationQualifier",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
}

# cryptography's attribute -> the name in RFC 5280, 4.2.1.3
_KEY_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


class SecurityContext(StrEnum):
    """The built-in contexts that an installation can choose as its default."""

    ANY = "any"


class CertificateTrust:
    """Reads certificates; in the context ``any`` every issuer is accepted, and no verdict says otherwise."""

    def __init__(self, context: SecurityContext) -> None:
        self._context = context

    def read(self, der: bytes) -> Certificate:
        return read_certificate(der)

    def require_trusted(self, chain: CertificateChain, now: datetime) -> None:
        # `any` trusts every issuer, but what came along as issuers must at least be certificates: they are embedded.
        for der in chain.issuers:
            read_certificate(der)


def read_certificate(der: bytes) -> Certificate:
    """Raises: BadCertificate for anything but one DER certificate of at most 64 KB."""
    if len(der) > MAX_CERTIFICATE:
        raise BadCertificate
    try:
        found = x509.load_der_x509_certificate(der)
        kind, bits, curve = _key(found)
        return Certificate(
            der=der,
            subject=_name(found.subject),
            issuer=_name(found.issuer),
            serial_number=found.serial_number,
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            key_kind=kind,
            key_bits=bits,
            curve=curve,
            key_usage=_key_usage(found),
            is_ca=_is_ca(found),
            email_address=_email(found),
            sha1=hashlib.sha1(der, usedforsecurity=False).digest(),
            sha256=hashlib.sha256(der).digest(),
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.DuplicateExtension) as error:
        raise BadCertificate from error


def _key(certificate: x509.Certificate) -> tuple[KeyKind, int, str | None]:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key:
            return KeyKind.RSA, key.key_size, None
        case ec.EllipticCurvePublicKey() as key:
            return KeyKind.EC, key.curve.key_size, key.curve.name
        case _:
            return KeyKind.OTHER, 0, None


def _name(name: x509.Name) -> Name:
    values: dict[str, tuple[str, ...]] = {}
    for attribute in name:
        short = _SHORT_NAMES.get(attribute.oid, attribute.oid.dotted_string)
        text = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
        values[short] = (*values.get(short, ()), text)
    return Name(dn_string=name.rfc4514_string(), values=tuple(values.items()))


def _key_usage(certificate: x509.Certificate) -> frozenset[str] | None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return frozenset(name for attribute, name in _KEY_USAGES.items() if getattr(usage, attribute))


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _email(certificate: x509.Certificate) -> str | None:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    return next(iter(names.get_values_for_type(x509.RFC822Name)), None)
