"""The keys of blobs. Every key that this service writes is made here, and every question about a key is answered here.

    sessions/{shelf}/{session}-{document}-original      a file of a session's document
    ...-original-{request}                              the same, of one request among several that may run at once
    ...-data                                            the content of a detached CMS object that is signed again
    ...-signed-{preparation}                            the signed file
    documents/{shelf}/{document}-...                    the same for a document without a session (local signature)
    uploads/{upload}/file                               an upload in one piece
    uploads/{upload}/part-{number}-{attempt}            one part of an upload in parts
    uploads/{upload}/file-{attempt}                     the file that was made of the parts
    uploads/{upload}/content                            content that was extracted from a signed file
    answers/{question}-{content}                        a large answer about revocation, by the digests of both
    doctor-{probe}                                      a file that `signroom doctor` writes, reads and deletes
    health                                              never written: the health check asks for it

A shelf is the beginning of the session's or the document's id: one of 256 folders, which are there before the file is.
What is written together lies in one of them, so that a disk waits for one folder (decision 64).

Rows store keys as plain text, and those of older versions stay as they are:

    sessions/{session}/{document}/...                   as above, before decision 64
    documents/{document}/...
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

NEVER_WRITTEN = "health"
"""The key of a blob that does not exist. Asking for it shows whether the blob store answers."""

_UPLOADS = "uploads/"
_SIGNED = "signed-"
_LEAST = 3
"""Parts of the key of a document's file."""
_OF_SESSION = 2
"""Ids before the name of a file of a session's document."""
_UUID = 36
"""Characters of an id."""


@dataclass(frozen=True, slots=True)
class DocumentFolder:
    """The keys of one document's blobs. ``session_id`` is None for a document without a session."""

    session_id: UUID | None
    document_id: UUID

    def original(self) -> str:
        """The key of the file that is to be signed."""
        return f"{self._path}-original"

    def original_of_request(self, request: UUID) -> str:
        """The key of the file that is to be signed, for one request.

        Two requests may add the same document at the same time. Each gets a key of its own, so that a request that
        fails deletes only its own blob.
        """
        return f"{self._path}-original-{request.hex}"

    def data(self) -> str:
        """The key of the content of a detached CMS object that is signed again."""
        return f"{self._path}-data"

    def every(self) -> tuple[str, str]:
        """What the keys of all blobs of the document begin with, by this version and by older ones."""
        older = f"documents/{self.document_id}/"
        if self.session_id is not None:
            older = f"sessions/{self.session_id}/{self.document_id}/"
        return f"{self._path}-", older

    def signed(self, preparation_id: UUID) -> str:
        """The key of the signed file. It is the same at each run, so that a job that runs twice writes one blob."""
        return f"{self._path}-{_SIGNED}{preparation_id}"

    def version(self, preparation_id: UUID, level: str, attempt: UUID) -> str:
        """The key of a signed file with timestamps. Two attempts get two timestamps, so each has a key of its own."""
        return f"{self._path}-{_SIGNED}{preparation_id}-{level}-{attempt.hex}"

    @property
    def _path(self) -> str:
        if self.session_id is None:
            return f"documents/{_shelf(self.document_id)}/{self.document_id}"
        return f"sessions/{_shelf(self.session_id)}/{self.session_id}-{self.document_id}"


SHELVES = tuple(f"{number:02x}" for number in range(256))
"""The names of all shelves."""


def _shelf(owner: UUID) -> str:
    return owner.hex[:2]


def blobs_of_session(session_id: UUID) -> tuple[str, str]:
    """What the keys of all blobs of all documents of a session begin with, by this version and by older ones."""
    return f"sessions/{_shelf(session_id)}/{session_id}-", f"sessions/{session_id}/"


def blobs_of_upload(upload_id: UUID) -> str:
    """What the keys of all blobs of an upload begin with."""
    return f"{_UPLOADS}{upload_id}/"


@dataclass(frozen=True, slots=True)
class UploadFolder:
    """The keys of one upload's blobs."""

    upload_id: UUID

    def file(self) -> str:
        """The key of an upload that came in one piece."""
        return f"{self._path}/file"

    def part(self, number: int, attempt: UUID) -> str:
        """The key of one part. A part may be sent again: `attempt` keeps the blobs of two attempts apart."""
        return f"{self._path}/part-{number}-{attempt.hex}"

    def joined_file(self, attempt: UUID) -> str:
        """The key of the file that is made of all parts. `attempt` keeps the blobs of two attempts apart."""
        return f"{self._path}/file-{attempt.hex}"

    def content(self) -> str:
        """The key of content that was extracted from a signed file."""
        return f"{self._path}/content"

    @property
    def _path(self) -> str:
        return f"{_UPLOADS}{self.upload_id}"


def upload_of(key: str) -> UUID | None:
    """The upload that the blob of `key` belongs to. None when the blob belongs to a document."""
    if not key.startswith(_UPLOADS):
        return None
    return UUID(key.removeprefix(_UPLOADS).partition("/")[0])


def is_blob_key(key: str) -> bool:
    """False for a text that could name anything outside of the blob store, as a forged list of files may."""
    parts = key.split("/")
    return key.isascii() and key.isprintable() and all(part.strip(".") for part in parts) and "\\" not in key


def signed_document_of(key: str) -> UUID | None:
    """The document whose signed file the blob of `key` is. None for any other blob."""
    parts = key.split("/")
    if len(parts) < _LEAST:
        return None
    name, document = parts[-1], parts[-2]
    if document in SHELVES:
        ids = _OF_SESSION if parts[0] == "sessions" else 1
        name, document = name[ids * (_UUID + 1) :], name[(ids - 1) * (_UUID + 1) :][:_UUID]
    if not name.startswith(_SIGNED):
        return None
    try:
        return UUID(document)
    except ValueError:  # not a file of ours
        return None


def answer_blob(question: bytes, content: bytes) -> str:
    """The key of an answer from outside, by the SHA-256 of the question and of the answer."""
    return f"answers/{question.hex()}-{content.hex()[:32]}"


def doctor_probe(probe: UUID) -> str:
    """The key of the file by which `signroom doctor` tests the blob store."""
    return f"doctor-{probe}"
