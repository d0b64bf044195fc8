"""A toy PKI that answers over HTTP: certificates as in ``toy_pki.yml``, their CRLs, their OCSP responders.

    with toy_pki() as pki:
        pki.chain("e-cpf-a1"), pki.key("e-cpf-a1"), pki.pfx("e-cpf-a1", "1234"), pki.icp_root

certomancer makes certificates and answers; the server is ours, because certomancer's own writes OCSP times with
fractions of seconds (RFC 5280, 4.1.2.5.2 forbids them, NSS stumbles) and knows no OCSP by GET.
"""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from asn1crypto import ocsp
from certomancer.registry import (
    CertificateSpec,
    CertomancerConfig,
    CertomancerObjectNotFoundError,
    PKIArchitecture,
    ServiceLabel,
)
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from signroom.domain.signature import CertificateChain

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_CONFIGURATION = Path(__file__).with_name("toy_pki.yml")


@dataclass
class Answers:
    """The HTTP side of the PKI, with switches for failures."""

    archs: Mapping[str, PKIArchitecture] = field(default_factory=dict)
    now: datetime | None = None
    """The time that CRLs and OCSP answers pretend to be made at; None: the real one."""
    instead: dict[str, bytes | int] = field(default_factory=dict)
    """Path -> bytes, or an HTTP status, that is answered instead."""
    asked: list[str] = field(default_factory=list)
    """Method and path of every request so far."""
    making: threading.Lock = field(default_factory=threading.Lock)
    """certomancer makes one thing at a time."""
    lists: dict[tuple[str, str, date], bytes] = field(default_factory=dict)
    """Lists are new at midnight at most; certomancer takes 0.1 s for each."""

    def get(self, path: str) -> tuple[int, str, bytes]:
        self.asked.append(f"GET {path}")
        if (instead := self._instead(path)) is not None:
            return instead
        match path.lstrip("/").split("/"):
            case [arch, "crls", label, "latest.crl"] if arch in self.archs:
                return 200, "application/pkix-crl", self.crl(arch, label)
            case [arch, "ocsp", label, *request] if arch in self.archs and request:
                # RFC 6960, A.1: GET {url}/{url-encoding of base-64 encoding of the DER encoding of the request}
                return self._ocsp(arch, label, base64.b64decode(unquote("/".join(request))))
            case _:
                return 404, "text/plain", b"not here"

    def post(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        self.asked.append(f"POST {path}")
        if (instead := self._instead(path)) is not None:
            return instead
        match path.lstrip("/").split("/"):
            case [arch, "ocsp", label] if arch in self.archs:
                return self._ocsp(arch, label, body)
            case _:
                return 404, "text/plain", b"not here"

    def crl(self, arch: str, label: str) -> bytes:
        """The list as of now, DER."""
        wanted = arch, label, self._time().date()
        with self.making:
            if wanted not in self.lists:
                made = self.archs[arch].service_registry.get_crl(ServiceLabel(label), self._time())
                self.lists[wanted] = bytes(made.dump())
            return self.lists[wanted]

    def _ocsp(self, arch: str, label: str, request: bytes) -> tuple[int, str, bytes]:
        with self.making:
            responder = self.archs[arch].service_registry.summon_responder(ServiceLabel(label), self._time())
            answer = responder.build_ocsp_response(ocsp.OCSPRequest.load(request))
            return 200, "application/ocsp-response", bytes(answer.dump())

    def _instead(self, path: str) -> tuple[int, str, bytes] | None:
        found = self.instead.get(path)
        if found is None:
            return None
        return (found, "text/plain", b"") if isinstance(found, int) else (200, "application/octet-stream", found)

    def _time(self) -> datetime:
        return (self.now or datetime.now(UTC)).replace(microsecond=0)


class ToyPki:
    """All certificates by label. ``stop`` takes CRLs and OCSP away: the port then refuses. ``start`` ends that."""

    def __init__(self, folder: Path) -> None:
        self.answers = Answers()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()
        _make_keys(folder)
        config = CertomancerConfig.from_file(
            str(_CONFIGURATION), key_search_dir=str(folder), external_url_prefix=f"http://127.0.0.1:{self.port}"
        )
        archs = {label.value: arch for label, arch in config.pki_archs.items()}
        self._keys: dict[str, SigningKey] = {}
        self._specs: dict[str, tuple[PKIArchitecture, CertificateSpec]] = {}
        for arch in archs.values():
            for _, specs in arch.enumerate_certs_by_issuer():
                self._specs.update({spec.label.value: (arch, spec) for spec in specs})
        self.answers.archs = archs

    # -- what is in it -----------------------------------------------------------------------------------

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._specs)

    def certificate(self, label: str) -> bytes:
        """DER. Made when it is first asked for, always the same then: making all takes seconds."""
        arch, spec = self._specs[label]
        with self.answers.making:
            return bytes(arch.get_cert(spec.label).dump())

    def key(self, label: str) -> SigningKey:
        """The private key of the certificate's subject."""
        if label not in self._keys:
            self._keys[label] = self._load_key(label)
        return self._keys[label]

    def _load_key(self, label: str) -> SigningKey:
        arch, spec = self._specs[label]
        key = serialization.load_der_private_key(arch.key_set.get_private_key(spec.subject_key).dump(), None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        return key

    def issuers(self, label: str, *, with_root: bool = True) -> tuple[bytes, ...]:
        """From the direct issuer up; a loop of issuers once around."""
        found: list[str] = []
        arch, spec = self._specs[label]
        while not spec.self_signed:
            spec = arch.get_cert_spec(spec.resolve_issuer_cert(arch))
            if spec.label.value in found or (spec.self_signed and not with_root):
                break
            found.append(spec.label.value)
        return tuple(self.certificate(issuer) for issuer in found)

    def chain(self, label: str, *, with_root: bool = True) -> CertificateChain:
        return CertificateChain(self.certificate(label), self.issuers(label, with_root=with_root))

    @cached_property
    def icp_root(self) -> bytes:
        return self.certificate("icp-root")

    @cached_property
    def eidas_root(self) -> bytes:
        return self.certificate("eidas-root")

    @property
    def roots(self) -> tuple[bytes, ...]:
        return self.icp_root, self.eidas_root

    def pfx(self, label: str, password: str) -> bytes:
        """A PKCS#12 file with key, certificate and issuers."""
        return pkcs12.serialize_key_and_certificates(
            label.encode(),
            self.key(label),
            x509.load_der_x509_certificate(self.certificate(label)),
            [x509.load_der_x509_certificate(der) for der in self.issuers(label)],
            serialization.BestAvailableEncryption(password.encode()),
        )

    # -- the server --------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Answer; the port stays the same for ever, it is written in the certificates."""
        if self._server is not None:
            return
        server = _Server(("127.0.0.1", self.port), self.answers)
        self.port = server.server_port
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.05,), name="toy-pki", daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def down(self) -> Iterator[None]:
        """No CRL and no OCSP while it lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def answering(self, path: str, instead: bytes | int) -> Iterator[None]:
        """``path`` answers these bytes, or this HTTP status, while it lasts."""
        self.answers.instead[path] = instead
        try:
            yield
        finally:
            del self.answers.instead[path]

    @contextmanager
    def at(self, now: datetime) -> Iterator[None]:
        """CRLs and OCSP answers are made as of `now` while it lasts."""
        self.answers.now = now
        try:
            yield
        finally:
            self.answers.now = None


@contextmanager
def toy_pki() -> Iterator[ToyPki]:
    """A fresh PKI, with new keys, that answers until the block ends."""
    with tempfile.TemporaryDirectory(prefix="toy-pki-") as folder:
        pki = ToyPki(Path(folder))
        try:
            yield pki
        finally:
            pki.stop()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # as `tests.fetch.sites.WAITING`
    daemon_threads = True

    def __init__(self, address: tuple[str, int], answers: Answers) -> None:
        self.answers = answers
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._respond(lambda: self.server.answers.get(self.path))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._respond(lambda: self.server.answers.post(self.path, body))

    def _respond(self, ask: Callable[[], tuple[int, str, bytes]]) -> None:
        try:
            status, content_type, body = ask()
        except CertomancerObjectNotFoundError:
            status, content_type, body = 404, "text/plain", b"not here"
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: tests read ``Answers.asked``."""


def _make_keys(folder: Path) -> None:
    """One key per file that the configuration names; the file's name says of what kind."""
    names = {
        line.split("path: ")[1].split("}")[0] for line in _CONFIGURATION.read_text().splitlines() if "path: " in line
    }
    for name in sorted(names):
        kind = name.split("-")[0]
        key = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "ec"
            else rsa.generate_private_key(65537, int(kind.removeprefix("rsa") or 2048))
        )
        (folder / name).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
