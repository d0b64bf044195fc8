"""One judge for a PDF that we have signed: it is valid for everybody, and nothing else of it has changed.

A verifier that cannot read the original at all is not asked about the output; at least one of pdfsig and pyHanko must
be able to.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.verifiers import pages
from tests.verifiers.filled import spot_of
from tests.verifiers.limits import run

if TYPE_CHECKING:
    from tests.verifiers.dss import Dss

_MOST_OBJECTS = 20_000
NOBODY_READS = "neither pdfsig nor pyHanko can read the output"
UNREADABLE = "qpdf cannot read it"
_ERRORS = 2
"""The exit code of qpdf for a file that it gives up on."""
_XREF = b"/Type /XRef"
_REFERENCE = re.compile(rb"(?<!\d)(\d{1,10}+) 0 R")
"""Each digit is looked at once: a hexadecimal string may have millions of them."""
_OURS_IN_CATALOG = {"/AcroForm", "/Extensions"}


@dataclass(frozen=True)
class Judges:
    """What the verifiers need to trust the test key."""

    nss: Path
    root: bytes
    """DER."""
    dss: Dss | None = None
    pages: int = pages.MOST
    """Of each file, that are looked at."""


@dataclass
class Original:
    """A file before it is signed, as everybody sees it."""

    file: Path
    shown: Mapping[str, pages.Shown] = field(default_factory=dict)
    complaints: frozenset[str] = frozenset()
    """Of ``qpdf --check``."""
    most: int = pages.MOST

    @classmethod
    def of(cls, file: Path, most: int = pages.MOST) -> Original:
        return cls(file, shown_by_all(file, most), complaints_of_qpdf(file), most)

    @property
    def opens_everywhere(self) -> bool:
        """poppler and MuPDF show it without a word."""
        return all(self.shown[name].pages and not self.shown[name].complaint for name in ("poppler", "MuPDF"))


def shown_by_all(file: Path, most: int = pages.MOST) -> dict[str, pages.Shown]:
    return {name: show(file, most=most) for name, show in pages.READERS.items()}


def is_shown_alike(file: Path) -> bool:
    """All readers show as many pages with the same words."""
    shown = shown_by_all(file).values()
    return len({tuple("".join(page.text.split()) for page in by_reader.pages) for by_reader in shown}) == 1


def problems(original: Original, output: Path, judges: Judges) -> list[str]:
    """Everything that is wrong with `output`; empty when it is right."""
    found = list(whole_prefix(original.file, output))
    found += _addresses(original.file, output)
    found += verdicts(original.file, output, judges)
    if UNREADABLE not in original.complaints:
        found += [f"qpdf: {new}" for new in sorted(complaints_of_qpdf(output) - original.complaints)]
    spot = spot_of(original.file, output)
    for name, show in pages.READERS.items():
        before = original.shown[name] if spot is None else show(original.file, most=original.most, without=spot)
        after = show(output, most=original.most, without=spot)
        found += [f"{name}: {difference}" for difference in pages.differences(before, after, spot)]
    found += objects_kept(original.file, output)
    if judges.dss is not None:
        found += judges.dss.problems(original.file, output)
    return found


def quick_problems(original: Path, output: Path, judges: Judges) -> list[str]:
    """Those of `problems` that need no other process and are found in milliseconds: bytes, pyHanko, PDFium."""
    found = [*whole_prefix(original, output), *_addresses(original, output)]
    status = _pyhanko(output, judges.root)
    if isinstance(status, str):
        if pyhanko_could_read(original, judges.root, status):
            found.append(f"pyHanko: {status}")
    elif status is None:
        found.append("pyHanko: no signature covers the whole file")
    elif not status.bottom_line:
        found.append(f"pyHanko: {status.summary()}")
    spot = spot_of(original, output)
    before, after = pages.pdfium(original, without=spot), pages.pdfium(output, without=spot)
    return [*found, *(f"PDFium: {difference}" for difference in pages.differences(before, after, spot))]


# -- bytes ------------------------------------------------------------------------------------------


def whole_prefix(original: Path, output: Path) -> Iterator[str]:
    with original.open("rb") as old, output.open("rb") as new:
        while chunk := old.read(1 << 20):
            if new.read(len(chunk)) != chunk:
                yield "the output does not begin with the bytes of the original"
                return
        if not new.read(1):
            yield "nothing was appended"


def _addresses(original: Path, output: Path) -> Iterator[str]:
    """The addresses in the tail, startxref and /Prev, each lead to a cross-reference section."""
    content = output.read_bytes()
    tail = content[original.stat().st_size :]
    header = max(content[:1024].find(b"%PDF-"), 0)
    named = [("startxref", int(at)) for at in re.findall(rb"startxref\s+(\d+)", tail)[-1:]]
    # In a signature's certificates the bytes of this key may stand by chance; then digits do not follow.
    # An outline's /Prev, in a catalog that was written again, is a reference.
    named += [("/Prev", int(at)) for at in re.findall(rb"/Prev (\d++)(?! \d+ R)", tail)]
    if not named:
        yield "there is no startxref in what was appended"
    for name, at in named:
        if not any(re.compile(rb"xref\s|\d+ \d+ obj\b").match(content, place) for place in {at, at + header}):
            yield f"{name} {at} does not lead to a cross-reference section"


# -- verdicts ---------------------------------------------------------------------------------------


def verdicts(original: Path, output: Path, judges: Judges) -> Iterator[str]:
    asked = 0
    after = _pdfsig(output, judges.nss)
    if after is not None:
        asked += 1
        yield from _by_pdfsig(_earlier(original, judges), after)
    elif _pdfsig(original, judges.nss) is not None:
        yield "pdfsig: it cannot read the output, and could read the original"
    status = _pyhanko(output, judges.root)
    if isinstance(status, str):
        if pyhanko_could_read(original, judges.root, status):
            yield f"pyHanko: {status}"
    else:
        asked += 1
        if status is None:
            yield "pyHanko: no signature covers the whole file"
        elif not status.bottom_line:
            yield f"pyHanko: {status.summary()}"
    if not asked:
        yield NOBODY_READS


@dataclass(frozen=True)
class _Signature:
    valid: bool
    whole: bool


def _pdfsig(file: Path, nss: Path) -> list[_Signature] | None:
    """None when poppler cannot read the file, or takes too long."""
    done = run("pdfsig", "-no-ocsp", "-nssdir", str(nss), str(file))
    if done.code is None or done.code == 1:
        return None
    parts = re.split(r"^Signature #\d+:", done.out.decode("utf-8", "replace"), flags=re.MULTILINE)[1:]
    return [
        _Signature("Signature Validation: Signature is Valid." in part, "- Total document signed" in part)
        for part in parts
    ]


def _earlier(original: Path, judges: Judges) -> list[_Signature]:
    signed = b"ByteRange" in original.read_bytes()
    return (_pdfsig(original, judges.nss) or []) if signed else []


def _by_pdfsig(before: list[_Signature], after: list[_Signature]) -> Iterator[str]:
    if not any(signature.valid and signature.whole for signature in after):
        yield "pdfsig: no valid signature covers the whole file"
    if sum(s.valid for s in after) < sum(s.valid for s in before) + 1:
        yield "pdfsig: an earlier signature is not valid any more"


def _signatures(reader: Any) -> Iterator[Any]:
    """The last field first. A stranger's field may have something that pyHanko cannot take for a signature."""
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.sign.fields import enumerate_sig_fields
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

    for name, _, signature_field in reversed(list(enumerate_sig_fields(reader, filled_status=True))):
        try:
            yield EmbeddedPdfSignature(reader, signature_field, name)
        except (PdfReadError, SignatureValidationError, ValueError, TypeError, KeyError):
            continue


