"""Which certificate: all that a source has, best first, and why one cannot be used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from playwright.sync_api import Locator, Page, expect

from tests.harness.server import Server
from tests.journeys.conftest import Watched
from tests.journeys.test_page_faults import CONNECTION, open_predefined
from tests.journeys.test_signing import choose_demo_key, choose_pfx
from tests.pki import authority


def a_file(folder: Path, names: Sequence[str]) -> Path:
    file = folder / "several.pfx"
    file.write_bytes(authority.pfx_of_several(names, "secret"))
    return file


def row(page: Page, name: str) -> Locator:
    return page.locator(".certificate").filter(has=page.get_by_text(f"Signer {name}", exact=True))


def test_what_can_be_used_comes_first_and_the_rest_says_why_not(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    choose_pfx(
        page,
        a_file(tmp_path, ["expired", "wrong-key-usage", "ca", "p256", "not-yet-valid", "rsa1024", "rsa2048"]),
        "secret",
    )

    expect(page.get_by_role("heading", name="Choose a certificate")).to_be_focused()
    expect(page.get_by_role("radio")).to_have_count(7)
    first_two = page.locator(".certificate .name").all_inner_texts()[:2]
    assert set(first_two) == {"Signer p256", "Signer rsa2048"}
    reasons = {
        "expired": "Expired on",
        "wrong-key-usage": "not meant for signing",
        "ca": "certificate of an authority \\(CA:TRUE\\)",
        "not-yet-valid": "^Valid from",
        "rsa1024": "too weak",
    }
    for name, reason in reasons.items():
        expect(row(page, name).get_by_role("radio")).to_be_disabled()
        expect(row(page, name).get_by_text(re.compile(reason))).to_be_visible()


def test_the_chosen_one_signs_and_another_can_be_chosen_before(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    choose_pfx(page, a_file(tmp_path, ["p256", "rsa2048"]), "secret")
    row(page, "rsa2048").get_by_role("radio").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Signer rsa2048", exact=True)).to_be_visible()
    page.get_by_role("button", name="Change certificate").click()
    expect(row(page, "rsa2048").get_by_role("radio")).to_be_checked()
    row(page, "p256").get_by_role("radio").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()


def test_the_only_one_that_fits_need_not_be_chosen_and_the_others_can_be_looked_at(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    choose_pfx(page, a_file(tmp_path, ["expired", "p256"]), "secret")
    expect(page.get_by_role("heading", name="Check and sign")).to_be_visible()
    expect(page.get_by_text("Signer p256", exact=True)).to_be_visible()
    page.get_by_role("button", name="Change certificate").click()

    expect(row(page, "expired").get_by_text(re.compile("Expired on"))).to_be_visible()
    page.get_by_role("button", name="Use another certificate").click()
    expect(page.get_by_role("heading", name="How do you want to sign?")).to_be_visible()


def test_details_are_there_for_who_asks(sqlite_server: Server, window: Watched, tmp_path: Path) -> None:
    page = window.page
    leaf = authority.leaf("p256").certificate
    open_predefined(sqlite_server, page)
    choose_pfx(page, a_file(tmp_path, ["p256"]), "secret")
    expect(page.get_by_text("O=Toy PKI, CN=Signer p256")).to_be_hidden()
    page.locator(".panel").get_by_text("Details").click()

    expect(page.get_by_text("O=Toy PKI, CN=Signer p256")).to_be_visible()
    expect(page.get_by_text(f"{leaf.serial_number:x}")).to_be_visible()
    expect(page.get_by_text(leaf.fingerprint(hashes.SHA256()).hex())).to_be_visible()


def test_no_certificate_that_fits_is_said_and_nothing_can_be_signed(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    choose_pfx(page, a_file(tmp_path, ["expired", "rsa1024"]), "secret")

    expect(page.get_by_role("heading", name="None of these certificates can be used")).to_be_focused()
    expect(page.get_by_role("radio")).to_have_count(0)
    expect(row(page, "rsa1024").get_by_text("too weak")).not_to_contain_text("Use another one")
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)
    page.get_by_role("button", name="Use another certificate").click()
    expect(page.get_by_role("heading", name="How do you want to sign?")).to_be_focused()


def test_a_service_that_cannot_judge_leaves_the_signer_where_he_was(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    page.route("**/sign/api/certificates", lambda route: route.abort())
    choose_demo_key(page)
    expect(page.get_by_text(CONNECTION)).to_be_visible()
    page.unroute("**/sign/api/certificates")
    page.get_by_role("button", name="Create a test certificate").click()

    expect(page.get_by_role("button", name="Sign 1 document")).to_be_enabled()


UNCONFIRMED = "Nobody has confirmed this identity"


def test_the_page_says_that_nobody_has_confirmed_the_identity(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    """The session accepts every issuer: anybody can make such a certificate."""
    page = window.page
    open_predefined(sqlite_server, page)
    choose_pfx(page, a_file(tmp_path, ["p256"]), "secret")
    expect(page.get_by_text(UNCONFIRMED)).to_be_visible()
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    expect(page.get_by_text(UNCONFIRMED)).to_be_visible()
    expect(page.get_by_text("verified")).to_have_count(0)


def test_the_page_says_which_authority_has_confirmed_it(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    open_predefined(sqlite_server, page, securityContextId="803517ad-3bbc-4169-b085-60053a8f6dbf")
    choose_demo_key(page)
    expect(page.get_by_text("Confirmed by Signroom demo CA")).to_be_visible()
    expect(page.get_by_text(UNCONFIRMED)).to_have_count(0)
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    expect(page.get_by_text("Confirmed by Signroom demo CA")).to_be_visible()
    expect(page.get_by_text(UNCONFIRMED)).to_have_count(0)
