"""The real thing for tests: ``signroom demo`` as a process of its own, and clients that speak to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.harness.databases import copy_new_database
from tests.harness.processes import Forked, Program
from tests.harness.waiting import SECONDS, eventually

ROOT = Path(__file__).parents[2]
TLS = httpx.create_ssl_context(trust_env=False)
"""Reading the authorities takes 30 ms: once is enough."""
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Json = dict[str, Any]


def files_of_session(data: Path, session_id: str) -> list[Path]:
    """The files that a service keeps of a session in its data folder."""
    return list((data / "files" / "sessions").glob(f"*/{session_id}-*"))


@dataclass
class Server:
    """A running demo. Start it with `start_server`, end it with `stop` or `kill`."""

    process: Program
    data: Path
    log: Path
    url: str
    app_url: str
    api_key: str
    pfx: Path
    pfx_password: str
    ca_certificate: Path
    environment: Mapping[str, str]
    api: httpx.Client = field(init=False)
    pages: list[Page] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = httpx.Client(
            base_url=self.url, headers={"X-Api-Key": self.api_key}, timeout=60, trust_env=False, verify=TLS
        )

    @property
    def database_url(self) -> str:
        """For what no client can see or change."""
        return self.environment.get("SIGNROOM_DATABASE_URL") or f"sqlite:///{self.data / 'signroom.db'}"

    def open_session(self, **fields: Any) -> Json:
        """POST a session; returns ``{sessionId, redirectUrl}``."""
        return ok(self.api.post("/api/signature-sessions", json=fields))

    def session(self, session_id: str) -> Json:
        return ok(self.api.get(f"/api/signature-sessions/{session_id}"))

    def page(self, redirect_url: str) -> Page:
        page = Page(redirect_url)
        self.pages.append(page)
        return page

    def wait(self, session_id: str, seconds: float = SECONDS) -> Json:
        """The session once it is not ``Processing`` any more."""

        def settled() -> Json | None:
            session = self.session(session_id)
            return None if session["status"] == "Processing" else session

        return eventually(settled, seconds, why=self.log.read_text)

    def stored_file(self, session_id: str, content: bytes) -> Path:
        """The server's own copy of a file of a session; what is done to it a failing disk could do."""
        (found,) = [file for file in self.files_of(session_id) if file.read_bytes() == content]
        return found

    def files_of(self, session_id: str, name: str = "") -> list[Path]:
        """The same of all files of a session whose names have `name` in them."""
        return [file for file in files_of_session(self.data, session_id) if name in file.name]

    def rest(self) -> None:
        """Let it stand still until `wake`, as on a machine that is suspended. It keeps all that it has."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._close()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        code = self.process.wait(SECONDS)
        self._close()
        return code

    def _close(self) -> None:
        self.api.close()
        for page in self.pages:
            page.client.close()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start_server(data: Path, environment: Mapping[str, str] | None = None, *, port: int = 0) -> Server:
    """Start ``signroom demo --json`` on `port`, or on free ones, with `data` as its folder."""
    data.mkdir(parents=True, exist_ok=True)
    log = data / "server.log"
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "signroom", *_demo(data, port)],
            cwd=ROOT,
            env={**clean_environment(), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    return _started(process, data, environment or {})


def fork_server(data: Path, environment: Mapping[str, str] | None = None, *, port: int = 0) -> Server:
    """The same with one worker for formats, forked from a process that has imported the program."""
    data.mkdir(parents=True, exist_ok=True)
    settings = {"SIGNROOM_WORKERS": "1", **(environment or {})}
    file = data / "signroom.db"
    if "SIGNROOM_DATABASE_URL" not in settings and not file.exists():
        copy_new_database(file)
    process = Forked(_demo(data, port), {**clean_environment(), **settings}, data / "server.log", piped=True)
    return _started(process, data, settings)


@contextmanager
def running_server(data: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A forked server for as long as the block runs.

    It is killed at the end: that saves the second that an ordered stop takes. Its workers end with it.
    """
    server = fork_server(data, environment)
    try:
        yield server
    finally:
        server.kill()


def _demo(data: Path, port: int) -> list[str]:
    return ["demo", "--data", str(data), "--port", str(port), "--json"]


