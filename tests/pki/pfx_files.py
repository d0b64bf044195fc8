"""PKCS#12 files of every kind that signers bring, with a manifest that says what a reader must find in each.

Made with OpenSSL, Python's `cryptography`, Java's keytool when it is there, and by hand (`pkcs12_by_hand`)::

    python -m tests.pki.pfx_files FOLDER [--all]

`web/tests/vectors/` holds one run of it: `web/`'s tests need no Python. All keys are made for one run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from tests.pki import pkcs12_by_hand as by_hand
from tests.pki.pkcs12_by_hand import Certificate, Key, Password, Recipe

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

PASSWORD = "correct horse"
NON_ASCII = "sénhaç€"
CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "brainpool": ec.BrainpoolP256R1(),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A key with its certificate and what leads up from it."""

    kind: str
    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    @property
    def pkcs8(self) -> bytes:
        """The private key, DER."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class PfxFile:
    """One file and what a reader must make of it: identities, or the code of an error. `extra`: large or slow."""

    name: str
    row: str
    data: bytes
    password: str = PASSWORD
    identities: tuple[Identity, ...] = ()
    code: str | None = None
    extra: bool = False


class Authority:
    """A root and an intermediate that issue to any key; P-256, so that files stay small."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _certificate("Root", "Root", root_key.public_key(), root_key)
        self.chain = (_certificate("Intermediate", "Root", self._key.public_key(), root_key), root)
        self._issued: dict[str, Identity] = {}

    def identity(self, kind: str) -> Identity:
        """The one identity of this kind: `RSA-2048`, `P-256`, `Ed25519`..."""
        if kind not in self._issued:
            self._issued[kind] = self.issue(kind, f"Ana {kind}")
        return self._issued[kind]

    def issue(self, kind: str, name: str) -> Identity:
        """A new key of this kind with a certificate in this name."""
        key = _private_key(kind)
        return Identity(kind, key, _certificate(name, "Intermediate", key.public_key(), self._key), self.chain)


def main() -> None:
    """Write the files and `manifest.json` into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="large and slow files too")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        authority = Authority(Path(scratch))
        files = [each for each in all_files(authority) if arguments.all or not each.extra]
    for each in files:
        (folder / f"{each.name}.p12").write_bytes(each.data)
    lines = ",\n".join(json.dumps(_entry(each), ensure_ascii=False) for each in files)
    chain = json.dumps([_fingerprint(each) for each in authority.chain])
    (folder / "manifest.json").write_text(f'{{"chain": {chain}, "files": [\n{lines}\n]}}\n')


def all_files(authority: Authority) -> Iterator[PfxFile]:
    """Every file, OpenSSL's first."""
    yield from openssl_files(authority)
    yield from cryptography_files(authority)
    if shutil.which("keytool"):
        yield from keytool_files(authority)
    yield from files_by_hand(authority)
    yield from files_to_refuse(authority)


