"""Files sent ahead: plain and multipart uploads, and what uses them."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.requests import SESSIONS, a_file, fetched, signed_session, uploaded
from tests.harness.server import Json, Server, base64, ok, refused
from tests.vectors import hard_pdfs

MULTIPART = "/Api/MultipartUploads"
PDF = hard_pdfs.make("plain")
PART = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n\r\n'
"""The beginning of a part, without content."""


def begun(server: Server) -> str:
    token: str = ok(server.api.post(MULTIPART))["blobToken"]
    return token


def part(server: Server, token: str, number: int, content: bytes, md5: str | None = None) -> str:
    headers = {"Content-Type": "application/octet-stream", **({"Content-MD5": md5} if md5 else {})}
    answer = server.api.post(f"{MULTIPART}/{token}/{number}", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.content in {b"", b"null"}
    return answer.headers["etag"]


def md5_of(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def test_a_plain_upload_becomes_a_document(server: Server, tmp_path: Path) -> None:
    token = uploaded(server, PDF)

    session = signed_session(server, {"file": {"blobToken": token}})

    original = session["documents"][0]["originalFile"]
    assert (original["name"], original["contentType"]) == ("contract.pdf", "application/pdf")
    assert fetched(original["location"], tmp_path).read_bytes() == PDF


def test_the_name_of_a_reference_wins_over_the_uploads(server: Server) -> None:
    token = uploaded(server, PDF)
    opened = server.open_session(documents=[{"file": {"blobToken": token, "name": "Vertrag.pdf"}}])

    assert server.session(opened["sessionId"])["documents"][0]["originalFile"]["name"] == "Vertrag.pdf"


def test_parts_in_any_order_and_sent_twice_become_one_file(server: Server, tmp_path: Path) -> None:
    pieces = [PDF[:300], PDF[300:700], PDF[700:]]
    token = begun(server)
    third = part(server, token, 2, pieces[2])
    first = part(server, token, 0, b"something else")
    first = part(server, token, 0, pieces[0], base64(md5_of(pieces[0])))
    second = part(server, token, 1, pieces[1], urlsafe_b64encode(md5_of(pieces[1])).decode())
    end = {"partETags": [first, second, third], "completeMD5": base64(md5_of(PDF))}

    for _ in range(2):  # the same end once more is answered the same
        assert server.api.post(f"{MULTIPART}/{token}", json=end).status_code == 200

    opened = server.open_session(documents=[{"file": {"blobToken": token, "name": "a.pdf"}}])
    location = server.session(opened["sessionId"])["documents"][0]["originalFile"]["location"]
    assert fetched(location, tmp_path).read_bytes() == PDF
    assert first.startswith('"')
    assert first.endswith('"')


def test_a_missing_part_is_told_at_the_end(server: Server) -> None:
    token = begun(server)
    etags = [part(server, token, 0, b"a"), part(server, token, 2, b"c")]

    answer = server.api.post(f"{MULTIPART}/{token}", json={"partETags": etags})

    assert refused(answer, 422) == "UploadIncomplete"


def test_other_etags_than_those_received_are_refused(server: Server) -> None:
    token = begun(server)
    part(server, token, 0, b"a")

    answer = server.api.post(f"{MULTIPART}/{token}", json={"partETags": ['"0cc175b9c0f1b6a831c399e269772662"']})

    assert refused(answer, 422) == "UploadIncomplete"


def test_an_upload_is_ended_once_and_again_with_the_same_parts(server: Server) -> None:
    token = begun(server)
    etag = part(server, token, 0, PDF)
    for etags in ([etag], [etag.strip('"').upper()]):
        assert server.api.post(f"{MULTIPART}/{token}", json={"partETags": etags}).status_code == 200

    wrong = {"partETags": [etag], "completeMD5": base64(md5_of(b"another"))}
    assert refused(server.api.post(f"{MULTIPART}/{token}", json=wrong), 422) == "UploadDigestMismatch"
    for etags in (["zzz"], [], [etag, etag]):
        answer = server.api.post(f"{MULTIPART}/{token}", json={"partETags": etags})
        assert refused(answer, 422) == "UploadIncomplete", etags


def test_bytes_that_changed_on_the_way_are_refused(server: Server) -> None:
    token = begun(server)
    wrong = base64(md5_of(b"what was meant"))
    address = f"{MULTIPART}/{token}/0"

    answer = server.api.post(address, content=b"what came", headers={"Content-MD5": wrong})
    etag = part(server, token, 0, b"what came")
    end = server.api.post(f"{MULTIPART}/{token}", json={"partETags": [etag], "completeMD5": wrong})

    assert refused(answer, 422) == "UploadDigestMismatch"
    assert refused(end, 422) == "UploadDigestMismatch"


@pytest.mark.parametrize("place", ["part", "request"])
def test_the_md5_of_a_plain_upload_is_compared(server: Server, place: str) -> None:
    def answer(of_file: bytes, of_body: bytes | None = None) -> httpx.Response:
        named = f"Content-MD5: {base64(md5_of(of_file))}\r\n" if place == "part" else ""
        form = f'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n{named}\r\n'.encode()
        form += b"what came\r\n--x--\r\n"
        digest = {"Content-MD5": base64(md5_of(of_body or form))} if place == "request" else {}
        headers = {"Content-Type": "multipart/form-data; boundary=x", **digest}
        return server.api.post("/api/plain-uploads", content=form, headers=headers)

    assert answer(b"what came").status_code == 200
    assert refused(answer(b"what was meant", b"what was meant"), 422) == "UploadDigestMismatch"


@pytest.mark.parametrize("md5", ["no base64!", "c2hvcnQ="])
def test_an_md5_that_is_none_is_refused(server: Server, md5: str) -> None:
    answer = server.api.post(f"{MULTIPART}/{begun(server)}/0", content=b"x", headers={"Content-MD5": md5})

    assert refused(answer, 400) == "BadRequest"


@pytest.mark.parametrize(("number", "status"), [("-1", 400), ("10000", 400), ("first", 404)])
def test_part_numbers_have_bounds(server: Server, number: str, status: int) -> None:
    answer = server.api.post(f"{MULTIPART}/{begun(server)}/{number}", content=b"x")

    assert answer.status_code in {status, 400}
    assert set(answer.json()) == {"code", "message", "path", "docUrl"}


def test_a_part_is_at_most_as_large_as_was_said(server: Server) -> None:
    answer = server.api.post(f"{MULTIPART}/{begun(server)}/0", content=bytes((8 << 20) + 1))

    assert refused(answer, 413) == "FileTooLarge"


def test_parts_together_are_at_most_a_file(small_server: Server) -> None:
    token = begun(small_server)
    part(small_server, token, 0, bytes(150 << 10))

    answer = small_server.api.post(f"{MULTIPART}/{token}/1", content=bytes(60 << 10))

    assert refused(answer, 413) == "FileTooLarge"


def test_a_plain_upload_has_at_most_5_mib(server: Server) -> None:
    answer = server.api.post("/api/plain-uploads", files={"f": ("a.pdf", bytes((5 << 20) + 1))})

    assert refused(answer, 413) == "FileTooLarge"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data", 400),
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 400),
        (b"----\r\n", 'multipart/form-data; boundary=""', 400),
        (b"--b--\r\n", "multipart/form-data; boundary=" + "b" * 30_000, 400),
        (PART * 2000 + b"--b--\r\n", "multipart/form-data; boundary=b", 400),
    ],
)
def test_a_form_that_is_none_is_refused(server: Server, content: bytes, kind: str, status: int) -> None:
    refused(server.api.post("/api/plain-uploads", content=content, headers={"Content-Type": kind}), status)


def test_a_form_without_end_is_refused_though_its_file_is_small(server: Server) -> None:
    def endless() -> Iterator[bytes]:
        yield PART + b"small"
        yield b"\r\n" + PART
        for _ in range(100):
            yield bytes(1 << 20)

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Expect": ""}
    try:
        answer = server.api.post("/api/plain-uploads", content=endless(), headers=headers)
    except httpx.TransportError:  # it was ended while we sent
        return

    assert refused(answer, 413) == "FileTooLarge"


def test_what_was_never_ended_cannot_be_used(server: Server) -> None:
    token = begun(server)
    part(server, token, 0, PDF)

    answer = server.api.post(SESSIONS, json={"documents": [{"file": {"blobToken": token, "name": "a.pdf"}}]})

    assert refused(answer, 422) == "UploadIncomplete"


@pytest.mark.parametrize(
    "change",
    [
        # One token in 64 begins with an x.
        lambda token: ("y" if token[0] == "x" else "x") + token[1:],
        lambda token: token.swapcase(),
    ],
)
def test_a_blob_token_is_exact(server: Server, change: object) -> None:
    token = change(uploaded(server, PDF))  # type: ignore[operator]

    answer = server.api.post(SESSIONS, json={"documents": [{"file": {"blobToken": token}}]})

    assert refused(answer, 422) == "UploadNotFound"


def test_another_subscriptions_upload_does_not_exist(server: Server, other_key: str) -> None:
    token = uploaded(server, PDF)
    theirs = {"X-Api-Key": other_key}

    session = server.api.post(SESSIONS, json={"documents": [{"file": {"blobToken": token}}]}, headers=theirs)
    added = server.api.post(f"{MULTIPART}/{begun(server)}/0", content=b"x", headers=theirs)

    assert refused(session, 422) == "UploadNotFound"
    assert refused(added, 422) == "UploadNotFound"


def test_the_location_of_an_upload_is_a_file_of_its_owner_alone(server: Server, other_key: str, tmp_path: Path) -> None:
    answer = ok(server.api.post("/api/plain-uploads", files={"file": ("contract.pdf", PDF, "application/pdf")}))
    theirs = {"X-Api-Key": other_key}

    assert answer["url"] == answer["location"]
    assert fetched(answer["location"], tmp_path).read_bytes() == PDF
    assert server.api.get(answer["location"]).content == PDF, "with the key, too"
    relative = answer["location"].removeprefix(server.url)
    for reference in ({"url": answer["url"]}, {"location": answer["location"]}, {"url": relative}, answer):
        session = server.session(server.open_session(documents=[{"file": reference}])["sessionId"])
        assert session["documents"][0]["originalFile"]["name"] == "contract.pdf"
    stolen = {"documents": [{"file": {"url": answer["url"]}}]}
    assert refused(server.api.post(SESSIONS, json=stolen, headers=theirs), 422) == "FileDownloadFailed"
    inspected = server.api.put("/api/signature-inspection", json={"file": {"url": answer["url"]}}, headers=theirs)
    assert refused(inspected, 422) == "FileDownloadFailed"


def test_an_upload_may_serve_twice_and_a_refused_session_does_not_take_it_away(server: Server) -> None:
    token = uploaded(server, PDF)
    both: list[Json] = [{"file": {"blobToken": token}}, a_file(b"%PDF-1.7 damaged")]

    assert refused(server.api.post(SESSIONS, json={"documents": both}), 422) == "InvalidPdf"
    for _ in range(2):
        assert signed_session(server, {"file": {"blobToken": token}})["status"] == "Completed"
