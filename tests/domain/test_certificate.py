"""Which certificates may sign."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from signroom.domain.certificate import Certificate, KeyKind, Name
from signroom.domain.errors import (
    CertificateExpired,
    CertificateKeyNotSupported,
    CertificateKeyUsage,
    CertificateNotYetValid,
    CertificateRejected,
)
from tests.domain.test_session import NOON

NAME = Name("CN=Signer", (("CN", ("Signer",)),))
GOOD = Certificate(
    der=b"",
    subject=NAME,
    issuer=NAME,
    serial_number=1,
    not_before=NOON - timedelta(days=1),
    not_after=NOON + timedelta(days=1),
    key_kind=KeyKind.RSA,
    key_bits=2048,
    curve=None,
    key_usage=frozenset({"nonRepudiation"}),
    is_ca=False,
    email_address=None,
    sha1=b"",
    sha256=b"",
)


@pytest.mark.parametrize(
    "certificate",
    [
        GOOD,
        replace(GOOD, key_usage=None),
        replace(GOOD, key_usage=frozenset({"digitalSignature", "keyEncipherment"})),
        replace(GOOD, key_bits=4096),
        replace(GOOD, key_kind=KeyKind.EC, key_bits=521, curve="secp521r1"),
    ],
)
def test_certificate_fit_for_signing_is_accepted(certificate: Certificate) -> None:
    certificate.require_fit_for_signing(NOON)


@pytest.mark.parametrize(
    ("certificate", "refusal"),
    [
        (replace(GOOD, not_after=NOON - timedelta(seconds=1)), CertificateExpired),
        (replace(GOOD, not_before=NOON + timedelta(seconds=1)), CertificateNotYetValid),
        (replace(GOOD, key_bits=1024), CertificateKeyNotSupported),
        (replace(GOOD, key_bits=8192), CertificateKeyNotSupported),
        (replace(GOOD, key_kind=KeyKind.EC, key_bits=256, curve="secp256k1"), CertificateKeyNotSupported),
        (replace(GOOD, key_kind=KeyKind.OTHER, key_bits=0), CertificateKeyNotSupported),
        (replace(GOOD, key_usage=frozenset({"keyEncipherment"})), CertificateKeyUsage),
        (replace(GOOD, is_ca=True), CertificateKeyUsage),
    ],
)
def test_unfit_certificate_is_refused_with_its_reason(
    certificate: Certificate, refusal: type[CertificateRejected]
) -> None:
    with pytest.raises(refusal):
        certificate.require_fit_for_signing(NOON)
