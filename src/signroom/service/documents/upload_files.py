"""Files sent ahead of the request that uses them: in one piece up to 5 MiB, or in numbered parts.

Parts are blobs of their own until the upload ends; then one pass makes one file of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from signroom.domain.application import WORKERS, ApplicationCaller, Caller
from signroom.domain.blob_key import UploadFolder, blobs_of_upload, upload_of
from signroom.domain.document import PURGE_GRACE, StoredFile
from signroom.domain.errors import (
    BadInput,
    FileChanged,
    FileTooLarge,
    SignroomError,
    StorageUnavailable,
    UploadDigestMismatch,
    UploadIncomplete,
)
from signroom.domain.secret import hash_secret
from signroom.domain.upload import (
    LIFETIME,
    MAX_PARTS,
    PART_SIZE,
    PLAIN_LIMIT,
    Upload,
    UploadPart,
    require_all_parts,
)
from signroom.ports import Ports
from signroom.ports.files import content_of
from signroom.ports.store import Position
from signroom.service.documents.delete_files import deleted
from signroom.service.documents.discard_blobs import discard_blob, discard_unless_recorded, write_new

_PURGED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class NewUpload:
    """``token`` is the ``blobToken``: handed out here and never again."""

    token: str
    upload: Upload


async def upload_plain(
    ports: Ports, caller: ApplicationCaller, name: str | None, content_type: str, chunks: AsyncIterator[bytes]
) -> NewUpload:
    """Raises: NotAllowed, FileTooLarge past 5 MiB or the server's limit, StorageUnavailable, ApplicationDisabled."""
    caller.require(WORKERS)
    new = _new(ports, caller)
    key = UploadFolder(new.upload.id).file()
    limit = min(PLAIN_LIMIT, ports.limits.max_file)
    stored = await write_new(ports, key, chunks, limit=limit)
    file = StoredFile(key, name or "", content_type, stored.length, stored.sha256)
    upload = new.upload.complete(file)
    try:
        await asyncio.to_thread(_add, ports, upload)
    except BaseException as error:
        await discard_unless_recorded(ports, key, error)
        raise
    return NewUpload(new.token, upload)


def begin_upload(ports: Ports, caller: ApplicationCaller) -> NewUpload:
    """Raises: NotAllowed, ApplicationDisabled."""
    caller.require(WORKERS)
    new = _new(ports, caller)
    _add(ports, new.upload)
    return new


async def upload_part(
    ports: Ports, caller: Caller, token: str, number: int, chunks: AsyncIterator[bytes], *, md5: bytes | None
) -> UploadPart:
    """Store part `number` (from 0); a part that is sent again replaces the one before.

    Raises: NotAllowed, BadInput, UploadNotFound, UploadDigestMismatch unless `md5` fits, FileTooLarge.
    """
    caller.require(WORKERS)
    if not 0 <= number < MAX_PARTS:
        raise BadInput(f"Parts are numbered from 0 to {MAX_PARTS - 1}.", path="{number}")
    upload = await asyncio.to_thread(find_upload, ports, caller, token)
    if upload.file is not None:
        raise UploadIncomplete("It was ended already.")
    digest = hashlib.md5(usedforsecurity=False)

    async def hashed() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            digest.update(chunk)
            yield chunk

    key = UploadFolder(upload.id).part(number, uuid4())
    stored = await write_new(ports, key, hashed(), limit=PART_SIZE)
    part = UploadPart(number, digest.hexdigest(), stored.length, key)
    try:
        if md5 is not None and not hmac.compare_digest(digest.digest(), md5):
            raise UploadDigestMismatch
        replaced = await asyncio.to_thread(_put_part, ports, upload, part)
    except SignroomError as error:
        await discard_unless_recorded(ports, key, error)
        raise
    for old in replaced:
        await asyncio.to_thread(discard_blob, ports, old)
    return part


