"""Trusted lists made and signed here: a list of the lists, and the list of one country."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lxml import etree  # type: ignore[import-untyped]
from signxml.algorithms import SignatureConstructionMethod
from signxml.xades.xades import XAdESSigner

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TSL, DS = "http://uri.etsi.org/02231/v2#", "http://www.w3.org/2000/09/xmldsig#"
_URI = "http://uri.etsi.org/TrstSvc"
STATUS = f"{_URI}/TrustedList/Svcstatus"
CA_QC, QTST, CA_PKC = f"{_URI}/Svctype/CA/QC", f"{_URI}/Svctype/TSA/QTST", f"{_URI}/Svctype/CA/PKC"
MASTER_ADDRESS, NATIONAL_ADDRESS = "https://lists.example/lotl.xml", "https://lists.example/pt.xml"

# QcCompliance, QcType eSign, QcSSCD (EN 319 412-5)
QC_COMPLIANCE = bytes.fromhex("3008060604008e460101")
QC_SSCD = bytes.fromhex("3008060604008e460104")
QC_ESIGN = bytes.fromhex("3013060604008e4601063009060704008e46010601")


@dataclass(frozen=True)
class Holder:
    """A certificate and its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


def holder(
    name: str,
    issuer: Holder | None = None,
    *,
    is_ca: bool = False,
    statements: Sequence[bytes] = (),
    begins: datetime = datetime(2020, 1, 1, tzinfo=UTC),
    ends: datetime = datetime(2040, 1, 1, tzinfo=UTC),
    purpose: x509.ObjectIdentifier | None = None,
) -> Holder:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "PT"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above = subject if issuer is None else issuer.certificate.subject
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(above).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
    builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    builder = builder.add_extension(
        x509.KeyUsage(
            digital_signature=True, content_commitment=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **usage
        ),
        critical=True,
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    if statements:
        value = b"".join(statements)
        builder = builder.add_extension(
            x509.UnrecognizedExtension(
                x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"), b"\x30" + bytes([len(value)]) + value
            ),
            critical=False,
        )
    return Holder(key, builder.sign(key if issuer is None else issuer.key, hashes.SHA256()))


@dataclass(frozen=True)
class Service:
    certificate: bytes
    kind: str = CA_QC
    status: str = "granted"
    since: str = "2017-01-01T00:00:00Z"
    history: Sequence[tuple[str, str]] = ()
    """(status, since), newest first."""
    extension: str = ""


@dataclass(frozen=True)
class Made:
    """One country's signed list, and the list of the lists that names it."""

    master: bytes
    national: bytes
    master_signer: Holder
    national_signer: Holder


@dataclass(frozen=True)
class Facts:
    """What a list says of itself."""

    sequence: int = 7
    issued: datetime = NOW - timedelta(days=10)
    next_update: datetime = NOW + timedelta(days=100)
    version: str = "6"


@cache
def signers() -> tuple[Holder, Holder, Holder]:
    """Of the list of the lists, of the national one, and a stranger."""
    return holder("LOTL signer"), holder("PT signer"), holder("Stranger")


def made(services: Sequence[Service], *, master: Facts = Facts(), national: Facts = Facts()) -> Made:
    first, second, _ = signers()
    return Made(master_list(first, [second], master), national_list(second, services, national), first, second)


def master_list(
    signer: Holder,
    national_signers: Sequence[Holder],
    facts: Facts = Facts(),
    *,
    next_ones: Sequence[Holder] = (),
    pivots: Sequence[str] = (),
) -> bytes:
    pointers = _pointer("PT", NATIONAL_ADDRESS, [each.der for each in national_signers], "EUcommon")
    pointers += _pointer("EU", MASTER_ADDRESS, [each.der for each in (signer, *next_ones)], "EUlistofthelists")
    return signed(_list("EUlistofthelists", "EU", facts, pointers, "", pivots), signer)


def national_list(
    signer: Holder, services: Sequence[Service], facts: Facts = Facts(), *, territory: str = "PT"
) -> bytes:
    inner = "".join(map(_service, services))
    providers = (
        "<TrustServiceProviderList><TrustServiceProvider><TSPInformation><TSPName><Name xml:lang='en'>Made</Name>"
        "</TSPName></TSPInformation><TSPServices>" + inner + "</TSPServices></TrustServiceProvider>"
        "</TrustServiceProviderList>"
    )
    return signed(_list("EUgeneric", territory, facts, "", providers if services else ""), signer)


def signed(content: str, signer: Holder) -> bytes:
    made_by = XAdESSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm="ecdsa-sha256",
    )
    root = made_by.sign(etree.fromstring(content), key=signer.key, cert=[signer.certificate])
    return bytes(etree.tostring(root))


