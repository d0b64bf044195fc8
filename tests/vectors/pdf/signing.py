"""Signatures made without our code: laid out by hand, or by pyHanko."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pikepdf

from tests.vectors import hard_pdfs
from tests.vectors.pdf import builder

Container = Callable[[bytes], bytes]
"""Makes /Contents of the signed bytes."""
ROOM = 9000
"""Bytes kept for /Contents."""


def cms_container(data: bytes) -> bytes:
    """An ordinary CMS object of RSA-2048 and SHA-256 over `data`."""
    from tests.vectors.pdf.containers import container

    return container(data)


def signed_by_another(
    file: bytes,
    make: Container = cms_container,
    *,
    field: bytes = b"Other",
    subfilter: bytes = b"/ETSI.CAdES.detached",
    kind: bytes = b"/Type/Sig",
    entries: bytes = b"",
    room: int = ROOM,
    catalog: bytes = b"",
    more: Mapping[int, bytes] | None = None,
    annotated: bool = True,
    changed: Callable[[bytes], bytes] = bytes,
) -> bytes:
    """`file` with one more section that signs it, without a picture on the page.

    Args:
        make: gets the signed bytes and gives /Contents.
        kind: the entry /Type of the signature dictionary; may be empty.
        entries: further entries of the signature dictionary.
        catalog: entries that the catalog gets beside /AcroForm.
        more: objects that are changed or added in the same section.
        annotated: the widget is among the first page's annotations.
        changed: changes the file before the signature is put into it.
    """
    with pikepdf.open(io.BytesIO(file), inherit_page_attributes=False) as pdf:
        root, first = pdf.Root, pdf.pages[0].obj
        root_number, page = root.objgen[0], first.objgen[0]
        form = root.get("/AcroForm") or pikepdf.Dictionary()
        of_form = builder.entries_of(form, "/Fields", "/SigFlags")
        fields = [f.unparse() for f in form.get("/Fields", [])]
        annotations = [a.unparse() for a in first.get("/Annots", [])]
        new = {"/" + key.decode() for key in re.findall(rb"/(\w+)", catalog)}
        of_root = builder.entries_of(root, "/AcroForm", *new)
        of_page = builder.entries_of(first, "/Annots")
    number = builder.highest(file) + 1
    widget, value = number, number + 1
    acro_form = b"<<%b/Fields[%b]/SigFlags 3>>" % (of_form, b" ".join([*fields, b"%d 0 R" % widget]))
    objects: dict[int, bytes] = {
        root_number: b"<<%b%b/AcroForm %b>>" % (of_root, catalog, acro_form),
        widget: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(%b)/F 132/Rect[0 0 0 0]/P %d 0 R/V %d 0 R>>"
        % (field, page, value),
    }
    if annotated:
        objects[page] = b"<<%b/Annots[%b]>>" % (of_page, b" ".join([*annotations, b"%d 0 R" % widget]))
    objects.update(more or {})
    objects[value] = b"<<%b/Filter/Adobe.PPKLite/SubFilter%b%b/M(D:%bZ)/ByteRange[%b]/Contents<%b>>>" % (
        kind,
        subfilter,
        entries,
        datetime.now(UTC).strftime("%Y%m%d%H%M%S").encode(),
        b"0 " + b" ".join([b"9" * 10] * 3),
        b"0" * (2 * room),
    )
    return filled(changed(builder.updated(file, objects)), make)


def filled(file: bytes, make: Container) -> bytes:
    """`file` with the last placeholder of /ByteRange and /Contents filled in."""
    at = file.rindex(b"/Contents<0000") + 9
    end = file.index(b">", at) + 1
    numbers = re.compile(rb"\[\s*0 9999999999 9999999999 9999999999\s*\]").search(file)
    assert numbers is not None
    found = b"[0 %d %d %d]" % (at, end, len(file) - end)
    file = file[: numbers.start()] + found.ljust(len(numbers[0])) + file[numbers.end() :]
    contents = make(file[:at] + file[end:]).hex().encode()
    room = end - at - 2
    assert len(contents) <= room
    return file[: at + 1] + contents.ljust(room, b"0") + file[end - 1 :]


def signed_by_pyhanko(file: bytes, *, field: str = "Other", signer: str = "rsa2048", **metadata: object) -> bytes:
    """`file` signed by pyHanko with a key of the toy authority."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers

    writer = IncrementalPdfFileWriter(io.BytesIO(file), strict=False)
    options = PdfSignatureMetadata(field_name=field, **metadata)  # type: ignore[arg-type]
    out: io.BytesIO = signers.sign_pdf(writer, options, hard_pdfs.pyhanko_signer(signer))
    return out.getvalue()


def contents_of(file: bytes, index: int = -1) -> bytes:
    """/Contents of one signature, with its padding: what the key of a VRI is the digest of."""
    found = re.findall(rb"/Contents ?<([0-9a-fA-F]{200,})>", file)
    return bytes.fromhex(found[index].decode())


def vri_key(file: bytes) -> bytes:
    """The key of the last signature's VRI dictionary: SHA-1 of its CMS object (EN 319 142-1, 5.4.2.3)."""
    contents = contents_of(file)
    length = 4 + int.from_bytes(contents[2:4], "big")
    return hashlib.sha1(contents[:length], usedforsecurity=False).hexdigest().upper().encode()
