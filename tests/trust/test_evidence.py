"""What is collected is enough: somebody else comes to the same verdict without asking anybody."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from signroom.domain.augmentation import Evidence
from signroom.domain.certificate import CertificateUse
from signroom.domain.security_context import (
    ANY,
    ICP_BRASIL,
    ITALY,
    TEST,
    ContextRules,
    RevocationRule,
    SecurityContext,
)
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Check
from signroom.trust.contexts import CertificateTrust, open_trust
from tests.pki.toy_pki import ToyPki
from tests.trust.fetching import FixedFetch, PlainFetch
from tests.trust.reading import errors

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
OF_SIGNERS = CertificateUse.SIGNATURES
_NOWHERE = Path("/nonexistent")


def _by_pyhanko(evidence: Evidence, at: datetime) -> None:
    """Validate the path offline. Raises: a PathError or ValidationError of the library's."""
    leaf, *_, root = (asn1_x509.Certificate.load(der) for der in evidence.verdict.path)
    data = evidence.data
    context = ValidationContext(
        trust_roots=[root],
        other_certs=[asn1_x509.Certificate.load(der) for der in data.certificates],
        crls=[asn1_crl.CertificateList.load(der) for der in data.lists],
        ocsps=[asn1_ocsp.OCSPResponse.load(der) for der in data.responses],
        moment=at,
        allow_fetching=False,
        revocation_mode="require",
    )
    asyncio.run(CertificateValidator(leaf, validation_context=context).async_validate_path())


@pytest.mark.parametrize(
    ("label", "context", "lists", "responses"),
    [("e-cpf-a1", ICP_BRASIL, 2, 1), ("crl-only", ICP_BRASIL, 3, 0), ("qualified", ITALY, 1, 1)],
)
def test_it_validates_offline_by_another_program(
    pki: ToyPki, trust: CertificateTrust, label: str, context: SecurityContext, lists: int, responses: int
) -> None:
    evidence = trust.collect(pki.chain(label), context, NOW, use=OF_SIGNERS)
    assert evidence.verdict == trust.judge(pki.chain(label), context, NOW)
    assert evidence.complete
    assert (len(evidence.data.lists), len(evidence.data.responses)) == (lists, responses)
    assert set(evidence.verdict.path) <= set(evidence.data.certificates)
    # Of a responder the certificate is there too.
    assert len(evidence.data.certificates) == len(evidence.verdict.path) + responses
    _by_pyhanko(evidence, datetime.now(UTC) + timedelta(minutes=2))


def test_the_root_is_there_when_nobody_sent_it(pki: ToyPki, trust: CertificateTrust) -> None:
    evidence = trust.collect(pki.chain("e-cpf-a1", with_root=False), ICP_BRASIL, NOW, use=OF_SIGNERS)
    assert pki.icp_root in evidence.data.certificates


def test_what_nobody_answers_is_missing_and_no_error(pki: ToyPki, trust: CertificateTrust) -> None:
    with pki.down():
        evidence = trust.collect(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW, use=OF_SIGNERS)
    assert evidence.verdict.trusted
    assert not evidence.complete
    assert [line.partition(":")[0] for line in evidence.missing] == [
        "The certificate",
        "The certificate of issuer 1",
        "The certificate of issuer 2",
    ]
    assert evidence.data.certificates == evidence.verdict.path


def test_one_source_that_fails_is_not_missing_when_another_answers(pki: ToyPki, trust: CertificateTrust) -> None:
    with pki.answering("/icp/ocsp/ac2", 503):
        evidence = trust.collect(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW, use=OF_SIGNERS)
    assert evidence.complete
    assert (len(evidence.data.lists), len(evidence.data.responses)) == (3, 0)


def test_evidence_of_a_revoked_certificate_is_not_complete(pki: ToyPki, trust: CertificateTrust) -> None:
    evidence = trust.collect(pki.chain("revoked"), ICP_BRASIL, NOW, use=OF_SIGNERS)
    assert errors(evidence.verdict.results) == [Check.CERTIFICATE_REVOKED]
    assert evidence.data.responses
    assert len(evidence.missing) == 1
    assert evidence.missing[0].startswith("The certificate was revoked on ")
    assert evidence.final


def test_whatever_is_wrong_with_a_certificate_is_missing(pki: ToyPki, trust: CertificateTrust) -> None:
    """Here: it may not sign timestamps."""
    evidence = trust.collect(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW, use=CertificateUse.TIMESTAMPS)
    assert not evidence.complete
    assert set(evidence.missing) == {item.message for item in evidence.verdict.results.errors}


