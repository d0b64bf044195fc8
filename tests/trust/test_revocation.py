"""Revoked or not: by CRL, by OCSP, by nobody; answers that are old, forged or about somebody else."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from signroom.domain.security_context import ICP_BRASIL, ITALY, TEST
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Check, Outcome, ValidationItem
from signroom.fetch.guarded import GuardedFetch
from signroom.keys.demo_ca import open_demo_ca
from signroom.secrets.secret_keys import SecretKeys
from signroom.trust.asking.answers import Answers
from signroom.trust.contexts import CertificateTrust, open_trust
from signroom.trust.paths import read_chain
from signroom.trust.revocation import RevocationSources, Status
from tests.pki import odd_names
from tests.pki.toy_pki import SigningKey, ToyPki
from tests.trust.fetching import FixedFetch, HangingFetch, PlainFetch
from tests.trust.reading import checks, errors, everything, issuer, only, warnings

NOW = datetime.now(UTC)
UNKNOWN = Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN
CRL = "/icp/crls/ac-crl/latest.crl"
OCSP = "/icp/ocsp/ac-ocsp"
DAY = timedelta(days=1)


# -- revoked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "detail"),
    [
        ("revoked", "Revoked on 2025-06-01 (keyCompromise)."),
        ("revoked-crl-only", "Revoked on 2025-06-01 (superseded)."),
        ("revoked-ocsp-only", "Revoked on 2025-06-01 (superseded)."),
    ],
)
@pytest.mark.parametrize("may_be_unknown", [False, True])
def test_a_revoked_certificate_is_an_error_with_its_date(
    pki: ToyPki, trust: CertificateTrust, label: str, detail: str, may_be_unknown: bool
) -> None:
    verdict = trust.judge(pki.chain(label), ICP_BRASIL, NOW, revocation_may_be_unknown=may_be_unknown)
    assert errors(verdict.results) == [Check.CERTIFICATE_REVOKED]
    assert only(verdict.results, Check.CERTIFICATE_REVOKED).detail == detail


@pytest.mark.parametrize("label", ["revoked", "revoked-crl-only", "revoked-ocsp-only"])
def test_it_was_good_before(pki: ToyPki, trust: CertificateTrust, label: str) -> None:
    assert trust.judge(pki.chain(label), ICP_BRASIL, datetime(2025, 5, 31, tzinfo=UTC)).trusted
    assert not trust.judge(pki.chain(label), ICP_BRASIL, datetime(2025, 6, 2, tzinfo=UTC)).trusted


def test_a_revoked_authority_takes_what_it_issued_with_it(pki: ToyPki, trust: CertificateTrust) -> None:
    verdict = trust.judge(pki.chain("under-revoked"), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_ISSUER_INVALID]
    assert errors(issuer(verdict.results)) == [Check.CERTIFICATE_REVOKED]


# -- unknown -----------------------------------------------------------------------------------------


def test_unknown_is_an_error_or_a_warning_for_every_certificate_below_the_root(
    pki: ToyPki, trust: CertificateTrust
) -> None:
    chain = pki.chain("e-cpf-a1")
    with pki.down():
        strict = trust.judge(chain, ICP_BRASIL, NOW)
        lenient = trust.judge(chain, ICP_BRASIL, NOW, revocation_may_be_unknown=True)
    assert errors(strict.results) == [UNKNOWN, Check.CERTIFICATE_ISSUER_INVALID]
    assert lenient.trusted
    assert warnings(lenient.results) == [UNKNOWN]
    for verdict, outcome in ((strict, Outcome.ERROR), (lenient, Outcome.WARNING)):
        found = [item for item in everything(verdict.results) if item.check is UNKNOWN]
        assert [item.outcome for item in found] == [outcome] * 3
    item = only(strict.results, UNKNOWN)
    assert item.inner is not None
    assert checks(item.inner, Outcome.ERROR) == [Check.INVALID_OCSP_RESPONSE, Check.INVALID_CRL]


def test_a_certificate_that_names_no_source_is_unknown(pki: ToyPki, trust: CertificateTrust) -> None:
    verdict = trust.judge(pki.chain("without-revocation-pointer"), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [UNKNOWN]
    assert only(verdict.results, UNKNOWN).detail == "The certificate names no revocation list and no responder."


def test_without_a_network_all_is_unknown(pki: ToyPki, tmp_path: Path) -> None:
    trust = open_trust(tmp_path, None, extra={ICP_BRASIL: [pki.icp_root]})
    assert errors(trust.judge(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW).results)[0] is UNKNOWN
    assert trust.judge(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW, revocation_may_be_unknown=True).trusted


def test_a_list_stands_in_for_a_responder_that_is_down(pki: ToyPki, trust: CertificateTrust) -> None:
    with pki.answering("/icp/ocsp/ac2", 503):
        good = trust.judge(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW)
        revoked = trust.judge(pki.chain("revoked"), ICP_BRASIL, NOW)
    assert good.trusted
    (item,) = (item for item in good.results.items if item.message == "The certificate is not revoked.")
    assert item.detail == "Source: CRL."
    assert item.inner is not None
    assert warnings(item.inner) == [Check.INVALID_OCSP_RESPONSE]
    assert errors(revoked.results) == [Check.CERTIFICATE_REVOKED]


def test_a_responder_that_never_answers_costs_a_bounded_time(pki: ToyPki) -> None:
    fetch = HangingFetch()
    leaf, others = read_chain(pki.chain("e-cpf-a1"))
    started = time.monotonic()
    try:
        (found,) = RevocationSources(Answers(fetch), patience=0.3).ask([(leaf, others[0])], NOW)
    finally:
        fetch.released.set()
    assert time.monotonic() - started < 20, "it would have taken thirty"
    assert found.status is Status.UNKNOWN


def test_no_time_is_spent_on_a_second_address_when_it_is_over(pki: ToyPki) -> None:
    fetch = PlainFetch()
    leaf, others = read_chain(pki.chain("e-cpf-a1"))
    (found,) = RevocationSources(Answers(fetch), patience=-1).ask([(leaf, others[0])], NOW)
    assert found.status is Status.UNKNOWN
    assert fetch.asked == []


# -- bad lists ---------------------------------------------------------------------------------------


def test_a_stale_list_says_nothing(pki: ToyPki, trust: CertificateTrust) -> None:
    chain = pki.chain("crl-only")
    with pki.at(NOW - 3 * DAY):
        old = pki.answers.crl("icp", "ac-crl")
    with pki.answering(CRL, old):
        item = _unknown(pki, trust, "crl-only")
        assert "was good until" in (item.detail or "")
        # It was a current one when it was made.
        assert trust.judge(chain, ICP_BRASIL, NOW - 3 * DAY).trusted


def test_a_list_of_another_issuer_says_nothing(pki: ToyPki, trust: CertificateTrust) -> None:
    with pki.answering(CRL, pki.answers.crl("icp", "ac2")):
        assert _unknown(pki, trust, "crl-only").detail == "The list is by another issuer."


def test_a_list_signed_by_somebody_else_says_nothing(pki: ToyPki, trust: CertificateTrust) -> None:
    forged = _list(pki, "ac-crl", key=ec.generate_private_key(ec.SECP256R1()))
    with pki.answering(CRL, forged):
        assert _unknown(pki, trust, "revoked-crl-only").detail == "The signature of the list does not verify."
    # The same list with the issuer's own key counts: it is the signature that makes the difference.
    with pki.answering(CRL, _list(pki, "ac-crl")):
        assert trust.judge(pki.chain("revoked-crl-only"), ICP_BRASIL, NOW).trusted


@pytest.mark.parametrize(
    ("certified_by", "why"),
    [(None, "that nobody confirms"), ("e-cpf-a1", "that nobody confirms"), ("ac1", "that nobody confirms")],
    ids=["self-made", "by-a-person", "by-an-authority-that-names-no-list"],
)
def test_a_list_by_a_namesake_of_the_issuer_says_nothing(
    pki: ToyPki, trust: CertificateTrust, certified_by: str | None, why: str
) -> None:
    """A signer sends a certificate in the issuer's name along, and a list by its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.load_der_x509_certificate(pki.certificate("ac-crl")).subject
    above = name if certified_by is None else x509.load_der_x509_certificate(pki.certificate(certified_by)).subject
    namesake = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key if certified_by is None else pki.key(certified_by), hashes.SHA256())
    )
    chain = pki.chain("revoked-crl-only")
    chain = replace(chain, issuers=(*chain.issuers, namesake.public_bytes(serialization.Encoding.DER)))
    with pki.answering(CRL, _list(pki, "ac-crl", key=key)):
        verdict = trust.judge(chain, ICP_BRASIL, NOW)
    assert errors(verdict.results) == [UNKNOWN]
    assert why in (only(verdict.results, UNKNOWN).detail or "")


