"""Pre-flight: read a PDF once, at upload. Can it be signed, and exactly how?

What is called ready here has been laid out here: the update of a trial signature was made and compared.
"""

from __future__ import annotations

import mmap
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from signroom.domain.appearance import Appearance
from signroom.domain.errors import (
    BrokenSignature,
    CertifiedPdf,
    InvalidPdf,
    PdfTooComplex,
    ProtectedPdf,
    VerificationFailed,
)
from signroom.domain.pdf_facts import PdfFacts, SignatureSite
from signroom.domain.preflight import Finding, FindingCode, FindingLevel, fact
from signroom.domain.signature import Indication, Inspection, PdfReading, SignatureType
from signroom.formats.pdf.findings import findings
from signroom.formats.pdf.parsing import only_refusals, require_pdf
from signroom.formats.pdf.permission import require_signable
from signroom.formats.pdf.reading.crossref import is_passed_over
from signroom.formats.pdf.reading.ends import require_ends
from signroom.formats.pdf.reading.opening import OpenPdf, open_pdf
from signroom.formats.pdf.reading.searched import require_found_by_all
from signroom.formats.pdf.reading.stream_rows import require_rows
from signroom.formats.pdf.reading.syntax import reference
from signroom.formats.pdf.signing.empty_field import fitting_fields
from signroom.formats.pdf.signing.own_update import check_update
from signroom.formats.pdf.signing.pages_alike import require_filled, require_followed, require_same_pages
from signroom.formats.pdf.signing.plan import plan_update
from signroom.formats.pdf.signing.running_hash import NO_STATE, CannotResume, RunningSha256
from signroom.formats.pdf.signing.tail import build_tail
from signroom.formats.pdf.verification import judge
from signroom.formats.pdf.visible.appearance import require_possible
from signroom.ports.files import SMALL

PDF = "application/pdf"
_MAX_PAGES = 1_000_000
_CHUNK = 1 << 20
_MOST_TO_SEARCH = 4 << 20
"""Bytes of a file."""
_BYTE_RANGE = b"/ByteRange"
"""What every signature has."""
_TRIAL = "Signature-000000000000"
"""A field name as long as those of real signatures."""
_TRIAL_ROOM = 16_384
_TRIAL_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def inspect(file: Path, appearance: Appearance | None = None) -> Inspection:
    """Read `file`; a visible signature must fit its pages. Raises: a DocumentRejected."""
    with file.open("rb") as stream:
        require_pdf(stream)
    with only_refusals(), open_pdf(file) as opened:
        pages = _pages(opened)
        require_rows(opened)
        require_ends(opened)
        require_found_by_all(opened)
        facts = read_facts(file, opened, appearance, pages)
        verdict = judge(opened.pdf, opened.buffer, as_if_one_more=True)
        # Of a file whose table it makes anew, qpdf may not see a signature.
        signed = verdict.signatures or (opened.rebuilt and opened.buffer.find(_BYTE_RANGE) >= 0)
        if signed and opened.damage:
            raise InvalidPdf(f"It is signed and damaged ({opened.damage}): mending it would break the signature.")
        broken = next((s for s in verdict.signatures if s.indication is Indication.TOTAL_FAILED), None)
        if broken is not None:
            raise BrokenSignature(f"{broken.field_name}: {broken.reason}")
        _require_no_hidden_signature(opened, len(verdict.signatures))
        found = (*findings(opened.pdf, verdict, damaged=bool(opened.damage)), *_filled(facts))
    return Inspection(
        SignatureType.PDF, PDF, pages, len(verdict.signatures), found, PdfReading(facts, verdict.signatures)
    )


def _require_no_hidden_signature(opened: OpenPdf, signatures: int) -> None:
    """Nothing makes some programs search a file that is signed: they would see its signature, others not.

    No table is passed over, and none of more than `signatures` was deleted where /Info leads nowhere: poppler searches
    then. A large file is not searched.

    Raises: InvalidPdf.
    """
    if len(opened.buffer) > _MOST_TO_SEARCH or not opened.sections or opened.buffer.find(_BYTE_RANGE) < 0:
        return
    information = reference(opened.sections[0].trailer.get("Info"))
    leads_nowhere = information is not None and not opened.table.has_number(information.number)
    deleted = leads_nowhere and opened.buffer[:].count(_BYTE_RANGE) > signatures
    if deleted or is_passed_over(opened.buffer, opened.sections):
        raise InvalidPdf("It has an update with a signature, or after one, that some programs show and others do not.")