def openssl_files(authority: Authority) -> Iterator[PfxFile]:
    """What `openssl pkcs12 -export` writes, old and new."""

    def export(name: str, row: str, kind: str, *flags: str, password: str = PASSWORD) -> PfxFile:
        identity = authority.identity(kind)
        data = _openssl_export(authority.folder, identity, password, flags)
        return PfxFile(name, row, data, password, (identity,))

    legacy, modern = "legacy: RC2-40 certificates, 3DES key, SHA-1 MAC", "modern: PBES2 AES-256, SHA-256 MAC"
    yield export("openssl-legacy-rsa2048", legacy, "RSA-2048", "-legacy")
    yield replace(export("openssl-legacy-rsa4096", legacy, "RSA-4096", "-legacy"), extra=True)
    csp = ("-LMK", "-CSP", "Microsoft Enhanced RSA and AES Cryptographic Provider")
    yield export("openssl-legacy-lmk-csp", legacy, "P-256", "-legacy", *csp)
    for kind in ("P-256", "P-384"):
        yield export(f"openssl-legacy-{kind}", "legacy, EC", kind, "-legacy")
    yield export("openssl-3des", "3DES for both", "P-256", "-legacy", "-descert")
    yield export("openssl-2des", "two-key 3DES", "P-256", "-legacy", *_both("PBE-SHA1-2DES"))
    yield export("openssl-rc2-128", "RC2-128 PBE", "P-256", "-legacy", *_both("PBE-SHA1-RC2-128"))
    yield export("openssl-modern-rsa2048", modern, "RSA-2048")
    yield replace(export("openssl-modern-rsa4096", modern, "RSA-4096"), extra=True)
    for kind in ("P-256", "P-384", "P-521"):
        yield export(f"openssl-modern-{kind}", modern, kind)
    for mac in ("sha1", "sha224", "sha384", "sha512"):
        yield export(f"openssl-mac-{mac}", f"MAC {mac}", "P-256", "-macalg", mac)
    yield export("openssl-aes128", "PBES2 AES-128", "P-256", *_both("AES-128-CBC"))
    yield export("openssl-aes192", "PBES2 AES-192", "P-256", *_both("AES-192-CBC"))
    yield export("openssl-pbes2-3des", "PBES2 with 3DES", "P-256", *_both("des-ede3-cbc"))
    for rc2 in ("rc2-cbc", "rc2-40-cbc"):
        yield export(f"openssl-pbes2-{rc2}", "PBES2 with RC2", "P-256", "-legacy", *_both(rc2))
    yield export("openssl-nomac", "no MAC", "P-256", "-nomac")
    yield export("openssl-nomac-legacy", "no MAC, legacy", "P-256", "-nomac", "-legacy")
    yield export("openssl-none", "nothing encrypted", "P-256", *_both("NONE"))
    yield export("openssl-none-nomac", "nothing encrypted, no MAC", "P-256", *_both("NONE"), "-nomac")
    yield export("openssl-certpbe-none", "certificates in the clear", "P-256", "-certpbe", "NONE")
    yield export("openssl-keypbe-none", "key in the clear", "P-256", "-keypbe", "NONE")
    yield export("openssl-empty-legacy", "empty password, legacy", "P-256", "-legacy", password="")
    yield export("openssl-empty-modern", "empty password, modern", "P-256", password="")
    yield export("openssl-non-ascii-legacy", "non-ASCII password, legacy", "P-256", "-legacy", password=NON_ASCII)
    yield export("openssl-non-ascii-modern", "non-ASCII password, modern", "P-256", password=NON_ASCII)
    many = "many iterations"
    yield export("openssl-100k", many, "P-256", "-iter", "100000")
    yield replace(export("openssl-600k", many, "P-256", "-iter", "600000"), extra=True)
    yield export("openssl-legacy-100k", many, "P-256", "-legacy", "-iter", "100000")
    yield export("openssl-nomaciter", "MAC of one iteration", "P-256", "-nomaciter")


def cryptography_files(authority: Authority) -> Iterator[PfxFile]:
    """What Python's `cryptography` writes."""
    builder = PrivateFormat.PKCS12.encryption_builder()
    triple = builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1())
    aes = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).kdf_rounds(50_000).hmac_hash(hashes.SHA256())

    def written(name: str, kind: str, encryption: KeySerializationEncryption) -> PfxFile:
        identity = authority.identity(kind)
        if isinstance(identity.key, ed25519.Ed25519PrivateKey):
            raise TypeError(kind)
        data = pkcs12.serialize_key_and_certificates(
            b"ana", identity.key, identity.certificate, identity.chain, encryption
        )
        return PfxFile(f"cryptography-{name}", "Python cryptography", data, PASSWORD, (identity,))

    yield written("best", "P-521", BestAvailableEncryption(PASSWORD.encode()))
    yield written("3des", "P-256", triple.build(PASSWORD.encode()))
    yield written("aes", "P-384", aes.build(PASSWORD.encode()))
    yield replace(written("clear", "P-256", NoEncryption()), password="")  # with a MAC of the empty password


