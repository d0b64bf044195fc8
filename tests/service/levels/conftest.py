"""One process of DSS for all files of tests that judge what was raised: to start one takes seconds of the processor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pki import three_tiers
from tests.verifiers.dss import Dss, running_dss


@pytest.fixture(scope="session")
def dss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dss]:
    """It trusts the root of the three tiers."""
    anchor = tmp_path_factory.mktemp("anchor") / "root.crt"
    anchor.write_bytes(three_tiers.root().der)
    with running_dss(anchor) as running:
        yield running