Change = Callable[[x509.CertificateRevocationListBuilder], x509.CertificateRevocationListBuilder]


def _scope(*, name: str | None = None, **scope: bool) -> Change:
    point = x509.IssuingDistributionPoint(
        full_name=None if name is None else [x509.UniformResourceIdentifier(name)],
        relative_name=None,
        only_contains_user_certs=scope.get("user", False),
        only_contains_ca_certs=scope.get("ca", False),
        only_some_reasons=frozenset({x509.ReasonFlags.key_compromise}) if scope.get("reasons") else None,
        indirect_crl=scope.get("indirect", False),
        only_contains_attribute_certs=scope.get("attribute", False),
    )
    return lambda builder: builder.add_extension(point, critical=True)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_scope(name="http://elsewhere.example.org/other.crl"), "not the one that the certificate names"),
        (_scope(ca=True), "for another kind of certificates"),
        (_scope(attribute=True), "or for attributes"),
        (_scope(indirect=True), "for other issuers' certificates too"),
        (_scope(reasons=True, user=True), "do not cover every reason"),
        (lambda builder: builder.add_extension(x509.DeltaCRLIndicator(1), critical=True), "only the changes"),
        (
            lambda builder: builder.add_extension(
                x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.8"), b"\x05\x00"), critical=True
            ),
            "critical extension",
        ),
    ],
    ids=["other-point", "authorities-only", "attributes-only", "indirect", "some-reasons", "delta", "odd-critical"],
)
def test_a_list_that_is_not_for_this_certificate_says_nothing(
    pki: ToyPki, trust: CertificateTrust, change: Change, why: str
) -> None:
    with pki.answering(CRL, _list(pki, "ac-crl", change)):
        assert why in (_unknown(pki, trust, "crl-only").detail or "")


