"""Whom a context trusts may change while the service runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from signroom.domain.errors import SecurityContextNotConfigured
from signroom.domain.security_context import ICP_BRASIL, ITALY, SecurityContext
from signroom.trust.anchors import Anchors
from signroom.trust.asking.answers import Answers
from signroom.trust.contexts import CertificateTrust
from signroom.trust.paths import read_link
from signroom.trust.revocation import RevocationSources
from tests.pki.toy_pki import ToyPki
from tests.trust.fetching import PlainFetch

NOW = datetime.now(UTC)


@dataclass
class ChangingAnchors:
    """A source that a test changes between two judgements, and that counts how often it is asked."""

    roots: dict[SecurityContext, bytes] = field(default_factory=dict)
    asked: int = 0

    def anchors(self, context: SecurityContext) -> Anchors:
        self.asked += 1
        root = self.roots.get(context)
        return Anchors() if root is None else Anchors((read_link(root),))


@pytest.fixture
def source() -> ChangingAnchors:
    return ChangingAnchors()


@pytest.fixture
def changing(source: ChangingAnchors, fetch: PlainFetch) -> CertificateTrust:
    return CertificateTrust(source, RevocationSources(Answers(fetch)))


def trusted(trust: CertificateTrust, pki: ToyPki) -> bool:
    return trust.judge(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW).trusted


def test_a_root_counts_from_the_next_judgement_on(
    pki: ToyPki, source: ChangingAnchors, changing: CertificateTrust
) -> None:
    with pytest.raises(SecurityContextNotConfigured):
        changing.require_configured(ICP_BRASIL)

    source.roots[ICP_BRASIL] = pki.icp_root

    changing.require_configured(ICP_BRASIL)
    assert trusted(changing, pki)
    with pytest.raises(SecurityContextNotConfigured):
        changing.require_configured(ITALY)


def test_a_root_that_was_taken_away_does_not_count_any_more(
    pki: ToyPki, source: ChangingAnchors, changing: CertificateTrust
) -> None:
    source.roots[ICP_BRASIL] = pki.icp_root
    assert trusted(changing, pki)

    source.roots[ICP_BRASIL] = pki.eidas_root
    assert not trusted(changing, pki)

    del source.roots[ICP_BRASIL]
    with pytest.raises(SecurityContextNotConfigured):
        trusted(changing, pki)


def test_one_judgement_asks_once(pki: ToyPki, source: ChangingAnchors, changing: CertificateTrust) -> None:
    source.roots[ICP_BRASIL] = pki.icp_root

    assert trusted(changing, pki)

    assert source.asked == 1


def test_a_certificate_that_was_read_a_moment_ago_is_not_read_again(changing: CertificateTrust, pki: ToyPki) -> None:
    der = pki.chain("e-cpf-a1").certificate

    assert changing.read(der) is changing.read(bytes(bytearray(der)))
