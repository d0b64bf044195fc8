"""CMS objects (RFC 5652) of strangers, put together piece by piece: old, rare and odd algorithms."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from tests.pki import authority

SHA1 = "1.3.14.3.2.26"
SHA256 = "2.16.840.1.101.3.4.2.1"
SHA512 = "2.16.840.1.101.3.4.2.3"
SHA3_256 = "2.16.840.1.101.3.4.2.8"
SHAKE128 = "2.16.840.1.101.3.4.2.11"
RSA_SHA1 = "1.2.840.113549.1.1.5"
RSA_SHA256 = "1.2.840.113549.1.1.11"
RSA_SHA3_256 = "2.16.840.1.101.3.4.3.14"
RSA_PSS_SHAKE128 = "1.3.6.1.5.5.7.6.30"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
ECDSA_SHAKE128 = "1.3.6.1.5.5.7.6.32"
ECDSA_PLAIN_SHA256 = "0.4.0.127.0.7.1.1.4.1.3"
ED25519 = "1.3.101.112"
NULL = b"\x05\x00"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Digest = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Kind:
    """One way to sign: what it is called, how it digests, how it signs the attributes."""

    digest_oid: str
    digest: Digest
    signature_oid: str
    sign: Callable[[Key, bytes], bytes]
    key: str
    """Which key: of `authority.leaf`, or one of `_own_key`."""
    with_null: bool = True
    """The algorithms have NULL as their parameters."""


def _sha(name: str) -> Digest:
    return lambda data: hashlib.new(name, data).digest()


def _rsa(algorithm: hashes.HashAlgorithm) -> Callable[[Key, bytes], bytes]:
    def sign(key: Key, data: bytes) -> bytes:
        assert isinstance(key, rsa.RSAPrivateKey)
        return key.sign(data, padding.PKCS1v15(), algorithm)

    return sign


def _ecdsa(digest: Digest) -> Callable[[Key, bytes], bytes]:
    def sign(key: Key, data: bytes) -> bytes:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(digest(data), ec.ECDSA(Prehashed(hashes.SHA256())))

    return sign


def _plain_ecdsa(key: Key, data: bytes) -> bytes:
    """Two numbers of fixed width (BSI TR-03111, 5.2.1)."""
    r, s = decode_dss_signature(_ecdsa(_sha("sha256"))(key, data))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _ed25519(key: Key, data: bytes) -> bytes:
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key.sign(data)


def _pss_shake128(key: Key, data: bytes) -> bytes:
    """EMSA-PSS (RFC 8017, 9.1.1) with SHAKE128 as digest and as mask (RFC 8702, 3.2.1)."""
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    n, d = numbers.public_numbers.n, numbers.d
    length, salt = (n.bit_length() + 6) // 8, secrets.token_bytes(32)
    digest = hashlib.shake_128(bytes(8) + _shake128(data) + salt).digest(32)
    block = bytearray(bytes(length - len(salt) - 34) + b"\x01" + salt)
    mask = hashlib.shake_128(digest).digest(len(block))
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=True))
    masked[0] &= 0xFF >> (8 * length - (n.bit_length() - 1))
    message = int.from_bytes(bytes(masked) + digest + b"\xbc", "big")
    return pow(message, d, n).to_bytes((n.bit_length() + 7) // 8, "big")


def _shake128(data: bytes) -> bytes:
    return hashlib.shake_128(data).digest(32)


ORDINARY = Kind(SHA256, _sha("sha256"), RSA_SHA256, _rsa(hashes.SHA256()), "rsa2048")
SHA1_WITH_RSA = Kind(SHA1, _sha("sha1"), RSA_SHA1, _rsa(hashes.SHA1()), "rsa2048")
P256 = Kind(SHA256, _sha("sha256"), ECDSA_SHA256, _ecdsa(_sha("sha256")), "p256", with_null=False)
RARE = {
    "plain-ecdsa": Kind(SHA256, _sha("sha256"), ECDSA_PLAIN_SHA256, _plain_ecdsa, "p256", with_null=False),
    "sha3": Kind(SHA3_256, _sha("sha3_256"), RSA_SHA3_256, _rsa(hashes.SHA3_256()), "rsa2048"),
    "shake-pss": Kind(SHAKE128, _shake128, RSA_PSS_SHAKE128, _pss_shake128, "rsa2048", with_null=False),
    "shake-ecdsa": Kind(SHAKE128, _shake128, ECDSA_SHAKE128, _ecdsa(_shake128), "p256", with_null=False),
    "ed25519": Kind(SHA512, _sha("sha512"), ED25519, _ed25519, "ed25519", with_null=False),
    "brainpool": Kind(SHA256, _sha("sha256"), ECDSA_SHA256, _ecdsa(_sha("sha256")), "brainpool", with_null=False),
    "rsa-6143": Kind(SHA256, _sha("sha256"), RSA_SHA256, _rsa(hashes.SHA256()), "rsa6143"),
}


def container(
    data: bytes,
    kinds: Sequence[Kind] = (ORDINARY,),
    *,
    encapsulated: bytes | None = None,
    signing_time: bool = False,
) -> bytes:
    """A SignedData over `data` with one signer for each of `kinds`.

    Args:
        encapsulated: the content that goes in; None: the signature is detached.
        signing_time: with the signed attribute signing-time, as older programs write it.
    """
    signers, certificates = [], [asn1_x509.Certificate.load(authority.root_der())]
    for kind in kinds:
        key, certificate = _own_key(kind.key) or _of_authority(kind.key)
        certificates.append(certificate)
        signers.append(_signer(kind, key, certificate, data, signing_time=signing_time))
    inner: dict[str, object] = {"content_type": "data"}
    if encapsulated is not None:
        inner["content"] = core.OctetString(encapsulated)
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [_digest_algorithm(kind) for kind in dict.fromkeys(kinds)],
            "encap_content_info": inner,
            "certificates": [cms.CertificateChoices("certificate", c) for c in certificates],
            "signer_infos": signers,
        }
    )
    der: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return der


def _signer(
    kind: Kind, key: Key, certificate: asn1_x509.Certificate, data: bytes, *, signing_time: bool
) -> cms.SignerInfo:
    attributes = [
        {"type": "content_type", "values": ["data"]},
        {"type": "message_digest", "values": [kind.digest(data)]},
        {"type": "1.2.840.113549.1.9.16.2.47", "values": [_binding(certificate)]},
    ]
    if signing_time:
        time = cms.Time({"utc_time": datetime(2024, 1, 5, 12, tzinfo=UTC)})
        attributes.append({"type": "signing_time", "values": [time]})
    signed = cms.CMSAttributes(attributes)
    to_sign = signed.dump()
    return cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
            ),
            "digest_algorithm": _digest_algorithm(kind),
            "signed_attrs": signed,
            "signature_algorithm": _algorithm(algos.SignedDigestAlgorithm, kind.signature_oid, kind),
            "signature": kind.sign(key, to_sign),
        }
    )


def _binding(certificate: asn1_x509.Certificate) -> tsp.SigningCertificateV2:
    """Signing-certificate-v2 with SHA-256, which is its default and so is not written (RFC 5035, 4)."""
    digest = hashlib.sha256(certificate.dump()).digest()
    found: tsp.SigningCertificateV2 = tsp.SigningCertificateV2.load(b"\x30\x26\x30\x24\x30\x22\x04\x20" + digest)
    return found


def _digest_algorithm(kind: Kind) -> algos.DigestAlgorithm:
    return _algorithm(algos.DigestAlgorithm, kind.digest_oid, kind)


def _algorithm(spec: type, oid: str, kind: Kind) -> core.Sequence:
    """An AlgorithmIdentifier whatever asn1crypto knows of it."""
    parameters = NULL if kind.with_null else b""
    inner = core.ObjectIdentifier(oid).dump() + parameters
    found: core.Sequence = spec.load(b"\x30" + bytes([len(inner)]) + inner)  # type: ignore[attr-defined]
    return found


def sha1_pkcs7(data: bytes) -> bytes:
    """adbe.pkcs7.sha1: the SHA-1 of the file is the content of the CMS object (ISO 32000-1, 12.8.3.3)."""
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return container(digest, (SHA1_WITH_RSA,), encapsulated=digest, signing_time=True)


def rsa_sha1(data: bytes) -> bytes:
    """adbe.x509.rsa_sha1: PKCS#1 in an OCTET STRING (ISO 32000-1, 12.8.3.2); the certificate is in /Cert."""
    key = authority.leaf("rsa2048").signing_key
    assert isinstance(key, rsa.RSAPrivateKey)
    der: bytes = core.OctetString(key.sign(data, padding.PKCS1v15(), hashes.SHA1())).dump()
    return der


