"""Check the CMS object of a signature that we have just written, with code that shares nothing with what wrote it.

We write one form (``cms/signed_data``), and the classes below describe that form and no other: content, revocation
lists or a field more are refused, and of unsigned attributes all but the one timestamp that was to be put in.
cryptography's reader takes DER only, sets in order included.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import ObjectIdentifier

from signroom.domain.errors import VerificationFailed
from signroom.domain.signature import DigestAlgorithm, Prepared
from signroom.formats.pdf.tokens import require_timestamp

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_DATA = "1.2.840.113549.1.7.1"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_SIGNATURE_TIMESTAMP = "1.2.840.113549.1.9.16.2.14"
_POLICY = "1.2.840.113549.1.9.16.2.15"
_ATTRIBUTES = (_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_CERTIFICATE_V2)


@dataclass(frozen=True, slots=True)
class _Names:
    """How the algorithms of a signature are called."""

    digest: str
    with_rsa: str
    with_ecdsa: str
    hash: hashes.HashAlgorithm


_NAMES = {
    DigestAlgorithm.SHA256: _Names(
        "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2", hashes.SHA256()
    ),
    DigestAlgorithm.SHA384: _Names(
        "2.16.840.1.101.3.4.2.2", "1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3", hashes.SHA384()
    ),
    DigestAlgorithm.SHA512: _Names(
        "2.16.840.1.101.3.4.2.3", "1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4", hashes.SHA512()
    ),
}


@asn1.sequence
class _Algorithm:
    name: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Attribute:
    name: ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class _IssuerAndSerialNumber:
    issuer: asn1.TLV
    serial_number: asn1.TLV


@asn1.sequence
class _SignerInfo:
    version: int
    signer: _IssuerAndSerialNumber
    digest_algorithm: _Algorithm
    attributes: Annotated[asn1.SetOf[_Attribute], asn1.Implicit(0)]
    signature_algorithm: _Algorithm
    value: bytes
    unsigned: Annotated[asn1.SetOf[_Attribute] | None, asn1.Implicit(1)]


@asn1.sequence
class _ContentElsewhere:
    kind: ObjectIdentifier


@asn1.sequence
class _SignedData:
    version: int
    digest_algorithms: asn1.SetOf[_Algorithm]
    content: _ContentElsewhere
    certificates: Annotated[asn1.SetOf[asn1.TLV], asn1.Implicit(0)]
    signers: asn1.SetOf[_SignerInfo]


@asn1.sequence
class _ContentInfo:
    kind: ObjectIdentifier
    signed: Annotated[_SignedData, asn1.Explicit(0)]


@asn1.sequence
class _IssuerSerial:
    issuer: list[Annotated[asn1.TLV, asn1.Explicit(4)]]
    """GeneralNames with directory names only."""
    serial_number: asn1.TLV


@asn1.sequence
class _CertificateIdentifier:
    """ESSCertIDv2 with its default digest, SHA-256 (RFC 5035, 4)."""

    digest: bytes
    issuer_serial: _IssuerSerial


@asn1.sequence
class _SigningCertificate:
    certificates: list[_CertificateIdentifier]


@asn1.sequence
class _CertificateBody:
    """TBSCertificate (RFC 5280, 4.1)."""

    version: Annotated[int | None, asn1.Explicit(0)]
    serial_number: asn1.TLV
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: asn1.TLV
    subject: asn1.TLV
    public_key: asn1.TLV
    issuer_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]


@asn1.sequence
class _Certificate:
    body: _CertificateBody
    signature_algorithm: asn1.TLV
    signature: asn1.BitString


def require_own_signature(contents: bytes, digest: bytes, prepared: Prepared, timestamp: bytes | None = None) -> None:
    """Check the signature in a file that was just written (RFC 5652, 5; RFC 5035, 3; EN 319 142-1, 6.3).

    Args:
        contents: the octets of /Contents as they are in the file, padding included.
        digest: of the file's byte range, by the digest algorithm of `prepared`.
        prepared: what was to be signed, and with which certificates.
        timestamp: the token that was to be put in; None: there must be none.

    Raises: VerificationFailed with what is wrong.
    """
    try:
        signed = _read(contents)
        certificate = asn1.decode_der(_Certificate, prepared.chain.certificate).body
        (signer,) = _require_frame(signed)
        _require_certificates(signed, prepared)
        _require_signer(signer.signer, certificate, "The signer's identifier names another certificate.")
        _require_attributes(signer, certificate, digest, prepared)
        _require_algorithms(signed, signer, prepared)
        _require_value(signer, certificate, prepared)
        _require_timestamp(signer, timestamp)
    except ValueError as error:
        raise VerificationFailed(f"The signature is not in the form that was to be written: {error}") from error


def _read(contents: bytes) -> _SignedData:
    """Raises: VerificationFailed, ValueError for what is not DER or has another form."""
    end = _end(contents)
    der, rest = contents[:end], contents[end:]
    _require(not rest.strip(b"\0"), "There is something other than zeros behind the signature.")
    read = asn1.decode_der(_ContentInfo, der)
    _require(asn1.encode_der(read) == der, "The signature is not DER.")
    _require(read.kind.dotted_string == _SIGNED_DATA, "It is no SignedData.")
    return read.signed


def _end(contents: bytes) -> int:
    """Where the first value ends (X.690, 8.1.3). Raises: ValueError."""
    if len(contents) < 2:
        raise ValueError("it is empty")
    first = contents[1]
    more = first & 0x7F if first & 0x80 else 0
    end = 2 + more + (int.from_bytes(contents[2 : 2 + more], "big") if more else first)
    if end > len(contents):
        raise ValueError("it is cut off")
    return end


def _require_frame(signed: _SignedData) -> list[_SignerInfo]:
    """Raises: VerificationFailed."""
    signers = signed.signers.as_list()
    _require(len(signers) == 1, "There is not exactly one signer.")
    _require((signed.version, signers[0].version) == (1, 1), "A version is not 1.")
    _require(signed.content.kind.dotted_string == _DATA, "The content type is not data.")
    return signers


def _require_certificates(signed: _SignedData, prepared: Prepared) -> None:
    """Raises: VerificationFailed."""
    embedded = [_octets(one) for one in signed.certificates.as_list()]
    wanted = {prepared.chain.certificate, *prepared.chain.issuers}
    _require(prepared.chain.certificate in embedded, "The signer's certificate is missing.")
    _require(wanted <= set(embedded), "The certificate of an issuer is missing.")
    _require(len(embedded) == len(wanted), "There is a certificate that does not belong to the chain, or one twice.")


def _require_signer(
    named: _IssuerAndSerialNumber | _CertificateIdentifier, certificate: _CertificateBody, reason: str
) -> None:
    """Raises: VerificationFailed with `reason`."""
    if isinstance(named, _CertificateIdentifier):
        issuers, serial_number = named.issuer_serial.issuer, named.issuer_serial.serial_number
    else:
        issuers, serial_number = [named.issuer], named.serial_number
    _require([_octets(one) for one in issuers] == [_octets(certificate.issuer)], reason)
    _require(_octets(serial_number) == _octets(certificate.serial_number), reason)


def _require_attributes(signer: _SignerInfo, certificate: _CertificateBody, digest: bytes, prepared: Prepared) -> None:
    """Raises: VerificationFailed, ValueError."""
    attributes = signer.attributes.as_list()
    names = sorted(attribute.name.dotted_string for attribute in attributes)
    _require(len(set(names)) == len(names), "A signed attribute is there twice.")
    # The policy, where one is named, is in the octets that were prepared, which the value is about.
    without = sorted(set(names) - {_POLICY})
    _require(without == sorted(_ATTRIBUTES), "The signed attributes are not the three that belong there.")
    values = {attribute.name.dotted_string: attribute.values.as_list() for attribute in attributes}
    _require(all(len(found) == 1 for found in values.values()), "A signed attribute has not exactly one value.")
    kind = values[_CONTENT_TYPE][0].parse(ObjectIdentifier)
    _require(kind.dotted_string == _DATA, "The signed content type is not data.")
    _require(values[_MESSAGE_DIGEST][0].parse(bytes) == digest, "The message digest is not that of the file.")
    _require(digest == prepared.document_digest, "The file's digest is not the one that was prepared.")
    named = values[_SIGNING_CERTIFICATE_V2][0].parse(_SigningCertificate).certificates
    own = hashlib.sha256(prepared.chain.certificate).digest()
    reason = "The signed attributes name another certificate."
    _require([one.digest for one in named] == [own], reason)
    _require_signer(named[0], certificate, reason)
    same = asn1.encode_der(signer.attributes) == prepared.to_sign
    _require(same, "The signed attributes are not those that were prepared.")


def _require_algorithms(signed: _SignedData, signer: _SignerInfo, prepared: Prepared) -> None:
    """Raises: VerificationFailed."""
    wanted = [_NAMES[prepared.digest_algorithm].digest]
    named = [one.name.dotted_string for one in signed.digest_algorithms.as_list()]
    _require(named == wanted, "The digest algorithms are not the one that was prepared.")
    own = signer.digest_algorithm.name.dotted_string
    _require([own] == wanted, "The signer's digest algorithm is not the one that was prepared.")


def _require_value(signer: _SignerInfo, certificate: _CertificateBody, prepared: Prepared) -> None:
    """Raises: VerificationFailed, ValueError."""
    names = _NAMES[prepared.digest_algorithm]
    claimed = signer.signature_algorithm.name.dotted_string
    attributes = asn1.encode_der(signer.attributes)
    try:
        key = load_der_public_key(_octets(certificate.public_key))
        if isinstance(key, rsa.RSAPublicKey):
            _require(claimed == names.with_rsa, "The signature algorithm does not fit the key.")
            key.verify(signer.value, attributes, padding.PKCS1v15(), names.hash)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            _require(claimed == names.with_ecdsa, "The signature algorithm does not fit the key.")
            key.verify(signer.value, attributes, ec.ECDSA(names.hash))
        else:
            raise VerificationFailed("The key is of a kind that is not supported.")
    except (InvalidSignature, UnsupportedAlgorithm) as error:
        raise VerificationFailed("The signature value does not fit the certificate's key.") from error


def _require_timestamp(signer: _SignerInfo, timestamp: bytes | None) -> None:
    """EN 319 122-1, 5.3. Raises: VerificationFailed."""
    attributes = [] if signer.unsigned is None else signer.unsigned.as_list()
    found = [(one.name.dotted_string, [_octets(value) for value in one.values.as_list()]) for one in attributes]
    wanted = [] if timestamp is None else [(_SIGNATURE_TIMESTAMP, [timestamp])]
    _require(found == wanted, "The attributes that are not signed are not those that were to be there.")
    if timestamp is not None:
        require_timestamp(timestamp, signer.value)


def _octets(value: asn1.TLV) -> bytes:
    """The whole value, identifier and length included."""
    return asn1.encode_der(value)


def _require(condition: bool, reason: str) -> None:
    """Raises: VerificationFailed."""
    if not condition:
        raise VerificationFailed(reason)
