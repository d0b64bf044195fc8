"""Check digits of national numbers, against known numbers and by what a check digit must do."""

from __future__ import annotations

from string import ascii_uppercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.national import CPF, PkiBrazil, PkiItaly, is_cnpj, is_codice_fiscale, is_cpf

TWO_DIGITS = [f"{number:02}" for number in range(100)]


def text_of(alphabet: str, length: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=length, max_size=length)


@pytest.mark.parametrize("number", ["12345678909", "98765432100", "00000000191", "01234567890", "52998224725"])
def test_right_cpf(number: str) -> None:
    assert is_cpf(number)


@pytest.mark.parametrize(
    "number",
    ["12345678900", "12345678990", "00000000000", "1234567890", "123456789099", "123.456.789-09", "", "١" * 11],
)
def test_wrong_cpf(number: str) -> None:
    assert not is_cpf(number)


@given(text_of(digits, 9).filter(lambda text: text.strip("0") != ""))
def test_nine_digits_have_exactly_one_pair_of_check_digits(base: str) -> None:
    assert sum(is_cpf(base + pair) for pair in TWO_DIGITS) == 1


@pytest.mark.parametrize("number", ["11222333000181", "12ABC34501DE35", "00000000000191", "33989214000191"])
def test_right_cnpj(number: str) -> None:
    assert is_cnpj(number)


@pytest.mark.parametrize(
    "number",
    [
        "11222333000182",
        "11222333000191",
        "12ABC34501DE36",
        "12abc34501de35",
        "12ABC34501DE3A",
        "00000000000000",
        "1122233300018",
        "112223330001811",
        "11.222.333/0001-81",
        "١" * 14,
    ],
)
def test_wrong_cnpj(number: str) -> None:
    assert not is_cnpj(number)


@given(text_of(digits + ascii_uppercase, 12).filter(lambda text: text.strip("0") != ""))
def test_twelve_places_have_exactly_one_pair_of_check_digits(base: str) -> None:
    assert sum(is_cnpj(base + pair) for pair in TWO_DIGITS) == 1


# The seven omocodes of one code, as published by others; letters from the right.
@pytest.mark.parametrize(
    "code",
    [
        "RSSMRA80A01H501U",
        "CCCFBA85D03L219P",
        "CCCFBA85D03L21VE",
        "CCCFBA85D03L2MVP",
        "CCCFBA85D03LNMVE",
        "CCCFBA85D0PLNMVA",
        "CCCFBA85DLPLNMVL",
        "CCCFBA8RDLPLNMVX",
        "CCCFBAURDLPLNMVU",
    ],
)
def test_right_codice_fiscale(code: str) -> None:
    assert is_codice_fiscale(code)
    assert sum(is_codice_fiscale(code[:15] + letter) for letter in ascii_uppercase) == 1


@pytest.mark.parametrize(
    "code",
    [
        "RSSMRA80A01H501V",
        "RSSMRA80A01H50MU",  # an omocode has a check letter of its own
        "rssmra80a01h501u",
        "RSSMRA80F01H501U",  # no month has the letter F
        "RSSMRA80A01H501",
        "RSSMRA80A01H501UU",
        "RSSMRA8OA01H501U",
        "",
    ],
)
def test_wrong_codice_fiscale(code: str) -> None:
    assert not is_codice_fiscale(code)


@given(st.text(max_size=20))
def test_any_text_is_survived(text: str) -> None:
    assert not is_cpf(text) or CPF.fullmatch(text)
    assert isinstance(is_cnpj(text), bool)
    assert isinstance(is_codice_fiscale(text), bool)


def test_numbers_are_not_printed_by_accident() -> None:
    assert "12345678909" not in repr(PkiBrazil(cpf="12345678909"))
    assert "RSSMRA" not in repr(PkiItaly(codice_fiscale="RSSMRA80A01H501U"))
