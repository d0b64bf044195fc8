"""What a certificate was issued for (extended key usage), and which of its policies its authorities carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from signroom.domain.errors import BadCertificate, CertificateKeyUsage, CertificatePurpose, CertificateRejected
from signroom.domain.security_context import ANY, TEST
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Check, Outcome, TrustVerdict
from signroom.service.certificates.judge_certificate import require_trusted
from signroom.trust.certificates import read_certificate
from signroom.trust.contexts import open_trust
from tests.trust.reading import errors, issuer, only, warnings

NOW = datetime.now(UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
KEY: Key = ec.generate_private_key(ec.SECP256R1())

ANY_PURPOSE = "2.5.29.37.0"
SERVER, CLIENT, CODE, EMAIL, STAMPS, OCSP, DOCUMENTS = (f"1.3.6.1.5.5.7.3.{n}" for n in (1, 2, 3, 4, 8, 9, 36))
MICROSOFT, ADOBE, SMART_CARD = "1.3.6.1.4.1.311.10.3.12", "1.2.840.113583.1.1.5", "1.3.6.1.4.1.311.20.2.2"
PRACTICES, OTHER_PRACTICES, A1, A3, ANY_POLICY = (
    "2.16.76.1.1.19",
    "2.16.76.1.1.46",
    "2.16.76.1.2.1.12",
    "2.16.76.1.2.3.36",
    "2.5.29.32.0",
)


@dataclass(frozen=True, slots=True)
class Made:
    """What one certificate of a path says."""

    purposes: Sequence[str] = ()
    critical: bool = False
    policies: Sequence[str] = ()


def chain(*made: Made) -> tuple[CertificateChain, bytes]:
    """`made`: from the signer's certificate up, without the root. Returns the chain, and the root."""
    root = _certificate("root", "root", Made(), authority=True)
    names = [f"number {place}" for place in range(len(made))]
    ders = [
        _certificate(name, above, one, authority=place > 0)
        for place, (name, above, one) in enumerate(zip(names, [*names[1:], "root"], made, strict=True))
    ]
    return CertificateChain(ders[0], tuple(ders[1:])), root


def judged(folder: Path, *made: Made, root_purposes: Sequence[str] = ()) -> TrustVerdict:
    signer, root = chain(*made)
    if root_purposes:
        root = _certificate("root", "root", Made(root_purposes), authority=True)
    trust = open_trust(folder / "none", None, extra={TEST: [root]})
    return trust.judge(signer, TEST, NOW, revocation_may_be_unknown=True)


@pytest.mark.parametrize("critical", [False, True])
@pytest.mark.parametrize(
    "purposes",
    [
        (),
        (ANY_PURPOSE,),
        (DOCUMENTS,),
        (EMAIL,),
        (CLIENT,),
        (CLIENT, EMAIL),
        (CLIENT, SMART_CARD),
        (MICROSOFT,),
        (ADOBE,),
        (SERVER, CLIENT, EMAIL),
    ],
)
def test_a_certificate_that_may_sign_documents_does(tmp_path: Path, purposes: Sequence[str], critical: bool) -> None:
    assert judged(tmp_path, Made(purposes, critical), Made()).trusted


@pytest.mark.parametrize("critical", [False, True])
@pytest.mark.parametrize(
    ("purposes", "detail"),
    [
        ((SERVER,), "It is for TLS servers."),
        ((CODE,), "It is for code signing."),
        ((OCSP,), "It is for OCSP responses."),
        ((STAMPS,), "It is for timestamps."),
        ((SERVER, OCSP), "It is for OCSP responses, TLS servers."),
        (("2.999.1",), "It is for 2.999.1."),
    ],
)
def test_a_certificate_for_something_else_signs_nowhere(
    tmp_path: Path, purposes: Sequence[str], detail: str, critical: bool
) -> None:
    made = Made(purposes, critical), Made()
    verdict = judged(tmp_path, *made)
    assert errors(verdict.results) == [Check.INVALID_KEY_USAGE]
    assert verdict.results.errors[0].detail == detail
    signer, _root = chain(*made)
    assert not open_trust(tmp_path / "none", None).judge(signer, ANY, NOW).trusted
    with pytest.raises(CertificatePurpose, match="another purpose"):
        read_certificate(signer.certificate).require_fit_for_signing(NOW)


@pytest.mark.parametrize(
    ("signer", "authority", "good"),
    [
        ((), (SERVER,), False),
        ((DOCUMENTS,), (SERVER, CLIENT), False),
        ((ANY_PURPOSE,), (CODE,), False),
        ((CLIENT, EMAIL), (SERVER,), False),
        ((), (CLIENT, EMAIL), True),
        ((ANY_PURPOSE,), (EMAIL,), True),
        ((DOCUMENTS, CLIENT), (CLIENT, EMAIL), True),
        ((DOCUMENTS,), (ANY_PURPOSE,), True),
        ((EMAIL,), (), True),
    ],
)
@pytest.mark.parametrize("height", [1, 2])
def test_an_authority_limits_what_is_below_it(
    tmp_path: Path, signer: Sequence[str], authority: Sequence[str], good: bool, height: int
) -> None:
    verdict = judged(tmp_path, Made(signer), *[Made()] * (height - 1), Made(authority))
    assert verdict.trusted is good
    if good:
        return
    assert errors(verdict.results) == [Check.INVALID_KEY_USAGE]
    with pytest.raises(CertificateRejected, match="only issue certificates for other purposes") as refused:
        require_trusted(chain(Made(signer))[0], verdict)
    assert isinstance(refused.value, CertificateKeyUsage)


