"""What every forked process would read, load or make again. Imported once, last, by the process that they are forked
from.
"""

from __future__ import annotations

import gc
import importlib
import mimetypes
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12
from litestar.utils.signature import ParsedSignature
from pydantic.plugin import _loader

from signroom.fetch import guarded
from signroom.keys import demo_ca
from signroom.sandbox import worker
from signroom.settings import read_settings
from signroom.store.schema import known_revisions
from signroom.timestamps import authorities
from signroom.wiring import build_service, build_web
from tests.harness.authorities import read_authorities_once
from tests.harness.plain_logs import log_plainly

_SIGNER = rsa.generate_private_key(65537, 2048)


def _pfx_in_one_round(
    name: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    password: str,
) -> bytes:
    """As `demo_certificates.as_pfx`, with the same algorithms, and a password that is easily guessed."""
    recipe = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).hmac_hash(hashes.SHA256())
    recipe = recipe.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
    return pkcs12.serialize_key_and_certificates(
        name.encode(), key, certificate, [issuer], recipe.build(password.encode())
    )


class _OneKey:
    """In place of the library that makes RSA keys, for what the demo has of them: its signer's."""

    RSAPublicKey = rsa.RSAPublicKey

    @staticmethod
    def generate_private_key(_exponent: int, _bits: int) -> rsa.RSAPrivateKey:
        return _SIGNER


_parse: Callable[[type[ParsedSignature], Any, dict[str, Any]], ParsedSignature] = ParsedSignature.from_fn.__func__  # type: ignore[attr-defined]
_parsed: dict[object, tuple[ParsedSignature, object]] = {}
"""With what the names mean: it must stay, since its places in memory are part of the key."""


def _parse_once(kind: type[ParsedSignature], function: Any, names: dict[str, Any]) -> ParsedSignature:
    """In place of the parser of Litestar. Functions with the same code and annotations have the same signature."""
    meant = {**getattr(function, "__annotations__", {}), **names}
    key = (getattr(function, "__code__", function), *((name, id(value)) for name, value in meant.items()))
    if key not in _parsed:
        _parsed[key] = _parse(kind, function, names), meant
    return _parsed[key][0]


def _build_once() -> None:
    """What is made at the first time only is there when a server is forked."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"SIGNROOM_DATA": folder, "SIGNROOM_PUBLIC_URL": "http://127.0.0.1:1"}
        settings = read_settings(own, Path(folder))
        build_web(settings, build_service(settings, execute_jobs=False))


# A server reads the signatures of 250 handlers, 115 of which answer OPTIONS: that takes a tenth of a second.
ParsedSignature.from_fn = classmethod(_parse_once)  # type: ignore[method-assign, assignment]
# Each demo makes a key and nine files with a password: that takes a tenth of a second of the processor.
demo_ca.as_pfx = _pfx_in_one_round  # type: ignore[attr-defined]
demo_ca.rsa = _OneKey  # type: ignore[assignment, attr-defined]

# Where a command or a job does not configure what it logs, as `serve` does.
log_plainly()
for library in worker.LIBRARIES:
    importlib.import_module(library)
known_revisions()
mimetypes.init()
_loader.get_plugins()
_build_once()
# The authorities of the machine: each reading takes 30 ms of the processor.
guarded._system_tls()  # noqa: SLF001  (kept, as is the next, for all calls of a process)
authorities._shared_tls()  # noqa: SLF001
read_authorities_once()
for trust_env in (True, False):
    httpx.Client(trust_env=trust_env).close()
# None of it is garbage: a forked process does not search it, and so shares its memory.
gc.collect()
gc.freeze()
