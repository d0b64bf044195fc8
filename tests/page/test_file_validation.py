"""Files of signers are accepted by the subscription's pattern and by its endpoint, or not at all.

The endpoint runs for real, on loopback, which the demo may reach.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.api.requests import a_file
from tests.fetch.sites import Behaviour, Exchange, Site, running_site
from tests.harness.databases import database_does_not_matter
from tests.harness.server import Json, Page, Server, ok, refused
from tests.harness.tenants import Tenant, new_tenant
from tests.vectors import hard_pdfs

PDF = hard_pdfs.make("plain")


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    return new_tenant(server)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


def answering(body: object, status: int = 200) -> Behaviour:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda exchange: exchange.answer(content, status=status)


def asked(tenant: Tenant, site: Site, **auth: str) -> Page:
    ok(tenant.put("file-validation", {"endpoint": {"url": f"{site.url}/validate?tenant=1", **auth}}))
    return tenant.page()


def files(server: Server) -> list[Path]:
    return sorted(f for f in (server.data / "files").rglob("*") if f.is_file())


def test_the_pattern_decides_by_the_whole_name_before_the_body_is_read(tenant: Tenant) -> None:
    ok(tenant.put("file-validation", {"fileNamePattern": r"contrato-\d+\.pdf"}))
    page = tenant.page()

    assert refused(page.upload(b"no PDF at all", "other.pdf"), 422) == "FileNameRejected"
    assert refused(page.upload(PDF, "xcontrato-1.pdf"), 422) == "FileNameRejected"
    assert page.upload(PDF, "contrato-1.pdf").status_code == 200
    assert refused(page.upload(b"no PDF at all", "contrato-2.pdf"), 422) == "InvalidPdf", "PDF files alone: the guide"
    assert [d["name"] for d in page.load()["documents"]] == ["contrato-1.pdf"]
    # The page asks for a PDF where nothing else fits, and else for a file.
    for pattern, pdf_only in (
        (None, False),
        (r"a-\d+\.pdf", False),
        (r".*\.pdf", True),
        (r"(?i).*\.(pdf|docx)", False),
        (r"(?i).+\.(pdf|doc)", False),
        (r"(?i).+\.(pdf|tiff?)", False),
    ):
        ok(tenant.put("file-validation", {"fileNamePattern": pattern}))
        assert page.load()["pdfOnly"] is pdf_only


def test_the_pattern_is_asked_before_the_endpoint(tenant: Tenant, site: Site) -> None:
    site.paths["/validate"] = answering({"accept": True})
    endpoint = {"url": f"{site.url}/validate"}
    ok(tenant.put("file-validation", {"fileNamePattern": "a.pdf", "endpoint": endpoint}))
    page = tenant.page()

    assert refused(page.upload(PDF, "b.pdf"), 422) == "FileNameRejected"
    assert site.seen == []
    assert page.upload(PDF, "a.pdf").status_code == 200
    assert len(site.seen) == 1


def test_the_endpoint_is_told_name_type_and_length(tenant: Tenant, site: Site) -> None:
    site.paths["/validate"] = answering({"accept": True, "rejectReason": None}, status=201)
    page = asked(tenant, site)

    page.add(PDF, "Contrato º 合同.pdf")
    page.add(b"text", "notes.txt")

    (first, second) = site.seen
    assert (first.method, first.target) == ("POST", "/validate?tenant=1")
    assert first.headers["Content-Type"] == "application/json"
    told = {"name": "Contrato º 合同.pdf", "contentType": "application/pdf", "length": len(PDF)}
    assert json.loads(first.body) == told
    assert json.loads(second.body) == {"name": "notes.txt", "contentType": "text/plain", "length": 4}
    assert "Authorization" not in first.headers


@database_does_not_matter
@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"auth": "Basic", "user": "ana", "secret": "senha ü"}, "Authorization", "ana:senha ü"),
        ({"auth": "Bearer", "secret": "token-1"}, "Authorization", "Bearer token-1"),
        ({"auth": "ApiKey", "secret": "portal|1"}, "X-Api-Key", "portal|1"),
    ],
)
def test_the_endpoint_learns_who_asks(tenant: Tenant, site: Site, auth: Json, header: str, value: str) -> None:
    site.paths["/validate"] = answering({"accept": True})
    asked(tenant, site, **auth).add(PDF)

    sent = site.seen[0].headers[header]
    assert (b64decode(sent.removeprefix("Basic ")).decode() if auth["auth"] == "Basic" else sent) == value
    assert auth["secret"] not in tenant.server.log.read_text()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"accept": False, "rejectReason": "Only contracts of this year."}, "Only contracts of this year."),
        ({"accept": False, "rejectReason": "<img src=x onerror=alert(1)>\n"}, "<img src=x onerror=alert(1)>"),
        ({"accept": False, "rejectReason": "x" * 5000}, "x" * 500),
        ({"accept": False, "rejectReason": ""}, None),
        ({"accept": False}, None),
    ],
)
def test_a_refused_file_has_the_reason_and_leaves_nothing(
    tenant: Tenant, site: Site, answer: Json, reason: str | None
) -> None:
    site.paths["/validate"] = answering(answer)
    page = asked(tenant, site)
    before = files(tenant.server)
    response = page.upload(PDF)

    assert refused(response, 422) == "FileRejected"
    assert response.json()["detail"] == reason
    assert page.load()["documents"] == []
    assert files(tenant.server) == before


@database_does_not_matter
@pytest.mark.parametrize(
    "behaviour",
    [
        answering({"accept": True}, status=500),
        answering({"accept": True}, status=401),
        answering(b"<html>yes</html>"),
        answering(b""),
        answering([True]),
        answering({"accept": "true"}),
        answering({"accept": 1}),
        answering({"accept": None, "rejectReason": "x"}),
        answering({"accept": False, "rejectReason": {"html": "x"}}),
        answering(b"[" * 60_000),
        answering(b'{"accept": true, "x": "' + b"x" * 70_000 + b'"}'),
        answering(b'{"accept": true, "x": "\xff"}'),
        lambda exchange: exchange.redirect("/elsewhere", 307),
        lambda exchange: exchange.send(b"not HTTP"),
    ],
)
def test_an_endpoint_that_does_not_answer_accepts_nothing_and_can_be_asked_again(
    tenant: Tenant, site: Site, behaviour: Behaviour
) -> None:
    site.paths["/elsewhere"] = answering({"accept": True})
    site.paths["/validate"] = behaviour
    page = asked(tenant, site, auth="Bearer", secret="token-1")
    before = files(tenant.server)
    response = page.upload(PDF)

    assert refused(response, 503) == "FileValidationUnavailable"
    assert response.headers["Retry-After"]
    assert (page.load()["documents"], files(tenant.server)) == ([], before)
    assert [seen.target for seen in site.seen] == ["/validate?tenant=1"]
    site.paths["/validate"] = answering({"accept": True})
    assert page.upload(PDF).status_code == 200


@database_does_not_matter
def test_an_endpoint_that_is_not_there_accepts_nothing(tenant: Tenant) -> None:
    with running_site() as gone:
        pass
    page = asked(tenant, gone)

    assert refused(page.upload(PDF), 503) == "FileValidationUnavailable"


@database_does_not_matter
@pytest.mark.parametrize("url", ["http://10.0.0.1/validate", "http://169.254.169.254/latest", "http://[::ffff:a00:1]/"])
def test_an_endpoint_in_our_own_network_is_not_asked(tenant: Tenant, url: str) -> None:
    ok(tenant.put("file-validation", {"endpoint": {"url": url}}))
    response = tenant.page().upload(PDF)

    assert refused(response, 503) == "FileValidationUnavailable"
    assert "Its host cannot be reached." in response.json()["message"]
    logged = [line for line in tenant.server.log.read_text().splitlines() if "fetch.not_reached" in line]
    assert "an address is not allowed" in logged[-1], "the operator can see why"
    assert url not in logged[-1]


def test_a_predefined_document_is_validated_before_there_is_a_session(tenant: Tenant, site: Site) -> None:
    def by_name(exchange: Exchange) -> None:
        accept = json.loads(exchange.body)["name"] != "bad.pdf"
        answering({"accept": accept, "rejectReason": "Not this one."})(exchange)

    site.paths["/validate"] = by_name
    endpoint = {"url": f"{site.url}/validate"}
    ok(tenant.put("file-validation", {"fileNamePattern": r".*\.pdf", "endpoint": endpoint}))
    before, sessions = files(tenant.server), listed(tenant)

    response = tenant.open_session(documents=[a_file(name="good.pdf"), a_file(name="bad.pdf")])
    assert (refused(response, 422), response.json()["detail"]) == ("FileRejected", "documents[1]: Not this one.")
    assert refused(tenant.open_session(documents=[a_file(name="a.doc")]), 422) == "FileNameRejected"
    assert (files(tenant.server), listed(tenant)) == (before, sessions)

    site.paths["/validate"] = answering(b"", status=500)
    assert refused(tenant.open_session(documents=[a_file(name="good.pdf")]), 503) == "FileValidationUnavailable"
    site.paths["/validate"] = by_name
    assert tenant.open_session(documents=[a_file(name="good.pdf")]).status_code == 200


def listed(tenant: Tenant) -> object:
    return ok(tenant.server.api.get("/api/signature-sessions", headers=tenant.worker))


def test_another_subscription_is_not_asked(tenant: Tenant, site: Site) -> None:
    ok(tenant.put("file-validation", {"fileNamePattern": "nothing"}))
    other = tenant.server.page(tenant.server.open_session()["redirectUrl"])

    assert other.upload(PDF).status_code == 200


def test_the_endpoint_has_ten_seconds(sqlite_server: Server, postgresql_server: Server, site: Site) -> None:
    site.paths["/validate"] = lambda exchange: exchange.over.wait(60)
    pages = [asked(new_tenant(server), site) for server in (sqlite_server, postgresql_server)]
    with ThreadPoolExecutor() as at_once:  # one wait for both
        responses = list(at_once.map(lambda page: page.upload(PDF), pages))

    for response in responses:
        assert refused(response, 503) == "FileValidationUnavailable"
        assert "too long" in response.json()["message"]
        assert 9 < response.elapsed.total_seconds() < 50, "the endpoint would have taken sixty"
