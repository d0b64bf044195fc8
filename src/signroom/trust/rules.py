"""The rules of RFC 5280, 6.1, that an anchored path must keep, and the policies that are left at its end.

The whole algorithm is pyHanko's (decision 10); revocation is left out here, `revocation` asks for it. The rules are:
names chain, basic constraints and path length, key usage of authorities, name constraints, policies with their
mappings and constraints, unknown critical extensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from signroom.domain.requirement import BRAZILIAN_POLICIES
from signroom.trust.paths import Path

ANY_POLICY = "2.5.29.32.0"
_PRACTICES = "2.16.76.1.1."
"""ICP-Brasil: the statement of practices (DPC) of an authority."""


@dataclass(frozen=True, slots=True)
class PolicyInputs:
    """What is asked of the policies of a path (RFC 5280, 6.1.1 (c), (e), (f), (g))."""

    accepted: frozenset[str] = frozenset({ANY_POLICY})
    explicit: bool = False
    """At least one of the accepted policies must be left at the end."""
    inhibit_mapping: bool = False
    inhibit_any: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """``broken`` is the first rule that the path breaks, None for a path that keeps all; the text names no person.

    ``policies`` are those that hold for the signer's certificate, as the root understands them: empty when a rule is
    broken.
    """

    broken: str | None = None
    policies: frozenset[str] = frozenset()


def check_rules(path: Path, at: datetime, inputs: PolicyInputs) -> Kept:
    """Check the anchored `path` as of `at`."""
    from asn1crypto import x509 as asn1
    from pyhanko_certvalidator.authority import CertTrustAnchor
    from pyhanko_certvalidator.context import ValidationContext
    from pyhanko_certvalidator.errors import ValidationError
    from pyhanko_certvalidator.path import ValidationPath
    from pyhanko_certvalidator.policy_decl import (
        CertRevTrustPolicy,
        PKIXValidationParams,
        RevocationCheckingPolicy,
        RevocationCheckingRule,
    )
    from pyhanko_certvalidator.validate import validate_path

    if len(path.links) == 1:
        return Kept(policies=path.links[0].certificate.policies - {ANY_POLICY})
    leaf, *middle, root = [asn1.Certificate.load(link.der) for link in path.links]
    anchor = CertTrustAnchor(root)
    nothing = RevocationCheckingPolicy(RevocationCheckingRule.NO_CHECK, RevocationCheckingRule.NO_CHECK)
    asked = PKIXValidationParams(
        user_initial_policy_set=frozenset("any_policy" if oid == ANY_POLICY else oid for oid in inputs.accepted),
        initial_policy_mapping_inhibit=inputs.inhibit_mapping,
        initial_explicit_policy=inputs.explicit,
        initial_any_policy_inhibit=inputs.inhibit_any,
    )
    walked = ValidationPath(anchor, middle[::-1], leaf)
    try:
        rules = ValidationContext(
            trust_roots=[anchor],
            moment=at,
            allow_fetching=False,
            revinfo_policy=CertRevTrustPolicy(nothing),
        )
        validate_path(rules, walked, parameters=asked)
    except ValidationError as error:
        # Only the first sentence: what follows may be the names that a constraint forbids.
        return Kept(broken=error.failure_msg.split(". ")[0].rstrip("."))
    except (ValueError, TypeError, KeyError, NotImplementedError):
        return Kept(broken="A certificate on the path is malformed")
    left = {policy.user_domain_policy_id for policy in walked.qualified_policies() or ()} - {"any_policy"}
    return Kept(policies=frozenset(left) | _brazilian(path))


def _brazilian(path: Path) -> frozenset[str]:
    """The policies of ICP-Brasil that hold by its own rule (decision 31).

    There the issuing authority names the policies (PC) that it issues by. The authorities above it name only their
    statement of practices (DPC), or nothing, so that by RFC 5280 no policy at all would be left. A policy holds when
    the issuing authority names it, and no authority above names policies without naming this one.
    """
    wanted = {oid for oid in path.links[0].certificate.policies if oid.startswith(BRAZILIAN_POLICIES)}
    issuing, *above = [link.certificate.policies for link in path.links[1:-1]] or [frozenset({ANY_POLICY})]
    constraining = [issuing, *(named for named in above if not all(oid.startswith(_PRACTICES) for oid in named))]
    return frozenset(oid for oid in wanted if all({oid, ANY_POLICY} & named for named in constraining))
