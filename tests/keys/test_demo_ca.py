"""The demo authority, judged by openssl."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import ocsp

from signroom.domain.demo import DemoFailure
from signroom.domain.errors import BadInput, CertificateKeyNotSupported, CertificateRejected, DemoFails
from signroom.domain.national import PkiBrazilType
from signroom.domain.requirement import QC_COMPLIANCE, QC_SSCD
from signroom.domain.signature import DigestAlgorithm
from signroom.domain.timestamp import MessageImprint, TimestampRequest
from signroom.keys.demo_ca import DemoCa, open_demo_ca
from signroom.secrets.derived import derive_p256
from signroom.secrets.secret_keys import SecretKeys
from signroom.trust.certificates import read_certificate

NOW = datetime.now(UTC)
SECRET = b"s" * 32
DER = serialization.Encoding.DER
BASE_URL = "http://127.0.0.1:8400"


@pytest.fixture
def authority(tmp_path: Path) -> DemoCa:
    return open_demo_ca(tmp_path, BASE_URL, SecretKeys(SECRET))


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
        open_demo_ca(folder, BASE_URL, SecretKeys(secret))
        for folder, secret in zip(folders, (SECRET, SECRET, b"x" * 32), strict=True)
    )

    assert one.certificate == two.certificate
    assert stranger.certificate != one.certificate
    assert [file.name for file in folders[0].iterdir()] == ["demo-ca.crt"]  # the key is stored nowhere


def test_its_certificate_is_for_the_owner_alone_and_written_once(tmp_path: Path) -> None:
    open_demo_ca(tmp_path, BASE_URL, SecretKeys(SECRET))
    first = (tmp_path / "demo-ca.crt").stat()
    open_demo_ca(tmp_path, BASE_URL, SecretKeys(SECRET))

    assert first.st_mode & 0o777 == 0o600
    assert (tmp_path / "demo-ca.crt").stat().st_ino == first.st_ino
    open_demo_ca(tmp_path, BASE_URL, SecretKeys(b"x" * 32))
    assert (tmp_path / "demo-ca.crt").stat().st_ino != first.st_ino


def test_an_authority_that_an_earlier_version_made_stays(tmp_path: Path) -> None:
    old = open_demo_ca(tmp_path, BASE_URL, SecretKeys(b"o" * 32))
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = derive_p256(b"o" * 32, "signroom.demo-ca")
    (tmp_path / "demo-ca.key.pem").write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))

    assert open_demo_ca(tmp_path, BASE_URL, SecretKeys(SECRET)).certificate == old.certificate


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


@pytest.mark.parametrize(("name", "expected"), [("icp-brasil-a3", "good"), ("revoked", "revoked")])
def test_the_responder_and_the_list_say_which_test_certificate_is_revoked(
    authority: DemoCa, tmp_path: Path, name: str, expected: str
) -> None:
    leaf = leaf_of(authority, name)
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    files = {"issuer": tmp_path / "demo-ca.crt", "cert": tmp_path / "leaf.pem", "reqout": tmp_path / "q"}
    ask = [part for option, file in files.items() for part in (f"-{option}", str(file))]
    subprocess.run(["openssl", "ocsp", *ask, "-no_nonce"], check=True, capture_output=True)
    (tmp_path / "a").write_bytes(authority.ocsp((tmp_path / "q").read_bytes(), NOW))

    told = subprocess.run(
        ["openssl", "ocsp", *ask[:4], "-respin", str(tmp_path / "a"), "-CAfile", str(files["issuer"])],
        check=True,
        capture_output=True,
        text=True,
    )
    listed = x509.load_der_x509_crl(authority.crl(NOW)).get_revoked_certificate_by_serial_number(leaf.serial_number)

    assert "Response verify OK" in told.stderr
    assert f"leaf.pem: {expected}" in told.stdout
    assert (listed is not None) == (expected == "revoked")


def leaf_of(authority: DemoCa, name: str) -> x509.Certificate:
    _, leaf, _ = pkcs12.load_key_and_certificates(authority.issue_test_pfx(name, "pass", NOW), b"pass")
    assert leaf is not None
    return leaf


def test_the_responder_knows_its_own_certificates_only(authority: DemoCa) -> None:
    own = authority.issue_test_pfx("own-ca", "pass", NOW)
    _, leaf, issuers = pkcs12.load_key_and_certificates(own, b"pass")
    assert leaf is not None
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuers[0], hashes.SHA256())
    answer = authority.ocsp(builder.build().public_bytes(serialization.Encoding.DER), NOW)

    assert ocsp.load_der_ocsp_response(answer).response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    with pytest.raises(BadInput):
        authority.ocsp(b"?", NOW)


def test_the_test_certificates_are_read_as_what_they_are(authority: DemoCa) -> None:
    read = {name: read_certificate(leaf_of(authority, name).public_bytes(DER)) for name in authority.test_names}

    assert read["icp-brasil-a1"].pki_brazil.cpf == "11144477735"
    assert read["icp-brasil-a1"].pki_brazil.certificate_type is PkiBrazilType.A1
    assert read["icp-brasil-a3"].pki_brazil.certificate_type is PkiBrazilType.A3
    assert read["icp-brasil-company-a1"].pki_brazil.cnpj == "11222333000181"
    assert read["eidas-qualified"].qc_statements >= {QC_COMPLIANCE, QC_SSCD}
    assert read["expired"].not_after < NOW
    for name in ("expired", "wrong-usage"):
        with pytest.raises(CertificateRejected):
            read[name].require_fit_for_signing(NOW)


@pytest.mark.parametrize("failure", [DemoFailure.CRL, DemoFailure.OCSP, DemoFailure.TSA])
def test_what_is_switched_off_does_not_answer(authority: DemoCa, failure: DemoFailure) -> None:
    imprint = MessageImprint(DigestAlgorithm.SHA256, bytes(32))
    calls = {
        DemoFailure.CRL: lambda: authority.crl(NOW),
        DemoFailure.OCSP: lambda: authority.ocsp(b"?", NOW),
        DemoFailure.TSA: lambda: authority.stamp(TimestampRequest(imprint, None), NOW),
    }
    authority.fail(frozenset({failure}))
    with pytest.raises(DemoFails):
        calls[failure]()

    authority.fail(frozenset())
    assert authority.crl(NOW)
    assert authority.stamp(TimestampRequest(imprint, None), NOW)


@pytest.mark.parametrize(
    ("digest", "serial_number"), [("md5", 7), ("1.2.3.4", 7), ("2.16.840.1.101.3.4.2.8", 7), ("sha1", -1), ("sha1", 0)]
)
def test_a_question_that_no_program_asks_is_refused(authority: DemoCa, digest: str, serial_number: int) -> None:
    named = {"issuer_name_hash": b"a" * 20, "issuer_key_hash": b"b" * 20, "serial_number": serial_number}
    asked = {"req_cert": {"hash_algorithm": {"algorithm": digest}, **named}}
    question = asn1_ocsp.OCSPRequest({"tbs_request": {"request_list": [asked]}})
    with pytest.raises(BadInput):
        authority.ocsp(question.dump(), NOW)
