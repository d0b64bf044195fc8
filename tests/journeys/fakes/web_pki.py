"""A fake of Lacuna Web PKI: a script with the same calls, and a program behind it that holds real keys."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.harness.server import signature
from tests.pki import authority

SCRIPT = Path(__file__).with_suffix(".js")
DIGESTS = {"SHA-256": "SHA256", "SHA-384": "SHA384", "SHA-512": "SHA512"}


@dataclass
class Store:
    """Certificates of the signer's computer. `refuses`: command -> code. `status`: of the installation, 0 is well."""

    kinds: tuple[str, ...] = ("rsa2048", "p256")
    status: int = 0
    refuses: dict[str, str] = field(default_factory=dict)
    licences: set[str | None] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    allowed: int = 1
    """Signatures that the signer has allowed."""

    def plug_into(self, page: Page) -> None:
        page.expose_function("webPkiNative", self._native)

    def _native(self, command: str, request: dict[str, Any], licence: str | None) -> dict[str, Any]:
        self.asked.append(command)
        self.licences.add(licence)
        if command in self.refuses:
            return {"code": self.refuses[command]}
        return {"value": self._value(command, request)}

    def _value(self, command: str, request: dict[str, Any]) -> Any:
        match command:
            case "init":
                return {"status": self.status}
            case "listCertificates":
                return [{"thumbprint": thumbprint, "subjectName": kind} for thumbprint, kind in self._listed().items()]
            case "readCertificate":
                return b64encode(authority.leaf(self._listed()[request["thumbprint"]]).certificate_der).decode()
            case "preauthorizeSignatures":
                assert request["certificateThumbprint"] in self._listed()
                self.allowed = request["signatureCount"]
                return None
            case "signData":
                self.allowed -= 1
                assert self.allowed >= 0, "more signatures than the signer allowed"
                key = authority.leaf(self._listed()[request["thumbprint"]]).signing_key
                data = b64decode(request["data"], validate=True)
                return b64encode(signature(key, data, DIGESTS[request["digestAlgorithm"]])).decode()
        raise AssertionError(command)

    def _listed(self) -> dict[str, str]:
        return {hashlib.sha256(authority.leaf(kind).certificate_der).hexdigest(): kind for kind in self.kinds}
