"""A timestamp authority that we did not write: ``openssl ts``, with certificates made once per process."""

from __future__ import annotations

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.pki.authority import DAY, NOW

POLICY = "1.2.3.4.1"
LIST = "http://lists.example.org/tsa.crl"
_PEM = serialization.Encoding.PEM
_CONFIGURATION = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
default_policy = {policy}
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
signer_digest = sha256
accuracy = secs:1
"""


@cache
def folder() -> Path:
    """Its root and its key, and certificates under the names of what is wrong with them."""
    made = Path(tempfile.mkdtemp(prefix="openssl-tsa-"))
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("TSA root", "TSA root", root_key, root_key, authority=True)
    (made / "root.pem").write_bytes(root.public_bytes(_PEM))
    (made / "key.pem").write_bytes(
        key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    stamping = [ExtendedKeyUsageOID.TIME_STAMPING]
    for name, purposes, critical in (
        ("good", stamping, True),
        ("not-critical", stamping, False),
        ("two-purposes", [*stamping, ExtendedKeyUsageOID.CODE_SIGNING], True),
        ("no-purpose", [], False),
    ):
        found = _certificate("TSA", "TSA root", key, root_key, purposes=purposes, critical=critical)
        (made / f"{name}.pem").write_bytes(found.public_bytes(_PEM))
    listed = _certificate("TSA", "TSA root", key, root_key, purposes=stamping, listed_at=LIST)
    (made / "listed.pem").write_bytes(listed.public_bytes(_PEM))
    entry = x509.RevokedCertificateBuilder().serial_number(listed.serial_number).revocation_date(NOW - DAY).build()
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.subject)
        .last_update(NOW - DAY)
        .next_update(NOW + 365 * DAY)
        .add_revoked_certificate(entry)
        .sign(root_key, hashes.SHA256())
    )
    (made / "revoked.crl").write_bytes(revoked.public_bytes(serialization.Encoding.DER))
    return made


@cache
def _own_folder(process: int) -> Path:
    """What each answer writes to. Workers of a run that were forked share `folder`, which nothing is written to."""
    made = folder() / str(process)
    made.mkdir()
    (made / "serial").write_text("01")
    (made / "openssl.cnf").write_text(_CONFIGURATION.format(folder=made, policy=POLICY))
    return made


def root_der() -> bytes:
    return x509.load_pem_x509_certificate((folder() / "root.pem").read_bytes()).public_bytes(serialization.Encoding.DER)


def list_of_revoked() -> bytes:
    """The list at `LIST`, on which the certificate ``listed`` is."""
    return (folder() / "revoked.crl").read_bytes()


def reply(query: bytes, certificate: str = "good") -> bytes:
    """TimeStampResp. OpenSSL itself refuses to sign with the certificates that are not `good` or ``listed``."""
    made, own = folder(), _own_folder(os.getpid())
    file = own / "query.tsq"
    file.write_bytes(query)
    arguments: list[str | Path] = [
        "-config",
        own / "openssl.cnf",
        "-queryfile",
        file,
        "-signer",
        made / f"{certificate}.pem",
    ]
    return _openssl("ts", "-reply", *arguments, "-inkey", made / "key.pem", "-chain", made / "root.pem")


def query(digest: bytes, algorithm: str = "sha256", *options: str, certificates: bool = True) -> bytes:
    """TimeStampReq."""
    wanted = ["-cert"] if certificates else []
    return _openssl("ts", "-query", f"-{algorithm}", "-digest", digest.hex(), *wanted, *options)


def is_good(query: bytes, reply: bytes, root_pem: Path, folder: Path, *options: str) -> bool:
    """Whether openssl accepts `reply` as the answer to `query`."""
    asked, answered = folder / "asked.tsq", folder / "answered.tsr"
    asked.write_bytes(query)
    answered.write_bytes(reply)
    found = subprocess.run(
        ["openssl", "ts", "-verify", "-queryfile", asked, "-in", answered, "-CAfile", root_pem, *options],
        capture_output=True,
        check=False,
    )
    return found.returncode == 0 and b"Verification: OK" in found.stdout + found.stderr


def is_good_token(digest: bytes, token: bytes, root_pem: Path, folder: Path) -> bool:
    """Whether openssl accepts `token` as a timestamp of the data with this SHA-256."""
    file = folder / "token.der"
    file.write_bytes(token)
    found = subprocess.run(
        ["openssl", "ts", "-verify", "-digest", digest.hex(), "-in", file, "-token_in", "-CAfile", root_pem],
        capture_output=True,
        check=False,
    )
    return found.returncode == 0 and b"Verification: OK" in found.stdout + found.stderr


def _openssl(*arguments: str | Path) -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True).stdout


def _certificate(
    name: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool = False,
    purposes: list[x509.ObjectIdentifier] | None = None,
    critical: bool = True,
    listed_at: str | None = None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 365 * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=critical)
    if listed_at is not None:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(listed_at)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
