"""What national rules put into certificates: ICP-Brasil and Italy, in the words of the wire contract.

Numbers are texts of their full length, as they were issued: leading zeros count, and since July 2026 a CNPJ has
letters. A number is never compared as an integer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class PkiBrazilType(StrEnum):
    """Spelled as the contract's ``PkiBrazilCertificateTypes``. A3, A4: the key is in hardware (DOC-ICP-04)."""

    UNKNOWN = "Unknown"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"
    T3 = "T3"
    T4 = "T4"


class PkiItalyType(StrEnum):
    """Spelled as the contract's ``PkiItalyCertificateTypes``. ``Cns`` are for logging in, not for signing."""

    UNDEFINED = "Undefined"
    CNS = "Cns"
    DIGITAL_SIGNATURE = "DigitalSignature"


# No repr: these numbers and names have no business in logs and tracebacks.
@dataclass(frozen=True, slots=True, repr=False)
class PkiBrazil:
    """The fields of DOC-ICP-04, 7.1.2.3; None where the certificate has none, or nothing that can be read."""

    certificate_type: PkiBrazilType = PkiBrazilType.UNKNOWN
    cpf: str | None = None
    """Of the person; in a company's certificate, of the person responsible for it."""
    cnpj: str | None = None
    responsavel: str | None = None
    date_of_birth: date | None = None
    company_name: str | None = None
    oab_uf: str | None = None
    oab_numero: str | None = None
    rg_emissor: str | None = None
    rg_emissor_uf: str | None = None
    rg_numero: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PkiItaly:
    certificate_type: PkiItalyType = PkiItalyType.UNDEFINED
    codice_fiscale: str | None = None
    id_carta: str | None = None
    """The card's number; in a certificate for signing, the holder's code at the authority."""


NOT_BRAZILIAN = PkiBrazil()
NOT_ITALIAN = PkiItaly()

CPF = re.compile(r"[0-9]{11}")
CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
# Six letters of the name; year, month and day of birth, place; check letter. Where two persons would get the same
# code, digits are replaced by letters from the right (omocodia, DM 23-12-1976, 6).
_DIGIT = "[0-9LMNPQRSTUV]"
CODICE_FISCALE = re.compile(rf"[A-Z]{{6}}{_DIGIT}{{2}}[ABCDEHLMPRST]{_DIGIT}{{2}}[A-Z]{_DIGIT}{{3}}[A-Z]")

_CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
# DM 23-12-1976, 5: the values of 0 to 9 (and A to J), then of K to Z, in odd places; in even places they are 0 to 25.
_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def is_cpf(text: str) -> bool:
    """11 digits with both check digits right. All zeros is how ICP-Brasil writes "none"."""
    if not CPF.fullmatch(text) or not text.strip("0"):
        return False
    digits = [int(c) for c in text]
    return all(
        sum(d * (count + 1 - i) for i, d in enumerate(digits[:count])) * 10 % 11 % 10 == digits[count]
        for count in (9, 10)
    )


def is_cnpj(text: str) -> bool:
    """14 digits or capital letters with both check digits right (IN RFB 2.229/2024)."""
    if not CNPJ.fullmatch(text) or not text.strip("0"):
        return False
    values = [ord(c) - ord("0") for c in text]
    return all(_cnpj_digit(values[:count]) == values[count] for count in (12, 13))


def is_codice_fiscale(text: str) -> bool:
    """16 capital letters and digits with the check letter right, omocodia included."""
    if not CODICE_FISCALE.fullmatch(text):
        return False
    ranks = [int(c) if c.isdigit() else ord(c) - ord("A") for c in text[:15]]
    total = sum(_ODD[rank] if place % 2 == 0 else rank for place, rank in enumerate(ranks))
    return chr(ord("A") + total % 26) == text[15]


def _cnpj_digit(values: list[int]) -> int:
    weights = _CNPJ_WEIGHTS[-len(values) :]
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest
