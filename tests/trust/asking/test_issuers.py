"""Issuers that nobody sent are fetched from allowed hosts, in a bounded way, and never trusted by themselves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID

from signroom.domain.certificate import CertificateUse
from signroom.domain.security_context import ANY, TEST
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Check
from signroom.fetch.guarded import GuardedFetch
from signroom.trust.anchors import Anchors, AnchorSource
from signroom.trust.asking.answers import NOT_KEPT, Ages, Answers
from signroom.trust.asking.issuers import MAX_ANSWER, Issuers
from signroom.trust.contexts import CertificateTrust, open_trust
from signroom.trust.paths import read_link
from signroom.trust.revocation import RevocationSources
from tests.trust.fetching import FixedFetch, HangingFetch, PlainFetch
from tests.trust.reading import errors

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
HOST = "certificates.example.org"
KEY = ec.generate_private_key(ec.SECP256R1())
NOWHERE = Path("/nonexistent")


def certified(
    name: str, by: str, *addresses: str, own: ec.EllipticCurvePrivateKey = KEY, authority: bool = True
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, by)]))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if addresses:
        places = [
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(url))
            for url in addresses
        ]
        builder = builder.add_extension(x509.AuthorityInformationAccess(places), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


ROOT = certified("Root", "Root")
UPPER = certified("Upper", "Root")
LOWER = certified("Lower", "Upper", f"http://{HOST}/upper")
SIGNER = CertificateChain(certified("Signer", "Lower", f"http://{HOST}/lower", authority=False), ())
ANSWERS = {f"http://{HOST}/upper": UPPER, f"http://{HOST}/lower": LOWER}


@dataclass
class Asking:
    """A trust in ROOT, and whom it asks."""

    fetch: PlainFetch
    ages: Ages = NOT_KEPT
    hosts: tuple[str, ...] = (HOST,)
    seconds: float = 4.0
    trust: CertificateTrust = field(init=False)

    def __post_init__(self) -> None:
        answers = Answers(self.fetch, ages=self.ages)
        issuers = Issuers(answers, self.hosts, self.seconds)
        self.trust = CertificateTrust(Trusting(), RevocationSources(answers), issuers)

    def judged(self, chain: CertificateChain = SIGNER) -> list[Check]:
        return errors(self.trust.judge(chain, TEST, NOW, revocation_may_be_unknown=True).results)


class Trusting(AnchorSource):
    def anchors(self, context: object) -> Anchors:
        return Anchors(any_issuer=True) if context is ANY else Anchors((read_link(ROOT),))


def asking(others: Mapping[str, bytes]) -> Asking:
    return Asking(FixedFetch(b"junk", others))


UNKNOWN_ISSUER = [Check.CERTIFICATE_ISSUER_NOT_FOUND]


def test_a_path_is_completed_up_to_a_root() -> None:
    found = asking(ANSWERS)
    verdict = found.trust.judge(SIGNER, TEST, NOW, revocation_may_be_unknown=True)
    assert verdict.trusted
    assert verdict.path == (SIGNER.certificate, LOWER, UPPER, ROOT)
    assert found.fetch.asked == [f"http://{HOST}/lower", f"http://{HOST}/upper"]


def bundle(*ders: bytes) -> bytes:
    certificates = [x509.load_der_x509_certificate(der) for der in ders]
    return pkcs7.serialize_certificates(certificates, serialization.Encoding.DER)


@pytest.mark.parametrize(
    "answer",
    [bundle(UPPER, LOWER), pem.armor("PKCS7", bundle(LOWER, UPPER)), pem.armor("CERTIFICATE", LOWER), bundle(LOWER)],
    ids=["p7c", "p7c-pem", "pem", "p7c-of-one"],
)
def test_every_form_of_answer_is_read(answer: bytes) -> None:
    assert asking({**ANSWERS, f"http://{HOST}/lower": answer}).judged() == []


def test_a_whole_chain_in_one_answer_is_one_question() -> None:
    found = asking({f"http://{HOST}/lower": bundle(ROOT, UPPER, LOWER)})
    assert found.judged() == []
    assert found.fetch.asked == [f"http://{HOST}/lower"]


def test_no_host_is_asked_that_the_operator_has_not_named() -> None:
    found = Asking(FixedFetch(b"", ANSWERS), hosts=("example.org", f"sub.{HOST}"))
    assert found.judged() == UNKNOWN_ISSUER
    assert found.fetch.asked == []


@pytest.mark.parametrize(
    "url", [f"ldap://{HOST}/lower", f"http://{HOST}.evil.example/lower", f"http://{HOST}@evil.example/"]
)
def test_an_address_of_another_kind_or_host_is_not_asked(url: str) -> None:
    found = asking({})
    assert found.judged(CertificateChain(certified("Signer", "Lower", url, authority=False), ())) == UNKNOWN_ISSUER
    assert found.fetch.asked == []


def test_a_private_address_is_not_reached_by_an_allowed_name(tmp_path: Path) -> None:
    chain = CertificateChain(certified("Signer", "Lower", "http://127.0.0.1:1/lower", authority=False), ())
    trust = open_trust(tmp_path, GuardedFetch(), extra={TEST: [ROOT]}, issuer_hosts=["127.0.0.1"])
    assert errors(trust.judge(chain, TEST, NOW).results) == UNKNOWN_ISSUER


def test_no_redirect_leads_away_from_the_hosts_that_are_named() -> None:
    fetch = FixedFetch(b"", ANSWERS)
    assert Asking(fetch).judged() == []
    assert fetch.redirects == [False, False]


def test_who_is_fetched_is_not_trusted_by_that() -> None:
    """The answer has a root of its own."""
    stranger = certified("Lower", "Lower")
    found = asking({f"http://{HOST}/lower": stranger})
    assert found.judged() == [Check.CERTIFICATE_CHAIN_ROOT_NOT_TRUSTED]


def test_issuers_that_name_each_other_in_a_circle_end_the_search() -> None:
    one = certified("One", "Two", f"http://{HOST}/two")
    two = certified("Two", "One", f"http://{HOST}/one")
    found = asking({f"http://{HOST}/one": one, f"http://{HOST}/two": two})
    chain = CertificateChain(certified("Signer", "One", f"http://{HOST}/one", authority=False), ())
    assert found.judged(chain) == [Check.CERTIFICATE_ISSUER_INVALID]
    assert len(found.fetch.asked) <= 3


def test_a_chain_without_end_is_followed_a_few_steps() -> None:
    names = [f"CA {number}" for number in range(20)]
    made = {
        f"http://{HOST}/{number}": certified(names[number], names[number + 1], f"http://{HOST}/{number + 1}")
        for number in range(19)
    }
    found = asking(made)
    chain = CertificateChain(certified("Signer", names[0], f"http://{HOST}/0", authority=False), ())
    assert found.judged(chain) == [Check.CERTIFICATE_ISSUER_INVALID]
    assert len(found.fetch.asked) == 4


def test_a_thousand_issuers_of_one_name_cost_little() -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    forged = [certified("Lower", "Upper", own=stranger) for _ in range(20)]
    many = cms.ContentInfo.load(bundle(*forged))
    for _ in range(49):
        for der in forged:
            many["content"]["certificates"].append(cms.CertificateChoices({"certificate": cms.Certificate.load(der)}))
    content = many.dump(force=True)
    assert len(content) < MAX_ANSWER * 2
    began = time.process_time()
    assert asking({f"http://{HOST}/lower": content}).judged() == UNKNOWN_ISSUER
    assert time.process_time() - began < 4


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"0\x82\xff\xff", b"-----BEGIN JUNK-----\nAAAA\n-----END JUNK-----", ROOT]
)
def test_an_answer_that_is_no_issuer_says_nothing(answer: bytes) -> None:
    assert asking({f"http://{HOST}/lower": answer}).judged() == UNKNOWN_ISSUER


def test_a_host_that_says_nothing_holds_nobody() -> None:
    fetch = HangingFetch()
    found = Asking(fetch, seconds=0.2)
    began = time.monotonic()
    try:
        assert found.judged() == UNKNOWN_ISSUER
    finally:
        fetch.released.set()
    assert time.monotonic() - began < 20, "the host would have taken thirty"


def test_an_issuer_is_fetched_once_a_day_and_offline_never() -> None:
    found = Asking(FixedFetch(b"", ANSWERS), ages=Ages(timedelta(minutes=10), DAY))
    offline = found.trust.judge(SIGNER, TEST, NOW, revocation_may_be_unknown=True, offline=True)
    assert errors(offline.results) == UNKNOWN_ISSUER
    assert found.fetch.asked == []
    for _ in range(3):
        assert found.judged() == []
    assert len(found.fetch.asked) == 2
    assert found.trust.judge(SIGNER, TEST, NOW, revocation_may_be_unknown=True, offline=True).trusted


def test_where_every_issuer_is_accepted_nobody_is_asked_for_issuers() -> None:
    found = asking({**ANSWERS, f"http://{HOST}/upper": bundle(UPPER, ROOT)})
    assert found.trust.judge(SIGNER, ANY, NOW).path == (SIGNER.certificate,)
    evidence = found.trust.collect(SIGNER, ANY, NOW, use=CertificateUse.SIGNATURES)
    assert evidence.verdict.path == (SIGNER.certificate,)
    assert found.fetch.asked == []
