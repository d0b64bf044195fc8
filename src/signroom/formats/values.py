"""Signature values, checked with the certificate before anything is done with them (RFC 5652, 5.6).

It catches what goes wrong with keys elsewhere: a hash that was hashed again, hex for base64, P1363 for DER, the
value of another document, a key that does not belong to the certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from signroom.domain.errors import SignatureRejected
from signroom.domain.signature import CheckedValue, ClaimedValue, DigestAlgorithm
from signroom.formats.certificate import load_certificate

_HASHES: dict[DigestAlgorithm, hashes.HashAlgorithm] = {
    DigestAlgorithm.SHA256: hashes.SHA256(),
    DigestAlgorithm.SHA384: hashes.SHA384(),
    DigestAlgorithm.SHA512: hashes.SHA512(),
}
_RSA_BITS = (2048, 4096)
_FEW = 4
_USUAL_BYTES = 16 << 10
"""Of a certificate, and of the bytes that a key signs: attributes of CMS, or the SignedInfo of XMLDSIG."""
_USUAL_EXPONENT_BITS = 32
"""65537 has 17. OpenSSL takes exponents as long as a modulus of 3072 bits: such a value costs a hundred usual ones."""
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def check_values(values: Sequence[ClaimedValue]) -> tuple[CheckedValue, ...]:
    """Verify each value over its bytes with its certificate. Raises: SignatureRejected."""
    return tuple(_check(claimed) for claimed in values)


def check_few(values: Sequence[ClaimedValue]) -> tuple[CheckedValue, ...] | None:
    """`check_values` where it takes less than three milliseconds for sure, or None. Raises: SignatureRejected."""
    if len(values) > _FEW or not all(_is_usual(claimed) for claimed in values):
        return None
    return check_values(values)


def _is_usual(claimed: ClaimedValue) -> bool:
    """Raises: SignatureRejected."""
    if max(len(claimed.certificate), len(claimed.to_sign)) > _USUAL_BYTES:
        return False
    key = _key_of(claimed)
    return not isinstance(key, rsa.RSAPublicKey) or key.public_numbers().e.bit_length() <= _USUAL_EXPONENT_BITS


def _check(claimed: ClaimedValue) -> CheckedValue:
    algorithm = _HASHES[claimed.digest_algorithm]
    key = _key_of(claimed)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(claimed.value, claimed.to_sign, padding.PKCS1v15(), algorithm)
            return CheckedValue(claimed.value)
        der = _as_der(claimed.value, key)
        key.verify(der, claimed.to_sign, ec.ECDSA(algorithm))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise SignatureRejected from error
    return CheckedValue(der)


def _key_of(claimed: ClaimedValue) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """Raises: SignatureRejected."""
    try:
        return _public_key(claimed.certificate)
    except (UnsupportedAlgorithm, ValueError) as error:
        raise SignatureRejected from error


def _as_der(value: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """WebCrypto gives r||s (IEEE P1363). Canonical DER out, whichever came in. Raises: ValueError."""
    width = (key.curve.key_size + 7) // 8
    if len(value) == 2 * width:
        return encode_dss_signature(int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big"))
    return encode_dss_signature(*decode_dss_signature(value))


@lru_cache(maxsize=16)
def _public_key(certificate: bytes) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    match load_certificate(certificate).public_key():
        case rsa.RSAPublicKey() as key if _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1]:
            return key
        case ec.EllipticCurvePublicKey() as key if isinstance(key.curve, _CURVES):
            return key
        case _:
            raise SignatureRejected("The certificate's key is of a kind that is not supported.")
