"""Every route of the wire contract that is built: how it is called right. Each fault is then one change of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

SESSIONS = "/api/signature-sessions"
DOCUMENTS = "/api/documents"
KEYS = "/api/document-keys"
PLAIN = "/api/plain-uploads"
MULTIPART = "/Api/MultipartUploads"
SIGNATURE = "/api/signature"
COMPLETION = "/api/signature/completion"
INSPECTION = "/api/signature-inspection"
AUTHENTICATION = "/api/v2/authentication"
AUTHENTICATED = "/api/v2/authentication/completion"
APPLICATIONS = "/api/applications"
INFO = "/api/system/info"

UNKNOWN = UUID(int=0x7A2C2F267CF14C1A8A7C6BB7FD0E5C44)
UNKNOWN_TOKEN = "x" * 43


@dataclass(frozen=True)
class Operation:
    """A request whose form is right; the things it names do not exist."""

    method: str
    path: str
    json: Any = None
    content: bytes | None = None
    kind: str | None = None
    """The media type of `content`."""
    empty_is_fine: bool = False
    """The body may be left out."""
    writes: bool = True
    """A Monitor may not."""
    unknown: str | None = None
    """The code of a 422 for what the path names."""

    @property
    def takes_json(self) -> bool:
        return self.json is not None

    def send(self, client: httpx.Client, **change: Any) -> httpx.Response:
        """Send it; `change` replaces arguments of httpx."""
        arguments: dict[str, Any] = {"json": self.json} if self.takes_json else {"content": self.content}
        if "content" in change:
            arguments.pop("json", None)
        kind = {"Content-Type": self.kind} if self.kind else {}
        headers = {**kind, **change.pop("headers", {})}
        return client.request(self.method, change.pop("path", self.path), headers=headers, **{**arguments, **change})

    def __str__(self) -> str:
        path = self.path.replace(str(UNKNOWN), "{id}").replace(UNKNOWN_TOKEN, "{token}")
        return f"{self.method} {path.partition('?')[0]}"


_FORM = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.pdf"\r\n\r\n%PDF-\r\n--b--\r\n'
_FILE = {"content": "JVBERi0=", "name": "a.pdf"}

KEYED: tuple[Operation, ...] = (
    Operation("POST", SESSIONS, json={}),
    Operation("GET", f"{SESSIONS}/{UNKNOWN}", writes=False, unknown="SignatureSessionNotFound"),
    Operation("GET", f"{SESSIONS}/{UNKNOWN}/when-completed", writes=False, unknown="SignatureSessionNotFound"),
    Operation("GET", f"{DOCUMENTS}/{UNKNOWN}", writes=False, unknown="DocumentNotFound"),
    Operation("GET", f"{DOCUMENTS}/{UNKNOWN}/signers", writes=False, unknown="DocumentNotFound"),
    Operation("GET", f"{DOCUMENTS}/keys/2345-6789-ABCD-EFGH", writes=False),
    Operation("POST", KEYS, json={}, empty_is_fine=True),
    Operation("POST", f"{KEYS}/batch", json={"count": 1}),
    Operation("GET", f"{KEYS}/2345-6789-ABCD-EFGH", writes=False),
    Operation("GET", f"{KEYS}/unused?metadataName=a&metadataValue=b", writes=False),
    Operation("POST", PLAIN, content=_FORM, kind="multipart/form-data; boundary=b"),
    Operation("POST", MULTIPART),
    Operation(
        "POST",
        f"{MULTIPART}/{UNKNOWN_TOKEN}/0",
        content=b"part",
        kind="application/octet-stream",
        unknown="UploadNotFound",
    ),
    Operation("POST", f"{MULTIPART}/{UNKNOWN_TOKEN}", json={"partETags": ['"x"']}, unknown="UploadNotFound"),
    Operation("POST", SIGNATURE, json={"file": _FILE, "certificate": {"content": "MAA="}}),
    Operation("POST", COMPLETION, json={"state": "x", "signature": "AAAA"}, unknown="BadSignatureState"),
    Operation("PUT", INSPECTION, json={"file": _FILE}),
    Operation("POST", AUTHENTICATION, json={}, empty_is_fine=True),
    Operation(
        "POST",
        AUTHENTICATED,
        json={"state": "x", "certificate": "MAA=", "signature": "AAAA"},
        unknown="BadSignatureState",
    ),
    Operation("POST", APPLICATIONS, json={"name": "made by a test of refusals"}),
    Operation(
        "POST",
        f"{APPLICATIONS}/{UNKNOWN}/api-keys",
        json={"description": "x"},
        empty_is_fine=True,
        unknown="ApplicationNotFound",
    ),
    Operation("GET", f"{APPLICATIONS}/{UNKNOWN}/default-document-metadata", unknown="ApplicationNotFound"),
    Operation("PUT", f"{APPLICATIONS}/{UNKNOWN}/default-document-metadata", json={}, unknown="ApplicationNotFound"),
)
"""Each needs an API key. `writes` is also true of what only managers may read."""

WITH_JSON = tuple(one for one in KEYED if one.takes_json)
WITH_IDS = tuple(one for one in KEYED if str(UNKNOWN) in one.path)
