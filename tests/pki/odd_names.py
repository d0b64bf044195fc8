"""Certificates whose names have texts that break a rule, as authorities issue them: signed, and otherwise in order."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from signroom.formats.certificate import key_octets, load_certificate, signed_octets, subject_octets
from tests.trust.certificates_by_hand import SEQUENCE, der

_UTF8, _PRINTABLE = b"\x0c", b"\x13"
_DAY = timedelta(days=1)


@cache
def key() -> rsa.RSAPrivateKey:
    """Of all of them."""
    return rsa.generate_private_key(65537, 2048)


@cache
def issued(common_name: str, company: str, authority: str, now: datetime, *, is_ca: bool, responder: str = "") -> bytes:
    """A certificate in which all texts of its names are PrintableStrings, whatever is in them."""
    subject, issuer = (_name(one, company) for one in (common_name, authority))
    usage = dict.fromkeys(("key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False)
    usage |= {"digital_signature": not is_ca, "content_commitment": not is_ca, "decipher_only": False}
    made = (
        x509.CertificateBuilder(issuer, subject, key().public_key(), 7, now - _DAY, now + _DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=is_ca, crl_sign=is_ca), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DirectoryName(subject)]), critical=False)
    )
    if responder:
        address = x509.UniformResourceIdentifier(responder)
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, address)
        made = made.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    signed = made.sign(key(), hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return _with_printable(signed, common_name, company, authority)


def answer(certificate: bytes, authority: bytes, company: str, now: datetime) -> bytes:
    """What the authority says of a certificate over OCSP: it is good. Its own certificate comes along."""
    name, public = (hashlib.sha256(octets(authority)).digest() for octets in (subject_octets, key_octets))
    made = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            name,
            public,
            load_certificate(certificate).serial_number,
            hashes.SHA256(),
            ocsp.OCSPCertStatus.GOOD,
            now,
            now + _DAY,
            None,
            None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, load_certificate(authority))
        .sign(key(), hashes.SHA256())
    )
    signed = _printable(made.tbs_response_bytes, company)
    algorithm = bytes.fromhex("300d06092a864886f70d01010b0500")
    value = key().sign(signed, padding.PKCS1v15(), hashes.SHA256())
    along = der(0xA0, der(SEQUENCE, authority))
    basic = der(SEQUENCE, signed, algorithm, der(3, b"\0" + value), along)
    kind = bytes.fromhex("06092b0601050507300101")
    return der(SEQUENCE, b"\x0a\x01\0", der(0xA0, der(SEQUENCE, kind, der(4, basic))))


def revocation_list(authority: str, company: str, now: datetime, serial_number: int) -> bytes:
    """Of the authority of that name: it has revoked one certificate."""
    entry = x509.RevokedCertificateBuilder(serial_number, now - _DAY).build()
    made = x509.CertificateRevocationListBuilder(_name(authority, company), now - _DAY, now + _DAY)
    signed = made.add_revoked_certificate(entry).sign(key(), hashes.SHA256())
    return _with_printable(signed.public_bytes(serialization.Encoding.DER), authority, company)


def _with_printable(made: bytes, *texts: str) -> bytes:
    signed = signed_octets(made)
    signed = _printable(signed, *texts)
    algorithm = bytes.fromhex("300d06092a864886f70d01010b0500")
    value = key().sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return der(SEQUENCE, signed, algorithm, der(3, b"\0" + value))


def _printable(signed: bytes, *texts: str) -> bytes:
    for text in {one.encode() for one in texts}:
        signed = signed.replace(_UTF8 + bytes((len(text),)) + text, _PRINTABLE + bytes((len(text),)) + text)
    return signed


def _name(common_name: str, company: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, company), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(*part) for part in parts])
