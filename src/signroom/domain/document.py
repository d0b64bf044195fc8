"""A document of a session: its file, its states, its versions.

A file is never changed in place. The original and every version of the signed file are blobs of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from signroom.domain.blob_key import DocumentFolder
from signroom.domain.errors import BadFileName, DocumentErased, DocumentInProcessing, DocumentPurged, WrongState
from signroom.domain.level import Level
from signroom.domain.metadata import NO_METADATA, Metadata
from signroom.domain.signature import (
    NO_OPTIONS,
    CheckedValue,
    CmsOptions,
    Inspection,
    SignatureType,
    SigningOptions,
    Verdict,
)
from signroom.domain.timestamp import DEFAULT_TIER


class DocumentStatus(StrEnum):
    PENDING_SIGNATURE = "PendingSignature"
    PROCESSING = "Processing"
    COMPLETED = "Completed"
    PROCESSING_ERROR = "ProcessingError"


MOVES: dict[DocumentStatus, frozenset[DocumentStatus]] = {
    DocumentStatus.PENDING_SIGNATURE: frozenset({DocumentStatus.PROCESSING}),
    DocumentStatus.PROCESSING: frozenset({DocumentStatus.COMPLETED, DocumentStatus.PROCESSING_ERROR}),
    DocumentStatus.PROCESSING_ERROR: frozenset({DocumentStatus.PROCESSING}),
    DocumentStatus.COMPLETED: frozenset(),
}

OCTETS = "application/octet-stream"
MAX_NAME = 255
MAX_DETAIL = 500
UNSIGNED_LIFETIME = timedelta(days=1)
"""Of files that nobody will sign any more: a session ended without signatures, a local signature was never made."""
PURGE_GRACE = timedelta(hours=1)
"""Between the end of a file's time and its removal: what was begun within that time is over by then, and clocks of
other machines agree."""
CMS_SUFFIXES = (".p7s", ".p7m")
RENEWAL_PAUSE = timedelta(days=1)
"""A file whose archive timestamp is younger gets no other one: whoever asks twice, after an error, gets one."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the blob store. ``length`` in bytes; ``sha256`` is the raw digest."""

    blob_key: str
    name: str
    content_type: str
    length: int
    sha256: bytes

    def without_names(self, *, keep_digest: bool) -> StoredFile:
        """What stays of a file that is erased."""
        return StoredFile(self.blob_key, "", OCTETS, self.length, self.sha256 if keep_digest else b"")


@dataclass(frozen=True, slots=True)
class Version:
    """The signed file as it is at one level. A later level gives a version more and leaves the earlier ones alone."""

    level: Level
    file: StoredFile
    made_at: datetime
    """When the file reached this level. For `Level.B_B` this is when the signer's value was accepted."""


@dataclass(frozen=True, slots=True)
class DocumentEnd:
    """What its session asks of a document, to know whether it has ended, and how."""

    status: DocumentStatus
    processing_error_code: str | None
    erased: bool


