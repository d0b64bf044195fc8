"""A few usual values are checked where they come in; what may cost more is left to the sandbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from signroom.domain.errors import SignatureRejected
from signroom.domain.signature import ClaimedValue, DigestAlgorithm
from signroom.formats.values import check_few, check_values
from tests.harness.server import signature
from tests.pki import authority
from tests.pki.three_tiers import NOW

TO_SIGN = b"the signed attributes"


def claimed(name: str) -> ClaimedValue:
    leaf = authority.leaf(name)
    return ClaimedValue(signature(leaf.signing_key, TO_SIGN), TO_SIGN, DigestAlgorithm.SHA256, leaf.certificate_der)


@pytest.mark.parametrize("name", ["rsa2048", "rsa4096", "p256", "p384", "p521"])
def test_a_few_are_checked_as_in_the_sandbox(name: str) -> None:
    values = [claimed(name)] * 4

    assert check_few(values) == check_values(values)


def test_one_that_another_key_has_made_is_refused() -> None:
    wrong = replace(claimed("p256"), value=claimed("rsa2048").value)

    with pytest.raises(SignatureRejected):
        check_few([claimed("p256"), wrong])


def test_more_of_them_are_left_to_the_sandbox() -> None:
    assert check_few([claimed("p256")] * 5) is None


def test_a_value_that_costs_much_is_left_to_the_sandbox() -> None:
    """An exponent as long as the modulus makes one value as dear as a hundred."""
    odd, usual = with_long_exponent(), claimed("p256")

    assert check_values([odd])
    assert check_few([odd]) is None
    assert check_few([replace(usual, to_sign=b"a" * (17 << 10))]) is None
    assert check_few([replace(usual, certificate=b"a" * (17 << 10))]) is None


def with_long_exponent() -> ClaimedValue:
    """A certificate whose key is mathematically right and has public and private exponent changed over."""
    short = rsa.generate_private_key(65537, 2048).private_numbers()
    p, q, d, e = short.p, short.q, short.public_numbers.e, short.d
    odd = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, p * q)
    )
    key = odd.private_key(unsafe_skip_rsa_key_validation=True)
    assert key.public_key().public_numbers().e.bit_length() > 2000
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Odd")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    der = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    value = key.sign(TO_SIGN, padding.PKCS1v15(), hashes.SHA256())
    return ClaimedValue(value, TO_SIGN, DigestAlgorithm.SHA256, der)
