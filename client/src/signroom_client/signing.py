"""Signing with a key that this program holds. Needs `cryptography`: ``pip install "signroom-client[sign]"``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from signroom_client.errors import UnexpectedAnswerError
from signroom_client.models import Digest, PreparedSignature
from signroom_client.words import DigestAlgorithm

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

AnyCertificate = "x509.Certificate | bytes"
"""A certificate object, or DER or PEM."""
PrivateKey = "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey"


def certificate_der(certificate: x509.Certificate | bytes) -> bytes:
    """Raises: ValueError for PEM that has no certificate."""
    if isinstance(certificate, bytes) and not certificate.lstrip().startswith(b"-----BEGIN"):
        return certificate
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    found = x509.load_pem_x509_certificate(certificate) if isinstance(certificate, bytes) else certificate
    return found.public_bytes(Encoding.DER)


def signature_of(prepared: PreparedSignature, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """What `key` makes of a preparation. Raises: UnexpectedAnswerError when digest and bytes do not belong together."""
    if prepared.to_sign_hash is None:
        raise UnexpectedAnswerError("The service prepared nothing to be signed.")
    to_sign = prepared.to_sign
    if to_sign is not None and _digest(to_sign.digest_algorithm, to_sign.data) != prepared.to_sign_hash.value:
        raise UnexpectedAnswerError("The bytes to be signed do not have the digest that came with them.")
    return sign_digest(prepared.to_sign_hash, key)


def sign_digest(digest: Digest, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """RSA (PKCS #1 v1.5) or ECDSA over `digest`. Raises: TypeError for another key, ValueError for a weak digest."""
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    algorithm = Prehashed(_hash(digest.algorithm))
    match key:
        case rsa.RSAPrivateKey():
            return key.sign(digest.value, padding.PKCS1v15(), algorithm)
        case ec.EllipticCurvePrivateKey():
            return key.sign(digest.value, ec.ECDSA(algorithm))
    raise TypeError("The key is neither RSA nor on an elliptic curve.")


def _hash(algorithm: DigestAlgorithm) -> hashes.HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    known = {
        DigestAlgorithm.SHA256: hashes.SHA256(),
        DigestAlgorithm.SHA384: hashes.SHA384(),
        DigestAlgorithm.SHA512: hashes.SHA512(),
    }
    if algorithm not in known:
        raise ValueError(f"{algorithm.value} is not signed here.")
    return known[algorithm]


def _digest(algorithm: DigestAlgorithm, data: bytes) -> bytes:
    if algorithm not in {DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}:
        raise ValueError(f"{algorithm.value} is not signed here.")
    return hashlib.new(algorithm.value, data).digest()
