"""PDFs that are good, odd, broken or hostile, each named after what it is. Made when asked for, once per process."""

from __future__ import annotations

import io
import os
import random
import re
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pikepdf
from pyhanko.sign.signers import SimpleSigner

from tests.pki import authority

GOOD = ("plain", "ten-pages", "xref-stream", "linearized", "acroform", "hybrid", "content-bomb", "trailing-junk")
_MB = 1 << 20


@cache
def make(name: str) -> bytes:
    """The bytes of one file. Raises: KeyError for an unknown name."""
    return _MAKERS[name]()


def names() -> tuple[str, ...]:
    """What `make` takes."""
    return tuple(_MAKERS)


def assemble(bodies: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF with a classic cross-reference table from the bodies of objects 1, 2, 3 ..."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(bodies) + 1, table)
    out += b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, trailer, start)
    return bytes(out)


def with_pages(count: int, *, claimed: int | None = None) -> bytes:
    """`count` pages; the page tree may claim to have another number."""
    pages = [3 + 2 * n for n in range(count)]
    font = 3 + 2 * count
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%b]>>"
        % (count if claimed is None else claimed, b" ".join(b"%d 0 R" % n for n in pages)),
    ]
    for n in pages:
        bodies.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
            b"/Resources<</Font<</F1 %d 0 R>>>>>>" % (n + 1, font)
        )
        text = b"BT /F1 18 Tf 72 720 Td (Page %d: the parties agree.) Tj ET" % n
        bodies.append(b"<</Length %d>>stream\n%b\nendstream" % (len(text), text))
    bodies.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    return assemble(bodies)


