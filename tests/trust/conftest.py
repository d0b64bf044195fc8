"""The toy PKI, and ways to ask it."""

from __future__ import annotations

from pathlib import Path

import pytest

from signroom.domain.security_context import ICP_BRASIL, ITALY
from signroom.trust.contexts import CertificateTrust, open_trust
from tests.pki.toy_pki import ToyPki
from tests.trust.fetching import PlainFetch

__all__ = ["fetch", "trust"]


@pytest.fixture
def fetch() -> PlainFetch:
    return PlainFetch()


@pytest.fixture
def trust(pki: ToyPki, fetch: PlainFetch, tmp_path: Path) -> CertificateTrust:
    """The roots of the toy PKI: one for ICP-Brasil, the other one for Italy."""
    return open_trust(tmp_path / "none", fetch, extra={ICP_BRASIL: [pki.icp_root], ITALY: [pki.eidas_root]})