def test_where_nobody_is_asked_about_revocation_nothing_proves_it_later() -> None:
    pki = HandMade()
    rules = ContextRules(revocation=RevocationRule.NOT_ASKED)
    context = SecurityContext(uuid4(), "own", subscription_id=uuid4(), roots=(_der(pki.root),), rules=rules)
    chain = pki.signer(_listed(HandMade.LIST))
    trust = open_trust(_NOWHERE, FixedFetch(b"", {HandMade.LIST: pki.list()}))
    evidence = trust.collect(chain, context, NOW, use=OF_SIGNERS)
    assert evidence.verdict.trusted
    assert evidence.missing == ("The security context asks nobody about revocation, so nothing proves it later.",)
    assert evidence.final


def test_a_certificate_that_names_nobody_to_ask_can_never_be_proved() -> None:
    pki = HandMade()
    evidence = pki.collect(pki.signer(), {})
    assert evidence.missing == (
        "The certificate: it is not known whether it was revoked. "
        "The certificate names no revocation list and no responder.",
    )
    assert evidence.final


def test_who_does_not_answer_today_may_answer_tomorrow() -> None:
    pki = HandMade()
    evidence = pki.collect(pki.signer(_listed(HandMade.LIST)), {})
    assert not evidence.complete
    assert not evidence.final


def test_of_a_certificate_that_ended_nobody_says_any_more_whether_it_was_revoked(
    pki: ToyPki, trust: CertificateTrust
) -> None:
    evidence = trust.collect(pki.chain("expired"), ICP_BRASIL, NOW, use=OF_SIGNERS)
    assert evidence.missing == ("The certificate is not in date: nobody says any more whether it was revoked.",)


def test_without_a_root_nothing_is_asked_and_the_path_is_missing(
    pki: ToyPki, trust: CertificateTrust, fetch: PlainFetch
) -> None:
    evidence = trust.collect(pki.chain("qualified"), ICP_BRASIL, NOW, use=OF_SIGNERS)
    assert evidence.missing == ("The path does not end at a trusted root.",)
    assert fetch.asked == []


@pytest.mark.parametrize("with_root", [True, False])
def test_where_every_issuer_is_accepted_a_path_to_the_root_of_another_context_is_complete(
    pki: ToyPki, trust: CertificateTrust, with_root: bool
) -> None:
    evidence = trust.collect(pki.chain("qualified", with_root=with_root), ANY, NOW, use=OF_SIGNERS)
    assert evidence.complete
    assert not evidence.verdict.anchored
    assert (len(evidence.data.lists), len(evidence.data.responses)) == (1, 1)


def test_where_every_issuer_is_accepted_a_stranger_s_certificate_makes_nobody_ask_anywhere() -> None:
    pki = HandMade()
    fetch = FixedFetch(pki.list())
    chain = CertificateChain(pki.signer(_listed(HandMade.LIST)).certificate, (_der(pki.root),))
    evidence = open_trust(_NOWHERE, fetch).collect(chain, ANY, NOW, use=OF_SIGNERS)
    assert fetch.asked == []
    assert evidence.missing == (
        "No trusted root vouches for all issuers of the certificate, so nobody is asked whether it was revoked.",
    )
    assert evidence.final


def test_a_certificate_that_signed_itself_has_nobody_to_ask() -> None:
    pki = HandMade()
    evidence = open_trust(_NOWHERE, None).collect(CertificateChain(_der(pki.root)), ANY, NOW, use=OF_SIGNERS)
    assert "nobody is asked" not in " ".join(evidence.missing)


@pytest.mark.parametrize("context", [TEST, ANY])
def test_who_is_no_authority_and_issues_all_the_same_makes_nobody_ask_anywhere(context: SecurityContext) -> None:
    pki = HandMade()
    holder = pki.certificate("Holder", pki.root)
    forged = pki.certificate("Somebody", holder, more=(_listed(HandMade.LIST), _asks(HandMade.OCSP)))
    fetch = FixedFetch(pki.list())
    trust = open_trust(_NOWHERE, fetch, extra={TEST: [_der(pki.root)]})
    chain = CertificateChain(_der(forged), (_der(holder),))
    assert not trust.collect(chain, context, NOW, use=OF_SIGNERS).complete
    trust.judge(chain, context, NOW)
    assert fetch.asked == []


