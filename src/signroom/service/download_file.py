"""Download addresses that carry their own authorisation: one version of one document, for a limited time."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from signroom.domain.document import Document, StoredFile
from signroom.domain.errors import BadDownloadToken, BadToken, BlobNotFound, ExpiredDownloadToken, TokenExpired
from signroom.ports import Ports

_PURPOSE = "download"
_SEPARATOR = "~"  # needs no escape in a path


class Version(StrEnum):
    ORIGINAL = "original"
    SIGNED = "signed"


def location(ports: Ports, document: Document, version: Version) -> str:
    """An absolute URL that works in a plain browser until `Limits.download_lifetime` is over."""
    token = ports.tokens.issue(_PURPOSE, f"{document.id}{_SEPARATOR}{version}", ports.clock.now())
    return f"{ports.public_url}/api/downloads/{token}"


def open_download(ports: Ports, token: str) -> StoredFile:
    """The file behind a download token.

    Raises: BadDownloadToken, ExpiredDownloadToken, DocumentNotFound, BlobNotFound.
    """
    try:
        subject = ports.tokens.read(_PURPOSE, token, ports.clock.now(), max_age=ports.limits.download_lifetime)
    except TokenExpired as error:
        raise ExpiredDownloadToken from error
    except BadToken as error:
        raise BadDownloadToken from error
    document_id, _, version = subject.partition(_SEPARATOR)
    with ports.store.read() as work:
        document = work.document(UUID(document_id))
    file = document.original if version == Version.ORIGINAL else document.signed
    if file is None:
        raise BlobNotFound
    return file
