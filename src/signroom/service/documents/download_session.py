"""The signed files of a session under one address that carries its own authorisation, for a limited time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from signroom.domain.document import Document, StoredFile
from signroom.domain.errors import (
    ApplicationDisabled,
    BadDownloadToken,
    BadToken,
    ExpiredDownloadToken,
    TokenExpired,
)
from signroom.ports import Ports

SIGNED_FILES = "/sign/files/"
"""The path in front of a token."""
_PURPOSE = "signed-files"


@dataclass(frozen=True, slots=True)
class SignedFile:
    """The newest version of a document's signed file, and when it was made."""

    file: StoredFile
    made_at: datetime


def signed_files_location(ports: Ports, session_id: UUID) -> str:
    """An absolute URL that works in a plain browser until `Limits.download_lifetime` is over."""
    token = ports.tokens.issue(_PURPOSE, str(session_id), ports.clock.now())
    return f"{ports.public_url}{SIGNED_FILES}{token}"


def open_signed_files(ports: Ports, token: str) -> tuple[SignedFile, ...]:
    """What the session behind the token has by now, in the order of its documents.

    Raises: BadDownloadToken, ExpiredDownloadToken, SignatureSessionErased, DocumentPurged, ApplicationDisabled when the
    whole subscription is closed.
    """
    try:
        subject = ports.tokens.read(_PURPOSE, token, ports.clock.now(), max_age=ports.limits.download_lifetime)
    except TokenExpired as error:
        raise ExpiredDownloadToken from error
    except BadToken as error:
        raise BadDownloadToken from error
    with ports.store.read() as work:
        session, documents = work.sessions.with_documents_of_any_tenant(UUID(subject))
        session.require_not_erased()
        if work.subscriptions.get(session.subscription_id).closed:
            raise ApplicationDisabled
    signed = [document for document in documents if document.versions]
    for document in signed:
        document.require_files(ports.clock.now())
    return tuple(_newest(document) for document in signed)


def _newest(document: Document) -> SignedFile:
    version = document.versions[-1]
    return SignedFile(version.file, version.made_at)
