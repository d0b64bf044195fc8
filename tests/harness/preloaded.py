"""What every forked process would read, load or make again. Imported once, last, by the process that they are forked
from.
"""

from __future__ import annotations

import gc
import importlib

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from signroom.fetch import guarded
from signroom.keys import demo_ca
from signroom.sandbox import worker
from signroom.store.schema import known_revisions
from signroom.timestamps import authorities
from tests.harness.authorities import read_authorities_once

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


# Each demo makes a key and nine files with a password: that takes a tenth of a second of the processor.
demo_ca.as_pfx = _pfx_in_one_round  # type: ignore[attr-defined]
demo_ca.rsa = _OneKey  # type: ignore[assignment, attr-defined]

for library in worker.LIBRARIES:
    importlib.import_module(library)
known_revisions()
# The authorities of the machine: each reading takes 30 ms of the processor.
guarded._system_tls()  # noqa: SLF001  (kept, as is the next, for all calls of a process)
authorities._shared_tls()  # noqa: SLF001
read_authorities_once()
for trust_env in (True, False):
    httpx.Client(trust_env=trust_env).close()
# None of it is garbage: a forked process does not search it, and so shares its memory.
gc.collect()
gc.freeze()
