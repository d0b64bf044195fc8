"""What we need to know of a certificate, and the rules that say whether it may sign.

The DER is read by ``trust``; here are plain values. An object of this class proves nothing by itself: the
rules decide, and ``trust`` checks issuers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from signroom.domain.errors import (
    CertificateExpired,
    CertificateKeyNotSupported,
    CertificateKeyUsage,
    CertificateNotYetValid,
    CertificatePurpose,
)
from signroom.domain.national import (
    NOT_BRAZILIAN,
    NOT_ITALIAN,
    PkiBrazil,
    PkiBrazilType,
    PkiItaly,
    PkiItalyType,
)


class KeyKind(StrEnum):
    RSA = "RSA"
    EC = "EC"
    OTHER = "other"


MIN_RSA_BITS, MAX_RSA_BITS = 2048, 4096
CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})

ANY_PURPOSE = "2.5.29.37.0"
SIGNING_PURPOSES = frozenset(
    {
        "1.3.6.1.5.5.7.3.36",  # documentSigning, RFC 9336
        "1.3.6.1.5.5.7.3.4",  # emailProtection: persons' certificates of ICP-Brasil and of many qualified authorities
        "1.3.6.1.5.5.7.3.2",  # clientAuth: the same, and Italy's CNS
        "1.3.6.1.4.1.311.10.3.12",  # document signing, as Microsoft wrote it before RFC 9336
        "1.2.840.113583.1.1.5",  # authentic documents, as Adobe wrote it before RFC 9336
    }
)
"""The purposes in an extended key usage that let a certificate sign documents, in every security context."""
TIMESTAMP_PURPOSES = frozenset({"1.3.6.1.5.5.7.3.8"})
"""The purpose of a timestamp authority (RFC 3161, 2.3)."""
_PURPOSE_NAMES = {
    "1.3.6.1.5.5.7.3.1": "TLS servers",
    "1.3.6.1.5.5.7.3.3": "code signing",
    "1.3.6.1.5.5.7.3.8": "timestamps",
    "1.3.6.1.5.5.7.3.9": "OCSP responses",
}


class CertificateUse(StrEnum):
    """What somebody wants to use a certificate's key for."""

    SIGNATURES = "signatures"
    TIMESTAMPS = "timestamps"

    @property
    def purposes(self) -> frozenset[str]:
        """The purposes in an extended key usage that allow this use."""
        return SIGNING_PURPOSES if self is CertificateUse.SIGNATURES else TIMESTAMP_PURPOSES


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name (RFC 5280, 4.1.2.4) by the attributes that people read."""

    dn_string: str
    """RFC 4514 form."""
    values: tuple[tuple[str, tuple[str, ...]], ...]
    """Attribute short name or dotted OID -> values, in the order of the certificate."""

    def first(self, attribute: str) -> str | None:
        """The first value of `attribute` (``CN``, ``O``, ``C``, ``serialNumber`` ...), or None."""
        return next(iter(self.every(attribute)), None)

    def every(self, attribute: str) -> tuple[str, ...]:
        """All values of `attribute`, in the order of the certificate."""
        return next((found for name, found in self.values if name == attribute), ())


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate as plain values. Times are aware, in UTC."""

    der: bytes
    subject: Name
    issuer: Name
    serial_number: int
    not_before: datetime
    not_after: datetime
    key_kind: KeyKind
    key_bits: int
    curve: str | None
    key_usage: frozenset[str] | None
    """Names of RFC 5280, 4.2.1.3 (``digitalSignature``, ``nonRepudiation`` ...); None without the extension."""
    is_ca: bool
    email_address: str | None
    sha1: bytes
    sha256: bytes
    purposes: frozenset[str] | None = None
    """The extended key usage: dotted OIDs (RFC 5280, 4.2.1.12); None without the extension."""
    policies: frozenset[str] = frozenset()
    """Dotted OIDs (RFC 5280, 4.2.1.4). They prove something only once the chain was validated."""
    qc_statements: frozenset[str] = frozenset()
    """Dotted OIDs (RFC 3739, 3.2.6; ETSI EN 319 412-5). The same holds for them."""
    pki_brazil: PkiBrazil = NOT_BRAZILIAN
    pki_italy: PkiItaly = NOT_ITALIAN

    @property
    def subject_identifier(self) -> str | None:
        """The number of the subject: a company's CNPJ, a person's CPF or codice fiscale, else ``serialNumber``.

        A company's certificate has a CPF too, of the person responsible for it. None where several serial numbers
        name different subjects, and where national numbers belong that are missing, or contradict each other.
        """
        number = self.pki_brazil.cnpj or self.pki_brazil.cpf or self.pki_italy.codice_fiscale
        is_brazilian = self.pki_brazil.certificate_type is not PkiBrazilType.UNKNOWN
        if number or is_brazilian or self.pki_italy.certificate_type is PkiItalyType.CNS:
            return number
        serial_numbers = set(self.subject.every("serialNumber"))
        return serial_numbers.pop() if len(serial_numbers) == 1 else None

    def require_fit_for_signing(self, now: datetime) -> None:
        """As `require_fit`, for a signer."""
        self.require_fit(CertificateUse.SIGNATURES, now)

    def require_in_date(self, now: datetime) -> None:
        """Raises: CertificateNotYetValid, CertificateExpired."""
        if now < self.not_before:
            raise CertificateNotYetValid(f"Valid from {self.not_before:%Y-%m-%d}.")
        if now > self.not_after:
            raise CertificateExpired(f"Expired on {self.not_after:%Y-%m-%d}.")

    def require_fit(self, use: CertificateUse, now: datetime, more: Collection[str] = ()) -> None:
        """Check validity, key, key usage and purpose. `more`: further purposes that are accepted of a signer.

        Raises: CertificateNotYetValid, CertificateExpired, CertificateKeyNotSupported, CertificateKeyUsage,
            CertificatePurpose.
        """
        self.require_in_date(now)
        self.require_use(use, more)

    def require_use(self, use: CertificateUse, more: Collection[str] = ()) -> None:
        """The same without the dates. Raises: CertificateKeyNotSupported, CertificateKeyUsage, CertificatePurpose."""
        if not self._has_supported_key():
            raise CertificateKeyNotSupported(f"It has {self.key_kind} of {self.key_bits} bits.")
        # RFC 5280, 4.2.1.3: without the extension every use is allowed; with it, one of these two must be set.
        if self.key_usage is not None and not self.key_usage & {"digitalSignature", "nonRepudiation"}:
            raise CertificateKeyUsage
        if self.is_ca:
            raise CertificateKeyUsage("It is the certificate of an authority.")
        # A certificate for timestamps must say so by itself (RFC 3161, 2.3): no extension is not enough, nor is "any".
        explicit = use is CertificateUse.TIMESTAMPS
        allowed = (self.purposes or frozenset()) & use.purposes if explicit else self.purposes_for(use, more)
        if not allowed:
            named = sorted(_PURPOSE_NAMES.get(oid, oid) for oid in self.purposes or ())
            raise CertificatePurpose(f"It is for {', '.join(named)}." if named else "It does not say what it is for.")

    def purposes_for(self, use: CertificateUse, more: Collection[str] = ()) -> frozenset[str]:
        """Those of the use that it allows: all without an extended key usage, or with the one for any.

        `more`: purposes that count as ones for signatures, too.
        """
        wanted = use.purposes | frozenset(more) if use is CertificateUse.SIGNATURES else use.purposes
        if self.purposes is None or ANY_PURPOSE in self.purposes:
            return wanted
        return wanted & self.purposes

    @property
    def signing_purposes(self) -> frozenset[str]:
        """As `purposes_for` a signer."""
        return self.purposes_for(CertificateUse.SIGNATURES)

    def _has_supported_key(self) -> bool:
        if self.key_kind is KeyKind.RSA:
            return MIN_RSA_BITS <= self.key_bits <= MAX_RSA_BITS
        return self.key_kind is KeyKind.EC and self.curve in CURVES
