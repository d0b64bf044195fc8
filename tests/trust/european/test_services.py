"""Certificates judged by the services of a list that was made here."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from signroom.domain.certificate import CertificateUse
from signroom.domain.qualification import NOT_QUALIFIED, Qualification, QualifiedFor, QualifiedLevel
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Outcome, TrustVerdict
from signroom.trust.anchors import Anchors
from signroom.trust.asking.answers import Answers
from signroom.trust.european.services import TrustedServices
from signroom.trust.european.signed_lists import read_signed
from signroom.trust.path_validation import judge
from signroom.trust.revocation import RevocationSources
from tests.trust.european.made_lists import (
    CA_PKC,
    NOW,
    QC_COMPLIANCE,
    QC_ESIGN,
    QC_SSCD,
    QTST,
    Holder,
    Service,
    holder,
    national_list,
    signers,
)

_CA = holder("CA", is_ca=True)
_ROOT = holder("Root above", is_ca=True)
_QES = (QC_COMPLIANCE, QC_SSCD, QC_ESIGN)
_SIGNER = holder("Signer", _CA, statements=_QES)
_SIE = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt"


def _services(*services: Service) -> TrustedServices:
    signer = signers()[1]
    return TrustedServices.of([read_signed(national_list(signer, services), [signer.der], NOW)], NOW)


def _judged(
    who: Holder,
    *services: Service,
    at: datetime = NOW,
    use: CertificateUse = CertificateUse.SIGNATURES,
    issuers: tuple[Holder, ...] = (_CA,),
) -> TrustVerdict:
    chain = CertificateChain(who.der, tuple(issuer.der for issuer in issuers))
    anchors = Anchors(services=_services(*services))
    sources = RevocationSources(Answers(None))
    return judge(chain, anchors, at, sources, unknown_is=Outcome.WARNING, use=use, offline=True)


def test_a_qualified_certificate_in_a_device_makes_qualified_signatures() -> None:
    verdict = _judged(_SIGNER, Service(_CA.der))
    assert verdict.trusted
    assert verdict.qualification == Qualification(
        QualifiedLevel.QES, QualifiedFor.SIGNATURES, on_device=True, territory="PT", service="Made service"
    )


@pytest.mark.parametrize(
    ("statements", "level"),
    [((), QualifiedLevel.ADES), ((QC_SSCD,), QualifiedLevel.ADES), ((QC_COMPLIANCE, QC_ESIGN), QualifiedLevel.ADES_QC)],
)
def test_less_is_less(statements: tuple[bytes, ...], level: QualifiedLevel) -> None:
    found = _judged(holder("Less", _CA, statements=statements), Service(_CA.der)).qualification
    assert found is not None
    assert (found.level, found.on_device) == (level, False)


def test_what_the_list_says_of_the_device_counts_more_than_the_certificate() -> None:
    criteria = (
        f"<ServiceInformationExtensions><Extension Critical='true'><q:Qualifications xmlns:q='{_SIE}/eSigDir-1999-93-"
        "EC-TrustedList/#'><q:QualificationElement><q:Qualifiers>"
        f"<q:Qualifier uri='{_SIE}/QCNoQSCD'/></q:Qualifiers><q:CriteriaList assert='all'><q:KeyUsage>"
        "<q:KeyUsageBit name='nonRepudiation'>true</q:KeyUsageBit></q:KeyUsage></q:CriteriaList>"
        "</q:QualificationElement></q:Qualifications></Extension></ServiceInformationExtensions>"
    ).replace(f"{_SIE}/eSigDir", "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir")
    found = _judged(_SIGNER, Service(_CA.der, extension=criteria)).qualification
    assert found is not None
    assert (found.level, found.on_device) == (QualifiedLevel.ADES_QC, False)


def test_a_service_that_was_withdrawn_counts_for_what_was_signed_before() -> None:
    withdrawn = Service(
        _CA.der, status="withdrawn", since="2024-01-01T00:00:00Z", history=[("granted", "2017-01-01T00:00:00Z")]
    )
    before = _judged(_SIGNER, withdrawn, at=datetime(2023, 6, 1, tzinfo=UTC))
    assert before.trusted
    assert before.qualification is not None
    assert before.qualification.level is QualifiedLevel.QES
    after = _judged(_SIGNER, withdrawn)
    assert (after.trusted, after.anchored, after.qualification) == (False, False, None)


def test_a_certificate_that_was_issued_before_the_service_was_granted_is_not_qualified() -> None:
    late = Service(_CA.der, since="2022-01-01T00:00:00Z")
    assert _judged(_SIGNER, late).qualification == NOT_QUALIFIED


@pytest.mark.parametrize("service", [Service(_CA.der, QTST), Service(_CA.der, CA_PKC), Service(_ROOT.der)])
def test_other_services_let_nobody_sign(service: Service) -> None:
    assert not _judged(_SIGNER, service).anchored


def test_a_service_for_timestamps_lets_its_own_certificate_stamp_and_sign_nothing_else() -> None:
    authority = holder("TSA", _ROOT, purpose=ExtendedKeyUsageOID.TIME_STAMPING)
    listed = Service(authority.der, QTST)
    stamps = _judged(authority, listed, use=CertificateUse.TIMESTAMPS, issuers=())
    assert (stamps.anchored, stamps.qualification) == (True, None)
    assert not _judged(authority, listed, issuers=()).anchored
    forged = holder("Forged TSA", authority, purpose=ExtendedKeyUsageOID.TIME_STAMPING)
    assert not _judged(forged, listed, use=CertificateUse.TIMESTAMPS, issuers=(authority,)).anchored


def test_a_certificate_that_is_no_authority_is_no_root() -> None:
    listed = holder("No authority")
    below = holder("Below", listed, statements=_QES)
    assert not _judged(below, Service(listed.der), issuers=(listed,)).anchored


def test_statements_that_nobody_understands_are_not_qualified() -> None:
    two_types = bytes.fromhex("301c060604008e4601063012060704008e46010601060704008e46010602")
    odd = holder("Odd", _CA, statements=(QC_COMPLIANCE, two_types))
    assert _judged(odd, Service(_CA.der)).qualification == NOT_QUALIFIED