def keytool_files(authority: Authority) -> Iterator[PfxFile]:
    """What Java writes when it takes over a key store, in its present and its former way."""
    for name, kind, java in (
        ("keytool-modern-rsa", "RSA-2048", ()),
        ("keytool-modern-ec", "P-256", ()),
        ("keytool-legacy", "RSA-2048", ("-J-Dkeystore.pkcs12.legacy",)),
        ("keytool-legacy-ec", "P-384", ("-J-Dkeystore.pkcs12.legacy",)),
    ):
        identity = authority.identity(kind)
        source = authority.folder / "source.p12"
        source.write_bytes(_openssl_export(authority.folder, identity, PASSWORD, ()))
        target = authority.folder / "target.p12"
        target.unlink(missing_ok=True)
        stores = ("-srckeystore", source, "-destkeystore", target, "-deststoretype", "PKCS12")
        secrets = ("-srcstorepass", PASSWORD, "-deststorepass", PASSWORD, "-noprompt")
        _run("keytool", *java, "-importkeystore", *stores, *secrets)
        extra = name == "keytool-modern-rsa"
        yield PfxFile(name, "Java keytool", target.read_bytes(), PASSWORD, (identity,), extra=extra)


def files_by_hand(authority: Authority) -> Iterator[PfxFile]:
    """What is met in the field and not written by the tools above."""
    one = authority.identity("P-256")
    secret, sha1, sha256 = Password.of(PASSWORD), by_hand.pkcs12_mac("sha1"), by_hand.pkcs12_mac("sha256")
    legacy = Recipe(secret, mac=sha1)
    modern = Recipe(secret, by_hand.pbes2("sha256"), sha256)

    def made(name: str, row: str, recipe: Recipe, *identities: Identity) -> PfxFile:
        found = identities or (one,)
        return PfxFile(name, row, by_hand.build(recipe, _bags(*found)), PASSWORD, found)

    yield made("hand-ber-legacy", "BER indefinite, chunked octets", replace(legacy, syntax=by_hand.BER))
    yield made("hand-ber-modern", "BER indefinite, chunked octets", replace(modern, syntax=by_hand.BER))
    for prf in ("sha1", "sha512"):
        yield made(f"hand-prf-{prf}", f"PBKDF2 with HMAC-{prf}", replace(modern, encrypt=by_hand.pbes2(prf)))
    yield made("hand-key-length", "PBKDF2 names its length", replace(modern, encrypt=by_hand.pbes2("sha256", 32)))
    for prf, mac in (("sha256", "sha256"), ("sha512", "sha256"), ("sha512", "sha512")):
        yield made(f"hand-pbmac1-{prf}-{mac}", "PBMAC1 (RFC 9579)", replace(modern, mac=by_hand.pbmac1(prf, mac)))
    yield made("hand-key-bag", "keys among the encrypted certificates", replace(modern, clear_keys=True))
    yield made("hand-nested", "SafeContents in SafeContents", replace(modern, nested=True))
    three = tuple(authority.issue(kind, f"Three {kind}") for kind in ("P-384", "RSA-2048", "P-256"))
    yield made("hand-three-keys", "several keys", legacy, *three)
    null = replace(legacy, password=Password(b"", b""))
    yield replace(made("hand-empty-null", "empty password without terminator", null), password="")
    widened = Password.of(NON_ASCII.encode().decode("latin-1")).bmp
    old = replace(legacy, password=Password(widened, NON_ASCII.encode()))
    yield replace(made("hand-widened", "non-ASCII password of OpenSSL 1.0", old), password=NON_ASCII)
    yield from files_with_odd_bags(authority, legacy, modern)


