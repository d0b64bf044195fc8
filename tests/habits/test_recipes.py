"""The recipes of docs/guide/webhooks.md take what we sign, and nothing else, in each language that runs here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from signroom.domain.webhook import secret_text, signature_headers
from tests.habits.repository import ROOT
from tests.harness.tools import require_tools

PAGE = ROOT / "docs" / "guide" / "webhooks.md"
EVENT_ID = UUID(int=1)
BODY = '{"type":"WebhookTested","note":"é"}'.encode()
SECRET, OLD, STRANGE = (secret_text(bytes([n]) * 32) for n in (1, 2, 3))


def recipe(language: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    found: str = next(block for block in reversed(blocks) if "genuine" in block.lower())
    return found


def cases() -> list[tuple[dict[str, str], bytes, str, bool]]:
    """Headers, body, the secret of the receiver, and whether it is genuine."""
    now = datetime.now(UTC)
    good = dict(signature_headers(EVENT_ID, BODY, [SECRET], now))
    old = dict(signature_headers(EVENT_ID, BODY, [SECRET], now - timedelta(minutes=6)))
    for_secret = [
        (good, BODY, True),
        (dict(signature_headers(EVENT_ID, BODY, [OLD, SECRET], now)), BODY, True),
        (dict(signature_headers(EVENT_ID, BODY, [STRANGE], now)), BODY, False),
        (old, BODY, False),
        (good, BODY + b" ", False),
        ({**good, "webhook-id": str(UUID(int=2))}, BODY, False),
        ({**good, "webhook-signature": "v1,"}, BODY, False),
        ({**good, "webhook-timestamp": "now"}, BODY, False),
        ({}, BODY, False),
    ]
    # Who has no secret, or the placeholder of the guide, would otherwise take what a stranger signs with an empty key.
    mac = hmac.new(b"", f"{good['webhook-id']}.{good['webhook-timestamp']}.".encode() + BODY, hashlib.sha256).digest()
    empty = {**good, "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}
    unset = [(empty, BODY, secret, False) for secret in ("", "whsec_", "whsec_...")]
    return [*((headers, body, SECRET, genuine) for headers, body, genuine in for_secret), *unset]


def run(command: list[str], folder: Path) -> list[bool]:
    (folder / "cases.json").write_text(
        json.dumps([[headers, body.decode(), secret] for headers, body, secret, _ in cases()])
    )
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line == "true" for line in done.stdout.split()]


def python(folder: Path) -> list[bool]:
    harness = (
        "\nimport json\nfor headers, body, secret in json.load(open('cases.json')):"
        "\n    print(str(genuine(body.encode(), headers, secret)).lower())\n"
    )
    (folder / "recipe.py").write_text(recipe("python") + harness)
    return run([sys.executable, "recipe.py"], folder)


def javascript(folder: Path) -> list[bool]:
    require_tools("node")
    harness = (
        '\nimport { readFileSync } from "node:fs";'
        '\nfor (const [headers, body, secret] of JSON.parse(readFileSync("cases.json", "utf8")))'
        "\n  console.log(genuine(Buffer.from(body), headers, secret));\n"
    )
    (folder / "recipe.mjs").write_text(recipe("js") + harness)
    return run(["node", "recipe.mjs"], folder)


def java(folder: Path) -> list[bool]:
    require_tools("javac", "java")
    (folder / "Webhooks.java").write_text(recipe("java"))
    calls = "".join(
        f'System.out.println(Webhooks.genuine({java_text(body.decode())}.getBytes("UTF-8"), java.util.Map.of('
        f"{', '.join(java_text(text) for pair in headers.items() for text in pair)}), {java_text(secret)}));\n"
        for headers, body, secret, _ in cases()
    )
    main = f"public class Main {{ public static void main(String[] a) throws Exception {{ {calls} }} }}"
    (folder / "Main.java").write_text(main)
    done = subprocess.run(
        ["javac", "-encoding", "UTF-8", "Main.java", "Webhooks.java"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return run(["java", "-cp", ".", "Main"], folder)


def java_text(text: str) -> str:
    return json.dumps(text)  # the escapes of both are the same here


@pytest.mark.parametrize("language", [python, javascript, java])
def test_a_recipe_takes_what_we_sign_and_nothing_else(language: Callable[[Path], list[bool]], tmp_path: Path) -> None:
    assert language(tmp_path) == [genuine for *_, genuine in cases()]


def test_the_vector_of_the_page_is_ours() -> None:
    found = dict(re.findall(r"^(secret|id|timestamp|body|signature) +(\S+)$", PAGE.read_text(), re.MULTILINE))
    sent = datetime.fromtimestamp(int(found["timestamp"]), UTC)

    headers = signature_headers(UUID(found["id"]), found["body"].encode(), [found["secret"]], sent)

    assert headers["webhook-signature"] == found["signature"]


def test_every_language_that_was_promised_has_its_recipe() -> None:
    for language in ("python", "js", "java", "php", "csharp"):
        assert "v1," in recipe(language)
