"""The CMS object of a new PAdES signature (RFC 5652; EN 319 142-1, 6.3), written as DER octet by octet.

There is one form only, so no library is needed: content-type, message-digest and signing-certificate-v2 are signed,
the signer is named by issuer and serial number, the content is elsewhere. Certificates go in as they came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from signroom.domain.signature import CertificateChain, DigestAlgorithm
from signroom.domain.signature_policy import SignaturePolicy
from signroom.formats.cms.certificates import CertificateParts, members, read_key_family, read_parts
from signroom.formats.cms.reading import SIGNED_DATA, header

_OCTETS, _SEQUENCE, _SET = 0x04, 0x30, 0x31
_CONTENT, _ATTRIBUTES, _CERTIFICATES, _DIRECTORY_NAME = 0xA0, 0xA0, 0xA0, 0xA4
_UNSIGNED = 0xA1
_OID, _IA5 = 0x06, 0x16
_VERSION_1 = bytes.fromhex("020101")
_NULL = bytes.fromhex("0500")
_DATA = bytes.fromhex("06092a864886f70d010701")
_CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE_V2 = bytes.fromhex("060b2a864886f70d010910022f")
_SIGNATURE_TIMESTAMP = bytes.fromhex("060b2a864886f70d010910020e")
"""id-aa-signatureTimeStampToken (RFC 5126, 6.1.1; EN 319 122-1, 5.3)."""
_POLICY = bytes.fromhex("060b2a864886f70d010910020f")
"""id-aa-ets-sigPolicyId (RFC 5126, 5.8.1; EN 319 122-1, 5.2.9)."""
_POLICY_URI = bytes.fromhex("060b2a864886f70d0109100501")
"""id-spq-ets-uri."""
_DIGESTS = {
    DigestAlgorithm.SHA256: bytes.fromhex("0609608648016503040201"),
    DigestAlgorithm.SHA384: bytes.fromhex("0609608648016503040202"),
    DigestAlgorithm.SHA512: bytes.fromhex("0609608648016503040203"),
}
"""RFC 5754, 2."""
_WITH_RSA = {
    DigestAlgorithm.SHA256: bytes.fromhex("06092a864886f70d01010b"),
    DigestAlgorithm.SHA384: bytes.fromhex("06092a864886f70d01010c"),
    DigestAlgorithm.SHA512: bytes.fromhex("06092a864886f70d01010d"),
}
"""RFC 5754, 3.2. NULL follows."""
_WITH_ECDSA = {
    DigestAlgorithm.SHA256: bytes.fromhex("06082a8648ce3d040302"),
    DigestAlgorithm.SHA384: bytes.fromhex("06082a8648ce3d040303"),
    DigestAlgorithm.SHA512: bytes.fromhex("06082a8648ce3d040304"),
}
"""RFC 5754, 3.3. Nothing follows."""


def signed_attributes(certificate: bytes, digest: bytes, policy: SignaturePolicy | None = None) -> bytes:
    """DER of the SET OF Attribute that the key signs (RFC 5652, 5.4 and 11.1-11.2; RFC 5035, 3).

    The time is not among them: EN 319 142-1, 6.3 forbids signing-time, it is /M of the signature dictionary.

    Args:
        certificate: the signer's, DER.
        digest: of the byte range.
        policy: that the signature names; None: none.
    Raises: BadCertificate.
    """
    parts = read_parts(certificate)
    # SHA-256 whatever the signature's digest is: the default of RFC 5035, 4, and DER leaves defaults out.
    certificate_digest = _tlv(_OCTETS, hashlib.sha256(certificate).digest())
    general_names = _tlv(_SEQUENCE, _tlv(_DIRECTORY_NAME, parts.issuer))
    issuer_serial = _tlv(_SEQUENCE, general_names, parts.serial_number)
    identifier = _tlv(_SEQUENCE, certificate_digest, issuer_serial)
    return _set_of(
        _SET,
        [
            _attribute(_CONTENT_TYPE, _DATA),
            _attribute(_MESSAGE_DIGEST, _tlv(_OCTETS, digest)),
            _attribute(_SIGNING_CERTIFICATE_V2, _tlv(_SEQUENCE, _tlv(_SEQUENCE, identifier))),
            *([] if policy is None else [_policy_attribute(policy)]),
        ],
    )


def with_policy(attributes: bytes, policy: SignaturePolicy | None) -> bytes:
    """`attributes`, DER of the SET, with the one that names the policy. None: as they are."""
    return attributes if policy is None else _set_of(_SET, [*members(attributes), _policy_attribute(policy)])


def _policy_attribute(policy: SignaturePolicy) -> bytes:
    """signature-policy-identifier (EN 319 122-1, 5.2.9): OID, digest, and where the policy can be read."""
    digest = _tlv(_SEQUENCE, _tlv(_SEQUENCE, _DIGESTS[policy.digest_algorithm]), _tlv(_OCTETS, policy.digest))
    place = _tlv(_SEQUENCE, _POLICY_URI, _tlv(_IA5, policy.uri.encode("ascii")))
    return _attribute(_POLICY, _tlv(_SEQUENCE, _oid(policy.oid), digest, _tlv(_SEQUENCE, place)))


def _oid(dotted: str) -> bytes:
    """X.690, 8.19."""
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray()
    for number in (first * 40 + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return _tlv(_OID, bytes(content))


def signed_data(
    chain: CertificateChain,
    to_sign: bytes,
    value: bytes,
    algorithm: DigestAlgorithm,
    timestamp: bytes | None = None,
) -> bytes:
    """DER of ContentInfo with a SignedData of one signer and without content (RFC 5652, 3 and 5.1-5.3).

    Args:
        chain: all its certificates are put in, each once.
        to_sign: what `signed_attributes` made.
        value: of the key over `to_sign`, as CMS wants it.
        algorithm: the one of `to_sign`.
        timestamp: a TimeStampToken about `value`, DER. It becomes the one attribute that is not signed.

    Raises: BadCertificate, CertificateKeyNotSupported.
    """
    for certificate in chain.issuers:
        read_parts(certificate)
    digest = _digest_identifier(algorithm)
    signer = _tlv(
        _SEQUENCE,
        _VERSION_1,
        _issuer_and_serial_number(read_parts(chain.certificate)),
        digest,
        bytes([_ATTRIBUTES]) + to_sign[1:],  # the tag of the field instead of SET's
        _signature_identifier(chain.certificate, algorithm),
        _tlv(_OCTETS, value),
        b"" if timestamp is None else _tlv(_UNSIGNED, _attribute(_SIGNATURE_TIMESTAMP, timestamp)),
    )
    content = _tlv(
        _SEQUENCE,
        _VERSION_1,
        _tlv(_SET, digest),
        _tlv(_SEQUENCE, _DATA),
        _set_of(_CERTIFICATES, {chain.certificate, *chain.issuers}),
        _tlv(_SET, signer),
    )
    return _tlv(_SEQUENCE, SIGNED_DATA, _tlv(_CONTENT, content))


def longest_signed_data(
    chain: CertificateChain, algorithm: DigestAlgorithm, timestamp_room: int = 0, policy: SignaturePolicy | None = None
) -> int:
    """Bytes that the CMS object may have. Only the value's length varies.

    Args:
        chain: of the signer.
        algorithm: the digest algorithm.
        timestamp_room: bytes of the longest token that may be put in. 0: none, and nothing is kept free for one.
        policy: that the signature names; None: none.

    Raises: BadCertificate, CertificateKeyNotSupported.
    """
    digest = bytes(hashlib.new(algorithm.value).digest_size)
    to_sign = signed_attributes(chain.certificate, digest, policy)
    value = bytes(read_key_family(chain.certificate).longest_value)
    return len(signed_data(chain, to_sign, value, algorithm, bytes(timestamp_room) if timestamp_room else None))


def with_signature_timestamp(container: bytes, token: bytes) -> bytes:
    """`container` with one attribute more that is not signed. Every other octet of it stays.

    Args:
        container: ContentInfo with a SignedData of one signer, in definite lengths.
        token: a TimeStampToken about the signer's value, DER.

    Raises: ValueError for anything else.
    """
    kind, wrapped = members(container)
    (content,) = members(wrapped)
    *before, signers = members(content)
    (signer,) = members(signers)
    parts = members(signer)
    _require_tags(kind == SIGNED_DATA, wrapped[0] == _CONTENT, signers[0] == _SET, content[0] == signer[0] == _SEQUENCE)
    kept = members(parts.pop()) if parts[-1][0] == _UNSIGNED else []
    unsigned = _set_of(_UNSIGNED, [*kept, _attribute(_SIGNATURE_TIMESTAMP, token)])
    signer = _tlv(_SEQUENCE, *parts, unsigned)
    return _tlv(_SEQUENCE, kind, _tlv(_CONTENT, _tlv(_SEQUENCE, *before, _tlv(_SET, signer))))


def _require_tags(*are_right: bool) -> None:
    if not all(are_right):
        raise ValueError("It is no SignedData.")


def _attribute(kind: bytes, value: bytes) -> bytes:
    """One attribute with one value (RFC 5652, 5.3)."""
    return _tlv(_SEQUENCE, kind, _tlv(_SET, value))


def _issuer_and_serial_number(parts: CertificateParts) -> bytes:
    """RFC 5652, 10.2.4."""
    return _tlv(_SEQUENCE, parts.issuer, parts.serial_number)


def _digest_identifier(algorithm: DigestAlgorithm) -> bytes:
    """AlgorithmIdentifier with NULL, which old verifiers want and all accept (RFC 5754, 2)."""
    return _tlv(_SEQUENCE, _DIGESTS[algorithm], _NULL)


def _signature_identifier(certificate: bytes, algorithm: DigestAlgorithm) -> bytes:
    """Raises: BadCertificate, CertificateKeyNotSupported."""
    if read_key_family(certificate).is_rsa:
        return _tlv(_SEQUENCE, _WITH_RSA[algorithm], _NULL)
    return _tlv(_SEQUENCE, _WITH_ECDSA[algorithm])


def _set_of(tag: int, members: Iterable[bytes]) -> bytes:
    """Members in the order of their octets (X.690, 11.6)."""
    return _tlv(tag, *sorted(members))


def _tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return header(tag, len(content)) + content
