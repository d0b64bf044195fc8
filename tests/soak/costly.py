"""Files that are made to cost much: one thing of each kind repeated as often as fits into `size` bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.pki import authority

Maker = Callable[[int], bytes]
"""From the size, in bytes, that the file should have about."""

_DATA = bytes.fromhex("06092a864886f70d010701")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_SHA256 = bytes.fromhex("300b0609608648016503040201")
_ECDSA = bytes.fromhex("300a06082a8648ce3d040302")
_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
_CONTENT = b"hello"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_FEW = 250


def tlv(tag: int, *parts: bytes) -> bytes:
    """A value of DER (X.690, 8.1)."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def _times(size: int, part: bytes) -> bytes:
    return part * max(1, size // len(part))


def _numbered(size: int, make: Callable[[int], bytes]) -> bytes:
    return b"".join(make(n) for n in range(max(1, size // len(make(0)))))


def _number(n: int) -> bytes:
    return (n + (1 << 24)).to_bytes(4, "big")


# -- certificates ----------------------------------------------------------------------------------


def _name(text: bytes = b"x") -> bytes:
    return tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403"), tlv(0x0C, text))))


def _key() -> bytes:
    key = authority.leaf("p256").signing_key.public_key()
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _rsa_key(modulus: int, exponent: int) -> bytes:
    numbers = (tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in (modulus, exponent))
    return tlv(0x30, bytes.fromhex("300d06092a864886f70d0101010500"), tlv(3, b"\0", tlv(0x30, *numbers)))


def _extension(oid: bytes, value: bytes) -> bytes:
    return tlv(0x30, tlv(6, oid), tlv(4, value))


def certificate(
    number: bytes = b"\1",
    *,
    subject: bytes | None = None,
    issuer: bytes | None = None,
    key: bytes | None = None,
    extensions: bytes = b"",
    algorithm: bytes = _ECDSA,
    value: bytes = bytes(70),
) -> bytes:
    """A certificate whose signature holds for nobody."""
    times = tlv(0x30, tlv(0x17, b"200101000000Z"), tlv(0x17, b"400101000000Z"))
    names = (issuer or _name(), times, subject or _name(), key or _key())
    more = tlv(0xA3, tlv(0x30, extensions)) if extensions else b""
    body = tlv(0x30, b"\xa0\3\2\1\2", tlv(2, number), algorithm, *names, more)
    return tlv(0x30, body, algorithm, tlv(3, b"\0", value))


def _many_oids(size: int) -> bytes:
    return _numbered(size, lambda n: tlv(0x30, tlv(6, b"\x55\x1d" + bytes([0x80 | n >> 7 & 127, n & 127]))))


CERTIFICATES: Mapping[str, Maker] = {
    "number": lambda size: certificate(b"\x7f" * size),
    "oid of a policy": lambda size: certificate(
        extensions=_extension(b"\x55\x1d\x20", tlv(0x30, tlv(0x30, tlv(6, b"\x55" + b"\x81" * size + b"\1"))))
    ),
    "oid of an extension": lambda size: certificate(extensions=_extension(b"\x55" + b"\x81" * size + b"\1", b"")),
    "policies": lambda size: certificate(extensions=_extension(b"\x55\x1d\x20", tlv(0x30, _many_oids(size)))),
    "alternative names": lambda size: certificate(
        extensions=_extension(b"\x55\x1d\x11", tlv(0x30, _times(size, tlv(0x82, b"a"))))
    ),
    "other names": lambda size: certificate(
        extensions=_extension(b"\x55\x1d\x11", tlv(0x30, _times(size, tlv(0xA0, b"\6\1\x55", tlv(0xA0, b"\x0c\1a")))))
    ),
    "names": lambda size: certificate(
        subject=tlv(0x30, _times(size, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403"), tlv(0x0C, b"a")))))
    ),
    "a long name": lambda size: certificate(subject=_name(_times(size, b"a,"))),
    "modulus": lambda size: certificate(key=_rsa_key(1 << 8 * size | 1, 65537), algorithm=_RSA, value=bytes(size)),
    "exponent": lambda size: certificate(key=_rsa_key(1 << 3071 | 12345, 1 << 3070 | 1), algorithm=_RSA),  # noqa: ARG005
    "depth": lambda size: certificate(extensions=_extension(b"\x55\x1d\x11", _nested(size))),
    "lists": lambda size: certificate(
        extensions=_extension(
            b"\x55\x1d\x1f", tlv(0x30, _times(size, tlv(0x30, tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://a/"))))))
        )
    ),
}


def _nested(size: int) -> bytes:
    value = b""
    while len(value) < size:
        value = tlv(0x30, value)
        if len(value) > 20_000:  # building it takes the square
            break
    return value


def chain(n: int, exponent: int = 65537, bits: int = 2048) -> tuple[bytes, ...]:
    """Authorities of one name that may all have signed each other."""
    key = _rsa_key(1 << bits - 1 | 1234567, exponent)
    authorities = _extension(b"\x55\x1d\x13", tlv(0x30, b"\1\1\xff"))
    return tuple(
        certificate(_number(i), key=key, extensions=authorities, algorithm=_RSA, value=b"\x12" * (bits // 8))
        for i in range(n)
    )


# -- CMS -------------------------------------------------------------------------------------------


def _attribute(oid: bytes, *values: bytes) -> bytes:
    return tlv(0x30, tlv(6, oid), tlv(0x31, *values))


def _usual_attributes() -> bytes:
    digest = hashlib.sha256(_CONTENT).digest()
    kind = _attribute(bytes.fromhex("2a864886f70d010903"), _DATA)
    return kind + _attribute(bytes.fromhex("2a864886f70d010904"), tlv(4, digest))


def _signer(
    number: bytes = b"\1",
    *,
    issuer: bytes | None = None,
    more: bytes = b"",
    digest: bytes = _SHA256,
    algorithm: bytes = _ECDSA,
    value: bytes = b"\x30\6\2\1\1\2\1\1",
) -> bytes:
    who = tlv(0x30, issuer or _name(), tlv(2, number))
    return tlv(0x30, b"\2\1\1", who, digest, tlv(0xA0, _usual_attributes(), more), algorithm, tlv(4, value))


def _cms(
    signers: bytes, certificates: bytes | None = None, *, algorithms: bytes = _SHA256, content: bytes = b""
) -> bytes:
    about = tlv(0x30, _DATA, tlv(0xA0, content or tlv(4, _CONTENT)))
    known = tlv(0xA0, certificate() if certificates is None else certificates)
    body = tlv(0x30, b"\2\1\1", tlv(0x31, algorithms), about, known, tlv(0x31, signers))
    return tlv(0x30, _SIGNED_DATA, tlv(0xA0, body))


def _signers(number: Callable[[int], bytes] = _number, **about: bytes) -> bytes:
    return b"".join(_signer(number(n), **about) for n in range(_FEW))


CMS: Mapping[str, Maker] = {
    "certificates": lambda size: _cms(_signers(), _numbered(size, lambda n: certificate(_number(n)))),
    "certificates with one number": lambda size: _cms(
        _signers(lambda _: b"\1"), _numbered(size, lambda n: certificate(issuer=_name(b"%06d" % n)))
    ),
    "names of issuers": lambda size: _cms(_signer(issuer=_name(b"A" * size)), certificate(issuer=_name(b"B" * size))),
    "signers": lambda size: _cms(_numbered(size, lambda n: _signer(_number(n)))),
    "digest algorithms": lambda size: _cms(_signer(), algorithms=_times(size, _SHA256)),
    "attributes": lambda size: _cms(_signer(more=_times(size, _attribute(b"\x55\4", b"\5\0")))),
    "values of an attribute": lambda size: _cms(
        _signer(more=_attribute(bytes.fromhex("2a864886f70d010905"), _times(size, b"\5\0")))
    ),
    "certificates in an attribute": lambda size: _cms(
        _signer(
            more=_attribute(
                bytes.fromhex("2a864886f70d010910022f"),
                tlv(0x30, tlv(0x30, _times(size, tlv(0x30, tlv(4, b"abcd"))))),
            )
        )
    ),
    "oid of an attribute": lambda size: _cms(_signer(more=_attribute(b"\x55" + b"\x81" * size + b"\1", b"\5\0"))),
    "oid of an algorithm": lambda size: _cms(_signer(digest=tlv(0x30, tlv(6, b"\x55" + b"\x81" * size + b"\1")))),
    "number": lambda size: _cms(_signer(b"\x7f" * size)),
    "empty pieces": lambda size: _cms(_signer(), content=tlv(0x24, _times(size, b"\4\0"))),
    "pieces": lambda size: _cms(_signer(), content=tlv(0x24, _times(size, tlv(4, bytes(1000))))),
    "indefinite lengths": lambda size: (
        b"\x30\x80" + _SIGNED_DATA + b"\xa0\x80\x30\x80\2\1\1" + tlv(0x31, _SHA256) + _times(size, b"\x30\x80")
    ),
    "indefinite lengths behind": lambda size: (
        b"\x30\x80"
        + (_SIGNED_DATA + b"\xa0\x80\x30\x80\2\1\1" + tlv(0x31, _SHA256) + b"\x30\x80" + _DATA + b"\0\0")
        + _times(size, b"\xa0\x80")
    ),
    "base64": lambda size: base64.encodebytes(_cms(_signer(), content=tlv(4, bytes(size)))),
    "base64 in letters": lambda size: b"\n".join(
        letter.to_bytes(1, "big") for letter in base64.b64encode(_cms(_signer(), content=tlv(4, bytes(size // 4))))
    ),
    "base64 behind a header": lambda size: (
        b"Content-Type: a\n" + _times(min(size, 12_000), b" a\n") + b"\n" + base64.encodebytes(_cms(_signer()))
    ),
    "exponents": lambda size: _cms(  # noqa: ARG005
        _signers(algorithm=_RSA, value=bytes(384)),
        b"".join(certificate(_number(n), key=_rsa_key(1 << 3071 | 12345, 1 << 3070 | 1)) for n in range(_FEW)),
    ),
    "long keys": lambda size: _cms(  # noqa: ARG005
        _signers(algorithm=_RSA, value=b"\1" * 2048),
        b"".join(certificate(_number(n), key=_rsa_key(1 << 16383 | 1, 1 << 63 | 1)) for n in range(_FEW)),
    ),
    "content": lambda size: _cms(_signer(), content=tlv(4, bytes(size))),
}


# -- XML -------------------------------------------------------------------------------------------


def _transform(algorithm: str, inside: str = "") -> str:
    return f'<ds:Transform Algorithm="{algorithm}">{inside}</ds:Transform>'


def _reference(uri: str, transforms: str = "") -> str:
    return (
        f'<ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{_DS}sha1"/><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>'
    )


def _signature(references: str, more: str = "") -> str:
    return (
        f'<ds:Signature xmlns:ds="{_DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{_EXCLUSIVE}"/>'
        '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'
        f"{references}</ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue>{more}</ds:Signature>"
    )


def _xml(inside: str, start: str = "a") -> bytes:
    return f"<{start}>{inside}</a>".encode()


def _text(size: int, part: str) -> str:
    return part * max(1, size // len(part))


def _declarations(count: int) -> str:
    return " ".join(f'xmlns:a{n}="urn:{n}"' for n in range(count))


_ENVELOPED, _C14N = _transform(f"{_DS}enveloped-signature"), _transform(_INCLUSIVE)
XML: Mapping[str, Maker] = {
    "elements": lambda size: _xml(_text(size, "<b/>")),
    "rows": lambda size: _xml(_text(size, '<b n="1">hello world of text, some of it</b>\n')),
    "depth": lambda size: b"<a>" * (size // 7) + b"</a>" * (size // 7),
    "attributes": lambda size: ("<a " + " ".join(f'a{n}="1"' for n in range(size // 12)) + "/>").encode(),
    "namespaces": lambda size: _xml(_text(size, "<b/>"), f"a {_declarations(3000)}"),
    "namespaces, inclusive": lambda size: _xml(
        f'<c Id="q">{_text(size, "<b/>")}</c>' + _signature(_reference("#q", _C14N) * 30) * 20,
        f"a {_declarations(300)}",
    ),
    "comments": lambda size: _xml(_text(size, "<!---->")),
    "instructions": lambda size: b"<a/>" + _times(size, b"<?a?>"),
    "entities": lambda size: _xml(_text(size, "&lt;")),
    "spaces": lambda size: b"<a" + b" " * size + b"/>",
    "references": lambda size: _xml(_text(size, "<b>x</b>") + _signature(_reference("", _ENVELOPED) * 30) * 100),
    "ids": lambda size: _xml(
        _text(size, "<b>x</b>")
        + "".join(_signature("".join(_reference(f"#q{s}-{r}") for r in range(30))) for s in range(100))
    ),
    "transforms": lambda size: _xml(_signature(_reference("", _text(size, _ENVELOPED)))),
    "certificates": lambda size: _xml(
        _signature(
            _reference("", _ENVELOPED),
            "<ds:KeyInfo><ds:X509Data>"
            + _text(size, "<ds:X509Certificate>AAAA</ds:X509Certificate>")
            + "</ds:X509Data></ds:KeyInfo>",
        )
    ),
    "objects": lambda size: _xml(_signature(_reference("", _ENVELOPED), _text(size, "<ds:Object/>"))),
    "a long value": lambda size: _xml(
        _signature(_reference("")).replace("AAAA</ds:SignatureV", "A" * size + "</ds:SignatureV")
    ),
    "UTF-16": lambda size: f"<a>{_text(size // 2, '<b>x</b>')}</a>".encode("utf-16"),
}


# -- PDF, pictures, JSON ---------------------------------------------------------------------------


def _pdf(size: int, behind: bytes) -> bytes:
    from tests.vectors import hard_pdfs

    return hard_pdfs.make("plain") + _times(size, behind)


def _with_behind(behind: bytes) -> Maker:
    return lambda size: _pdf(size, behind)


PDF: Mapping[str, Maker] = {
    "zeros behind": _with_behind(b"\0"),
    "starts of objects": _with_behind(b"1 0 obj<<"),
    "endings": _with_behind(b"startxref\n9\n%%EOF\n"),
    "brackets": _with_behind(b"["),
    "digits": _with_behind(b"1"),
    "dictionaries": _with_behind(b"<<"),
    "trailers": _with_behind(b"trailer<</Root 1 0 R>>"),
    "byte ranges": _with_behind(b"/ByteRange[0 1 2 3]"),
    "strings": _with_behind(b"(\\"),
    "percent signs": _with_behind(b"%"),
}


def _png(width: int, height: int, size: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(bytes(min(size, 20 << 20)), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _texts(size: int) -> bytes:
    chunk = struct.pack(">I", 0) + b"tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))
    start = _png(4, 4, 64)
    return start[:33] + _times(size, chunk) + start[33:]


def _picture(kind: str, size: tuple[int, int]) -> bytes:
    from PIL import Image

    target = io.BytesIO()
    Image.new("RGB", size, (23, 89, 74)).save(target, kind)
    return target.getvalue()


PICTURES: Mapping[str, Maker] = {
    "pixels": lambda size: _png(2000, 2000, 40 * size),
    "many pixels": lambda size: _png(30_000, 30_000, 40 * size),
    "texts": _texts,
    "JPEG": lambda size: _picture("JPEG", (2000, min(2000, size))),
    "WebP": lambda size: _picture("WEBP", (2000, min(2000, size))),
    "padding": lambda size: _picture("JPEG", (100, 100)) + b"\xff" * size,
}


def _json(inside: object) -> bytes:
    return json.dumps(inside).encode()


JSON: Mapping[str, Maker] = {
    "digits": lambda size: b'{"returnUrl":' + b"1" * size + b"}",
    "digits of a length": lambda size: (
        b'{"pdfSignatureOptions":{"visualRepresentation":{"text":{"fontSize":1.' + b"1" * size + b"}}}}"
    ),
    "an exponent": lambda size: (
        b'{"pdfSignatureOptions":{"visualRepresentation":{"text":{"fontSize":1e' + b"1" * size + b"}}}}"
    ),
    "depth": lambda size: b'{"zzz":' + b"[" * (size // 2) + b"]" * (size // 2) + b"}",
    "depth of metadata": lambda size: b'{"documentMetadata":' + b"[" * (size // 2) + b"]" * (size // 2) + b"}",
    "one key": lambda size: b'{"a":1' + _times(size, b',"returnUrl":"x"') + b"}",
    "escapes": lambda size: b'{"returnUrl":"' + _times(size, b"\\u0041") + b'"}',
    "base64": lambda size: b'{"documents":[{"file":{"name":"a","content":"' + _times(size, b"QUJD") + b'"}}]}',
    "base64 in lines": lambda size: b'{"documents":[{"file":{"name":"a","content":"' + _times(size, b"Q\\n") + b'"}}]}',
    "spaces": lambda size: b"{" + b" " * size + b"}",
    "documents": lambda size: _json({"documents": [{"file": {"content": "AA", "name": "a"}}] * (size // 40)}),
    "names of metadata": lambda size: _json({"documentMetadata": {f"a{n}": "x" for n in range(size // 12)}}),
    "values of metadata": lambda size: _json({"documentMetadata": {"a": ["x"] * (size // 5)}}),
    "hashes": lambda size: _json({"cmsSignatureOptions": {"dataHashes": [{"hexValue": "0" * (size // 10)}] * 10}}),
    "a text": lambda size: _json(
        {"pdfSignatureOptions": {"visualRepresentation": {"text": {"text": "{{" * (size // 2)}, "position": {}}}}
    ),
}

COSTLY: Mapping[str, Mapping[str, Maker]] = {
    "pdf": PDF,
    "cms": CMS,
    "xml": XML,
    "certificate": CERTIFICATES,
    "logo": PICTURES,
    "json": JSON,
}