def timestamp(data: bytes) -> bytes:
    """A time stamp token over `data` (RFC 3161), of a toy authority."""
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.2.3.4",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": hashlib.sha256(data).digest(),
            },
            "serial_number": secrets.randbits(63),
            "gen_time": datetime(2024, 2, 1, 12, tzinfo=UTC),
        }
    )
    content = info.dump()
    key, certificate = _of_authority("rsa2048")
    assert isinstance(key, rsa.RSAPrivateKey)
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "message_digest", "values": [hashlib.sha256(content).digest()]},
            {"type": "1.2.840.113549.1.9.16.2.47", "values": [_binding(certificate)]},
        ]
    )
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
            ),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_rsa"},
            "signature": key.sign(attributes.dump(), padding.PKCS1v15(), hashes.SHA256()),
        }
    )
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
            "certificates": [cms.CertificateChoices("certificate", certificate)],
            "signer_infos": [signer],
        }
    )
    der: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return der


# -- keys that the authority does not have ----------------------------------------------------------


def _of_authority(name: str) -> tuple[Key, asn1_x509.Certificate]:
    leaf = authority.leaf(name)
    return leaf.key, asn1_x509.Certificate.load(leaf.certificate_der)


@cache
def _own_key(name: str) -> tuple[Key, asn1_x509.Certificate] | None:
    key: Key
    if name == "brainpool":
        key = ec.generate_private_key(ec.BrainpoolP256R1())
    elif name == "rsa6143":
        key = _rsa6143()
    else:
        return None
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Signer {name}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.root().certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=365))
        .sign(authority.root().signing_key, hashes.SHA256())
    )
    return key, asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _rsa6143() -> rsa.RSAPrivateKey:
    """A key of an odd length without a long search: its primes are known ones, and so it protects nothing.

    p is the 3072-bit prime of RFC 7919 (A.2), q is half of that of RFC 3526 (4): both are safe primes.
    """
    p = 2**3072 - 2**3008 + (_fixed_e(2942) + 2625351) * 2**64 - 1
    q = (2**3072 - 2**3008 - 1 + 2**64 * (_fixed_pi(2942) + 1690314)) // 2
    e = 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key(
        unsafe_skip_rsa_key_validation=True
    )


def _fixed_e(bits: int) -> int:
    """2^bits times e, rounded down."""
    total, term, n = 0, 1 << (bits + 64), 0
    while term:
        total, n = total + term, n + 1
        term //= n
    return total >> 64


def _fixed_pi(bits: int) -> int:
    """2^bits times pi, rounded down (Machin)."""

    def arctan(x: int) -> int:
        total, term, n, sign = 0, (1 << (bits + 64)) // x, 1, 1
        while term:
            total, term, n, sign = total + sign * (term // n), term // (x * x), n + 2, -sign
        return total

    return (16 * arctan(5) - 4 * arctan(239)) >> 64