def _list(kind: str, territory: str, facts: Facts, pointers: str, providers: str, pivots: Sequence[str] = ()) -> str:
    more = "".join(f"<URI xml:lang='en'>{address}</URI>" for address in pivots)
    return (
        f"<TrustServiceStatusList xmlns='{TSL}' TSLTag='http://uri.etsi.org/19612/TSLTag'><SchemeInformation>"
        f"<TSLVersionIdentifier>{facts.version}</TSLVersionIdentifier>"
        f"<TSLSequenceNumber>{facts.sequence}</TSLSequenceNumber>"
        f"<TSLType>{_URI}/TrustedList/TSLType/{kind}</TSLType>"
        "<SchemeInformationURI><URI xml:lang='en'>https://lists.example/about</URI>" + more + "</SchemeInformationURI>"
        f"<SchemeTerritory>{territory}</SchemeTerritory>"
        f"<PointersToOtherTSL>{pointers}</PointersToOtherTSL>"
        f"<ListIssueDateTime>{_text(facts.issued)}</ListIssueDateTime>"
        f"<NextUpdate><dateTime>{_text(facts.next_update)}</dateTime></NextUpdate>"
        f"</SchemeInformation>{providers}</TrustServiceStatusList>"
    )


def _pointer(territory: str, address: str, ders: Sequence[bytes], rule: str) -> str:
    identities = "".join(f"<ServiceDigitalIdentity>{_identity(der)}</ServiceDigitalIdentity>" for der in ders)
    return (
        f"<OtherTSLPointer><ServiceDigitalIdentities>{identities}</ServiceDigitalIdentities>"
        f"<TSLLocation>{address}</TSLLocation><AdditionalInformation>"
        f"<OtherInformation><SchemeTypeCommunityRules><URI xml:lang='en'>{_URI}/TrustedList/schemerules/{rule}</URI>"
        "</SchemeTypeCommunityRules></OtherInformation>"
        f"<OtherInformation><SchemeTerritory>{territory}</SchemeTerritory></OtherInformation>"
        "<OtherInformation><ns3:MimeType xmlns:ns3='http://uri.etsi.org/02231/v2/additionaltypes#'>"
        "application/vnd.etsi.tsl+xml</ns3:MimeType></OtherInformation></AdditionalInformation></OtherTSLPointer>"
    )


def _service(service: Service) -> str:
    name = "<ServiceName><Name xml:lang='en'>Made service</Name></ServiceName>"
    identity = f"<ServiceDigitalIdentity>{_identity(service.certificate)}</ServiceDigitalIdentity>"
    kind = f"<ServiceTypeIdentifier>{service.kind}</ServiceTypeIdentifier>"

    def at(status: str, since: str) -> str:
        return (
            f"{kind}{name}{identity}<ServiceStatus>{STATUS}/{status}</ServiceStatus>"
            f"<StatusStartingTime>{since}</StatusStartingTime>"
        )

    before = "".join(
        f"<ServiceHistoryInstance>{at(status, since)}{service.extension}</ServiceHistoryInstance>"
        for status, since in service.history
    )
    history = f"<ServiceHistory>{before}</ServiceHistory>" if before else ""
    now = f"{at(service.status, service.since)}{service.extension}"
    return f"<TSPService><ServiceInformation>{now}</ServiceInformation>{history}</TSPService>"


def _identity(der: bytes) -> str:
    return f"<DigitalId><X509Certificate>{base64.b64encode(der).decode()}</X509Certificate></DigitalId>"


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
