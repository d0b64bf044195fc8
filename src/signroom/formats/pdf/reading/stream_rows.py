"""Cross-reference streams that every program can follow.

qpdf passes over a row that it does not know. Other programs give up, and make the table anew where this stream is the
newest. Behind an update it is an older one: then they find no page at all.
"""

from __future__ import annotations

import pikepdf

from signroom.domain.errors import InvalidPdf
from signroom.formats.pdf.reading.crossref import Section, SectionKind
from signroom.formats.pdf.reading.object_table import COMPRESSED
from signroom.formats.pdf.reading.opening import OpenPdf
from signroom.formats.pdf.reading.syntax import BadSyntax, indirect_object, integer, items, reference


def require_rows(opened: OpenPdf) -> None:
    """To be asked of a file that is to be signed. Raises: InvalidPdf naming the cross-reference stream."""
    for section in opened.sections:
        if section.kind is SectionKind.STREAM and not _is_followed(opened, section):
            raise InvalidPdf(f"The cross-reference stream {section.number} has rows that not all programs can read.")


def _is_followed(opened: OpenPdf, section: Section) -> bool:
    """There are as many rows as it says, each of a known type (ISO 32000-1, 7.5.8.3)."""
    trailer = section.trailer
    try:
        start = indirect_object(opened.buffer, section.offset).stream_at
        length = integer(trailer.get("Length"))
        widths = [integer(width) or 0 for width in items(trailer.get("W") or b"[]")]
        size = integer(trailer.get("Size")) or 0
        index = [integer(number) or 0 for number in items(trailer.get("Index") or b"[0 %d]" % size)]
    except BadSyntax:
        return False
    if start is None or length is None:
        return True  # others say what is wrong with it
    encoded = (trailer.get("Filter"), trailer.get("DecodeParms"))
    if any(reference(value) is not None for value in encoded):
        return True  # as few as nobody writes
    data = _decoded(bytes(opened.buffer[start : start + length]), *encoded)
    row = sum(widths)
    if data is None or not row or len(data) < row * sum(index[1::2]):
        return False
    first = widths[0]
    if not first:
        return True  # all of the same type, 1
    used = data[: row * sum(index[1::2])]
    return set(used[first - 1 :: row]) <= set(range(COMPRESSED + 1)) and not any(
        any(used[at::row]) for at in range(first - 1)
    )


def _decoded(data: bytes, filters: bytes | None, parameters: bytes | None) -> bytes | None:
    """None for what cannot be decoded."""
    if filters is None:
        return data
    try:
        with pikepdf.new() as pdf:
            stream = pikepdf.Stream(pdf, data)
            stream.write(
                data,
                filter=pikepdf.Object.parse(filters),  # type: ignore[arg-type]
                decode_parms=None if parameters is None else pikepdf.Object.parse(parameters),  # type: ignore[arg-type]
            )
            return bytes(stream.read_bytes())
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError):
        return None
