"""A document that two processes complete at the same moment is completed once."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import UUID

import httpx
import sqlalchemy as sa

from signroom.service.signing.process_document import fail_document, process_document
from signroom.settings import read_settings
from signroom.store import tables
from signroom.wiring import Service, build_service
from tests.harness.server import Page, ok, values_of
from tests.harness.waiting import SECONDS
from tests.soak.cluster import Cluster, running_cluster
from tests.vectors import hard_pdfs


def signed_session(cluster: Cluster) -> tuple[str, list[UUID]]:
    """Signed, and nothing processed yet: its id and its documents'."""
    body = {"returnUrl": "https://app.example/back"}
    headers = {"X-Api-Key": cluster.key}
    url = f"{cluster.webs[0].url}/api/signature-sessions"
    opened = ok(httpx.post(url, json=body, headers=headers, trust_env=False, timeout=60))
    page = Page(opened["redirectUrl"])
    with closing(page.client):
        for number in range(2):
            page.add(hard_pdfs.make("plain"), f"{number}.pdf")
        key, chain = page.demo_key()
        preparation = ok(page.prepare(chain))
        ok(page.finish(preparation, values_of(preparation, key)))
        return opened["sessionId"], [UUID(d["id"]) for d in page.load()["documents"]]


def service_of(cluster: Cluster, folder: Path, name: str) -> Service:
    environment = {**cluster.environment, "SIGNROOM_DATA": str(folder / name)}
    return build_service(read_settings(environment, folder), execute_jobs=False)


def test_two_processes_complete_each_document_once(database_url: str, tmp_path: Path) -> None:
    with running_cluster(tmp_path, database_url, [("serve", "--no-jobs")]) as cluster:
        session_id, documents = signed_session(cluster)
        services = [service_of(cluster, tmp_path, name) for name in ("one", "other")]
        together = threading.Barrier(4)

        def process(service: Service, document_id: UUID) -> None:
            together.wait(SECONDS)
            asyncio.run(process_document(service.ports, document_id))
            # Late, as a job that was given up elsewhere: what is completed stays so.
            fail_document(service.ports, document_id, "InternalError")

        try:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(process, services * 2, [documents[0], documents[0], documents[1], documents[1]]))
            with services[0].engine.connect() as connection:
                rows = connection.execute(sa.select(tables.events.c.type, tables.events.c.session_id)).all()
                states = connection.execute(sa.select(tables.documents.c.status)).scalars().all()
        finally:
            for service in services:
                service.stop()

    told = Counter(row.type for row in rows if str(row.session_id) == session_id)
    assert states == ["Completed"] * 2
    assert (told["SessionCompleted"], told["DocumentSignatureCompleted"], told["DocumentFailed"]) == (1, 2, 0)
    assert [len(list(cluster.files.glob(f"sessions/*/{session_id}-{d}-signed-*"))) for d in documents] == [1, 1]
