"""Unsigned properties as they are written: each declares its own namespaces, so it means the same in any document.

An Exclusive Canonical form of such an element is the same where it is made as where it stands.
"""

from __future__ import annotations

import base64
import re

from signroom.domain.augmentation import TimestampUse, ValidationData
from signroom.domain.errors import AugmentationImpossible, TimestampTooLarge
from signroom.formats.xml.reading import DS
from signroom.formats.xml.signature import EXC_C14N, XADES

XADES_141 = "http://uri.etsi.org/01903/v1.4.1#"
MAX_TOKEN = 256 << 10
"""Bytes, as everywhere. Real ones have 1 to 8 KB."""
MAX_VALUE = 6 << 20
"""Bytes of one certificate, list or response. In base64 it has 8.4 million characters. libxml2 reads 10 million in
one piece, unless a program asks for more: receivers could not read the file."""
MAX_VALUES = 16 << 20
"""Bytes of all that one step adds."""

_DECLARED = f'xmlns:xades="{XADES}"'
_DECLARED_141 = f'xmlns:xades141="{XADES_141}" {_DECLARED}'
_FIT_FOR_URI = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,999}")


def timestamp(use: TimestampUse, name: str, token: bytes, method: str = EXC_C14N) -> bytes:
    """xades:SignatureTimeStamp or xades141:ArchiveTimeStamp (5.3, 5.5.2).

    `name`: its Id. `method`: the canonicalization of what it is about. Raises: TimestampTooLarge.
    """
    require_token_size(token)
    match use:
        case TimestampUse.SIGNATURE:
            tag, declared = "xades:SignatureTimeStamp", _DECLARED
        case TimestampUse.ARCHIVE:
            tag, declared = "xades141:ArchiveTimeStamp", _DECLARED_141
    return (
        f'<{tag} {declared} Id="{name}">'
        f'<ds:CanonicalizationMethod xmlns:ds="{DS}" Algorithm="{method}"/>'
        f"<xades:EncapsulatedTimeStamp {_token_id(name)}{_text(token)}</xades:EncapsulatedTimeStamp>"
        f"</{tag}>"
    ).encode("ascii")


def before_token(name: str) -> bytes:
    """What stands right before the text of the token in the `timestamp` of this name, and nowhere else."""
    return _token_id(name).encode("ascii")


def _token_id(name: str) -> str:
    return f'Id="{name}-token">'


def require_token_size(token: bytes) -> None:
    """Raises: TimestampTooLarge."""
    if len(token) > MAX_TOKEN:
        raise TimestampTooLarge


def values(data: ValidationData, name: str) -> bytes:
    """xades:CertificateValues and xades:RevocationValues (5.4.1, 5.4.2), those that are not empty."""
    return _values(data, _DECLARED, name).encode("ascii")


def values_of_timestamp(data: ValidationData, name: str, of: str | None) -> bytes:
    """xades141:TimeStampValidationData (5.5.1) of the timestamp with the Id `of`; nothing for no data."""
    if data.is_empty:
        return b""
    uri = f' URI="#{of}"' if of is not None and _FIT_FOR_URI.fullmatch(of) else ""
    return (
        f'<xades141:TimeStampValidationData {_DECLARED_141} Id="{name}"{uri}>{_values(data, "", None)}'
        "</xades141:TimeStampValidationData>"
    ).encode("ascii")


def require_fitting(data: ValidationData) -> None:
    """Raises: AugmentationImpossible for data that is too large for an XML file (decision 46)."""
    sizes = [len(value) for value in (*data.certificates, *data.lists, *data.responses)]
    if max(sizes, default=0) > MAX_VALUE:
        raise AugmentationImpossible(f"A certificate or revocation list has more than {MAX_VALUE >> 20} MB.")
    if sum(sizes) > MAX_VALUES:
        raise AugmentationImpossible(f"The validation data has more than {MAX_VALUES >> 20} MB.")


def _values(data: ValidationData, declared: str, name: str | None) -> str:
    certificates = "".join(_element("EncapsulatedX509Certificate", der) for der in data.certificates)
    lists = "".join(_element("EncapsulatedCRLValue", der) for der in data.lists)
    responses = "".join(_element("EncapsulatedOCSPValue", der) for der in data.responses)
    found = ""
    if certificates:
        found += _opened("CertificateValues", declared, name, "-certs") + certificates + "</xades:CertificateValues>"
    if lists or responses:
        found += _opened("RevocationValues", declared, name, "-revocation")
        found += f"<xades:CRLValues>{lists}</xades:CRLValues>" if lists else ""
        found += f"<xades:OCSPValues>{responses}</xades:OCSPValues>" if responses else ""
        found += "</xades:RevocationValues>"
    return found


def _opened(tag: str, declared: str, name: str | None, ending: str) -> str:
    parts = [f"<xades:{tag}", declared, "" if name is None else f'Id="{name}{ending}"']
    return " ".join(filter(None, parts)) + ">"


def _element(tag: str, der: bytes) -> str:
    return f"<xades:{tag}>{_text(der)}</xades:{tag}>"


def _text(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")
