"""Read certificates as authorities have issued them, also where a text of a name breaks a rule.

X.680 has no ``&``, ``@``, ``*`` or ``_`` in a PrintableString. Authorities write them all the same ("Foo & Bar Ltd"),
and mainstream programs read them. The library refuses such a certificate as a whole. Then it is shown a copy in which
the tags of those texts say UTF8String. The copy is for reading only: it is never stored, hashed or verified, and the
certificate stays what it is, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509 import ocsp

_SEQUENCE = 0x30
_OCTET_STRING = 0x04
_PRINTABLE, _UTF8 = 0x13, 0x0C
_CONSTRUCTED = 0x20
_LONG_TAG = 0x1F
_LONG_LENGTH = 0x80
_ALLOWED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")
"""X.680, 41.4."""
_VERSION = b"\xa0"
_SUBJECT, _KEY = 4, 5
"""Behind the version come the number, the algorithm, the issuer and the times (RFC 5280, 4.1)."""
_BEFORE_ENTRIES = 3
"""Of a list: the version, the algorithm, the issuer (RFC 5280, 5.1). Behind them there may be a million entries."""
_DEEPEST = 24
"""A name in an extension has twelve things inside each other, and its certificate may lie eight deep in an answer."""


def load_certificate(der: bytes) -> x509.Certificate:
    """`der` for reading. What is signed, and a name to be hashed, are in `signed_octets` and `subject_octets`.

    Raises: ValueError and what else the library raises for what is no certificate.
    """
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        readable = _with_readable_texts(der)
        if readable == der:
            raise
        return x509.load_der_x509_certificate(readable)


def load_list(der: bytes) -> x509.CertificateRevocationList:
    """A revocation list, for reading as `load_certificate`. Raises: ValueError and what else the library raises."""
    try:
        return x509.load_der_x509_crl(der)
    except ValueError:
        copy = bytearray(der)
        start, _ = _content(copy, _content(copy, 0)[0])
        for _ in range(_BEFORE_ENTRIES):
            _, behind = _content(copy, start)
            _walk(copy, start, behind, 0)
            start = behind
        if copy == der:
            raise
        return x509.load_der_x509_crl(bytes(copy))


def load_response(der: bytes) -> ocsp.OCSPResponse:
    """An answer about revocation (RFC 6960), for reading as `load_certificate`. What is signed is in `answer_octets`.

    Raises: ValueError and what else the library raises.
    """
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
            _ = (response.responder_name, response.certificates)  # they are read only now
    except ValueError:
        readable = _with_readable_texts(der)
        if readable == der:
            raise
        return ocsp.load_der_ocsp_response(readable)
    return response


def answer_octets(der: bytes) -> bytes:
    """The part of a successful answer about revocation that its signature is made over. Raises: ValueError."""
    return _answer(der)[0]


def answering_certificates(der: bytes) -> list[bytes]:
    """The certificates that came along with a successful answer about revocation. Raises: ValueError."""
    parts = _answer(der)
    return list(_elements(_inside(_inside(parts[3])), 0)) if len(parts) > 3 else []


def _answer(der: bytes) -> list[bytes]:
    """The parts of a BasicOCSPResponse (RFC 6960, 4.2.1). Raises: ValueError."""
    try:
        _, answered = list(_elements(_inside(der), 0))[:2]
        _, basic = list(_elements(_inside(_inside(answered)), 0))[:2]
    except ValueError as error:
        raise ValueError("an answer without all of its parts") from error
    return list(_elements(_inside(_inside(basic)), 0))


def _inside(value: bytes) -> bytes:
    start, end = _content(value, 0)
    return value[start:end]


def signed_octets(der: bytes) -> bytes:
    """The part of a certificate or list that its signature is made over. Raises: ValueError."""
    start, _ = _content(der, 0)
    _, end = _content(der, start)
    return der[start:end]


def subject_octets(der: bytes) -> bytes:
    """The subject as the certificate has it (RFC 5280, 4.1.2.6). Raises: ValueError."""
    return _part(der, _SUBJECT)


def key_octets(der: bytes) -> bytes:
    """The public key without its algorithm (RFC 5280, 4.1.2.7). Raises: ValueError."""
    information = _part(der, _KEY)
    _, bits = _elements(information, _content(information, 0)[0])
    return bits[_content(bits, 0)[0] + 1 :]  # behind the number of unused bits


def _part(der: bytes, index: int) -> bytes:
    signed = signed_octets(der)
    parts = [part for part in _elements(signed, _content(signed, 0)[0]) if part[:1] != _VERSION]
    if len(parts) <= index:
        raise ValueError("a certificate without all of its parts")
    return parts[index]


def _with_readable_texts(der: bytes) -> bytes:
    """A copy of the same length. Raises: ValueError for what is no DER."""
    copy = bytearray(der)
    _walk(copy, 0, len(copy), 0)
    return bytes(copy)


def _walk(octets: bytearray, at: int, end: int, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("too many things inside each other")
    while at < end:
        tag = octets[at]
        start, behind = _content(octets, at)
        if behind > end:
            raise ValueError("a value that is longer than what it lies in")
        if tag & _CONSTRUCTED:
            _walk(octets, start, behind, depth + 1)
        elif tag == _OCTET_STRING and octets[start : start + 1] == bytes((_SEQUENCE,)):
            _walk(octets, start, behind, depth + 1)  # the value of an extension
        elif tag == _PRINTABLE and not _ALLOWED.issuperset(octets[start:behind]):
            octets[at] = _UTF8
        at = behind


def _elements(octets: bytes, at: int) -> Iterator[bytes]:
    while at < len(octets):
        _, behind = _content(octets, at)
        yield octets[at:behind]
        at = behind


def _content(octets: bytes | bytearray, at: int) -> tuple[int, int]:
    """Where the content of the value at `at` begins and ends. Raises: ValueError."""
    try:
        if octets[at] & _LONG_TAG == _LONG_TAG:
            raise ValueError("an identifier of many octets")
        length, start = octets[at + 1], at + 2
    except IndexError as error:
        raise ValueError("a value that does not end") from error
    if length >= _LONG_LENGTH:
        size = length - _LONG_LENGTH
        if not 0 < size <= 4:
            raise ValueError("a length that DER does not have")
        start += size
        length = int.from_bytes(octets[start - size : start], "big")
    if start + length > len(octets):
        raise ValueError("a value that does not end")
    return start, start + length
