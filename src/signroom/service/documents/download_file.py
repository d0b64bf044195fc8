"""Download addresses that carry their own authorisation: one file of one document, for a limited time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from signroom.domain.document import Document, StoredFile
from signroom.domain.errors import (
    ApplicationDisabled,
    BadDownloadToken,
    BadToken,
    BlobNotFound,
    ExpiredDownloadToken,
    TokenExpired,
)
from signroom.domain.upload import Upload
from signroom.ports import Ports

DOWNLOADS = "/api/downloads/"
"""The path in front of a token."""
_PURPOSE = "download"
_SEPARATOR = "~"  # needs no escape in a path
_VERSION = "version-"


class FileKind(StrEnum):
    """Which file a download address is of. The values are in addresses that are in use: they never change."""

    ORIGINAL = "original"
    SIGNED = "signed"
    """The newest version of the signed file. In answers a version has its own address, see `version_location`."""
    UPLOAD = "upload"


def location(ports: Ports, document: Document, kind: FileKind) -> str:
    """An absolute URL that works in a plain browser until `Limits.download_lifetime` is over."""
    return _address(ports, document.id, kind)


def version_location(ports: Ports, document: Document, number: int) -> str:
    """The same for one version of the signed file, counted from 0: its length and its digest stay what was told."""
    return _address(ports, document.id, f"{_VERSION}{number}")


def upload_location(ports: Ports, upload: Upload) -> str:
    """The same for a file that is kept for a day: an upload, or encapsulated content that was extracted."""
    return _address(ports, upload.id, FileKind.UPLOAD)


def _address(ports: Ports, subject: UUID, kind: str) -> str:
    token = ports.tokens.issue(_PURPOSE, f"{subject}{_SEPARATOR}{kind}", ports.clock.now())
    return f"{ports.public_url}{DOWNLOADS}{token}"


@dataclass(frozen=True, slots=True)
class Download:
    """The file is of the upload ``upload``, or of the document ``document``."""

    file: StoredFile
    upload: UUID | None = None
    document: UUID | None = None


def open_download(ports: Ports, token: str) -> Download:
    """The file behind a download token.

    Raises: BadDownloadToken, ExpiredDownloadToken, DocumentNotFound, DocumentPurged, UploadNotFound, BlobNotFound,
    ApplicationDisabled when the whole subscription is closed.
    """
    try:
        subject = ports.tokens.read(_PURPOSE, token, ports.clock.now(), max_age=ports.limits.download_lifetime)
    except TokenExpired as error:
        raise ExpiredDownloadToken from error
    except BadToken as error:
        raise BadDownloadToken from error
    subject_id, _, kind = subject.partition(_SEPARATOR)
    # An address does not say for which application it was made: those of a disabled one work until they are over.
    with ports.store.ask() as work:
        if kind == FileKind.UPLOAD:
            upload = work.uploads.of_any_tenant(UUID(subject_id))
            if work.subscriptions.get(upload.subscription_id).closed:
                raise ApplicationDisabled
            return Download(upload.require_file(), upload.id)
        document, closed = work.documents.to_download_of_any_tenant(UUID(subject_id))
    if closed:
        raise ApplicationDisabled
    document.require_files(ports.clock.now())
    file = _file_of(document, kind)
    if file is None:
        raise BlobNotFound
    return Download(file, document=document.id)


def _file_of(document: Document, kind: str) -> StoredFile | None:
    if kind == FileKind.ORIGINAL:
        return document.original
    if kind.startswith(_VERSION):
        number = int(kind.removeprefix(_VERSION))
        return document.versions[number].file if number < len(document.versions) else None
    return document.signed
