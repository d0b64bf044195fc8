"""Three tiers of authorities and timestamp authorities below others, as plain objects at any wanted time, no HTTP.

    signer("rsa2048").chain, signer("rsa2048").sign(octets)
    token = stamp(hashlib.sha256(value).digest(), NOW)
    data = data_of_signer("rsa2048", NOW) + data_of_stamper(NOW)

Root -> intermediate -> issuing -> signers. The authorities have lists; of a signer an OCSP responder of the issuing
authority speaks. Root -> time authority -> timestamp authority, with lists. They come in `GENERATIONS`, one after the
other, so that a file can be archived again before a generation ends:

=================== ====================== ==========================================
certificate         from (years)           to (years)
=================== ====================== ==========================================
root                -10                    +60
intermediate        -5                     +5
issuing             -3                     +4
signers, responder  -1                     +2
generation 0        -4 (authority -5)      +6 (authority +7)
generation 1        +4                     +19 (authority +20)
generation 2        +17                    +40 (authority +41)
another one, 3      as generation 0
=================== ====================== ==========================================

Years are counted from `NOW`, the start of this process. Keys are made once per process, when they are first used.
Authorities have EC keys, which are made at once. The first generation of timestamps has an RSA key, as most have.
Only the intermediate one has P-384: to verify with it takes the judges (Bouncy Castle) and OpenSSL four times as long
as P-256, and a file of level B-LTA has dozens of signatures of authorities. Signers have all `KINDS`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from signroom.domain.augmentation import ValidationData
from signroom.domain.signature import CertificateChain
from tests.pki import authority

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

NOW = authority.NOW.replace(microsecond=0)
YEAR = timedelta(days=365)
KINDS = ("rsa2048", "rsa4096", "p256", "p384")
GENERATIONS = ((-4, 6), (4, 19), (17, 40), (-4, 6))
"""From and to, in years: the timestamp authorities, one after the other. The last one is there beside the first."""
ADDRESS = "http://127.0.0.1:9"
"""Of everything outside, as the certificates have it."""
POLICY = "1.2.3.4.1"
_DER = serialization.Encoding.DER
_LIST_DAYS = 30
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # tokens of old files
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True)
class Holder:
    """A certificate with its key, and who issued it. The root is its own issuer."""

    key: Key
    certificate: x509.Certificate
    issuer: Holder | None

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(_DER)

    @property
    def slug(self) -> str:
        """Its name in addresses."""
        (name,) = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(name.value).lower().replace(" ", "-")

    @property
    def issuers(self) -> tuple[Holder, ...]:
        """From the direct issuer to the root."""
        return () if self.issuer is None else (self.issuer, *self.issuer.issuers)

    @property
    def chain(self) -> CertificateChain:
        """With the root at the end."""
        return CertificateChain(self.der, tuple(holder.der for holder in self.issuers))

    def sign(self, octets: bytes, algorithm: str = "sha256") -> bytes:
        """A signature value over `octets`: RSASSA-PKCS1-v1_5, or ECDSA as DER."""
        digest = _HASHES[algorithm]
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(octets, padding.PKCS1v15(), digest)
        return self.key.sign(octets, ec.ECDSA(digest))


@cache
def root() -> Holder:
    return _holder("Three tiers root", None, "p256", (-10, 60))


@cache
def intermediate() -> Holder:
    return _holder("Three tiers intermediate", root(), "p384", (-5, 5))


@cache
def issuing() -> Holder:
    return _holder("Three tiers issuing", intermediate(), "p256", (-3, 4))


@cache
def signer(kind: str) -> Holder:
    """One of `KINDS`."""
    return _holder(f"Signer {kind}", issuing(), kind, (-1, 2))


@cache
def sha384_signer() -> Holder:
    """Whose certificate is signed with SHA-384, by the root itself."""
    return _holder("Signer sha384", root(), "p256", (-1, 2), digest=hashes.SHA384())


@cache
def responder() -> Holder:
    """The OCSP responder of the issuing authority."""
    return _holder("Three tiers OCSP", issuing(), "p256", (-1, 2), ExtendedKeyUsageOID.OCSP_SIGNING)


@cache
def stamper(generation: int = 0) -> Holder:
    """A timestamp authority: below another authority than the signers, with the same root."""
    start, end = GENERATIONS[generation]
    above = _holder(f"Time authority {generation}", root(), "p256", (start - 1, end + 1))
    return _holder(
        f"Timestamps {generation}",
        above,
        "p256" if generation else "rsa3072",
        (start, end),
        ExtendedKeyUsageOID.TIME_STAMPING,
    )


def data_of_signer(kind: str, at: datetime = NOW) -> ValidationData:
    """What validates the signer's certificate, the root's own left out, as the authorities answer at `at`."""
    holder = signer(kind)
    below_root = (holder, *holder.issuers[:-1], responder())
    lists = tuple(revocation_list(issuer, at) for issuer in (root(), intermediate()))
    return ValidationData(tuple(one.der for one in below_root), lists, (ocsp_response(holder, at),))


def data_of_stamper(at: datetime = NOW, generation: int = 0) -> ValidationData:
    """What validates the tokens of a timestamp authority, as the authorities answer at `at`."""
    holder = stamper(generation)
    below_root = (holder, *holder.issuers[:-1])
    return ValidationData(
        tuple(one.der for one in below_root), tuple(revocation_list(issuer, at) for issuer in holder.issuers)
    )


@cache
def revocation_list(issuer: Holder, at: datetime, revoked: tuple[Holder, ...] = (), entries: int = 0) -> bytes:
    """CertificateList of `issuer`, new at `at`, with as many `entries` of strangers."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at)
        .next_update(at + timedelta(days=_LIST_DAYS))
        .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
        .add_extension(_key_of(issuer), critical=False)
    )
    numbers = [holder.certificate.serial_number for holder in revoked] + list(range(1, entries + 1))
    for number in numbers:
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(at - timedelta(days=1)).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(_DER)


