"""The toy PKI is what it says: openssl reads its certificates, its lists and its answers."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import ocsp

from tests.pki.fixtures import pki
from tests.pki.toy_pki import ToyPki

__all__ = ["pki"]

PEM = serialization.Encoding.PEM


@pytest.fixture
def folder(pki: ToyPki, tmp_path: Path) -> Path:
    """Each certificate as ``<label>.pem``, each list as ``<label>.crl.pem``."""
    for label in pki.labels:
        (tmp_path / f"{label}.pem").write_bytes(_certificate(pki, label).public_bytes(PEM))
    for label in ("icp-root", "ac1", "ac2"):
        (tmp_path / f"{label}.crl.pem").write_bytes(
            x509.load_der_x509_crl(pki.answers.crl("icp", label)).public_bytes(PEM)
        )
    return tmp_path


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("e-cpf-a1", "e-cpf-a1.pem: OK"),
        ("e-cpf-a3-ec", "e-cpf-a3-ec.pem: OK"),
        ("e-cnpj-alphanumeric", "e-cnpj-alphanumeric.pem: OK"),
        ("odd-names", "odd-names.pem: OK"),
        ("revoked", "certificate revoked"),
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
        ("odd-critical-extension", "unhandled critical extension"),
    ],
)
def test_openssl_agrees_on_each_certificate(folder: Path, label: str, expected: str) -> None:
    lists = [part for name in ("icp-root", "ac1", "ac2") for part in ("-CRLfile", f"{name}.crl.pem")]
    authorities = ["-CAfile", "icp-root.pem", "-untrusted", "ac1.pem", "-untrusted", "ac2.pem"]
    said = _openssl(folder, "verify", "-crl_check_all", "-extended_crl", *lists, *authorities, f"{label}.pem")
    assert expected in said


@pytest.mark.parametrize(("label", "expected"), [("e-cpf-a1", "good"), ("revoked", "revoked")])
def test_openssl_understands_the_responder(pki: ToyPki, folder: Path, label: str, expected: str) -> None:
    question = ["-issuer", "ac2.pem", "-cert", f"{label}.pem", "-url", f"{pki.url}/icp/ocsp/ac2", "-no_nonce"]
    bundle = b"".join((folder / f"{name}.pem").read_bytes() for name in ("icp-root", "ac1", "ac2"))
    (folder / "all.pem").write_bytes(bundle)
    said = _openssl(folder, "ocsp", *question, "-CAfile", "all.pem")
    assert "Response verify OK" in said
    assert f"{label}.pem: {expected}" in said


def test_a_question_by_get_is_answered_too_and_times_have_no_fractions(pki: ToyPki) -> None:
    issuer = _certificate(pki, "ac2")
    question = ocsp.OCSPRequestBuilder().add_certificate(_certificate(pki, "e-cpf-a1"), issuer, hashes.SHA1()).build()
    text = quote(base64.b64encode(question.public_bytes(serialization.Encoding.DER)), safe="")
    answer = httpx.get(f"{pki.url}/icp/ocsp/ac2/{text}").content
    response = ocsp.load_der_ocsp_response(answer)
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.produced_at_utc.strftime("%Y%m%d%H%M%SZ").encode() in answer


def test_it_goes_away_and_comes_back(pki: ToyPki) -> None:
    address = f"{pki.url}/icp/crls/ac2/latest.crl"
    with pki.down(), pytest.raises(httpx.ConnectError):
        httpx.get(address)
    assert httpx.get(address).status_code == 200
    with pki.answering("/icp/crls/ac2/latest.crl", 503):
        assert httpx.get(address).status_code == 503
    assert httpx.get(f"{pki.url}/icp/crls/nobody/latest.crl").status_code == 404


@pytest.mark.parametrize("label", ["e-cpf-a1", "e-cpf-a3-ec", "qualified"])
def test_a_pfx_holds_key_certificate_and_issuers(pki: ToyPki, label: str) -> None:
    key, certificate, issuers = pkcs12.load_key_and_certificates(pki.pfx(label, "secret"), b"secret")
    assert key is not None
    assert certificate == _certificate(pki, label)
    assert key.public_key() == certificate.public_key()
    assert tuple(found.public_bytes(serialization.Encoding.DER) for found in issuers) == pki.issuers(label)


def test_a_certificate_stays_the_same(pki: ToyPki) -> None:
    assert all(pki.certificate(label) == pki.certificate(label) for label in pki.labels)


def _certificate(pki: ToyPki, label: str) -> x509.Certificate:
    return x509.load_der_x509_certificate(pki.certificate(label))


def _openssl(folder: Path, *arguments: str) -> str:
    """What it says, on either stream: its exit status says less."""
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
