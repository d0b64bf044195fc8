"""Security contexts that a subscription makes: its own authorities and rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from ssl import DER_cert_to_PEM_cert
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.harness.commands import command, signroom
from tests.harness.server import Page, Server, base64, ok, refused, values_of
from tests.pki import three_tiers
from tests.vectors import hard_pdfs

CONTEXTS = "/api/settings/security-contexts"
AUDIT_LOG = "/api/settings/audit-log"
Json = dict[str, Any]


def described(name: str, /, **fields: Any) -> Json:
    """The authority of the tests, which keeps no lists that could be reached."""
    return {"name": name, "roots": [base64(three_tiers.root().der)], "revocation": "NotAsked", **fields}


@pytest.fixture(scope="module")
def manager(server: Server) -> Iterator[httpx.Client]:
    key = signroom(server, "keys", "create", "--application", "Example application", "--role", "Manager")
    with httpx.Client(base_url=server.url, headers={"X-Api-Key": key}, trust_env=False, timeout=60) as client:
        yield client


def made(manager: httpx.Client, **fields: Any) -> Json:
    found: Json = ok(manager.post(CONTEXTS, json=described(f"own-{uuid4().hex[:8]}", **fields)))
    return found


def listed(manager: httpx.Client) -> dict[str, Json]:
    found: Any = ok(manager.get(CONTEXTS))
    return {one["id"]: one for one in found}


def signed(server: Server, context: Json, kind: str = "p256", **fields: Any) -> httpx.Response:
    """What the page answers to a signer of the three tiers."""
    document = {"file": {"name": "a.pdf", "content": base64(hard_pdfs.make("plain"))}}
    opened = server.open_session(documents=[document], securityContextId=context["id"], **fields)
    page, holder = Page(opened["redirectUrl"]), three_tiers.signer(kind)
    with closing(page.client):
        prepared = page.prepare([base64(der) for der in (holder.chain.certificate, *holder.chain.issuers)])
        if prepared.status_code != 200:
            return prepared
        return page.finish(prepared.json(), values_of(prepared.json(), holder.key))


def test_an_organisation_trusts_its_own_authority(server: Server, manager: httpx.Client) -> None:
    context = made(manager)
    assert (context["builtIn"], context["anyIssuer"], context["revocation"]) == (False, False, "NotAsked")
    assert context["roots"][0]["subjectCommonName"] == "Three tiers root"

    assert signed(server, context).status_code == 200
    listed = server.api.get(CONTEXTS).json()
    assert [one["name"] for one in listed][:2] == ["any", "test"]
    assert context["id"] in {one["id"] for one in listed}


def test_the_rules_of_a_context_decide(server: Server, manager: httpx.Client) -> None:
    over = "2020-01-01T00:00:00Z"
    for fields, code in (
        ({"policies": ["1.2.3.4.5.6"]}, "CertificateRuleBroken"),
        ({"keys": [{"kind": "RSA", "leastBits": 3072}]}, "CertificateKeyNotSupported"),
        ({"keys": [{"kind": "EC", "leastBits": 256, "until": over}]}, "CertificateKeyNotSupported"),
        ({"requirements": [{"type": "Qualified"}]}, "QualifiedCertificateRequired"),
        ({"revocation": "Required"}, "CertificateRevocationStatusUnknown"),
        ({"roots": [base64(three_tiers.stamper().chain.issuers[0])]}, "CertificateNotTrusted"),
    ):
        assert refused(signed(server, made(manager, **fields)), 422) == code
    for fields in ({"keys": [{"kind": "ec", "leastBits": 256}]}, {"revocation": "ifknown"}):
        assert signed(server, made(manager, **fields)).status_code == 200


def test_a_context_says_which_level_is_wanted(server: Server, manager: httpx.Client) -> None:
    context = made(manager, level="B-T")
    document = {"file": {"name": "a.pdf", "content": base64(hard_pdfs.make("plain"))}}
    less = {**document, "pdfSignatureOptions": {"level": "B-B"}}
    opened = server.open_session(documents=[document, less], securityContextId=context["id"])

    wanted = [one["levelWanted"] for one in server.session(opened["sessionId"])["documents"]]
    assert wanted == ["B-T", "B-B"]


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({"roots": []}, "BadSecurityContext", 422),
        ({"roots": [base64(b"?")]}, "BadSecurityContext", 422),
        ({"roots": [base64(three_tiers.signer("p256").der)]}, "BadSecurityContext", 422),
        ({"timestampRoots": [base64(three_tiers.signer("p256").der)]}, "BadSecurityContext", 422),
        ({"name": "any"}, "BadSecurityContext", 422),
        ({"name": "With spaces"}, "BadSecurityContext", 422),
        ({"policies": ["x"]}, "BadSecurityContext", 422),
        ({"roots": [base64(three_tiers.root().der)] * 21}, "BadRequest", 400),
        ({"intermediates": [base64(three_tiers.root().der)] * 31}, "BadRequest", 400),
        ({"requirements": [{"type": "Qualified"}] * 11}, "BadSecurityContext", 422),
        ({"keys": [{"kind": "RSA", "leastBits": 0}]}, "BadSecurityContext", 422),
        ({"keys": [{"kind": "RSA", "leastBits": -5}]}, "BadSecurityContext", 422),
        ({"keys": [{"kind": "RSA", "leastBits": 16_385}]}, "BadSecurityContext", 422),
        ({"revocation": "Maybe"}, "BadRequest", 400),
        ({"level": "B-X"}, "BadRequest", 400),
        ({"requirements": [{"type": "Person", "argument": "1"}]}, "BadRequest", 400),
        ({"requirements": [{"type": "Qualified", "argument": "1"}]}, "BadRequest", 400),
        ({"requirements": [{"type": "QualifiedDevice", "argument": "1"}]}, "BadRequest", 400),
        ({"keys": [{"kind": "other", "leastBits": 1}]}, "BadRequest", 400),
        ({"roots": ["no Base64!"]}, "BadRequest", 400),
        ({"roots": ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]}, "BadRequest", 400),
        ({"intermediates": ["-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n"]}, "BadRequest", 400),
    ],
)
def test_a_context_that_cannot_be_right_is_refused(manager: httpx.Client, fields: Json, code: str, status: int) -> None:
    assert refused(manager.post(CONTEXTS, json=described("odd", **fields)), status) == code


def test_roots_come_as_pem_too(manager: httpx.Client) -> None:
    text = DER_cert_to_PEM_cert(three_tiers.root().der)
    for roots in ([text], [base64(text.encode())], [f"A comment\n{text}{text}"]):
        assert [one["subjectCommonName"] for one in made(manager, roots=roots)["roots"]] == ["Three tiers root"]


def test_the_kinds_of_keys_are_named(manager: httpx.Client) -> None:
    answer = manager.post(CONTEXTS, json=described("odd", keys=[{"kind": "DSA", "leastBits": 1}]))
    assert "RSA, EC." in answer.text


def test_nobody_extends_to_what_every_signature_has(server: Server) -> None:
    answer = server.api.post(f"/api/documents/{uuid4()}/extend", json={"level": "B-B"})
    assert refused(answer, 400) == "BadRequest"


def test_a_context_is_changed_and_deleted_by_its_managers(
    server: Server, manager: httpx.Client, other_key: str
) -> None:
    context = made(manager)
    path = f"{CONTEXTS}/{context['id']}"
    same = described(context["name"])

    assert refused(manager.post(CONTEXTS, json=same), 422) == "NameTaken"
    assert refused(server.api.put(path, json=same), 403)
    stranger = {"X-Api-Key": other_key}
    assert refused(
        server.api.post("/api/signature-sessions", json={"securityContextId": context["id"]}, headers=stranger), 422
    )
    assert context["id"] not in {one["id"] for one in server.api.get(CONTEXTS, headers=stranger).json()}

    changed = ok(manager.put(path, json={**same, "policies": [three_tiers.POLICY]}))
    assert changed["policies"] == [three_tiers.POLICY]
    server.open_session(securityContextId=context["id"])
    assert refused(manager.delete(path), 422) == "SecurityContextInUse"
    assert manager.delete(path, params={"force": "true"}).status_code == 204
    assert refused(manager.put(path, json=same), 422) == "SecurityContextNotFound"
    told = [one["action"] for one in ok(manager.get(AUDIT_LOG))["items"]]
    assert {"SecurityContextCreated", "SecurityContextChanged", "SecurityContextDeleted"} <= set(told)


def test_the_operator_makes_a_context_from_files(server: Server, tmp_path: Any) -> None:
    root = tmp_path / "root.der"
    root.write_bytes(three_tiers.root().der)
    name = f"files-{uuid4().hex[:8]}"
    line = signroom(
        server, "contexts", "create", name, "--subscription", "Demo", "--root", str(root), "--revocation", "NotAsked"
    )
    assert signed(server, {"id": line.split()[0]}).status_code == 200
    assert name in signroom(server, "contexts", "list", "--subscription", "Demo")
    signroom(server, "contexts", "delete", line.split()[0], "--subscription", "Demo", "--force")


def test_a_change_by_command_leaves_what_is_not_given(server: Server, manager: httpx.Client, tmp_path: Path) -> None:
    context = made(
        manager,
        keys=[{"kind": "EC", "leastBits": 256}],
        digests=[{"algorithm": "SHA256", "until": "2035-01-01T00:00:00Z"}, {"algorithm": "SHA384"}],
        responders="Issuer",
        requirements=[{"type": "Qualified"}],
        policies=[three_tiers.POLICY],
        level="B-LT",
    )
    path, here = context["id"], ("--subscription", "Demo")
    shown = signroom(server, "contexts", "show", path, *here).splitlines()
    assert {"digest: SHA256:2035-01-01T00:00:00Z", "digest: SHA384", "responders: Issuer"} <= set(shown)
    assert {"key: EC:256", "requirement: Qualified", "level: B-LT", f"policy: {three_tiers.POLICY}"} <= set(shown)

    signroom(server, "contexts", "change", path, *here, "--revocation", "IfKnown")
    now = listed(manager)[path]
    assert now == {**context, "revocation": "IfKnown"}

    root = tmp_path / "root.der"
    root.write_bytes(three_tiers.root().der)
    more = (
        "--timestamp-root",
        str(root),
        "--key",
        "RSA:3072:2030-01-01",
        "--key",
        "EC:384",
        "--requirement",
        "Person=pnoee-38001085718",
    )
    cleared = ("--clear", "policies", "--clear", "level", "--digest", "sha512", "--responders", "Appointed")
    line = signroom(server, "contexts", "change", path, *here, *more, *cleared)
    assert "key=RSA:3072:2030-01-01T00:00:00Z,EC:384  requirement=Person=PNOEE-38001085718" in line
    assert line in signroom(server, "contexts", "list", *here)
    now = listed(manager)[path]
    assert (now["policies"], now["level"], now["roots"]) == ([], None, context["roots"])
    assert ([one["algorithm"] for one in now["digests"]], now["responders"]) == (["SHA512"], "Appointed")
    assert now["timestampRoots"] == context["roots"]
    signroom(server, "contexts", "change", path, *here, "--clear", "timestamp-roots")
    assert listed(manager)[path]["timestampRoots"] == []


@pytest.mark.parametrize(
    "options",
    [
        ("--key", "DSA:1024"),
        ("--key", "RSA:many"),
        ("--key", "RSA:3072:soon"),
        ("--digest", "SHA1"),
        ("--requirement", "Nobody"),
        ("--requirement", "Qualified=yes"),
        ("--clear", "keys", "--key", "RSA:3072"),
    ],
)
def test_a_change_that_means_nothing_is_refused(server: Server, options: tuple[str, ...]) -> None:
    settings = {"SIGNROOM_DATA": str(server.data), **server.environment}
    done = command(settings, "contexts", "change", str(uuid4()), "--subscription", "Demo", *options)
    assert (done.returncode, "BadRequest" in done.stderr) == (3, True), done.stderr
