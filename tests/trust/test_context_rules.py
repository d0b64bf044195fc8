"""What a context says of digests and of whoever speaks for an authority holds for certificates, responses and lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from signroom.domain.security_context import ContextRules, DigestRule, ResponderRule, SecurityContext
from signroom.domain.signature import DigestAlgorithm
from signroom.domain.validation import Check
from signroom.trust.asking.answers import Answers
from signroom.trust.paths import Link, read_link
from signroom.trust.revocation import RevocationSources, Status
from tests.pki import three_tiers
from tests.pki.outside import Outside, running_outside
from tests.pki.three_tiers import NOW

DAY = timedelta(days=1)
ONLY_384 = ContextRules(digests=(DigestRule(DigestAlgorithm.SHA384),))
ENDED = ContextRules(digests=(DigestRule(DigestAlgorithm.SHA384), DigestRule(DigestAlgorithm.SHA256, NOW - DAY)))
IN_TIME = ContextRules(digests=(DigestRule(DigestAlgorithm.SHA256, NOW + DAY),))
ISSUER = ContextRules(responders=ResponderRule.ISSUER)
OWN = SecurityContext(UUID(int=1), "acme", subscription_id=UUID(int=2), roots=(three_tiers.root().der,))


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with running_outside() as running:
        yield running


def errors(outside: Outside, rules: ContextRules, at: datetime = NOW) -> list[Check]:
    chain = three_tiers.signer("p256").chain
    return [one.check for one in outside.trust().judge(chain, replace(OWN, rules=rules), at).results.errors]


def link(holder: three_tiers.Holder) -> Link:
    return read_link(holder.der)


def asked(outside: Outside, certificate: three_tiers.Holder, rules: ContextRules) -> tuple[Status, str]:
    """Who says whether it was revoked, or why nobody does."""
    assert certificate.issuer is not None
    sources = RevocationSources(Answers(outside))
    (found,) = sources.ask([(link(certificate), link(certificate.issuer))], NOW, rules=rules)
    return found.status, " ".join(one.reason for one in found.failures)


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        (ContextRules(), []),
        (IN_TIME, []),
        (ISSUER, [Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN]),
    ],
)
def test_rules_that_are_kept_change_nothing(outside: Outside, rules: ContextRules, found: list[Check]) -> None:
    assert errors(outside, rules) == found


@pytest.mark.parametrize("rules", [ONLY_384, ENDED])
def test_a_certificate_signed_by_another_digest_is_not_accepted(outside: Outside, rules: ContextRules) -> None:
    assert Check.ALGORITHM_NOT_ALLOWED in errors(outside, rules)


def test_a_digest_is_accepted_until_its_end(outside: Outside) -> None:
    ending = ContextRules(digests=(DigestRule(DigestAlgorithm.SHA256, NOW),))
    assert Check.ALGORITHM_NOT_ALLOWED not in errors(outside, ending, NOW - timedelta(hours=1))
    assert Check.ALGORITHM_NOT_ALLOWED in errors(outside, ending, NOW)


@pytest.mark.parametrize("rules", [ONLY_384, ENDED])
def test_a_response_and_a_list_signed_by_another_digest_say_nothing(outside: Outside, rules: ContextRules) -> None:
    for holder, what in ((three_tiers.signer("p256"), "response"), (three_tiers.issuing(), "list")):
        assert asked(outside, holder, IN_TIME) == (Status.GOOD, "")
        status, reason = asked(outside, holder, rules)
        assert (status, f"The {what} is signed by an algorithm" in reason) == (Status.UNKNOWN, True)


def test_where_only_the_issuer_counts_whom_it_has_appointed_says_nothing(outside: Outside) -> None:
    status, reason = asked(outside, three_tiers.signer("p256"), ISSUER)
    assert (status, reason) == (Status.UNKNOWN, "The signature of the response does not verify.")
    assert asked(outside, three_tiers.issuing(), ISSUER) == (Status.GOOD, "")
