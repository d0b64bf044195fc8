"""The machine's authorities, read once for a whole run instead of by each HTTP client of a test."""

from __future__ import annotations

import os
import ssl
from functools import cache

import httpx
from httpx._transports import default


def read_authorities_once() -> None:
    """Let httpx share one context for all clients of this process that name none.

    Making one takes 25 ms of the processor, and there are some thousand clients: each `httpx.get` makes one, too.
    """
    default.create_ssl_context = _context  # type: ignore[attr-defined]


def _context(
    verify: ssl.SSLContext | str | bool = True,
    cert: object = None,
    trust_env: bool = True,
) -> ssl.SSLContext:
    if verify is True and cert is None:
        named = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")) if trust_env else None
        return _shared(named)
    return httpx.create_ssl_context(verify, cert, trust_env)  # type: ignore[arg-type]


@cache
def _shared(named: object) -> ssl.SSLContext:
    """`named`: what a person's environment says of authorities; None where it does not count."""
    return httpx.create_ssl_context(trust_env=named is not None)
