"""A signer without a browser: signs (or cancels) a session through the page's own API, with the page's own checks.

It compares the digest of the bytes it holds with what it is asked to sign, before it uses a key
(``docs/page-api.md``). A file that is refused is named with its code, and the others are signed without it.
"""

from __future__ import annotations

import hashlib
import re
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import canonicalize

import httpx
from asn1crypto import cms
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from signroom.cli.printing import tell

DONE, USAGE, REFUSED, PROCESSING_ERROR = 0, 2, 3, 4
_CHUNK = 1 << 20
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 600

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}


_MAX_TEXT = 32 << 20
"""Bytes of a CMS object in a text form."""
_MAX_LAYERS = 3
_MIME_HEADER = re.compile(
    rb"(?:(?:content-[a-z-]+|mime-version|x-[a-z-]+):[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)+\r?\n", re.IGNORECASE
)
_LABEL = re.compile(rb"-----BEGIN [A-Z0-9 #]+-----")


class RobotError(Exception):
    """Ends the run with `exit_code`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class FileRefusedError(RobotError):
    """The service does not take one file; the session goes on."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a robot is to do with one session."""

    redirect_url: str
    files: list[Path]
    demo: bool
    pfx: Path | None
    password: str = field(repr=False)
    cancel: bool
    as_json: bool = False


def run_robot(task: Task) -> int:
    """Do what was asked and print where a browser would end. Returns the exit code."""
    refused: list[str] = []
    try:
        _require_one_key(demo=task.demo, pfx=task.pfx, cancel=task.cancel)
        with _Page(task.redirect_url) as page:
            session = page.cancel() if task.cancel else _sign(page, task, refused)
    except RobotError as error:
        print(f"signroom robot: {error}", file=sys.stderr)
        return error.exit_code
    except httpx.HTTPError as error:
        print(f"signroom robot: the service does not answer: {error}", file=sys.stderr)
        return REFUSED
    facts = {"status": session["status"], "returnUrl": session["returnUrl"], "refused": refused}
    tell(facts, session["status"], session["returnUrl"] or "closed", as_json=task.as_json)
    asked = "UserCancelled" if task.cancel else "Completed"
    # In the background the signer is gone before anything is processed.
    left = session["background"] and session["status"] == "Processing"
    done = not refused and (left or session["status"] == asked)
    return DONE if done else PROCESSING_ERROR


def _require_one_key(*, demo: bool, pfx: Path | None, cancel: bool) -> None:
    if cancel and (demo or pfx):
        raise RobotError("--cancel needs no key.", USAGE)
    if not cancel and demo == (pfx is not None):
        raise RobotError("Choose one key: --demo or --pfx FILE.", USAGE)


def _sign(page: _Page, task: Task, refused: list[str]) -> dict[str, Any]:
    """Returns the session at its end; the names of files that were not taken are put into `refused`."""
    files, pfx = task.files, task.pfx
    for file in files:
        if not file.is_file():
            raise RobotError(f"There is no file {file}.", USAGE)
    if pfx is not None:  # before anything is uploaded: a wrong password must not leave half a session
        key, certificate, chain = _open_pfx(pfx, task.password)
    held: dict[str, Path] = {}
    for file in files:
        try:
            held[page.upload(file)["id"]] = file
        except FileRefusedError as error:
            if len(refused) + 1 == len(files):  # not one was taken: there is nothing to sign
                raise
            refused.append(file.name)
            print(f"{file.name}: {error}", file=sys.stderr)
            continue
        if not task.as_json:
            print(f"uploaded {file.name}")
    if pfx is None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, chain = page.demo_certificate(key)
    documents = {document["id"]: document for document in page.call("GET", "load")["documents"]}
    preparation = page.call("POST", "prepare", {"certificate": _b64(certificate), "chain": [_b64(c) for c in chain]})
    for one in preparation["refused"]:
        refused.append(documents[one["documentId"]]["name"])
        print(f"{refused[-1]}: {_told(one)}", file=sys.stderr)
    values = []
    for item in preparation["items"]:
        document = documents[item["documentId"]]
        page.require_same_digest(preparation["preparationId"], item, document, held.get(item["documentId"]))
        value = _sign_bytes(key, b64decode(item["toSign"]), _HASHES[item["digestAlgorithm"]]())
        values.append({"documentId": item["documentId"], "value": _b64(value)})
    session = page.call("POST", "finish", {"preparationId": preparation["preparationId"], "signatures": values})
    return page.wait_until_processed(session)