def test_a_list_for_persons_counts_for_persons(pki: ToyPki, trust: CertificateTrust) -> None:
    with pki.answering(CRL, _list(pki, "ac-crl", _scope(user=True))):
        assert trust.judge(pki.chain("crl-only"), ICP_BRASIL, NOW).trusted


@pytest.mark.parametrize("junk", [b"", b"<html>", b"0\x82\xff\xff", 404, 500, 302])
@pytest.mark.parametrize(("label", "path"), [("crl-only", CRL), ("ocsp-only", OCSP)])
def test_junk_says_nothing(pki: ToyPki, trust: CertificateTrust, label: str, path: str, junk: bytes | int) -> None:
    with pki.answering(path, junk):
        _unknown(pki, trust, label)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize("source", ["CRL", "OCSP"])
def test_damage_anywhere_in_an_answer_never_makes_a_revoked_certificate_good(pki: ToyPki, source: str) -> None:
    label = f"revoked-{source.lower()}-only"
    leaf, (by, *_) = read_chain(pki.chain(label))
    if source == "CRL":
        answer = pki.answers.crl("icp", "ac-crl")
    else:
        answer = _response(pki, label, by="ocsp-only-responder", status=ocsp.OCSPCertStatus.REVOKED)
    assert RevocationSources(Answers(FixedFetch(answer))).ask([(leaf, by)], NOW)[0].status is Status.REVOKED
    for position in range(len(answer)):
        damaged = bytearray(answer)
        damaged[position] ^= random.Random(position).randrange(1, 256)
        (found,) = RevocationSources(Answers(FixedFetch(bytes(damaged)))).ask([(leaf, by)], NOW)
        assert found.status is not Status.GOOD, position


# -- bad responses -----------------------------------------------------------------------------------


def test_a_response_about_another_certificate_says_nothing(pki: ToyPki, trust: CertificateTrust) -> None:
    with pki.answering(OCSP, _response(pki, "revoked-ocsp-only", by="ocsp-only-responder")):
        assert _unknown(pki, trust, "ocsp-only").detail == "The response is about another certificate."


def test_the_same_serial_number_of_another_issuer_says_nothing(pki: ToyPki, trust: CertificateTrust) -> None:
    answer = _response(pki, "ocsp-only", by="ocsp-only-responder", of_issuer="ac1")
    with pki.answering(OCSP, answer):
        assert _unknown(pki, trust, "ocsp-only").detail == "The response is about another certificate."


def test_a_stale_response_says_nothing(pki: ToyPki, trust: CertificateTrust) -> None:
    # Not by the PKI's clock: the issuer's own list is renewed every 30 days, and could be stale by then too.
    answer = _response(pki, "ocsp-only", by="ocsp-only-responder", made=NOW - 2 * DAY, lasts=DAY)
    with pki.answering(OCSP, answer):
        assert "was good until" in (_unknown(pki, trust, "ocsp-only").detail or "")