def test_a_timestamp_authority_is_judged_by_its_own_purpose(pki: ToyPki, trust: CertificateTrust) -> None:
    evidence = trust.collect(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW, use=CertificateUse.TIMESTAMPS)
    assert Check.INVALID_KEY_USAGE in errors(evidence.verdict.results)


# -- responders and keys for lists: a small PKI by hand ------------------------------------------------


class HandMade:
    """A root, a signer below it, and whoever answers about the signer's certificate."""

    OCSP, LIST, OF_RESPONDER = (f"http://answers.example.org/{name}" for name in ("ocsp", "list", "responders"))

    def __init__(self) -> None:
        self.key, self.own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root = self.certificate("Root", None, usage=("key_cert_sign", "crl_sign"), ca=True)

    def certificate(
        self,
        name: str,
        issuer: x509.Certificate | None,
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        usage: tuple[str, ...] = ("content_commitment",),
        ca: bool = False,
        more: tuple[x509.ExtensionType, ...] = (),
    ) -> x509.Certificate:
        """One signed with the root's key."""
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is None else issuer.subject)
            .public_key((key or self.key).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + 100 * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(_usage(*usage), critical=True)
        )
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def signer(self, *more: x509.ExtensionType) -> CertificateChain:
        return CertificateChain(_der(self.certificate("Signer", self.root, key=self.own, more=more)), ())

    def responder(self, *more: x509.ExtensionType) -> x509.Certificate:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
        return self.certificate(
            "Responder", self.root, key=self.own, usage=("digital_signature",), more=(purpose, *more)
        )

    def response(self, about: CertificateChain, responder: x509.Certificate) -> bytes:
        made = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=x509.load_der_x509_certificate(about.certificate),
                issuer=self.root,
                algorithm=hashes.SHA1(),
                cert_status=ocsp.OCSPCertStatus.GOOD,
                this_update=NOW,
                next_update=NOW + DAY,
                revocation_time=None,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, responder)
            .certificates([responder])
            .sign(self.own, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.DER)

    def list(self, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.root.subject)
            .last_update(NOW - DAY)
            .next_update(NOW + DAY)
            .sign(key or self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.DER)

    def collect(self, chain: CertificateChain, answers: dict[str, bytes]) -> Evidence:
        trust = open_trust(_NOWHERE, FixedFetch(b"", answers), extra={TEST: [_der(self.root)]})
        return trust.collect(chain, TEST, NOW, use=OF_SIGNERS)


def test_of_a_responder_that_is_not_exempt_the_list_is_there_too() -> None:
    pki = HandMade()
    chain, responder = pki.signer(_asks(HandMade.OCSP)), pki.responder(_listed(HandMade.OF_RESPONDER))
    answer, listed = pki.response(chain, responder), pki.list()
    evidence = pki.collect(chain, {HandMade.OCSP: answer, HandMade.OF_RESPONDER: listed})
    assert evidence.complete
    assert evidence.data.responses == (answer,)
    assert evidence.data.lists == (listed,)
    assert _der(responder) in evidence.data.certificates


def test_an_exempt_responder_needs_nothing_more() -> None:
    pki = HandMade()
    chain, responder = pki.signer(_asks(HandMade.OCSP)), pki.responder(x509.OCSPNoCheck())
    evidence = pki.collect(chain, {HandMade.OCSP: pki.response(chain, responder)})
    assert evidence.complete
    _by_pyhanko(evidence, datetime.now(UTC) + timedelta(minutes=2))


def test_of_a_responder_that_nobody_can_ask_about_something_is_missing() -> None:
    pki = HandMade()
    chain = pki.signer(_asks(HandMade.OCSP))
    evidence = pki.collect(chain, {HandMade.OCSP: pki.response(chain, pki.responder())})
    assert evidence.verdict.trusted
    assert evidence.missing == (
        "The certificate: The responder's certificate names no revocation list, and is not exempt from one.",
    )


def test_a_list_is_taken_instead_of_such_a_responder() -> None:
    pki = HandMade()
    chain, listed = pki.signer(_asks(HandMade.OCSP), _listed(HandMade.LIST)), pki.list()
    evidence = pki.collect(chain, {HandMade.OCSP: pki.response(chain, pki.responder()), HandMade.LIST: listed})
    assert evidence.complete
    assert evidence.data.lists == (listed,)


