"""Certificates judged: who issued them, up to which root, by which rules."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from signroom.domain.errors import BadCertificate, SecurityContextNotConfigured
from signroom.domain.security_context import ANY, ICP_BRASIL, ITALY, TEST
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Check, Outcome
from signroom.trust import paths
from signroom.trust.contexts import CertificateTrust, open_trust
from signroom.trust.paths import MAX_DEPTH, MAX_ISSUERS, MAX_SIGNATURES
from tests.pki import authority
from tests.pki.toy_pki import ToyPki, toy_pki
from tests.trust.european.made_lists import holder
from tests.trust.fetching import PlainFetch
from tests.trust.reading import errors, everything, issuer, only, warnings

NOW = datetime.now(UTC)
GOOD = ("e-cpf-a1", "e-cpf-a3", "e-cpf-a3-ec", "e-cnpj-a1", "e-cnpj-alphanumeric", "crl-only")
ODD = ("pss-signed", "odd-names")


@pytest.mark.parametrize("label", [*GOOD, *ODD, "ocsp-only"])
def test_a_good_certificate_is_trusted_and_every_check_is_listed(
    pki: ToyPki, trust: CertificateTrust, label: str
) -> None:
    chain = pki.chain(label)
    verdict = trust.judge(chain, ICP_BRASIL, NOW)
    assert verdict.trusted
    assert verdict.path == (chain.certificate, *chain.issuers)
    assert verdict.path[-1] == pki.icp_root
    assert [item.outcome for item in everything(verdict.results)] == [Outcome.PASSED] * 18
    # Each authority below the root was asked about too.
    asked = [item for item in everything(verdict.results) if item.message == "The certificate is not revoked."]
    assert len(asked) == 3


@pytest.mark.parametrize("label", ["qualified", "qualified-software", "italian-signature", "italian-cns"])
def test_a_qualified_certificate_is_trusted(pki: ToyPki, trust: CertificateTrust, label: str) -> None:
    verdict = trust.judge(pki.chain(label), ITALY, NOW)
    assert verdict.trusted, verdict.results.errors
    assert len(verdict.path) == 3


def test_the_certificate_of_an_authority_is_read_once_unless_it_is_large(
    pki: ToyPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each signer of the authority brings it along. Somebody's large ones would fill the memory."""
    _, first = paths.read_chain(pki.chain("e-cpf-a1"))
    _, again = paths.read_chain(pki.chain("e-cpf-a1"))
    assert [one is other for one, other in zip(first, again, strict=True)] == [True] * len(first)

    monkeypatch.setattr(paths, "_KEPT_LENGTH", 0)
    _, anew = paths.read_chain(pki.chain("e-cpf-a1"))
    assert [one.der for one in anew] == [one.der for one in first]
    assert not any(one is other for one, other in zip(first, anew, strict=True))


def test_issuers_may_come_in_any_order_with_strangers_among_them_and_without_the_root(
    pki: ToyPki, trust: CertificateTrust
) -> None:
    expected = pki.chain("e-cpf-a1")
    others = [
        *pki.issuers("e-cpf-a1", with_root=False),
        pki.eidas_root,
        pki.certificate("eidas-ca"),
        authority.root_der(),
    ]
    for seed in range(5):
        shuffled = random.Random(seed).sample(others * 2, len(others) * 2)
        verdict = trust.judge(CertificateChain(expected.certificate, tuple(shuffled)), ICP_BRASIL, NOW)
        assert verdict.trusted
        assert verdict.path == (expected.certificate, *expected.issuers)