def _pyhanko(file: Path, root: bytes) -> Any:
    """The status of the signature that covers the whole file; None for none; a text when it cannot be read."""
    import asyncio

    from asn1crypto.x509 import Certificate
    from pyhanko.pdf_utils.crypt import AuthStatus
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import async_validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    async def status_of(reader: PdfFileReader) -> Any:
        if reader.encrypted and reader.decrypt(b"").status is AuthStatus.FAILED:
            raise PdfReadError("it opens with a password only")
        for signature in _signatures(reader):
            if signature.evaluate_signature_coverage() is SignatureCoverageLevel.ENTIRE_FILE:
                context = ValidationContext(trust_roots=[Certificate.load(root)], allow_fetching=False)
                status = await async_validate_pdf_signature(signature, context, skip_diff=True)
                await context.aclose()
                return status
        return None

    with file.open("rb") as stream:
        try:
            return asyncio.run(status_of(PdfFileReader(stream, strict=False)))
        except Exception as error:  # noqa: BLE001 - a stranger's reader on a stranger's file: whatever it says is kept
            return _unreadable(error)


_ABOUT_ONE_OBJECT = tuple(f"it cannot read the file ({name}:" for name in ("PdfReadError", "PdfStreamError", "error"))
"""What it could not parse, and where; what zlib could not unfold."""