def test_of_a_key_for_lists_the_certificate_and_its_own_list_are_there() -> None:
    pki = HandMade()
    key = ec.generate_private_key(ec.SECP256R1())
    for_lists = pki.certificate("Root", pki.root, key=key, usage=("crl_sign",), more=(_listed(HandMade.OF_RESPONDER),))
    chain = CertificateChain(pki.signer(_listed(HandMade.LIST)).certificate, (_der(for_lists),))
    by_key, by_root = pki.list(key), pki.list()
    evidence = pki.collect(chain, {HandMade.LIST: by_key, HandMade.OF_RESPONDER: by_root})
    assert evidence.complete
    assert evidence.data.lists == (by_key, by_root)
    assert evidence.data.certificates == (chain.certificate, _der(pki.root), _der(for_lists))


def test_a_list_that_is_too_large_for_a_file_is_no_evidence() -> None:
    pki = HandMade()
    chain, listed = pki.signer(_listed(HandMade.LIST)), _padded_list("Root", pki.key, 5)
    trust = open_trust(_NOWHERE, FixedFetch(listed), extra={TEST: [_der(pki.root)]})
    assert trust.judge(chain, TEST, NOW).trusted
    evidence = trust.collect(chain, TEST, NOW, use=OF_SIGNERS)
    assert not evidence.complete
    assert evidence.data.lists == ()


def test_the_answers_for_a_path_have_so_many_bytes_together() -> None:
    """Five issuers, each with a list of 3 MB; how many of them are in memory at once is bounded, too."""
    pki = HandMade()
    names = ["Root", *(f"CA {number}" for number in range(4)), "Signer"]
    keys = [pki.key, *(ec.generate_private_key(ec.SECP256R1()) for _ in names[1:])]
    chain: list[bytes] = []
    answers: dict[str, bytes] = {}
    for number in range(1, len(names)):
        url = f"http://answers.example.org/{number}"
        chain.insert(0, _issued(names, keys, number, url))
        answers[url] = _padded_list(names[number - 1], keys[number - 1], 3)
    fetch = _Counting(answers)
    trust = open_trust(_NOWHERE, fetch, extra={TEST: [_der(pki.root)]})
    evidence = trust.collect(CertificateChain(chain[0], tuple(chain[1:])), TEST, NOW, use=OF_SIGNERS)
    assert not evidence.complete
    assert len(evidence.data.lists) == 2
    assert "more than 8 MB together" in " ".join(evidence.missing)
    assert fetch.most <= 2


class _Counting(FixedFetch):
    """How many asked at the same time."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        super().__init__(b"", answers)
        self.most = self._now = 0

    def exchange(
        self,
        url: str,
        *,
        limit: int,
        body: bytes | None = None,
        content_type: str | None = None,
        redirects: bool = True,
    ) -> bytes:
        self._now += 1
        self.most = max(self.most, self._now)
        time.sleep(0.02)
        try:
            return super().exchange(url, limit=limit, body=body, content_type=content_type, redirects=redirects)
        finally:
            self._now -= 1


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _issued(names: list[str], keys: list[ec.EllipticCurvePrivateKey], number: int, url: str) -> bytes:
    last = number == len(names) - 1
    usage = _usage("content_commitment") if last else _usage("key_cert_sign", "crl_sign")
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(names[number]))
        .issuer_name(_name(names[number - 1]))
        .public_key(keys[number].public_key())
        .serial_number(number)
        .not_valid_before(NOW - 30 * DAY)
        .not_valid_after(NOW + 300 * DAY)
        .add_extension(x509.BasicConstraints(ca=not last, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(_listed(url), critical=False)
    )
    return _der(made.sign(keys[number - 1], hashes.SHA256()))


def _padded_list(issuer: str, key: ec.EllipticCurvePrivateKey, megabytes: int) -> bytes:
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(megabytes << 20))
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_name(issuer))
        .last_update(NOW - DAY)
        .next_update(NOW + DAY)
        .add_extension(padding, critical=False)
    )
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _asks(address: str) -> x509.AuthorityInformationAccess:
    uri = x509.UniformResourceIdentifier(address)
    return x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, uri)])


def _listed(address: str) -> x509.CRLDistributionPoints:
    uri = x509.UniformResourceIdentifier(address)
    return x509.CRLDistributionPoints([x509.DistributionPoint([uri], None, None, None)])


def _usage(*wanted: str) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in wanted for name in names})


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
