"""What an application may require of a certificate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.certificate import Certificate, Name
from signroom.domain.errors import BadInput, CertificateRequirementNotMet, CryptoDeviceRequired
from signroom.domain.national import PkiBrazil, PkiBrazilType, PkiItaly
from signroom.domain.requirement import CertificateRequirement, JudgedCertificate, RequirementKind
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
    required.require(JudgedCertificate(brazilian(cpf="01234567890"), NONE))
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
    CertificateRequirement.of(RequirementKind.CPF, CPF).require(JudgedCertificate(brazilian(), NONE))


def test_company_of_which_that_person_is_responsible_meets_it() -> None:
    CertificateRequirement.of(RequirementKind.CPF, CPF).require(
        JudgedCertificate(brazilian(cnpj="11222333000181"), NONE)
    )


@pytest.mark.parametrize("certificate", [GOOD, brazilian(cpf=None), brazilian(cpf=OTHER_CPF)])
def test_everybody_else_does_not_and_learns_no_number(certificate: Certificate) -> None:
    required = CertificateRequirement.of(RequirementKind.CPF, CPF)

    with pytest.raises(CertificateRequirementNotMet) as error:
        required.require(JudgedCertificate(certificate, NONE))
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
    DEVICE.require(JudgedCertificate(certificate, certificate.policies | CARRIED))


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
        DEVICE.require(JudgedCertificate(certificate, certificate.policies | CARRIED))


@pytest.mark.parametrize(
    "certificate",
    [brazilian(PkiBrazilType.A3), brazilian(PkiBrazilType.A4), replace(GOOD, policies=frozenset({"0.4.0.194112.1.2"}))],
)
def test_a_policy_that_no_authority_carries_proves_no_device(certificate: Certificate) -> None:
    """Anybody who may issue A1 certificates can write A3 into one."""
    for carried in (NONE, frozenset({"2.16.76.1.2.1.12", "0.4.0.194112.1.0", "2.5.29.32.0"})):
        with pytest.raises(CryptoDeviceRequired):
            DEVICE.require(JudgedCertificate(certificate, carried))


def named(*, country: str = "EE", company: str | None = None, number: str | tuple[str, ...] = ()) -> Certificate:
    numbers = (number,) if isinstance(number, str) else number
    values = (("C", (country,)), ("serialNumber", numbers))
    organization = () if company is None else (("2.5.4.97", (company,)),)
    return replace(GOOD, subject=Name("", (*values, *organization)))


ROOT = replace(GOOD, sha256=bytes(range(32)), subject=Name("", (("CN", ("Acme's own CA",)),)))
ITALIAN = replace(GOOD, pki_italy=PkiItaly(codice_fiscale="RSSMRA85T10A562S"))
QUALIFIED = replace(GOOD, qc_statements=frozenset({COMPLIANCE}))
IN_DEVICE = replace(GOOD, qc_statements=frozenset({COMPLIANCE, SSCD}))


@pytest.mark.parametrize(
    ("kind", "argument", "fits", "others"),
    [
        (
            RequirementKind.PERSON,
            "pnoee-38001085718",
            [named(number="PNOEE-38001085718"), named(number="pnoee-38001085718 ")],
            [
                named(number="PNOEE-38001085719"),
                named(number="38001085718"),
                named(number="IDCEE-38001085718"),
                named(number=("PNOEE-38001085718", "PNOEE-11111111111")),
                named(number=("PNOEE-38001085718", "7")),
                GOOD,
            ],
        ),
        (
            RequirementKind.PERSON,
            "VATDE-123456789",
            [named(company="VATDE-123456789")],
            [named(company="NTRDE-123456789")],
        ),
        (RequirementKind.PERSON, f"PNOBR-{CPF}", [brazilian()], [brazilian(cpf=OTHER_CPF), named(number=CPF)]),
        (RequirementKind.PERSON, "TINIT-RSSMRA85T10A562S", [ITALIAN], [brazilian()]),
        (RequirementKind.CNPJ, "11.222.333/0001-81", [brazilian(cnpj="11222333000181")], [brazilian()]),
        (
            RequirementKind.CODICE_FISCALE,
            "rssmra85t10a562s",
            [ITALIAN, named(country="IT", number="TINIT-RSSMRA85T10A562S")],
            [named(country="IT", number="RSSMRA85T10A562S"), GOOD],
        ),
        (
            RequirementKind.NIF,
            "12345678-z",
            [named(country="ES", number="IDCES-12345678Z"), named(country="ES", number="12345678Z")],
            [named(country="PT", number="12345678Z"), named(country="ES", number="IDCPT-12345678Z"), GOOD],
        ),
        (
            RequirementKind.NIF,
            "123456789",
            [named(country="PT", number="TINPT-123456789")],
            [named(number="123456789")],
        ),
        (RequirementKind.QUALIFIED, None, [QUALIFIED, IN_DEVICE], [GOOD, brazilian(PkiBrazilType.A3)]),
        (RequirementKind.QUALIFIED_DEVICE, None, [IN_DEVICE], [QUALIFIED, GOOD, brazilian(PkiBrazilType.A3)]),
    ],
)
def test_who_is_asked_for_is_told_from_everybody_else(
    kind: RequirementKind, argument: str | None, fits: list[Certificate], others: list[Certificate]
) -> None:
    required = CertificateRequirement.of(kind, argument)
    for certificate in fits:
        required.require(JudgedCertificate(certificate, NONE))
    for certificate in others:
        with pytest.raises(CertificateRequirementNotMet):
            required.require(JudgedCertificate(certificate, NONE))


@pytest.mark.parametrize("argument", ["Acme's own CA", bytes(range(32)).hex(":"), bytes(range(32)).hex()])
def test_an_authority_is_asked_for_by_name_or_fingerprint(argument: str) -> None:
    required = CertificateRequirement.of(RequirementKind.ISSUER, argument)
    required.require(JudgedCertificate(GOOD, NONE, (GOOD, ROOT)))
    with pytest.raises(CertificateRequirementNotMet):
        required.require(JudgedCertificate(ROOT, NONE, (GOOD,)))  # its own name says nothing


def test_an_authority_that_calls_itself_by_another_s_fingerprint_is_not_that_one() -> None:
    fingerprint = bytes(range(32)).hex().upper()
    required = CertificateRequirement.of(RequirementKind.ISSUER, fingerprint)
    posing = replace(GOOD, subject=Name("", (("CN", (fingerprint,)),)))
    with pytest.raises(CertificateRequirementNotMet):
        required.require(JudgedCertificate(GOOD, NONE, (posing,)))


def test_a_policy_counts_that_the_authorities_carry() -> None:
    required = CertificateRequirement.of(RequirementKind.POLICY, "2.16.76.1.2.3.36")
    required.require(JudgedCertificate(GOOD, CARRIED))
    written = replace(GOOD, policies=CARRIED)
    with pytest.raises(CertificateRequirementNotMet):
        required.require(JudgedCertificate(written, NONE))


@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        (RequirementKind.PERSON, "38001085718"),
        (RequirementKind.PERSON, "PNOEE-"),
        (RequirementKind.PERSON, "PNOEE-3800 1085718"),
        (RequirementKind.CNPJ, "11222333000180"),
        (RequirementKind.CODICE_FISCALE, "RSSMRA85T10A562T"),
        (RequirementKind.NIF, "123"),
        (RequirementKind.ISSUER, " "),
        (RequirementKind.ISSUER, "A\nB"),
        (RequirementKind.POLICY, "1.2.x"),
        (RequirementKind.POLICY, "x" * 256),
        *((kind, None) for kind in RequirementKind if kind.value in {"Person", "Cnpj", "Nif", "Issuer", "Policy"}),
    ],
)
def test_an_argument_that_nobody_can_fulfil_is_refused(kind: RequirementKind, argument: str | None) -> None:
    with pytest.raises(BadInput):
        CertificateRequirement.of(kind, argument)


@pytest.mark.parametrize(
    ("kind", "argument", "shown"),
    [
        (RequirementKind.PERSON, "PNOEE-38001085718", "PNOEE-********718"),
        (RequirementKind.PERSON, "PNOSE-19850101-1234", "PNOSE-**********234"),
        (RequirementKind.PERSON, "PNOXX-123456", "PNOXX-***456"),
        (RequirementKind.PERSON, "PNOXX-12345", "PNOXX-*****"),
        (RequirementKind.PERSON, "PNOXX-1", "PNOXX-*"),
        (RequirementKind.CODICE_FISCALE, "RSSMRA85T10A562S", "*************62S"),
        (RequirementKind.NIF, "12345678Z", "******78Z"),
        (RequirementKind.CNPJ, "11222333000181", "11222333000181"),
        (RequirementKind.ISSUER, "Acme's own CA", "Acme's own CA"),
    ],
)
def test_numbers_of_persons_are_masked(kind: RequirementKind, argument: str, shown: str) -> None:
    assert CertificateRequirement.of(kind, argument).masked == shown
