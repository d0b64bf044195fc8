"""NIST's PKITS: every case by its number, judged as a signer's certificate is, with the lists that it brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509

from signroom.domain.errors import BadCertificate
from signroom.domain.security_context import NO_RULES, ContextRules
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Check, Outcome, TrustVerdict
from signroom.trust.anchors import Anchors
from signroom.trust.asking.answers import Answers
from signroom.trust.names import CanonicalName, canonical
from signroom.trust.path_validation import judge
from signroom.trust.paths import Link, read_link
from signroom.trust.revocation import Revocation, RevocationSources
from tests.trust.fetching import FixedFetch
from tests.trust.pkits.cases import CASES, Case
from tests.trust.reading import everything

FILES = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
AT = datetime(2012, 6, 1, tzinfo=UTC)
"""Between 2011, when its lists were made, and 2030, when they end."""
ROOT = "TrustAnchorRootCertificate"

_DSA = "no DSA: such a key is refused, whoever certified it (FIPS 186-5 withdrew it)"
_AUTHORITY = "an authority's certificate never signs documents: it is refused for that, and for nothing else"
_INDIRECT = (
    "no indirect lists: the status is unknown, which refuses (RFC 5280, 6.3.3, leaves them to the implementation)"
)
_DELTA = "no delta lists: the complete list decides (RFC 5280, 5.2.4, leaves them to the implementation)"
DOES_NOT_APPLY: Mapping[str, str] = {
    "4.1.4": _DSA,
    "4.1.5": _DSA,
    "4.6.8": _AUTHORITY,
    "4.6.14": _AUTHORITY,
    "4.8.6.1": _AUTHORITY,
    "4.8.6.2": _AUTHORITY,
    "4.14.13": _AUTHORITY,
    "4.14.22": _INDIRECT,
    "4.14.24": _INDIRECT,
    "4.14.25": _INDIRECT,
    "4.14.28": _INDIRECT,
    "4.14.29": _INDIRECT,
    "4.14.30": _INDIRECT,
    "4.14.33": _INDIRECT,
    "4.15.4": _DELTA,
    "4.15.5": _DELTA,
}

pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


class ListsOfADirectory(RevocationSources):
    """PKITS expects lists to be found by their issuer in a directory; here every certificate names those addresses."""

    def __init__(self, lists: Mapping[str, bytes]) -> None:
        super().__init__(Answers(FixedFetch(b"", lists)))
        self._addresses: dict[CanonicalName, list[str]] = {}
        for address, content in sorted(lists.items()):
            name = canonical(x509.load_der_x509_crl(content).issuer)
            self._addresses.setdefault(name, []).append(address)

    def ask(
        self,
        pairs: Sequence[tuple[Link, Link]],
        at: datetime,
        authorities: Sequence[Link] = (),
        *,
        rules: ContextRules = NO_RULES,
        whole: bool = False,
        offline: bool = False,
        spent: float = 0.0,
    ) -> list[Revocation]:
        known = [self._named(authority) for authority in authorities]
        named = [(self._named(certificate), issuer) for certificate, issuer in pairs]
        return super().ask(named, at, known, rules=rules, whole=whole, offline=offline, spent=spent)

    def _named(self, link: Link) -> Link:
        addresses = self._addresses.get(canonical(link.parsed.issuer), [])
        return replace(link, pointers=replace(link.pointers, crl=tuple(addresses)))


@dataclass(frozen=True, slots=True)
class Suite:
    anchors: Anchors
    sources: RevocationSources

    def judge(self, case: Case) -> TrustVerdict:
        chain = CertificateChain((FILES / "certs" / f"{case.certificate}.crt").read_bytes())
        return judge(chain, self.anchors, AT, self.sources, unknown_is=Outcome.ERROR, policies=case.inputs)


@pytest.fixture(scope="module")
def suite() -> Suite:
    authorities = []
    for file in sorted((FILES / "certs").glob("*.crt")):
        if not file.stem.endswith("EE") and file.stem not in {ROOT, "DSAParametersInheritedCACert"}:
            authorities.append(read_link(file.read_bytes()))
    root = read_link((FILES / "certs" / f"{ROOT}.crt").read_bytes())
    lists = {f"http://pkits.test/{file.name}": file.read_bytes() for file in (FILES / "crls").glob("*.crl")}
    return Suite(Anchors((root,), tuple(authorities)), ListsOfADirectory(lists))


def test_no_case_is_left_out() -> None:
    """Every end entity's certificate of the suite is in some case, and the names of cases are their own."""
    files = {file.stem for file in (FILES / "certs").glob("*EE.crt")}
    assert files == {case.certificate for case in CASES}
    assert len({case.number for case in CASES}) == len(CASES)
    assert set(DOES_NOT_APPLY) <= {case.number for case in CASES}


@pytest.mark.parametrize("case", [c for c in CASES if c.number not in DOES_NOT_APPLY], ids=lambda case: case.name)
def test_a_case_ends_as_nist_says(suite: Suite, case: Case) -> None:
    try:
        trusted = suite.judge(case).trusted
    except BadCertificate:
        trusted = False
    assert trusted is case.valid


@pytest.mark.parametrize("case", [c for c in CASES if c.number in DOES_NOT_APPLY], ids=lambda case: case.name)
def test_a_case_that_does_not_apply_ends_as_its_reason_says(suite: Suite, case: Case) -> None:
    reason = DOES_NOT_APPLY[case.number]
    if case.number == "4.1.5":
        with pytest.raises(BadCertificate):
            suite.judge(case)
        return
    verdict = suite.judge(case)
    wrong = [item.check for item in everything(verdict.results) if item.outcome is Outcome.ERROR]
    if reason is _AUTHORITY:
        assert wrong == [Check.INVALID_KEY_USAGE]
    elif reason is _INDIRECT:
        assert wrong[0] is Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN
    elif reason is _DSA:
        assert Check.ALGORITHM_NOT_ALLOWED in wrong
    else:
        assert wrong == ([] if case.number == "4.15.4" else [Check.CERTIFICATE_REVOKED])
