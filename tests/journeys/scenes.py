"""Every state of the page that a signer can meet, one after the other, in a language.

For what must hold in all of them (accessibility, no sideways scroll) and for looking at them (`make screenshots`).
What a server cannot be brought to quickly (a session that is over) is written into its answer on the way to the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route

from tests.harness.server import ROOT, Json, Server, base64
from tests.journeys.conftest import alter_session
from tests.pki import authority
from tests.vectors import hard_pdfs, what_a_file_is

LANGUAGES = ("en", "pt-BR", "es")
PASSWORD = "secret"
CERTIFICATES = ("expired", "p256", "rsa2048", "wrong-key-usage")


def _confirmed(route: Route) -> None:
    """A known authority has confirmed who the holders of the certificates are."""
    response = route.fetch()
    body = response.json()
    for judgement in body["certificates"]:
        judgement["confirmedBy"] = "Toy CA"
    route.fulfill(response=response, json=body)


def texts_of(language: str) -> Any:
    return json.loads((ROOT / "web/src/texts" / f"{language}.json").read_text("utf-8"))


@dataclass(frozen=True)
class Scenes:
    """`play` yields the name of each state while `page` shows it; `folder` is for files that are chosen."""

    server: Server
    page: Page
    language: str
    folder: Path

    def play(self) -> Iterator[str]:
        yield from self._loading()
        yield from self._documents()
        yield from self._key_source()
        yield from self._certificate_to_done()
        yield from self._requirements()
        yield from self._time_left()
        yield from self._left_out()
        yield from self._ends()

    # -- on the way ------------------------------------------------------------------------------------

    def _loading(self) -> Iterator[str]:
        link = self.server.open_session()["redirectUrl"]
        with self._held("renew"):
            self._open(link)
            self.page.get_by_role("status").wait_for()
            yield "loading"
        self.page.route("**/sign/api/renew", lambda route: route.abort())
        self._open(link)
        self._button("problem", "retry").wait_for()
        yield "no-connection"
        self.page.unroute("**/sign/api/renew")
        self._open(f"{self.server.url}/sign/a-wrong-link")
        self.page.locator(".mark.bad").wait_for()
        yield "wrong-link"

    def _documents(self) -> Iterator[str]:
        page = self.page
        self._open(self.server.open_session()["redirectUrl"])
        self._arrived()
        yield "no-document"
        names = ("ten-pages", "plain", "encrypted-user")
        files = [self.folder / f"{name}.pdf" for name in names]
        for file, name in zip(files, names, strict=True):
            file.write_bytes(hard_pdfs.make(name))
        copy = self.folder / ("a-name-that-is-very-long-and-has-no-place-to-break-" * 3 + ".pdf")
        copy.write_bytes(files[1].read_bytes())
        page.locator("input[type=file]").set_input_files([*files, copy])
        page.locator(".files progress").first.wait_for(state="detached")
        page.locator(".warning").first.wait_for()
        yield "documents"
        self._button("cancel", "button").click()
        yield "cancel"
        self._button("cancel", "no").click()
        self._button("documents", "next").click()
        page.get_by_role("heading", name=self._text("review", "heading")).wait_for()
        page.locator(".paper img").first.wait_for()
        yield "review"
        page.get_by_role("button", name=self._text("reader", "find")).click()
        page.get_by_role("textbox", name=self._text("reader", "words")).fill("page")
        page.keyboard.press("Enter")
        page.locator(".hit.at").wait_for()
        yield "words-found"
        page.get_by_role("button", name=self._text("reader", "find")).click()
        page.get_by_role("button", name=self._text("reader", "together")).click()
        page.locator(".pick img").nth(9).wait_for()
        yield "all-pages"
        page.get_by_role("button", name=self._text("reader", "together")).click()
        self._button("review", "next").click()
        page.get_by_role("heading", name=self._text("source", "heading")).wait_for()

    def _key_source(self) -> Iterator[str]:
        page = self.page
        yield "key-source"
        page.get_by_role("button", name=self._text("source", "demo")).click()
        yield "demo-key"
        page.get_by_role("button", name=self._text("source", "pfx")).click()
        self._certificate_file("wrong")
        page.get_by_text(self._text("problems", "key-wrong-secret")).wait_for()
        yield "wrong-password"

    def _certificate_to_done(self) -> Iterator[str]:
        page = self.page
        page.route("**/sign/api/certificates", _confirmed)  # "consent-without-it" has the certificate of nobody known
        self._certificate_file(PASSWORD)
        page.get_by_role("heading", name=self._text("certificates", "heading")).wait_for()
        page.locator(".panel summary").first.click()
        yield "certificates"
        self._button("certificates", "next").click()
        page.get_by_role("heading", name=self._text("consent", "heading")).wait_for()
        yield "consent"
        with self._held("finish"):
            page.locator("button.primary").first.click()
            page.get_by_role("heading", name=self._text("signing", "sending")).wait_for()
            yield "signing"
        page.locator(".downloads a").first.wait_for()
        yield "completed"

    def _requirements(self) -> Iterator[str]:
        required = [{"type": "Cpf", "argument": "***.456.789-**"}, {"type": "CryptoDevice", "argument": None}]
        with self._told(requirements=required):
            self._open(self._predefined())
            self._arrived()
            yield "requirements"

    def _time_left(self) -> Iterator[str]:
        soon = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
        with self._told(expiresAt=soon):
            self._open(self._predefined())
            self._arrived()
            self._button("time", "more").wait_for()
            yield "time-left"

    def _left_out(self) -> Iterator[str]:
        """Of two documents one cannot be signed, then of one."""
        page, annex = self.page, "an-annex-with-a-long-name-" * 4 + ".pdf.p7m"
        self._ask_to_sign("lease.pdf", annex)
        self._button("aside", "without", "one").wait_for()
        yield "cannot-be-signed"
        self._button("aside", "without", "one").click()
        page.get_by_role("heading", name=self._text("consent", "heading")).wait_for()
        yield "consent-without-it"
        page.locator("button.primary").first.click()
        page.get_by_role("heading", name=self._text("ended", "failed")).wait_for()
        yield "left-out"
        self._ask_to_sign(annex)
        self._button("aside", "end").wait_for()
        yield "nothing-left-to-sign"
        self._button("aside", "end").click()
        page.get_by_role("heading", name=self._text("ended", "failedAll")).wait_for()
        yield "nothing-signed"

    def _ask_to_sign(self, *names: str) -> None:
        """Up to the click on the consent; signed files (.p7m) lose their end in the store before that."""
        signed = what_a_file_is.signed_pdf()
        contents = {name: signed if name.endswith(".p7m") else hard_pdfs.make("plain") for name in names}
        documents = [{"file": {"name": name, "content": base64(content)}} for name, content in contents.items()]
        opened = self.server.open_session(documents=documents, returnUrl="https://app.example/back")
        self.server.stored_file(opened["sessionId"], signed).write_bytes(signed[:600])
        self._open(opened["redirectUrl"])
        self._button("review", "next").click()
        self.page.get_by_role("button", name=self._text("source", "demo")).click()
        self.page.get_by_label(self._text("source", "name")).fill("Ana")
        self._button("source", "make").click()
        self.page.get_by_role("heading", name=self._text("consent", "heading")).wait_for()
        self.page.locator("button.primary").first.click()

    # -- how it ends -----------------------------------------------------------------------------------

    def _ends(self) -> Iterator[str]:
        link, back = self._predefined(), "https://app.example/back"
        failed = {"processingErrorCode": "EarlierSignatureBroken", "status": "ProcessingError"}
        signed = {
            "status": "Completed",
            "awaitsLevel": True,
            "signedFile": {"name": "lease.pdf", "length": 1, "location": f"{self.server.url}/x"},
        }
        ends: dict[str, Json] = {
            "cancelled": {"status": "UserCancelled"},
            "expired": {"status": "Expired", "documents": [], "returnUrl": back},
            "completed-long-ago": {"status": "Completed", "documents": []},
            "completed-and-back": {
                "status": "Completed",
                "returnUrl": back,
                "signer": {"name": "Ana de Souza", "issuedBy": "Toy CA", "confirmedBy": "Toy CA", "signedAt": None},
            },
            "stored": {"status": "Processing", "background": True},
        }
        for name, told in ends.items():
            with self._told(**told):
                self._open(link)
                self._arrived()
                yield name
        with self._told(status="ProcessingError", returnUrl=back, of_documents=[signed, failed]):
            self._open(link)
            self._button("ended", "again").wait_for()
            yield "partly-done"

    # -- what they share -------------------------------------------------------------------------------

    def _predefined(self) -> str:
        documents = [
            {"file": {"name": name, "content": base64(hard_pdfs.make("plain"))}} for name in ("lease.pdf", "annex.pdf")
        ]
        link: str = self.server.open_session(documents=documents)["redirectUrl"]
        return link

    def _open(self, link: str) -> None:
        self.page.goto(f"{link}?lang={self.language}")

    def _arrived(self) -> None:
        """A step is there: its heading takes the focus, that of "loading" does not."""
        self.page.locator("h1[tabindex]:visible").wait_for()

    def _text(self, *path: str) -> str:
        found = texts_of(self.language)
        for key in path:
            found = found[key]
        return str(found)

    def _button(self, *path: str) -> Any:
        return self.page.get_by_role("button", name=self._text(*path), exact=True)

    def _certificate_file(self, password: str) -> None:
        file = self.folder / "signer.pfx"
        if not file.exists():  # a browser does not read a file that has changed after it was chosen
            file.write_bytes(authority.pfx_of_several(CERTIFICATES, PASSWORD))
        self.page.get_by_label(self._text("source", "file")).set_input_files(file)
        self.page.get_by_label(self._text("source", "password")).fill(password)
        self._button("source", "open").click()

    @contextmanager
    def _held(self, call: str) -> Iterator[None]:
        """The server's answer to `call` waits."""
        waiting: list[Route] = []

        def wait(route: Route) -> None:
            waiting.append(route)

        self.page.route(f"**/sign/api/{call}", wait)
        yield
        for route in waiting:
            route.continue_()
        self.page.unroute(f"**/sign/api/{call}")

    @contextmanager
    def _told(self, of_documents: list[Json] | None = None, **fields: Any) -> Iterator[None]:
        """The page gets other `fields` of its session, and of each document."""

        def change(session: Json) -> Json:
            changed = {**session, **fields}
            if of_documents is not None:
                pairs = zip(changed["documents"], of_documents, strict=True)
                changed["documents"] = [{**document, **changes} for document, changes in pairs]
            return changed

        alter_session(self.page, change)
        yield
        self.page.unroute_all(behavior="wait")
