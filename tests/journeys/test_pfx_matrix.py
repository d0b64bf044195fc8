"""Certificate files of every kind, opened by the built key worker in Chromium under the page's own policy; what the
keys sign is verified here."""

from __future__ import annotations

import random
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509 import Certificate, load_der_x509_certificate
from playwright.sync_api import Browser, Page

from tests.harness.server import ROOT, Server, base64
from tests.harness.tools import require_tools
from tests.pki import pfx_files
from tests.pki.pfx_files import Authority, PfxFile

MESSAGE = b"what is signed"
CODES = {"wrong-secret", "no-certificate", "no-private-key", "pem", "unsupported", "failed"}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}

RUNNER = """
(address) => {
  const policy = trustedTypes.createPolicy('signroom', { createScriptURL: (url) => url });
  const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const textOf = (bytes) => btoa(String.fromCharCode(...bytes));
  window.startWorker = () => new Worker(policy.createScriptURL(address), { type: 'module' });
  // The answers until the last one to a request: as the page itself asks (web/src/keysource/pfx.ts).
  window.ask = (worker, request) => new Promise((resolve, reject) => {
    const answers = [];
    worker.onmessage = ({ data }) => {
      answers.push(data);
      if (data.kind !== 'signed') resolve(answers);
    };
    worker.onerror = (event) => reject(new Error(`the worker failed: ${event.message}`));
    worker.postMessage(request);
  });
  window.openFile = async ([file, password]) => {
    const worker = startWorker();
    const gaps = watchGaps();
    const started = performance.now();
    const [opened] = await ask(worker, { kind: 'open', file: bytesOf(file), password });
    const result = { took: performance.now() - started, longest: gaps(), code: opened.code ?? null, keys: [] };
    for (const [identity, { certificate }] of (opened.identities ?? []).entries()) {
      const data = new TextEncoder().encode('what is signed');
      const items = ['SHA-256', 'SHA-384', 'SHA-512'].map((hashAlg) => ({ id: hashAlg, data, hashAlg }));
      const answers = await ask(worker, { kind: 'sign', identity, items });
      const values = answers.filter(({ kind }) => kind === 'signed').map(({ id, value }) => [id, textOf(value)]);
      result.keys.push({ certificate: textOf(certificate), values });
    }
    worker.terminate();
    return result;
  };
  window.openAll = async ([files, password]) => {
    window.one ??= startWorker();
    const codes = [];
    for (const file of files) {
      const [answer] = await ask(one, { kind: 'open', file: bytesOf(file), password });
      codes.push(answer.code ?? answer.kind);
    }
    return codes;
  };
  // The longest time, in milliseconds, in which this page could do nothing.
  const watchGaps = () => {
    let [last, longest] = [performance.now(), 0];
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 10);
    return () => (clearInterval(timer), Math.max(longest, performance.now() - last));
  };
}
"""


@dataclass
class Reader:
    """A page of ours that can start the key worker."""

    page: Page

    def open(self, file: PfxFile) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("(given) => openFile(given)", [base64(file.data), file.password])
        return found

    def codes(self, files: list[bytes], password: str) -> list[str]:
        """Each file's error code, or ``opened``; all in one worker."""
        found: list[str] = self.page.evaluate("(given) => openAll(given)", [[base64(f) for f in files], password])
        return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    require_tools("openssl")
    return Authority(tmp_path_factory.mktemp("pfx"))


@pytest.fixture(scope="module")
def reader(sqlite_server: Server, browser: Browser) -> Iterator[Reader]:
    page = browser.new_page()
    page.goto(f"{sqlite_server.url}/sign/no-session")
    worker: Path = next(ROOT.glob("src/signroom/page/static/assets/worker-*.js"))
    page.evaluate(RUNNER, f"/sign/assets/{worker.name}")
    yield Reader(page)
    page.close()


@pytest.fixture(scope="module")
def openssl_files(authority: Authority) -> list[PfxFile]:
    """Made once: each is a run of OpenSSL, and some have 600,000 rounds."""
    return list(pfx_files.openssl_files(authority))


@pytest.fixture(scope="module")
def files_by_hand(authority: Authority) -> list[PfxFile]:
    return list(pfx_files.files_by_hand(authority))