@cache
def ocsp_response(holder: Holder, at: datetime, *, good: bool = True) -> bytes:
    """OCSPResponse about a signer, made at `at` by `responder`."""
    assert holder.issuer is not None
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=holder.certificate,
        issuer=holder.issuer.certificate,
        algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.GOOD if good else ocsp.OCSPCertStatus.REVOKED,
        this_update=at,
        next_update=at + timedelta(days=7),
        revocation_time=None if good else at - timedelta(days=1),
        revocation_reason=None,
    )
    speaker = responder()
    answer = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, speaker.certificate).certificates(
        [speaker.certificate]
    )
    return answer.sign(speaker.key, hashes.SHA256()).public_bytes(_DER)


def stamp(
    imprint: bytes,
    at: datetime = NOW,
    generation: int = 0,
    *,
    algorithm: str = "sha256",
    certificates: bool = True,
    padding_bytes: int = 0,
    nonce: int | None = None,
) -> bytes:
    """TimeStampToken (RFC 3161, 2.4.2) about `imprint`, a digest by `algorithm`. It is a ContentInfo, DER.

    `padding_bytes` makes it larger: as many bytes in an attribute that is not signed.
    """
    holder = stamper(generation)
    content = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": imprint},
            "serial_number": int.from_bytes(hashlib.sha256(imprint).digest()[:8], "big"),
            "gen_time": at,
            "accuracy": {"seconds": 1},
            "nonce": nonce,
        }
    ).dump()
    encapsulated = tsp.EncapsulatedContentInfo(
        {"content_type": "tst_info", "content": core.ParsableOctetString(content)}
    )
    named = {"cert_hash": hashlib.sha256(holder.der).digest()}
    attributes = cms.CMSAttributes(
        [
            _attribute("content_type", cms.ContentType("tst_info")),
            _attribute("message_digest", core.OctetString(hashlib.sha256(content).digest())),
            _attribute("signing_certificate_v2", tsp.SigningCertificateV2({"certs": [tsp.ESSCertIDv2(named)]})),
        ]
    )
    certificate = asn1_x509.Certificate.load(holder.der)
    parts: dict[str, Any] = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            "issuer_and_serial_number",
            cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number}),
        ),
        "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
        "signed_attrs": attributes,
        "signature_algorithm": algos.SignedDigestAlgorithm(
            {"algorithm": "sha256_rsa" if isinstance(holder.key, rsa.RSAPrivateKey) else "sha256_ecdsa"}
        ),
        "signature": holder.sign(attributes.untag().dump()),
    }
    if padding_bytes:
        parts["unsigned_attrs"] = [{"type": "1.2.3.4.99", "values": [core.OctetString(bytes(padding_bytes))]}]
    signed: dict[str, Any] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": encapsulated,
        "signer_infos": [parts],
    }
    if certificates:
        signed["certificates"] = [asn1_x509.Certificate.load(one.der) for one in (holder, *holder.issuers[:-1])]
    token: bytes = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)}).dump()
    return token


def _attribute(kind: str, value: Any) -> cms.CMSAttribute:
    return cms.CMSAttribute({"type": kind, "values": [value]})


def _holder(
    name: str,
    issuer: Holder | None,
    kind: str,
    years: tuple[int, int],
    purpose: x509.ObjectIdentifier | None = None,
    *,
    digest: hashes.SHA256 | hashes.SHA384 | None = None,
) -> Holder:
    """An authority unless it is for a `purpose` or its name says that it is a signer's."""
    key = _key(kind)
    is_authority = purpose is None and not name.startswith("Signer")
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Three tiers"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + years[0] * YEAR)
        .not_valid_after(NOW + years[1] * YEAR)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(is_authority=is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(_key_of(issuer), critical=False)
        builder = _with_pointers(builder, name, issuer, purpose)
    if purpose is not None:
        critical = purpose == ExtendedKeyUsageOID.TIME_STAMPING
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=critical)
    if purpose == ExtendedKeyUsageOID.OCSP_SIGNING:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    signed = builder.sign(key if issuer is None else issuer.key, digest or hashes.SHA256())
    return Holder(key, signed, issuer)


def _with_pointers(
    builder: x509.CertificateBuilder, name: str, issuer: Holder, purpose: x509.ObjectIdentifier | None
) -> x509.CertificateBuilder:
    """Where revocation data would be fetched: addresses that nobody answers at. `outside.py` does for those who ask."""
    if purpose == ExtendedKeyUsageOID.OCSP_SIGNING:
        return builder
    address = x509.UniformResourceIdentifier(f"{ADDRESS}/{issuer.slug}")
    if name.startswith("Signer"):
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, address)
        return builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    point = x509.DistributionPoint([address], None, None, None)
    return builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)


def _key_of(issuer: Holder) -> x509.AuthorityKeyIdentifier:
    found = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _key(kind: str) -> Key:
    match kind:
        case "p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "p384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
