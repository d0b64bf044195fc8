"""Our reading of extensions against cryptography's, on the public authorities that httpx brings along."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signroom.trust.certificates import read_certificate
from tests.pki.authority import FAULTY, GOOD, leaf

_KEY_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


# One of them has the serial number 0.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_both_read_the_same() -> None:
    known = x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes())
    known += [leaf(name).certificate for name in GOOD + FAULTY]
    assert len(known) > 100

    for certificate in known:
        found = read_certificate(certificate.public_bytes(Encoding.DER))
        assert found.key_usage == key_usage(certificate)
        assert found.is_ca == is_authority(certificate)
        assert found.policies == policies(certificate)
        assert found.email_address == email(certificate)


def key_usage(certificate: x509.Certificate) -> frozenset[str] | None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return frozenset(name for attribute, name in _KEY_USAGES.items() if getattr(usage, attribute))


def is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def policies(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(policy.policy_identifier.dotted_string for policy in found)


def email(certificate: x509.Certificate) -> str | None:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    return next(iter(names.get_values_for_type(x509.RFC822Name)), None)