def files_with_odd_bags(authority: Authority, legacy: Recipe, modern: Recipe) -> Iterator[PfxFile]:
    """Certificates out of order, tied to nothing or to the wrong key, and keys in odd forms."""
    one = authority.identity("P-256")
    leaf, chain = Certificate(one.der), [Certificate(_der(each)) for each in one.chain]

    def made(name: str, row: str, data: bytes, *identities: Identity) -> PfxFile:
        return PfxFile(name, row, data, PASSWORD, identities or (one,))

    untied: tuple[Key | Certificate, ...] = (*reversed(chain), leaf, Key(one.pkcs8))
    yield made("hand-untied", "no localKeyId, root first", by_hand.build(modern, untied))
    wrong = (Certificate(chain[0].der, b"1"), leaf, chain[1], Key(one.pkcs8, b"1"))
    yield made("hand-tied-wrong", "localKeyId names another's certificate", by_hand.build(modern, wrong))
    twice: tuple[Key | Certificate, ...] = (leaf, leaf, *chain, *chain, Key(one.pkcs8))
    yield made("hand-twice", "every certificate twice", by_hand.build(modern, twice))
    without = Key(by_hand.without_public_key(one.pkcs8))
    yield made("hand-no-public-key", "EC key without its public key", by_hand.build(modern, (leaf, *chain, without)))
    indefinite = Key(by_hand.indefinite_private_key(one.pkcs8))
    yield made("hand-ber-key", "key in BER", by_hand.build(legacy, (leaf, *chain, indefinite)))
    broken = Certificate(leaf.der[:-200])
    yield made("hand-broken-certificate", "a broken certificate", by_hand.build(modern, (broken, *untied)))
    unusable = authority.identity("Ed25519")
    mixed = (*_bags(one), Certificate(unusable.der), Key(unusable.pkcs8))
    yield made("hand-mixed", "a usable key and one that is not", by_hand.build(modern, mixed))
    trailing = by_hand.build(legacy, _bags(one)) + b"\r\n"
    yield made("hand-trailing", "bytes after the file", trailing)