def _filled(facts: PdfFacts) -> tuple[Finding, ...]:
    """The signer is told which of the author's fields the signature goes into."""
    if facts.fills is None:
        return ()
    return (Finding(FindingCode.FILLS_FIELD, FindingLevel.NOTE, (fact("field", facts.fills.name),)),)


def compare_pages(file: Path, facts: PdfFacts, pages: int) -> None:
    """What is shown looks the same once it is signed, on `pages` pages: see `require_same_pages`. Raises: InvalidPdf.

    Nor would a trial signature be refused by `check_update` afterwards.
    """
    with only_refusals():
        update = trial_update(facts)
        _require_update(file, update, facts)
        added = 0 if facts.added_page is None else 1
        require_filled(file, update, facts)
        told_anew = bool(facts.table)  # where each object is
        require_followed(file, update)
        require_same_pages(file, update, facts.site, pages=pages, added=added, more=told_anew)


def _require_update(file: Path, update: bytes, facts: PdfFacts) -> None:
    """Raises: InvalidPdf."""
    whole = facts.length + len(update)
    try:
        # The file itself is not read again for what the update says. In front of it is nothing, which takes no memory
        # where it is much.
        with ExitStack() as files:
            stream = files.enter_context(file.open("rb"))
            if whole <= SMALL:
                check_update(bytes(facts.length) + update, facts, stream.fileno())
                return
            nothing = mmap.mmap(-1, whole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            buffer = files.enter_context(nothing)
            buffer[facts.length :] = update
            check_update(buffer, facts, stream.fileno())
    except VerificationFailed as error:
        raise InvalidPdf("A signature cannot be added to it without touching something else.") from error


def read_facts(file: Path, opened: OpenPdf, appearance: Appearance | None, pages: int) -> PdfFacts:
    """The plan of a signature; a page that is added for it comes with it. Raises: a DocumentRejected.

    Without a wish where the signature is to be seen, an empty field of the file is filled in, if one fits.
    """
    filled = _field_to_fill(opened) if appearance is None else None
    if filled is not None:
        return replace(filled, sha256_state=_state(file))
    require_signable(opened.pdf, _TRIAL)
    state = _state(file)
    if appearance is None:
        return plan_update(opened, page_index=0, sha256_state=state)
    site = require_possible(opened.pdf, appearance)
    place, added = site.place, site.new_page
    return plan_update(
        opened,
        page_index=min(site.page, pages - 1),
        sha256_state=state,
        site=SignatureSite(site.page, site.box, place.left, place.top, place.width, place.height, site.turns),
        new_page=None if added is None else (added.width, added.height),
    )


def _field_to_fill(opened: OpenPdf) -> PdfFacts | None:
    """The plan for the first field that fits and that may be filled in; without the state of the file's hash."""
    for one in fitting_fields(opened):
        try:
            require_signable(opened.pdf, one.field.name, fills=True)
            return plan_update(opened, page_index=one.page, sha256_state=NO_STATE, site=one.site, fills=one.field)
        except (InvalidPdf, ProtectedPdf, CertifiedPdf):
            continue  # the next field, or one of our own
    return None


def facts_of(file: Path, appearance: Appearance | None) -> PdfFacts:
    """For a document that has none stored: everything is looked at again. Raises: a DocumentRejected."""
    reading = inspect(file, appearance).reading
    if reading is None:
        raise InvalidPdf("Nothing is known of how to sign it.")
    return reading.facts


def trial_update(facts: PdfFacts) -> bytes:
    """The update as it will be, but for the name, the time and the value."""
    layout = build_tail(facts, field_name=_TRIAL, now=_TRIAL_TIME, reserved=_TRIAL_ROOM)
    return layout.before + b"<" + b"0" * (layout.contents_length - 2) + b">" + layout.after


def _state(file: Path) -> bytes:
    try:
        running = RunningSha256()
    except CannotResume:
        return NO_STATE
    # Not through the mapping: what is read there counts as the worker's memory.
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            running.update(chunk)
    return running.state()


def _pages(opened: OpenPdf) -> int:
    count = len(opened.pdf.pages)
    if count < 1:
        raise InvalidPdf("It has no page.")
    if count > _MAX_PAGES:
        raise PdfTooComplex(f"It has {count:.0e} pages.")
    return count