@pytest.mark.parametrize("order", [1, -1])
def test_another_path_is_taken_where_one_may_not_be(tmp_path: Path, order: int) -> None:
    """Two certificates of one authority: of which one is for web servers only."""
    signer, root = chain(Made(), Made((SERVER,)))
    fit = _certificate("number 1", "root", Made((EMAIL,)), authority=True)
    signer = CertificateChain(signer.certificate, (*signer.issuers, fit)[::order])
    trust = open_trust(tmp_path / "none", None, extra={TEST: [root]})
    verdict = trust.judge(signer, TEST, NOW, revocation_may_be_unknown=True)
    assert verdict.trusted
    assert verdict.path == (signer.certificate, fit, root)


def test_a_root_is_trusted_for_its_name_and_key(tmp_path: Path) -> None:
    assert judged(tmp_path, Made((EMAIL,)), Made(), root_purposes=(SERVER,)).trusted


def test_any_warns_of_an_unknown_authority_for_something_else(tmp_path: Path) -> None:
    signer, _root = chain(Made(), Made((SERVER,)))
    verdict = open_trust(tmp_path / "none", None).judge(signer, ANY, NOW)
    assert verdict.trusted
    assert not verdict.anchored
    assert Check.INVALID_KEY_USAGE in warnings(verdict.results)


def test_an_empty_list_of_purposes_is_malformed() -> None:
    odd = _certificate("odd", "root", Made(), authority=False, raw=("2.5.29.37", b"\x30\x00"))
    with pytest.raises(BadCertificate):
        read_certificate(odd)


@pytest.mark.parametrize(
    ("authorities", "carried"),
    [
        # As real ones are: the issuing authority names its policies, those above their statement of practices.
        ([(A1, A3), (PRACTICES,)], True),
        # AC RFB names nothing at all.
        ([(A1, A3), ()], True),
        ([(A1, A3)], True),
        ([(ANY_POLICY,), (ANY_POLICY,)], True),
        ([(A3,), (PRACTICES, OTHER_PRACTICES), (PRACTICES,)], True),
        ([(A1,), (PRACTICES,)], False),
        ([(A1,)], False),
        ([()], False),
        ([(PRACTICES,)], False),
        ([(A1, A3), (A1,)], False),
        ([(A1, A3), ("2.999.1",)], False),
    ],
)
def test_a_policy_counts_when_the_issuing_authority_names_it(
    tmp_path: Path, authorities: list[Sequence[str]], carried: bool
) -> None:
    verdict = judged(tmp_path, Made(policies=(A3,)), *(Made(policies=named) for named in authorities))
    assert verdict.trusted
    assert (A3 in verdict.policies) is carried


def test_a_policy_below_the_root_itself_counts(tmp_path: Path) -> None:
    assert judged(tmp_path, Made(policies=(A3,))).policies == {A3}


@pytest.mark.parametrize(
    ("authorities", "carried"),
    [([(ANY_POLICY,)], True), ([("0.4.0.194112.1.2",)], True), ([("0.4.0.194112.1.0",)], False), ([()], False)],
)
def test_other_policies_follow_the_tree(tmp_path: Path, authorities: list[Sequence[str]], carried: bool) -> None:
    made = Made(policies=("0.4.0.194112.1.2",)), *(Made(policies=named) for named in authorities)
    assert ("0.4.0.194112.1.2" in judged(tmp_path, *made).policies) is carried


def test_nothing_is_proven_without_a_root(tmp_path: Path) -> None:
    signer, _root = chain(Made(policies=(A3,)), Made(policies=(A3,)))
    verdict = open_trust(tmp_path / "none", None).judge(signer, ANY, NOW)
    assert verdict.policies == frozenset()
    assert Outcome.WARNING in {item.outcome for item in verdict.results.items}


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        (rsa.generate_private_key(65537, 1024), "It has RSA of 1024 bits."),  # noqa: S505 - short on purpose
        (ec.generate_private_key(ec.SECP192R1()), "It has EC of 192 bits."),
    ],
)
def test_an_authority_whose_key_can_be_computed_confirms_nobody(tmp_path: Path, key: Key, detail: str) -> None:
    """Whoever has computed it makes certificates in any name below a root that is trusted."""
    root = _certificate("root", "root", Made(), authority=True)
    above = _certificate("short", "root", Made(), authority=True, key=key)
    signer = CertificateChain(_certificate("signer", "short", Made(), authority=False, by=key), (above,))
    trust = open_trust(tmp_path / "none", None, extra={TEST: [root]})

    verdict = trust.judge(signer, TEST, NOW, revocation_may_be_unknown=True)

    assert errors(verdict.results) == [Check.CERTIFICATE_ISSUER_INVALID]
    assert only(issuer(verdict.results), Check.ALGORITHM_NOT_ALLOWED).detail == detail


def _certificate(
    subject: str,
    issuer: str,
    made: Made,
    *,
    authority: bool,
    raw: tuple[str, bytes] | None = None,
    key: Key = KEY,
    by: Key = KEY,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if made.purposes:
        usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in made.purposes])
        builder = builder.add_extension(usage, critical=made.critical)
    if made.policies:
        named = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in made.policies]
        builder = builder.add_extension(x509.CertificatePolicies(named), critical=False)
    if raw is not None:
        odd = x509.UnrecognizedExtension(x509.ObjectIdentifier(raw[0]), raw[1])
        builder = builder.add_extension(odd, critical=False)
    return builder.sign(by, hashes.SHA256()).public_bytes(Encoding.DER)