def files_to_refuse(authority: Authority) -> Iterator[PfxFile]:
    """Files that give no identity, each with the code that says why."""
    one, other = authority.identity("P-256"), authority.identity("P-384")
    secret = Password.of(PASSWORD)
    modern = Recipe(secret, by_hand.pbes2("sha256"), by_hand.pkcs12_mac("sha256"))

    def refused(name: str, row: str, code: str, data: bytes) -> PfxFile:
        return PfxFile(f"refuse-{name}", row, data, code=code)

    def exported(identity: Identity, *flags: str) -> bytes:
        return _openssl_export(authority.folder, identity, PASSWORD, flags)

    for kind in ("Ed25519", "brainpool"):
        yield refused(kind.lower(), f"{kind} key", "unsupported", exported(authority.identity(kind)))
    yield refused("rsa-pss", "RSA-PSS-only key", "unsupported", _pss_only(authority))
    for bits in ("128", "40"):
        rc4 = exported(one, "-legacy", *_both(f"PBE-SHA1-RC4-{bits}"))
        yield refused(f"rc4-{bits}", "RC4", "unsupported", rc4)
    yield refused("md5-mac", "MD5 MAC", "unsupported", exported(one, "-macalg", "md5"))
    yield refused("scrypt", "scrypt", "unsupported", by_hand.build(replace(modern, encrypt=by_hand.scrypt), _bags(one)))
    yield refused("signed", "public-key integrity", "unsupported", by_hand.public_key_mode())
    iterations = by_hand.promise_iterations(by_hand.build(modern, _bags(one)), 3_000_000)
    yield refused("3m-iterations", "3,000,000 iterations", "unsupported", iterations)
    yield refused("no-key", "certificates only", "no-private-key", exported(one, "-nokeys"))
    yield refused("no-certificate", "key only", "no-certificate", by_hand.build(modern, (Key(one.pkcs8, b"1"),)))
    strangers = (Certificate(other.der, b"1"), Key(one.pkcs8, b"1"))
    yield refused("strangers", "another key's certificate", "no-certificate", by_hand.build(modern, strangers))
    two = replace(modern, contents_password=Password.of("another"))
    yield refused("two-passwords", "contents with another password", "failed", by_hand.build(two, _bags(one)))
    whole = by_hand.build(modern, _bags(one))
    yield refused("truncated", "cut short", "failed", whole[: len(whole) // 2])
    yield refused("pdf", "not a PKCS#12 file", "failed", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n")
    yield refused("pem", "not a PKCS#12 file", "pem", one.certificate.public_bytes(Encoding.PEM))
    yield refused("certificate", "not a PKCS#12 file", "no-private-key", one.der)
    yield refused("empty", "empty file", "failed", b"")


def _entry(each: PfxFile) -> dict[str, object]:
    found = [[identity.kind, _fingerprint(identity.certificate)] for identity in each.identities]
    outcome: dict[str, object] = {"code": each.code} if each.code else {"identities": found}
    return {"file": f"{each.name}.p12", "row": each.row, "password": each.password, **outcome}


def _fingerprint(certificate: x509.Certificate) -> str:
    """The first 8 bytes of SHA-256: enough to tell certificates of one run apart."""
    return certificate.fingerprint(hashes.SHA256())[:8].hex()


def _bags(*identities: Identity) -> tuple[Key | Certificate, ...]:
    """Keys and certificates tied by localKeyId, then the issuers."""
    tied: list[Key | Certificate] = []
    for number, identity in enumerate(identities):
        tied += [Key(identity.pkcs8, bytes((number,))), Certificate(identity.der, bytes((number,)))]
    return (*tied, *(Certificate(_der(each)) for each in identities[0].chain))


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _both(scheme: str) -> tuple[str, ...]:
    return ("-keypbe", scheme, "-certpbe", scheme)


def _private_key(kind: str) -> PrivateKey:
    match kind.split("-"):
        case ["RSA", bits]:
            return rsa.generate_private_key(65537, int(bits))
        case ["Ed25519"]:
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return ec.generate_private_key(CURVES[kind])


def _certificate(
    subject: str,
    issuer: str,
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    def name(common: str) -> x509.Name:
        organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Signroom tests")
        return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    now = datetime.now(UTC).replace(microsecond=0)
    builder = x509.CertificateBuilder(name(issuer), name(subject), public_key, x509.random_serial_number())
    lasting = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=36_500))
    return lasting.sign(issuer_key, hashes.SHA256())


def _openssl_export(folder: Path, identity: Identity, password: str, flags: tuple[str, ...]) -> bytes:
    key, leaf, chain, out = (folder / name for name in ("key.pem", "leaf.pem", "chain.pem", "out.p12"))
    key.write_bytes(identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    leaf.write_bytes(identity.certificate.public_bytes(Encoding.PEM))
    chain.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in identity.chain))
    parts = ("-inkey", key, "-in", leaf, "-certfile", chain, "-name", "ana", "-out", out)
    _run("openssl", "pkcs12", "-export", *parts, "-passout", f"pass:{password}", *flags)
    return out.read_bytes()


def _pss_only(authority: Authority) -> bytes:
    """OpenSSL makes this one throughout: `cryptography` loses the restriction of the key."""
    key, leaf, out = (authority.folder / name for name in ("pss.pem", "pss.crt", "pss.p12"))
    _run("openssl", "genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
    _run("openssl", "req", "-x509", "-key", key, "-subj", "/CN=PSS", "-days", "36500", "-out", leaf)
    _run("openssl", "pkcs12", "-export", "-inkey", key, "-in", leaf, "-out", out, "-passout", f"pass:{PASSWORD}")
    return out.read_bytes()


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)  # the commands are this file's own


if __name__ == "__main__":
    main()
