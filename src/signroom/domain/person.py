"""Finding a person: by a number that says who somebody is, in whatever form it was written.

Numbers are compared without dots, dashes and spaces, in capital letters: ``123.456.789-09`` is ``12345678909``. A CPF
is found inside longer texts, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from signroom.domain.certificate import Certificate
from signroom.domain.document import Document
from signroom.domain.erasure import ErasedKind, Erasure
from signroom.domain.errors import BadInput
from signroom.domain.metadata import Metadata
from signroom.domain.national import is_cpf
from signroom.domain.session import Session

MIN_IDENTIFIER, MAX_IDENTIFIER = 5, 64
MAX_IDENTIFIERS = 200
"""Of one session or document."""
_CPF_AS_WRITTEN = re.compile(r"(?<![0-9])[0-9]{3}[. ]?[0-9]{3}[. ]?[0-9]{3}[- ]?[0-9]{2}(?![0-9])")


@dataclass(frozen=True, slots=True)
class PersonTrace:
    """A session or a document in which a person was found. It does not say who that is."""

    kind: ErasedKind
    id: UUID
    session_id: UUID | None
    """Of a document: its session's."""
    application_id: UUID
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedTrace:
    """What could not be erased, and the code that says why."""

    trace: PersonTrace
    code: str


@dataclass(frozen=True, slots=True)
class PersonErasure:
    """What became of all that was found of a person."""

    erased: tuple[Erasure, ...]
    refused: tuple[RefusedTrace, ...]
    complete: bool
    """False: more may be left; ask again."""


def identifier_of(text: str) -> str:
    """`text` as it is compared. Raises: BadInput unless it has 5 to 64 letters and digits."""
    plain = _plain(text)
    if not MIN_IDENTIFIER <= len(plain) <= MAX_IDENTIFIER:
        raise BadInput(f"An identifier has {MIN_IDENTIFIER} to {MAX_IDENTIFIER} letters and digits.")
    return plain


def identifiers_in(text: str) -> frozenset[str]:
    """Each CPF in `text`, and `text` as a whole when it may be a number or an e-mail address."""
    found = {_plain(written) for written in _CPF_AS_WRITTEN.findall(text)}
    cpfs = {number for number in found if is_cpf(number)}
    plain = _plain(text) if len(text) <= 2 * MAX_IDENTIFIER else ""
    numbered = any(c.isdigit() for c in plain) or "@" in text
    return frozenset(cpfs | ({plain} if numbered and MIN_IDENTIFIER <= len(plain) <= MAX_IDENTIFIER else set()))


def identifiers_of_certificate(c: Certificate) -> frozenset[str]:
    """The numbers of the subject, its e-mail address, and every CPF in its names."""
    numbers = (
        c.subject_identifier,
        c.pki_brazil.cpf,
        c.pki_italy.codice_fiscale,
        c.email_address,
        *c.subject.every("serialNumber"),
    )
    plain = {_plain(number) for number in numbers if number}
    texts = (value for _, values in c.subject.values for value in values)
    named = {number for text in texts for number in identifiers_in(text) if is_cpf(number)}
    return frozenset(n for n in plain | named if MIN_IDENTIFIER <= len(n) <= MAX_IDENTIFIER)


def identifiers_of_session(s: Session, certificates: Iterable[Certificate]) -> frozenset[str]:
    """Of who is to sign, of who has signed, and in what the application has said about it."""
    required = (r.argument for r in s.requirements)
    return _all([*required, s.callback_argument, s.return_url, *_values(s.metadata)], certificates)


def identifiers_of_document(d: Document, certificates: Iterable[Certificate]) -> frozenset[str]:
    """Of everybody who has signed it, and in its metadata and names."""
    return _all([d.original.name, *_values(d.metadata)], certificates)


def _all(texts: Iterable[str | None], certificates: Iterable[Certificate]) -> frozenset[str]:
    of_signers = {number for c in certificates for number in identifiers_of_certificate(c)}
    of_texts = {number for text in texts if text for number in identifiers_in(text)} - of_signers
    room = max(MAX_IDENTIFIERS - len(of_signers), 0)
    # When there are too many, those of signers and CPFs stay.
    return frozenset(of_signers | set(sorted(of_texts, key=lambda n: (not is_cpf(n), n))[:room]))


def _values(metadata: Metadata) -> Iterable[str]:
    return (value for _, values in metadata for value in values)


def _plain(text: str) -> str:
    return "".join(c for c in text.upper() if c.isalnum())
