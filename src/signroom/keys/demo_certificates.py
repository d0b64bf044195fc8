"""Test certificates of each kind that an application meets: national, qualified, of an own authority, and bad ones.

They have the fields of real ones, and test numbers that belong to nobody. Like everything of the demo authority they
have no legal value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

CPF = "11144477735"
"""The number that examples and documentation use: its check digits are right."""
CNPJ = "11222333000181"
PERSON = "PNOEE-38001085718"
"""ETSI EN 319 412-1, 5.1.3: the test person of Estonia's authorities."""

_LIFETIME = timedelta(days=825)
_SKEW = timedelta(minutes=5)
_DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_PERSON_DATA, _COMPANY_NUMBER, _RESPONSIBLE, _COMPANY = (
    ObjectIdentifier(f"2.16.76.1.3.{field}") for field in (1, 3, 4, 8)
)
"""DOC-ICP-04, 7.1.2.3."""
_A1, _A3 = "2.16.76.1.2.1.999", "2.16.76.1.2.3.999"
_QC_STATEMENTS = ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_QUALIFIED = bytes.fromhex(
    "3029"  # ETSI EN 319 412-5: QcCompliance, QcSSCD, QcType esign
    "3008060604008e460101"
    "3008060604008e460104"
    "3013060604008e460106"
    "3009060704008e46010601"
)
_QCP_N_QSCD = "0.4.0.194112.1.2"
"""ETSI EN 319 411-2, 5.3."""


@dataclass(frozen=True, slots=True)
class TestCertificate:
    """What is in a test certificate. `file` is its name in the folder, without suffix."""

    file: str
    name: str
    serial: str | None = None
    """serialNumber of the subject."""
    country: str = "BR"
    policy: str | None = None
    other_names: tuple[tuple[ObjectIdentifier, str], ...] = ()
    qualified: bool = False
    usage: ObjectIdentifier = _DOCUMENT_SIGNING
    expired: bool = False
    revoked: bool = False
    own_authority: bool = False

    def builder(
        self, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, now: datetime, serial_number: int | None
    ) -> x509.CertificateBuilder:
        """All but what its authority adds. `serial_number` None: a random one."""
        ends = now - _SKEW if self.expired else now + _LIFETIME
        begins = now - _LIFETIME if self.expired else now - _SKEW
        usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self._subject())
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(serial_number or x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([self.usage]), critical=False)
        )
        if self.policy is not None:
            policy = x509.PolicyInformation(ObjectIdentifier(self.policy), None)
            builder = builder.add_extension(x509.CertificatePolicies([policy]), critical=False)
        if self.other_names:
            names = [x509.OtherName(oid, _printable(text)) for oid, text in self.other_names]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if self.qualified:
            statements = x509.UnrecognizedExtension(_QC_STATEMENTS, _QUALIFIED)
            builder = builder.add_extension(statements, critical=False)
        return builder

    def _subject(self) -> x509.Name:
        parts = [
            x509.NameAttribute(NameOID.COUNTRY_NAME, self.country),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "DEMO - no legal value"),
            x509.NameAttribute(NameOID.COMMON_NAME, self.name),
        ]
        if self.serial is not None:
            parts.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, self.serial))
        return x509.Name(parts)


def _brazilian_row(cpf: str) -> str:
    """Date of birth, CPF, NIS, RG and its issuer (DOC-ICP-04, 7.1.2.3)."""
    return f"01011980{cpf}{'0' * 11}{'0' * 15}"


_PERSONAL = ((_PERSON_DATA, _brazilian_row(CPF)),)
TEST_CERTIFICATES = (
    TestCertificate("icp-brasil-a1", f"Maria da Silva:{CPF}", policy=_A1, other_names=_PERSONAL),
    TestCertificate("icp-brasil-a3", f"Maria da Silva:{CPF}", policy=_A3, other_names=_PERSONAL),
    TestCertificate(
        "icp-brasil-company-a1",
        f"Empresa de Teste:{CNPJ}",
        policy=_A1,
        other_names=((_RESPONSIBLE, _brazilian_row(CPF)), (_COMPANY_NUMBER, CNPJ)),
    ),
    TestCertificate("eidas-qualified", "Jaak-Kristjan Joeorg", PERSON, "EE", policy=_QCP_N_QSCD, qualified=True),
    TestCertificate("own-ca", "Employee of Acme", country="DE", own_authority=True),
    TestCertificate("expired", "Expired signer", expired=True),
    TestCertificate("revoked", "Revoked signer", revoked=True),
    TestCertificate("wrong-usage", "Web server", usage=ExtendedKeyUsageOID.SERVER_AUTH),
)
"""One file each in the folder of the demo's test certificates."""


def as_pfx(
    name: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    password: str,
) -> bytes:
    """PKCS#12 (RFC 7292)."""
    encryption = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, [issuer], encryption)


def issued_by_own_authority(
    kind: TestCertificate, key: ec.EllipticCurvePrivateKey, now: datetime
) -> tuple[x509.Certificate, x509.Certificate]:
    """The certificate and its root, whose key is forgotten at once. Nobody keeps lists for it."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme (DEMO - no legal value)"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Acme's own CA"),
        ]
    )
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    root = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(root_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + 4 * _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        kind.builder(key, name, now, None)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return leaf, root


def _printable(text: str) -> bytes:
    """DER of a PrintableString (X.680, 41); the text has less than 128 characters."""
    return bytes([0x13, len(text)]) + text.encode("ascii")
