"""``{{name}}`` and its kin in the text of a visible signature: what the signer's certificate says of him.

The names are those that applications of this contract have in their texts; one that is not known stays as it is.
"""

from __future__ import annotations

import re
from datetime import datetime

from asn1crypto import core
from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from signroom.domain.errors import BadCertificate
from signroom.domain.national import is_cnpj, is_cpf

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
        certificate = x509.load_der_x509_certificate(der)
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
    cpf = _cpf(others, common_name)
    cnpj = others.get(_CNPJ, "")
    cnpj = cnpj if is_cnpj(cnpj) else ""
    national_id = cpf or _SEMANTICS.sub("", _first(subject, NameOID.SERIAL_NUMBER))
    return {
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
        "br_responsavel": others.get(_RESPONSIBLE_NAME, "") or (name if _PERSON in others else ""),
        "br_company": others.get(_COMPANY, ""),
        "date": f"{now:%Y-%m-%d}",
    }


def _first(name: x509.Name, attribute: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(attribute)
    value = found[0].value if found else ""
    return value if isinstance(value, str) else ""


def _alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        return None
    return extension.value if isinstance(extension.value, x509.SubjectAlternativeName) else None


def _other_names(alternatives: x509.SubjectAlternativeName | None) -> dict[str, str]:
    """By OID. They are OCTET STRINGs or character strings; what is neither is left out."""
    found: dict[str, str] = {}
    for name in alternatives or ():
        if isinstance(name, x509.OtherName):
            try:
                value = core.load(name.value).native
            except (ValueError, TypeError):
                continue
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if isinstance(text, str):
                found[name.type_id.dotted_string] = text.strip()
    return found


def _cpf(others: dict[str, str], common_name: str) -> str:
    """The person's, or in a company's certificate that of the person responsible for it."""
    behind_name = _NUMBER_AT_END.search(common_name)
    candidates = (
        others.get(_PERSON, "")[_CPF_AT],
        others.get(_RESPONSIBLE, "")[_CPF_AT],
        behind_name[0][1:] if behind_name else "",
    )
    return next((number for number in candidates if is_cpf(number)), "")
