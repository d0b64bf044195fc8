"""What was read of a PDF at upload: enough to append a signature later without opening the file again.

It is stored with the document. The terms are those of ISO 32000-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CrossReferenceKind(StrEnum):
    """How a cross-reference section is written (7.5.4, 7.5.8). An update is of the same kind as the section before."""

    TABLE = "table"
    STREAM = "stream"


class StringCipher(StrEnum):
    """How the strings of an encrypted file are encrypted (7.6)."""

    NONE = "none"
    RC4 = "rc4"
    AES_128 = "aes-128"
    AES_256 = "aes-256"


@dataclass(frozen=True, slots=True)
class PdfEncryption:
    """What is needed to write into an encrypted file that opens without a password."""

    key: bytes
    """The file encryption key. Anybody can compute it from the file."""
    strings: StringCipher
    streams: StringCipher


@dataclass(frozen=True, slots=True)
class ChangedObject:
    """An object of the file that the signature writes again with one entry more, or changed."""

    number: int
    generation: int
    old: bytes | None
    """Its value as the file has it; None for a page tree, array or form that is new."""
    new: bytes
    entry: str
    """The name of the entry that differs; empty for an array that has one item more."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """An array or form that a changed object referred to, and has in itself now: others may refer to it as well."""

    number: int
    generation: int
    value: bytes | None
    """As it was, with strings encrypted for its new place; None: the file has no object of this number."""


@dataclass(frozen=True, slots=True)
class SignatureSite:
    """Where a visible signature is: `box` is its /Rect, the other lengths are points of the page as it is shown."""

    page: int
    """Index, counted from 0."""
    box: tuple[float, float, float, float]
    left: float
    top: float
    width: float
    height: float
    turns: int
    """Quarters, clockwise."""


@dataclass(frozen=True, slots=True)
class FieldLock:
    """What the author of a form wants locked once a field is signed (ISO 32000-2, 12.7.5.5)."""

    action: str
    """All, Include or Exclude."""
    names: tuple[bytes, ...]
    """Names of fields, as the bytes of their text strings."""
    level: int | None
    """/P: 1, 2 or 3, as DocMDP has it."""


@dataclass(frozen=True, slots=True)
class EmptyField:
    """A signature field that the author of the file has made, and that the signature fills in.

    Field and widget are one dictionary. It gets /V, and /AP where something is drawn.
    """

    name: str
    """With the names of the fields above it."""
    number: int
    generation: int
    lock: FieldLock | None = None


@dataclass(frozen=True, slots=True)
class ValidationStore:
    """The document security store of a file (EN 319 142-1, 5.4.2): data that validate its signatures later."""

    place: tuple[int, int] | None
    """Number and generation of its dictionary; None: it is a part of the catalog."""
    value: bytes
    """The dictionary as the file has it."""
    lists: tuple[tuple[str, tuple[bytes, ...]], ...] = ()
    """(name, items) of /Certs, /CRLs and /OCSPs: raw references to streams."""
    known: tuple[bytes, ...] = ()
    """SHA-256 of what is in those streams."""


@dataclass(frozen=True, slots=True)
class PdfFacts:
    """The plan of an update that adds one signature, and what is known of the file."""

    length: int
    """Bytes of the file."""
    sha256_state: bytes
    """State of a SHA-256 that has seen the whole file (see ``formats.pdf.signing.running_hash``)."""
    ends_line: bool
    """The file ends with a line end."""
    kind: CrossReferenceKind
    previous: int | None
    """For /Prev: where the newest section truly begins. None: the update brings the whole table."""
    table: bytes
    """The whole table for an update that brings it (see ``formats.pdf.reading.whole_table``). Of a hybrid file the
    objects in object streams, and those streams: many readers look for them in the newest section only. Otherwise
    empty."""
    next_number: int
    """The first object number that nothing in the file speaks of. It becomes the signature field's, or that of the
    signature where a field is there already."""
    trailer: tuple[tuple[str, bytes], ...]
    """(name, raw value) of the entries that the new trailer takes over: Root, Info, Encrypt."""
    least_size: int
    """For /Size: what the newest trailer of the file claims, where that is possible."""
    permanent_id: bytes | None
    """The raw first string of /ID; None when the file has none that is right."""
    page: tuple[int, int]
    """Number and generation of the page with the signature's widget."""
    changed: tuple[ChangedObject, ...]
    added_page: bytes | None = None
    """The dictionary of a page that the signature brings along; its number is that of the signature and one more."""
    encryption: PdfEncryption | None = None
    site: SignatureSite | None = None
    """None for a signature that is not seen."""
    taken_in: tuple[TakenIn, ...] = ()
    fills: EmptyField | None = None
    """The field that is filled in; None: a field is added."""
    catalog: bytes | None = None
    """The catalog's value as it would be written again without a change; None in what older versions have stored."""
    store: ValidationStore | None = None
    """None: the catalog has none that can be read."""
    beside: tuple[ChangedObject, ...] = ()
    """Of a field that is filled in: the page and the form as they are, which an update behind this one needs."""

    @property
    def signature_number(self) -> int:
        """The object number of the signature dictionary."""
        return self.next_number if self.fills is not None else self.next_number + 1
