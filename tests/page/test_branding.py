"""What the page gets of its subscription's branding."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from tests.harness.server import Server, base64, ok, refused
from tests.harness.tenants import Tenant, new_tenant


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    return new_tenant(server)


def logo() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (80, 20), (23, 89, 74)).save(target, "WEBP")
    return target.getvalue()


def test_a_page_without_branding_says_so(server: Server) -> None:
    page = server.page(server.open_session()["redirectUrl"])

    assert page.load()["branding"] is None
    assert refused(page.client.get("logo"), 422) == "NotFound"


def test_a_page_has_name_colours_and_logo(tenant: Tenant) -> None:
    sent = {"name": "Acme", "accent": "#7a1fa2", "accentDark": "#d9a7f0", "logo": {"content": base64(logo())}}
    ok(tenant.put("branding", sent))
    page = tenant.page()
    answer = page.client.get("logo")

    assert page.load()["branding"] == {
        "name": "Acme",
        "hasLogo": True,
        "accent": "#7a1fa2",
        "accentDark": "#d9a7f0",
    }
    assert answer.content == logo()
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-disposition"] == "attachment"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_logo_needs_the_page_s_token(tenant: Tenant) -> None:
    answer = httpx.get(f"{tenant.server.url}/sign/api/logo", trust_env=False)

    assert refused(answer, 422) == "SignatureSessionTokenRequired"
