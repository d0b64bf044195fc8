"""Which certificates may sign is told before one is chosen, exactly as `prepare` decides."""

from __future__ import annotations

import pytest

from tests.harness.server import Json, Page, Server, base64, ok, refused
from tests.pki import authority
from tests.vectors import hard_pdfs

CODES = {
    "rsa2048": None,
    "p521": None,
    "expired": "CertificateExpired",
    "not-yet-valid": "CertificateNotYetValid",
    "wrong-key-usage": "CertificateKeyUsage",
    "ca": "CertificateKeyUsage",
    "rsa1024": "CertificateKeyNotSupported",
    "ed25519": "CertificateKeyNotSupported",
}


@pytest.fixture
def page(server: Server) -> Page:
    page = server.page(server.open_session(returnUrl="https://app.example/back")["redirectUrl"])
    page.add(hard_pdfs.make("plain"))
    return page


def asked(name: str) -> Json:
    certificate, *chain = (base64(der) for der in authority.leaf(name).chain_der)
    return {"certificate": certificate, "chain": chain}


def judged(page: Page, *certificates: Json) -> list[Json]:
    answer: list[Json] = ok(page.client.post("certificates", json={"certificates": certificates}))["certificates"]
    return answer


def test_each_is_judged_for_itself_and_in_its_order(page: Page) -> None:
    found = judged(page, *(asked(name) for name in CODES))

    assert {name: view["code"] for name, view in zip(CODES, found, strict=True)} == CODES
    assert [view["usable"] for view in found] == [code is None for code in CODES.values()]
    assert [view["name"] for view in found] == [f"Signer {name}" for name in CODES]
    assert [name for name, view in zip(CODES, found, strict=True) if view["ofAuthority"]] == ["ca"]
    assert {view["confirmedBy"] for view in found} == {None}, "the session accepts every issuer"


@pytest.mark.parametrize("name", CODES)
def test_prepare_says_the_same(page: Page, name: str) -> None:
    answer = page.client.post("prepare", json=asked(name))

    if CODES[name] is None:
        assert answer.status_code == 200, answer.text
    else:
        assert refused(answer, 422) == CODES[name]


def test_what_is_no_certificate_does_not_spoil_the_others(page: Page) -> None:
    found = judged(page, {"certificate": base64(b"junk"), "chain": []}, asked("p256"))

    assert [view["code"] for view in found] == ["BadCertificate", None]
    assert [view["name"] for view in found] == [None, "Signer p256"]


def test_too_many_are_refused_at_once(page: Page) -> None:
    certificates = [asked("p256")] * 51

    assert refused(page.client.post("certificates", json={"certificates": certificates}), 400) == "BadRequest"
    assert len(judged(page, *certificates[:50])) == 50


def test_an_ended_session_judges_nothing(page: Page) -> None:
    ok(page.client.post("cancel", json={}))

    answer = page.client.post("certificates", json={"certificates": [asked("p256")]})
    assert refused(answer, 422) == "BadSignatureSessionOperation"
