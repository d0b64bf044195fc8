"""Certificates read (RFC 5280) into plain values."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from signroom.domain.certificate import Certificate, KeyKind, Name
from signroom.domain.errors import BadCertificate
from signroom.formats.certificate import load_certificate
from signroom.trust.extensions import (
    read_email,
    read_extensions,
    read_is_authority,
    read_key_usage,
    read_other_names,
    read_policies,
    read_purposes,
    read_qc_statements,
)
from signroom.trust.pki_brazil import read_pki_brazil
from signroom.trust.pki_italy import read_pki_italy

MAX_CERTIFICATE = 64 * 1024
"""Bytes; real certificates have 1-4 KB."""

_LONGEST_SERIAL = 64
"""Octets; RFC 5280, 4.1.2.2, allows 20. It is shown in decimal, which takes time that grows with the square."""

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


def read_certificate(der: bytes) -> Certificate:
    """Raises: BadCertificate for anything but one DER certificate of at most 64 KB."""
    if len(der) > MAX_CERTIFICATE:
        raise BadCertificate
    try:
        found = load_certificate(der)
        if found.serial_number.bit_length() > _LONGEST_SERIAL * 8:
            raise BadCertificate("Its serial number is too long.")
        kind, bits, curve = _key(found)
        extensions = read_extensions(der)
        subject, key_usage, policies = _name(found.subject), read_key_usage(extensions), read_policies(extensions)
        return Certificate(
            der=der,
            subject=subject,
            issuer=_name(found.issuer),
            serial_number=found.serial_number,
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            key_kind=kind,
            key_bits=bits,
            curve=curve,
            key_usage=key_usage,
            is_ca=read_is_authority(extensions),
            email_address=read_email(extensions),
            sha1=hashlib.sha1(der, usedforsecurity=False).digest(),
            sha256=hashlib.sha256(der).digest(),
            purposes=read_purposes(extensions),
            policies=policies,
            qc_statements=read_qc_statements(extensions),
            pki_brazil=read_pki_brazil(subject, policies, read_other_names(extensions)),
            pki_italy=read_pki_italy(subject, policies, key_usage),
        )
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, InvalidSignature) as error:
        raise BadCertificate from error


recently_read = lru_cache(maxsize=64)(read_certificate)
"""`read_certificate`, which remembers those that were read last: in memory only, until others are read.

A preparation reads its certificate to judge it, and once more for its path; each who asks for a signed session is shown
its signer.
"""


def _key(certificate: x509.Certificate) -> tuple[KeyKind, int, str | None]:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key:
            return KeyKind.RSA, key.key_size, None
        case ec.EllipticCurvePublicKey() as key:
            return KeyKind.EC, key.curve.key_size, key.curve.name
        case _:
            return KeyKind.OTHER, 0, None


def _name(name: x509.Name) -> Name:
    values: dict[str, list[str]] = {}
    for attribute in name:
        short = _SHORT_NAMES.get(attribute.oid, attribute.oid.dotted_string)
        text = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
        values.setdefault(short, []).append(text)
    return Name(dn_string=name.rfc4514_string(), values=tuple((short, tuple(of)) for short, of in values.items()))
