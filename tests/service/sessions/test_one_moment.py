"""A session and its documents are told as of one moment, whatever happens while they are read."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from uuid import UUID

import httpx

from signroom.domain.document import DocumentStatus
from signroom.domain.session import SessionStatus
from signroom.service.signing.process_document import process_document
from tests.harness.server import Page, ok, values_of
from tests.service.signing.test_processed_twice import service_of
from tests.soak.cluster import Cluster, running_cluster
from tests.vectors import hard_pdfs


def signed(cluster: Cluster) -> tuple[UUID, UUID]:
    """A session that was signed through the API of its page; its id and its document's."""
    url = f"{cluster.webs[0].url}/api/signature-sessions"
    opened = ok(httpx.post(url, json={}, headers={"X-Api-Key": cluster.key}, trust_env=False, timeout=60))
    page = Page(opened["redirectUrl"])
    with closing(page.client):
        document = page.add(hard_pdfs.make("plain"))
        key, chain = page.demo_key()
        preparation = ok(page.prepare(chain))
        ok(page.finish(preparation, values_of(preparation, key)))
        return UUID(opened["sessionId"]), UUID(document["id"])


def test_what_is_read_in_one_transaction_is_of_one_moment(database_url: str, tmp_path: Path) -> None:
    with running_cluster(tmp_path, database_url, [("serve", "--no-jobs")]) as cluster:
        session_id, document_id = signed(cluster)
        service = service_of(cluster, tmp_path, "one")
        try:
            with service.ports.store.read() as work:
                before = work.sessions.of_any_tenant(session_id)
                asyncio.run(process_document(service.ports, document_id))
                (document,) = work.documents.of_session(session_id)
        finally:
            service.stop()

    assert (before.status, document.status) == (SessionStatus.PROCESSING, DocumentStatus.PROCESSING)
