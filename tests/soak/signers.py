"""Clients that do what real ones do when nobody answers: ask again, with the same words."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.harness.server import Json, base64, values_of
from tests.harness.waiting import SECONDS
from tests.vectors import hard_pdfs

PATIENCE_SECONDS = 240
_PLAIN, _TEN = hard_pdfs.make("plain"), hard_pdfs.make("ten-pages")


@dataclass
class Outcome:
    """What the clients saw. ``signed``: number of documents by session, once the page has said so."""

    signed: dict[str, int] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    """Answers that no client should ever get."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Signer:
    """One client; its requests go to any of `urls`."""

    def __init__(
        self, urls: Sequence[str], key: str, outcome: Outcome, random: Random, fields: Mapping[str, Any] | None = None
    ) -> None:
        """`fields` are said of each session, too."""
        self._urls, self._outcome, self._random = urls, outcome, random
        self._fields = fields or {}
        self._client = httpx.Client(timeout=15, trust_env=False)
        self._key = key

    def run(self, stop: threading.Event) -> None:
        """Sign sessions until `stop`; the last one is brought to its end."""
        try:
            while not stop.is_set():
                self._session()
        except Exception as error:
            with self._outcome.lock:
                self._outcome.broken.append(f"a client gave up: {error!r}")
            raise
        finally:
            self._client.close()

    def _session(self) -> None:
        count = self._random.randint(1, 5)
        predefined = self._random.random() < 0.5
        names = [f"{number}.pdf" for number in range(count)]
        body: Json = {"returnUrl": "https://app.example/back", **self._fields}
        if predefined:
            body["documents"] = [{"file": {"name": name, "content": base64(self._pdf())}} for name in names]
        headers = {"X-Api-Key": self._key, "Idempotency-Key": str(uuid4())}
        opened = self._ask("POST", "/api/signature-sessions", headers, json=body)
        with self._outcome.lock:
            self._outcome.opened.add(opened["sessionId"])
        link = urlsplit(opened["redirectUrl"]).path.rpartition("/")[2]
        page = {"X-Signature-Session-Token": self._ask("POST", "/sign/api/renew", {}, json={"link": link})["token"]}
        if not predefined:
            self._upload(page, names)
        key = ec.generate_private_key(ec.SECP256R1())
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        demo = {"publicKey": base64(spki), "name": "Ana"}
        issued = self._ask("POST", "/sign/api/demo-certificate", page, json=demo)
        chain = {"certificate": issued["certificate"], "chain": issued["chain"]}
        preparation = self._ask("POST", "/sign/api/prepare", page, json=chain)
        values = [{"documentId": d, "value": base64(v)} for d, v in values_of(preparation, key).items()]
        finish = {"preparationId": preparation["preparationId"], "signatures": values}
        self._ask("POST", "/sign/api/finish", page, json=finish)
        with self._outcome.lock:
            self._outcome.signed[opened["sessionId"]] = count

    def _upload(self, page: dict[str, str], names: Sequence[str]) -> None:
        """A page that lost its answer looks what arrived, and sends what did not."""
        while missing := set(names) - {d["name"] for d in self._ask("GET", "/sign/api/load", page)["documents"]}:
            for name in sorted(missing):
                # One that is given up too soon may still arrive, beside the second one of the same name.
                headers = {**page, "X-File-Name": name}
                sent = self._once("PUT", "/sign/api/upload", headers, content=self._pdf(), timeout=SECONDS)
                if sent is None:
                    break

    def _ask(self, method: str, path: str, headers: dict[str, str], **body: Any) -> Json:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self._once(method, path, headers, **body)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(path)
            time.sleep(0.2)
        return found

    def _once(self, method: str, path: str, headers: dict[str, str], **body: Any) -> Json | None:
        """None when it must be asked again. Raises: AssertionError for what no client should get."""
        url = f"{self._random.choice(self._urls)}{path}"
        try:
            answer = self._client.request(method, url, headers=headers, **body)
        except httpx.TransportError:
            return None
        if answer.status_code == 503:
            return None
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        found: Json = answer.json()
        return found

    def _pdf(self) -> bytes:
        return self._random.choice((_PLAIN, _TEN))
