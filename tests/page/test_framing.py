"""Who may show the signing page in a frame, and what it takes there."""

from __future__ import annotations

import httpx
import pytest

from tests.harness.server import Server, ok
from tests.harness.tenants import Tenant, new_tenant

ORIGINS = ["https://app.example", "https://app.example:8443"]


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    made = new_tenant(server)
    ok(made.put(made.frame_origins, {"frameOrigins": ORIGINS}))
    return made


def policy(url: str) -> str:
    answer = httpx.get(url, trust_env=False)
    assert answer.status_code == 200
    (found,) = answer.headers.get_list("content-security-policy")
    return found


def test_a_page_may_not_be_framed_unless_its_application_says_so(server: Server) -> None:
    assert "frame-ancestors 'none';" in policy(server.open_session()["redirectUrl"])
    assert "frame-ancestors 'none';" in policy(f"{server.url}/sign/{'x' * 43}")
    assert "frame-ancestors 'none';" in policy(f"{server.url}/sign/%00%27")


def test_the_listed_origins_and_nobody_else_may_frame_it(tenant: Tenant) -> None:
    found = policy(tenant.redirect_url())

    assert "frame-ancestors https://app.example https://app.example:8443;" in found
    assert found.replace(" ".join(ORIGINS), "'none'") == policy(tenant.server.open_session()["redirectUrl"])


def test_the_page_s_own_api_and_files_are_never_framed(tenant: Tenant) -> None:
    page = tenant.page()

    assert "frame-ancestors 'none';" in page.client.get("load").headers["content-security-policy"]


def test_inside_a_frame_no_key_of_the_signer_is_taken(tenant: Tenant) -> None:
    page = tenant.page()
    assert page.load()["keySources"] == ["pfx", "web-eid", "demo"]

    page.client.headers["X-Signroom-Framed"] = "1"
    assert page.load()["keySources"] == ["web-eid"]
    assert ok(page.client.post("cancel"))["keySources"] == ["web-eid"]
