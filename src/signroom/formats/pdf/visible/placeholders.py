"""``{{name}}`` and its kin in the text of a visible signature: what the signer's certificate says of him.

The names are those that applications of this contract have in their texts; one that is not known stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime

from asn1crypto import core
from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from signroom.domain.errors import BadCertificate
from signroom.domain.national import is_cnpj, is_cpf
from signroom.formats.certificate import load_certificate

_PLACEHOLDER = re.compile(r"\{\{\s*(\w{1,40})\s*\}\}")
_NUMBER_AT_END = re.compile(r":[0-9]{11,14}\Z")
"""ICP-Brasil writes the CPF or CNPJ behind the name (DOC-ICP-04, 7.1.4)."""
_SEMANTICS = re.compile(r"\A(?:[A-Z]{5}-|[A-Z]{2}:)(?=.)")
"""Of a serialNumber attribute: ``PNOES-``, ``TINIT-`` (EN 319 412-1, 5.1.3), ``IT:`` of older certificates."""
# DOC-ICP-04, 7.1.2.3: otherName of the subjectAltName.
_PERSON, _RESPONSIBLE_NAME, _CNPJ, _RESPONSIBLE, _COMPANY = (f"2.16.76.1.3.{n}" for n in (1, 2, 3, 4, 8))
_CPF_AT = slice(8, 19)
"""Behind the date of birth."""


def filled(text: str, certificate: bytes, now: datetime) -> str:
    """`text` with its placeholders replaced; those that the certificate says nothing of become empty.

    Raises: BadCertificate.
    """
    if "{{" not in text:
        return text
    values = {name.casefold(): value for name, value in _values(certificate, now).items()}
    return _PLACEHOLDER.sub(lambda found: values.get(found[1].casefold(), found[0]), text)


def _values(der: bytes, now: datetime) -> dict[str, str]:
    try:
        certificate = load_certificate(der)
        subject, issuer = certificate.subject, certificate.issuer
        alternatives = _alternatives(certificate)
        subject_name = subject.rfc4514_string()
    except (ValueError, TypeError, LookupError) as error:
        raise BadCertificate from error
    others = _other_names(alternatives)
    common_name = _first(subject, NameOID.COMMON_NAME)
    name = _NUMBER_AT_END.sub("", common_name) or _first(subject, NameOID.ORGANIZATION_NAME)
    issuer_name = _first(issuer, NameOID.COMMON_NAME) or _first(issuer, NameOID.ORGANIZATION_NAME)
    email = next(iter(alternatives.get_values_for_type(x509.RFC822Name)), "") if alternatives else ""
    email = email or _first(subject, NameOID.EMAIL_ADDRESS)
    cpfs = _cpfs(others, subject)
    cpf = _only(cpfs)
    cnpj = _only(number for number in others.get(_CNPJ, ()) if is_cnpj(number))
    national_id = cpf if cpfs else _SEMANTICS.sub("", _only(_every(subject, NameOID.SERIAL_NUMBER)))
    values = {
        "name": name,
        "signerName": name,
        "subject_name": subject_name,
        "subject_cn": common_name,
        "issuer": issuer_name,
        "issuer_cn": _first(issuer, NameOID.COMMON_NAME),
        "issuerCommonName": _first(issuer, NameOID.COMMON_NAME),
        "email": email,
        "signerEmail": email,
        "organization": _first(subject, NameOID.ORGANIZATION_NAME),
        "national_id": national_id,
        "signerNationalId": national_id,
        "br_cpf": cpf,
        "br_cpf_formatted": f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}" if cpf else "",
        "br_cnpj": cnpj,
        "br_cnpj_formatted": f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}" if cnpj else "",
        "br_responsavel": _only(others.get(_RESPONSIBLE_NAME, ())) or (name if _PERSON in others else ""),
        "br_company": _only(others.get(_COMPANY, ())),
        "date": f"{now:%Y-%m-%d}",
    }
    return {key: _on_one_line(value) for key, value in values.items()}


def _on_one_line(value: str) -> str:
    """A name must not add a line to what is seen, nor turn the direction of one."""
    shown = (c for c in value if unicodedata.category(c) != "Cf")
    return "".join(c if c.isprintable() else " " for c in shown)


def _only(values: Iterable[str]) -> str:
    """The one value that there is; nothing where two contradict each other."""
    different = set(values)
    return different.pop() if len(different) == 1 else ""


def _first(name: x509.Name, attribute: x509.ObjectIdentifier) -> str:
    return next(iter(_every(name, attribute)), "")


def _every(name: x509.Name, attribute: x509.ObjectIdentifier) -> list[str]:
    return [found.value for found in name.get_attributes_for_oid(attribute) if isinstance(found.value, str)]


def _alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        return None
    return extension.value if isinstance(extension.value, x509.SubjectAlternativeName) else None


def _other_names(alternatives: x509.SubjectAlternativeName | None) -> dict[str, tuple[str, ...]]:
    """By OID. They are OCTET STRINGs or character strings; what is neither is left out."""
    found: dict[str, tuple[str, ...]] = {}
    for name in alternatives or ():
        if isinstance(name, x509.OtherName):
            try:
                value = core.load(name.value).native
            except (ValueError, TypeError):
                continue
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if isinstance(text, str):
                oid = name.type_id.dotted_string
                found[oid] = (*found.get(oid, ()), text.strip())
    return found


def _cpfs(others: Mapping[str, tuple[str, ...]], subject: x509.Name) -> set[str]:
    """The person's, or in a company's certificate that of the person responsible for it. Two contradict each other."""
    rows = (*others.get(_PERSON, ()), *others.get(_RESPONSIBLE, ()))
    names = (_NUMBER_AT_END.search(name) for name in _every(subject, NameOID.COMMON_NAME))
    candidates = {row[_CPF_AT] for row in rows} | {found[0][1:] for found in names if found}
    return {number for number in candidates if is_cpf(number)}
