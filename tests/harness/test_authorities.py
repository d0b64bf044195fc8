"""Clients of tests share a context, and only those that name none."""

from __future__ import annotations

import ssl

import httpx
import pytest
from httpx._transports import default


def context_of(client: httpx.Client) -> ssl.SSLContext:
    pool = client._transport._pool  # type: ignore[attr-defined]  # noqa: SLF001 - httpx does not tell
    found: ssl.SSLContext = pool._ssl_context  # noqa: SLF001
    return found


def test_clients_that_name_no_authorities_share_what_was_read() -> None:
    with httpx.Client() as one, httpx.Client() as other, httpx.Client(trust_env=False) as third:
        assert context_of(one) is context_of(other)
        assert context_of(third).verify_mode is ssl.CERT_REQUIRED


def test_a_client_that_names_its_own_gets_its_own() -> None:
    own = httpx.create_ssl_context(trust_env=False)
    with httpx.Client(verify=own) as named, httpx.Client(verify=False) as unverified, httpx.Client() as other:  # noqa: S501
        assert context_of(named) is own
        assert context_of(unverified).verify_mode is ssl.CERT_NONE
        assert context_of(other) is not own


def test_another_file_of_authorities_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    before = default.create_ssl_context()  # type: ignore[attr-defined]
    monkeypatch.setenv("SSL_CERT_FILE", str(ssl.get_default_verify_paths().openssl_cafile))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with pytest.MonkeyPatch.context() as other:
        other.setenv("SSL_CERT_FILE", "/nowhere")
        with pytest.raises(FileNotFoundError):
            default.create_ssl_context()  # type: ignore[attr-defined]

    assert isinstance(before, ssl.SSLContext)