def _unreadable(error: Exception) -> str:
    return f"it cannot read the file ({type(error).__name__}: {error})"


def pyhanko_could_read(original: Path, root: bytes, complaint: str) -> bool:
    """Before anybody signed: the file, and the object that it complains of now. It may not have looked at that then.

    A complaint that could be about anything excuses nothing.
    """
    from pyhanko.pdf_utils.generic import Reference
    from pyhanko.pdf_utils.reader import PdfFileReader

    if isinstance(_pyhanko(original, root), str):
        return False
    if not complaint.startswith(_ABOUT_ONE_OBJECT):
        return True
    with original.open("rb") as stream:
        reader = PdfFileReader(stream, strict=False)
        size = int(reader.trailer["/Size"]) if "/Size" in reader.trailer else 0
        for number in range(min(size, _MOST_OBJECTS)):
            try:
                reader.get_object(Reference(number, 0, reader))
            except Exception as error:  # noqa: BLE001 - a stranger's reader on a stranger's file
                if _unreadable(error) == complaint:
                    return False
    return True


_PLACE = re.compile(
    r"\(?(?:linearization hint stream: )?,? ?object(?: stream)? N(?: N)?"
    r"(?:, object N N)?,?(?: (?:at )?offset N)?\)?:? ?"
)
"""Where qpdf saw it. An object of an object stream that is written again stands elsewhere."""


def complaints_of_qpdf(file: Path) -> frozenset[str]:
    """What ``qpdf --check`` finds wrong, without places and numbers: those differ in a file that has grown."""
    done = run("qpdf", "--check", str(file))
    if done.code is None:
        return frozenset({"it takes too long"})
    lines = (done.out + done.err).decode("utf-8", "replace").splitlines()
    found = set()
    if done.code == _ERRORS and any(line.startswith("qpdf: ") for line in lines):
        found.add(UNREADABLE)
    for line in lines:
        if line.startswith(("WARNING: ", "ERROR: ", "qpdf: ", str(file))):
            told = re.sub(r"\d+", "N", line.replace(str(file), "").removeprefix("WARNING: "))
            found.add(_PLACE.sub("", told).strip(" :,"))
    return frozenset(found)


# -- objects ----------------------------------------------------------------------------------------


def objects_kept(original: Path, output: Path) -> Iterator[str]:
    """What qpdf's library sees in both: only what a signature needs was defined anew."""
    import pikepdf

    try:
        old = pikepdf.open(io.BytesIO(original.read_bytes()), inherit_page_attributes=False)
    except (pikepdf.PdfError, RuntimeError):  # the second for a page tree that is seen in two ways
        return
    with old:
        try:
            new = pikepdf.open(io.BytesIO(output.read_bytes()), inherit_page_attributes=False)
        except (pikepdf.PdfError, RuntimeError) as error:
            yield f"qpdf: it cannot open the output ({error})"
            return
        with new:
            if old.is_encrypted != new.is_encrypted:
                yield "the output is not encrypted as the original was"
            yield from _kept(old, new)


