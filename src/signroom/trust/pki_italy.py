"""The fields of Italian certificates: the health and services card (CNS) and certificates for signing."""

from __future__ import annotations

import re

from signroom.domain.certificate import Name
from signroom.domain.national import CODICE_FISCALE, PkiItaly, PkiItalyType

CNS_POLICIES = frozenset({"1.3.76.16.2.1", "1.3.159.6.1.3.2.10", "1.3.76.12.1.1.10.2.2.10"})
"""The national one, and two of Lombardy."""

# CNS: <codice fiscale>/<card>.<hash of the holder's data>
_CARD_NAME = re.compile(r"(?P<code>[^/]+)/(?P<card>[^/.]+)\..+", re.DOTALL)
# ETSI EN 319 412-1, 5.1.3 (TIN of IT), and how it was written before.
_SERIAL_NUMBER = re.compile(r"(?:TINIT-|IT:)(?P<code>.+)", re.DOTALL)


def read_pki_italy(subject: Name, policies: frozenset[str], key_usage: frozenset[str] | None) -> PkiItaly:
    """Never raises; for other countries' certificates everything is None."""
    if policies & CNS_POLICIES:
        card = _CARD_NAME.fullmatch(subject.first("CN") or "")
        code, holder = _code(card["code"]) if card else None, _holder(subject)
        if code and holder and code != holder:
            code = holder = None
        return PkiItaly(PkiItalyType.CNS, code or holder, _text(card["card"]) if card else None)
    holder = _holder(subject)
    if holder is None or "nonRepudiation" not in (key_usage or ()):
        return PkiItaly(codice_fiscale=holder)
    return PkiItaly(PkiItalyType.DIGITAL_SIGNATURE, holder, _text(subject.first("dnQualifier") or ""))


def _holder(subject: Name) -> str | None:
    """None also where two serial numbers name two persons."""
    matches = [_SERIAL_NUMBER.fullmatch(text) for text in subject.every("serialNumber")]
    codes = {code for match in matches if match and (code := _code(match["code"]))}
    return codes.pop() if len(codes) == 1 else None


def _code(text: str) -> str | None:
    code = text.strip().upper()
    return code if CODICE_FISCALE.fullmatch(code) else None


def _text(text: str) -> str | None:
    clean = "".join(c for c in text if c.isprintable()).strip()
    return clean or None