@dataclass(frozen=True, slots=True)
class Document:
    id: UUID
    subscription_id: UUID
    application_id: UUID
    session_id: UUID | None
    """None for a document that the application signs itself (local signature)."""
    position: int
    status: DocumentStatus
    original: StoredFile
    inspection: Inspection
    options: SigningOptions
    """For the type that the inspection found."""
    created_at: datetime
    key: str
    """Its document key, which no other document has.

    It changes in one case: a session ends unsigned and gives back the key that the application had allocated.
    """
    preparation_id: UUID | None = None
    """The preparation whose value was accepted; set when processing starts."""
    signature_value: CheckedValue | None = None
    """The signer's value, kept until the signed file exists."""
    versions: tuple[Version, ...] = ()
    """The versions of the signed file, the newest last. Empty until the document is completed."""
    signed_at: datetime | None = None
    """When the signer's value was accepted."""
    processing_error_code: str | None = None
    processing_error_detail: str | None = None
    """What is wrong, as far as the code alone does not say it; in English."""
    verdict: Verdict | None = None
    metadata: Metadata = NO_METADATA
    data_key: str | None = None
    """The blob with the content of a detached CMS object that is signed once more."""
    available_until: datetime | None = None
    """From then on its files count as gone, whether they were removed yet or not; None: they are kept."""
    purged_at: datetime | None = None
    """When its files had been removed."""
    erased_at: datetime | None = None
    """From then on nothing of it is handed out, and it holds no personal data."""
    level_detail: str | None = None
    """Why the level that is wanted was not reached yet, or never will be; in English."""
    level_asked_at: datetime | None = None
    """Since when the service tries to reach the level that is wanted. None: it does not try, or not any more."""
    security_context_id: UUID | None = None
    """By which its signer is judged. None in rows of older releases: it is that of the session, or the default."""
    archive_until: datetime | None = None
    """When the certificate of its newest archive timestamp ends: by then it needs another one. As old as the file
    itself where none is added by itself any more. None: it has no archive timestamp, or comes from a version that did
    not write it down (`learn_archive_ends`)."""

    @property
    def level_wanted(self) -> Level:
        """That the signed file is to reach."""
        return self.options.level or Level.B_B

    @property
    def timestamp_tier(self) -> str:
        """Whose providers give the timestamps that are in its file."""
        return self.options.timestamp_tier or DEFAULT_TIER

    @property
    def level(self) -> Level | None:
        """That the newest version of the signed file has; None until the document is completed."""
        return self.versions[-1].level if self.versions else None

    @property
    def awaits_level(self) -> bool:
        """True when its signed file is to reach a higher level than it has, and its files are there."""
        gone = self.erased_at is not None or self.purged_at is not None
        return not gone and self.level is not None and not self.level.reaches(self.level_wanted)

    @property
    def awaits_renewal(self) -> bool:
        """True when its signed file has an archive timestamp, is to get another one, and its files are there."""
        gone = self.erased_at is not None or self.purged_at is not None
        return not gone and self.level is Level.B_LTA and self.level_asked_at is not None

    @property
    def may_be_raised(self) -> bool:
        """True when there is something left that the job could add to its signed file."""
        return self.awaits_level or self.awaits_renewal

    @property
    def blob_folder(self) -> DocumentFolder:
        """The keys under which its own blobs are stored."""
        return DocumentFolder(self.session_id, self.id)

    @property
    def signed(self) -> StoredFile | None:
        """The newest version of the signed file. None until the document is completed."""
        return self.versions[-1].file if self.versions else None

    @property
    def was_raised(self) -> bool:
        """True when its signed file has timestamps or was to have some: a run that ended early may have left a file."""
        return self.level_wanted is not Level.B_B or self.level not in {None, Level.B_B}

    @property
    def signature_type(self) -> SignatureType:
        return self.inspection.signature_type

    @property
    def awaits_signature(self) -> bool:
        """True when a signer may sign it: for the first time, or again after an error."""
        return self.erased_at is None and self.status in {
            DocumentStatus.PENDING_SIGNATURE,
            DocumentStatus.PROCESSING_ERROR,
        }

    @property
    def end(self) -> DocumentEnd:
        """What its session asks of it."""
        return DocumentEnd(self.status, self.processing_error_code, self.erased_at is not None)

    @property
    def left_out(self) -> bool:
        """True when it could not be prepared: nobody has signed it, and processing it again would not help."""
        return self.status is DocumentStatus.PROCESSING_ERROR and self.signature_value is None

    @property
    def file_keys(self) -> tuple[str, ...]:
        """The keys of all its blobs; some may be another document's or an upload's."""
        keys = (self.original.blob_key, *(version.file.blob_key for version in self.versions), self.data_key)
        return tuple(key for key in keys if key is not None)

    def require_signed(self) -> StoredFile:
        """The newest version of the signed file. Raises: WrongState until the document is completed."""
        if self.signed is None:
            raise WrongState(f"The document is {self.status}, it is not signed.")
        return self.signed

    @property
    def content_key(self) -> str | None:
        """The blob with the content that a detached CMS signature is about. None for every other document."""
        options = self.options
        first = isinstance(options, CmsOptions) and options.detached and self.inspection.signatures == 0
        return self.original.blob_key if first else self.data_key

    def require_not_erased(self) -> Document:
        """Itself. Raises: DocumentErased."""
        if self.erased_at is not None:
            raise DocumentErased
        return self

    def require_files(self, now: datetime) -> None:
        """Raises: DocumentPurged once its time is over."""
        if self.purged_at is not None or (self.available_until is not None and now >= self.available_until):
            raise DocumentPurged

    def accept_signature(self, preparation_id: UUID, value: CheckedValue, now: datetime) -> Document:
        """The signer's value was checked and is kept. Raises: WrongState."""
        return replace(
            self._moved(DocumentStatus.PROCESSING),
            preparation_id=preparation_id,
            signature_value=value,
            signed_at=now,
            processing_error_code=None,
            processing_error_detail=None,
            available_until=None,
        )

    def process_again(self) -> Document:
        """With the value that the signer has given. Raises: WrongState."""
        return replace(self._moved(DocumentStatus.PROCESSING), processing_error_code=None, processing_error_detail=None)

    def complete(
        self,
        signed: StoredFile,
        verdict: Verdict,
        available_until: datetime | None = None,
        *,
        level: Level = Level.B_B,
        level_detail: str | None = None,
        archive_until: datetime | None = None,
    ) -> Document:
        """The signed file is stored and verified: it is the first version. Raises: WrongState.

        `level_detail` says why it is not of the level that is wanted. `archive_until`: when the certificate of its
        archive timestamp ends.
        """
        moved = self._moved(DocumentStatus.COMPLETED)
        if self.signed_at is None:
            raise WrongState("No signature value was accepted.")
        first = Version(level, signed, self.signed_at)
        return replace(
            moved,
            level_asked_at=None if level.reaches(self.level_wanted) else self.signed_at,
            versions=(first,),
            verdict=verdict,
            available_until=available_until,
            level_detail=None if level_detail is None else clean_detail(level_detail),
            archive_until=archive_until,
        )

    def want(self, level: Level, now: datetime) -> Document:
        """Its signed file is to reach `level`, or more when it wants more already. Raises: WrongState.

        One of level B-LTA that is to reach it again gets another archive timestamp (`renew`). Itself when there is
        nothing to do: it has the level, or the service tries already.
        """
        if self.level is None:
            raise WrongState(f"The document is {self.status}, it is not signed.")
        if level is Level.B_LTA and self.level is Level.B_LTA:
            return self.renew(now)
        wanted = self if self.level_wanted.reaches(level) else replace(self, options=replace(self.options, level=level))
        if not wanted.awaits_level or (wanted is self and self.level_asked_at is not None):
            return self
        return replace(wanted, level_detail=None, level_asked_at=now)

    def renew(self, now: datetime) -> Document:
        """Its signed file is to get another archive timestamp. Itself when it has a new one, or is about to get one."""
        newest = self.versions[-1].made_at if self.versions else now
        if self.level_asked_at is not None or now < newest + RENEWAL_PAUSE:
            return self
        return replace(self, level_detail=None, level_asked_at=now)

    def raise_to(
        self,
        version: Version,
        proven_at: datetime | None,
        level_detail: str | None = None,
        archive_until: datetime | None = None,
    ) -> Document:
        """`version` is stored and verified: it is the newest from now on. Raises: WrongState.

        One of level B-LTA may follow another: it has a newer archive timestamp, whose certificate ends at
        `archive_until`. `proven_at`: when the first timestamp on the signature says that it existed.
        """
        if self.level is None or (self.level.reaches(version.level) and version.level is not Level.B_LTA):
            raise WrongState(f"The signed file is of level {self.level} already.")
        return replace(
            self,
            versions=(*self.versions, version),
            verdict=None if self.verdict is None else self.verdict.with_proof_of_ours(proven_at),
            level_detail=None if level_detail is None else clean_detail(level_detail),
            level_asked_at=None if version.level.reaches(self.level_wanted) else self.level_asked_at,
            archive_until=archive_until,
        )

    def note_level(self, level_detail: str, *, final: bool = False) -> Document:
        """It has stayed at its level, and why. `final`: nobody tries any more, unless somebody asks again.

        So a file that cannot get another archive timestamp is not tried every day.
        """
        return replace(
            self,
            level_detail=clean_detail(level_detail),
            level_asked_at=None if final else self.level_asked_at,
            archive_until=self._not_renewed if final and self.awaits_renewal else self.archive_until,
        )

    def lasts_until(self, end: datetime | None) -> Document:
        """Its archive timestamp ends then; None: that cannot be found out, and it is not renewed by itself.

        Itself when it is known already, or when it has no archive timestamp.
        """
        if self.level is not Level.B_LTA or self.archive_until is not None or self.erased_at is not None:
            return self
        if end is None:
            detail = "When its archive timestamp ends cannot be read in the file: it is not renewed by itself."
            return replace(self, archive_until=self._not_renewed, level_detail=detail)
        return replace(self, archive_until=end)

    @property
    def known_archive_end(self) -> datetime | None:
        """When the certificate of its newest archive timestamp ends. None: that is not known, or not any more."""
        return None if self.archive_until == self._not_renewed else self.archive_until

    @property
    def _not_renewed(self) -> datetime | None:
        """What `archive_until` is of a file that gets no other archive timestamp by itself: long over."""
        return self.versions[-1].made_at if self.versions else None

    def fail(self, code: str, detail: str | None = None) -> Document:
        """Processing ended with an error of ours. Raises: WrongState."""
        return replace(
            self._moved(DocumentStatus.PROCESSING_ERROR),
            processing_error_code=code,
            processing_error_detail=None if detail is None else clean_detail(detail),
        )

    def refuse(self, preparation_id: UUID, code: str, detail: str | None) -> Document:
        """It could not be prepared, and the signer goes on without it. Raises: WrongState.

        A value that the signer gave before stays with its own preparation: the operator can still process it.
        """
        failed = self._moved(DocumentStatus.PROCESSING).fail(code, detail)
        return failed if self.signature_value is not None else replace(failed, preparation_id=preparation_id)

    def erase(self, now: datetime) -> Document:
        """The document without anything personal. The digests of a signed one stay: they prove what was signed.

        Raises: DocumentInProcessing.
        """
        if self.status is DocumentStatus.PROCESSING:
            raise DocumentInProcessing(f"Document {self.id}.")
        kept = self.signed is not None
        return replace(
            self,
            original=self.original.without_names(keep_digest=kept),
            inspection=Inspection(self.signature_type, OCTETS, self.inspection.pages, self.inspection.signatures),
            options=NO_OPTIONS.of(self.signature_type),
            signature_value=None,
            versions=tuple(replace(v, file=v.file.without_names(keep_digest=True)) for v in self.versions),
            processing_error_detail=None,
            level_detail=None,
            level_asked_at=None,
            archive_until=None,
            verdict=None if self.verdict is None else self.verdict.without_names(),
            metadata=NO_METADATA,
            available_until=now,
            erased_at=now,
        )

    def _moved(self, to: DocumentStatus) -> Document:
        if to not in MOVES[self.status]:
            raise WrongState(f"The document is {self.status}.")
        return replace(self, status=to)


def clean_detail(detail: str) -> str:
    """`detail` as it is stored: it may hold names out of a file."""
    return "".join(c if c.isprintable() else " " for c in detail)[:MAX_DETAIL]


def clean_file_name(name: str) -> str:
    """The last part of `name`, without control characters: a label, never a path.

    Raises: BadFileName when nothing is left or it is longer than 255 characters.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(c for c in last if c.isprintable()).strip()
    if not clean or clean in {".", ".."} or len(clean) > MAX_NAME:
        raise BadFileName
    return clean


def signed_name(name: str, kind: SignatureType = SignatureType.PDF) -> str:
    """The name of the original. A CMS object gets ``.p7s`` behind the name of its content, within 255 characters."""
    if kind is not SignatureType.CMS or name.lower().endswith(CMS_SUFFIXES):
        return name
    return name[: MAX_NAME - len(".p7s")] + ".p7s"