async def end_upload(ports: Ports, caller: Caller, token: str, etags: Sequence[str], md5: bytes | None) -> Upload:
    """Make one file of the parts. Once more with the same parts and `md5`: the same answer.

    Raises: NotAllowed, UploadNotFound, UploadIncomplete, UploadDigestMismatch, FileTooLarge, StorageUnavailable.
    """
    caller.require(WORKERS)
    upload = await asyncio.to_thread(find_upload, ports, caller, token)
    async with ports.lines.passed(("end", upload.id), 1):  # a hundred requests at once would write a hundred files
        return await _end_once(ports, caller, token, etags, md5)


async def _end_once(ports: Ports, caller: Caller, token: str, etags: Sequence[str], md5: bytes | None) -> Upload:
    upload = await asyncio.to_thread(find_upload, ports, caller, token)
    if upload.file is not None:
        upload.require_ended_with(etags)
        if md5 is not None:
            await _require_md5(ports, upload.file, md5)
        return upload
    parts = await asyncio.to_thread(_parts, ports, upload.id)
    require_all_parts(parts, etags)
    digest = hashlib.md5(usedforsecurity=False)

    async def whole() -> AsyncIterator[bytes]:
        for part in parts:
            read = hashlib.md5(usedforsecurity=False)  # the etag is what was received
            async for chunk in ports.blobs.read_stream(part.blob_key, None):
                if md5 is not None:
                    digest.update(chunk)
                read.update(chunk)
                yield chunk
            if read.hexdigest() != part.etag:
                raise FileChanged

    key = UploadFolder(upload.id).joined_file(uuid4())
    stored = await write_new(ports, key, whole(), limit=ports.limits.max_file)
    if md5 is not None and not hmac.compare_digest(digest.digest(), md5):
        await asyncio.to_thread(discard_blob, ports, key)
        raise UploadDigestMismatch
    file = StoredFile(key, "", "application/octet-stream", stored.length, stored.sha256)
    ended = await asyncio.to_thread(_end, ports, upload, file, etags)
    if ended.file != file:  # somebody else was faster
        await asyncio.to_thread(discard_blob, ports, key)
        return ended
    for part in parts:
        await asyncio.to_thread(discard_blob, ports, part.blob_key)
    return ended


async def _require_md5(ports: Ports, file: StoredFile, md5: bytes) -> None:
    """Raises: UploadDigestMismatch."""
    digest = hashlib.md5(usedforsecurity=False)
    async for chunk in ports.blobs.read_stream(file.blob_key, content_of(file)):
        digest.update(chunk)
    if not hmac.compare_digest(digest.digest(), md5):
        raise UploadDigestMismatch


def find_upload(ports: Ports, caller: Caller, token: str) -> Upload:
    """Raises: UploadNotFound, also for another subscription's upload and for one whose day is over."""
    with ports.store.read() as work:
        upload = work.of(caller).upload_by_token(hash_secret(token))
    upload.require_alive(ports.clock.now())
    return upload


def purge_uploads(ports: Ports) -> int:
    """Forget uploads that nothing has used within a day; returns how many. May run late, twice, and at once.

    When the day is over nobody can use them any more (`require_alive`): so their files go first, their rows at last,
    and a crash in between leaves nothing behind. What lies beside the files that rows point to goes, too: a process
    that was killed has left half a part, or a whole one that it could not write down.

    Raises: StorageUnavailable when files of some could not be deleted, after all others were.
    """
    purged, failed, before = 0, 0, ports.clock.now() - LIFETIME - PURGE_GRACE
    after: Position | None = None
    while True:
        with ports.store.read() as work:
            abandoned = work.uploads.abandoned(before, after, _PURGED_AT_ONCE)
        if abandoned:
            found = _blobs(ports, abandoned)
            gone = [u.id for u in abandoned if u.id in found and deleted(ports, sorted(found[u.id]))]
            failed += len(abandoned) - len(gone)
            purged += _forget(ports, gone, found)
            after = Position(abandoned[-1].created_at, abandoned[-1].id)
        if len(abandoned) < _PURGED_AT_ONCE:
            break
    if failed:
        raise StorageUnavailable(f"Files of {failed} uploads could not be deleted.")
    return purged


