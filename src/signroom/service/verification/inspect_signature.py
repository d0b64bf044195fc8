"""A stranger's signed file: every signature's facts, its integrity, its certificate by a security context.

A file that was signed in a session here is judged by that session's context, unless the caller names another one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from signroom.domain.application import WORKERS, ApplicationCaller, Caller
from signroom.domain.augmentation import EmbeddedTimestamp, SignatureLevel
from signroom.domain.blob_key import UploadFolder
from signroom.domain.certificate import Certificate, CertificateUse
from signroom.domain.document import Document, StoredFile
from signroom.domain.errors import BadCertificate, Refused, SecurityContextNotConfigured, SecurityContextNotFound, about
from signroom.domain.examination import Examination, ExaminedSignature
from signroom.domain.secret import hash_secret
from signroom.domain.security_context import ANY, SecurityContext
from signroom.domain.signature import CertificateChain, DigestValue, Indication, SignatureType
from signroom.domain.timestamp import DEFAULT_TIER
from signroom.domain.upload import Upload
from signroom.domain.validation import Check, Outcome, ValidationItem, ValidationResults
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.certificates.judge_certificate import find_context, find_context_soon, judging
from signroom.service.documents.discard_blobs import write_new
from signroom.service.documents.file_sources import (
    FileSource,
    as_local_file,
    in_line,
    local_files,
    off_the_loop,
    place_of,
)
from signroom.service.documents.read_documents import read_document


@dataclass(frozen=True, slots=True)
class InspectSignature:
    file: FileSource
    validate: bool = False
    security_context_id: UUID | None = None
    revocation_may_be_unknown: bool = False
    trust_signing_time: bool = False
    """Judge certificates as of the time that the signer claims, instead of now."""
    data: FileSource | None = None
    data_hashes: tuple[DigestValue, ...] = ()
    extract_content: bool = False


@dataclass(frozen=True, slots=True)
class _Validation:
    """How certificates are judged. Without `validate` only their paths are looked for."""

    context: SecurityContext
    validate: bool
    revocation_may_be_unknown: bool
    trust_signing_time: bool
    offline: bool = False
    """Nobody is asked whether certificates were revoked."""
    compares_data: bool = False
    """The caller has sent the data, or its digests. That they are other data is said without `validate`, too."""


@dataclass(frozen=True, slots=True)
class InspectedSigner:
    """``certificate`` is None when it cannot be read.

    ``results`` is None when no validation was asked for and the data that the caller sent is not another one.

    ``identity_confirmed`` says whether an authority that the context trusts has confirmed who the signer is, and the
    signature is intact; None when no validation was asked for.
    """

    signature: ExaminedSignature
    certificate: Certificate | None
    path: tuple[bytes, ...]
    results: ValidationResults | None
    identity_confirmed: bool | None = None
    level: SignatureLevel | None = None
    """How far the signature has come, and its timestamps; None where that cannot be read."""
    proven_at: datetime | None = None
    """The signature existed then, by a timestamp that is trusted. Certificates were judged as of that time."""


@dataclass(frozen=True, slots=True)
class InspectedFile:
    examination: Examination
    signers: tuple[InspectedSigner, ...]
    document: Document | None = None
    """The document that the file was made for here."""
    content: Upload | None = None
    """The encapsulated content, kept like an upload for a day."""


async def inspect_signature(ports: Ports, caller: ApplicationCaller, command: InspectSignature) -> InspectedFile:
    """Raises: NotAllowed, SecurityContextNotFound, SecurityContextNotConfigured, FileTooLarge, UploadNotFound,
    FileDownloadFailed, NotSigned, a DocumentRejected, Unavailable.
    """
    caller.require(WORKERS)
    validation = _Validation(
        await find_context_soon(ports, caller.subscription_id, command.security_context_id),
        validate=command.validate,
        revocation_may_be_unknown=command.revocation_may_be_unknown,
        trust_signing_time=command.trust_signing_time,
        compares_data=command.data is not None or bool(command.data_hashes),
    )
    turn = Turn.of_caller(caller)
    formats = ports.formats.of(turn)
    formats.require_place()
    async with AsyncExitStack() as files:
        folder = await files.enter_async_context(off_the_loop(ports.blobs.scratch()))
        file = await files.enter_async_context(as_local_file(ports, caller, command.file, _made(folder / "file")))
        data = None
        if command.data is not None:
            local = as_local_file(ports, caller, command.data, _made(folder / "data"), "dataFile")
            data = await files.enter_async_context(local)
        target = folder / "content" if command.extract_content else None
        with about(place_of(command.file)):
            examination = await formats.examine(file, data, command.data_hashes, target)
        async with in_line(ports, turn):
            digest = await asyncio.to_thread(_sha256, file)
            document = await asyncio.to_thread(_made_here, ports, caller, digest)
        if document is not None and command.security_context_id is None:
            validation = replace(validation, context=await asyncio.to_thread(_context_of, ports, document))
        levels = await _levels(ports, turn, examination, file, data)
        signers = await judging(ports, turn, _signers, ports, validation, examination, levels)
        content = None
        if target is not None and target.exists():
            content = await _keep(ports, caller, target, digest)
    return InspectedFile(examination, signers, document, content)


def _sha256(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _made_here(ports: Ports, caller: Caller, digest: bytes) -> Document | None:
    with ports.store.read() as work:
        return work.documents.by_signed_file(caller.subscription_id, digest)


async def signers_of_document(ports: Ports, caller: Caller, document_id: UUID) -> tuple[InspectedSigner, ...]:
    """Who signed a document of ours, as its signed file says; nothing before it is signed.

    The certificates are judged by the context of the document's session, as of when the signature was accepted. Nobody
    is asked about revocation: that was done before the signature, and an inspection does it again.

    Raises: DocumentNotFound, also for another subscription's document, DocumentPurged, BlobNotFound, Unavailable.
    """
    document = await asyncio.to_thread(read_document, ports, caller, document_id)
    if document.signed is None:
        return ()
    document.require_files(ports.clock.now())
    # A first detached signature is about the original, a further one about what was sent beside the original.
    content_file = document.data_key if document.inspection.signatures else document.original
    if document.inspection.signature_type is not SignatureType.CMS:
        content_file = None
    turn = Turn.of_document(document)
    async with local_files(ports, turn, document.signed, content_file) as (file, content):
        examination = await ports.formats.of(turn).examine(file, content)
        levels = await _levels(ports, turn, examination, file, content)
    validation = _Validation(
        await asyncio.to_thread(_context_of, ports, document),
        validate=True,
        revocation_may_be_unknown=True,
        trust_signing_time=False,
        offline=True,
    )
    found = await asyncio.to_thread(_signers, ports, validation, examination, levels, document.signed_at)
    return tuple(one for one in found if not one.signature.is_document_timestamp)  # nobody who signed


async def _levels(
    ports: Ports, turn: Turn, examination: Examination, file: Path, content: Path | None
) -> list[SignatureLevel | None]:
    """How far each signature has come, in the order of the examination; None where that cannot be read."""
    unknown: list[SignatureLevel | None] = [None] * len(examination.signatures)
    try:
        read = await ports.formats.of(turn).read_levels(file, examination.signature_type, content)
    except Refused:  # what is odd about it was said by the examination
        return unknown
    signers = [number for number, one in enumerate(examination.signatures) if not one.is_document_timestamp]
    if len(signers) != len(read.signatures):
        return unknown
    for number, found in zip(signers, read.signatures, strict=True):
        if found.chain.certificate == examination.signatures[number].verdict.certificate:
            unknown[number] = found
    return unknown


def _context_of(ports: Ports, document: Document) -> SecurityContext:
    """The context of the document's session, or the installation's default for a document without one.

    A context that has lost its roots since then confirms nobody: it counts as one that accepts every issuer.
    """
    if document.session_id is None:
        return ports.default_context
    with ports.store.read() as work:
        context_id = work.of(document).session_or_erased(document.session_id).security_context_id
    try:
        return find_context(ports, document.subscription_id, context_id)
    except (SecurityContextNotConfigured, SecurityContextNotFound):
        return ANY


def _signers(
    ports: Ports,
    validation: _Validation,
    examination: Examination,
    levels: Sequence[SignatureLevel | None],
    at: datetime | None = None,
) -> tuple[InspectedSigner, ...]:
    now = at or ports.clock.now()
    found = []
    for signature, level in zip(examination.signatures, levels, strict=True):
        proven_at = _proven_at(ports, validation, level) if validation.validate else None
        signer = _signer(ports, validation, signature, now, proven_at)
        found.append(replace(signer, level=level, proven_at=proven_at))
    return tuple(found)


def _proven_at(ports: Ports, validation: _Validation, level: SignatureLevel | None) -> datetime | None:
    """The time of the first timestamp that is intact and whose authority is trusted: by the context that judges the
    signer, or by that of a provider of ours. Nobody is asked about revocation.

    A context that says whose timestamps count decides alone.
    """
    strict = validation.context.for_timestamps
    own = () if strict else ports.timestamps.contexts_of(DEFAULT_TIER)
    contexts = (validation.context, *own) if strict is None else (strict,)
    trusting = [one for one in contexts if not one.any_issuer]
    for stamp in () if level is None else level.timestamps:
        if stamp.intact and any(_is_trusted(ports, stamp, context) for context in trusting):
            return stamp.time
    return None


def _is_trusted(ports: Ports, stamp: EmbeddedTimestamp, context: SecurityContext) -> bool:
    try:
        verdict = ports.trust.judge(
            stamp.authority,
            context,
            stamp.time,
            revocation_may_be_unknown=True,
            offline=True,
            use=CertificateUse.TIMESTAMPS,
        )
    except (BadCertificate, SecurityContextNotConfigured):
        return False
    return verdict.trusted and verdict.anchored


def _signer(
    ports: Ports, validation: _Validation, signature: ExaminedSignature, now: datetime, proven_at: datetime | None
) -> InspectedSigner:
    der = signature.verdict.certificate
    chain = CertificateChain(der, signature.issuers)
    try:
        certificate = ports.trust.read(der)
    except BadCertificate as error:
        return _without_path(validation, signature, None, Check.SIGNING_CERTIFICATE_NOT_FOUND, error)
    try:
        claimed = signature.verdict.signed_at
        earlier = proven_at or (claimed if validation.trust_signing_time else None)
        at = earlier if earlier is not None and earlier < now else now
        # Without validation only the path is asked for: `any` finds it without a word to the network.
        asked = validation.context if validation.validate else ANY
        verdict = ports.trust.judge(
            chain,
            asked,
            at,
            revocation_may_be_unknown=validation.revocation_may_be_unknown,
            offline=validation.offline,
        )
    except BadCertificate as error:  # of an issuer that came along
        return _without_path(validation, signature, certificate, Check.CERTIFICATE_VALIDATION_FAILED, error)
    if not validation.validate:
        return InspectedSigner(signature, certificate, verdict.path, _mismatch(validation, signature))
    item = ValidationItem(Check.SUCCESS, Outcome.PASSED, "A timestamp proves when the signature existed.")
    if proven_at is None:
        item = ValidationItem(
            Check.UNCERTIFIED_DATE_REFERENCE,
            Outcome.WARNING,
            "The signing time is the signer's own claim: no timestamp proves it.",
        )
    results = signature.results + verdict.results + ValidationResults((item,))
    # Anybody may put another person's certificate beside a value that the person's key has not made.
    is_theirs = signature.verdict.indication is Indication.TOTAL_PASSED
    confirmed = is_theirs and verdict.anchored and verdict.trusted
    return InspectedSigner(signature, certificate, verdict.path, results, confirmed)


def _without_path(
    validation: _Validation,
    signature: ExaminedSignature,
    certificate: Certificate | None,
    check: Check,
    error: BadCertificate,
) -> InspectedSigner:
    item = ValidationItem(check, Outcome.ERROR, error.message, error.detail)
    results = signature.results + ValidationResults((item,))
    path = () if certificate is None else (certificate.der,)
    if not validation.validate:
        return InspectedSigner(signature, certificate, path, _mismatch(validation, signature))
    return InspectedSigner(signature, certificate, path, results, identity_confirmed=False)


def _mismatch(validation: _Validation, signature: ExaminedSignature) -> ValidationResults | None:
    """What is said without `validate`: only that the signature is not about the data that the caller has sent."""
    found = [item for item in signature.results.errors if item.check is Check.MESSAGE_DIGEST_MISMATCH]
    return ValidationResults.of(found) if validation.compares_data and found else None


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _keep(ports: Ports, caller: ApplicationCaller, file: Path, extracted_from: bytes) -> Upload:
    """The content in `file`. When the document whose file it was taken from is erased, it goes, too."""
    upload_id = uuid4()
    key = UploadFolder(upload_id).content()
    with file.open("rb") as source:

        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await asyncio.to_thread(source.read, 1 << 20):
                yield chunk

        stored = await write_new(ports, key, chunks(), limit=ports.limits.max_file, durable=True)
    upload = Upload(
        id=upload_id,
        token_hash=hash_secret(ports.tokens.derive("content", str(upload_id))),
        subscription_id=caller.subscription_id,
        application_id=caller.application.id,
        created_at=ports.clock.now(),
        file=StoredFile(key, "content", "application/octet-stream", stored.length, stored.sha256),
        extracted_from=extracted_from,
    )

    def add() -> None:
        with ports.store.work() as work:
            work.uploads.add(upload)

    await asyncio.to_thread(add)
    return upload