@pytest.mark.parametrize(
    ("label", "check", "detail"),
    [
        ("expired", Check.CERTIFICATE_EXPIRED, "Expired on 2023-01-01."),
        ("not-yet-valid", Check.CERTIFICATE_NOT_YET_VALID, "Valid from 2047-01-01."),
        ("wrong-key-usage", Check.INVALID_KEY_USAGE, None),
        ("weak-key", Check.ALGORITHM_NOT_ALLOWED, "It has RSA of 1024 bits."),
        ("sha1-signed", Check.ALGORITHM_NOT_ALLOWED, "Its digest is SHA1."),
        ("ac1", Check.INVALID_KEY_USAGE, "It is the certificate of an authority."),
    ],
)
def test_a_fault_of_the_certificate_itself(
    pki: ToyPki, trust: CertificateTrust, label: str, check: Check, detail: str | None
) -> None:
    verdict = trust.judge(pki.chain(label), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [check]
    assert only(verdict.results, check).detail == detail
    assert only(verdict.results, Check.CERTIFICATE_ISSUER_VALID).outcome is Outcome.PASSED


def test_what_is_expired_now_was_good_then(pki: ToyPki, trust: CertificateTrust) -> None:
    chain = pki.chain("expired")
    then = datetime(2022, 6, 1, tzinfo=UTC)
    with pki.at(then):
        assert trust.judge(chain, ICP_BRASIL, then).trusted
    # Its issuer does not list it any more: silence proves nothing.
    later = trust.judge(chain, ICP_BRASIL, then)
    assert errors(later.results) == [Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN]


def test_nobody_knows_the_issuer(pki: ToyPki, trust: CertificateTrust) -> None:
    verdict = trust.judge(CertificateChain(pki.certificate("e-cpf-a1")), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_ISSUER_NOT_FOUND]
    assert verdict.path == (pki.certificate("e-cpf-a1"),)


def test_nobody_knows_the_issuers_issuer(pki: ToyPki, trust: CertificateTrust, fetch: PlainFetch) -> None:
    chain = CertificateChain(pki.certificate("e-cpf-a1"), (pki.certificate("ac2"),))
    verdict = trust.judge(chain, ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_ISSUER_INVALID]
    assert errors(issuer(verdict.results)) == [Check.CERTIFICATE_ISSUER_NOT_FOUND]
    assert fetch.asked == []


def test_another_pki_is_not_trusted_and_nothing_is_fetched_for_it(
    pki: ToyPki, trust: CertificateTrust, fetch: PlainFetch
) -> None:
    verdict = trust.judge(pki.chain("qualified"), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_CHAIN_ROOT_NOT_TRUSTED]
    assert not trust.judge(pki.chain("e-cpf-a3"), ITALY, NOW).trusted
    assert fetch.asked == []


def test_a_forged_signature_is_found(pki: ToyPki, trust: CertificateTrust, fetch: PlainFetch) -> None:
    chain = pki.chain("e-cpf-a1")
    forged = replace(chain, certificate=_damaged(chain.certificate))
    for context in (ICP_BRASIL, ANY):
        verdict = trust.judge(forged, context, NOW)
        assert errors(verdict.results) == [Check.INVALID_CERTIFICATE_SIGNATURE]
        assert verdict.path == (forged.certificate,)
    assert fetch.asked == []


def test_a_forged_authority_does_not_help(pki: ToyPki, trust: CertificateTrust) -> None:
    chain = CertificateChain(
        pki.certificate("e-cpf-a1"), (_damaged(pki.certificate("ac2")), pki.certificate("ac1"), pki.icp_root)
    )
    verdict = trust.judge(chain, ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_ISSUER_INVALID]
    assert errors(issuer(verdict.results)) == [Check.INVALID_CERTIFICATE_SIGNATURE]


def test_a_root_of_the_same_name_with_another_key_is_not_the_root(pki: ToyPki, trust: CertificateTrust) -> None:
    with toy_pki() as other:
        assert (
            x509.load_der_x509_certificate(other.icp_root).subject
            == x509.load_der_x509_certificate(pki.icp_root).subject
        )
        verdict = trust.judge(other.chain("e-cpf-a1"), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_CHAIN_ROOT_NOT_TRUSTED]


def test_a_self_signed_certificate_has_no_trusted_root(trust: CertificateTrust) -> None:
    verdict = trust.judge(CertificateChain(authority.root_der()), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.INVALID_KEY_USAGE, Check.CERTIFICATE_CHAIN_ROOT_NOT_TRUSTED]


def test_a_path_may_not_be_longer_than_an_authority_allows(pki: ToyPki, trust: CertificateTrust) -> None:
    verdict = trust.judge(pki.chain("path-too-long"), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_ISSUER_INVALID]
    lowest = issuer(verdict.results)
    assert errors(lowest) == [Check.CERTIFICATE_ISSUER_INVALID]
    item = only(issuer(lowest), Check.INVALID_CERTIFICATION_PATH_LENGTH)
    assert item.detail == "It allows 0, there are 1."


def test_a_person_may_not_issue_certificates(pki: ToyPki, trust: CertificateTrust) -> None:
    verdict = trust.judge(pki.chain("issued-by-a-person"), ICP_BRASIL, NOW)
    assert errors(verdict.results)[-1] is Check.CERTIFICATE_ISSUER_INVALID
    assert Check.UNAUTHORIZED_ISSUER in errors(issuer(verdict.results))


def test_an_expired_authority_makes_what_it_issued_invalid(pki: ToyPki, trust: CertificateTrust) -> None:
    verdict = trust.judge(pki.chain("under-expired"), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_ISSUER_INVALID]
    assert errors(issuer(verdict.results)) == [Check.CERTIFICATE_EXPIRED]


def test_a_critical_extension_that_nobody_knows_breaks_the_path(pki: ToyPki, trust: CertificateTrust) -> None:
    verdict = trust.judge(pki.chain("odd-critical-extension"), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_VALIDATION_FAILED]
    assert "critical extension" in (only(verdict.results, Check.CERTIFICATE_VALIDATION_FAILED).detail or "")


def test_names_outside_what_an_authority_may_certify_break_the_path_and_are_not_repeated(
    pki: ToyPki, trust: CertificateTrust
) -> None:
    verdict = trust.judge(pki.chain("outside-its-names"), ICP_BRASIL, NOW)
    assert errors(verdict.results) == [Check.CERTIFICATE_VALIDATION_FAILED]
    detail = only(verdict.results, Check.CERTIFICATE_VALIDATION_FAILED).detail or ""
    assert "permitted namespace" in detail
    assert "@" not in detail


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_certificates_of_an_authority_the_one_in_date_is_taken(
    pki: ToyPki, trust: CertificateTrust, order: int
) -> None:
    renewed = pki.certificate("ac2")
    old = _issued(pki, subject="ac2", key="ac2", by="ac1", start=NOW - 900 * authority.DAY, end=NOW - authority.DAY)
    issuers = (*(old, renewed)[::order], pki.certificate("ac1"))
    verdict = trust.judge(CertificateChain(pki.certificate("e-cpf-a1"), issuers), ICP_BRASIL, NOW)
    assert verdict.trusted
    assert verdict.path[1] == renewed


def test_issuers_in_a_circle_end_the_search(pki: ToyPki, trust: CertificateTrust) -> None:
    circle = (pki.certificate("loop-a"), pki.certificate("loop-b"))
    verdict = trust.judge(CertificateChain(pki.certificate("in-a-loop"), circle), ICP_BRASIL, NOW)
    assert not verdict.trusted
    assert verdict.path == (pki.certificate("in-a-loop"), *circle)
    assert [item.check for item in everything(verdict.results)][-1] is Check.CERTIFICATE_ISSUER_NOT_FOUND


def test_more_certificates_than_any_chain_has_are_refused_cheaply(pki: ToyPki, trust: CertificateTrust) -> None:
    chain = pki.chain("e-cpf-a1")
    started = time.thread_time()
    with pytest.raises(BadCertificate):
        trust.judge(replace(chain, issuers=(authority.root_der(),) * 1000), ICP_BRASIL, NOW)
    assert time.thread_time() - started < 0.5


def test_as_many_as_are_allowed_are_searched_cheaply(pki: ToyPki, trust: CertificateTrust) -> None:
    """The worst case: a crowd of the same name and key, where everybody certifies everybody."""
    crowd = _crowd(MAX_ISSUERS)
    chain = CertificateChain(crowd[0], tuple(crowd[1:]))
    started = time.process_time()
    verdict = trust.judge(chain, ICP_BRASIL, NOW)
    assert not verdict.trusted
    assert time.process_time() - started < 1


def test_a_ladder_without_an_end_is_climbed_so_far(trust: CertificateTrust, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = _ladder(20)
    verdict = trust.judge(CertificateChain(certificates[0], tuple(certificates[1:])), ANY, NOW)
    assert verdict.path == tuple(certificates[: MAX_DEPTH + 1])

    verified: list[paths.Link] = []
    real = paths.signed_by

    def counted(child: paths.Link, by: paths.Link) -> bool:
        verified.append(child)
        return real(child, by)

    monkeypatch.setattr(paths, "signed_by", counted)
    certificates = _ladder(MAX_ISSUERS)
    trust.judge(CertificateChain(certificates[0], tuple(reversed(certificates[1:]))), ANY, NOW)
    assert len(verified) <= MAX_SIGNATURES


@pytest.mark.parametrize("junk", [b"", b"no certificate", b"0\x82\x05\x00" + bytes(100), bytes(70_000)])
def test_what_is_no_certificate_is_refused(pki: ToyPki, trust: CertificateTrust, junk: bytes) -> None:
    with pytest.raises(BadCertificate):
        trust.judge(CertificateChain(junk), ICP_BRASIL, NOW)
    with pytest.raises(BadCertificate):
        trust.judge(CertificateChain(pki.certificate("e-cpf-a1"), (junk,)), ICP_BRASIL, NOW)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize("damaged", ["e-cpf-a1", "ac2", "ac1"])
def test_damage_anywhere_in_a_path_never_makes_a_certificate_trusted(pki: ToyPki, tmp_path: Path, damaged: str) -> None:
    trust = open_trust(tmp_path, None, extra={ICP_BRASIL: [pki.icp_root]})
    labels = ("e-cpf-a1", "ac2", "ac1")
    original = [pki.certificate(label) for label in labels]
    where = labels.index(damaged)
    assert trust.judge(
        CertificateChain(original[0], tuple(original[1:])), ICP_BRASIL, NOW, revocation_may_be_unknown=True
    ).trusted
    for position in range(len(original[where])):
        content = bytearray(original[where])
        content[position] ^= random.Random(position).randrange(1, 256)
        certificates = [*original[:where], bytes(content), *original[where + 1 :]]
        try:
            verdict = trust.judge(
                CertificateChain(certificates[0], tuple(certificates[1:])),
                ICP_BRASIL,
                NOW,
                revocation_may_be_unknown=True,
            )
        except BadCertificate:
            continue
        assert not verdict.trusted, position


# -- the context `any` -------------------------------------------------------------------------------


def test_any_accepts_every_issuer_says_so_and_fetches_nothing(
    pki: ToyPki, trust: CertificateTrust, fetch: PlainFetch
) -> None:
    chain = pki.chain("e-cpf-a1")
    for known in range(len(chain.issuers) + 1):
        verdict = trust.judge(replace(chain, issuers=chain.issuers[:known]), ANY, NOW)
        assert verdict.trusted
        assert verdict.path == (chain.certificate, *chain.issuers[:known])
        assert warnings(verdict.results) == [Check.UNKNOWN_ROOT_TRUST_STATUS]
    assert fetch.asked == []


@pytest.mark.parametrize(
    ("label", "check"),
    [
        ("expired", Check.CERTIFICATE_EXPIRED),
        ("not-yet-valid", Check.CERTIFICATE_NOT_YET_VALID),
        ("wrong-key-usage", Check.INVALID_KEY_USAGE),
    ],
)
def test_any_still_looks_at_the_certificate_itself(
    pki: ToyPki, trust: CertificateTrust, label: str, check: Check
) -> None:
    assert errors(trust.judge(pki.chain(label), ANY, NOW).results) == [check]


def test_any_warns_of_a_bad_issuer(pki: ToyPki, trust: CertificateTrust) -> None:
    verdict = trust.judge(pki.chain("under-expired"), ANY, NOW)
    assert verdict.trusted
    assert warnings(verdict.results) == [Check.UNKNOWN_ROOT_TRUST_STATUS, Check.CERTIFICATE_ISSUER_INVALID]


# -- roots and authorities from files ----------------------------------------------------------------


def test_authorities_that_the_operator_keeps_need_not_be_sent(pki: ToyPki, fetch: PlainFetch, tmp_path: Path) -> None:
    _write(tmp_path / "icp-brasil" / "root.crt", pki.icp_root)
    pem = b"".join(_pem(pki.certificate(label)) for label in ("ac1", "ac2"))
    _write(tmp_path / "icp-brasil" / "intermediates" / "authorities.pem", pem)
    trust = open_trust(tmp_path, fetch)
    verdict = trust.judge(CertificateChain(pki.certificate("e-cpf-a1")), ICP_BRASIL, NOW)
    assert verdict.trusted
    assert verdict.path == (pki.certificate("e-cpf-a1"), *pki.issuers("e-cpf-a1"))
    # To know an authority is not to trust it.
    assert (
        not open_trust(tmp_path, fetch, extra={TEST: [authority.root_der()]})
        .judge(CertificateChain(pki.certificate("e-cpf-a1"), pki.issuers("e-cpf-a1", with_root=False)), TEST, NOW)
        .trusted
    )


def test_a_context_without_roots_is_not_configured(pki: ToyPki, fetch: PlainFetch, tmp_path: Path) -> None:
    trust = open_trust(tmp_path, fetch)
    trust.require_configured(ANY)
    with pytest.raises(SecurityContextNotConfigured):
        trust.require_configured(ICP_BRASIL)
    with pytest.raises(SecurityContextNotConfigured):
        trust.judge(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW)
    _write(tmp_path / "icp-brasil" / "intermediates" / "ac1.crt", pki.certificate("ac1"))
    with pytest.raises(SecurityContextNotConfigured):
        open_trust(tmp_path, fetch).require_configured(ICP_BRASIL)


@pytest.mark.parametrize("name", ["root.crt", "root.pem", "ROOT.CER", "root.der"])
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_a_root_may_be_pem_or_der(pki: ToyPki, fetch: PlainFetch, tmp_path: Path, name: str, form: str) -> None:
    _write(tmp_path / "icp-brasil" / name, _pem(pki.icp_root) if form == "PEM" else pki.icp_root)
    _write(tmp_path / "icp-brasil" / "README.txt", b"not read")
    assert open_trust(tmp_path, fetch).judge(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW).trusted


@pytest.mark.parametrize("broken", ["nothing", "junk", "damaged PEM", "a private key", "a person's"])
def test_a_broken_file_is_named(pki: ToyPki, fetch: PlainFetch, tmp_path: Path, broken: str) -> None:
    content = {
        "nothing": b"",
        "junk": b"\x00" * 50,
        "damaged PEM": _pem(pki.icp_root)[:300],
        "a private key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "a person's": pki.certificate("e-cpf-a1"),
    }[broken]
    _write(tmp_path / "icp-brasil" / "good.crt", pki.icp_root)
    _write(tmp_path / "icp-brasil" / "odd.crt", content)
    with pytest.raises(ValueError, match=r"icp-brasil/odd\.crt is not "):
        open_trust(tmp_path, fetch)


def test_a_misspelt_context_is_named(fetch: PlainFetch, tmp_path: Path) -> None:
    (tmp_path / "icp_brasil").mkdir()
    with pytest.raises(ValueError, match="icp_brasil is not named after a security context: test, icp-brasil"):
        open_trust(tmp_path, fetch)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def _damaged(der: bytes) -> bytes:
    return der[:-1] + bytes([der[-1] ^ 1])


def _crowd(size: int) -> list[bytes]:
    """Of one name and one key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return [_of_many(number, key, key) for number in range(size)]


def _ladder(size: int) -> list[bytes]:
    """Of one name, each with a key of its own, signed by the next."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(size + 1)]
    return [_of_many(number, keys[number], keys[number + 1]) for number in range(size)]


def _of_many(number: int, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "One of many")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number + 1)
        .not_valid_before(NOW - authority.DAY)
        .not_valid_after(NOW + authority.DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(by, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def _issued(pki: ToyPki, *, subject: str, key: str, by: str, start: datetime, end: datetime) -> bytes:
    """A certificate for an authority of the toy PKI that its configuration does not have."""
    return (
        x509.CertificateBuilder()
        .subject_name(x509.load_der_x509_certificate(pki.certificate(subject)).subject)
        .issuer_name(x509.load_der_x509_certificate(pki.certificate(by)).subject)
        .public_key(pki.key(key).public_key())
        .serial_number(4711)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(pki.key(by), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def test_a_certificate_that_ends_before_it_begins_is_judged_like_others() -> None:
    root = holder("Root", is_ca=True)
    reversed_dates = holder("Signer", root).der.replace(b"400101000000Z", b"500101000000Z")  # 1950
    trust = open_trust(Path("/none"), None, extra={ICP_BRASIL: [root.der]})

    verdict = trust.judge(CertificateChain(reversed_dates), ICP_BRASIL, NOW)

    assert (verdict.trusted, Check.CERTIFICATE_EXPIRED in errors(verdict.results)) == (False, True)
