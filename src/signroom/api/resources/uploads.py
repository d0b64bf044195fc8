"""``/api/plain-uploads`` and ``/Api/MultipartUploads``: files sent ahead of the request that uses them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import MediaType, Request, Response, post
from litestar.params import Parameter
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.description import MD5_TEXT, FileForm, Octets
from signroom.api.media import ANSWERS, UnsupportedMediaType, body_is_read_later, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.models import upload_model
from signroom.domain.document import clean_file_name
from signroom.domain.errors import BadFileName, BadInput, FileTooLarge, UnknownField, UploadDigestMismatch
from signroom.domain.upload import PART_SIZE, PLAIN_LIMIT
from signroom.http.ignored import MAX_NAMED, is_strict, name_ignored, shown
from signroom.service.documents.file_sources import media_type
from signroom.service.documents.upload_files import begin_upload, end_upload, upload_part, upload_plain

_TAGS = ["Uploads"]
_MD5_BYTES = 16
_MAX_FORM = PLAIN_LIMIT + (1 << 20)
"""Bytes of a form, with what is around its file."""
_MAX_BOUNDARY = 200
_MAX_PARTS = 1000
"""Of a form: only the first is looked at, and each costs."""


# The verb counts the bytes as they come: its error (with the limit in it) is the answer.
@post(
    "/api/plain-uploads",
    status_code=200,
    responses=ANSWERS,
    request_max_body_size=None,
    operation_class=FileForm,
    before_request=body_is_read_later,
    summary="Upload a file of up to 5 MiB",
    tags=_TAGS,
)
async def plain(
    request: Request[Any, Any, Any], ports: InjectedPorts, caller: InjectedCaller
) -> shapes.FileReferenceModel:
    """`multipart/form-data` with one file, whatever its field is called.

    The answer is a file reference as other requests take one, by its `blobToken` for a day. Its `location` (and `url`)
    is an address of the file that works without a key for some hours; this subscription may give it back as a `url`.

    A `Content-MD5` is compared: in the file's own part with the file, in the request with the whole body.
    """
    form = _Form(request)
    part = await form.first_file()
    name = _name(part.filename)
    kind = media_type(part.content_type, name or "")
    new = await upload_plain(ports, caller, name, kind, form.content())
    name_ignored(request, form.others)
    return upload_model(ports, new.upload, new.token)


@post("/Api/MultipartUploads", status_code=200, responses=ANSWERS, summary="Begin an upload in parts", tags=_TAGS)
async def begin(ports: InjectedPorts, caller: InjectedCaller) -> shapes.MultipartUploadModel:
    """For any size. Each part but the last has `partSize` bytes."""
    new = await asyncio.to_thread(begin_upload, ports, caller)
    return shapes.MultipartUploadModel(blob_token=new.token, part_size=PART_SIZE)


@post(
    "/Api/MultipartUploads/{token:str}/{number:int}",
    status_code=200,
    responses=ANSWERS,
    request_max_body_size=None,
    operation_class=Octets,
    before_request=body_is_read_later,
    summary="Upload a part",
    tags=_TAGS,
)
async def part(
    token: str,
    number: int,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    caller: InjectedCaller,
    content_md5: Annotated[str, Parameter(header="Content-MD5", schema_extra={"pattern": MD5_TEXT})] = "",
) -> Response[bytes]:
    """The raw bytes (`application/octet-stream`), numbered from 0. Keep the `ETag` of the answer for the end."""
    stored = await upload_part(ports, caller, token, number, request.stream(), md5=_md5(content_md5))
    return Response(b"", headers={"ETag": f'"{stored.etag}"'}, media_type=MediaType.TEXT)


@post(
    "/Api/MultipartUploads/{token:str}",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="End an upload in parts",
    tags=_TAGS,
)
async def end(
    token: str, data: shapes.EndUploadRequest, ports: InjectedPorts, caller: InjectedCaller
) -> Response[bytes]:
    """The ETags as they were received, in order. Then `blobToken` stands for the file, for a day."""
    await end_upload(ports, caller, token, data.part_e_tags, _md5(data.complete_md5, "completeMD5"))
    return Response(b"", media_type=MediaType.TEXT)


class _Form:
    """The first file of a multipart/form-data body (RFC 7578), streamed."""

    def __init__(self, request: Request[Any, Any, Any]) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != "multipart/form-data":
            raise UnsupportedMediaType(detail="The body must be multipart/form-data.")
        if "boundary" not in options:
            raise BadInput("The multipart body has no boundary.", path="Content-Type")
        self._md5_of_body = _md5(request.headers.get("content-md5"))
        self._md5_of_file: bytes | None = None
        self._events = self._parse(_parser(options["boundary"]), request.stream())
        self._is_strict = is_strict(request)
        self._has_file_name = False
        self.others: list[str] = []
        """Names of the fields behind the file, at most `MAX_NAMED`."""

    async def first_file(self) -> MultipartSegment:
        """Raises: BadInput when the body ends before one."""
        async for event in self._events:
            if isinstance(event, MultipartSegment):
                self._md5_of_file = _md5(event.header("Content-MD5"))
                self._has_file_name = event.filename is not None
                return event
        raise BadInput("The multipart body has no file.")

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the file that `first_file` found. What comes after it is read, and kept as a name in `others`.

        Raises: UploadDigestMismatch at the end, UnknownField, BadInput.
        """
        inside, digest = True, hashlib.md5(usedforsecurity=False)
        async for event in self._events:
            if not event:
                inside = False
            elif isinstance(event, MultipartSegment):
                self._pass_over(event)
            elif inside and isinstance(event, bytes | bytearray):
                if self._md5_of_file is not None:
                    digest.update(event)
                yield bytes(event)
        _require_digest(self._md5_of_file, digest.digest())

    def _pass_over(self, part: MultipartSegment) -> None:
        if part.filename is not None and not self._has_file_name:
            raise BadInput("The file is not the first part of the form.")
        name = shown(part.name)
        if self._is_strict:
            raise UnknownField(f"'{name}'.", path=name)
        if len(self.others) < MAX_NAMED:
            self.others.append(name)

    async def _parse(
        self, parser: PushMultipartParser, stream: AsyncIterator[bytes]
    ) -> AsyncIterator[MultipartSegment | bytearray | None]:
        digest, received = hashlib.md5(usedforsecurity=False), 0
        try:
            with parser:
                async for chunk in stream:
                    received += len(chunk)
                    if received > _MAX_FORM:
                        raise FileTooLarge(f"A form has at most {_MAX_FORM} bytes.")
                    if self._md5_of_body is not None:
                        digest.update(chunk)
                    for event in parser.parse(chunk):
                        yield event
                parser.parse(b"")
        except (MultipartError, ParserLimitReached) as error:
            raise BadInput("The multipart body is malformed.") from error
        _require_digest(self._md5_of_body, digest.digest())


