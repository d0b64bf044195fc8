"""Whom a context trusts may change while the service runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from signroom.domain.errors import SecurityContextNotConfigured
from signroom.domain.security_context import ICP_BRASIL, ITALY, ContextRules, RevocationRule, SecurityContext
from signroom.trust.anchors import Anchors
from signroom.trust.asking.answers import Answers
from signroom.trust.asking.issuers import Issuers
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


def test_nobody_is_asked_where_no_path_ends_at_a_root_or_nobody_keeps_lists(pki: ToyPki, fetch: PlainFetch) -> None:
    asking = Answers(fetch)
    roots = (read_link(pki.icp_root),)
    no_lists = ContextRules(revocation=RevocationRule.NOT_ASKED)

    def asks_nobody(anchors: Anchors, hosts: tuple[str, ...] = ()) -> bool:
        class Source:
            def anchors(self, _context: SecurityContext) -> Anchors:
                return anchors

        trust = CertificateTrust(Source(), RevocationSources(asking), Issuers(asking, hosts))
        return trust.asks_nobody(ICP_BRASIL)

    assert asks_nobody(Anchors(any_issuer=True))
    assert asks_nobody(Anchors(any_issuer=True), ("ca.example",))
    assert not asks_nobody(Anchors(roots, any_issuer=True))
    assert not asks_nobody(Anchors(roots))
    assert asks_nobody(Anchors(roots, rules=no_lists))
    assert not asks_nobody(Anchors(roots, rules=no_lists), ("ca.example",))
    with pytest.raises(SecurityContextNotConfigured):
        asks_nobody(Anchors())
