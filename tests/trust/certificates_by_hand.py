"""Certificates whose odd parts are written byte by byte; signed with their own key, for reading only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

from tests.pki.authority import DAY, NOW

OCTETS, UTF8, PRINTABLE, T61, IA5, BMP = 4, 12, 19, 20, 22, 30
SEQUENCE, EXPLICIT = 0x30, 0xA0
SAN = ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string
POLICIES = ExtensionOID.CERTIFICATE_POLICIES.dotted_string
QC_STATEMENTS = "1.3.6.1.5.5.7.1.3"

OtherName = tuple[str, bytes]
"""OID and what stands inside [0] EXPLICIT."""


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (first * 40 + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | (arc & 0x7F))
        content += bytes(reversed(septets))
    return der(6, bytes(content))


def other(dotted: str, text: str | bytes, tag: int = OCTETS) -> OtherName:
    return dotted, der(tag, text if isinstance(text, bytes) else text.encode())


def alternatives(names: Sequence[OtherName], *more: bytes) -> bytes:
    """The value of a subjectAltName."""
    return der(SEQUENCE, *(der(EXPLICIT, oid(o), der(EXPLICIT, value)) for o, value in names), *more)


def statements(*oids: str) -> bytes:
    """The value of qcStatements, or of certificatePolicies: their beginnings are the same."""
    return der(SEQUENCE, *(der(SEQUENCE, oid(o)) for o in oids))


def certificate(
    *subject: tuple[x509.ObjectIdentifier, str],
    other_names: Sequence[OtherName] = (),
    policies: Sequence[str] = (),
    qc_statements: Sequence[str] = (),
    raw: Sequence[tuple[str, bytes]] = (),
    non_repudiation: bool = True,
    key_usage: bool = True,
) -> bytes:
    """`subject`: attributes; without any, the CN "Somebody". `raw`: extensions by OID, as they are."""
    attributes = subject or ((NameOID.COMMON_NAME, "Somebody"),)
    name = x509.Name([x509.NameAttribute(o, text) for o, text in attributes])
    extensions = list(raw)
    if other_names:
        extensions.append((SAN, alternatives(other_names)))
    if policies:
        extensions.append((POLICIES, statements(*policies)))
    if qc_statements:
        extensions.append((QC_STATEMENTS, statements(*qc_statements)))
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key().public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    if key_usage:
        builder = builder.add_extension(_usage(non_repudiation), critical=True)
    for dotted, value in extensions:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), value), critical=False
        )
    return builder.sign(_key(), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _usage(non_repudiation: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=non_repudiation,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
