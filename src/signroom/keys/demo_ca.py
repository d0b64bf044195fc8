"""The certification authority of the sandbox: each installation has its own, none is shipped.

An authority that many installations shared would be a public forging key. Every certificate says that it has no
legal value, in its name, its policy (2.999.1, from the arc for examples) and a user notice (RFC 5280, 4.2.1.4).
"""

from __future__ import annotations

import hashlib
import os
import ssl
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from signroom.domain.demo import DemoFailure
from signroom.domain.errors import BadInput, CertificateKeyNotSupported, DemoFails
from signroom.domain.signature import CertificateChain
from signroom.domain.timestamp import TimestampRequest
from signroom.keys.demo_certificates import TEST_CERTIFICATES, as_pfx, issued_by_own_authority
from signroom.keys.demo_ocsp import answer_ocsp
from signroom.keys.demo_tsa import DemoTsa
from signroom.secrets.derived import derive_p256
from signroom.secrets.secret_keys import SecretKeys

LEAF_LIFETIME = timedelta(hours=24)
PFX_LIFETIME = timedelta(days=825)
MAX_NAME = 48
_CA_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_CA_LIFETIME = timedelta(days=7305)
_CLOCK_SKEW = timedelta(minutes=5)
_POLICY = ObjectIdentifier("2.999.1")
_NOTICE = "Test certificate without legal value"
_CRL_LIFETIME = timedelta(days=7)
# RFC 9336 and RFC 5280, 4.2.1.12: older viewers know only the second.
_DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_EMAIL_PROTECTION = ExtendedKeyUsageOID.EMAIL_PROTECTION
_NOBODY = "demo@signroom.invalid"
_KEY_COMPROMISE = x509.CRLReason(x509.ReasonFlags.key_compromise)
SLOW_SECONDS = 20
"""Of the timestamp authority that is switched to be slow: longer than anybody waits for one."""


