"""What was signed, by API and by command, on both databases."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.harness.commands import signroom
from tests.harness.server import Server, ok
from tests.harness.tenants import Tenant, new_tenant
from tests.harness.waiting import begin_before_midnight, eventually
from tests.vectors import hard_pdfs

STATISTICS = "/api/settings/statistics"


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    """With one document that was signed, today."""
    begin_before_midnight()
    tenant = new_tenant(server)
    session = ok(tenant.open_session())
    page = server.page(session["redirectUrl"])
    page.add(hard_pdfs.make("plain"), "=contract.pdf")
    page.sign(*page.demo_key())
    path = f"/api/signature-sessions/{session['sessionId']}"
    eventually(lambda: ok(server.api.get(path, headers=tenant.manager))["status"] == "Completed")
    return tenant


def test_a_signed_document_is_counted_and_its_signer_is_told(tenant: Tenant) -> None:
    month, today = f"{datetime.now(UTC):%Y-%m}", datetime.now(UTC).date()

    found = ok(tenant.server.api.get(STATISTICS, headers=tenant.manager))
    days = {"from": today.isoformat(), "to": (today + timedelta(days=1)).isoformat()}
    asked = ok(tenant.server.api.get(STATISTICS, headers=tenant.manager, params=days))
    counted = signroom(tenant.server, "statistics", "--subscription", tenant.name)
    table = signroom(tenant.server, "statistics", "--subscription", tenant.name, "--csv")
    who = ("documents", "list", "--subscription", tenant.name, "--since", f"{today - timedelta(days=1)}")
    (signed,) = json.loads(signroom(tenant.server, *who, "--json"))

    of = {"month": month, "applicationId": tenant.application_id, "applicationName": tenant.name}
    assert found["documents"] == [{**of, "signatureType": "Pdf", "level": "B-B", "count": 1}]
    assert found["sessions"] == [{**of, "status": "Completed", "count": 1}]
    assert (asked["from"], asked["documents"]) == (days["from"], found["documents"])
    assert counted.splitlines()[0] == f"{month} {tenant.name}: Document Pdf B-B Completed 1"
    assert [row["count"] for row in csv.DictReader(io.StringIO(table))] == ["1", "1"]
    assert (signed["signer"], signed["fileName"]) == ("Ana (DEMO)", "=contract.pdf")
    assert (signed["level"], signed["levelWanted"], signed["levelDetail"]) == ("B-B", "B-B", None)
    assert signroom(tenant.server, *who).endswith(signed["documentId"])  # it waits for no level
    # The last day belongs to it, as it does in the statistics; a moment does not.
    until = signroom(tenant.server, *who, "--until", f"{today}", "--json")
    assert json.loads(until) == [signed]
    assert json.loads(signroom(tenant.server, *who, "--until", f"{today}T00:00", "--json")) == []
    # A name that a stranger has chosen is no formula of a spreadsheet.
    assert "'=contract.pdf" in signroom(tenant.server, *who, "--csv")
    audit = signroom(tenant.server, "audit", "list", "--subscription", tenant.name, "--action", "SignersListed")
    assert len(audit.splitlines()) == 5


def test_managers_ask_and_days_are_days(tenant: Tenant) -> None:
    worker = tenant.server.api.get(STATISTICS, headers=tenant.worker)
    wrong = [
        tenant.server.api.get(STATISTICS, headers=tenant.manager, params=params)
        for params in ({"from": "yesterday"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"to": "0001-01-01"})
    ]

    assert (worker.status_code, worker.json()["code"]) == (403, "Forbidden")
    assert [answer.status_code for answer in wrong] == [400, 400, 400]
