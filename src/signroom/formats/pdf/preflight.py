"""Pre-flight: what a file is and what stands in the way of signing it, before anybody is asked for a PIN."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pikepdf

from signroom.domain.errors import BrokenSignature, InvalidPdf, PdfTooComplex
from signroom.domain.signature import Indication, Inspection, SignatureType
from signroom.formats.pdf.findings import findings
from signroom.formats.pdf.pades import new_field_name
from signroom.formats.pdf.parsing import only_refusals, open_reader, require_pdf
from signroom.formats.pdf.permission import require_signable
from signroom.formats.pdf.verification import judge
from signroom.formats.pdf.visible.appearance import require_possible

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

    from signroom.domain.appearance import Appearance

PDF = "application/pdf"
_MAX_PAGES = 1_000_000


def inspect(file: Path, appearance: Appearance | None = None) -> Inspection:
    """Read `file` once; a visible signature must fit its pages. Raises: a DocumentRejected."""
    with file.open("rb") as stream:
        require_pdf(stream)
        with only_refusals():
            reader = open_reader(stream)
            verdict = judge(reader)
            pages = _pages(reader)
            # Hybrid files are read leniently too, and nothing is wrong with them.
            damaged = not reader.strict and not reader.xrefs.hybrid_xrefs_present
            with pikepdf.open(file) as pdf:
                require_signable(pdf, new_field_name())
                found = findings(pdf, verdict, damaged=damaged)
                if appearance is not None:
                    require_possible(pdf, appearance)
    broken = next((s for s in verdict.signatures if s.indication is Indication.TOTAL_FAILED), None)
    if broken is not None:
        raise BrokenSignature(f"{broken.field_name}: {broken.reason}")
    return Inspection(SignatureType.PDF, PDF, pages, len(verdict.signatures), found)


def _pages(reader: PdfFileReader) -> int:
    count = int(reader.root["/Pages"]["/Count"])
    if count < 1:
        raise InvalidPdf("It has no page.")
    # /Count is a claim: each page is an object, and the number must fit a database column.
    if count > _MAX_PAGES:
        raise PdfTooComplex(f"It claims to have {count:.0e} pages.")
    if count >= int(reader.trailer["/Size"]):
        raise InvalidPdf("It has fewer pages than it claims.")
    reader.find_page_container(0)  # the signature's widget goes there: it must exist
    return count