def _started(process: Program, data: Path, environment: Mapping[str, str]) -> Server:
    log = data / "server.log"
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the server did not start:\n{log.read_text()}"
    found = json.loads(line)
    return Server(
        process=process,
        data=data,
        log=log,
        url=found["url"],
        app_url=found["appUrl"],
        api_key=found["apiKey"],
        pfx=Path(found["pfx"]),
        pfx_password=found["pfxPassword"],
        ca_certificate=Path(found["caCertificate"]),
        environment=environment,
    )


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SIGNROOM_")}


class Page:
    """A signer's page, call by call."""

    def __init__(self, redirect_url: str, *, load: bool = False) -> None:
        """With `load` as the page's script opens it: the session comes with the token."""
        parts = urlsplit(redirect_url)
        self.link = parts.path.rpartition("/")[2]
        origin = f"{parts.scheme}://{parts.netloc}"
        self.client = httpx.Client(base_url=f"{origin}/sign/api/", timeout=120, trust_env=False, verify=TLS)
        answer = ok(self.client.post("renew", json={"link": self.link, "load": load}))
        self.client.headers["X-Signature-Session-Token"] = answer["token"]
        self.opened: Json | None = answer.get("session")  # a server of an older version has no such field

    def load(self) -> Json:
        return ok(self.client.get("load"))

    def upload(self, content: bytes, name: str = "contract.pdf") -> httpx.Response:
        return self.client.put("upload", content=content, headers={"X-File-Name": quote(name, safe="")})

    def add(self, content: bytes, name: str = "contract.pdf") -> Json:
        return ok(self.upload(content, name))

    def demo_key(self) -> tuple[Key, list[str]]:
        """A key and its test certificate with chain, base64."""
        key = ec.generate_private_key(ec.SECP256R1())
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        answer = ok(self.client.post("demo-certificate", json={"publicKey": base64(spki), "name": "Ana"}))
        return key, [answer["certificate"], *answer["chain"]]

    def prepare(self, chain: list[str]) -> httpx.Response:
        return self.client.post("prepare", json={"certificate": chain[0], "chain": chain[1:]})

    def finish(self, preparation: Json, values: Mapping[str, bytes]) -> httpx.Response:
        signatures = [{"documentId": d, "value": base64(v)} for d, v in values.items()]
        body = {"preparationId": preparation["preparationId"], "signatures": signatures}
        return self.client.post("finish", json=body)

    def sign(self, key: Key, chain: list[str]) -> Json:
        """Prepare and finish everything; returns the session view."""
        preparation = ok(self.prepare(chain))
        return ok(self.finish(preparation, values_of(preparation, key)))


def values_of(preparation: Json, key: Key) -> dict[str, bytes]:
    return {item["documentId"]: signature(key, b64decode(item["toSign"])) for item in preparation["items"]}


_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


def signature(key: Key, data: bytes, algorithm: str = "SHA256") -> bytes:
    """What a key makes of `data`: RSA octets or DER ECDSA."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), _HASHES[algorithm])
    return key.sign(data, ec.ECDSA(_HASHES[algorithm]))


def ok(response: httpx.Response) -> Json:
    """The JSON of a 200."""
    assert response.status_code == 200, f"{response.status_code} {response.text}"
    found: Json = response.json()
    return found


def refused(response: httpx.Response, status: int) -> str:
    """The code of a refusal; checks the shape of its body and that nothing of the inside shows."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["content-type"].startswith("application/json")
    body = response.json()
    expected = {"code", "message", "detail"} if status == 422 else {"code", "message", "path", "docUrl"}
    assert set(body) == expected, body
    assert body["message"]
    assert f"/docs/errors/#{body['code']}>" in response.headers["link"]
    assert "Traceback" not in response.text
    code: str = body["code"]
    return code


def listening_ports(pid: int) -> set[int]:
    """The ports that a process listens on. It may open and close what it likes meanwhile."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except FileNotFoundError:  # closed since the folder was read
            continue
        if target.startswith("socket:"):
            inodes.add(target.removeprefix("socket:[").rstrip("]"))
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(s[1].rpartition(":")[2], 16) for s in sockets if s[3] == "0A" and s[9] in inodes}


def base64(data: bytes) -> str:
    return b64encode(data).decode()
