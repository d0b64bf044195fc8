"""The secret key is changed on two machines, one after the other: at each moment both understand what either makes."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import SetWebhook, create_webhook
from signroom.settings import read_settings
from signroom.wiring import managing
from tests.harness.commands import command
from tests.harness.machines import Installation, Machine, installation
from tests.harness.server import Json, ok
from tests.vectors import hard_pdfs

BEFORE, AFTER = "the secret key before " * 2, "the secret key after " * 2
KNOWS_BOTH = {"SIGNROOM_SECRET_KEY": BEFORE, "SIGNROOM_SECOND_SECRET_KEY": AFTER}
CHANGED = {"SIGNROOM_SECRET_KEY": AFTER, "SIGNROOM_SECOND_SECRET_KEY": BEFORE}


def start(group: Installation, keys: dict[str, str]) -> Machine:
    group.shared = {**group.shared, **keys}
    return group.start("serve")


def store_secret(group: Installation, keys: dict[str, str]) -> None:
    with managing(read_settings({**group.shared, **keys, "SIGNROOM_DATA": str(group.folder)}, group.folder)) as ports:
        caller = act_for_subscription(ports, this_operator(), "Acme")
        create_webhook(ports, caller, SetWebhook(GivenEndpoint("http://127.0.0.1:9/nobody")))


def run(group: Installation, keys: dict[str, str], *arguments: str) -> str:
    done = command({**group.shared, **keys, "SIGNROOM_DATA": str(group.folder)}, *arguments)
    assert done.returncode == 0 or "doctor" in arguments, done.stderr
    return done.stdout


def sign(group: Installation, machine: Machine, opened: Json) -> str:
    """Sign at that machine; the address of the signed file."""
    page = group.page(machine, opened)
    page.add(hard_pdfs.make("plain"))
    page.sign(*page.demo_key())
    session = group.wait(machine, opened["sessionId"])
    assert session["status"] == "Completed", group.logs()
    address: str = session["documents"][0]["signedFile"]["location"]
    return address


@pytest.mark.slow
def test_two_machines_change_the_key_one_after_the_other(tmp_path: Path, database_url: str) -> None:
    files = f"file://{tmp_path / 'files'}"
    with installation(tmp_path, database_url, files) as group:
        old = start(group, KNOWS_BOTH)
        store_secret(group, KNOWS_BOTH)
        opened = group.open_session(old)
        lasting = group.open_session(old)

        new = start(group, CHANGED)
        # Opened there, signed here, fetched there; and the other way round.
        for here, there, session in ((new, old, opened), (old, new, group.open_session(new))):
            address = sign(group, here, session)
            assert httpx.get(there.address(address), trust_env=False).content.startswith(hard_pdfs.make("plain"))
        keys = [ok(group.call(machine, "GET", "/.well-known/jwks.json"))["keys"] for machine in (old, new)]
        assert [key["kid"] for key in keys[0]] == [key["kid"] for key in reversed(keys[1])]

        assert json.loads(run(group, CHANGED, "secrets", "reseal", "--json"))["resealed"] == 1
        assert json.loads(run(group, CHANGED, "secrets", "reseal", "--json"))["resealed"] == 0
        lines = {line["check"]: line for line in json.loads(run(group, CHANGED, "doctor", "--json"))}
        assert "1 links of open sessions" in lines["second key"]["what"]

        old.terminate()
        new.terminate()
        last = start(group, {"SIGNROOM_SECRET_KEY": AFTER, "SIGNROOM_SECOND_SECRET_KEY": ""})
        assert sign(group, last, lasting)
        alone = {"SIGNROOM_SECRET_KEY": AFTER, "SIGNROOM_SECOND_SECRET_KEY": ""}
        lines = {line["check"]: line for line in json.loads(run(group, alone, "doctor", "--json"))}
        assert (lines["secret key"]["level"], "second key" in lines) == ("ok", False)
