"""Timestamps (RFC 3161): proof by an authority that some data existed at a certain time.

What is sent to an authority is the digest of the data, the message imprint, and never the data. The authority answers
with a token: a CMS object that it has signed, with the imprint and its time in it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from signroom.domain.errors import BadInput
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import CertificateChain, DigestAlgorithm

DEFAULT_TIER = "default"
_TIER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class MessageImprint:
    """The digest of the data that a timestamp is about (RFC 3161, 2.4.1)."""

    algorithm: DigestAlgorithm
    digest: bytes

    def __post_init__(self) -> None:
        """Raises: BadInput for a digest of another length."""
        expected = hashlib.new(self.algorithm.value).digest_size
        if len(self.digest) != expected:
            raise BadInput(f"A digest of {self.algorithm} has {expected} bytes.", path="value")


@dataclass(frozen=True, slots=True)
class TimestampRequest:
    """What an authority is asked for (RFC 3161, 2.4.1)."""

    imprint: MessageImprint
    nonce: int | None
    """A large random number. It proves that the answer was made for this request; None: the caller sent none."""
    policy: str | None = None
    """The dotted OID of the policy that the token must be made under; None: the authority chooses."""
    wants_certificates: bool = True
    """The authority's certificates are to be in the token."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A token whose imprint, nonce, policy, binding and signature value were checked. Trust is judged elsewhere."""

    token: bytes
    """The CMS object (RFC 3161, 2.4.2), DER."""
    time: datetime
    """When the authority says that it saw the imprint; aware, in UTC."""
    serial_number: int
    policy: str
    authority: CertificateChain
    """The certificate that the token is signed with, and the others that came along."""


@dataclass(frozen=True, slots=True)
class HeaderCredentials:
    """A header that tells the authority who asks: Basic, Bearer, or an API key under a name of its own."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"HeaderCredentials({self.name!r}, ...)"  # a value in a log would be a leaked secret


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """Files, PEM, of the certificate and its key for mutual TLS."""

    certificate_file: str
    key_file: str


@dataclass(frozen=True, slots=True)
class ClientPem:
    """The same as text: certificate, its chain and the key, one after the other."""

    pem: str

    def __repr__(self) -> str:
        return "ClientPem(...)"  # a key in a log would be a leaked key


Credentials: TypeAlias = HeaderCredentials | ClientCertificate | ClientPem


@dataclass(frozen=True, slots=True)
class TimestampProvider:
    """An authority that this installation may ask."""

    name: str
    url: str
    context: SecurityContext
    """Whose roots the authority's certificate must lead to."""
    tier: str = DEFAULT_TIER
    """Applications ask for a tier. Its providers stand in for each other."""
    priority: int = 1
    """The lowest is asked first. Providers of one priority take turns."""
    credentials: Credentials | None = None


def require_tier(name: str) -> str:
    """Raises: BadInput for what cannot be the name of a tier."""
    if not _TIER.fullmatch(name):
        raise BadInput("A tier's name has up to 32 lower-case letters, digits and hyphens.")
    return name
