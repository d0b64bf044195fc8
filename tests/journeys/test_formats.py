"""One consent over a PDF, an XML document and a file of another kind; each output judged by its own verifiers."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.api.requests import a_file, fetched
from tests.harness.server import Json, Server
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.journeys.test_signing import choose_demo_key, choose_pfx
from tests.vectors import hard_pdfs
from tests.verifiers import cms as cms_verifier
from tests.verifiers import programs as verifiers
from tests.verifiers import xml as xml_verifier

XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<?style none?>
<!-- an order -->
<order xmlns="urn:example:order" xmlns:unused="urn:example:unused" z='1' a="2">
  <item price="9.90">Caf\xc3\xa9 &amp; <![CDATA[<cake>]]></item><?note inside?>
  <item/>
</order>
"""
TEXT = "Not a PDF: “just a text”.\n".encode() * 1000


def three() -> list[Json]:
    return [
        a_file(hard_pdfs.make("ten-pages"), "contract.pdf"),
        a_file(XML, "order.xml", signatureType="Xml"),
        a_file(TEXT, "notes.txt", cmsSignatureOptions={"detached": False}),
    ]


def sign_all(page: Page, count: int) -> None:
    page.get_by_role("button", name=f"Sign {count} documents").click()
    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible()


def test_three_formats_with_one_consent(
    sqlite_server: Server, window: Watched, tmp_path: Path, demo_nss: Path, demo_roots: list[bytes]
) -> None:
    opened = sqlite_server.open_session(documents=three())
    window.page.goto(opened["redirectUrl"])
    go_on_to_signing(window.page)
    choose_demo_key(window.page)
    sign_all(window.page, 3)

    documents = sqlite_server.session(opened["sessionId"])["documents"]
    pdf, xml, cms = (d["signedFile"] for d in documents)
    root = sqlite_server.ca_certificate.read_bytes()
    assert [d["signatureType"] for d in documents] == ["Pdf", "Xml", "Cms"]
    assert [f["name"] for f in (pdf, xml, cms)] == ["contract.pdf", "order.xml", "notes.txt.p7s"]
    assert [f["contentType"] for f in (xml, cms)] == ["application/xml", "application/pkcs7-signature"]
    verifiers.require_accepted(fetched(pdf["location"], tmp_path), demo_nss, demo_roots)
    xml_verifier.require_accepted(fetched(xml["location"], tmp_path), root)
    cms_verifier.require_accepted(fetched(cms["location"], tmp_path), root, TEXT)


def test_an_rsa_key_of_a_file_signs_all_three_and_a_second_signer_breaks_nothing(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    opened = sqlite_server.open_session(documents=three())
    window.page.goto(opened["redirectUrl"])
    go_on_to_signing(window.page)
    choose_pfx(window.page, sqlite_server.pfx, sqlite_server.pfx_password)
    sign_all(window.page, 3)
    first = sqlite_server.session(opened["sessionId"])["documents"]
    root = sqlite_server.ca_certificate.read_bytes()

    again = [
        {"file": {"url": d["signedFile"]["location"]}, "signatureType": d["signatureType"]}
        for d in first
        if d["signatureType"] != "Cms"
    ]
    second = sqlite_server.open_session(documents=again)
    window.page.goto(second["redirectUrl"])
    go_on_to_signing(window.page)
    choose_demo_key(window.page)
    sign_all(window.page, 2)

    pdf, xml = (d["signedFile"]["location"] for d in sqlite_server.session(second["sessionId"])["documents"])
    assert len(verifiers.pyhanko(fetched(pdf, tmp_path), [])) == 2
    xml_verifier.require_accepted(fetched(xml, tmp_path), root, signatures=2)
