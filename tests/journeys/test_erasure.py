"""A word in every field, a session from its opening to its webhooks, an erasure: and no byte of the words is left.

Searched are the database (SQLite: its file and its log; PostgreSQL: a dump), backups that are made afterwards, the
folder of files, and the log of the service.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from signroom_client import UNVERIFIED, ErasedError, RefusedError, SignroomClient, parse_webhook
from sqlalchemy.engine import make_url

from tests.api.requests import SESSIONS, a_file
from tests.fetch.sites import Exchange
from tests.harness.commands import command, signroom
from tests.harness.hooks import Receiver, new_hook, remove_hooks, running_receiver
from tests.harness.server import Json, Key, Page, Server, ok, refused
from tests.harness.tenants import Tenant, new_tenant
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs

EVENTS = ("SessionCreated", "DocumentSignatureCompleted", "SessionCompleted", "SessionErased", "DocumentErased")


@dataclass
class Words:
    """Words that nobody else writes, by what they were put into."""

    planted: dict[str, str] = field(default_factory=dict)

    def __call__(self, what: str) -> str:
        return self.planted.setdefault(what, f"Planted{uuid4().hex[:12]}")

    def found_in(self, data: bytes) -> list[str]:
        return [what for what, word in list(self.planted.items()) if any(form in data for form in forms(word))]


def forms(word: str) -> list[bytes]:
    """As it is, in hexadecimal (PostgreSQL's dumps), in UTF-16 (PDFs), and in base64 at each of its three places."""
    plain = word.encode()
    return [
        plain,
        plain.hex().encode(),
        word.encode("utf-16-be"),
        *(base64.b64encode(b"x" * place + plain)[4 if place else 0 : -4] for place in range(3)),
    ]


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_a_word_is_found_however_it_is_written(before: str) -> None:
    words = Words()
    text = f"{before}{words('here')} and more".encode()

    for written in (text, base64.b64encode(text), text.hex().encode(), text.decode().encode("utf-16-be")):
        assert words.found_in(written) == ["here"]
    assert words.found_in(b"nothing") == []


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


@pytest.fixture(scope="module")
def lasting_tenant(hooks_server: Server) -> Tenant:
    return new_tenant(hooks_server)


@pytest.fixture
def tenant(lasting_tenant: Tenant) -> Iterator[Tenant]:
    yield lasting_tenant
    remove_hooks(lasting_tenant)


def a_cpf() -> str:
    """With right check digits, as people write it."""
    digits = [random.SystemRandom().randrange(10) for _ in range(9)]
    for count in (9, 10):
        digits.append(sum(d * (count + 1 - i) for i, d in enumerate(digits)) * 10 % 11 % 10)
    n = "".join(map(str, digits))
    return f"{n[:3]}.{n[3:6]}.{n[6:9]}-{n[9:]}"


def demo_key(page: Page, name: str) -> tuple[Key, list[str]]:
    """A test certificate whose certificate has `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = {"publicKey": base64.b64encode(spki).decode(), "name": name}
    answer = ok(page.client.post("demo-certificate", json=body))
    return key, [answer["certificate"], *answer["chain"]]


def request_of(word: Words, cpf: str, receiver: Receiver) -> Json:
    """A session with a word in every field that takes text."""
    endpoint = receiver.endpoint(lambda exchange, _: exchange.answer(word("answer of the session").encode()))
    file = {"name": f"{word('text name')}.txt", "content": base64.b64encode(word("text").encode()).decode()}
    place = {"left": 1, "bottom": 1, "width": 5, "height": 2}
    visible = {"text": {"text": word("visible text")}, "position": {"pageNumber": 1, "manual": place}}
    return {
        "returnUrl": f"https://app.example/{word('return path')}?c={word('return query')}",
        "callbackArgument": f"{word('callback')} {cpf}",
        "webhookUrl": f"{endpoint.url}?{word('session webhook')}",
        "documentMetadata": {"Cliente": [word("session metadata")]},
        "documents": [
            a_file(
                hard_pdfs.make("plain"),
                f"{word('file name')}.pdf",
                metadata={"Nome": [word("metadata"), cpf]},
                pdfSignatureOptions={"visualRepresentation": visible},
            ),
            {"file": file, "signatureType": "Cms"},
            {
                "file": {
                    "name": f"{word('xml name')}.xml",
                    "content": base64.b64encode(f"<a>{word('xml')}</a>".encode()).decode(),
                },
                "signatureType": "Xml",
            },
        ],
    }


@dataclass
class Signed:
    session_id: str
    page: Page
    documents: list[Json]
    files: list[bytes]
    body: Json


def signed(tenant: Tenant, word: Words, body: Json) -> Signed:
    """From the opening to the end, and every answer that holds something personal was asked for once."""
    headers = {**tenant.worker, "Idempotency-Key": word("idempotency key")}
    opened = ok(tenant.server.api.post(SESSIONS, json=body, headers=headers))
    page = tenant.server.page(opened["redirectUrl"])
    for document in page.load()["documents"]:
        page.client.get(f"preview/{document['id']}/0")
        page.client.get(f"text/{document['id']}/0")
    page.sign(*demo_key(page, word("signer")))
    done = finished(tenant, opened["sessionId"])
    assert [d["processingErrorCode"] for d in done["documents"]] == [None] * 3
    files = [httpx.get(d["signedFile"]["location"], trust_env=False).content for d in done["documents"]]
    return Signed(opened["sessionId"], page, done["documents"], files, body)


def finished(tenant: Tenant, session_id: str) -> Json:
    def settled() -> Json | None:
        found = ok(tenant.server.api.get(f"{SESSIONS}/{session_id}", headers=tenant.worker))
        return found if found["status"] == "Completed" else None

    return eventually(settled, why=tenant.server.log.read_text)


def everything(server: Server, folder: Path) -> dict[str, bytes]:
    """What of a service is searched, by its name."""
    found = {"log": server.log.read_bytes()}
    for file in (server.data / "files").rglob("*"):
        found[str(file)] = str(file).encode() + (file.read_bytes() if file.is_file() else b"")
    url = make_url(server.database_url)
    if url.get_backend_name() == "sqlite":
        database = Path(url.database or "")
        for suffix in ("", "-wal"):
            part = Path(f"{database}{suffix}")
            found[f"database{suffix}"] = part.read_bytes() if part.exists() else b""
        backup = folder / f"{uuid4().hex}.db"
        with sqlite3.connect(database) as source, sqlite3.connect(backup) as target:
            source.backup(target)
        found["backup"] = backup.read_bytes()
        backup.unlink()
    else:
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        found["dump"] = subprocess.run([pg_dump(), "--dbname", plain], capture_output=True, check=True).stdout
    return found


def pg_dump() -> str:
    """The newest on this machine."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))
    return str(installed[-1]) if installed else shutil.which("pg_dump") or "pg_dump"


def places(server: Server, word: Words, folder: Path) -> dict[str, list[str]]:
    searched = {name: word.found_in(data) for name, data in everything(server, folder).items()}
    return {name: words for name, words in searched.items() if words}


def test_no_byte_of_it_is_left_and_the_proof_still_verifies(tenant: Tenant, receiver: Receiver, tmp_path: Path) -> None:
    word, cpf, server = Words(), a_cpf(), tenant.server
    word.planted |= {"cpf": cpf, "cpf without dots": "".join(c for c in cpf if c.isdigit())}

    def talkative(exchange: Exchange, _number: int) -> None:
        exchange.answer(word("answer of the endpoint").encode() + exchange.body[:200])

    endpoint = receiver.endpoint(talkative)
    hook = new_hook(tenant, endpoint, *EVENTS)
    done = signed(tenant, word, request_of(word, cpf, receiver))
    extracted = _content_of(tenant, done.files[1])
    assert places(server, word, tmp_path).get(extracted) is not None
    hook.settled("Delivered", 5)
    logged = ok(server.api.get(f"{SESSIONS}/{done.session_id}", headers=tenant.worker))
    assert word("callback") in str(logged)
    deliveries = hook.deliveries()
    found = ok(server.api.post("/api/persons/find", json={"identifier": cpf}, headers=tenant.manager))
    assert found["items"][0]["id"] == done.session_id
    planted = {one for words in places(server, word, tmp_path).values() for one in words}
    # What the search can find at all: the rest is in no place, or only inside of compressed files.
    assert planted >= set(word.planted) - {"idempotency key", "answer of the session"}

    report = ok(server.api.delete(f"{SESSIONS}/{done.session_id}", headers=tenant.manager))

    told = hook.settled("Delivered", 1)[0]
    assert told["eventType"] == "SessionErased"
    body = endpoint.bodies[-1]
    assert (body["type"], body["eventId"], body["session"]["id"]) == (
        "SessionErased",
        told["eventId"],
        done.session_id,
    )
    assert body["session"]["callbackArgument"] is None
    # Who reads at this moment holds the log of SQLite; the erasure goes on when they are done.
    eventually(lambda: not places(server, word, tmp_path), why=lambda: str(places(server, word, tmp_path)))
    signroom(server, "backup", str(tmp_path / "backup"))
    copied = [file for file in (tmp_path / "backup").rglob("*") if file.is_file()]
    assert {str(file) for file in copied if word.found_in(file.read_bytes())} == set()
    assert max(file.stat().st_size for file in copied) > 100_000  # the database is in it
    _is_handed_out_nowhere(tenant, done, hook.id, deliveries)
    _proves(tenant, done, report)
    again = ok(server.api.delete(f"{SESSIONS}/{done.session_id}", headers=tenant.manager))
    assert again == report
    assert ok(server.api.post("/api/persons/find", json={"identifier": cpf}, headers=tenant.manager))["items"] == []
    _is_in_the_audit_log(tenant, done, report)


def _content_of(tenant: Tenant, file: bytes) -> str:
    """Where the content of a CMS object is, which an inspection has taken out of it."""
    before = set((tenant.server.data / "files").rglob("content"))
    given = {"content": base64.b64encode(file).decode(), "name": "a.p7s"}
    body = {"file": given, "extractEncapsulatedContent": True}
    ok(tenant.server.api.put("/api/signature-inspection", json=body, headers=tenant.worker))
    (content,) = set((tenant.server.data / "files").rglob("content")) - before
    return str(content)


def _is_handed_out_nowhere(tenant: Tenant, done: Signed, hook_id: str, deliveries: list[Json]) -> None:
    api = tenant.server.api
    gone = [
        api.get(f"{SESSIONS}/{done.session_id}", headers=tenant.worker),
        api.get(f"{SESSIONS}/{done.session_id}/when-completed", headers=tenant.worker),
        api.post(f"{SESSIONS}/{done.session_id}/cancel", headers=tenant.worker),
        api.post(f"{SESSIONS}/{done.session_id}/retry", headers=tenant.manager),
        done.page.client.get("load"),
        done.page.client.get("events"),
        done.page.client.post("cancel"),
        *(done.page.client.get(f"{what}/{d['id']}/0") for what in ("preview", "text") for d in done.documents),
        *(done.page.client.get(f"original/{d['id']}") for d in done.documents),
        *(api.get(f"/api/documents/{d['id']}", headers=tenant.worker) for d in done.documents),
        *(api.get(f"/api/documents/{d['id']}/signers", headers=tenant.worker) for d in done.documents),
        *(httpx.get(d[f]["location"], trust_env=False) for d in done.documents for f in ("originalFile", "signedFile")),
    ]
    assert {refused(answer, 410) for answer in gone} == {"SignatureSessionErased", "DocumentErased"}
    link = done.page.client.post("renew", json={"link": done.page.link})
    assert link.status_code in {401, 403, 422}
    for delivery in deliveries:
        path = f"/api/settings/webhooks/{hook_id}/deliveries/{delivery['id']}"
        assert refused(api.post(f"{path}/replay", json={}, headers=tenant.manager), 422) == "DeliveryNotFound"
        event = ok(api.get(f"/api/events/{delivery['eventId']}", headers=tenant.worker))
        assert set(event) in ({"type", "session", "eventId"}, {"type", "erasedDocument", "eventId"})
        assert "session" not in event or event["session"]["callbackArgument"] is None
        assert parse_webhook(json.dumps(event).encode(), {}, secret=UNVERIFIED).type == event["type"]


def _proves(tenant: Tenant, done: Signed, report: Json) -> None:
    """The digests that are kept are those of the files that the customer holds."""
    api = tenant.server.api
    digests = [hashlib.sha256(file).hexdigest() for file in done.files]
    assert [kept["sha256"] for kept in report["documents"]] == digests
    for document, digest, file in zip(done.documents, digests, done.files, strict=True):
        for path in (f"/api/documents/keys/{document['key']}", f"/api/document-keys/{document['formattedKey']}"):
            found = ok(api.get(path, headers=tenant.worker))
            assert found["document"] is None
            assert found["erased"]["sha256"] == digest
            assert (found["erased"]["signaturesIntact"], found["erased"]["level"]) == (True, "B-B")
        inspected = ok(
            api.put(
                "/api/signature-inspection",
                json={"file": {"content": base64.b64encode(file).decode(), "name": "held"}},
                headers=tenant.worker,
            )
        )
        assert inspected["document"] is None
        assert inspected["erasedDocument"]["id"] == document["id"]


def _is_in_the_audit_log(tenant: Tenant, done: Signed, report: Json) -> None:
    path = f"/api/settings/audit-log?subjectId={done.session_id}"
    (entry,) = ok(tenant.server.api.get(path, headers=tenant.manager))["items"]
    assert entry["action"] == "SessionErased"
    assert entry["after"]["digestsKept"] == [kept["sha256"] for kept in report["documents"]]
    assert entry["after"]["files"] == report["removed"]["files"]


def test_a_repeated_request_does_not_make_anew_what_was_erased(tenant: Tenant) -> None:
    api = tenant.server.api
    headers = {**tenant.worker, "Idempotency-Key": uuid4().hex}
    body = {"callbackArgument": "once", "documents": [a_file()]}
    opened = ok(api.post(SESSIONS, json=body, headers=headers))
    page = tenant.server.page(opened["redirectUrl"])
    assert ok(api.post(SESSIONS, json=body, headers=headers)) == opened

    ok(api.delete(f"{SESSIONS}/{opened['sessionId']}", headers=tenant.manager))

    assert refused(api.post(SESSIONS, json=body, headers=headers), 410) == "SignatureSessionErased"
    assert refused(page.client.get("load"), 410) == "SignatureSessionErased"
    assert refused(page.upload(hard_pdfs.make("plain")), 410) == "SignatureSessionErased"


def test_the_operator_answers_a_persons_request(tenant: Tenant, tmp_path: Path) -> None:
    cpf, server = a_cpf(), tenant.server
    opened = ok(tenant.open_session(callbackArgument=f"client {cpf}", documents=[a_file()]))
    asked = ("--subscription", tenant.name)

    assert opened["sessionId"] in signroom(server, "persons", "find", cpf, *asked)
    target = tmp_path / "person.zip"
    signroom(server, "persons", "export", cpf, str(target), *asked)
    assert target.stat().st_mode & 0o777 == 0o600
    assert opened["sessionId"] in signroom(server, "persons", "erase", cpf, *asked, "--dry-run", "--json")
    assert ok(server.api.get(f"{SESSIONS}/{opened['sessionId']}", headers=tenant.worker))["status"] == "Pending"

    signroom(server, "persons", "erase", cpf, *asked, "--yes")

    gone = server.api.get(f"{SESSIONS}/{opened['sessionId']}", headers=tenant.worker)
    assert refused(gone, 410) == "SignatureSessionErased"
    assert signroom(server, "persons", "find", cpf, *asked) == ""


def test_the_operator_erases_one_document(tenant: Tenant) -> None:
    api, server = tenant.server.api, tenant.server
    session_id = ok(tenant.open_session(documents=[a_file(), a_file()]))["sessionId"]
    ok(api.post(f"{SESSIONS}/{session_id}/cancel", headers=tenant.worker))
    first, second = ok(api.get(f"{SESSIONS}/{session_id}", headers=tenant.worker))["documents"]
    settings = {"SIGNROOM_DATA": str(server.data), **server.environment}
    unsure = command(settings, "documents", "erase", first["id"])
    assert (unsure.returncode, unsure.stderr) == (2, "It cannot be taken back: say --yes.\n")

    assert signroom(server, "documents", "erase", first["id"], "--yes") == "1 documents, 1 files erased."

    gone = api.get(f"/api/documents/{first['id']}", headers=tenant.worker)
    assert refused(gone, 410) == "DocumentErased"
    left = ok(api.get(f"{SESSIONS}/{session_id}", headers=tenant.worker))["documents"]
    assert [document["id"] for document in left] == [second["id"]]
    unknown = command(settings, "documents", "erase", str(uuid4()), "--yes")
    assert unknown.returncode == 3
    assert "signroom: DocumentNotFound:" in unknown.stderr


def test_an_erasure_is_a_managers(tenant: Tenant) -> None:
    session_id = ok(tenant.open_session(documents=[a_file()]))["sessionId"]
    api = tenant.server.api

    assert refused(api.delete(f"{SESSIONS}/{session_id}", headers=tenant.worker), 403) == "Forbidden"
    body: Any = {"identifier": "52998224725"}
    for verb in ("find", "export", "erase"):
        assert refused(api.post(f"/api/persons/{verb}", json=body, headers=tenant.worker), 403) == "Forbidden"
    assert ok(api.get(f"{SESSIONS}/{session_id}", headers=tenant.worker))["status"] == "Pending"

    with SignroomClient(tenant.server.url, tenant.manager["X-Api-Key"]) as client:
        (document,) = client.get_session(session_id).documents
        with pytest.raises(RefusedError, match="erase the session"):
            client.erase_document(document.id)
        erasure = client.erase_session(session_id)
        assert [(kept.id, kept.sha256) for kept in erasure.documents] == [(document.id, None)]
        with pytest.raises(ErasedError):
            client.get_session(session_id)
