"""The honest tenants: each reads a session all the time, and opens and signs others. What they wait for is measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.harness.server import TLS, Json, base64, values_of
from tests.soak.load.service import Service
from tests.vectors import hard_pdfs

SESSIONS = "/api/signature-sessions"
READ_PAUSE_SECONDS = 0.05
SIGN_PAUSE_SECONDS = 0.4
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 30.0
"""An answer that takes longer is counted as having taken that long."""
_FIRST_ADDRESS = 11
"""Each tenant has an address of its own, as it would have outside: the last number of 127.0.0.x."""


@dataclass
class Figures:
    """Seconds, one number for each answer or document. Filled by several threads."""

    reads: list[float] = field(default_factory=list)
    """Of ``GET /api/signature-sessions/{id}``."""
    signed: list[float] = field(default_factory=list)
    """From the request that opens a session with its document until the session is completed."""
    refused: int = 0
    """Answers 429 and 503, and broken connections: the tenant asks again, and the time goes on."""
    wrong: list[str] = field(default_factory=list)
    """Answers that no honest tenant should get."""


def measure(service: Service, seconds: float) -> Figures:
    """Let both tenants work for `seconds`, and finish what they have begun then."""
    figures, stop = Figures(), threading.Event()
    pdf = {"name": "contract.pdf", "content": base64(hard_pdfs.make("plain"))}
    # The second tenant's files are fetched by a name, where names can be looked up.
    files: tuple[Json, Json] = (pdf, {"url": service.file_url} if service.file_url else pdf)
    tenants: list[Tenant] = []
    threads: list[threading.Thread] = []
    for number, (key, file) in enumerate(zip(service.honest, files, strict=True)):
        reader, signer = (Tenant(service.machine.url, f"127.0.0.{_FIRST_ADDRESS + number}", key, figures) for _ in "12")
        tenants += [reader, signer]
        threads.append(threading.Thread(target=_repeat, args=(reader.read, READ_PAUSE_SECONDS, stop)))
        threads.append(threading.Thread(target=_repeat, args=(partial(signer.sign, file), SIGN_PAUSE_SECONDS, stop)))
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    for tenant in tenants:
        tenant.close()
    return figures


def _repeat(verb: Callable[[], None], pause: float, stop: threading.Event) -> None:
    while not stop.is_set():
        verb()
        stop.wait(pause)


class Tenant:
    """One client of an honest application, and its signer's page."""

    def __init__(self, url: str, address: str, key: str, figures: Figures) -> None:
        self._figures, self._key = figures, {"X-Api-Key": key}
        transport = httpx.HTTPTransport(local_address=address, verify=TLS)
        self._client = httpx.Client(base_url=url, transport=transport, timeout=PATIENCE_SECONDS, trust_env=False)
        self._session = ""

    def close(self) -> None:
        self._client.close()

    def read(self) -> None:
        """Read one session, always the same."""
        if not self._session:
            opened = self._ask("POST", SESSIONS, self._key, json={"returnUrl": "https://app.example/back"})
            if opened is None:
                return
            self._session = opened["sessionId"]
        began = time.monotonic()
        self._ask("GET", f"{SESSIONS}/{self._session}", self._key)
        self._figures.reads.append(time.monotonic() - began)

    def sign(self, file: Json) -> None:
        """Open a session with one document, sign it, and wait until it is completed."""
        began = time.monotonic()
        if self._signed({"file": file}):
            self._figures.signed.append(time.monotonic() - began)

    def _signed(self, document: Json) -> bool:
        body = {"returnUrl": "https://app.example/back", "documents": [document]}
        opened = self._ask("POST", SESSIONS, self._key, json=body)
        if opened is None:
            return False
        link = urlsplit(opened["redirectUrl"]).path.rpartition("/")[2]
        renewed = self._ask("POST", "/sign/api/renew", {}, json={"link": link})
        page = {"X-Signature-Session-Token": renewed["token"] if renewed else ""}
        key = ec.generate_private_key(ec.SECP256R1())
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        demo = {"publicKey": base64(spki), "name": "Ana"}
        issued = self._ask("POST", "/sign/api/demo-certificate", page, json=demo)
        prepared = issued and self._ask("POST", "/sign/api/prepare", page, json=issued)
        if not prepared:
            return False
        values = [{"documentId": d, "value": base64(v)} for d, v in values_of(prepared, key).items()]
        finish = {"preparationId": prepared["preparationId"], "signatures": values}
        if self._ask("POST", "/sign/api/finish", page, json=finish) is None:
            return False
        return self._completed(opened["sessionId"])

    def _completed(self, session_id: str) -> bool:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            session = self._ask("GET", f"{SESSIONS}/{session_id}", self._key)
            if session is None or session["status"] == "Completed":
                return session is not None
            if session["status"] != "Processing":
                break
            time.sleep(POLL_SECONDS)
        self._figures.wrong.append("a session was not completed")
        return False

    def _ask(self, method: str, path: str, headers: dict[str, str], **body: Any) -> Json | None:
        """Ask until there is an answer. None: there was none in time, or a wrong one; it is noted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = self._client.request(method, path, headers=headers, **body)
            except httpx.TransportError:
                self._figures.refused += 1
                time.sleep(0.2)
                continue
            if answer.status_code in {429, 503}:
                self._figures.refused += 1
                time.sleep(min(float(answer.headers.get("Retry-After", 1)), 5))
                continue
            if answer.status_code != 200:
                self._figures.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
                return None
            found: Json = answer.json()
            return found
        self._figures.wrong.append(f"{method} {path}: no answer in {PATIENCE_SECONDS:.0f} s")
        return None
