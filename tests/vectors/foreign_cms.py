"""CMS objects as strangers' programs write them: every family of keys, every digest, old habits and faults."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from tests.pki import authority
from tests.pki.reissued import reissued
from tests.trust.certificates_by_hand import SEQUENCE, der, oid

OCTETS, SET, FIRST = 0x04, 0x31, 0xA0
NULL, VERSION = b"\x05\x00", b"\x02\x01\x01"
DATA, SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = (f"1.2.840.113549.1.9.{n}" for n in (3, 4, 5))
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
DIGESTS = {
    "md5": "1.2.840.113549.2.5",
    "ripemd160": "1.3.36.3.2.1",
    "sha1": "1.3.14.3.2.26",
    **{name: f"2.16.840.1.101.3.4.2.{n}" for n, name in enumerate(("sha256", "sha384", "sha512", "sha224"), 1)},
    **{name: f"2.16.840.1.101.3.4.2.{n}" for n, name in enumerate(("sha3_224", "sha3_256", "sha3_384", "sha3_512"), 7)},
    "shake128": "2.16.840.1.101.3.4.2.11",
    "shake256": "2.16.840.1.101.3.4.2.12",
}

Sign = Callable[[bytes], bytes]


def digest(name: str, octets: bytes) -> bytes:
    match name:
        case "shake128":
            return hashlib.shake_128(octets).digest(32)
        case "shake256":
            return hashlib.shake_256(octets).digest(64)
        case _:
            return hashlib.new(name, octets, usedforsecurity=False).digest()


def sequence(*parts: bytes) -> bytes:
    return der(SEQUENCE, *parts)


def attribute(kind: str, *values: bytes) -> bytes:
    return sequence(oid(kind), der(SET, *sorted(values)))


@dataclass(frozen=True)
class Signer:
    """A key, what it is called, and its certificate."""

    certificate: bytes
    algorithm: bytes
    """AlgorithmIdentifier of the signature."""
    sign: Sign
    digest: str = "sha256"


@dataclass(frozen=True)
class Object:
    """A SignedData about `content`. Each field but `content` and `signers` is an oddity."""

    content: bytes
    signers: Sequence[Signer]
    inside: bytes | None = None
    kind: str = DATA
    signed_kind: str | None = DATA
    attributes: bool = True
    more: Sequence[bytes] = ()
    unsorted: bool = False
    """Attributes are written as they come and signed in order."""
    without_certificates: bool = False
    named: bytes | None = None
    """signing-certificate-v2 names this certificate."""
    extra: Sequence[bytes] = field(default=())
    """Other certificates."""

    def made(self) -> bytes:
        inside = () if self.inside is None else (der(FIRST, der(OCTETS, self.inside)),)
        certificates = [] if self.without_certificates else [one.certificate for one in self.signers]
        signed = sequence(
            VERSION,
            der(SET, *(sequence(oid(DIGESTS.get(one.digest, one.digest)), NULL) for one in self.signers)),
            sequence(oid(self.kind), *inside),
            der(FIRST, *certificates, *self.extra),
            der(SET, *map(self._signer, self.signers)),
        )
        return sequence(oid(SIGNED_DATA), der(FIRST, signed))

    def _signer(self, signer: Signer) -> bytes:
        from asn1crypto.x509 import Certificate

        body = Certificate.load(signer.certificate)["tbs_certificate"]
        known = signer.digest in DIGESTS
        hashed = digest(signer.digest, self.content) if known else b"?"
        attributes = [attribute(MESSAGE_DIGEST, der(OCTETS, hashed)), *self.more]
        if self.signed_kind is not None:
            attributes.append(attribute(CONTENT_TYPE, oid(self.signed_kind)))
        if self.named is not None:
            named = sequence(der(OCTETS, hashlib.sha256(self.named).digest()))
            attributes.append(attribute(SIGNING_CERTIFICATE_V2, sequence(sequence(named))))
        ordered = sorted(attributes)
        to_sign = der(SET, *ordered) if self.attributes else self.content
        return sequence(
            VERSION,
            sequence(body["issuer"].dump(), body["serial_number"].dump()),
            sequence(oid(DIGESTS.get(signer.digest, signer.digest)), NULL),
            der(FIRST, *(ordered[::-1] if self.unsorted else ordered)) if self.attributes else b"",
            signer.algorithm,
            der(OCTETS, signer.sign(to_sign)),
        )


# -- signers ---------------------------------------------------------------------------------------


def certificate_of(public_key: Any) -> bytes:
    """With a number of its own. `public_key`: any that cryptography knows."""
    spki = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    number = b"\x01" + hashlib.sha256(spki).digest()[:8]
    return reissued(authority.leaf("p256").certificate_der, public_key=spki, serial=number)


def _plain(algorithm: str, *parameters: bytes) -> bytes:
    return sequence(oid(algorithm), *parameters)


_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3_256": hashes.SHA3_256(),
    "sha3_512": hashes.SHA3_512(),
}


@cache
def _rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def rsa_signer(name: str, algorithm: str = "1.2.840.113549.1.1.1", bits: int = 2048) -> Signer:
    key = _rsa(bits)
    return Signer(
        certificate_of(key.public_key()),
        _plain(algorithm, NULL),
        lambda octets: key.sign(digest(name, octets), padding.PKCS1v15(), Prehashed(_HASHES[name])),
        name,
    )


@cache
def _many_primes() -> tuple[int, int]:
    """Modulus of 6143 bits and its private exponent. Of many small primes: two large ones take seconds to find."""
    while True:
        keys = [rsa.generate_private_key(65537, 1024).private_numbers() for _ in range(6)]  # noqa: S505
        modulus = order = 1
        for key in keys:
            modulus, order = modulus * key.p * key.q, order * (key.p - 1) * (key.q - 1)
        if modulus.bit_length() == 6143:
            return modulus, pow(65537, -1, order)


def rsa_6143() -> Signer:
    modulus, exponent = _many_primes()
    info = bytes.fromhex("3031300d060960864801650304020105000420")

    def sign(octets: bytes) -> bytes:
        tail = b"\x00" + info + digest("sha256", octets)
        padded = b"\x00\x01" + b"\xff" * (768 - 2 - len(tail)) + tail
        return pow(int.from_bytes(padded, "big"), exponent, modulus).to_bytes(768, "big")

    public = rsa.RSAPublicNumbers(65537, modulus).public_key()
    return Signer(certificate_of(public), _plain("1.2.840.113549.1.1.11", NULL), sign)


def pss_signer(name: str = "sha256", mask: str | None = None, *, for_pss_only: bool = False) -> Signer:
    key = _rsa(2048)
    mask = mask or name
    length = _HASHES[name].digest_size
    parameters = sequence(
        der(0xA0, sequence(oid(DIGESTS[name]), NULL)),
        der(0xA1, sequence(oid("1.2.840.113549.1.1.8"), sequence(oid(DIGESTS[mask]), NULL))),
        der(0xA2, der(2, bytes([length]))),
    )
    scheme = padding.PSS(padding.MGF1(_HASHES[mask]), length)
    certificate = certificate_of(key.public_key())
    if for_pss_only:
        from asn1crypto.x509 import Certificate

        usual = Certificate.load(certificate).public_key
        bits = usual.dump()[4 + len(usual["algorithm"].dump()) :]
        certificate = reissued(certificate, public_key=sequence(_plain("1.2.840.113549.1.1.10"), bits))
    return Signer(
        certificate,
        _plain("1.2.840.113549.1.1.10", parameters),
        lambda octets: key.sign(digest(name, octets), scheme, Prehashed(_HASHES[name])),
        name,
    )


@cache
def _ec(curve: type[ec.EllipticCurve]) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


def ec_signer(
    name: str, algorithm: str, curve: type[ec.EllipticCurve] = ec.SECP256R1, *, plain: bool = False
) -> Signer:
    key = _ec(curve)
    of_length = {16: hashes.MD5(), 20: hashes.SHA1(), 28: hashes.SHA224(), 32: hashes.SHA256(), 48: hashes.SHA384()}

    def sign(octets: bytes) -> bytes:
        hashed = digest(name, octets)
        made = key.sign(hashed, ec.ECDSA(Prehashed(of_length.get(len(hashed), hashes.SHA512()))))
        if not plain:
            return made
        width = (key.key_size + 7) // 8
        return b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(made))

    return Signer(certificate_of(key.public_key()), _plain(algorithm), sign, name)


@cache
def _dsa(bits: int) -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(bits)


def dsa_signer(name: str, algorithm: str, bits: int = 2048) -> Signer:
    key = _dsa(bits)
    return Signer(
        certificate_of(key.public_key()),
        _plain(algorithm),
        lambda octets: key.sign(digest(name, octets), Prehashed(_HASHES[name])),
        name,
    )


@cache
def _without_digest(kind: Any) -> Any:
    return kind.generate()


def message_signer(kind: Any, algorithm: str, name: str = "sha512") -> Signer:
    """EdDSA and ML-DSA."""
    key = _without_digest(kind)
    return Signer(certificate_of(key.public_key()), _plain(algorithm), key.sign, name)


STRONG: dict[str, Callable[[], Signer]] = {
    "rsaEncryption": lambda: rsa_signer("sha256"),
    "RSA with SHA-224": lambda: rsa_signer("sha224", "1.2.840.113549.1.1.14"),
    "RSA with SHA-512": lambda: rsa_signer("sha512", "1.2.840.113549.1.1.13"),
    "RSA with SHA3-256": lambda: rsa_signer("sha3_256", "2.16.840.1.101.3.4.3.14"),
    "RSA of 3071 bits": lambda: rsa_signer("sha256", bits=3071),
    "RSA of 6143 bits": rsa_6143,
    "PSS": pss_signer,
    "PSS with SHA-512, masked with SHA-256": lambda: pss_signer("sha512", "sha256"),
    "PSS with SHA3-256": lambda: pss_signer("sha3_256"),
    "a key for PSS only": lambda: pss_signer(for_pss_only=True),
    "ECDSA": lambda: ec_signer("sha256", "1.2.840.10045.4.3.2"),
    "ECDSA, P-384 with SHA-256": lambda: ec_signer("sha256", "1.2.840.10045.4.3.2", ec.SECP384R1),
    "ECDSA, P-521": lambda: ec_signer("sha512", "1.2.840.10045.4.3.4", ec.SECP521R1),
    "ECDSA with SHA3-512": lambda: ec_signer("sha3_512", "2.16.840.1.101.3.4.3.12"),
    "ECDSA with SHAKE128": lambda: ec_signer("shake128", "1.3.6.1.5.5.7.6.32"),
    "ECDSA with SHAKE256": lambda: ec_signer("shake256", "1.3.6.1.5.5.7.6.33"),
    "ECDSA, named like the key": lambda: ec_signer("sha384", "1.2.840.10045.2.1"),
    "ECDSA, brainpool 256": lambda: ec_signer("sha256", "1.2.840.10045.4.3.2", ec.BrainpoolP256R1),
    "ECDSA, brainpool 512": lambda: ec_signer("sha512", "1.2.840.10045.4.3.4", ec.BrainpoolP512R1),
    "plain ECDSA": lambda: ec_signer("sha256", "0.4.0.127.0.7.1.1.4.1.3", plain=True),
    "plain ECDSA, brainpool 384": lambda: ec_signer(
        "sha384", "0.4.0.127.0.7.1.1.4.1.4", ec.BrainpoolP384R1, plain=True
    ),
    "plain ECDSA with SHA3-256": lambda: ec_signer("sha3_256", "0.4.0.127.0.7.1.1.4.1.9", plain=True),
    "plain ECDSA under the other name": lambda: ec_signer("sha256", "1.2.840.10045.4.3.2", plain=True),
    "DSA": lambda: dsa_signer("sha256", "2.16.840.1.101.3.4.3.2"),
    "Ed25519": lambda: message_signer(ed25519.Ed25519PrivateKey, "1.3.101.112"),
    "Ed448": lambda: message_signer(ed448.Ed448PrivateKey, "1.3.101.113", "shake256"),
    "ML-DSA-65": lambda: message_signer(mldsa.MLDSA65PrivateKey, "2.16.840.1.101.3.4.3.18"),
}
WEAK: dict[str, Callable[[], Signer]] = {
    "RSA with SHA-1": lambda: rsa_signer("sha1", "1.2.840.113549.1.1.5"),
    "RSA with SHA-1, old name": lambda: rsa_signer("sha1", "1.3.14.3.2.29"),
    "RSA with MD5": lambda: rsa_signer("md5", "1.2.840.113549.1.1.4"),
    "RSA of 1024 bits": lambda: rsa_signer("sha256", bits=1024),
    "PSS with SHA-1": lambda: pss_signer("sha1"),
    "ECDSA with SHA-1": lambda: ec_signer("sha1", "1.2.840.10045.4.1"),
    "ECDSA, P-192": lambda: ec_signer("sha256", "1.2.840.10045.4.3.2", ec.SECP192R1),
    "plain ECDSA with RIPEMD-160": lambda: ec_signer("ripemd160", "0.4.0.127.0.7.1.1.4.1.6", plain=True),
    "DSA with SHA-1": lambda: dsa_signer("sha1", "1.2.840.10040.4.3", 1024),
}
UNSUPPORTED: dict[str, Callable[[], Signer]] = {
    "PSS with SHAKE": lambda: Signer(certificate_of(_rsa(2048).public_key()), _plain("1.3.6.1.5.5.7.6.31"), digest_256),
    "GOST": lambda: Signer(authority.leaf("p256").certificate_der, _plain("1.2.643.7.1.1.3.2"), digest_256),
    "a digest of nobody": lambda: Signer(
        authority.leaf("rsa2048").certificate_der, _plain("1.2.840.113549.1.1.1", NULL), digest_256, "1.2.643.7.1.1.2.2"
    ),
    "RSA of 20,000 bits": lambda: Signer(_with_rsa_modulus(20_000), _plain("1.2.840.113549.1.1.1", NULL), digest_256),
    "a curve of nobody": lambda: Signer(_with_curve("1.3.36.3.3.2.8.1.1.5"), _plain("1.2.840.10045.4.3.2"), digest_256),
    "a name of another family": lambda: Signer(
        authority.leaf("p256").certificate_der, _plain("1.2.840.113549.1.1.11", NULL), digest_256
    ),
}


def digest_256(octets: bytes) -> bytes:
    """Instead of a value that cannot be computed here."""
    return digest("sha256", octets)


def _with_rsa_modulus(bits: int) -> bytes:
    modulus = (1 << (bits - 1)) + 1
    numbers = sequence(der(2, b"\x00" + modulus.to_bytes(bits // 8, "big")), der(2, b"\x01\x00\x01"))
    key = sequence(_plain("1.2.840.113549.1.1.1", NULL), der(3, b"\x00" + numbers))
    return reissued(authority.leaf("p256").certificate_der, public_key=key)


def _with_curve(curve: str) -> bytes:
    key = sequence(sequence(oid("1.2.840.10045.2.1"), oid(curve)), der(3, b"\x00\x04" + b"\x11" * 40))
    return reissued(authority.leaf("p256").certificate_der, public_key=key)
