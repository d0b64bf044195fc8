"""Files that are no PDF and have one inside or speak of one, and CMS objects as mail programs wrap them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from signroom.domain.signature import SignatureType
from tests.vectors.pdf.builder import document, written
from tests.vectors.pdf.containers import container


@dataclass(frozen=True)
class KindCase:
    """A file and what it is."""

    name: str
    make: Callable[[], bytes]
    right: SignatureType
    """As what it is signed when nobody says how."""
    signatures: int
    """That are in it already; 0 for a plain file."""

    def __str__(self) -> str:
        return self.name


def a_pdf() -> bytes:
    return written(document(1))


def attached(content: bytes) -> bytes:
    """A CMS object with `content` inside, signed by a stranger: a ``.p7m``."""
    return container(content, encapsulated=content)


def detached(content: bytes) -> bytes:
    return container(content)


def _mail() -> bytes:
    head = (
        b"From: ana@example.org\r\nTo: rui@example.org\r\nSubject: Contract\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\nContent-Type: application/pdf\r\n'
    )
    return head + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + a_pdf() + b"\r\n--b1--\r\n"


def _quoted_mail() -> bytes:
    return _mail().replace(b"8bit\r\n\r\n" + a_pdf(), b"base64\r\n\r\n" + base64.encodebytes(a_pdf()))


def _base64() -> bytes:
    return base64.encodebytes(attached(a_pdf()))


_MIME = (
    b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=contract.pdf.p7m\r\n"
    b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=contract.pdf.p7m\r\n\r\n"
)
_TEXT = b"A PDF begins with %PDF-1.4 and ends with %%EOF.\n"
_XML = b'<?xml version="1.0"?><note>A PDF begins with %PDF-1.4.</note>'

CMS, PDF, XML = SignatureType.CMS, SignatureType.PDF, SignatureType.XML
CASES = (
    KindCase("contract.pdf.p7m", lambda: attached(a_pdf()), CMS, 1),
    KindCase("contract.pdf.p7m-of-two", lambda: attached(attached(a_pdf())), CMS, 1),
    KindCase("contract.pdf.p7s", lambda: detached(a_pdf()), CMS, 1),
    KindCase("mail-with-a-pdf.eml", _mail, CMS, 0),
    KindCase("mail-with-a-pdf-in-base64.eml", _quoted_mail, CMS, 0),
    KindCase("text.txt", lambda: _TEXT, CMS, 0),
    KindCase("page.html", lambda: b"<!doctype html><html><body>" + _TEXT + b"</body></html>", CMS, 0),
    KindCase("postscript.ps", lambda: b"%!PS-Adobe-3.0\n% made from %PDF-1.4\nshowpage\n", CMS, 0),
    KindCase("archive.zip", lambda: b"PK\x03\x04" + bytes(26) + b"a.pdf" + a_pdf(), CMS, 0),
    KindCase("program.py", lambda: b"HEADER = b'%PDF-1.4'\n", CMS, 0),
    KindCase("base64.p7m", _base64, CMS, 1),
    KindCase("base64-on-one-line.p7m", lambda: base64.b64encode(attached(a_pdf())), CMS, 1),
    KindCase("base64-with-crlf.p7m", lambda: _base64().replace(b"\n", b"\r\n"), CMS, 1),
    KindCase("base64-twice.p7m", lambda: base64.encodebytes(_base64()), CMS, 1),
    KindCase("base64-with-a-mime-head.p7m", lambda: _MIME + _base64(), CMS, 1),
    KindCase("base64-with-a-bom.p7m", lambda: b"\xef\xbb\xbf" + _base64(), CMS, 1),
    KindCase("pem.p7m", lambda: b"-----BEGIN PKCS7-----\n" + _base64() + b"-----END PKCS7-----\n", CMS, 1),
    KindCase("plain.pdf", a_pdf, PDF, 0),
    KindCase("bom.pdf", lambda: b"\xef\xbb\xbf" + a_pdf(), PDF, 0),
    KindCase("blank-lines.pdf", lambda: b"\r\n\r\n" + a_pdf(), PDF, 0),
)
UNSIGNED_XML = _XML
"""XML that speaks of a PDF: as XML it is read, and it has no signature."""