def write_large(path: Path, length: int) -> None:
    """A valid PDF of about `length` bytes, of incompressible images, written without holding it in memory."""
    images = max(1, -(-length // (8 * _MB)))
    offsets: list[int] = []
    with path.open("wb") as out:

        def add(body: bytes, stream: bytes = b"") -> None:
            offsets.append(out.tell())
            out.write(b"%d 0 obj\n%b" % (len(offsets), body))
            if stream:
                out.write(b"stream\n" + stream + b"\nendstream")
            out.write(b"\nendobj\n")

        out.write(b"%PDF-1.7\n")
        add(b"<</Type/Catalog/Pages 2 0 R>>")
        add(b"<</Type/Pages/Count 1/Kids[3 0 R]>>")
        names = b"".join(b"/I%d %d 0 R" % (n, 4 + n) for n in range(images))
        add(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<<%b>>>>>>" % names)
        side = int((length / images / 3) ** 0.5) or 1
        for _ in range(images):
            data = os.urandom(side * side * 3)
            head = (
                b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8/Length %d>>"
            )
            add(head % (side, side, len(data)), data)
        start = out.tell()
        out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
        out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
        out.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, start))


def many_objects(count: int) -> bytes:
    """A page and `count` small objects beside it."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    ]
    return assemble(bodies + [b"<</N %d>>" % n for n in range(count)])


def many_objects_packed(count: int) -> bytes:
    """The same with object streams and a cross-reference stream."""
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(with_pages(1))) as pdf:
        # Unreachable objects would not be written.
        pdf.Root.PieceInfo = pdf.make_indirect(
            pikepdf.Array([pdf.make_indirect(pikepdf.Dictionary(N=n)) for n in range(count)])
        )
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target.getvalue()


def _saved(**options: object) -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(make("ten-pages"))) as pdf:
        pdf.save(target, **options)  # type: ignore[arg-type]
    return target.getvalue()


def _acroform() -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(make("plain"))) as pdf:
        field = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T=pikepdf.String("name"),
                V=pikepdf.String("value"),
                Rect=[100, 100, 200, 120],
                F=4,
                P=pdf.pages[0].obj,
            )
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([field])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[field], DA=pikepdf.String("/Helv 0 Tf 0 g"))
        pdf.save(target)
    return target.getvalue()


def _xfa_dynamic() -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(make("acroform"))) as pdf:
        xdp = b'<?xml version="1.0"?><xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template/></xdp:xdp>'
        pdf.Root.AcroForm.XFA = pdf.make_stream(xdp)
        pdf.Root.NeedsRendering = True
        pdf.save(target)
    return target.getvalue()


def _changed(change: Callable[[pikepdf.Pdf], None], source: str = "plain") -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(make(source))) as pdf:
        change(pdf)
        pdf.save(target)
    return target.getvalue()


def _scripts(pdf: pikepdf.Pdf) -> None:
    """One that runs when the file is opened, and a program behind a link."""
    name = pikepdf.Name
    pdf.Root.OpenAction = pikepdf.Dictionary(S=name.JavaScript, JS=pikepdf.String("app.alert('boo')"))
    launch = pikepdf.Dictionary(S=name.Launch, F=pikepdf.String("calc.exe"))
    link = pikepdf.Dictionary(Type=name.Annot, Subtype=name.Link, Rect=[0, 0, 9, 9], A=launch)
    pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(link)])


def _pdf_a(pdf: pikepdf.Pdf) -> None:
    with pdf.open_metadata() as metadata:
        metadata["pdfaid:part"] = "2"
        metadata["pdfaid:conformance"] = "B"


def _xfa_static(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm.XFA = pdf.make_stream(b"<xdp/>")


def _odd_pages(pdf: pikepdf.Pdf) -> None:
    page = pdf.pages[0].obj
    page.Rotate = 90
    page.CropBox = [100, 100, 400, 400]
    page.UserUnit = 2
    pdf.pages[1].obj.MediaBox = [0, 0, 20_000, 20_000]


def _external(pdf: pikepdf.Pdf) -> None:
    """A picture whose data are in another file (ISO 32000-1, 7.3.8.2)."""
    picture = pdf.make_stream(b"", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=1, Height=1)
    picture.F = pikepdf.String("elsewhere.jpg")
    pdf.pages[0].obj.Resources.XObject = pikepdf.Dictionary(I1=picture)


def _broken_objects() -> bytes:
    """References to nothing and to what cannot be read, where nothing of a signature depends on them."""
    return assemble(
        [
            b"<</Type/Catalog/Pages 2 0 R/Names 99 0 R/Metadata[1 2]/PieceInfo 5 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/AA 98 0 R/UserUnit[1]/Rotate/No/Contents 4 0 R>>",
            b"<</Length 3>>stream\nq Q\nendstream",
            b"<</S<<>>/X[unfinished",
        ]
    )


def _hybrid() -> bytes:
    """A classic table with /XRefStm beside it (ISO 32000-1, 7.5.8.4), as word processors write it."""
    plain = make("plain")
    offset = len(plain)
    entry = b"\x00\x00\x00\x00\x00\xff"
    stream = b"6 0 obj\n<</Type/XRef/Size 7/W[1 4 1]/Index[0 1]/Length 6>>stream\n" + entry + b"\nendstream\nendobj\n"
    start = offset + len(stream)
    previous = plain.rindex(b"startxref\n") + 10
    prev = int(plain[previous : plain.index(b"\n", previous)])
    table = b"xref\n6 1\n%010d 00000 n \n" % offset
    trailer = b"trailer\n<</Size 7/Root 1 0 R/Prev %d/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n" % (prev, offset, start)
    return plain + stream + table + trailer


def _docx() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:document/>")
    return target.getvalue()


def _certified(permission: str) -> bytes:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers
    from pyhanko.sign.fields import MDPPerm

    metadata = PdfSignatureMetadata(field_name="Author", certify=True, docmdp_permissions=MDPPerm[permission])
    writer = IncrementalPdfFileWriter(io.BytesIO(make("plain")))
    signed: io.BytesIO = signers.sign_pdf(writer, metadata, pyhanko_signer("rsa2048"))
    return signed.getvalue()


def pyhanko_signer(name: str) -> SimpleSigner:
    """pyHanko's ordinary signer with a local key of the toy authority, for files made without our code."""
    from asn1crypto.x509 import Certificate
    from cryptography.hazmat.primitives import serialization
    from pyhanko.keys.pemder import load_private_key_from_pemder_data
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    leaf = authority.leaf(name)
    key = leaf.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    store = SimpleCertificateStore()
    store.register(Certificate.load(authority.root().certificate_der))
    return SimpleSigner(
        signing_cert=Certificate.load(leaf.certificate_der),
        signing_key=load_private_key_from_pemder_data(key, passphrase=None),
        cert_registry=store,
    )


def locked(action: str, *, fields: list[str] | None = None, forbid_changes: bool = False) -> bytes:
    """Signed by an approver whose field locks others: /Lock with FieldMDP (ISO 32000-1, 12.7.4.5)."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, PdfSigner
    from pyhanko.sign.fields import FieldMDPAction, FieldMDPSpec, MDPPerm, SigFieldSpec

    spec = SigFieldSpec(
        "Approver",
        field_mdp_spec=FieldMDPSpec(FieldMDPAction[action], fields=fields),
        doc_mdp_update_value=MDPPerm.NO_CHANGES if forbid_changes else None,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(make("plain")))
    signer = PdfSigner(PdfSignatureMetadata(field_name="Approver"), pyhanko_signer("rsa2048"), new_field_spec=spec)
    signed: io.BytesIO = signer.sign_pdf(writer)
    return signed.getvalue()


def deflated(first: bytes, spaces: int) -> bytes:
    """`first` and then `spaces` spaces (whole megabytes), as a zlib stream (RFC 1950).

    A full flush makes blocks independent of each other: one is compressed, and then repeated.
    """
    megabyte = b" " * _MB
    compressor = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    head = compressor.compress(first) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(megabyte) + compressor.flush(zlib.Z_FULL_FLUSH)
    checksum = zlib.adler32(first)
    for _ in range(spaces // _MB):
        checksum = zlib.adler32(megabyte, checksum)
    return b"".join([b"\x78\xda", head, block * (spaces // _MB), compressor.flush(), checksum.to_bytes(4, "big")])


def _objstm_bomb() -> bytes:
    """2 MB whose object stream inflates to 2 GB."""
    index, body = b"1 0 2 30 3 80 ", b"<</Type/Catalog/Pages 2 0 R>>".ljust(30)
    body += b"<</Type/Pages/Kids[3 0 R]/Count 1>>".ljust(50) + b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>"
    packed = deflated(index + body, 2 << 30)
    out = b"%PDF-1.5\n"
    at4 = len(out)
    out += b"4 0 obj\n<</Type/ObjStm/N 3/First %d/Filter/FlateDecode/Length %d>>stream\n" % (len(index), len(packed))
    out += packed + b"\nendstream\nendobj\n"
    at5 = len(out)
    places = [(0, 0, 255), (2, 4, 0), (2, 4, 1), (2, 4, 2), (1, at4, 0), (1, at5, 0)]
    table = b"".join(bytes([kind]) + where.to_bytes(4, "big") + bytes([index_]) for kind, where, index_ in places)
    out += b"5 0 obj\n<</Type/XRef/Size 6/W[1 4 1]/Root 1 0 R/Length %d>>stream\n" % len(table)
    return out + table + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % at5


def _xref_bomb() -> bytes:
    """60 KB whose cross-reference stream inflates to 15 million entries."""
    entries = 60 * _MB // 4
    packed = deflated(b"", 60 * _MB)
    head = b"%PDF-1.5\n"
    stream = b"1 0 obj\n<</Type/XRef/Size %d/W[1 2 1]/Root 2 0 R/Filter/FlateDecode/Length %d>>stream\n"
    return (
        head + stream % (entries, len(packed)) + packed + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(head)
    )


def _content_bomb() -> bytes:
    """Page content that inflates to 1 GB: never decoded when signing."""
    packed = deflated(b"q Q", 1 << 30)
    return assemble(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>",
            b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed), packed),
        ]
    )


def _drawing_bomb() -> bytes:
    """Page content of 60 million saved graphics states: harmless to sign, more than the memory of who draws it."""
    packed = zlib.compress(b"q " * 60_000_000)
    return assemble(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>",
            b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed), packed),
        ]
    )


def _deep_nesting() -> bytes:
    nest = b"[" * 100_000 + b"]" * 100_000
    return assemble(
        [
            b"<</Type/Catalog/Pages 2 0 R/X " + nest + b">>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>",
        ]
    )


def _deep_page_tree() -> bytes:
    depth = 5000
    nodes = [b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % (n + 1) for n in range(2, depth)]
    return assemble([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/MediaBox[0 0 100 100]>>"])


def _prev_loop() -> bytes:
    plain = make("plain")
    start = plain.rindex(b"xref\n0 ")
    return plain.replace(b"trailer\n<<", b"trailer\n<</Prev %d" % start)


def _encrypted(user: str) -> bytes:
    return _saved(encryption=pikepdf.Encryption(user=user, owner="owner", R=6))


_MAKERS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: with_pages(1),
    "ten-pages": lambda: with_pages(10),
    "xref-stream": lambda: _saved(object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "linearized": lambda: _saved(linearize=True),
    "acroform": _acroform,
    "hybrid": _hybrid,
    "content-bomb": _content_bomb,
    "drawing-bomb": _drawing_bomb,
    "trailing-junk": lambda: make("plain") + b"\r\n\r\njunk",
    "empty": lambda: b"",
    "html": lambda: b"<!doctype html><html><body>not a PDF</body></html>",
    "docx": _docx,
    "image": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "text": lambda: b"just some text",
    "only-header": lambda: b"%PDF-1.7\n",
    "truncated": lambda: make("ten-pages")[: len(make("ten-pages")) * 2 // 3],
    "no-eof": lambda: make("plain")[: make("plain").rindex(b"%%EOF")],
    "leading-junk": lambda: b"junkjunk\r\n" * 5 + make("plain"),
    "prev-loop": _prev_loop,
    "encrypted-user": lambda: _encrypted("user"),
    "encrypted-owner": lambda: _encrypted(""),
    "certified-no-changes": lambda: _certified("NO_CHANGES"),
    "certified-forms": lambda: _certified("FILL_FORMS"),
    "xfa-dynamic": _xfa_dynamic,
    "xfa-static": lambda: _changed(_xfa_static, "acroform"),
    "scripts": lambda: _changed(_scripts),
    "pdf-a": lambda: _changed(_pdf_a),
    "odd-pages": lambda: _changed(_odd_pages, "ten-pages"),
    "external": lambda: _changed(_external),
    "wrong-length": lambda: re.sub(rb"/Length \d+", b"/Length 7", make("plain")),
    "broken-objects": _broken_objects,
    "paper-of-a-line": lambda: make("plain").replace(b"[0 0 595 842]", b"[0 0 999 .01]"),
    "objstm-bomb": _objstm_bomb,
    "xref-bomb": _xref_bomb,
    "negative-startxref": lambda: re.sub(rb"startxref\n\d+", b"startxref\n-5", make("plain")),
    "negative-prev": lambda: make("plain").replace(b"trailer\n<<", b"trailer\n<</Prev -7"),
    "huge-size": lambda: re.sub(rb"/Size \d+", b"/Size 2000000000", make("plain")),
    "more-pages-claimed": lambda: with_pages(1, claimed=5000),
    "pages-beyond-counting": lambda: with_pages(1, claimed=10**30),
    "no-page": lambda: with_pages(0),
    "page-loop": lambda: assemble([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[2 0 R]>>"]),
    "locked-fields": lambda: locked("ALL"),
    "locked-other-fields": lambda: locked("EXCLUDE", fields=["mine"]),
    "locked-document": lambda: locked("INCLUDE", fields=["mine"], forbid_changes=True),
    "locked-one-field": lambda: locked("INCLUDE", fields=["mine"]),
    "deep-nesting": _deep_nesting,
    "deep-page-tree": _deep_page_tree,
}


def of_length(length: int) -> bytes:
    """A PDF of that many bytes, most of them in a stream that no page shows."""

    def made(filling: int) -> bytes:
        filler = b"<</Length %010d>>stream\n%b\nendstream" % (filling, random.Random(filling).randbytes(filling))
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"
        pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
        return assemble([b"<</Type/Catalog/Pages 2 0 R>>", pages, page, filler])

    found = made(length - len(made(0)))
    # The address of the cross-reference table has as many digits as it needs.
    return found if len(found) == length else made(length - len(made(0)) - (len(found) - length))
