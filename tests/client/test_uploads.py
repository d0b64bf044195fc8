"""Files on their way to the service: inside the request, in one piece, in parts; never whole in memory."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from signroom_client import (
    AsyncSignroomClient,
    CmsSignatureOptions,
    FileReference,
    NewDocument,
    RefusedError,
    SignroomClient,
    UnexpectedAnswerError,
)
from signroom_client.files import as_reference
from signroom_client.uploads import INLINE_TOTAL

from tests.client.conftest import PDF
from tests.client.loopback import CUT, Loopback, Told, loopback, refused, told
from tests.harness.server import Server
from tests.vectors import hard_pdfs

MIB = 1 << 20
OPENED = told({"sessionId": "201856ce-273c-4058-a872-8937bd547d36", "redirectUrl": "https://sign.example/x"})
UPLOADED = told({"blobToken": "tok/en", "name": "a.pdf", "length": 1})


def bytes_of(length: int) -> bytes:
    """As many as wanted, no two parts alike."""
    return random.Random(length).randbytes(length)


class Drops:
    """A stream that gives little at a time, as sockets and pipes do."""

    def __init__(self, content: bytes, most: int = 100_000) -> None:
        self._content = io.BytesIO(content)
        self._most = most

    def read(self, size: int, /) -> bytes:
        return self._content.read(min(size, self._most))


class AwaitedDrops(Drops):
    """The same, awaited."""

    async def read(self, size: int, /) -> bytes:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().read(size)


# -- against the real service ----------------------------------------------------------------------

SIZES = [1200, INLINE_TOTAL, INLINE_TOTAL + 1, MIB, 5 * MIB, 5 * MIB + 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 21 * MIB]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_arrives_as_it_is(sqlite_server: Server, tmp_path: Path, size: int) -> None:
    content = hard_pdfs.of_length(size)
    (tmp_path / "ação 1.pdf").write_bytes(content)

    with SignroomClient(sqlite_server.url, sqlite_server.api_key) as client:
        created = client.create_session(documents=[tmp_path / "ação 1.pdf"])
        (document,) = client.get_session(created.session_id).documents
        assert document.original_file is not None
        arrived = client.download_bytes(document.original_file)

    assert (document.original_file.name, document.original_file.content_type) == ("ação 1.pdf", "application/pdf")
    assert len(arrived) == len(content) == size
    assert hashlib.sha256(arrived).digest() == hashlib.sha256(content).digest()


SOURCES: dict[str, Callable[[bytes], FileReference]] = {
    "bytes": lambda content: FileReference.from_bytes(content, "a.pdf"),
    "stream": lambda content: FileReference.from_stream(io.BytesIO(content), "a.pdf"),
    "drops": lambda content: FileReference.from_stream(Drops(content), "a.pdf"),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("size", [1200, 2 * MIB, 9 * MIB])
def test_every_source_arrives(sqlite_server: Server, source: str, size: int) -> None:
    content = hard_pdfs.of_length(size)

    with SignroomClient(sqlite_server.url, sqlite_server.api_key) as client:
        created = client.create_session(documents=[SOURCES[source](content)])
        (document,) = client.get_session(created.session_id).documents
        assert document.original_file is not None
        assert client.download_bytes(document.original_file) == content


@pytest.mark.parametrize("size", [1200, 2 * MIB, 9 * MIB])
def test_the_awaited_client_reads_awaited_streams(sqlite_server: Server, size: int) -> None:
    content = hard_pdfs.of_length(size)

    async def use() -> bytes:
        async with AsyncSignroomClient(sqlite_server.url, sqlite_server.api_key) as client:
            file = FileReference.from_stream(AwaitedDrops(content), "a.pdf")
            created = await client.create_session(documents=[file])
            (document,) = (await client.get_session(created.session_id)).documents
            assert document.original_file is not None
            return await client.download_bytes(document.original_file)

    assert asyncio.run(use()) == content


def test_an_upload_serves_several_sessions(sqlite_server: Server) -> None:
    with SignroomClient(sqlite_server.url, sqlite_server.api_key) as client:
        file = client.upload(FileReference.from_bytes(PDF, "small.pdf"))
        sessions = [client.create_session(documents=[file]).session_id for _ in range(2)]
        names = [d.original_file.name for s in sessions for d in client.get_session(s).documents if d.original_file]

    assert file.blob_token
    assert names == ["small.pdf", "small.pdf"]


def test_an_address_of_the_service_is_a_file(sqlite_server: Server) -> None:
    with SignroomClient(sqlite_server.url, sqlite_server.api_key) as client:
        first = client.create_session(documents=[FileReference.from_bytes(PDF, "first.pdf")])
        (document,) = client.get_session(first.session_id).documents
        assert document.original_file is not None
        second = client.create_session(
            documents=[document.original_file, FileReference.from_url(document.original_file.location, name="2.pdf")]
        )
        names = [d.original_file.name for d in client.get_session(second.session_id).documents if d.original_file]

    assert names == ["first.pdf", "2.pdf"]


def test_an_unknown_upload_is_refused_with_a_code(sqlite_server: Server) -> None:
    with SignroomClient(sqlite_server.url, sqlite_server.api_key) as client, pytest.raises(RefusedError) as caught:
        client.create_session(documents=[FileReference.from_blob("nothing")])

    assert caught.value.code == "UploadNotFound"


def test_a_large_file_is_never_whole_in_memory(sqlite_server: Server, tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    path.write_bytes(hard_pdfs.of_length(80 * MIB))

    with SignroomClient(sqlite_server.url, sqlite_server.api_key) as client:
        tracemalloc.start()
        try:
            reference = client.upload(path)
            created = client.create_session(documents=[reference])
            (document,) = client.get_session(created.session_id).documents
            assert document.original_file is not None
            client.download(document.original_file, tmp_path / "back.pdf")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert (tmp_path / "back.pdf").stat().st_size == path.stat().st_size
    assert peak < 40 * MIB, "some parts of 8 MiB, not the file"


# -- what goes over the wire -----------------------------------------------------------------------


def sent_parts(*answers: Told, file: FileReference) -> Loopback:
    with loopback(*answers) as service, SignroomClient(service.url, "k") as client:
        client.upload(file)
    return service


def begun(part_size: int) -> Told:
    return told({"blobToken": "tok/en", "partSize": part_size})


def etag(text: str) -> Told:
    return Told(200, b"", {"ETag": text})


ENDED = Told(200, b"")


def test_parts_have_the_size_that_the_service_wants_and_the_etags_go_back_as_they_came() -> None:
    content = bytes_of(6 * MIB)
    answers = [begun(2_500_000), etag('"a"'), etag('W/"b"'), etag("c"), ENDED]

    service = sent_parts(*answers, file=FileReference.from_stream(Drops(content), "a.pdf"))

    begin, *parts, end = service.heard
    assert (begin.path, begin.body) == ("/Api/MultipartUploads", b"")
    assert [part.path for part in parts] == [f"/Api/MultipartUploads/tok%2Fen/{n}" for n in range(3)]
    assert [len(part.body) for part in parts] == [2_500_000, 2_500_000, 6 * MIB - 5_000_000]
    assert b"".join(part.body for part in parts) == content
    for part in parts:
        md5 = hashlib.md5(part.body, usedforsecurity=False).digest()
        assert part.headers["content-md5"] == base64.b64encode(md5).decode()
        assert part.headers["content-type"] == "application/octet-stream"
    assert json.loads(end.body) == {
        "partETags": ['"a"', 'W/"b"', "c"],
        "completeMD5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
    }


def test_a_part_that_fails_is_sent_again_alone() -> None:
    content = bytes_of(6 * MIB)
    busy = refused(503, "StorageUnavailable", {"Retry-After": "0"})
    answers = [begun(4 * MIB), etag('"a"'), CUT, busy, etag('"b"'), ENDED]

    service = sent_parts(*answers, file=FileReference.from_stream(Drops(content), "a.pdf"))

    assert [request.path[-2:] for request in service.heard] == ["ds", "/0", "/1", "/1", "/1", "en"]
    assert len({request.body for request in service.heard if request.path.endswith("/1")}) == 1


@pytest.mark.parametrize("answers", [[begun(0)], [begun(4 * MIB), Told(200, b"")], [told({"partSize": 1})]])
def test_a_service_that_takes_no_parts_is_said_so(answers: list[Told]) -> None:
    with pytest.raises(UnexpectedAnswerError):
        sent_parts(*answers, file=FileReference.from_bytes(bytes_of(6 * MIB), "a.pdf"))


def test_what_there_is_room_for_goes_inside_and_more_goes_ahead() -> None:
    with loopback(OPENED) as service, SignroomClient(service.url, "k") as client:
        client.create_session(documents=[FileReference.from_bytes(b"x" * INLINE_TOTAL, "a.pdf")])
    with loopback(UPLOADED, OPENED) as plain, SignroomClient(plain.url, "k") as client:
        client.create_session(documents=[FileReference.from_bytes(b"x" * (INLINE_TOTAL + 1), "ç.pdf")])

    inside = json.loads(service.heard[0].body)["documents"][0]["file"]
    ahead = json.loads(plain.heard[1].body)["documents"][0]["file"]
    assert len(base64.b64decode(inside["content"])) == INLINE_TOTAL
    assert ahead == {
        "blobToken": "tok/en",
        "name": "ç.pdf",
        "contentType": "application/pdf",
        "mimeType": "application/pdf",
    }
    assert plain.heard[0].path == "/api/plain-uploads"
    assert plain.heard[0].headers["content-type"].startswith("multipart/form-data")
    assert b"x" * (INLINE_TOTAL + 1) in plain.heard[0].body


def test_many_files_share_the_room_of_one_request() -> None:
    """Each would fit; together they would be more than the service takes."""
    files = [FileReference.from_bytes(bytes_of(200_000 + n), f"{n}.bin") for n in range(12)]
    inline = INLINE_TOTAL // 200_011

    with loopback(*[UPLOADED] * (12 - inline), OPENED) as service, SignroomClient(service.url, "k") as client:
        client.create_session(documents=[NewDocument(file) for file in files])

    *ahead, opening = service.heard
    sent = [document["file"] for document in json.loads(opening.body)["documents"]]
    assert [request.path for request in ahead] == ["/api/plain-uploads"] * (12 - inline)
    assert [file["name"] for file in sent] == [f"{n}.bin" for n in range(12)]
    assert ["content" in file for file in sent] == [True] * inline + [False] * (12 - inline)
    assert len(opening.body) < INLINE_TOTAL * 4 / 3 + 10_000


def test_a_hundred_documents_are_never_together_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(MIB))
    with loopback(*[UPLOADED] * 100, OPENED) as service, SignroomClient(service.url, "k") as client:
        service.forgets_bodies = True
        tracemalloc.start()
        try:
            client.create_session(documents=[path] * 100)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert len(service.heard) == 101
    assert peak < 40 * MIB


def test_many_documents_open_a_session_where_files_must_be_small(small_server: Server) -> None:
    content = hard_pdfs.of_length(150_000)
    with SignroomClient(small_server.url, small_server.api_key) as client:
        created = client.create_session(documents=[FileReference.from_bytes(content, f"{n}.pdf") for n in range(15)])
        documents = client.get_session(created.session_id).documents

    assert [d.original_file.name for d in documents if d.original_file] == [f"{n}.pdf" for n in range(15)]


def test_an_upload_of_nothing_is_refused_at_once() -> None:
    with (
        loopback(UPLOADED) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(ValueError, match="empty"),
    ):
        client.upload(FileReference.from_bytes(b"", "a.pdf"))

    assert service.heard == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.xml", "application/xml"), ("a.xml.gz", "application/gzip"), ("a.pdf.xz", "application/x-xz"), ("a.Z", None)],
)
def test_what_is_packed_is_named_as_packed(name: str, kind: str | None) -> None:
    found = FileReference.from_bytes(b"x", name).content_type

    assert found in ({"application/xml", "text/xml"} if name == "a.xml" else {kind})


def test_the_file_of_a_detached_signature_is_sent_too() -> None:
    options = CmsSignatureOptions(detached=True, data_file=FileReference.from_bytes(b"data", "data.bin"))
    with loopback(OPENED) as service, SignroomClient(service.url, "k") as client:
        client.create_session(
            documents=[NewDocument(FileReference.from_bytes(b"x", "a.p7s"), cms_signature_options=options)]
        )

    (document,) = json.loads(service.heard[0].body)["documents"]
    assert document["cmsSignatureOptions"]["detached"] is True
    assert base64.b64decode(document["cmsSignatureOptions"]["dataFile"]["content"]) == b"data"


# -- mistakes are said, and nothing stays open -----------------------------------------------------


def test_a_stream_is_read_once() -> None:
    file = FileReference.from_stream(io.BytesIO(b"x"), "a.pdf")
    with loopback(OPENED) as service, SignroomClient(service.url, "k") as client:
        client.create_session(documents=[file])
        with pytest.raises(ValueError, match="read already"):
            client.create_session(documents=[file])

    assert len(service.heard) == 1


def test_an_awaited_stream_is_not_for_the_blocking_client() -> None:
    with (
        loopback(OPENED) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(TypeError, match="AsyncSignroomClient"),
    ):
        client.create_session(documents=[FileReference.from_stream(AwaitedDrops(b"x"), "a.pdf")])

    assert service.heard == []


def test_a_text_stream_is_said_so() -> None:
    text: Any = io.StringIO("x")
    with (
        loopback(OPENED) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(TypeError, match="binary"),
    ):
        client.create_session(documents=[FileReference.from_stream(text, "a.pdf")])


def test_a_bare_text_is_neither_a_path_nor_an_address() -> None:
    bare: Any = "contract.pdf"
    with SignroomClient("https://sign.example", "k") as client, pytest.raises(TypeError, match="Path"):
        client.create_session(documents=[bare])


def test_a_file_that_is_not_there_is_the_systems_own_error(tmp_path: Path) -> None:
    with SignroomClient("https://sign.example", "k") as client, pytest.raises(FileNotFoundError):
        client.create_session(documents=[tmp_path / "none.pdf"])


def test_a_reference_shows_neither_content_nor_tokens() -> None:
    files = [
        FileReference.from_bytes(b"hidden", "a.pdf"),
        FileReference.from_blob("hidden"),
        FileReference.from_url("https://x.example/?t=hidden"),
    ]

    assert "hidden" not in repr(files)


@pytest.mark.parametrize("given", [None, PDF, [PDF], Path("a.pdf"), [Path("a.pdf")], (NewDocument(Path("a.pdf")),)])
def test_documents_are_one_or_several_of_any_kind(given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.pdf").write_bytes(PDF)
    with loopback(OPENED) as service, SignroomClient(service.url, "k") as client:
        client.create_session(documents=given)

    documents = json.loads(service.heard[0].body).get("documents", [])
    contents = [base64.b64decode(document["file"]["content"]) for document in documents]
    assert contents == ([] if given is None else [PDF])


@pytest.mark.parametrize("given", ["a.pdf", ["a.pdf"]])
def test_a_bare_text_is_no_document(given: Any) -> None:
    with SignroomClient("https://sign.example", "k") as client, pytest.raises(TypeError, match="not str"):
        client.create_session(documents=given)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (PDF, "document.pdf"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><a/>", "document.xml"),
        (b"\x30\x82\x01\x00", "document.p7s"),
        (b"text", "document.bin"),
    ],
)
def test_bytes_are_called_by_how_they_begin(content: bytes, name: str) -> None:
    assert as_reference(content).name == name


def test_an_upload_tells_how_far_it_is(tmp_path: Path) -> None:
    def told_of(file: Any, *answers: Told) -> list[tuple[int, int | None]]:
        heard: list[tuple[int, int | None]] = []
        with loopback(*answers) as service, SignroomClient(service.url, "k") as client:
            client.upload(file, on_progress=lambda done, of: heard.append((done, of)))
        return heard

    large = tmp_path / "large.bin"
    large.write_bytes(bytes(6 * MIB))
    begun = told({"blobToken": "t", "partSize": 4 * MIB})
    part = Told(headers={"ETag": '"x"'})

    assert told_of(PDF, UPLOADED) == [(0, len(PDF)), (len(PDF), len(PDF))]
    assert told_of(large, begun, part) == [(0, 6 * MIB), (4 * MIB, 6 * MIB), (6 * MIB, 6 * MIB)]
    stream = FileReference.from_stream(io.BytesIO(bytes(6 * MIB)), "a.bin")
    assert told_of(stream, begun, part) == [(0, None), (4 * MIB, None), (6 * MIB, None)]


def test_an_error_of_the_listener_ends_the_upload() -> None:
    def stop(_done: int, _of: int | None) -> None:
        raise KeyboardInterrupt

    with loopback(UPLOADED) as service, SignroomClient(service.url, "k") as client:
        with pytest.raises(KeyboardInterrupt):
            client.upload(PDF, on_progress=stop)
        assert service.heard == []
