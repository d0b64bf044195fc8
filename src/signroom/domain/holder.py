"""Who holds a certificate, as people read it: their name as they write it, and the authority that has confirmed it.

Authorities write names in their own ways: all in capital letters, with the number of a person behind the name, with the
surname first. What a person recognises as their own name is made here. Nothing is decided by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

from signroom.domain.certificate import Certificate, Name

MAX_HOLDER = 200
"""Characters of a name that are shown."""
_LONGEST = 1000
"""Characters of a name that are looked at. A certificate of a stranger may have 64 KB of them."""

# ICP-Brasil: "NAME:12345678909". Spain: "NAME - 12345678Z", "NAME - NIF 12345678Z".
_NUMBER_BEHIND = re.compile(
    r"\s*(?::|,|\s-)\s*(?:(?:NIF|NIE|DNI|CPF|CNPJ|ID)[:\s]\s*)?[0-9A-Z./-]{0,30}[0-9][0-9A-Z./-]{4,30}\Z"
)
_WORDS = re.compile(r"([\s'’‐-]+)")
_ROMAN = frozenset({"II", "III", "IV", "VI", "VII", "VIII", "IX"})
_VOWELS = re.compile(r"[AEIOUYÀ-ÅÆÈ-ÏÒ-ÖØÙ-ÝĀĂĄĒĔĖĘĚĨĪĬĮİŌŎŐŒŨŪŬŮŰŲŶŸ]")
_PARTICLES = frozenset({"DA", "DAS", "DE", "DEL", "DEN", "DER", "DO", "DOS", "OF", "TEN", "TER", "VAN", "VON", "ZU"})
_TITLES = frozenset({"DR", "JR", "SR"})
_AFTER_DE = frozenset({"LA", "LAS", "LO", "LOS"})
_AND = {"BR": "E", "PT": "E", "ES": "Y", "MX": "Y", "CO": "Y", "PE": "Y", "CL": "Y", "AR": "Y"}
"""The word for "and" between two surnames. Elsewhere such a letter is an initial."""
_IBERIAN = frozenset({"DA", "DAS", "DE", "DEL", "DO", "DOS"})
"""With one of these in a name, `E` and `Y` are words even where the certificate names no country."""
_CAPITAL_PARTICLES = frozenset({"BE", "IT", "VN"})
"""Countries where the small words of a name begin with a capital letter, or are no small words."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What the page says of a signer. `confirmed_by` is None where nobody has confirmed who they are."""

    name: str
    """Empty for a certificate without any name."""
    issued_by: str
    confirmed_by: str | None


def holder_of(certificate: Certificate, *, confirmed: bool) -> Holder:
    """`confirmed`: the security context that has accepted the certificate trusts the authority that issued it."""
    issuer = authority_name(certificate.issuer)
    return Holder(person_name(certificate.subject), issuer, issuer or None if confirmed else None)


def authority_name(name: Name) -> str:
    """An authority's own words: its common name, else its organisation."""
    return _last(name, "CN") or _last(name, "O") or shown(name.dn_string)


def person_name(name: Name) -> str:
    """The name as its holder writes it: ``ANA DE SOUZA:12345678909`` is ``Ana de Souza``.

    A name that has small letters is left as it is. So is one in a script without capital letters.
    """
    common = _last(name, "CN")
    if common is None:
        return authority_name(name)
    return as_people_write(_in_order(name, common), name.first("C") or "")


def as_people_write(text: str, country: str = "") -> str:
    """A common name, as `person_name` writes it."""
    return _with_small_letters(_NUMBER_BEHIND.sub("", shown(text)) or shown(text), country)


def shown(text: str) -> str:
    """`text` of a stranger without what could change the look of the text around it, cut to `MAX_HOLDER`."""
    printable = (c for c in text[:_LONGEST] if c.isprintable() or c.isspace())
    return " ".join("".join(printable).split())[:MAX_HOLDER]


def _last(name: Name, attribute: str) -> str | None:
    """Names run from the country down: the last of a kind is the most particular."""
    return next((text for value in reversed(name.every(attribute)) if (text := shown(value))), None)


def _in_order(name: Name, common: str) -> str:
    """``TAMM,MARI,60001019906`` of the Baltic states, with the given name first where the certificate has both."""
    given, surname = _last(name, "GN"), _last(name, "SN")
    if given and surname and common.upper().startswith(f"{surname},{given}".upper()):
        return f"{given} {surname}"
    return common


def _with_small_letters(text: str, country: str) -> str:
    if any(c.islower() for c in text) or not any(c.isupper() for c in text):
        return text
    pieces = _WORDS.split(text)
    particles = _particles(country, pieces)
    written: list[str] = []
    for position, piece in enumerate(pieces):
        before = pieces[position - 2] if position > 1 else ""
        written.append(_word(piece, before, pieces[position - 1] if position else "", particles))
    return "".join(written)


def _particles(country: str, words: Iterable[str]) -> Set[str]:
    """The words of a name that have no capital letter in that country; empty: it is not known."""
    if country in _CAPITAL_PARTICLES:
        return frozenset()
    if country in _AND:
        return _PARTICLES | {_AND[country]}
    return _PARTICLES | {"E", "Y"} if not country and _IBERIAN.intersection(words) else _PARTICLES


def _word(word: str, before: str, gap: str, particles: Set[str]) -> str:
    """`before` is the word in front of it, `gap` what is between them."""
    particle = word in particles or (word in _AFTER_DE and before == "DE" and before in particles)
    if before and not gap.strip() and particle:
        return word.lower()
    bare = word.strip(".,()")
    abbreviated = bare in _ROMAN or "." in bare or "/" in bare or word.startswith("(")
    vowelless = len(bare) > 1 and bare.isascii() and bare not in _TITLES and not _VOWELS.search(bare)
    if abbreviated or vowelless:
        return word
    return word[:1] + word[1:].lower().replace("i̇", "i")  # "İ" has two characters as a small letter
