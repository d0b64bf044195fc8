"""Files whose name, or a word in their first kilobyte, says something else than their first bytes do."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cache

from asn1crypto import cms

from signroom.domain.signature import SignatureType
from tests.pki import authority
from tests.vectors import hard_pdfs

MIME_HEADER = (
    b'Content-Type: application/pkcs7-mime; smime-type=signed-data;\r\n\tname="contract.pdf.p7m"\r\n'
    b'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="contract.pdf.p7m"\r\n\r\n'
)
MARK = b"\xef\xbb\xbf"


@cache
def pdf() -> bytes:
    return hard_pdfs.make("plain")


@cache
def signed_pdf() -> bytes:
    """An attached CMS object with a PDF inside: ``contract.pdf.p7m`` as Italian offices send it."""
    return attached(pdf())


def attached(content: bytes) -> bytes:
    """`content` in a CMS object with one signer, made by asn1crypto and cryptography."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

    leaf = authority.leaf("rsa2048")
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(leaf.certificate, leaf.signing_key, SHA256())
    made = builder.sign(Encoding.DER, [PKCS7Options.Binary])
    if cms.ContentInfo.load(made)["content"]["encap_content_info"]["content"].native != content:
        raise ValueError("the content is not inside")
    return made


def text_forms() -> dict[str, bytes]:
    """`signed_pdf` as programs send it in text."""
    once = base64.encodebytes(signed_pdf())
    return {
        "base64": once,
        "base64 with CRLF": once.replace(b"\n", b"\r\n"),
        "base64 in one line": base64.b64encode(signed_pdf()),
        "base64 twice": base64.encodebytes(once),
        "base64 without padding": once.rstrip().rstrip(b"="),
        "MIME header": MIME_HEADER + once,
        "MIME header and base64 twice": MIME_HEADER + base64.encodebytes(once),
        "byte order mark": MARK + once,
        "byte order mark and MIME header": MARK + MIME_HEADER + once,
        "UTF-16": b"\xff\xfe" + once.decode("ascii").encode("utf-16-le"),
        "PEM": b"-----BEGIN PKCS7-----\n" + once + b"-----END PKCS7-----\n",
        "PEM in base64": base64.encodebytes(b"-----BEGIN CMS-----\n" + once + b"-----END CMS-----\n"),
    }


def mail() -> bytes:
    """A mail with a PDF part."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ana@example.org", "rui@example.org", "The contract"
    message.set_content("It begins with %PDF-1.4.\n")
    message.add_attachment(pdf(), maintype="application", subtype="pdf", filename="contract.pdf")
    return message.as_bytes()


def binary_mail() -> bytes:
    """The same with the PDF as it is, which RFC 3030 allows: its header stands in the first kilobyte."""
    header = b"From: ana@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    part = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    return header + b"--b\r\n" + part + pdf() + b"\r\n--b--\r\n"


@dataclass(frozen=True)
class Named:
    """A file, and what it is."""

    content: bytes
    unasked: SignatureType
    """As what it is signed when nobody says so."""
    inspected: SignatureType
    signatures: int = 0
    """That are in it already."""


@cache
def files() -> dict[str, Named]:
    """By name."""
    pdf_, cms_, xml_ = SignatureType.PDF, SignatureType.CMS, SignatureType.XML
    about = b"A note about files.\nThe first line of a PDF is %PDF-1.4, or a higher number.\n"
    return {
        "plain.pdf": Named(pdf(), pdf_, pdf_),
        "mark.pdf": Named(MARK + pdf(), pdf_, pdf_),
        "line-ends-before.pdf": Named(b"\r\n\r\n" + pdf(), pdf_, pdf_),
        "junk-before.pdf": Named(b"junkjunk\r\n" * 5 + pdf(), pdf_, pdf_),
        "printer-job.pdf": Named(b"\x1b%-12345X@PJL JOB\r\n@PJL ENTER LANGUAGE = PDF\r\n" + pdf(), pdf_, pdf_),
        "http-answer.pdf": Named(b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n" + pdf(), pdf_, pdf_),
        "cut.pdf": Named(pdf()[:100], pdf_, pdf_),
        "contract.pdf.p7m": Named(signed_pdf(), cms_, cms_, 1),
        "of-two.p7m": Named(attached(signed_pdf()), cms_, cms_, 1),
        "line-end-behind.p7m": Named(signed_pdf() + b"\r\n", cms_, cms_, 1),
        "cut.p7m": Named(signed_pdf()[:500], cms_, cms_),
        "mail.eml": Named(mail(), cms_, cms_),
        "binary.eml": Named(binary_mail(), cms_, cms_),
        "signed.eml.p7m": Named(attached(binary_mail()), cms_, cms_, 1),
        "mbox": Named(b"From ana Sun Nov 29 21:00:00 2026\n" + binary_mail(), cms_, cms_),
        "note.txt": Named(about, cms_, cms_),
        "note.xml": Named(b"<note>%PDF-1.4</note>", cms_, xml_),
        "note-mark.xml": Named(MARK + b"\n<?xml version='1.0'?><note>" + pdf()[:700] + b"</note>", cms_, xml_),
        "note-16.xml": Named("<note>%PDF-1.4</note>".encode("utf-16"), cms_, xml_),
        "page.html": Named(b"<!doctype html><html><body>" + about + b"</body></html>", cms_, xml_),
        "postscript.ps": Named(b"%!PS-Adobe-3.0\n% made from %PDF-1.4\nshowpage\n", cms_, cms_),
        "program.py": Named(b"HEADER = b'%PDF-1.4'\n", cms_, cms_),
        "stored.zip": Named(b"PK\x03\x04" + b"\0" * 26 + b"contract.pdf" + pdf(), cms_, cms_),
        "picture.jpg": Named(b"\xff\xd8\xff\xe0" + pdf(), cms_, cms_),
        **{f"{name}.p7m": Named(content, cms_, cms_, 1) for name, content in text_forms().items()},
    }


REFUSED = {
    *("mark.pdf", "line-ends-before.pdf", "junk-before.pdf", "printer-job.pdf", "http-answer.pdf"),  # decision 26
    *("cut.pdf", "cut.p7m"),
}
"""Names of files that are what they are, and cannot be signed."""
