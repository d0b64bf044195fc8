"""``signroom robot``: a signer without a browser; its last line and its exit code tell how it went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api.requests import a_file
from tests.harness.commands import command
from tests.harness.server import Server, base64
from tests.pki import authority
from tests.vectors import hard_pdfs, what_a_file_is
from tests.verifiers import programs as verifiers

RETURN = "https://app.example/back?order=7"
LAST = hard_pdfs.make("ten-pages")


def robot(*arguments: str | Path, password: str | None = None) -> tuple[int, str, str]:
    """Exit code, last line of the output, everything on standard error."""
    done = command({} if password is None else {"SIGNROOM_PFX_PASSWORD": password}, "robot", *map(str, arguments))
    return done.returncode, (done.stdout.strip().splitlines() or [""])[-1], done.stderr


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    file = tmp_path / "contract.pdf"
    file.write_bytes(hard_pdfs.make("ten-pages"))
    return file


def test_it_uploads_and_signs_with_a_demo_key(sqlite_server: Server, contract: Path) -> None:
    opened = sqlite_server.open_session(returnUrl=RETURN)

    code, last, errors = robot(opened["redirectUrl"], "--demo", "--file", contract, "--file", contract)

    session = sqlite_server.session(opened["sessionId"])
    assert (code, last) == (0, f"{RETURN}&signatureSessionId={opened['sessionId']}"), errors
    assert session["status"] == "Completed"
    assert len(session["documents"]) == 2


@pytest.mark.parametrize("kind", ["rsa2048", "p384"])
def test_it_signs_predefined_documents_with_a_pfx(sqlite_server: Server, tmp_path: Path, kind: str) -> None:
    document = {"file": {"name": "a.pdf", "content": base64(hard_pdfs.make("plain"))}}
    opened = sqlite_server.open_session(documents=[document])
    pfx = tmp_path / "signer.pfx"
    pfx.write_bytes(authority.pfx(kind, "secret"))

    code, last, errors = robot(opened["redirectUrl"], "--pfx", pfx, password="secret")

    assert (code, last) == (0, "closed"), errors
    (signed,) = sqlite_server.files_of(opened["sessionId"], "signed-")
    assert verifiers.pyhanko(signed, [authority.root().certificate_der])[0].bottom_line


def test_it_cancels(sqlite_server: Server) -> None:
    opened = sqlite_server.open_session(returnUrl=RETURN)

    done = command({}, "robot", opened["redirectUrl"], "--cancel", "--json")
    returned = f"{RETURN}&signatureSessionId={opened['sessionId']}"
    assert json.loads(done.stdout) == {"status": "UserCancelled", "returnUrl": returned, "refused": []}
    assert sqlite_server.session(opened["sessionId"])["status"] == "UserCancelled"
    assert robot(opened["redirectUrl"], "--cancel")[0] == 3


@pytest.mark.parametrize(
    "arguments", [[], ["--demo", "--pfx", "x.pfx"], ["--demo", "--cancel"], ["--demo", "--file", "nowhere.pdf"]]
)
def test_wrong_usage_is_2_and_touches_nothing(sqlite_server: Server, arguments: list[str]) -> None:
    opened = sqlite_server.open_session()

    code, _, errors = robot(opened["redirectUrl"], *arguments)

    assert code == 2
    assert errors.strip()
    assert sqlite_server.page(opened["redirectUrl"]).load()["documents"] == []


def test_a_wrong_password_is_told_before_anything_is_uploaded(sqlite_server: Server, contract: Path) -> None:
    opened = sqlite_server.open_session()

    code, _, errors = robot(opened["redirectUrl"], "--pfx", sqlite_server.pfx, "--file", contract, password="wrong")

    assert code == 2
    assert "password" in errors
    assert "wrong password, or" in errors
    assert sqlite_server.page(opened["redirectUrl"]).load()["documents"] == []


def test_a_pfx_without_a_key_is_refused(sqlite_server: Server, contract: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

    pfx = tmp_path / "no-key.pfx"
    certificate = authority.leaf("p256").certificate
    pfx.write_bytes(pkcs12.serialize_key_and_certificates(b"x", None, certificate, None, NoEncryption()))
    opened = sqlite_server.open_session()

    code, _, errors = robot(opened["redirectUrl"], "--pfx", pfx, "--file", contract, password="")

    assert code == 2
    assert "no certificate with" in errors


def test_what_the_service_refuses_is_3_with_its_code(sqlite_server: Server, tmp_path: Path) -> None:
    opened = sqlite_server.open_session()
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(hard_pdfs.make("truncated"))
    expired = tmp_path / "expired.pfx"
    expired.write_bytes(authority.pfx("expired", "secret"))
    good = tmp_path / "good.pdf"
    good.write_bytes(hard_pdfs.make("plain"))

    code, _, errors = robot(opened["redirectUrl"], "--demo", "--file", bad)
    assert (code, "InvalidPdf" in errors) == (3, True)
    code, _, errors = robot(opened["redirectUrl"], "--pfx", expired, "--file", good, password="secret")
    assert (code, "CertificateExpired" in errors) == (3, True)
    code, _, errors = robot(f"{sqlite_server.url}/sign/wrong", "--demo")
    assert (code, "BadSignatureSessionToken" in errors) == (3, True)
    assert robot("http://127.0.0.1:9/sign/x", "--demo")[0] == 3
    assert robot("https://example.org/", "--demo")[0] == 2


def test_a_file_that_is_refused_is_named_and_the_others_are_signed(sqlite_server: Server, tmp_path: Path) -> None:
    opened = sqlite_server.open_session(returnUrl=RETURN)
    files = {"good.pdf": hard_pdfs.make("plain"), "bad.pdf": hard_pdfs.make("truncated"), "more.pdf": LAST}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    arguments = [part for name in files for part in ("--file", tmp_path / name)]

    code, last, errors = robot(opened["redirectUrl"], "--demo", *arguments)

    session = sqlite_server.session(opened["sessionId"])
    assert (code, last) == (4, f"{RETURN}&signatureSessionId={opened['sessionId']}"), errors
    assert errors.startswith("bad.pdf: InvalidPdf: The PDF is damaged")
    assert session["status"] == "Completed"
    assert [d["originalFile"]["name"] for d in session["documents"]] == ["good.pdf", "more.pdf"]


def test_a_document_that_cannot_be_prepared_is_named_and_the_others_are_signed(sqlite_server: Server) -> None:
    annex = what_a_file_is.signed_pdf()
    files = {"good.pdf": hard_pdfs.make("plain"), "annex.pdf.p7m": annex, "more.pdf": LAST}
    opened = sqlite_server.open_session(documents=[a_file(content, name) for name, content in files.items()])
    sqlite_server.stored_file(opened["sessionId"], annex).write_bytes(annex[:600])

    code, _, errors = robot(opened["redirectUrl"], "--demo")

    session = sqlite_server.session(opened["sessionId"])
    told = "annex.pdf.p7m: FileChanged: The stored file has changed since it was stored"
    assert (code, errors.count("\n")) == (4, 1)
    assert errors.startswith(told)
    assert [d["status"] for d in session["documents"]] == ["Completed", "ProcessingError", "Completed"]


def test_a_session_of_which_nothing_can_be_signed_is_ended(sqlite_server: Server) -> None:
    annex = what_a_file_is.signed_pdf()
    opened = sqlite_server.open_session(documents=[a_file(annex, "annex.pdf.p7m")])
    sqlite_server.stored_file(opened["sessionId"], annex).write_bytes(annex[:600])

    code, last, errors = robot(opened["redirectUrl"], "--demo")

    assert (code, last) == (4, "closed")
    assert "annex.pdf.p7m: FileChanged" in errors
    assert sqlite_server.session(opened["sessionId"])["status"] == "ProcessingError"


@pytest.mark.parametrize("form", ["DER", "base64 twice", "MIME header and base64 twice", "UTF-16", "PEM in base64"])
def test_it_signs_a_signed_file_once_more(sqlite_server: Server, form: str) -> None:
    annex = what_a_file_is.signed_pdf() if form == "DER" else what_a_file_is.text_forms()[form]
    opened = sqlite_server.open_session(documents=[a_file(annex, "annex.pdf.p7m")])

    code, _, errors = robot(opened["redirectUrl"], "--demo")

    assert code == 0, errors
    (document,) = sqlite_server.session(opened["sessionId"])["documents"]
    assert document["signatureType"] == "Cms"
