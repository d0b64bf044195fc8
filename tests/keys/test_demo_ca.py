"""The demo authority, judged by openssl."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from signroom.domain.errors import BadInput, CertificateKeyNotSupported
from signroom.keys.demo_ca import DemoCa, open_demo_ca
from signroom.secrets.derived import derive_p256
from signroom.secrets.secret_keys import SecretKeys
from signroom.trust.certificates import read_certificate

NOW = datetime.now(UTC)
SECRET = b"s" * 32
CRL_URL = "http://127.0.0.1:8400/demo-ca.crl"


@pytest.fixture
def authority(tmp_path: Path) -> DemoCa:
    return open_demo_ca(tmp_path, CRL_URL, SecretKeys(SECRET))


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_a_leaf_chains_to_the_root_and_says_that_it_is_a_demo(authority: DemoCa, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    chain = authority.issue(public(key), "  Ana  Lúcia ", NOW)
    leaf = tmp_path / "leaf.der"
    leaf.write_bytes(chain.certificate)

    verdict = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", str(tmp_path / "demo-ca.crt"), str(leaf)],
        capture_output=True,
        text=True,
        check=False,
    )
    read = read_certificate(chain.certificate)

    assert verdict.stdout.strip().endswith(": OK"), verdict.stderr
    assert read.subject.first("CN") == "Ana Lúcia (DEMO)"
    assert read.not_after - NOW <= timedelta(hours=24)
    assert chain.issuers == (authority.certificate,)
    read.require_fit_for_signing(NOW)


def test_machines_with_the_same_secret_have_the_same_authority_and_others_another(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "stranger")]
    for folder in folders:
        folder.mkdir()

    one, two, stranger = (
        open_demo_ca(folder, CRL_URL, SecretKeys(secret))
        for folder, secret in zip(folders, (SECRET, SECRET, b"x" * 32), strict=True)
    )

    assert one.certificate == two.certificate
    assert stranger.certificate != one.certificate
    assert [file.name for file in folders[0].iterdir()] == ["demo-ca.crt"]  # the key is stored nowhere


def test_an_authority_that_an_earlier_version_made_stays(tmp_path: Path) -> None:
    old = open_demo_ca(tmp_path, CRL_URL, SecretKeys(b"o" * 32))
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = derive_p256(b"o" * 32, "signroom.demo-ca")
    (tmp_path / "demo-ca.key.pem").write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))

    assert open_demo_ca(tmp_path, CRL_URL, SecretKeys(SECRET)).certificate == old.certificate


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_only_p256_keys_are_certified(authority: DemoCa, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    with pytest.raises(CertificateKeyNotSupported):
        authority.issue(public(key), "Ana", NOW)


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x30\x03\x02\x01\x01"])
def test_what_is_no_key_is_refused(authority: DemoCa, junk: bytes) -> None:
    with pytest.raises(CertificateKeyNotSupported):
        authority.issue(junk, "Ana", NOW)


@pytest.mark.parametrize("name", ["", "   ", "\x00", "x" * 49])
def test_a_leaf_needs_a_name(authority: DemoCa, name: str) -> None:
    with pytest.raises(BadInput):
        authority.issue(public(ec.generate_private_key(ec.SECP256R1())), name, NOW)


def test_the_test_pfx_opens_with_its_password(authority: DemoCa) -> None:
    key, certificate, issuers = pkcs12.load_key_and_certificates(authority.issue_pfx("Test", "pass", NOW), b"pass")

    assert isinstance(key, rsa.RSAPrivateKey)
    assert certificate is not None
    assert certificate.subject == x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test (DEMO)")])
    assert [c.public_bytes(serialization.Encoding.DER) for c in issuers] == [authority.certificate]


def test_the_revocation_list_is_signed_by_the_authority(authority: DemoCa, tmp_path: Path) -> None:
    (tmp_path / "demo.crl").write_bytes(authority.crl(NOW))

    verdict = subprocess.run(
        ["openssl", "crl", "-in", str(tmp_path / "demo.crl"), "-CAfile", str(tmp_path / "demo-ca.crt"), "-noout"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "verify OK" in verdict.stderr
