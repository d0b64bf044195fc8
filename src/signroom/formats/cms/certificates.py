"""The parts of a certificate that a CMS object repeats, as the very bytes that are in the certificate.

A library that reads a name and writes it again may change it: T61 text, an odd order, a serial number with a zero too
many. A verifier that compares bytes then looks for a certificate that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from signroom.domain.errors import BadCertificate, CertificateKeyNotSupported
from signroom.formats.certificate import load_certificate
from signroom.formats.malformed import MALFORMED

_VERSION = 0xA0
_LONG_TAG = 0x1F
_WITHOUT_NAMES = ("version", "serial_number", "signature", "validity", "subject_public_key_info", "extensions")
_SIGNATURE = ("signature_algorithm", "signature_value")
_RSA = bytes.fromhex("06092a864886f70d010101")
_EC = bytes.fromhex("06072a8648ce3d0201")


@dataclass(frozen=True, slots=True)
class CertificateParts:
    """Each part is a whole DER value of the certificate: identifier, length and content."""

    serial_number: bytes
    issuer: bytes
    public_key: bytes
    """SubjectPublicKeyInfo (RFC 5280, 4.1.2.7)."""


@dataclass(frozen=True, slots=True)
class KeyFamily:
    """What a CMS object has to know of the signer's key."""

    is_rsa: bool
    """False: ECDSA."""
    longest_value: int
    """Bytes of the longest signature value that the key can make."""


@lru_cache(maxsize=64)
def read_parts(certificate: bytes) -> CertificateParts:
    """Check that `certificate` is one certificate and nothing else, and cut it up (RFC 5280, 4.1).

    Raises: BadCertificate.
    """
    try:
        _require_certificate(certificate)
        signed, _, _ = members(certificate)
        parts = members(signed)
        first = 1 if parts[0][0] == _VERSION else 0
        return CertificateParts(parts[first], parts[first + 2], parts[first + 5])
    except MALFORMED as error:
        raise BadCertificate from error


@lru_cache(maxsize=64)
def read_key_family(certificate: bytes) -> KeyFamily:
    """The family of the certificate's key. Raises: BadCertificate, CertificateKeyNotSupported."""
    public_key = read_parts(certificate).public_key
    try:
        kind = members(members(public_key)[0])[0]
        key = load_der_public_key(public_key)
    except UnsupportedAlgorithm as error:
        raise CertificateKeyNotSupported from error
    except MALFORMED as error:
        raise BadCertificate from error
    # The identifier counts too: a key that is for RSASSA-PSS only is read as an RSA key.
    if kind == _RSA and isinstance(key, rsa.RSAPublicKey):
        return KeyFamily(is_rsa=True, longest_value=(key.key_size + 7) // 8)
    if kind == _EC and isinstance(key, ec.EllipticCurvePublicKey):
        return KeyFamily(is_rsa=False, longest_value=_longest_ecdsa(key.curve.key_size))
    raise CertificateKeyNotSupported


def members(value: bytes) -> list[bytes]:
    """The values inside a constructed one that is all of `value`. Raises: ValueError, IndexError."""
    start, end = _content(value, 0)
    if end != len(value):
        raise ValueError("There is something behind it.")
    parts = []
    while start < end:
        _, after = _content(value, start)
        parts.append(value[start:after])
        start = after
    if start != end:
        raise ValueError("A part is longer than the whole.")
    return parts


def _content(value: bytes, start: int) -> tuple[int, int]:
    """Where the content of the value at `start` begins and ends (X.690, 8.1.3). Raises: ValueError, IndexError."""
    if value[start] & _LONG_TAG == _LONG_TAG:
        raise ValueError("It has an identifier of many octets.")
    length, begin = value[start + 1], start + 2
    if length >= 0x80:
        octets = value[begin : begin + length - 0x80]
        if not octets:
            raise ValueError("It has no definite length.")
        length, begin = int.from_bytes(octets, "big"), begin + len(octets)
    return begin, begin + length


def _require_certificate(der: bytes) -> None:
    """Read `der` to its end. Raises: one of MALFORMED.

    The fast reader refuses some certificates that authorities have issued: FALSE written out, '&' in a PrintableString.
    So the slow one has the last word.
    """
    try:
        _ = load_certificate(der).extensions
    except (ValueError, Warning, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType):
        _read_slowly(der)


def _read_slowly(der: bytes) -> None:
    """All of it, since asn1crypto is lazy, but for the texts of names: they may be in any character set."""
    from asn1crypto.x509 import Certificate

    certificate = Certificate.load(der, strict=True)
    signed = certificate["tbs_certificate"]
    for part in (*(signed[name] for name in _WITHOUT_NAMES), *(certificate[name] for name in _SIGNATURE)):
        _ = part.native
    for name in (signed["issuer"], signed["subject"]):
        _ = [members(attribute) for relative in members(name.dump()) for attribute in members(relative)]


def _longest_ecdsa(bits: int) -> int:
    """Length of SEQUENCE { r INTEGER, s INTEGER } where both are as long as the order allows (RFC 3279, 2.2.3)."""
    number = bits // 8 + 1  # an INTEGER has a sign
    content = 2 * (2 + number)
    return content + (2 if content < 0x80 else 3)