class DemoCa:
    """A P-256 root and the certificates it issues. `other` is the authority of the installation's second secret key."""

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        certificate: x509.Certificate,
        base_url: str,
        tsa_key: ec.EllipticCurvePrivateKey,
        other: DemoCa | None = None,
    ) -> None:
        """`base_url`: where its lists and its responder are served. `tsa_key`: of its timestamp authority."""
        self._failures: frozenset[DemoFailure] = frozenset()
        self._key = key
        self._certificate = certificate
        self._base_url = base_url
        self._tsa_key = tsa_key
        self._other = other

    @property
    def certificate(self) -> bytes:
        """The root, DER."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    @property
    def certificates(self) -> list[bytes]:
        """Its root, and that of the other authority."""
        return [self.certificate, *([] if self._other is None else self._other.certificates)]

    @property
    def name(self) -> str:
        """Tells it from the authorities of other secret keys."""
        return x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()).digest[:8].hex()

    def crl(self, now: datetime, authority: str | None = None) -> bytes:
        """The list of revoked certificates (RFC 5280, 5), DER. The one test certificate that is revoked is on it.

        `authority` is the `name` of the one that has issued the certificate in question. Raises: DemoFails.
        """
        if self._other is not None and authority == self._other.name:
            return self._other.crl(now)
        self._require(DemoFailure.CRL)
        revoked = x509.RevokedCertificateBuilder().serial_number(self.revoked_serial_number)
        revoked = revoked.revocation_date(_CA_BEGIN).add_extension(_KEY_COMPROMISE, critical=False)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._certificate.subject)
        builder = builder.last_update(now - _CLOCK_SKEW).next_update(now + _CRL_LIFETIME)
        signed = builder.add_revoked_certificate(revoked.build()).sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)

    def ocsp(self, request: bytes, now: datetime, authority: str | None = None) -> bytes:
        """The answer to an OCSP `request` (RFC 6960, 4.2.1), DER, signed by the authority itself.

        `authority` as in `crl`. Raises: DemoFails.
        """
        if self._other is not None and authority == self._other.name:
            return self._other.ocsp(request, now)
        self._require(DemoFailure.OCSP)
        return answer_ocsp(request, self._certificate, self._key, self.revoked_serial_number, now)

    def stamp(self, request: TimestampRequest, now: datetime) -> bytes:
        """A timestamp token, DER. Raises: DemoFails."""
        self._require(DemoFailure.TSA)
        if DemoFailure.SLOW_TSA in self.failures:
            time.sleep(SLOW_SECONDS)
        return self._tsa.stamp(request, now)

    @property
    def failures(self) -> frozenset[DemoFailure]:
        """What is switched off."""
        return self._failures

    def fail(self, failures: frozenset[DemoFailure]) -> None:
        """Switch these off, and everything else on."""
        self._failures = failures
        if self._other is not None:
            self._other.fail(failures)

    def _require(self, failure: DemoFailure) -> None:
        if failure in self._failures:
            raise DemoFails(f"{failure}.")

    @property
    def revoked_serial_number(self) -> int:
        """Of the test certificate that is revoked from the beginning."""
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        return int.from_bytes(hashlib.sha256(b"revoked" + identifier.digest).digest()[:16], "big") | 1

    @cached_property
    def _tsa(self) -> DemoTsa:
        certificate = self._timestamp_certificate().public_bytes(serialization.Encoding.DER)
        return DemoTsa(self._tsa_key, certificate, self.certificate)

    def issue(self, public_key: bytes, name: str, now: datetime) -> CertificateChain:
        """A 24 h leaf for a DER SubjectPublicKeyInfo. Raises: BadInput, CertificateKeyNotSupported."""
        try:
            key = serialization.load_der_public_key(public_key)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise CertificateKeyNotSupported from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise CertificateKeyNotSupported("The key of a test certificate is a P-256 key.")
        leaf = self._leaf(key, name, now, LEAF_LIFETIME)
        return CertificateChain(leaf.public_bytes(serialization.Encoding.DER), (self.certificate,))

    def issue_pfx(self, name: str, password: str, now: datetime) -> bytes:
        """A PKCS#12 file with an RSA-2048 key, for trying the page with a certificate file."""
        key = rsa.generate_private_key(65537, 2048)
        leaf = self._leaf(key.public_key(), name, now, PFX_LIFETIME)
        return as_pfx(name, key, leaf, self._certificate, password)

    @property
    def test_names(self) -> tuple[str, ...]:
        """The kinds of certificates that applications must know how to deal with."""
        return tuple(kind.file for kind in TEST_CERTIFICATES)

    def issue_test_pfx(self, name: str, password: str, now: datetime) -> bytes:
        """A PKCS#12 file with a certificate of the kind `name`, which is one of `test_names`."""
        kind = next(one for one in TEST_CERTIFICATES if one.file == name)
        key = ec.generate_private_key(ec.SECP256R1())
        if kind.own_authority:
            return as_pfx(kind.name, key, *issued_by_own_authority(kind, key, now), password)
        revoked = self.revoked_serial_number if kind.revoked else None
        builder = kind.builder(key, self._certificate.subject, now, revoked)
        return as_pfx(kind.name, key, self._signed(builder, key.public_key()), self._certificate, password)

    def _timestamp_certificate(self) -> x509.Certificate:
        """Byte for byte the same for the same keys, so that every machine's tokens name one certificate."""
        key = self._tsa_key.public_key()
        identifier = x509.SubjectKeyIdentifier.from_public_key(key)
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "DEMO - no legal value"),
                x509.NameAttribute(NameOID.COMMON_NAME, "Signroom demo timestamps"),
            ]
        )
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(int.from_bytes(identifier.digest[:16], "big") | 1)
            .not_valid_before(self._certificate.not_valid_before_utc)
            .not_valid_after(self._certificate.not_valid_after_utc)
            .add_extension(_key_usage(signing=True), critical=True)
            # For timestamps alone, and critical (RFC 3161, 2.3).
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .add_extension(_distribution_point(self._address("demo-ca.crl")), critical=False)
            .add_extension(self._access(), critical=False)
            .add_extension(identifier, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        )

    def _leaf(
        self, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, name: str, now: datetime, life: timedelta
    ) -> x509.Certificate:
        clean = " ".join("".join(c for c in name if c.isprintable()).split())
        if not clean or len(clean) > MAX_NAME:
            raise BadInput(f"The name needs 1 to {MAX_NAME} characters.")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{clean} (DEMO)")])
        policy = x509.PolicyInformation(_POLICY, [x509.UserNotice(None, _NOTICE)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SKEW)
            .not_valid_after(now + life)
            .add_extension(_key_usage(signing=True), critical=True)
            .add_extension(x509.CertificatePolicies([policy]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([_DOCUMENT_SIGNING, _EMAIL_PROTECTION]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(_NOBODY)]), critical=False)
        )
        return self._signed(builder, key)

    def _signed(
        self, builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    ) -> x509.Certificate:
        """With where its list, its responder and its issuer are (RFC 5280, 4.2.1.13 and 4.2.2.1)."""
        return (
            builder.add_extension(_distribution_point(self._address("demo-ca.crl")), critical=False)
            .add_extension(self._access(), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _address(self, path: str) -> str:
        return f"{self._base_url}/{path}?authority={self.name}"

    def _access(self) -> x509.AuthorityInformationAccess:
        places = (
            (AuthorityInformationAccessOID.OCSP, "demo-ca.ocsp"),
            (AuthorityInformationAccessOID.CA_ISSUERS, "demo-ca.crt"),
        )
        return x509.AuthorityInformationAccess(
            [x509.AccessDescription(m, x509.UniformResourceIdentifier(self._address(path))) for m, path in places]
        )


def open_demo_ca(folder: Path, base_url: str, keys: SecretKeys) -> DemoCa:
    """The authority of the installation with these secret keys, with its certificate in `folder` (``demo-ca.crt``).

    Every machine that has the keys has the same authority. One that an earlier version made at random
    (``demo-ca.key.pem``) stays. `base_url`: the address of the service, without a trailing slash.
    """
    key_file, certificate_file = folder / "demo-ca.key.pem", folder / "demo-ca.crt"
    if key_file.exists() and certificate_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key_file.name} does not hold an EC key")
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        return DemoCa(key, certificate, base_url, _tsa_key(keys.current))
    made = _derived(keys.current, base_url, None if keys.second is None else _derived(keys.second, base_url))
    _write(certificate_file, ssl.DER_cert_to_PEM_cert(made.certificate).encode())
    return made


def _derived(secret: bytes, base_url: str, other: DemoCa | None = None) -> DemoCa:
    key = derive_p256(secret, "signroom.demo-ca")
    return DemoCa(key, _root(key), base_url, _tsa_key(secret), other)


def _tsa_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    return derive_p256(secret, "signroom.demo-tsa")


def _root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Byte for byte the same for the same key."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "DEMO - no legal value"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Signroom demo CA"),
        ]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(identifier.digest[:16], "big") | 1)
        .not_valid_before(_CA_BEGIN)
        .not_valid_after(_CA_BEGIN + _CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signing=False), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )


def _write(file: Path, content: bytes) -> None:
    """Write `content` where it is not there yet, for the owner alone, as all files of the data folder.

    It goes under another name first: a process that starts at the same moment never reads half a file.
    """
    with suppress(FileNotFoundError):
        if file.read_bytes() == content:
            return
    descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
    Path(beside).replace(file)


def _distribution_point(url: str) -> x509.CRLDistributionPoints:
    name = x509.UniformResourceIdentifier(url)
    return x509.CRLDistributionPoints([x509.DistributionPoint([name], None, None, None)])


def _key_usage(*, signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signing,
        content_commitment=signing,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signing,
        crl_sign=not signing,
        encipher_only=False,
        decipher_only=False,
    )