def test_a_response_without_an_end_counts_for_a_day(pki: ToyPki, trust: CertificateTrust) -> None:
    for age, trusted in ((DAY / 2, True), (2 * DAY, False)):
        answer = _response(pki, "ocsp-only", by="ocsp-only-responder", made=NOW - age, lasts=None)
        with pki.answering(OCSP, answer):
            assert trust.judge(pki.chain("ocsp-only"), ICP_BRASIL, NOW).trusted is trusted


@pytest.mark.parametrize("by", ["ac-ocsp", "ocsp-only-responder"])
def test_the_issuer_and_whom_it_appointed_may_answer(pki: ToyPki, trust: CertificateTrust, by: str) -> None:
    with pki.answering(OCSP, _response(pki, "ocsp-only", by=by)):
        assert trust.judge(pki.chain("ocsp-only"), ICP_BRASIL, NOW).trusted


@pytest.mark.parametrize(
    ("by", "why"),
    [
        ("icp-ocsp", "not appointed by the issuer"),  # a responder, but of another authority
        ("e-cpf-a1", "not appointed by the issuer"),  # anybody
        ("revoked-ocsp-only", "not appointed by the issuer"),  # of this issuer, but no responder
    ],
)
def test_nobody_else_may(pki: ToyPki, trust: CertificateTrust, by: str, why: str) -> None:
    with pki.answering(OCSP, _response(pki, "ocsp-only", by=by)):
        assert why in (_unknown(pki, trust, "ocsp-only").detail or "")


@pytest.mark.parametrize("revoked", [False, True])
def test_a_responder_that_is_not_exempt_may_be_on_a_list(pki: ToyPki, revoked: bool) -> None:
    leaf, (by, *_) = read_chain(pki.chain("ocsp-only"))
    key = ec.generate_private_key(ec.SECP256R1())
    address = "http://lists.example.org/responders.crl"
    responder = _responder(pki, key, address)
    entry = x509.RevokedCertificateBuilder().serial_number(responder.serial_number).revocation_date(NOW - DAY).build()
    listed = _list(pki, "ac-ocsp", (lambda builder: builder.add_revoked_certificate(entry)) if revoked else None)
    answer = _response(pki, "ocsp-only", by="ocsp-only-responder", responder=(responder, key))
    fetch = FixedFetch(answer, {address: listed})
    (found,) = RevocationSources(Answers(fetch)).ask([(leaf, by)], NOW)
    assert found.status is (Status.UNKNOWN if revoked else Status.GOOD)
    assert address in fetch.asked


@pytest.mark.parametrize("company", ["Foo Ltd", "Foo & Bar Ltd"])
def test_a_responder_may_have_a_text_in_its_name_that_breaks_a_rule(company: str) -> None:
    """The answer names the authority, and brings its certificate along."""
    address = "http://ocsp.example.org/"
    authority = odd_names.issued("Authority", company, "Authority", NOW, is_ca=True)
    certificate = odd_names.issued("Ana", company, "Authority", NOW, is_ca=False, responder=address)
    leaf, (by,) = read_chain(CertificateChain(certificate, (authority,)))
    fetch = FixedFetch(odd_names.answer(certificate, authority, company, NOW), {})

    (found,) = RevocationSources(Answers(fetch)).ask([(leaf, by)], NOW)

    assert (found.status, found.source) == (Status.GOOD, "OCSP"), found


def test_a_response_with_a_forged_signature_says_nothing(pki: ToyPki, trust: CertificateTrust) -> None:
    answer = _response(pki, "ocsp-only", by="ac-ocsp")
    signature = ocsp.load_der_ocsp_response(answer).signature
    with pki.answering(OCSP, answer.replace(signature, bytes(reversed(signature)))):
        assert _unknown(pki, trust, "ocsp-only").detail == "The signature of the response does not verify."


def test_a_responder_that_does_not_know_says_nothing(pki: ToyPki, trust: CertificateTrust) -> None:
    answer = _response(pki, "ocsp-only", by="ac-ocsp", status=ocsp.OCSPCertStatus.UNKNOWN)
    with pki.answering(OCSP, answer):
        assert _unknown(pki, trust, "ocsp-only").detail == "The responder does not know the certificate."
    busy = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    with pki.answering(OCSP, busy.public_bytes(serialization.Encoding.DER)):
        assert _unknown(pki, trust, "ocsp-only").detail == "The responder answers try_later."


# -- the demo authority ------------------------------------------------------------------------------