def faults(reader: Reader, files: Iterable[PfxFile]) -> list[str]:
    """One line per file that does not give what it holds."""
    return [f"{file.name} ({file.row}): {fault}" for file in files if (fault := _fault(reader.open(file), file))]


def _fault(found: dict[str, Any], file: PfxFile) -> str | None:
    if found["code"] != file.code:
        return f"{found['code']} instead of {file.code}"
    certificates = [b64decode(key["certificate"]) for key in found["keys"]]
    if certificates != [identity.der for identity in file.identities]:
        return "other certificates than those of its keys"
    for der, key in zip(certificates, found["keys"], strict=True):
        values = dict(key["values"])
        if set(values) != set(HASHES):
            return "not every hash could be signed"
        for name, value in values.items():
            _verify(load_der_x509_certificate(der), b64decode(value), HASHES[name])
    return None


def _verify(certificate: Certificate, value: bytes, algorithm: hashes.HashAlgorithm) -> None:
    """Raises: InvalidSignature."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(value, MESSAGE, padding.PKCS1v15(), algorithm)
        return
    assert isinstance(key, ec.EllipticCurvePublicKey)
    half = len(value) // 2  # WebCrypto writes r and s, one after the other
    r, s = (int.from_bytes(part, "big") for part in (value[:half], value[half:]))
    key.verify(utils.encode_dss_signature(r, s), MESSAGE, ec.ECDSA(algorithm))


def test_every_file_of_openssl_gives_its_keys(reader: Reader, openssl_files: list[PfxFile]) -> None:
    assert faults(reader, openssl_files) == []


def test_every_file_by_hand_gives_its_keys(reader: Reader, files_by_hand: list[PfxFile]) -> None:
    assert faults(reader, files_by_hand) == []


@pytest.mark.parametrize("made_by", [pfx_files.cryptography_files, pfx_files.files_to_refuse])
def test_every_file_gives_its_keys_or_says_why_not(
    reader: Reader, authority: Authority, made_by: Callable[[Authority], Iterator[PfxFile]]
) -> None:
    assert faults(reader, made_by(authority)) == []


def test_every_file_of_javas_keytool_gives_its_keys(reader: Reader, authority: Authority) -> None:
    require_tools("keytool")

    assert faults(reader, pfx_files.keytool_files(authority)) == []


def test_a_file_that_takes_long_leaves_the_page_alive(reader: Reader, openssl_files: list[PfxFile]) -> None:
    slow = next(file for file in openssl_files if file.name == "openssl-600k")

    found = reader.open(slow)

    assert found["code"] is None
    assert found["took"] > 40, "600,000 rounds were expected to take longer than some beats of the page"
    assert found["longest"] < found["took"] / 2


def test_2000_damaged_files_give_typed_errors_only(
    reader: Reader, openssl_files: list[PfxFile], files_by_hand: list[PfxFile]
) -> None:
    small = [file for file in files_by_hand if file.name in {"hand-ber-legacy", "hand-ber-modern"}]
    small += [file for file in openssl_files if file.name in {"openssl-nomac", "openssl-none-nomac"}]
    chance = random.Random(4)  # the same damages in each run

    codes = [
        code
        for file in small
        for code in reader.codes([_damaged(file.data, chance) for _ in range(500)], file.password)
    ]

    assert len(codes) == 2000
    assert set(codes) <= CODES | {"opened"}
    assert codes.count("opened") < 1000, "the damage must reach something"


def _damaged(whole: bytes, chance: random.Random) -> bytes:
    """One to three damages, half of them at the front: a bit flipped, a byte replaced, a piece cut or doubled."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(min(len(data), chance.choice((120, len(data)))) or 1)
        piece = data[at : at + chance.randint(1, 40)]
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = bytes([(piece[0] if piece else 0) ^ 1 << chance.randrange(8)])
            case 1:
                data[at : at + 1] = chance.choice((b"\x80", b"\xff", b"\x84", b"\x00", b"\x30", b"\x24"))
            case 2:
                del data[at : at + len(piece)]
            case _:
                data[at:at] = piece
    return bytes(data)
