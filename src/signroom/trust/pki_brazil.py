"""The fields of ICP-Brasil: otherName entries and policies by DOC-ICP-04 v8.1, 7.1.2.3-4.

Fixed rows of characters: a missing number is all zeros, a short one has zeros before it, only the last field of a row
varies in length. Authorities have cut and stretched rows over twenty years, so each field is read for itself and is
None when it is not what it should be. Check digits are the authority's affair: what it certified is what is reported.

A certificate is about one person and one company. Where it gives two different numbers for one of them, wherever they
stand, it has none: a program that reads the other one would see somebody else. So it is where one of two entries cannot
be read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from signroom.domain.certificate import Name
from signroom.domain.national import CNPJ, CPF, PkiBrazil, PkiBrazilType, is_cnpj, is_cpf

PERSON = "2.16.76.1.3.1"
RESPONSIBLE_NAME = "2.16.76.1.3.2"
COMPANY_NUMBER = "2.16.76.1.3.3"
RESPONSIBLE_PERSON = "2.16.76.1.3.4"
APPLICATION_COMPANY = "2.16.76.1.3.8"
OAB = "2.16.76.1.4.2.1.1"

# 2.16.76.1.2.<type>.<authority>; what is not here (SAT .500, OM-BR .550, the types of Res. 211) is Unknown.
_POLICY = re.compile(r"2\.16\.76\.1\.2\.([0-9]+)\.[0-9.]+")
_TYPES = {
    "1": PkiBrazilType.A1,
    "2": PkiBrazilType.A2,
    "3": PkiBrazilType.A3,
    "4": PkiBrazilType.A4,
    "101": PkiBrazilType.S1,
    "102": PkiBrazilType.S2,
    "103": PkiBrazilType.S3,
    "104": PkiBrazilType.S4,
    "303": PkiBrazilType.T3,
    "304": PkiBrazilType.T4,
}
_STATE = re.compile(r"A[CLMP]|BA|CE|DF|ES|GO|M[AGST]|P[ABEIR]|R[JNORS]|S[CEP]|TO")
_LAST_DIGIT = re.compile(r".*[0-9](?:X(?=[A-Z]))?")
_NUMBER_IN_NAME = re.compile(r":([0-9]{11}|[0-9A-Z]{12}[0-9]{2})\Z")


def read_pki_brazil(subject: Name, policies: frozenset[str], other_names: Mapping[str, Sequence[str]]) -> PkiBrazil:
    """Never raises; without any OID of ICP-Brasil everything is None."""
    names = {oid: tuple(_clean(text) for text in texts) for oid, texts in other_names.items() if any(texts)}
    is_company = any(oid in names for oid in (COMPANY_NUMBER, APPLICATION_COMPANY, RESPONSIBLE_PERSON))
    is_person = PERSON in names and not is_company
    rows, other_rows = (
        names.get(oid, ()) for oid in ((PERSON, RESPONSIBLE_PERSON) if is_person else (RESPONSIBLE_PERSON, PERSON))
    )
    row = _only(rows)
    written = [found[1] for name in subject.every("CN") if (found := _NUMBER_IN_NAME.search(name))]
    common_name = _NUMBER_IN_NAME.sub("", subject.first("CN") or "").strip() or None
    rg_numero, rg_emissor, rg_emissor_uf = _rg(row)
    oab_numero, oab_uf = _oab(_only(names.get(OAB, ())))
    return PkiBrazil(
        certificate_type=_type(policies),
        cpf=_cpf_of(rows, other_rows, written),
        cnpj=_cnpj_of(names.get(COMPANY_NUMBER, ()), written),
        responsavel=common_name if is_person else _only(names.get(RESPONSIBLE_NAME, ())) or None,
        date_of_birth=_date(row[:8]),
        company_name=_only(names.get(APPLICATION_COMPANY, ())) or (common_name if is_company else None),
        oab_uf=oab_uf,
        oab_numero=oab_numero,
        rg_emissor=rg_emissor,
        rg_emissor_uf=rg_emissor_uf,
        rg_numero=rg_numero,
    )


def _only(texts: Sequence[str]) -> str:
    """The one text that there is; nothing when two contradict each other."""
    different = set(texts)
    return different.pop() if len(different) == 1 else ""


def _cpf_of(rows: Sequence[str], other_rows: Sequence[str], written: Sequence[str]) -> str | None:
    """That of `rows`, when neither another row nor a name gives a different one."""
    if not all((*rows, *other_rows)):
        return None
    certified = {found for row in rows if (found := _cpf(row[8:19]))}
    named = {found for row in other_rows if (found := _cpf(row[8:19]))} | {text for text in written if is_cpf(text)}
    return certified.pop() if len(certified) == 1 and named <= certified else None


def _cnpj_of(texts: Sequence[str], written: Sequence[str]) -> str | None:
    if not all(texts):
        return None
    certified = {found for text in texts if (found := _cnpj(text))}
    named = {text for text in written if is_cnpj(text)}
    return certified.pop() if len(certified) == 1 and named <= certified else None


def _type(policies: frozenset[str]) -> PkiBrazilType:
    found = {_TYPES.get(match[1], PkiBrazilType.UNKNOWN) for p in policies if (match := _POLICY.fullmatch(p))}
    # Two types contradict each other: nothing may be concluded from either.
    return found.pop() if len(found) == 1 else PkiBrazilType.UNKNOWN


def _clean(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).rstrip()


def _cpf(text: str) -> str | None:
    return text if CPF.fullmatch(text) and text.strip("0") else None


def _cnpj(text: str) -> str | None:
    number = text.strip()
    return number if CNPJ.fullmatch(number) and number.strip("0") else None


def _date(text: str) -> date | None:
    """ddmmyyyy."""
    if not re.fullmatch(r"[0-9]{8}", text):
        return None
    try:
        return date(int(text[4:]), int(text[2:4]), int(text[:2]))
    except ValueError:
        return None


def _rg(row: str) -> tuple[str | None, str | None, str | None]:
    """Number, issuer and its state. Without a number there is no issuer either."""
    end = 45
    issuer = row[end:].strip()
    last = row[30:end].rstrip()[-1:]
    if issuer.strip("0") and (issuer[0].isdigit() or (last.isalpha() and last != "X")):
        # Some rows of 2004 give the number 11 characters, and some authorities miscount: it ends with its last digit.
        found = _LAST_DIGIT.match(row, 30)
        end = found.end() if found else 30
        issuer = row[end:].strip()
    number = _significant(row[30:end])
    if number is None or not issuer.strip("0"):
        return number, None, None
    if _STATE.fullmatch(issuer[-2:]):
        return number, issuer[:-2].rstrip(" /-") or None, issuer[-2:]
    return number, issuer, None


def _oab(text: str) -> tuple[str | None, str | None]:
    """Seven characters of the registration, and the state of the section."""
    number = _significant(text[:7])
    if number is None:
        return None, None
    state = text[7:9]
    return number, state if _STATE.fullmatch(state) else None


def _significant(text: str) -> str | None:
    number = text.strip().lstrip("0")
    return number if number.isalnum() else None