def _parser(boundary: str) -> PushMultipartParser:
    """Raises: BadInput for a boundary that cannot be one (RFC 2046, 5.1.1: 1 to 70 characters)."""
    if len(boundary) > _MAX_BOUNDARY:
        raise BadInput(
            f"The boundary of the multipart body has more than {_MAX_BOUNDARY} characters.", path="Content-Type"
        )
    try:
        return PushMultipartParser(boundary, max_segment_count=_MAX_PARTS)
    except MultipartError as error:
        raise BadInput("The boundary of the multipart body is malformed.", path="Content-Type") from error


def _require_digest(expected: bytes | None, digest: bytes) -> None:
    if expected is not None and not hmac.compare_digest(expected, digest):
        raise UploadDigestMismatch


def _name(given: str | None) -> str | None:
    try:
        return clean_file_name(given) if given else None
    except BadFileName:
        return None


def _md5(text: str | None, field: str = "Content-MD5") -> bytes | None:
    """Base64, standard or URL-safe. `field` is the one that it stands in. Raises: BadInput."""
    if not text:
        return None
    plain = text.strip().translate(str.maketrans("-_", "+/"))
    try:
        digest = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as error:  # binascii.Error is one; other than ASCII is another
        raise BadInput("An MD5 is base64.", path=field) from error
    if len(digest) != _MD5_BYTES:
        raise BadInput(f"An MD5 has {_MD5_BYTES} bytes.", path=field)
    return digest