def _kept(old: Any, new: Any) -> Iterator[str]:
    import pikepdf

    try:
        numbers = sorted(key for key in old.get_xref_table() if key[0])
        if len(numbers) > _MOST_OBJECTS:
            return
        texts = {key: _text(old.get_object(*key)) for key in numbers}
        if any("duplicated key" not in warning for warning in old.get_warnings()):
            # qpdf has mended it in memory, and not the same way in both.
            yield from _lost(
                new, {key for key, text in texts.items() if text not in (b"", b"null") and _XREF not in text}
            )
            return
        info = old.trailer.get("/Info")
        # A damaged file may say that its catalog is it: that gets an entry.
        said = _information if isinstance(info, pikepdf.Object) and info.objgen == old.Root.objgen else _text
        if isinstance(info, pikepdf.Dictionary) and said(info) != said(new.trailer.get("/Info")):
            yield "Info was changed"
        if _text(old.Root.get("/Metadata")) != _text(new.Root.get("/Metadata")):
            yield "XMP was changed"
        for key in sorted((set(old.Root.keys()) | set(new.Root.keys())) - _OURS_IN_CATALOG):
            if _reference(old.Root, key) != _reference(new.Root, key):
                yield f"the catalog's {key} was changed"
        told_apart = (old.trailer.get("/Info"), old.Root.get("/Metadata"))
        # Asked last: to list the pages, qpdf mends the page tree in memory.
        allowed = _may_change(old) | {obj.objgen for obj in told_apart if isinstance(obj, pikepdf.Object)}
        for key, before in texts.items():
            if _XREF in before:
                continue  # an old cross-reference stream is nothing that is shown
            if not before or key in allowed or before == _text(new.get_object(*key)):
                continue
            # A page that is listed twice is copied by qpdf in memory, under a number that is in no table.
            if all((int(number), 0) in texts for number in _REFERENCE.findall(before)):
                yield f"object {key[0]} {key[1]} was changed: {before[:80]!r}"
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        # What qpdf cannot make sense of, the other judges look at.
        if not isinstance(error, RuntimeError | ValueError | TypeError):
            raise


def _lost(new: Any, numbers: set[tuple[int, int]]) -> Iterator[str]:
    for key in numbers:
        new.get_object(*key)  # so that qpdf finds out whether it has to make a table
    if not any("reconstruct" in warning for warning in new.get_warnings()):
        left = {number for number, _ in new.get_xref_table()}
        for number in sorted({number for number, _ in numbers} - left):
            yield f"object {number} was lost"


def _may_change(pdf: Any) -> set[tuple[int, int]]:
    """Catalog, AcroForm and its fields, the pages and their arrays of annotations."""
    import pikepdf

    found = {pdf.Root.objgen}
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary):
        found |= {form.objgen}
        fields = form.get("/Fields")
        if isinstance(fields, pikepdf.Array):
            found |= {fields.objgen}
            for signature in fields:
                found |= _signature_fields(signature)
    for page in pdf.pages:
        found |= {page.objgen}
        annotations = page.obj.get("/Annots")
        if isinstance(annotations, pikepdf.Array):
            found |= {annotations.objgen}
        return found  # the first page's alone: our widget is there
    return found


def _signature_fields(field: Any, depth: int = 8) -> set[tuple[int, int]]:
    """Those at and below `field`, with their widgets."""
    import pikepdf

    if not isinstance(field, pikepdf.Dictionary) or not depth:
        return set()
    kids = field.get("/Kids", ())
    found = {place for kid in kids for place in _signature_fields(kid, depth - 1)}
    kind = field.get("/FT") or field.get("/Parent", field).get("/FT")
    return found | ({field.objgen} if kind == pikepdf.Name.Sig else set())


def _information(info: Any) -> dict[str, bytes]:
    """What it says of the document: text, dates and names (ISO 32000-1, 14.3.3)."""
    import pikepdf

    if not isinstance(info, pikepdf.Dictionary):
        return {}
    return {key: _text(value) for key, value in info.items() if isinstance(value, pikepdf.String | pikepdf.Name)}


def _text(value: Any) -> bytes:
    """The object as it is written, with the bytes of a stream as they are stored."""
    import pikepdf

    if value is None:
        return b""
    if isinstance(value, pikepdf.Stream):
        entries = pikepdf.Dictionary({k: v for k, v in value.stream_dict.items() if k != "/Length"})
        return bytes(entries.unparse(resolved=True)) + b"stream" + bytes(value.read_raw_bytes())
    if isinstance(value, pikepdf.Object):
        return bytes(value.unparse(resolved=True))
    return repr(value).encode()


def _reference(dictionary: Any, key: str) -> bytes:
    import pikepdf

    value = dictionary.get(key)
    return bytes(value.unparse()) if isinstance(value, pikepdf.Object) else repr(value).encode()
