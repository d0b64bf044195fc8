"""A fake of the Web eID extension and its program, with a card that holds a real key."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from playwright.sync_api import Page

from tests.pki import authority

SCRIPT = Path(__file__).with_suffix(".js")
HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}
MAX_MESSAGE = 8192
"""Bytes that the program takes in one message."""


@dataclass
class Card:
    """A card in a reader. `refuses`: verb -> ``ERR_WEBEID_`` code that it answers instead."""

    kind: str = "rsa2048"
    version: str = "2.6.0"
    refuses: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    padding: str = ""

    def plug_into(self, page: Page) -> None:
        """From the next navigation on the page has the extension."""
        page.expose_function("webEidNative", self._native)
        page.add_init_script(path=SCRIPT)

    def _native(self, verb: str, fields: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(verb)
        assert len(repr(fields)) < MAX_MESSAGE
        if verb in self.refuses:
            return {"version": self.version, "error": self.refuses[verb]}
        if verb == "get-signing-certificate":
            assert fields == {"options": {"lang": "en"}}
            return {"version": self.version, "certificate": self._certificate, **self._supported()}
        if verb == "sign":
            return {"version": self.version, **self._sign(fields)}
        assert fields == {}
        return {"version": self.version}

    @property
    def _certificate(self) -> str:
        return b64encode(authority.leaf(self.kind).certificate_der).decode()

    def _supported(self) -> dict[str, Any]:
        return {"supportedSignatureAlgorithms": [self._algorithm(name) for name in HASHES]}

    def _algorithm(self, hash_function: str) -> dict[str, str]:
        ecc = not self.kind.startswith("rsa")
        scheme = self.padding or ("NONE" if ecc else "PKCS1.5")
        return {"cryptoAlgorithm": "ECC" if ecc else "RSA", "hashFunction": hash_function, "paddingScheme": scheme}

    def _sign(self, fields: dict[str, Any]) -> dict[str, Any]:
        assert set(fields) == {"certificate", "hash", "hashFunction", "options"}
        assert fields["certificate"] == self._certificate
        digest, algorithm = b64decode(fields["hash"], validate=True), HASHES[fields["hashFunction"]]
        assert len(digest) == algorithm.digest_size
        key = authority.leaf(self.kind).signing_key
        prehashed = utils.Prehashed(algorithm)
        if isinstance(key, rsa.RSAPrivateKey):
            value = key.sign(digest, padding.PKCS1v15(), prehashed)
        else:
            value = _concatenated(key.sign(digest, ec.ECDSA(prehashed)), (key.curve.key_size + 7) // 8)
        return {"signature": b64encode(value).decode(), "signatureAlgorithm": self._algorithm(fields["hashFunction"])}


def _concatenated(der: bytes, size: int) -> bytes:
    """r and s as cards give them, `size` bytes each."""
    return b"".join(number.to_bytes(size, "big") for number in utils.decode_dss_signature(der))
