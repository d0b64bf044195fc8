"""What came after a signature: the signed revision of the file, compared with the file as it is."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from enum import StrEnum

import pikepdf

from signroom.domain.errors import InvalidPdf, ProtectedPdf
from signroom.formats.malformed import MALFORMED
from signroom.formats.pdf.earlier.changes import compare
from signroom.formats.pdf.earlier.comparison import Changes, Forbidden
from signroom.formats.pdf.earlier.embedded import EmbeddedSignature
from signroom.formats.pdf.earlier.looks import look_alike
from signroom.formats.pdf.earlier.places import Places, Table
from signroom.formats.pdf.earlier.rules import NOTHING, Rules, rules_of
from signroom.formats.pdf.earlier.sameness import TooMuch
from signroom.formats.pdf.earlier.window import opened
from signroom.formats.pdf.reading.syntax import Buffer

_SECONDS = 2.0
"""Of processor time, for all signatures of a file together."""
_OBJECT = re.compile(rb"\d[\0\t\n\f\r ]+\d+[\0\t\n\f\r ]+obj")
_SOMETHING = re.compile(rb"[^\0\t\n\f\r ]")


class Later(StrEnum):
    """What came after a signature."""

    NOTHING = "nothing"
    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LaterChanges:
    """`reason` is in plain words where `kind` is FORBIDDEN or UNKNOWN."""

    kind: Later
    reason: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Revisions:
    """A file as it is, to be compared with its signed revisions."""

    pdf: pikepdf.Pdf
    buffer: Buffer
    places: Places
    as_if_one_more: bool = False
    """Judge as if a signature of ours were appended: each revision must stand by itself, and allow it."""
    deadline: float = field(default_factory=lambda: time.process_time() + _SECONDS)

    def after(self, signature: EmbeddedSignature) -> LaterChanges:
        """What was appended after `signature`, whose byte range is known, and what may be wrong with that."""
        if signature.end == len(self.buffer) and not self.as_if_one_more:
            return LaterChanges(Later.NOTHING)
        try:
            if time.process_time() > self.deadline:
                raise TooMuch
            with opened(self.buffer, signature.end) as old:
                return self._compared(old, signature)
        except Forbidden as error:
            return LaterChanges(Later.FORBIDDEN, str(error))
        except (InvalidPdf, ProtectedPdf):
            return LaterChanges(Later.FORBIDDEN, "the signed bytes are no whole revision of the file")
        except TooMuch:
            return LaterChanges(Later.UNKNOWN, "there is too much in the file to compare it with what was signed")
        except (*MALFORMED, pikepdf.PdfError, RecursionError) as error:
            return LaterChanges(Later.UNKNOWN, f"what came later cannot be compared ({type(error).__name__})")

    def _compared(self, old: pikepdf.Pdf, signature: EmbeddedSignature) -> LaterChanges:
        """Raises: Forbidden, TooMuch, and what the reader raises for values that are none."""
        tables = Places(old).table, self.places.table
        rules = _rules(old, signature, tables)
        if self.as_if_one_more and rules.level == NOTHING:
            raise Forbidden("it allows no further signature")
        if signature.end == len(self.buffer):
            return LaterChanges(Later.NOTHING)
        if tables[0] == tables[1] and self.buffer.find(b"startxref", signature.end) < 0:
            return self._behind(signature.end)
        changes = compare(old, self.pdf, tables, rules, (self.buffer, signature.end))
        if not look_alike(self.buffer, signature.end, old, self.pdf, changes, deadline=self.deadline):
            raise Forbidden("a page looks different")
        return LaterChanges(Later.ALLOWED, warnings=_warnings(changes, rules))

    def _behind(self, end: int) -> LaterChanges:
        """No further revision, only what mail gateways and web servers leave behind a file."""
        if _OBJECT.search(self.buffer, end):
            # Readers that mend files collect all objects that they find.
            return LaterChanges(Later.FORBIDDEN, "objects were put behind the signed file")
        if _SOMETHING.search(self.buffer, end):
            return LaterChanges(Later.ALLOWED, warnings=("bytes behind the signed file, which mean nothing",))
        return LaterChanges(Later.ALLOWED)


def _rules(old: pikepdf.Pdf, signature: EmbeddedSignature, tables: tuple[Table, Table]) -> Rules:
    """What the signature allows, as its own revision has it. Raises: Forbidden when it is not in there."""
    place = signature.value or signature.field
    if place is None or place not in tables[0] or tables[0][place] != tables[1].get(place):
        raise Forbidden("the signature is not in the revision that it signs")
    holder = old.get_object(place)
    value = holder if signature.value is not None else holder.get("/V")
    return rules_of(old, value, None if signature.field is None else old.get_object(signature.field))


def _warnings(changes: Changes, rules: Rules) -> tuple[str, ...]:
    """Changes that nobody forbade and nobody allowed, and what was seen before and is gone."""
    unsaid = rules.level is None
    said = (
        ("form filled in later", unsaid and changes.filled),
        ("comment added later", unsaid and changes.commented),
        ("a signature field shows something else than before", changes.uncovered),
    )
    return tuple(text for text, is_so in said if is_so)
