"""What an application may require of a certificate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.certificate import Certificate
from signroom.domain.errors import BadInput, CertificateRequirementNotMet, CryptoDeviceRequired
from signroom.domain.national import PkiBrazil, PkiBrazilType
from signroom.domain.requirement import CertificateRequirement, RequirementKind
from tests.domain.test_certificate import GOOD

CPF, OTHER_CPF = "12345678909", "98765432100"
COMPLIANCE, SSCD = "0.4.0.1862.1.1", "0.4.0.1862.1.4"
NONE: frozenset[str] = frozenset()
CARRIED = frozenset({"2.16.76.1.2.3.36", "2.16.76.1.2.4.8"})
DEVICE = CertificateRequirement.of(RequirementKind.CRYPTO_DEVICE, None)


def brazilian(kind: PkiBrazilType = PkiBrazilType.A1, cpf: str | None = CPF, cnpj: str | None = None) -> Certificate:
    return replace(GOOD, pki_brazil=PkiBrazil(certificate_type=kind, cpf=cpf, cnpj=cnpj))


@pytest.mark.parametrize("argument", [CPF, "123.456.789-09", " 123456789-09 ", "123.456.78909"])
def test_cpf_may_be_written_with_punctuation(argument: str) -> None:
    assert CertificateRequirement.of(RequirementKind.CPF, argument).argument == CPF


def test_who_must_sign_is_shown_without_the_digits_that_tell_who() -> None:
    assert CertificateRequirement.of(RequirementKind.CPF, CPF).masked == "***.456.789-**"
    assert DEVICE.masked is None


def test_leading_zeros_count() -> None:
    required = CertificateRequirement.of(RequirementKind.CPF, "012.345.678-90")

    assert required.argument == "01234567890"
    required.require(brazilian(cpf="01234567890"), NONE)
    with pytest.raises(BadInput):
        CertificateRequirement.of(RequirementKind.CPF, "12.345.678-90")


@pytest.mark.parametrize(
    "argument",
    [
        None,
        "",
        "1234567890",
        "123456789090",
        "12345678900",
        "00000000000",
        "1234567890a",
        "١٢٣٤٥٦٧٨٩٠٩",
        "123 456 789 09",
    ],
)
def test_argument_that_is_no_cpf_is_refused_without_being_repeated(argument: str | None) -> None:
    with pytest.raises(BadInput) as error:
        CertificateRequirement.of(RequirementKind.CPF, argument)
    assert not argument or argument not in str(error.value)


@given(st.text(max_size=20))
def test_any_argument_is_taken_or_refused(argument: str) -> None:
    try:
        required = CertificateRequirement.of(RequirementKind.CPF, argument)
    except BadInput:
        return
    assert required.argument is not None
    assert len(required.argument) == 11


def test_person_of_that_cpf_meets_it() -> None:
    CertificateRequirement.of(RequirementKind.CPF, CPF).require(brazilian(), NONE)


def test_company_of_which_that_person_is_responsible_meets_it() -> None:
    CertificateRequirement.of(RequirementKind.CPF, CPF).require(brazilian(cnpj="11222333000181"), NONE)


@pytest.mark.parametrize("certificate", [GOOD, brazilian(cpf=None), brazilian(cpf=OTHER_CPF)])
def test_everybody_else_does_not_and_learns_no_number(certificate: Certificate) -> None:
    required = CertificateRequirement.of(RequirementKind.CPF, CPF)

    with pytest.raises(CertificateRequirementNotMet) as error:
        required.require(certificate, NONE)
    assert error.value.detail
    for number in (CPF, OTHER_CPF):
        assert number not in str(error.value)
        assert number not in repr(required)


@pytest.mark.parametrize(
    "certificate",
    [
        brazilian(PkiBrazilType.A3),
        brazilian(PkiBrazilType.A4),
        replace(GOOD, qc_statements=frozenset({COMPLIANCE, SSCD, "0.4.0.1862.1.6"})),
        replace(GOOD, policies=frozenset({"0.4.0.194112.1.2"})),
        replace(GOOD, policies=frozenset({"2.999.1", "0.4.0.194112.1.3"})),
    ],
)
def test_certificate_of_a_key_in_a_device_meets_it(certificate: Certificate) -> None:
    DEVICE.require(certificate, certificate.policies | CARRIED)


@pytest.mark.parametrize(
    "certificate",
    [
        GOOD,
        *(brazilian(kind) for kind in PkiBrazilType if kind not in {PkiBrazilType.A3, PkiBrazilType.A4}),
        replace(GOOD, qc_statements=frozenset({SSCD})),
        replace(GOOD, qc_statements=frozenset({COMPLIANCE})),
        replace(GOOD, policies=frozenset({"0.4.0.194112.1.0", "0.4.0.194112.1.1", COMPLIANCE, SSCD})),
        replace(GOOD, qc_statements=frozenset({"0.4.0.194112.1.2"})),
    ],
)
def test_key_in_software_does_not(certificate: Certificate) -> None:
    with pytest.raises(CertificateRequirementNotMet, match="device"):
        DEVICE.require(certificate, certificate.policies | CARRIED)


@pytest.mark.parametrize(
    "certificate",
    [brazilian(PkiBrazilType.A3), brazilian(PkiBrazilType.A4), replace(GOOD, policies=frozenset({"0.4.0.194112.1.2"}))],
)
def test_a_policy_that_no_authority_carries_proves_no_device(certificate: Certificate) -> None:
    """Anybody who may issue A1 certificates can write A3 into one."""
    for carried in (NONE, frozenset({"2.16.76.1.2.1.12", "0.4.0.194112.1.0", "2.5.29.32.0"})):
        with pytest.raises(CryptoDeviceRequired):
            DEVICE.require(certificate, carried)
