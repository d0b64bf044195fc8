"""Signed PDFs that were changed with skill: what a verifier must not fall for, and what it must be able to say."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from asn1crypto import cms

from tests.pki import authority
from tests.vectors import hard_pdfs

_ROOM = 60_000
"""Bytes of the padded /Contents of `wrapped`: twice as much, less this, is free for the forged document."""


def wrapped(signed: bytes) -> bytes:
    """Signature wrapping: both signed ranges are there, byte for byte, and between them lies another document.

    /Contents becomes a literal string: it takes half the space of the hexadecimal one that verifiers reckon with.
    The end of the file is the signed one, so its ``startxref`` stands; what it points to is ours.
    """
    (contents,) = re.findall(rb"/Contents ?<([0-9a-f]+)>", signed)
    start = signed.index(b"<" + contents)
    first, second = signed[:start], signed[start + len(contents) + 2 :]
    offsets = {int(m[1]): m.start(1) for m in re.finditer(rb"(?:^|\n)(\d+) 0 obj", first)}
    signature = max(offsets, key=lambda number: offsets[number])
    table = int(re.findall(rb"startxref\s+(\d+)", second)[-1])
    gap = bytearray(b" forged\n")

    def add(number: int, body: bytes) -> None:
        offsets[number] = start + len(gap)
        gap.extend(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def pad(length: int) -> None:
        assert len(gap) <= length
        gap.extend(b" " * (length - len(gap)))

    for number, body in re.findall(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", second, re.DOTALL):
        add(int(number), body)
    text = b"BT /F1 18 Tf 72 720 Td (Page 1: you owe me a million.) Tj ET"
    add(4, b"<</Length %d>>stream\n%b\nendstream" % (len(text), text))
    pad(table - start)
    offsets[signature] = table + 6000
    gap += _table(offsets, signed, table)
    pad(offsets[signature] - start)
    room = 2 * _ROOM + 2
    head = b"%d 0 obj\n<</Type/Sig/SubFilter/ETSI.CAdES.detached/Filter/Adobe.PPKLite/ByteRange[0 %d %d %d]/Contents("
    gap += head % (signature, start, start + room, len(second))
    gap += _literal(bytes.fromhex(contents.decode()).rstrip(b"\0").ljust(_ROOM, b"\0")) + b")>>\nendobj\n"
    pad(room)
    return first + bytes(gap) + second


def _table(offsets: dict[int, int], signed: bytes, start: int) -> bytes:
    size = max(offsets) + 1
    (root, *_) = re.findall(rb"/Root (\d+) 0 R", signed)
    rows = (b"%010d %05d %b \n" % ((offsets[n], 0, b"n") if n in offsets else (0, 65535, b"f")) for n in range(size))
    trailer = b"trailer\n<</Size %d/Root %b 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, root, start)
    return b"xref\n0 %d\n" % size + b"".join(rows) + trailer


def _literal(data: bytes) -> bytes:
    escaped = {0x28: b"\\(", 0x29: b"\\)", 0x5C: b"\\\\", 0x0A: b"\\n", 0x0D: b"\\r"}
    return b"".join(escaped.get(byte, bytes([byte])) for byte in data)


def signed_by_pyhanko(source: str = "plain", *, field: str = "Other", **metadata: object) -> bytes:
    """A file signed by other software than ours, with RSA-2048."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers

    writer = IncrementalPdfFileWriter(io.BytesIO(hard_pdfs.make(source)))
    options = PdfSignatureMetadata(field_name=field, **metadata)  # type: ignore[arg-type]
    out: io.BytesIO = signers.sign_pdf(writer, options, hard_pdfs.pyhanko_signer("rsa2048"))
    return out.getvalue()


def with_contents(signed: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """`signed` with its (only) /Contents replaced by what `change` makes of it, in the same place."""
    (found,) = re.findall(rb"/Contents ?<([0-9a-fA-F]+)>", signed)
    changed = change(bytes.fromhex(found.decode())).hex().encode()
    assert len(changed) <= len(found)
    return signed.replace(found, changed.ljust(len(found), b"0"))


def without_certificates(container: bytes) -> bytes:
    return _edited(container, lambda data: data.__setitem__("certificates", cms.CertificateSet([])))


def with_two_signers(container: bytes) -> bytes:
    def double(data: cms.SignedData) -> None:
        data["signer_infos"] = cms.SignerInfos([data["signer_infos"][0].copy(), data["signer_infos"][0].copy()])

    return _edited(container, double)


def with_another_certificate(container: bytes) -> bytes:
    """Somebody else's certificate, and the signer's identifier changed to point to it."""
    from asn1crypto.x509 import Certificate

    other = Certificate.load(authority.leaf("rsa3072").certificate_der)

    def swap(data: cms.SignedData) -> None:
        data["certificates"] = cms.CertificateSet([cms.CertificateChoices("certificate", other)])
        identifier = cms.IssuerAndSerialNumber({"issuer": other.issuer, "serial_number": other.serial_number})
        data["signer_infos"][0]["sid"] = cms.SignerIdentifier("issuer_and_serial_number", identifier)

    return _edited(container, swap)


def with_unknown_digest(container: bytes) -> bytes:
    return _edited(
        container, lambda data: data["signer_infos"][0].__setitem__("digest_algorithm", {"algorithm": "1.2.3.4"})
    )


def _edited(container: bytes, change: Callable[[cms.SignedData], None]) -> bytes:
    found = cms.ContentInfo.load(container)
    change(found["content"])
    der: bytes = found.dump(force=True)
    return der