def test_the_list_of_the_demo_authority_counts(tmp_path: Path) -> None:
    demo = open_demo_ca(tmp_path, "http://127.0.0.1:8400", SecretKeys(b"s" * 32))
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    chain = demo.issue(spki, "Newcomer", NOW)
    fetch = FixedFetch(demo.crl(NOW))
    trust = open_trust(tmp_path / "none", fetch, extra={TEST: list(chain.issuers)})
    assert trust.judge(chain, TEST, NOW).trusted
    # The responder's answer is none here: the list stands in for it.
    assert fetch.asked == [f"http://127.0.0.1:8400/demo-ca.{kind}?authority={demo.name}" for kind in ("ocsp", "crl")]


def test_demo_certificates_of_the_key_before_count_while_the_secret_key_is_changed(tmp_path: Path) -> None:
    url = "http://127.0.0.1:8400"
    before = open_demo_ca(tmp_path, url, SecretKeys(b"s" * 32))
    changing = open_demo_ca(tmp_path, url, SecretKeys(b"n" * 32, b"s" * 32))
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    for authority in (before, changing):
        fetch = FixedFetch(changing.crl(NOW, authority.name))
        trust = open_trust(tmp_path / "none", fetch, extra={TEST: changing.certificates})
        assert trust.judge(authority.issue(spki, "Newcomer", NOW), TEST, NOW).trusted
        assert fetch.asked[-1] == f"{url}/demo-ca.crl?authority={authority.name}"


# -- the guarded fetch -------------------------------------------------------------------------------


@pytest.mark.parametrize(("label", "context"), [("e-cpf-a1", ICP_BRASIL), ("qualified", ITALY)])
def test_with_the_fetch_of_the_product(pki: ToyPki, tmp_path: Path, label: str, context: object) -> None:
    roots = {ICP_BRASIL: [pki.icp_root], ITALY: [pki.eidas_root]}
    wanted = ICP_BRASIL if context is ICP_BRASIL else ITALY
    allowed = open_trust(tmp_path, GuardedFetch(["127.0.0.0/8"]), extra=roots)
    assert allowed.judge(pki.chain(label), wanted, NOW).trusted
    # Loopback is not allowed unless somebody says so: the status is unknown, nothing more.
    guarded = open_trust(tmp_path, GuardedFetch(), extra=roots)
    before = len(pki.answers.asked)
    assert UNKNOWN in errors(guarded.judge(pki.chain(label), wanted, NOW).results)
    assert len(pki.answers.asked) == before


def _unknown(pki: ToyPki, trust: CertificateTrust, label: str) -> ValidationItem:
    """The item that says so; nothing else is wrong."""
    verdict = trust.judge(pki.chain(label), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [UNKNOWN]
    return only(verdict.results, UNKNOWN)


def _list(pki: ToyPki, authority: str, change: Change | None = None, key: SigningKey | None = None) -> bytes:
    """An empty list in the name of `authority`, by its key unless another is given."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.load_der_x509_certificate(pki.certificate(authority)).subject)
        .last_update(NOW - timedelta(hours=1))
        .next_update(NOW + DAY)
    )
    made = builder if change is None else change(builder)
    return made.sign(key or pki.key(authority), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _response(
    pki: ToyPki,
    about: str,
    *,
    by: str,
    of_issuer: str = "ac-ocsp",
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    made: datetime = NOW,
    lasts: timedelta | None = DAY,
    responder: tuple[x509.Certificate, SigningKey] | None = None,
) -> bytes:
    """What `by` says of `about`, or `responder` when it is given."""
    signer, key = responder or (x509.load_der_x509_certificate(pki.certificate(by)), pki.key(by))
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=x509.load_der_x509_certificate(pki.certificate(about)),
            issuer=x509.load_der_x509_certificate(pki.certificate(of_issuer)),
            algorithm=hashes.SHA256(),
            cert_status=status,
            this_update=made,
            next_update=None if lasts is None else made + lasts,
            revocation_time=NOW - 30 * DAY if status is ocsp.OCSPCertStatus.REVOKED else None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, signer)
        .certificates([signer])
        .sign(key, hashes.SHA256())
    )
    return response.public_bytes(serialization.Encoding.DER)


def _responder(pki: ToyPki, key: SigningKey, address: str) -> x509.Certificate:
    """One appointed by ``ac-ocsp`` for a while, whose revocation is to be asked for at `address`."""
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(address)], None, None, None)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Not exempt")]))
        .issuer_name(x509.load_der_x509_certificate(pki.certificate("ac-ocsp")).subject)
        .public_key(key.public_key())
        .serial_number(4712)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
        .sign(pki.key("ac-ocsp"), hashes.SHA256())
    )
