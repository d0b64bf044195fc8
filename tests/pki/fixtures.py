"""The toy PKI as a fixture: one for the whole run, made at the first test that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pki.toy_pki import ToyPki, toy_pki


@pytest.fixture(scope="session")
def pki() -> Iterator[ToyPki]:
    with toy_pki() as running:
        yield running
