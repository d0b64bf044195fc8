"""``signroom extend``: signed files on a disk are raised by the demo's authority."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.commands import Done, command
from tests.harness.server import Server, base64
from tests.vectors import hard_pdfs

CONTENT = b"I owe 1 EUR"
FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "a.pdf": (hard_pdfs.make("plain"), {}),
    "a.txt": (CONTENT, {"signatureType": "Cms", "cmsSignatureOptions": {"detached": True}}),
    "a.xml": (b"<debt><amount>1</amount></debt>", {"signatureType": "Xml"}),
}


@pytest.fixture(scope="module")
def signed(sqlite_server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of level B-B, by the name of the file that was signed."""
    folder = tmp_path_factory.mktemp("signed")
    documents = [{"file": {"name": n, "content": base64(c)}, **more} for n, (c, more) in FILES.items()]
    opened = sqlite_server.open_session(documents=documents)
    page = sqlite_server.page(opened["redirectUrl"])
    page.sign(*page.demo_key())
    found: dict[str, Path] = {}
    for name, document in zip(FILES, sqlite_server.wait(opened["sessionId"])["documents"], strict=True):
        found[name] = folder / f"signed-{name}"
        found[name].write_bytes(sqlite_server.api.get(document["signedFile"]["location"]).content)
    return found


def extend(server: Server, *arguments: str | Path, **settings: str) -> Done:
    environment = {
        "SIGNROOM_DATA": str(server.data),
        "SIGNROOM_PUBLIC_URL": server.url,
        "SIGNROOM_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        **server.environment,
        **settings,
    }
    return command(environment, "extend", *map(str, arguments))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_raised_and_stays_itself(
    sqlite_server: Server, signed: dict[str, Path], name: str, tmp_path: Path
) -> None:
    output, before = tmp_path / "raised", signed[name].read_bytes()
    (tmp_path / "content").write_bytes(CONTENT)
    data: list[str | Path] = ["--data", tmp_path / "content"] if name == "a.txt" else []
    arguments: tuple[str | Path, ...] = (signed[name], "--output", output, "--context", "test", "--json", *data)

    done = extend(sqlite_server, *arguments, "--level", "LTA")

    assert done.returncode == 0, done.stderr + done.stdout
    (signature,) = json.loads(done.stdout)["signatures"]
    assert (signature["before"], signature["level"], signature["missing"]) == ("B-B", "B-LTA", None)
    assert signed[name].read_bytes() == before
    assert [one.name for one in tmp_path.glob("*part")] == []

    raised = output.read_bytes()
    again = extend(sqlite_server, *arguments, "--level", "LTA")
    assert again.returncode == 3
    assert "--force" in again.stderr
    assert output.read_bytes() == raised != before


def test_every_signature_of_a_file_is_raised(sqlite_server: Server, signed: dict[str, Path], tmp_path: Path) -> None:
    document = {"file": {"name": "twice.pdf", "content": base64(signed["a.pdf"].read_bytes())}}
    opened = sqlite_server.open_session(documents=[document])
    page = sqlite_server.page(opened["redirectUrl"])
    page.sign(*page.demo_key())
    (found,) = sqlite_server.wait(opened["sessionId"])["documents"]
    twice = tmp_path / "twice.pdf"
    twice.write_bytes(sqlite_server.api.get(found["signedFile"]["location"]).content)

    done = extend(sqlite_server, twice, "--level", "B-LTA", "--context", "test")

    assert done.returncode == 0, done.stderr + done.stdout
    assert [line[:5] for line in done.stdout.splitlines()] == ["B-LTA", "B-LTA", "Writt"]
    assert (tmp_path / "twice-B-LTA.pdf").read_bytes().startswith(hard_pdfs.make("plain"))


def test_what_is_missing_is_said(sqlite_server: Server, signed: dict[str, Path], tmp_path: Path) -> None:
    """The authority answers, the responder and the list cannot be reached: their addresses are private."""
    output = tmp_path / "raised.pdf"
    done = extend(
        sqlite_server,
        *(signed["a.pdf"], "--level", "LTA", "--output", output, "--context", "test"),
        SIGNROOM_PUBLIC_URL="http://127.0.0.1:9",
    )
    assert (done.returncode, output.exists()) == (4, False), done.stderr
    assert done.stdout.startswith("B-B  ")
    assert "Nothing was written." in done.stdout


def test_refusals_have_codes(sqlite_server: Server, signed: dict[str, Path], tmp_path: Path) -> None:
    plain = tmp_path / "plain.pdf"
    plain.write_bytes(FILES["a.pdf"][0])
    for arguments, code in (
        ((plain, "--level", "LTA"), "NotSigned"),
        ((signed["a.txt"], "--level", "LTA"), "DataFileRequired"),
        ((tmp_path / "nowhere.pdf", "--level", "LTA"), "BadRequest"),
        ((signed["a.pdf"], "--level", "LTA", "--output", signed["a.pdf"]), "BadRequest"),
        ((signed["a.pdf"], "--level", "LTA", "--tier", "gold"), "TimestampTierNotFound"),
        ((signed["a.pdf"], "--level", "LTA", "--context", "nobodys"), "SecurityContextNotFound"),
        ((signed["a.pdf"], "--level", "LTA", "--context", "icp-brasil"), "SecurityContextNotConfigured"),
    ):
        done = extend(sqlite_server, *arguments)
        assert (done.returncode, code in done.stderr) == (3, True), done.stderr
    assert extend(sqlite_server, signed["a.pdf"], "--level", "B-B").returncode == 2