_SIGNATURES = ["{http://www.w3.org/2000/09/xmldsig#}Signature"]


class _Page:
    """The page API of one session."""

    def __init__(self, redirect_url: str) -> None:
        parts = urlsplit(redirect_url)
        before, _, link = parts.path.rpartition("/")
        if parts.scheme not in {"http", "https"} or before != "/sign" or not link:
            raise RobotError("The address is not a redirectUrl (https://host/sign/...).", USAGE)
        # trust_env: a proxy of the environment is not for a server under test.
        self._client = httpx.Client(base_url=f"{parts.scheme}://{parts.netloc}/sign/api/", timeout=120, trust_env=False)
        self._link = link

    def __enter__(self) -> _Page:
        token = self.call("POST", "renew", {"link": self._link})["token"]
        self._client.headers["X-Signature-Session-Token"] = token
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.close()

    def call(self, method: str, verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return _answer(self._client.request(method, verb, json=body))

    def upload(self, file: Path) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(file.stat().st_size),
            "X-File-Name": quote(file.name, safe=""),
        }
        response = self._client.put("upload", content=_chunks(file), headers=headers)
        try:
            return _answer(response)
        except RobotError as error:
            if _is_about_the_file(response):
                raise FileRefusedError(str(error), error.exit_code) from error
            raise

    def cancel(self) -> dict[str, Any]:
        return self.call("POST", "cancel", {})

    def demo_certificate(self, key: Key) -> tuple[bytes, list[bytes]]:
        encoding, kind = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        public = key.public_key().public_bytes(encoding, kind)
        answer = self.call("POST", "demo-certificate", {"publicKey": _b64(public), "name": "Robot"})
        return b64decode(answer["certificate"]), [b64decode(c) for c in answer["chain"]]

    def require_same_digest(
        self, preparation_id: str, item: dict[str, Any], document: dict[str, Any], held: Path | None
    ) -> None:
        """Raises: RobotError unless what is to be signed is the file that we hold, or have fetched."""
        if item["signatureType"] == "Xml":
            self._require_same_xml(preparation_id, item, held)
            return
        if item["signatureType"] == "Cms" and document["signatures"]:
            self._require_same_content(item, held)
            return
        digest = hashlib.new(item["digestAlgorithm"].lower())
        length = 0
        for chunk in _chunks(held) if held else self._original(item["documentId"]):
            digest.update(chunk)
            length += len(chunk)
        digest.update(b64decode(item["tailBefore"]))
        digest.update(b64decode(item["tailAfter"]))
        if length != item["originalLength"] or _message_digest(item) != digest.digest():
            raise RobotError("The server asks for a signature on another file than the one shown.", REFUSED)

    def _require_same_content(self, item: dict[str, Any], held: Path | None) -> None:
        """Of a CMS object that gets one signer more: what is signed is the content inside."""
        original = b"".join(_chunks(held) if held else self._original(item["documentId"]))
        content = _content_of(original)
        name = item["digestAlgorithm"].lower()
        if content is None or _message_digest(item) != hashlib.new(name, content).digest():
            raise RobotError("The server asks for a signature on another file than the one shown.", REFUSED)

    def _require_same_xml(self, preparation_id: str, item: dict[str, Any], held: Path | None) -> None:
        """What is signed is the canonical form: its digest is in SignedInfo, and it says what the original says."""
        signed = b"".join(self._file(f"canonical/{preparation_id}/{item['documentId']}"))
        original = b"".join(_chunks(held) if held else self._original(item["documentId"]))
        digest = _b64(hashlib.new(item["digestAlgorithm"].lower(), signed).digest())
        named = f"<ds:DigestValue>{digest}</ds:DigestValue>".encode() in b64decode(item["toSign"])
        # Earlier signatures are left out of what a later one covers.
        if not named or canonicalize(original, exclude_tags=_SIGNATURES) != canonicalize(signed):
            raise RobotError("The server asks for a signature on another file than the one shown.", REFUSED)

    def wait_until_processed(self, session: dict[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while session["status"] == "Processing" and not session["background"]:
            if time.monotonic() > deadline:
                raise RobotError("The documents are still being processed; giving up.", PROCESSING_ERROR)
            time.sleep(_POLL_SECONDS)
            session = self.call("GET", "load")
        for document in session["documents"]:
            if document["processingErrorCode"] and not document["leftOut"]:  # those were named before
                detail = document["processingErrorDetail"] or ""
                print(f"{document['name']}: {document['processingErrorCode']} {detail}".rstrip(), file=sys.stderr)
        return session

    def _original(self, document_id: str) -> Iterator[bytes]:
        return self._file(f"original/{document_id}")

    def _file(self, path: str) -> Iterator[bytes]:
        with self._client.stream("GET", path) as response:
            if response.is_error:
                response.read()
                _answer(response)
            yield from response.iter_bytes(_CHUNK)


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        body: dict[str, Any] = response.json()
    except ValueError as error:
        raise RobotError(f"The address answers {response.status_code}, not JSON.", REFUSED) from error
    if response.is_error:
        raise RobotError(_told(body), REFUSED)
    return body


def _told(body: dict[str, Any]) -> str:
    return f"{body.get('code')}: {body.get('message')} {body.get('detail') or ''}".rstrip()


def _is_about_the_file(response: httpx.Response) -> bool:
    """False for what would be answered for every other file too."""
    code = response.json().get("code", "")
    ours = response.status_code in {400, 413, 422}
    return ours and "Session" not in code and code != "TooManyDocuments"


def _message_digest(item: dict[str, Any]) -> bytes:
    attributes = cms.CMSAttributes.load(b64decode(item["toSign"]))
    named = {attribute["type"].native: attribute["values"] for attribute in attributes}
    digest: bytes = named["message_digest"][0].native
    return digest


def _content_of(file: bytes) -> bytes | None:
    """The content inside a CMS object, which may be in a text form; None when it is not inside or cannot be read."""
    try:
        for _layer in range(_MAX_LAYERS):
            if file[:1] == b"\x30" or len(file) > _MAX_TEXT:
                break
            file = _decoded(file)
        content: bytes | None = cms.ContentInfo.load(file)["content"]["encap_content_info"]["content"].native
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    return content


def _decoded(text: bytes) -> bytes:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = text[2:].replace(b"\0", b"")
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    for before in (_MIME_HEADER, _LABEL):
        found = before.match(text)
        text = text if found is None else text[found.end() :].lstrip()
    letters = b"".join(text.partition(b"-----END")[0].split())
    return b64decode(letters + b"=" * (-len(letters) % 4), validate=True)


def _open_pfx(file: Path, password: str) -> tuple[Key, bytes, list[bytes]]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RobotError(f"{file} cannot be read: {error.strerror}.", USAGE) from error
    try:
        found = pkcs12.load_pkcs12(content, password.encode())
    except ValueError as error:
        raise RobotError(f"{file.name} cannot be opened: wrong password, or not a PKCS#12 file.", USAGE) from error
    if found.cert is None or not isinstance(found.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise RobotError(f"{file.name} has no certificate with an RSA or EC key.", USAGE)
    der = serialization.Encoding.DER
    chain = [c.certificate.public_bytes(der) for c in found.additional_certs]
    return found.key, found.cert.certificate.public_bytes(der), chain


def _sign_bytes(key: Key, data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), algorithm)
    return key.sign(data, ec.ECDSA(algorithm))


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            yield chunk


def _b64(data: bytes) -> str:
    return b64encode(data).decode()
