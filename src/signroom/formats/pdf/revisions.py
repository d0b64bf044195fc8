"""What came after a signature: the signed revision of the file, compared with the file as it is."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from enum import StrEnum

import pikepdf

from signroom.domain.errors import InvalidPdf, ProtectedPdf
from signroom.formats.malformed import MALFORMED
from signroom.formats.pdf.changes import Forbidden, Table, compare, table_of
from signroom.formats.pdf.embedded import EmbeddedSignature, Place
from signroom.formats.pdf.looks import look_alike
from signroom.formats.pdf.rules import NOTHING, rules_of
from signroom.formats.pdf.sameness import TooMuch
from signroom.formats.pdf.syntax import Buffer
from signroom.formats.pdf.window import opened

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
    as_if_one_more: bool = False
    """Judge as if a signature of ours were appended: each revision must stand by itself, and allow it."""
    _table: Table | None = None
    _deadline: float = field(default_factory=lambda: time.process_time() + _SECONDS)

    def after(self, signature: EmbeddedSignature) -> LaterChanges:
        """What was appended after `signature`, and what may be wrong with that."""
        if signature.signed is None:
            return LaterChanges(Later.FORBIDDEN, "nobody knows which bytes were signed")
        covers_all = signature.end == len(self.buffer)
        if covers_all and not self.as_if_one_more:
            return LaterChanges(Later.NOTHING)
        if time.process_time() > self._deadline:
            return LaterChanges(Later.UNKNOWN, "there is too much in the file to compare it with what was signed")
        try:
            with opened(self.buffer, signature.end) as old:
                return self._compared(old, signature)
        except Forbidden as error:
            return LaterChanges(Later.FORBIDDEN, str(error))
        except TooMuch:
            return LaterChanges(Later.UNKNOWN, "there is too much in the file to compare it with what was signed")
        except (InvalidPdf, ProtectedPdf):
            return LaterChanges(Later.FORBIDDEN, "the signed bytes are no whole revision of the file")
        except (*MALFORMED, pikepdf.PdfError, RecursionError) as error:
            return LaterChanges(Later.UNKNOWN, f"what came later cannot be compared ({type(error).__name__})")

    def _compared(self, old: pikepdf.Pdf, signature: EmbeddedSignature) -> LaterChanges:
        if self._table is None:
            self._table = table_of(self.pdf)
        tables = table_of(old), self._table
        place: Place | None = signature.value or signature.field
        if place is None or tables[0].get(place) != tables[1].get(place) or place not in tables[0]:
            return LaterChanges(Later.FORBIDDEN, "the signature is not in the revision that it signs")
        holder = old.get_object(place)
        value = holder if signature.value is not None else holder.get("/V")
        owner = old.get_object(signature.field) if signature.field is not None else None
        rules = rules_of(old, value, owner)
        if self.as_if_one_more and rules.level == NOTHING:
            return LaterChanges(Later.FORBIDDEN, "it allows no further signature")
        covers_all = signature.end == len(self.buffer)
        if covers_all:
            return LaterChanges(Later.NOTHING)
        if tables[0] == tables[1] and self.buffer.find(b"startxref", signature.end) < 0:
            return self._behind(signature.end)
        with memoryview(self.buffer) as view, view[: signature.end] as signed:
            changes = compare(old, self.pdf, tables, rules, signed)
        if not look_alike(self.buffer, signature.end, old, self.pdf, changes, self._deadline):
            return LaterChanges(Later.FORBIDDEN, "a page looks different")
        warnings = []
        if changes.filled and rules.level is None:
            warnings.append("form filled in later")
        if changes.commented and rules.level is None:
            warnings.append("comment added later")
        return LaterChanges(Later.ALLOWED, warnings=tuple(warnings))

    def _behind(self, end: int) -> LaterChanges:
        """No further revision, only what mail gateways and web servers leave behind a file."""
        if _OBJECT.search(self.buffer, end):
            # Readers that mend files collect all objects that they find.
            return LaterChanges(Later.FORBIDDEN, "objects were put behind the signed file")
        if _SOMETHING.search(self.buffer, end):
            return LaterChanges(Later.ALLOWED, warnings=("bytes behind the signed file, which mean nothing",))
        return LaterChanges(Later.ALLOWED)
