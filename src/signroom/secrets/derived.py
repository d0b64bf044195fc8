"""Keys that every machine of an installation has and none stores: derived from its secret (HKDF, RFC 5869)."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (FIPS 186-5; SEC 2, 2.4.2)."""


def derive_p256(secret: bytes, purpose: str) -> ec.EllipticCurvePrivateKey:
    """The same key for the same `secret` and `purpose`."""
    # Eight bytes more than the order, so that no value is likelier than another (FIPS 186-5, A.2.1).
    octets = HKDF(hashes.SHA256(), 40, salt=None, info=purpose.encode()).derive(secret)
    return ec.derive_private_key(int.from_bytes(octets, "big") % (_ORDER - 1) + 1, ec.SECP256R1())
