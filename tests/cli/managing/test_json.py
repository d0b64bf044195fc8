"""What commands print with `--json`, read as a script would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.commands import command
from tests.pki import authority


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {"SIGNROOM_DATA": str(tmp_path / "data")}


def answer(settings: dict[str, str], *arguments: str) -> Any:
    done = command(settings, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_tenant_is_set_up_by_a_script(settings: dict[str, str]) -> None:
    def rows(*arguments: str) -> Any:
        return answer(settings, *arguments)

    assert rows("migrate") == {"upToDate": True}
    tenant = rows("subscriptions", "create", "Acme")
    assert rows("subscriptions", "show", "Acme") == {**tenant, "applications": 0}
    assert rows("subscriptions", "retention", "Acme", "--days", "9") == {"name": "Acme", "retentionDays": 9}
    assert rows("subscriptions", "disable", "Acme")["state"] == "disabled"
    assert rows("subscriptions", "enable", "Acme")["state"] == "enabled"
    assert rows("subscriptions", "rename", "Acme", "Acme SA")["id"] == tenant["id"]
    of = ("--subscription", "Acme SA")

    made = rows("applications", "create", "portal", *of)
    assert rows("applications", "show", "portal") == {**made, "keys": 0, "usableKeys": 0, "lastUsedOn": None}
    assert rows("applications", "strict", "portal", "on")["strict"] is True
    assert rows("applications", "return-urls", "portal", "https://a.example/")["returnUrls"] == ["https://a.example/"]
    assert rows("applications", "frame-origins", "portal")["frameOrigins"] == []
    assert rows("applications", "rename", "portal", "shop")["name"] == "shop"
    assert rows("applications", "disable", "shop")["state"] == "disabled"
    assert rows("applications", "enable", "shop")["state"] == "enabled"

    owner = ("--application", "shop")
    key = rows("keys", "create", *owner, "--description", "till")
    assert key["key"].startswith("shop|")
    secret = key.pop("key")
    assert rows("keys", "show", key["id"], *owner) == key
    assert rows("keys", "expire", key["id"], "2099-01-01", *owner)["expiresOn"] == "2099-01-01T00:00:00Z"
    assert rows("keys", "rotate", key["id"], *owner)["key"] != secret
    assert rows("keys", "revoke", key["id"], *owner)["state"] == "revoked"
    assert command(settings, "keys", "show", tenant["id"], *owner).returncode == 3

    hook = rows("webhooks", "create", "https://a.example/hook", *of)
    assert hook.pop("signingSecret").startswith("whsec_")
    assert rows("webhooks", "list", *of) == [rows("webhooks", "show", hook["id"], *of)] == [hook]
    assert rows("webhooks", "rotate", hook["id"], "--previous-hours", "0", *of)["signingSecret"].startswith("whsec_")
    sent = rows("webhooks", "test", hook["id"], *of)
    assert rows("webhooks", "deliveries", hook["id"], *of) == [sent]
    assert rows("webhooks", "deliveries", hook["id"], sent["id"], *of) == []
    assert {"createdAt", "nextTryAt", "settledAt", "lastStatusCode", "lastError"} <= set(sent), "as the API calls them"
    assert rows("webhooks", "pause", hook["id"], *of)["pausedAt"]
    assert rows("webhooks", "resume", hook["id"], *of) == hook
    again = rows("webhooks", "replay", hook["id"], "--failing", "--since", "2026-01-01", *of)
    assert again == {"count": 0, "failing": 0, "deliveries": 0}
    shared = rows("webhooks", "create", "--for-sessions", "--application", "shop", *of)
    assert (shared["url"], shared.pop("signingSecret")[:6]) == (None, "whsec_")
    assert rows("webhooks", "delete", shared["id"], *of)["deleted"]
    assert rows("webhooks", "delete", hook["id"], *of) == {"id": hook["id"], "deleted": True}

    endpoint = {"url": "https://a.example/", "auth": "None", "user": None, "hasSecret": False}
    validation = {"fileNamePattern": "a.*", "endpoint": endpoint}
    asked = ("--pattern", "a.*", "--endpoint", "https://a.example/")
    assert rows("file-validation", "set", *of, *asked) == rows("file-validation", "show", *of) == validation

    assert rows("applications", "delete", "shop", "--force")["deletingSince"]
    assert rows("subscriptions", "delete", "Acme SA", "--force")["state"] == "deleting"


def test_what_holds_for_an_installation_is_told_to_a_script(settings: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.write_bytes(authority.root_pem())
    answer(settings, "migrate")
    answer(settings, "subscriptions", "create", "Acme")
    of = ("--subscription", "Acme")
    context = answer(settings, "contexts", "create", "mine", *of, "--root", str(root))
    provider = answer(settings, "timestamp-providers", "create", "ours", "https://tsa.example/", "--context", "test")

    assert answer(settings, "contexts", "delete", context["id"], *of) == {"id": context["id"], "deleted": True}
    assert answer(settings, "timestamp-providers", "show", provider["id"]) == provider
    jobs = answer(settings, "jobs", "list")
    assert (jobs["jobs"], jobs["dead"]) == ([], 0)
