"""What is read from certificates of ICP-Brasil, from rows written by hand (DOC-ICP-04, 7.1.2.3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from signroom.domain.certificate import Certificate, Name
from signroom.domain.errors import BadCertificate
from signroom.domain.national import CNPJ, CPF, PkiBrazil, PkiBrazilType
from signroom.trust.certificates import read_certificate
from signroom.trust.pki_brazil import read_pki_brazil
from tests.trust.certificates_by_hand import (
    BMP,
    EXPLICIT,
    IA5,
    OCTETS,
    POLICIES,
    PRINTABLE,
    QC_STATEMENTS,
    SAN,
    SEQUENCE,
    T61,
    UTF8,
    OtherName,
    alternatives,
    certificate,
    der,
    oid,
    other,
    statements,
)

CPF_NUMBER = "98765432100"
#        birth     CPF          NIS            RG                 issuer and state
ROW = "15021985" + CPF_NUMBER + "12005641204" + "000000012345678" + "SSPSP"
NO_ROW = "0" * 45
A1, A3 = "2.16.76.1.2.1.12", "2.16.76.1.2.3.36"
PERSON, NAME, COMPANY, RESPONSIBLE, APPLICATION = (f"2.16.76.1.3.{n}" for n in (1, 2, 3, 4, 8))
OAB = "2.16.76.1.4.2.1.1"
KEY_USAGE = "2.5.29.15"


def person(
    *names: OtherName, common_name: str = f"BELTRANA DA SILVA:{CPF_NUMBER}", policy: str = A3, **more: Any
) -> Certificate:
    der = certificate((NameOID.COMMON_NAME, common_name), other_names=names, policies=[policy], **more)
    return read_certificate(der)


def fields(p: PkiBrazil) -> dict[str, object]:
    """Those that are set."""
    found = {name: getattr(p, name) for name in PkiBrazil.__dataclass_fields__}
    return {name: value for name, value in found.items() if value is not None}


def test_person_is_read_whole() -> None:
    found = person(other(PERSON, ROW), other("2.16.76.1.3.5", "0" * 41), other(OAB, "0012345SP"))

    assert fields(found.pki_brazil) == {
        "certificate_type": PkiBrazilType.A3,
        "cpf": CPF_NUMBER,
        "responsavel": "BELTRANA DA SILVA",
        "date_of_birth": date(1985, 2, 15),
        "rg_numero": "12345678",
        "rg_emissor": "SSP",
        "rg_emissor_uf": "SP",
        "oab_numero": "12345",
        "oab_uf": "SP",
    }
    assert found.subject_identifier == CPF_NUMBER
    assert found.policies == {A3}


@pytest.mark.parametrize("number", ["11222333000181", "12ABC34501DE35"])
def test_company_is_read_with_the_person_responsible_for_it(number: str) -> None:
    found = person(
        other(RESPONSIBLE, ROW),
        other(NAME, "FULANO DE TAL"),
        other(COMPANY, number),
        other("2.16.76.1.3.7", "0" * 12),
        common_name=f"EMPRESA TESTE LTDA:{number}",
        policy=A1,
    )

    assert fields(found.pki_brazil) == {
        "certificate_type": PkiBrazilType.A1,
        "cpf": CPF_NUMBER,
        "cnpj": number,
        "responsavel": "FULANO DE TAL",
        "company_name": "EMPRESA TESTE LTDA",
        "date_of_birth": date(1985, 2, 15),
        "rg_numero": "12345678",
        "rg_emissor": "SSP",
        "rg_emissor_uf": "SP",
    }
    assert found.subject_identifier == number


def test_application_has_the_company_in_a_field_of_its_own() -> None:
    found = person(
        other(APPLICATION, "EMPRESA TESTE LTDA"),
        other(COMPANY, "11222333000181"),
        other(NAME, "FULANO DE TAL"),
        other(RESPONSIBLE, NO_ROW),
        common_name="www.example.com.br",
        policy=A1,
    )

    assert fields(found.pki_brazil) == {
        "certificate_type": PkiBrazilType.A1,
        "cnpj": "11222333000181",
        "responsavel": "FULANO DE TAL",
        "company_name": "EMPRESA TESTE LTDA",
    }


def test_certificates_of_others_have_nothing_brazilian() -> None:
    found = person(other("1.3.6.1.4.1.311.20.2.3", "me@example.org", UTF8), policy="2.999.1")

    assert found.pki_brazil == PkiBrazil()
    assert found.subject_identifier is None


def test_subject_identifier_falls_back_to_the_serial_number_of_the_name() -> None:
    found = read_certificate(certificate((NameOID.COMMON_NAME, "Jan"), (NameOID.SERIAL_NUMBER, "PNOEE-38001085718")))

    assert found.subject_identifier == "PNOEE-38001085718"


@pytest.mark.parametrize("tag", [OCTETS, UTF8, PRINTABLE, IA5, T61])
def test_rows_come_in_several_string_types(tag: int) -> None:
    assert person(other(PERSON, ROW, tag)).pki_brazil.cpf == CPF_NUMBER


def test_bmp_strings_and_latin_letters_in_octets_are_read() -> None:
    assert person(other(PERSON, ROW.encode("utf-16-be"), BMP)).pki_brazil.cpf == CPF_NUMBER
    for encoding in ("utf-8", "latin-1"):
        found = person(other(NAME, "JOÃO GONÇALVES".encode(encoding)), other(COMPANY, "11222333000181"))
        assert found.pki_brazil.responsavel == "JOÃO GONÇALVES"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (ROW[:45], ("12345678", None, None)),
        (ROW[:45] + "SSP RJ", ("12345678", "SSP", "RJ")),
        (ROW[:45] + "DETRAN/RJ", ("12345678", "DETRAN", "RJ")),
        (ROW[:45] + "SSPSP     ", ("12345678", "SSP", "SP")),
        (ROW[:45] + "SESPDC  PR", ("12345678", "SESPDC", "PR")),
        (ROW[:45] + "OABXX", ("12345678", "OABXX", None)),
        (ROW[:45] + "MG", ("12345678", None, "MG")),
        (ROW[:45] + "000000", ("12345678", None, None)),
        (ROW[:30] + "00000012345678X" + "SSPSP", ("12345678X", "SSP", "SP")),
        (ROW[:30] + "0" * 15 + "SSPSP", (None, None, None)),
        (ROW[:30] + "  1234567      " + "SSPSP", ("1234567", "SSP", "SP")),
        (ROW[:30] + "00012345678" + "SSPSP", ("12345678", "SSP", "SP")),  # 2004: the number has 11 places
        (ROW[:30] + "00012345678" + "SSP SP", ("12345678", "SSP", "SP")),
        (ROW[:30] + "0012345678X" + "SSPSP", ("12345678X", "SSP", "SP")),
        (ROW[:30] + "0000000012345678" + "SSPSP", ("12345678", "SSP", "SP")),  # one too many
        (ROW[:30] + "000000000000" + "SSPSP", (None, None, None)),
        (ROW[:30] + "000000MG1234567" + "SSPMG", ("MG1234567", "SSP", "MG")),
        (ROW[:30] + "               " + "SSPMG", (None, None, None)),
        (ROW[:30] + "ABCDEFGHIJKLMNO" + "SSPMG", (None, None, None)),
        (ROW[:36], (None, None, None)),
        (ROW[:19], (None, None, None)),
    ],
)
def test_identity_card_is_the_end_of_a_row(row: str, expected: tuple[str | None, str | None, str | None]) -> None:
    found = person(other(PERSON, row)).pki_brazil

    assert (found.rg_numero, found.rg_emissor, found.rg_emissor_uf) == expected
    assert found.cpf == CPF_NUMBER
    assert found.date_of_birth == date(1985, 2, 15)


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        ("00000000" + ROW[8:], "date_of_birth"),
        ("31021985" + ROW[8:], "date_of_birth"),
        ("1985-2-1" + ROW[8:], "date_of_birth"),
        ("²5021985" + ROW[8:], "date_of_birth"),
        (ROW[:8] + "0" * 11 + ROW[19:], "cpf"),
        (ROW[:8] + "9876543210X" + ROW[19:], "cpf"),
        (ROW[:8] + "987.654.321" + ROW[19:], "cpf"),
    ],
)
def test_field_that_is_none_or_wrong_is_missing_and_no_other(row: str, missing: str) -> None:
    whole, damaged = (fields(person(other(PERSON, r, UTF8)).pki_brazil) for r in (ROW, row))

    assert damaged == {name: value for name, value in whole.items() if name != missing}


@pytest.mark.parametrize("number", ["", "00000000000000", "1122233300018", "112223330001811", "11.222.333/0001-81"])
def test_company_number_that_is_none_is_missing(number: str) -> None:
    found = person(other(COMPANY, number), other(NAME, "FULANO"), other(RESPONSIBLE, ROW)).pki_brazil

    assert found.cnpj is None
    assert (found.cpf, found.responsavel) == (CPF_NUMBER, "FULANO")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0123456SP", ("123456", "SP")),
        ("000000ARJ", ("A", "RJ")),
        ("0123456XX", ("123456", None)),
        ("0123456", ("123456", None)),
        ("0000000SP", (None, None)),
        ("", (None, None)),
    ],
)
def test_lawyers_registration(text: str, expected: tuple[str | None, str | None]) -> None:
    found = person(other(PERSON, ROW), other(OAB, text)).pki_brazil

    assert (found.oab_numero, found.oab_uf) == expected


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (["2.16.76.1.2.1.1"], "A1"),
        (["2.16.76.1.2.2.1"], "A2"),
        (["2.16.76.1.2.3.1"], "A3"),
        (["2.16.76.1.2.4.1"], "A4"),
        (["2.16.76.1.2.101.1"], "S1"),
        (["2.16.76.1.2.102.1"], "S2"),
        (["2.16.76.1.2.103.1"], "S3"),
        (["2.16.76.1.2.104.1"], "S4"),
        (["2.16.76.1.2.303.1"], "T3"),
        (["2.16.76.1.2.304.1"], "T4"),
        (["2.999.1", "2.16.76.1.2.3.36"], "A3"),
        (["2.16.76.1.2.3.36", "2.16.76.1.2.3.37"], "A3"),
        (["2.16.76.1.2.3.36", "2.16.76.1.2.1.37"], "Unknown"),
        (["2.16.76.1.2.3.36", "2.16.76.1.2.500.1"], "Unknown"),
        (["2.16.76.1.2.500.1"], "Unknown"),
        (["2.16.76.1.2.550.1"], "Unknown"),
        (["2.16.76.1.2.201.1"], "Unknown"),
        (["2.16.76.1.2.3"], "Unknown"),
        (["2.16.76.1.2.31.1"], "Unknown"),
        (["2.16.76.1.20.3.1"], "Unknown"),
        (["12.16.76.1.2.3.1"], "Unknown"),
        ([], "Unknown"),
    ],
)
def test_type_is_told_by_the_policy_alone(policies: list[str], expected: str) -> None:
    found = read_pki_brazil(Name("", (("CN", ("A3",)),)), frozenset(policies), {})

    assert found.certificate_type == expected


def test_numbers_in_the_common_name_are_no_evidence() -> None:
    found = person(other(PERSON, NO_ROW), common_name=f"BELTRANA DA SILVA:{CPF_NUMBER}").pki_brazil

    assert found.cpf is None
    assert found.responsavel == "BELTRANA DA SILVA"


@pytest.mark.parametrize("name", ["MARIA", "MARIA:JOSE", "MARIA:123", "12:30 LTDA", ":"])
def test_common_name_keeps_what_is_no_number(name: str) -> None:
    assert person(other(PERSON, ROW), common_name=name).pki_brazil.responsavel == name


MALFORMED_VALUES = [
    b"",
    b"\x05\x00",
    der(2, b"\x01"),
    der(OCTETS, b"\xff\xfe\x00"),
    der(OCTETS),
    der(SEQUENCE, der(UTF8, ROW.encode())),
    der(UTF8, b"\xff\xff"),
    der(UTF8, ROW.encode())[:-3],
    der(0x24, der(OCTETS, ROW.encode())),
    ROW.encode(),
    der(UTF8, b"x") * 2,
    b"\x30\x80\x00\x00",
    b"\x0c\x84\xff\xff\xff\xff",
]


@pytest.mark.parametrize("value", MALFORMED_VALUES, ids=range(len(MALFORMED_VALUES)))
def test_malformed_entry_hides_only_itself(value: bytes) -> None:
    found = person((PERSON, value), other(OAB, "0012345SP"))

    assert found.pki_brazil.cpf is None
    assert (found.pki_brazil.oab_numero, found.pki_brazil.oab_uf) == ("12345", "SP")


SECOND = ROW.replace(CPF_NUMBER, "12345678909")


@pytest.mark.parametrize(
    ("names", "common_name"),
    [
        ([other(PERSON, ROW), other(PERSON, SECOND)], "BELTRANA DA SILVA"),
        ([other(PERSON, SECOND), other(PERSON, ROW)], "BELTRANA DA SILVA"),
        ([other(PERSON, ROW)], "BELTRANA DA SILVA:12345678909"),
        ([other(COMPANY, "11222333000181"), other(RESPONSIBLE, ROW), other(RESPONSIBLE, SECOND)], "EMPRESA"),
        ([other(COMPANY, "11222333000181"), other(RESPONSIBLE, ROW), other(PERSON, SECOND)], "EMPRESA"),
        # In a kind of string that few programs read, or in one that is in no norm.
        *(
            ([other(PERSON, ROW), other(PERSON, SECOND.encode(encoding), tag)], "BELTRANA DA SILVA")
            for tag, encoding in ((26, "ascii"), (27, "ascii"), (28, "utf-32-be"))
        ),
        ([other(PERSON, ROW), (PERSON, der(0x24, der(OCTETS, SECOND.encode())))], "BELTRANA DA SILVA"),
        ([other(PERSON, ROW), (PERSON, der(SEQUENCE, der(UTF8, SECOND.encode())))], "BELTRANA DA SILVA"),
        ([other(PERSON, ROW), (PERSON, der(UTF8, SECOND.encode()) * 2)], "BELTRANA DA SILVA"),
    ],
)
def test_two_different_cpfs_are_none(names: list[OtherName], common_name: str) -> None:
    found = person(*names, common_name=common_name)

    assert found.pki_brazil.cpf is None
    assert found.subject_identifier == found.pki_brazil.cnpj


def test_a_serial_number_is_no_second_way_to_a_number_that_is_contradicted() -> None:
    names = [other(PERSON, ROW), other(PERSON, SECOND)]
    subject = ((NameOID.COMMON_NAME, "BELTRANA"), (NameOID.SERIAL_NUMBER, CPF_NUMBER))

    assert read_certificate(certificate(*subject, other_names=names, policies=[A3])).subject_identifier is None


def test_two_different_company_numbers_are_none() -> None:
    names = [other(COMPANY, "11222333000181"), other(COMPANY, "12ABC34501DE35"), other(RESPONSIBLE, ROW)]
    assert person(*names, common_name="EMPRESA").pki_brazil.cnpj is None
    assert person(*names[::2], common_name="EMPRESA:12ABC34501DE35").pki_brazil.cnpj is None
    assert person(*names[::2], common_name="EMPRESA:11222333000181").pki_brazil.cnpj == "11222333000181"


def test_the_same_number_twice_is_one() -> None:
    found = person(other(PERSON, ROW), other(PERSON, ROW.replace("SSPSP", "SSPRJ"))).pki_brazil

    assert found.cpf == CPF_NUMBER
    assert found.rg_numero is None, "two rows that contradict each other in the rest"


@pytest.mark.parametrize("odd", [b"ceo@bank.example\0.evil.example", b"ceo@bank.example\n", b"a b@example.org"])
def test_an_address_with_a_character_that_cannot_be_seen_is_none(odd: bytes) -> None:
    """A program that stops at a NUL reads another address than we do."""
    names = [der(0x81, odd), der(0x81, b"me@example.org")]

    assert read_certificate(certificate(raw=[(SAN, alternatives([], *names))])).email_address == "me@example.org"
    assert read_certificate(certificate(raw=[(SAN, alternatives([], names[0]))])).email_address is None


MALFORMED_EXTENSIONS = [
    b"",
    b"\x05\x00",
    der(SEQUENCE),
    der(UTF8, b"x"),
    der(SEQUENCE, b"\xff"),
    der(SEQUENCE, der(EXPLICIT)),
    der(SEQUENCE, der(EXPLICIT, oid(PERSON))),
    der(SEQUENCE, der(EXPLICIT, der(EXPLICIT, der(UTF8, b"x")))),
    der(SEQUENCE, der(EXPLICIT, der(6), der(EXPLICIT, der(UTF8, b"x")))),
    der(SEQUENCE, der(EXPLICIT, der(6, b"\x80\xff"), der(EXPLICIT, der(UTF8, b"x")))),
    der(SEQUENCE, der(0x81, b"\xe9@example.org")),
    der(SEQUENCE, der(0xA3, der(SEQUENCE)), der(0xA5, der(SEQUENCE)), der(0x87, b"\x01")),
    alternatives([other(PERSON, ROW)]) + b"more",
]


@pytest.mark.parametrize("extension", [SAN, POLICIES, QC_STATEMENTS])
@pytest.mark.parametrize("value", MALFORMED_EXTENSIONS, ids=range(len(MALFORMED_EXTENSIONS)))
def test_malformed_extension_reads_as_empty(extension: str, value: bytes) -> None:
    found = read_certificate(certificate(raw=[(extension, value)]))

    assert found.pki_brazil == PkiBrazil()
    assert found.key_usage == frozenset({"digitalSignature", "nonRepudiation"})
    assert found.policies == frozenset()
    assert found.qc_statements == frozenset()
    assert found.email_address is None


def test_odd_names_beside_do_not_hide_the_row_or_the_address() -> None:
    odd = [der(0xA3, der(SEQUENCE)), der(0xA5, der(SEQUENCE)), der(0x87, b"\x01"), der(0x81, b"\xe9@example.org")]
    value = alternatives([other(PERSON, ROW)], *odd, der(0x81, b"signer@example.org"))
    found = read_certificate(certificate(raw=[(SAN, value)]))

    assert found.pki_brazil.cpf == CPF_NUMBER
    assert found.email_address == "signer@example.org"


@pytest.mark.parametrize("extension", [KEY_USAGE, "2.5.29.19"])
@pytest.mark.parametrize(
    "value", [b"", b"\x05\x00", der(UTF8, b"x"), der(3), der(3, b"\0"), der(SEQUENCE, der(UTF8, b"x"))]
)
def test_what_decides_about_signing_must_be_readable(extension: str, value: bytes) -> None:
    with pytest.raises(BadCertificate):
        read_certificate(certificate(raw=[(extension, value)], key_usage=extension != KEY_USAGE))


def test_version_that_does_not_exist_is_refused() -> None:
    version_3 = bytes.fromhex("a003020102")
    whole = certificate()
    assert version_3 in whole

    with pytest.raises(BadCertificate):
        read_certificate(whole.replace(version_3, bytes.fromhex("a003020176")))


def test_extension_that_comes_twice_is_refused() -> None:
    whole = certificate(raw=[("2.999.1", b"\x05\x00"), ("2.999.2", b"\x05\x00")])
    read_certificate(whole)

    with pytest.raises(BadCertificate):
        read_certificate(whole.replace(oid("2.999.2"), oid("2.999.1")))


def test_qc_statements_are_read_with_values_beside_them() -> None:
    limit = der(
        SEQUENCE, oid("0.4.0.1862.1.2"), der(SEQUENCE, der(PRINTABLE, b"EUR"), der(2, b"\x01"), der(2, b"\x06"))
    )
    value = der(SEQUENCE, der(SEQUENCE, oid("0.4.0.1862.1.1")), limit, der(SEQUENCE, oid("0.4.0.1862.1.4")))
    found = read_certificate(certificate(raw=[(QC_STATEMENTS, value)]))

    assert found.qc_statements == {"0.4.0.1862.1.1", "0.4.0.1862.1.2", "0.4.0.1862.1.4"}


def test_policies_are_read_with_qualifiers_beside_them() -> None:
    qualifier = der(SEQUENCE, der(SEQUENCE, oid("1.3.6.1.5.5.7.2.1"), der(IA5, b"http://dpc.example.org/dpc.pdf")))
    value = der(SEQUENCE, der(SEQUENCE, oid(A3), qualifier), der(SEQUENCE, oid("2.999.1")))

    assert read_certificate(certificate(raw=[(POLICIES, value)])).policies == {A3, "2.999.1"}


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([PERSON, NAME, COMPANY, RESPONSIBLE, APPLICATION, OAB]),
        st.lists(st.text(max_size=70), max_size=3),
    )
)
def test_any_text_is_survived_and_what_is_read_has_its_form(names: dict[str, list[str]]) -> None:
    found = read_pki_brazil(Name("", ()), frozenset(), names)

    assert found.cpf is None or CPF.fullmatch(found.cpf)
    assert found.cnpj is None or CNPJ.fullmatch(found.cnpj)
    assert all(value != "" for value in fields(found).values())
    for name in ("responsavel", "company_name", "rg_emissor", "rg_numero", "oab_numero"):
        assert (getattr(found, name) or "").isprintable()


@settings(max_examples=300, deadline=None)
@given(
    st.dates(min_value=date(1900, 1, 1)),
    st.from_regex(r"[0-9]{11}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{0,14}", fullmatch=True),
    st.sampled_from(["SSP", "DETRAN", "IFP", "SESPDC"]),
    st.sampled_from(["SP", "RJ", "AC", "TO", "DF"]),
    st.sampled_from([OCTETS, PRINTABLE, UTF8, IA5]),
)
def test_every_row_of_the_norm_is_read_back(birth: date, cpf: str, rg: str, issuer: str, state: str, tag: int) -> None:
    row = f"{birth:%d%m}{birth.year:04}{cpf}{'0' * 11}{rg:0>15}{issuer}{state}"
    found = person(other(PERSON, row, tag), common_name="BELTRANA").pki_brazil

    assert found.date_of_birth == birth
    assert found.cpf == (cpf if cpf.strip("0") else None)
    assert (found.rg_numero, found.rg_emissor, found.rg_emissor_uf) == (rg, issuer, state)


# A damaged serial number may be zero.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_certificates_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(RICH)
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.sampled_from([len(whole), len(whole) // 2]))])

    try:
        found = read_certificate(damaged)
    except BadCertificate:
        return
    assert found.pki_brazil.cpf is None or CPF.fullmatch(found.pki_brazil.cpf)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([SAN, POLICIES, QC_STATEMENTS]))
def test_any_bytes_in_describing_extensions_are_survived(value: bytes, extension: str) -> None:
    assert read_certificate(certificate(raw=[(extension, value)])).key_usage


RICH = certificate(
    (NameOID.COMMON_NAME, f"BELTRANA DA SILVA:{CPF_NUMBER}"),
    (NameOID.SERIAL_NUMBER, "TINIT-RSSMRA80A01H501U"),
    other_names=[other(PERSON, ROW), other(OAB, "0012345SP"), other(COMPANY, "11222333000181")],
    policies=[A3],
    raw=[(QC_STATEMENTS, statements("0.4.0.1862.1.1", "0.4.0.1862.1.4"))],
)
