"""What is read from Italian certificates."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from signroom.domain.certificate import Certificate, Name
from signroom.domain.national import CODICE_FISCALE, PkiBrazil, PkiItaly, PkiItalyType
from signroom.trust.certificates import read_certificate
from signroom.trust.pki_italy import read_pki_italy
from tests.trust.certificates_by_hand import certificate

CODE = "RSSMRA80A01H501U"
CARD = "7420025000123456"
CNS = "1.3.76.16.2.1"
HASH = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmE="


def read(
    *subject: tuple[x509.ObjectIdentifier, str], policies: tuple[str, ...] = (), non_repudiation: bool = False
) -> Certificate:
    return read_certificate(certificate(*subject, policies=policies, non_repudiation=non_repudiation))


@pytest.mark.parametrize("policy", [CNS, "1.3.159.6.1.3.2.10", "1.3.76.12.1.1.10.2.2.10"])
def test_services_card_has_code_and_card_in_its_name(policy: str) -> None:
    found = read((NameOID.COMMON_NAME, f"{CODE}/{CARD}.{HASH}"), policies=("2.999.1", policy))

    assert found.pki_italy == PkiItaly(PkiItalyType.CNS, CODE, CARD)
    assert found.subject_identifier == CODE
    assert found.pki_brazil == PkiBrazil()


def test_name_of_a_card_without_the_policy_proves_nothing() -> None:
    found = read((NameOID.COMMON_NAME, f"{CODE}/{CARD}.{HASH}"))

    assert found.pki_italy == PkiItaly()
    assert found.subject_identifier is None


@pytest.mark.parametrize(
    ("name", "code", "card"),
    [
        ("Mario Rossi", None, None),
        (f"{CODE}/{CARD}", None, None),
        (f"{CODE}{CARD}.{HASH}", None, None),
        (f"NOBODY/{CARD}.{HASH}", None, CARD),
        (f"{CODE.lower()}/{CARD}.{HASH}", CODE, CARD),
        (f"{CODE.replace('S', chr(0x17F))}/{CARD}.{HASH}", None, CARD),
        (f"{CODE}/{CARD}.x/more.x", CODE, CARD),
        ("/.", None, None),
    ],
)
def test_odd_names_of_cards_leave_fields_empty(name: str, code: str | None, card: str | None) -> None:
    assert read((NameOID.COMMON_NAME, name), policies=(CNS,)).pki_italy == PkiItaly(PkiItalyType.CNS, code, card)


@pytest.mark.parametrize("serial", [f"TINIT-{CODE}", f"IT:{CODE}"])
def test_certificate_for_signing_has_the_code_in_its_serial_number(serial: str) -> None:
    found = read(
        (NameOID.COMMON_NAME, "Mario Rossi"),
        (NameOID.SERIAL_NUMBER, serial),
        (NameOID.DN_QUALIFIER, "20191234567"),
        non_repudiation=True,
    )

    assert found.pki_italy == PkiItaly(PkiItalyType.DIGITAL_SIGNATURE, CODE, "20191234567")
    assert found.subject_identifier == CODE


def test_certificate_that_may_not_sign_has_no_type() -> None:
    found = read((NameOID.COMMON_NAME, "Mario"), (NameOID.SERIAL_NUMBER, f"TINIT-{CODE}"))

    assert found.pki_italy == PkiItaly(PkiItalyType.UNDEFINED, CODE)


def test_identity_card_is_of_no_known_type() -> None:
    found = read((NameOID.COMMON_NAME, f"{CODE}/{CARD}.{HASH}"), policies=("1.3.76.47.4",))

    assert found.pki_italy.certificate_type is PkiItalyType.UNDEFINED


@pytest.mark.parametrize(
    "serial", ["TINIT-", "TINIT-12345678901", f"TINFR-{CODE}", f"PNOIT-{CODE}", CODE, f"VATIT-{CODE}", f"TINIT-{CODE}X"]
)
def test_other_serial_numbers_are_none_of_ours(serial: str) -> None:
    found = read((NameOID.COMMON_NAME, "Mario"), (NameOID.SERIAL_NUMBER, serial), non_repudiation=True)

    assert found.pki_italy == PkiItaly()
    assert found.subject_identifier == serial


@settings(max_examples=300)
@given(st.text(max_size=60), st.text(max_size=40), st.sampled_from([frozenset[str](), frozenset({CNS})]))
def test_any_text_is_survived_and_what_is_read_has_its_form(name: str, serial: str, policies: frozenset[str]) -> None:
    subject = Name("", (("CN", (name,)), ("serialNumber", (serial,)), ("dnQualifier", (name,))))
    found = read_pki_italy(subject, policies, frozenset({"nonRepudiation"}))

    assert found.codice_fiscale is None or CODICE_FISCALE.fullmatch(found.codice_fiscale)
    assert found.id_carta is None or (found.id_carta and found.id_carta.isprintable())


def test_two_different_codes_are_none() -> None:
    """The code of the name and of the serial number of a card, two serial numbers, or two names."""
    other_code = "VRDGPP80A01F205X"
    serials = [(NameOID.SERIAL_NUMBER, f"TINIT-{code}") for code in (CODE, other_code)]
    assert read((NameOID.COMMON_NAME, "Mario"), *serials, non_repudiation=True).pki_italy.codice_fiscale is None
    card = (NameOID.COMMON_NAME, f"{CODE}/6090001234567890.abcdef")
    assert read(card, serials[0], policies=(CNS,)).pki_italy.codice_fiscale == CODE
    assert read(card, serials[1], policies=(CNS,)).pki_italy.codice_fiscale is None
    for cards in ([card, second := (NameOID.COMMON_NAME, f"{other_code}/6090001234567899.abcdef")], [second, card]):
        assert read(*cards, policies=(CNS,)).pki_italy == PkiItaly(PkiItalyType.CNS)
    assert read(card, card, policies=(CNS,)).pki_italy.codice_fiscale == CODE
    # Two persons in the serial numbers stay two, whomever the name names.
    assert read(card, *serials, policies=(CNS,)).pki_italy.codice_fiscale is None


def test_two_serial_numbers_of_a_name_identify_nobody() -> None:
    """The first would be told as the number of the holder, and another program reads the last."""
    serials = [(NameOID.SERIAL_NUMBER, number) for number in ("PNOES-1", "PNOES-2")]

    assert read((NameOID.COMMON_NAME, "Ana"), *serials).subject_identifier is None
    assert read((NameOID.COMMON_NAME, "Ana"), serials[0], serials[0]).subject_identifier == "PNOES-1"
