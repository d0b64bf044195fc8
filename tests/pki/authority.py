"""A toy authority: leaves named after their kind or their fault, made once per process."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.pki import pkcs12_by_hand

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
GOOD = ("rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521")
FAULTY = ("expired", "not-yet-valid", "wrong-key-usage", "ca", "rsa1024", "ed25519", "p256k1")
DER = serialization.Encoding.DER


@dataclass(frozen=True)
class Leaf:
    """A key with its certificate."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def certificate_der(self) -> bytes:
        return self.certificate.public_bytes(DER)

    @property
    def chain_der(self) -> list[bytes]:
        """The leaf and then its root."""
        return [self.certificate_der, root_der()]

    @property
    def signing_key(self) -> SigningKey:
        assert isinstance(self.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        return self.key


@cache
def root() -> Leaf:
    key = rsa.generate_private_key(65537, 2048)
    name = _name("Toy root")
    certificate = (
        _builder(name, name, key, NOW - 3650 * DAY, NOW + 3650 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Leaf(key, certificate)


def root_der() -> bytes:
    return root().certificate_der


def root_pem() -> bytes:
    return root().certificate.public_bytes(serialization.Encoding.PEM)


@cache
def leaf(name: str) -> Leaf:
    """One of `GOOD` or `FAULTY`."""
    key = _key(name)
    start, end = NOW - 30 * DAY, NOW + 365 * DAY
    if name == "expired":
        end = NOW - DAY
    if name == "not-yet-valid":
        start = NOW + DAY
    authority = name == "ca"
    builder = _builder(_name(f"Signer {name}"), _name("Toy root"), key, start, end)
    # pdfsig 22.12 takes the error that NSS leaves behind when it looks for these three and finds none for a verdict.
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://127.0.0.1:9/toy.crl")], None, None, None)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name("signer@example.org")]), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
        .add_extension(_usage(authority=authority, encipher=name == "wrong-key-usage"), critical=True)
        .sign(root().signing_key, hashes.SHA256())
    )
    return Leaf(key, certificate)


def pfx(name: str, password: str, *, legacy: bool = False) -> bytes:
    """A PKCS#12 file: PBES2 with AES, or as Windows and Java wrote them for 20 years (RC2-40, 3DES, SHA-1)."""
    found = leaf(name)
    assert not isinstance(found.key, ed25519.Ed25519PrivateKey)
    modern = pkcs12.serialize_key_and_certificates(
        name.encode(),
        found.key,
        found.certificate,
        [root().certificate],
        serialization.BestAvailableEncryption(password.encode()),
    )
    return _as_legacy(modern, password) if legacy else modern


def pfx_of_several(names: Sequence[str], password: str) -> bytes:
    """One PKCS#12 file with a key and a certificate for each of `names`, in this order."""
    bags: list[pkcs12_by_hand.Key | pkcs12_by_hand.Certificate] = []
    for number, name in enumerate(names):
        found, tie = leaf(name), bytes((number,))
        pkcs8 = found.key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        bags += [pkcs12_by_hand.Key(pkcs8, tie), pkcs12_by_hand.Certificate(found.certificate_der, tie)]
    recipe = pkcs12_by_hand.Recipe(
        pkcs12_by_hand.Password.of(password), pkcs12_by_hand.pbes2("sha256"), pkcs12_by_hand.pkcs12_mac("sha256")
    )
    return pkcs12_by_hand.build(recipe, (*bags, pkcs12_by_hand.Certificate(root_der())))


def _as_legacy(modern: bytes, password: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, pem, target = (Path(folder) / n for n in ("modern.p12", "all.pem", "legacy.p12"))
        source.write_bytes(modern)
        secret = f"pass:{password}"
        _openssl("pkcs12", "-in", str(source), "-passin", secret, "-nodes", "-out", str(pem))
        _openssl("pkcs12", "-export", "-legacy", "-in", str(pem), "-passout", secret, "-out", str(target))
        return target.read_bytes()


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _key(name: str) -> PrivateKey:
    curves: dict[str, ec.EllipticCurve] = {
        "p256": ec.SECP256R1(),
        "p384": ec.SECP384R1(),
        "p521": ec.SECP521R1(),
        "p256k1": ec.SECP256K1(),
    }
    if name in curves:
        return ec.generate_private_key(curves[name])
    if name == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, int(name.removeprefix("rsa")) if name.startswith("rsa") else 2048)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Toy PKI"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _usage(*, authority: bool, encipher: bool = False) -> x509.KeyUsage:
    sign = not authority and not encipher
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=sign,
        key_encipherment=encipher,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
