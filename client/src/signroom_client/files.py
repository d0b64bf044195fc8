"""Files that go to the service: from a path, bytes, a stream, an address, or an upload made before.

A `FileReference` reads nothing when it is made. The client sends its content the cheapest way: inside the request,
in one upload, or in parts; a large file is never in memory as a whole.
"""

from __future__ import annotations

import io
import mimetypes
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from signroom_client.models import DocumentFile, EncapsulatedContent

OCTETS = "application/octet-stream"
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


class Readable(Protocol):
    """An open binary file, or anything that reads like one."""

    def read(self, size: int, /) -> bytes: ...


class AsyncReadable(Protocol):
    """The same for programs that await (Starlette's UploadFile, aiofiles); for `AsyncSignroomClient` only."""

    def read(self, size: int, /) -> Awaitable[bytes]: ...


@dataclass(frozen=True, slots=True)
class OpenFile:
    """Where content is read from, and whether that is ours to close."""

    stream: Readable | AsyncReadable
    close: Callable[[], None] | None = None
    length: int | None = None
    """Bytes; None where nobody knows before the end."""


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file for the service. Make one with a ``from_...`` method.

    Example:
        contract = FileReference.from_path("contract.pdf", name="Contract 42.pdf")
        signroom.create_session(documents=contract)
    """

    name: str | None = None
    content_type: str | None = None
    url: str | None = field(default=None, repr=False)
    blob_token: str | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    """Goes inside the request; set by the client for small files."""
    opener: Callable[[], OpenFile] | None = field(default=None, repr=False, compare=False)
    """Set while the content is still to be sent."""

    @classmethod
    def from_path(
        cls, path: str | os.PathLike[str], *, name: str | None = None, content_type: str | None = None
    ) -> FileReference:
        """A file on disk, read when it is sent. `name` is what the service calls it: the file's own by default."""
        file = Path(path)
        shown = name or file.name

        def opener() -> OpenFile:
            stream: BinaryIO = file.open("rb")
            return OpenFile(stream, stream.close, os.fstat(stream.fileno()).st_size)

        return cls(shown, content_type or _guessed(shown), opener=opener)

    @classmethod
    def from_bytes(cls, content: bytes, name: str, *, content_type: str | None = None) -> FileReference:
        """Content that is in memory already."""
        return cls(
            name, content_type or _guessed(name), opener=lambda: OpenFile(io.BytesIO(content), length=len(content))
        )

    @classmethod
    def from_stream(
        cls, stream: Readable | AsyncReadable, name: str, *, content_type: str | None = None
    ) -> FileReference:
        """An open stream, read from where it stands to its end, once. It stays open.

        For a file that goes into several requests use `SignroomClient.upload` first.
        """
        unread = [stream]

        def opener() -> OpenFile:
            if not unread:
                raise ValueError(f"The stream of {name} was read already; upload() it once and use what that returns.")
            return OpenFile(unread.pop())

        return cls(name, content_type or _guessed(name), opener=opener)

    @classmethod
    def from_url(cls, url: str, *, name: str | None = None, content_type: str | None = None) -> FileReference:
        """An address from which the service downloads the file; also a `location` that it handed out itself."""
        return cls(name, content_type, url=url)

    @classmethod
    def from_blob(cls, blob_token: str, *, name: str | None = None, content_type: str | None = None) -> FileReference:
        """An upload made before. It lasts for a day, longer once a document uses it."""
        return cls(name, content_type, blob_token=blob_token)

    def to_wire(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "contentType": self.content_type,
            "mimeType": self.content_type,
            "url": self.url,
            "blobToken": self.blob_token,
            "content": self.content,
        }


AnyFile = FileReference | os.PathLike[str] | bytes | DocumentFile | EncapsulatedContent
"""Where a file is asked for: a reference, a `Path`, its bytes, or a file that the service answered with.

Bytes have no name of their own and are called ``document.pdf`` (``.xml``, ``.p7s``, ``.bin``) by how they begin.
`FileReference.from_bytes` gives them a better one, which signers see.
"""


def as_reference(file: AnyFile) -> FileReference:
    """Raises: TypeError, for a bare text above all: is it a path or a URL?"""
    match file:
        case FileReference():
            return file
        case bytes():
            return FileReference.from_bytes(file, f"document{_ending(file)}")
        case DocumentFile():
            return FileReference.from_url(file.location, name=file.name, content_type=file.content_type)
        case EncapsulatedContent(blob_token=str() as token):
            return FileReference.from_blob(token, name=file.name, content_type=file.content_type)
        case os.PathLike():
            return FileReference.from_path(file)
    raise TypeError(f"A file is a FileReference, a Path or bytes, not {type(file).__name__}.")


def _ending(content: bytes) -> str:
    """Of a name for `content`. The service looks for the header of a PDF in the same first bytes."""
    if b"%PDF-" in content[:1024]:
        return ".pdf"
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return ".xml"
    return ".p7s" if start.startswith((b"\x30\x80", b"\x30\x82", b"\x30\x83")) else ".bin"


def _guessed(name: str) -> str | None:
    kind, encoding = mimetypes.guess_type(name)
    # What is packed is none of what is inside: a .xml.gz is no XML.
    return kind if encoding is None else _PACKED.get(encoding)
