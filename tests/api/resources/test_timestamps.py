"""Timestamps for applications, with openssl as the application: in JSON and by RFC 3161."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from base64 import b64decode
from functools import partial
from pathlib import Path

import httpx

from tests.harness.commands import signroom
from tests.harness.server import Server, base64, ok, refused
from tests.timestamps import openssl_tsa

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "timestamps.md"
DIGEST = hashlib.sha256(b"contract").digest()
QUERY = {"Content-Type": "application/timestamp-query"}


def test_openssl_gets_a_timestamp_of_the_demo_that_it_accepts(sqlite_server: Server, tmp_path: Path) -> None:
    query = openssl_tsa.query(DIGEST)

    for path in ("/tsp", "/tsp/default", "/demo-tsa"):
        answer = sqlite_server.api.post(path, content=query, headers=QUERY)

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/timestamp-reply"
        assert openssl_tsa.is_good(query, answer.content, sqlite_server.ca_certificate, tmp_path)


def test_what_the_protocol_can_refuse_is_refused_by_the_protocol(sqlite_server: Server) -> None:
    weak, gold = openssl_tsa.query(bytes(20), "sha1"), openssl_tsa.query(DIGEST)

    for path, query, reason in (
        ("/tsp", weak, b"SHA-256, SHA-384 or SHA-512"),
        ("/tsp", b"", b"no TimeStampReq"),
        ("/tsp/gold", gold, b"no timestamp authority"),
        ("/tsp/Gold", gold, b"lower-case"),
    ):
        answer = sqlite_server.api.post(path, content=query, headers=QUERY)
        assert answer.status_code == 200
        assert reason in answer.content


def test_a_timestamp_in_json_says_what_is_in_it(sqlite_server: Server, tmp_path: Path) -> None:
    body = {"algorithm": "SHA256", "value": base64(DIGEST)}

    found = ok(sqlite_server.api.post("/api/tsp/default", json=body))

    info = found["info"]
    token = b64decode(found["encodedValue"])
    assert info["messageImprint"]["hexValue"] == DIGEST.hex()
    assert info["encapsulatedContentType"] == "TstInfo"
    assert info["auditPackage"] is info["bStamp"] is info["encapsulatedContent"] is None  # every key is there
    assert info["signers"][0]["commitmentType"] is None
    assert info["signers"][0]["certificate"]["subjectCommonName"] == "Signroom demo timestamps"
    assert openssl_tsa.is_good_token(DIGEST, token, sqlite_server.ca_certificate, tmp_path)


def test_the_hexadecimal_form_and_longer_digests_are_taken(sqlite_server: Server) -> None:
    for name in ("SHA384", "SHA512"):
        body = {"algorithm": name, "hexValue": hashlib.new(name, b"contract").hexdigest()}
        assert ok(sqlite_server.api.post("/api/tsp/default", json=body))["info"]["messageImprint"]["algorithm"] == name


def test_json_that_names_no_timestamp_is_refused(sqlite_server: Server) -> None:
    good = {"algorithm": "SHA256", "value": base64(DIGEST)}
    for path, body, status, code in (
        ("/api/tsp/gold", good, 422, "TimestampTierNotFound"),
        ("/api/tsp/Gold", good, 400, "BadRequest"),
        ("/api/tsp/default", {**good, "algorithm": "SHA1"}, 400, "BadRequest"),
        ("/api/tsp/default", {"algorithm": "SHA1", "value": base64(bytes(20))}, 400, "BadRequest"),
        ("/api/tsp/default", {"algorithm": "SHA256"}, 400, "BadRequest"),
    ):
        assert refused(sqlite_server.api.post(path, json=body), status) == code


def test_who_has_no_key_gets_no_timestamp(sqlite_server: Server) -> None:
    monitor_key = signroom(sqlite_server, "keys", "create", "--application", "Example application", "--role", "Monitor")
    query, address = openssl_tsa.query(DIGEST), f"{sqlite_server.url}/tsp"

    for given, status in (
        ({}, 401),
        ({"X-Api-Key": monitor_key}, 403),
        ({"Authorization": f"ApiKey {sqlite_server.api_key}"}, 200),
    ):
        assert httpx.post(address, content=query, headers=QUERY | given).status_code == status


def test_a_query_is_small_or_it_is_refused(sqlite_server: Server) -> None:
    for path in ("/tsp", "/demo-tsa"):
        assert sqlite_server.api.post(path, content=bytes(17 << 10), headers=QUERY).status_code == 413


def test_the_lines_of_the_guide_run_as_they_stand_and_are_counted(sqlite_server: Server, tmp_path: Path) -> None:
    """By the shell, with the demo's root as root.pem."""
    server = sqlite_server
    manager = signroom(server, "keys", "create", "--application", "Example application", "--role", "Manager")
    before = timestamps(server, manager)
    (tmp_path / "contract.pdf").write_bytes(b"a contract")
    (tmp_path / "root.pem").write_bytes(server.ca_certificate.read_bytes())
    environment = {"PATH": os.environ["PATH"], "SIGNROOM": server.url, "KEY": server.api_key, "no_proxy": "*"}
    in_json, by_protocol = GUIDE.read_text().split("```\n")[1::2]

    run = partial(subprocess.run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    token = run(["bash", "-euo", "pipefail", "-c", in_json])
    assert token.returncode == 0, token.stderr
    verified = run(["bash", "-euo", "pipefail", "-c", by_protocol])
    assert verified.returncode == 0, verified.stderr

    assert json.loads(token.stdout)["info"]["genTime"]
    assert "Verification: OK" in verified.stdout + verified.stderr
    assert timestamps(server, manager) == before + 2


def timestamps(server: Server, manager: str) -> int:
    """How many the demo's application was given, as its manager reads it."""
    found = ok(server.api.get("/api/settings/statistics", headers={"X-Api-Key": manager}))["timestamps"]
    assert {(count["applicationName"], count["tier"]) for count in found} <= {("Example application", "default")}
    return sum(count["count"] for count in found)
