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
        cards = [card for name in subject.every("CN") if (card := _CARD_NAME.fullmatch(name))]
        numbers = {card["card"] for card in cards}
        codes = {code for card in cards if (code := _code(card["code"]))} | _holders(subject)
        return PkiItaly(
            PkiItalyType.CNS,
            codes.pop() if len(codes) == 1 else None,
            _text(numbers.pop()) if len(numbers) == 1 else None,
        )
    holder = _holder(subject)
    if holder is None or "nonRepudiation" not in (key_usage or ()):
        return PkiItaly(codice_fiscale=holder)
    return PkiItaly(PkiItalyType.DIGITAL_SIGNATURE, holder, _text(subject.first("dnQualifier") or ""))


def _holder(subject: Name) -> str | None:
    """None also where two serial numbers name two persons."""
    codes = _holders(subject)
    return codes.pop() if len(codes) == 1 else None


def _holders(subject: Name) -> set[str]:
    """All codes that the serial numbers give."""
    matches = [_SERIAL_NUMBER.fullmatch(text) for text in subject.every("serialNumber")]
    return {code for match in matches if match and (code := _code(match["code"]))}


def _code(text: str) -> str | None:
    """Letters that only become ASCII when they are made capital (U+017F, U+0131) are another name's."""
    code = text.strip().upper()
    return code if text.isascii() and CODICE_FISCALE.fullmatch(code) else None


def _text(text: str) -> str | None:
    clean = "".join(c for c in text if c.isprintable()).strip()
    return clean or None
