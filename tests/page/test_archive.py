"""All signed files of a session in one archive."""

from __future__ import annotations

import io
from zipfile import ZipFile

import httpx
import pytest

from signroom.domain.document import StoredFile
from signroom.http.archive import unique_names
from tests.api.requests import a_file
from tests.harness.server import Json, Server, refused
from tests.vectors import hard_pdfs


def signed(server: Server, *documents: Json, **fields: object) -> Json:
    """The page's view of a session whose documents are signed."""
    opened = server.open_session(documents=list(documents), **fields)
    page = server.page(opened["redirectUrl"])
    page.sign(*page.demo_key())
    server.wait(opened["sessionId"])
    return page.load()


def test_it_holds_the_signed_files_as_they_are(sqlite_server: Server) -> None:
    view = signed(sqlite_server, a_file(), a_file(hard_pdfs.make("ten-pages")))
    answer = httpx.get(view["signedFiles"])

    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith('attachment; filename="signed-documents.zip"')
    assert "sandbox" in answer.headers["content-security-policy"]
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["contract.pdf", "contract (2).pdf"]
        files = [archive.read(name) for name in archive.namelist()]
    assert files == [httpx.get(d["signedFile"]["location"]).content for d in view["documents"]]


def test_a_file_that_has_changed_leaves_no_archive(sqlite_server: Server) -> None:
    view = signed(sqlite_server, a_file(), a_file(hard_pdfs.make("ten-pages")))
    second = httpx.get(view["documents"][1]["signedFile"]["location"]).content
    (stored,) = [
        file for file in (sqlite_server.data / "files").rglob("*") if file.is_file() and file.read_bytes() == second
    ]
    stored.write_bytes(second.replace(b"%%EOF", b"%%EOG"))

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(view["signedFiles"])


def test_there_is_none_where_it_is_of_no_use(sqlite_server: Server) -> None:
    assert signed(sqlite_server, a_file())["signedFiles"] is None
    assert signed(sqlite_server, a_file(), a_file(), disableDownloads=True)["signedFiles"] is None


def test_only_its_own_token_opens_it(sqlite_server: Server) -> None:
    view = signed(sqlite_server, a_file(), a_file())
    token = view["documents"][0]["signedFile"]["location"].rsplit("/", 1)[1]
    own = view["signedFiles"].rsplit("/", 1)[1]

    for path in (f"/sign/files/{token}", f"/api/downloads/{own}", f"/sign/files/{own}x"):
        assert refused(httpx.get(f"{sqlite_server.url}{path}"), 403) == "BadDownloadToken"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.pdf", "A.pdf", "a.pdf"], ["a.pdf", "A (2).pdf", "a (3).pdf"]),
        (["../../etc/passwd", "C:\\x\\y.pdf", "..", "a\x00b"], ["_.._etc_passwd", "C__x_y.pdf", "document", "a_b"]),
        (["a (2).pdf", "a.pdf", "a.pdf"], ["a (2).pdf", "a.pdf", "a (3).pdf"]),
    ],
)
def test_every_file_has_a_name_that_every_system_takes(names: list[str], expected: list[str]) -> None:
    assert unique_names([StoredFile("key", name, "application/pdf", 1, b"") for name in names]) == expected
