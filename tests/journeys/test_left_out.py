"""A document of which it turns out after consent that it cannot be signed: named, left out, the others are signed."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Page, expect

from tests.api.requests import a_file, fetched
from tests.harness.hooks import new_hook, running_receiver
from tests.harness.server import Json, Server, ok
from tests.harness.tenants import new_tenant
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.journeys.test_signing import choose_demo_key
from tests.pki import authority
from tests.vectors import hard_pdfs, what_a_file_is
from tests.verifiers import programs as verifiers
from tests.verifiers.cms import openssl_accepts

CONTRACT, ANNEX, LEASE = hard_pdfs.make("ten-pages"), what_a_file_is.signed_pdf(), hard_pdfs.make("plain")
REASON = "The stored file is damaged. Contact the people who asked you to sign."


def three() -> list[Json]:
    return [a_file(CONTRACT, "contract.pdf"), a_file(ANNEX, "annex.pdf.p7m"), a_file(LEASE, "lease.pdf")]


def spoil(server: Server, opened: Json) -> None:
    """The store loses the end of the annex: a failing disk does that. Pre-flight has let it pass."""
    server.stored_file(opened["sessionId"], ANNEX).write_bytes(ANNEX[:600])


def consent(page: Page, opened: Json, count: int) -> None:
    page.goto(opened["redirectUrl"])
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name=f"Sign {count} document").click()


def test_the_signer_goes_on_without_it_and_the_application_is_told(
    sqlite_server: Server, window: Watched, tmp_path: Path, demo_nss: Path, demo_roots: list[bytes]
) -> None:
    tenant, page = new_tenant(sqlite_server), window.page
    with running_receiver() as receiver:
        endpoint = receiver.endpoint()
        new_hook(tenant, endpoint, "DocumentSignatureCompleted", "DocumentFailed", "SessionFailed")
        opened = ok(tenant.open_session(documents=three(), returnUrl="https://app.example/back?order=7"))
        spoil(sqlite_server, opened)
        consent(page, opened, 3)

        expect(page.get_by_role("heading", name="1 document cannot be signed")).to_be_focused()
        expect(page.locator(".refused")).to_contain_text(f"annex.pdf.p7m{REASON}")
        expect(page.get_by_text("For support: FileChanged")).to_be_visible()
        page.get_by_role("button", name="Continue without it").click()
        expect(page.get_by_role("heading", name="Check and sign")).to_be_visible()
        expect(page.get_by_text("You are signing these 2 documents:")).to_be_visible()
        expect(page.locator(".refused")).to_contain_text("annex.pdf.p7m")
        page.get_by_role("button", name="Sign 2 documents").click()

        expect(page.get_by_role("heading", name="Some documents could not be signed")).to_be_visible()
        expect(page.get_by_text("What you signed is saved.")).to_be_visible()
        expect(page.get_by_role("link", name="Download contract.pdf")).to_be_visible()
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)
        back = f"https://app.example/back?order=7&signatureSessionId={opened['sessionId']}"
        expect(page.get_by_role("link", name="Return to")).to_have_attribute("href", back)
        endpoint.wait(4)

    path = f"/api/signature-sessions/{opened['sessionId']}"
    session = ok(sqlite_server.api.get(path, headers=tenant.worker))
    contract, annex, lease = session["documents"]
    assert (session["status"], session["processingErrorCode"]) == ("ProcessingError", "FileChanged")
    assert [d["status"] for d in session["documents"]] == ["Completed", "ProcessingError", "Completed"]
    assert annex["processingErrorCode"] == "FileChanged"
    assert annex["signedFile"] is None
    for document in (contract, lease):
        verifiers.require_accepted(fetched(document["signedFile"]["location"], tmp_path), demo_nss, demo_roots)
    told = {(body["type"], body.get("document", {}).get("processingErrorCode")) for body in endpoint.bodies}
    assert told == {
        ("DocumentSignatureCompleted", None),
        ("DocumentFailed", "FileChanged"),
        ("SessionFailed", None),
    }
    (failed,) = [body["document"] for body in endpoint.bodies if body["type"] == "DocumentFailed"]
    assert (failed["id"], failed["originalFile"]["name"]) == (annex["id"], "annex.pdf.p7m")


def test_a_file_that_is_whole_again_is_asked_for_anew(sqlite_server: Server, window: Watched) -> None:
    opened, page = sqlite_server.open_session(documents=three()), window.page
    spoil(sqlite_server, opened)
    consent(page, opened, 3)
    page.get_by_role("button", name="Continue without it").click()
    expect(page.get_by_role("button", name="Sign 2 documents")).to_be_visible()
    sqlite_server.stored_file(opened["sessionId"], ANNEX[:600]).write_bytes(ANNEX)

    page.get_by_role("button", name="Sign 2 documents").click()
    page.get_by_role("button", name="Sign 3 documents").click()

    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible()
    assert {d["status"] for d in sqlite_server.session(opened["sessionId"])["documents"]} == {"Completed"}


def test_nothing_that_can_be_signed_is_no_dead_end(sqlite_server: Server, narrow_window: Watched) -> None:
    opened = sqlite_server.open_session(documents=[a_file(ANNEX, "annex.pdf.p7m")], returnUrl="https://app.example/")
    page = narrow_window.page
    spoil(sqlite_server, opened)
    consent(page, opened, 1)

    expect(page.get_by_text("There is nothing left to sign.")).to_be_visible()
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_visible()
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()
    page.get_by_role("button", name="Finish without signing").click()

    expect(page.get_by_role("heading", name="Nothing was signed")).to_be_visible()
    expect(page.locator(".files .problem")).to_have_text(REASON)
    expect(page.get_by_role("link", name="Return to")).to_be_visible()
    assert sqlite_server.session(opened["sessionId"])["status"] == "ProcessingError"


def test_a_file_of_the_signers_own_is_taken_out_and_replaced(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    opened, page = sqlite_server.open_session(), window.page
    annex, lease = tmp_path / "annex.pdf.p7m", tmp_path / "lease.pdf"
    annex.write_bytes(ANNEX)
    lease.write_bytes(LEASE)
    page.goto(opened["redirectUrl"])
    page.locator("input[type=file]").set_input_files([annex, lease])
    expect(page.get_by_text("ready to sign")).to_have_count(2)
    spoil(sqlite_server, opened)
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 2 documents").click()

    page.get_by_role("button", name="Back to your documents").click()
    page.get_by_role("button", name="Remove annex.pdf.p7m").click()
    page.locator("input[type=file]").set_input_files(annex)
    expect(page.get_by_text("ready to sign")).to_have_count(2)
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 2 documents").click()

    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible()


def test_a_signed_pdf_in_a_cms_object_gets_one_signer_more(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    """`.pdf.p7m`: the page takes the content out of its own bytes before the key is used."""
    forms = what_a_file_is.text_forms()
    files = [ANNEX, forms["base64 twice"], forms["MIME header"]]
    opened = sqlite_server.open_session(documents=[a_file(file, f"{n}.pdf.p7m") for n, file in enumerate(files)])
    consent(window.page, opened, 3)
    expect(window.page.get_by_role("heading", name="Documents signed")).to_be_visible()

    roots = sqlite_server.ca_certificate.read_bytes() + authority.root().certificate.public_bytes(Encoding.PEM)
    for document in sqlite_server.session(opened["sessionId"])["documents"]:
        signed = fetched(document["signedFile"]["location"], tmp_path)
        assert document["signatureType"] == "Cms"
        assert openssl_accepts(signed, roots, cades=False) == what_a_file_is.pdf()