def _blobs(ports: Ports, uploads: Sequence[Upload]) -> dict[UUID, set[str]]:
    """The keys of their blobs by their ids, without those for whom the storage does not answer."""
    with ports.store.read() as work:
        parts = work.uploads.part_keys([upload.id for upload in uploads])
    found = _listed(ports, uploads)
    for key in (*parts, *(upload.file.blob_key for upload in uploads if upload.file is not None)):
        upload_id = upload_of(key)
        if upload_id in found:
            found[upload_id].add(key)
    return found


def _listed(ports: Ports, uploads: Sequence[Upload]) -> dict[UUID, set[str]]:
    """The keys of what lies in their folders, asked for together while the storage answers."""
    found: dict[UUID, set[str]] = {upload.id: set() for upload in uploads}
    try:
        keys = ports.blobs.beginning_with(*map(blobs_of_upload, found))
    except StorageUnavailable:  # told at the end: one must not hold up the others
        alone = [_listed(ports, [upload]) for upload in uploads] if len(uploads) > 1 else []
        return {upload_id: own for one in alone for upload_id, own in one.items()}
    for key in keys:
        upload_id = upload_of(key)
        if upload_id in found:
            found[upload_id].add(key)
    return found


def _forget(ports: Ports, upload_ids: Sequence[UUID], found: Mapping[UUID, set[str]]) -> int:
    """Remove their rows, but for those that have got a part meanwhile: it was on its way for more than an hour."""
    known = {key for upload_id in upload_ids for key in found[upload_id]}
    with ports.store.work() as work:
        late = set(map(upload_of, set(work.uploads.part_keys(upload_ids)) - known))
        removed = [upload_id for upload_id in upload_ids if upload_id not in late]
        work.uploads.remove_all(removed)
    return len(removed)


def _new(ports: Ports, caller: ApplicationCaller) -> NewUpload:
    token = secrets.token_urlsafe(32)
    upload = Upload(
        id=uuid4(),
        token_hash=hash_secret(token),
        subscription_id=caller.subscription_id,
        application_id=caller.application.id,
        created_at=ports.clock.now(),
    )
    return NewUpload(token, upload)


def _add(ports: Ports, upload: Upload) -> None:
    if upload.file is not None:
        ports.blobs.keep(upload.file.blob_key)
    with ports.store.work() as work:
        work.uploads.add(upload)


def _parts(ports: Ports, upload_id: UUID) -> list[UploadPart]:
    with ports.store.read() as work:
        return work.uploads.parts(upload_id)


def _put_part(ports: Ports, upload: Upload, part: UploadPart) -> list[str]:
    """The keys of blobs that are not needed any more."""
    ports.blobs.keep(part.blob_key)
    with ports.store.work() as work:
        if work.of(upload).locked_upload(upload.id).file is not None:
            raise UploadIncomplete("It was ended already.")
        parts = work.uploads.parts(upload.id)
        if sum(p.length for p in parts if p.number != part.number) + part.length > ports.limits.max_file:
            raise FileTooLarge(f"At most {ports.limits.max_file} bytes.")
        work.uploads.put_part(upload.id, part)
    return [p.blob_key for p in parts if p.number == part.number]


def _end(ports: Ports, upload: Upload, file: StoredFile, etags: Sequence[str]) -> Upload:
    ports.blobs.keep(file.blob_key)
    with ports.store.work() as work:
        current = work.of(upload).locked_upload(upload.id)
        if current.file is not None:
            return current
        ended = current.complete(file, etags)
        work.uploads.save(ended)
        work.uploads.remove_parts(upload.id)
    return ended
