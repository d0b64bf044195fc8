"""A secret in every field, outages of every kind, and then everything that was written is searched for them."""

from __future__ import annotations

import base64
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from signroom.store.engine import open_engine
from tests.api.requests import SESSIONS, TEST_CONTEXT, a_file
from tests.harness.postgres import Postgres
from tests.harness.server import Json, Server, fork_server, ok
from tests.harness.waiting import eventually
from tests.pki.toy_pki import ToyPki
from tests.telemetry.receiver import Receiver, receiving
from tests.vectors import hard_pdfs

CPF = "11122233396"


@dataclass
class Secrets:
    """Words that must be nowhere, by what they were put into."""

    planted: dict[str, str] = field(default_factory=dict)

    def __call__(self, what: str) -> str:
        return self.planted.setdefault(what, f"planted{what.replace(' ', '')}{uuid4().hex[:12]}")

    def keep(self, what: str, secret: str) -> str:
        """A secret that somebody else has made."""
        self.planted[what] = secret
        return secret

    def found_in(self, text: str) -> list[str]:
        forms = {
            what: [s, base64.b64encode(s.encode()).decode()[:-4], s.encode().hex()] for what, s in self.planted.items()
        }
        return [what for what, several in forms.items() if any(form in text for form in several)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def watched(request: pytest.FixtureRequest, tmp_path: Path, receiver: Receiver) -> Iterator[Server]:
    """A server of its own, which sends traces."""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        environment["SIGNROOM_DATABASE_URL"] = postgres.new_database()
    server = fork_server(tmp_path / "data", environment)
    try:
        yield server
    finally:
        server.stop()


def use_every_field(server: Server, secret: Secrets, pki: ToyPki) -> None:
    """Successes and refusals; what is answered does not matter here."""
    api = server.api
    secret.keep("api key", server.api_key.partition("|")[2] or server.api_key)
    for wrong in ({"X-Api-Key": secret("wrong key")}, {"Authorization": f"Bearer {secret('bearer')}"}):
        httpx.get(f"{server.url}/api/applications?x={secret('query')}", headers=wrong, trust_env=False)
    hook: Json = {"url": f"https://hooks.invalid/{secret('webhook path')}?token={secret('webhook query')}"}
    hook |= {"auth": {"type": "Basic", "user": secret("webhook user"), "password": secret("webhook password")}}
    api.post("/api/settings/webhooks", json=hook | {"description": secret("webhook description")})
    api.post("/api/settings/webhooks", json={"url": f"https://user:{secret('url password')}@hooks.invalid/"})
    api.put("/api/settings/branding", json={"name": secret("brand")})
    fields = {
        "returnUrl": f"https://app.example/{secret('return path')}?customer={secret('return query')}",
        "callbackArgument": secret("callback argument"),
        "webhookUrl": f"https://hooks.invalid/{secret('session webhook')}",
        "metadata": {"customer": [secret("session metadata")]},
    }
    file = a_file(hard_pdfs.make("plain"), f"{secret('file name')}.pdf", metadata={"case": [secret("metadata")]})
    opened = ok(api.post(SESSIONS, json={**fields, "documents": [file]}))
    secret.keep("link", opened["redirectUrl"].rpartition("/")[2])
    for url in (
        f"http://files.invalid/{secret('file path')}?sig={secret('file query')}",
        f"http://user:{secret('file password')}@files.invalid/x",
        f"http://10.0.0.1/{secret('private path')}",
    ):
        api.post(SESSIONS, json={**fields, "documents": [{"file": {"url": url, "name": "a.pdf"}}]})
    damaged = b"%PDF-1.7\n" + secret("content").encode() + b"\n/Root 1 0 R\n%%EOF"
    api.post(SESSIONS, json={**fields, "documents": [a_file(damaged, "b.pdf")]})
    api.post(
        SESSIONS,
        content=b'{"returnUrl": "' + secret("broken json").encode(),
        headers={"Content-Type": "application/json"},
    )
    api.post("/api/plain-uploads", files={"file": (secret("upload name"), secret("upload").encode(), "text/plain")})
    api.put(
        "/api/signature-inspection",
        json={
            "file": {
                "content": base64.b64encode(secret("inspected").encode()).decode(),
                "name": secret("inspected name"),
            }
        },
    )
    state = ok(api.post("/api/v2/authentication", json={"securityContextId": TEST_CONTEXT}))["state"]
    secret.keep("authentication state", state)
    found = pki.chain("e-cpf-a1")
    chain = [base64.b64encode(der).decode() for der in (found.certificate, *found.issuers)]
    value = base64.b64encode(secret("signature value").encode()).decode()
    api.post("/api/v2/authentication/completion", json={"state": state, "certificate": chain[0], "signature": value})

    page = server.page(opened["redirectUrl"])
    secret.keep("page token", page.client.headers["X-Signature-Session-Token"])
    page.prepare(chain)
    page.client.post("prepare", json={"certificate": value, "chain": []})
    page.sign(*page.demo_key())
    done = server.wait(opened["sessionId"])
    for kind in ("originalFile", "signedFile"):
        location = done["documents"][0][kind]["location"]
        secret.keep(f"download of {kind}", location.rpartition("/")[2])
        httpx.get(location, trust_env=False)
    httpx.get(f"{server.url}/api/downloads/{secret('download')}?x={secret('download query')}", trust_env=False)
    httpx.get(f"{server.url}/sign/{secret('wrong link')}", trust_env=False)
    secret.keep("personal number", CPF)


def break_the_database(server: Server, secret: Secrets) -> None:
    """Rows are refused with their content in the database's error; connections are cut."""
    engine = open_engine(server.database_url)
    sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        if sqlite:
            connection.exec_driver_sql(
                "CREATE TRIGGER broken BEFORE INSERT ON signroom_sessions BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        else:
            connection.exec_driver_sql(
                "ALTER TABLE signroom_sessions ADD CONSTRAINT broken CHECK (return_url = 'never') NOT VALID"
            )
    fields = {
        "returnUrl": f"https://app.example/?c={secret('broken return url')}",
        "callbackArgument": secret("broken callback argument"),
        "metadata": {"customer": [secret("broken metadata")]},
    }
    answer = server.api.post(SESSIONS, json=fields)
    assert answer.status_code == 500, answer.text
    assert not secret.found_in(answer.text)
    if not sqlite:
        with suppress(sa.exc.DBAPIError), engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )
        server.api.post(SESSIONS, json=fields)
    with engine.begin() as connection:
        undo = "DROP TRIGGER broken" if sqlite else "ALTER TABLE signroom_sessions DROP CONSTRAINT broken"
        connection.exec_driver_sql(undo)
    engine.dispose()


def test_nothing_secret_is_written_anywhere(watched: Server, receiver: Receiver, pki: ToyPki) -> None:
    secret = Secrets()
    use_every_field(watched, secret, pki)
    break_the_database(watched, secret)
    answers = "".join(
        httpx.get(f"{watched.url}{path}", trust_env=False).text
        for path in ("/metrics", "/health/ready", "/health/live")
    )
    eventually(lambda: receiver.raw, why=watched.log.read_text)
    watched.process.terminate()
    assert watched.process.stdout is not None
    rest = watched.process.stdout.read()
    log = watched.log.read_text()

    assert "request.crashed" in log, "the constraint was broken"
    assert len(secret.planted) > 35
    assert secret.found_in(log) == []
    assert secret.found_in(answers) == []
    assert secret.found_in(rest) == []
    assert secret.found_in(receiver.raw.decode("latin-1")) == []
    assert not re.search(r"parameters|\[SQL", log)
    assert secret.found_in(_jobs_of(watched)) == [], "what jobs are stored with is ids"


def _jobs_of(server: Server) -> str:
    """Every value in the job engine's tables."""
    engine = open_engine(server.database_url)
    schema = None if engine.dialect.name == "sqlite" else "dbos"
    inspector, found = sa.inspect(engine), []
    names = [name for name in inspector.get_table_names(schema=schema) if not name.startswith(("signroom_", "alembic"))]
    with engine.connect() as connection:
        for name in names:
            table = sa.table(name, schema=schema)
            found += [repr(tuple(row)) for row in connection.execute(sa.select(sa.text("*")).select_from(table))]
    engine.dispose()
    assert any("process-document" in row for row in found)
    return "\n".join(found)


FOREIGN = """
import asyncio, gc, logging, sys, threading, warnings
from signroom.cli.logs import configure_logs
import structlog
configure_logs(logging.DEBUG)
for name in (None, "dbos", "httpx", "httpcore", "sqlalchemy.engine", "uvicorn.error", "asyncio"):
    logging.getLogger(name).setLevel(logging.DEBUG)
S = "plantedsecret"
logging.getLogger("dbos").error(f"Exception in workflow with {S}")
logging.getLogger("httpx").info("HTTP Request: GET %s", S)
logging.getLogger("sqlalchemy.engine").info("[generated] (%r)", S)
logging.getLogger("pyhanko_certvalidator").warning("no path for %s", S)
logging.getLogger("pikepdf").warning("%d is wrong", S)
warnings.warn(S)
try:
    try:
        raise ValueError(S)
    except ValueError as error:
        raise RuntimeError(S) from error
except RuntimeError:
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    structlog.get_logger("signroom.test").exception("request.crashed")
try:
    raise ExceptionGroup(S, [ValueError(S), OSError(2, S, S)])
except ExceptionGroup:
    structlog.get_logger("signroom.test").exception("group.crashed")
thread = threading.Thread(target=lambda: int(S)); thread.start(); thread.join()
class Bad:
    def __del__(self): raise ValueError(S)
Bad(); gc.collect()
async def lost():
    async def fail(): raise ValueError(S)
    task = asyncio.ensure_future(fail()); await asyncio.sleep(0); await asyncio.sleep(0); del task; gc.collect()
asyncio.run(lost())
raise LookupError(S)
"""


def test_libraries_and_exceptions_write_no_text_at_any_level() -> None:
    done = subprocess.run([sys.executable, "-c", FOREIGN], capture_output=True, text=True, timeout=60, check=False)

    written = done.stdout + done.stderr
    assert "plantedsecret" not in written, written
    for told in ("library.message", "no path for %s", "Exception in ASGI application", "request.crashed"):
        assert told in written
    for kind in ("RuntimeError", "ValueError", "LookupError", "ExceptionGroup", "errno 2", "thread.crashed"):
        assert kind in written
    assert "HTTP Request" not in written
    assert '"filename": "<string>"' in written, "the place is told"


def test_errors_of_both_databases_quote_no_parameters(database_url: str) -> None:
    engine = open_engine(database_url)
    with pytest.raises(sa.exc.DBAPIError) as broken, engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO signroom_subscriptions (id, name) VALUES (NULL, :n)"), {"n": "planted"})
    engine.dispose()

    assert "SQL parameters hidden" in str(broken.value)


def test_a_locked_database_quotes_no_parameters(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    one, two = open_engine(url), open_engine(url)
    with one.begin() as holder:
        holder.exec_driver_sql("CREATE TABLE a (b TEXT)")
    with one.begin(), two.connect() as connection:
        connection.connection.dbapi_connection.execute("PRAGMA busy_timeout=1")  # type: ignore[union-attr]
        waiting = connection.execution_options(signroom_read_only=True)
        with pytest.raises(sa.exc.OperationalError, match="locked") as locked:
            waiting.execute(sa.text("INSERT INTO a VALUES (:b)"), {"b": "planted"})
        assert "planted" not in str(locked.value)
        waiting.rollback()
    one.dispose()
    two.dispose()
    logging.getLogger("sqlalchemy").setLevel(logging.NOTSET)
