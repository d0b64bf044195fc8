"""The extensions of a certificate (RFC 5280, 4.2), each read alone.

The library cryptography reads all of them or none: one odd name among the alternatives would make the whole certificate
unreadable, and national authorities are odd. What decides whether a key may sign is read strictly; what merely
describes its holder is left out when it cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from asn1crypto import core, parser

BASIC_CONSTRAINTS = "2.5.29.19"
KEY_USAGE = "2.5.29.15"
EXTENDED_KEY_USAGE = "2.5.29.37"
CERTIFICATE_POLICIES = "2.5.29.32"
SUBJECT_ALT_NAME = "2.5.29.17"
QC_STATEMENTS = "1.3.6.1.5.5.7.1.3"

# (class, constructed, tag), X.690, 8.1.2
_BOOLEAN = (0, False, 1)
_INTEGER = (0, False, 2)
_BIT_STRING = (0, False, 3)
_OCTET_STRING = (0, False, 4)
_OID = (0, False, 6)
_SEQUENCE = (0, True, 16)
_OTHER_NAME = (2, True, 0)
_RFC822_NAME = (2, False, 1)
_EXTENSIONS = (2, True, 3)


_VISIBLE = re.compile(rb"[!-~]+")
_LONGEST_OID = 64
"""Octets. Writing one in decimal takes time that grows with the square of its length."""
_MAX_PARTS = 1_000
"""Of one value. Each becomes an object, and a chain has many certificates."""


class _Element(NamedTuple):
    kind: tuple[int, bool, int]
    content: bytes


# The bits of KeyUsage (RFC 5280, 4.2.1.3); the two after them only qualify keyAgreement.
_KEY_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
)

# The universal tags that may hold text, and its encodings: what is an OCTET STRING, or no ASCII where only ASCII may
# be, is in whatever the authority thought of.
_TEXTS: Mapping[int, tuple[str, ...]] = {
    4: ("utf-8", "iso-8859-1"),
    12: ("utf-8",),
    18: ("ascii",),
    19: ("ascii", "iso-8859-1"),
    20: ("iso-8859-1",),
    22: ("ascii", "iso-8859-1"),
    26: ("ascii", "iso-8859-1"),
    27: ("iso-8859-1",),
    28: ("utf-32-be",),
    30: ("utf-16-be",),
}


def read_extensions(der: bytes) -> Mapping[str, bytes]:
    """OID -> value, DER. Raises: ValueError, also for an extension that comes twice (RFC 5280, 4.2)."""
    to_be_signed = next(_parts(_only(der, _SEQUENCE)), None)
    if to_be_signed is None or to_be_signed.kind != _SEQUENCE:
        raise ValueError("Not a certificate.")
    wrapped = next((e.content for e in _parts(to_be_signed.content) if e.kind == _EXTENSIONS), None)
    found: dict[str, bytes] = {}
    for extension in _parts(_only(wrapped, _SEQUENCE)) if wrapped is not None else ():
        oid, *_, value = _parts(extension.content)
        name = _dotted(oid)
        if value.kind != _OCTET_STRING or name in found:
            raise ValueError(f"The extension {name} is malformed, or comes twice.")
        found[name] = value.content
    return found


def read_key_usage(extensions: Mapping[str, bytes]) -> frozenset[str] | None:
    """None without the extension. Raises: ValueError."""
    value = extensions.get(KEY_USAGE)
    if value is None:
        return None
    bits = _only(value, _BIT_STRING)
    if len(bits) < 2 or bits[0] > 7:
        raise ValueError("The key usage is malformed.")
    return frozenset(name for i, name in enumerate(_KEY_USAGES) if bits[1] & (0x80 >> i))


def read_purposes(extensions: Mapping[str, bytes]) -> frozenset[str] | None:
    """The OIDs of the extended key usage (RFC 5280, 4.2.1.12); None without the extension. Raises: ValueError."""
    value = extensions.get(EXTENDED_KEY_USAGE)
    if value is None:
        return None
    found = frozenset(_dotted(part) for part in _parts(_only(value, _SEQUENCE)))
    if not found:
        raise ValueError("The extended key usage is empty.")
    return found


def read_is_authority(extensions: Mapping[str, bytes]) -> bool:
    """Raises: ValueError."""
    value = extensions.get(BASIC_CONSTRAINTS)
    if value is None:
        return False
    parts = list(_parts(_only(value, _SEQUENCE)))
    # { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }
    if [part.kind for part in parts] not in ([], [_BOOLEAN], [_INTEGER], [_BOOLEAN, _INTEGER]):
        raise ValueError("The basic constraints are malformed.")
    return bool(parts) and parts[0].kind == _BOOLEAN and parts[0].content != b"\0"


def read_policies(extensions: Mapping[str, bytes]) -> frozenset[str]:
    """The OIDs of the policies, without their qualifiers; empty when they cannot be read."""
    return _first_oids(extensions.get(CERTIFICATE_POLICIES))


def read_qc_statements(extensions: Mapping[str, bytes]) -> frozenset[str]:
    """The OIDs of the statements (RFC 3739, 3.2.6), without their values; empty when they cannot be read."""
    return _first_oids(extensions.get(QC_STATEMENTS))


def read_email(extensions: Mapping[str, bytes]) -> str | None:
    """The first e-mail address among the alternative names; none with a NUL or the like, where some programs stop."""
    addresses = (e.content for e in _alternative_names(extensions) if e.kind == _RFC822_NAME)
    return next((address.decode("ascii") for address in addresses if _VISIBLE.fullmatch(address)), None)


def read_other_names(extensions: Mapping[str, bytes]) -> Mapping[str, tuple[str, ...]]:
    """OID -> texts of the otherName entries (RFC 5280, 4.2.1.6), in the order of the certificate.

    One that holds no text, or none that can be read here, is empty: it is not passed over, since another program may
    read what we do not.
    """
    found: dict[str, tuple[str, ...]] = {}
    for entry in _alternative_names(extensions):
        if entry.kind != _OTHER_NAME:
            continue
        try:
            oid, *rest = _parts(entry.content)
            name = _dotted(oid)
        except ValueError:
            continue
        found[name] = (*found.get(name, ()), _explicit_text(rest))
    return found


def _explicit_text(parts: list[_Element]) -> str:
    try:
        (explicit,) = parts
        (value,) = _parts(explicit.content)
    except ValueError:
        return ""
    return _text(value) or ""


def _alternative_names(extensions: Mapping[str, bytes]) -> list[_Element]:
    value = extensions.get(SUBJECT_ALT_NAME)
    try:
        return [] if value is None else list(_parts(_only(value, _SEQUENCE)))
    except ValueError:
        return []


def _first_oids(value: bytes | None) -> frozenset[str]:
    """Of a SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, ... }: all of them, or none."""
    if value is None:
        return frozenset()
    found: set[str] = set()
    try:
        for entry in _parts(_only(value, _SEQUENCE)):
            first, *_ = _parts(entry.content)
            if entry.kind != _SEQUENCE:
                return frozenset()
            found.add(_dotted(first))
    except ValueError:
        return frozenset()
    return frozenset(found)


def _text(value: _Element) -> str | None:
    where, constructed, tag = value.kind
    for encoding in _TEXTS.get(tag, ()) if (where, constructed) == (0, False) else ():
        try:
            return value.content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _only(der: bytes, kind: tuple[int, bool, int]) -> bytes:
    """The content of the one element that `der` is. Raises: ValueError."""
    (found,) = _parts(der)
    if found.kind != kind:
        raise ValueError(f"Not of the kind {kind}.")
    return found.content


def _parts(content: bytes) -> Iterator[_Element]:
    """Each element in turn. Raises: ValueError, also for too many."""
    count = 0
    while content:
        count += 1
        if count > _MAX_PARTS:
            raise ValueError("It has too many parts.")
        where, method, tag, header, inner, trailer = parser.parse(content)
        yield _Element((where, bool(method), tag), inner)
        content = content[len(header) + len(inner) + len(trailer) :]


def _dotted(element: _Element) -> str:
    wrong_length = not 0 < len(element.content) <= _LONGEST_OID
    if element.kind != _OID or wrong_length or element.content[-1] & 0x80:
        raise ValueError("Not an OBJECT IDENTIFIER.")
    return str(core.ObjectIdentifier(contents=element.content).dotted)
