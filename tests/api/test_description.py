"""Our own OpenAPI document against the running server: schemathesis writes the requests, from the document alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.harness.commands import signroom
from tests.harness.server import fork_server

CONFIG = """
[checks]
# "Be lenient" (wire contract, Requests): unknown fields are ignored, numbers may come as dates, [] as an object.
negative_data_rejection.enabled = false
# 400 is also for what a schema has no word for: one of three fields, base64 of DER, names of metadata as keys.
positive_data_acceptance.enabled = false
# 503 is an answer too: a document that is whole goes to the endpoint that a request before has set, which nobody runs.
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]

[parameters]
# Of the event feed: each request would take as long as it says.
"query.wait" = 0
"""
"""All checks of schemathesis but these two: what is taken and what is refused is in ``tests/wire``, case by case."""

RATES = {"SIGNROOM_RATE_LIMIT_KEY": "100000/minute", "SIGNROOM_RATE_LIMIT_ADDRESS": "100000/minute"}
EXAMPLES = 6
"""Per route, beside the cases that schemathesis makes for each parameter and field, and its chains of requests."""


def test_every_route_answers_as_it_is_described(tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    server = fork_server(tmp_path / "data", RATES)
    try:
        key = signroom(server, "keys", "create", "--application", "Example application", "--role", "Admin")
        arguments = ["run", f"{server.url}/openapi.json", "--header", f"X-Api-Key: {key}"]
        bounds = ["--max-examples", str(EXAMPLES), "--generation-deterministic", "--no-color", "--continue-on-failure"]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), *arguments, *bounds],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        routes = len(server.api.get("/openapi.json").json()["paths"])
    finally:
        server.stop()

    assert done.returncode == 0, done.stdout + done.stderr
    tested = re.search(r"Tested: *(\d+)", done.stdout)
    assert tested is not None, done.stdout
    assert int(tested[1]) >= routes
