"""What is still missing once a file has its archive timestamp, judged by the EU's DSS at a future date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.level import Level
from signroom.domain.signature import SignatureType
from signroom.ports import Ports
from signroom.ports.files import content_of
from signroom.service.documents.add_document import NewDocument
from signroom.service.documents.file_sources import Content
from signroom.service.levels import raise_level
from signroom.service.levels.archive_document import archive_document
from signroom.service.levels.raise_level import SIGNING_SECONDS
from signroom.service.sessions.open_session import OpenSession, open_session
from signroom.service.signing.finish_signing import finish_signing
from signroom.service.signing.prepare_signing import prepare_signing
from signroom.service.signing.process_document import process_document
from signroom.timestamps.authorities import RemoteAuthorities
from signroom.worker.steps import jobs
from tests.pki import three_tiers
from tests.pki.outside import OTHER, Outside, running_outside
from tests.pki.three_tiers import NOW, YEAR
from tests.service.conftest import Room
from tests.service.levels.test_archive_document import FILES, _bytes, completed, wanting
from tests.verifiers.dss import Dss


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with running_outside() as running:
        yield running


@pytest.fixture
def ports(room: Room, outside: Outside) -> Iterator[Ports]:
    """A timestamp authority that another one follows: it stamps the signature, the other one the archive."""
    room.clock.time = NOW
    outside.generation, outside.following = 0, OTHER
    providers = RemoteAuthorities([outside.provider])
    ports = replace(room.ports, trust=outside.trust(), timestamps=providers)
    room.service.jobs.start(jobs(ports), execute=False)
    yield ports
    providers.close()


def said_in_five_years(ports: Ports, document: Document, dss: Dss, folder: Path) -> list[tuple[str, str]]:
    signed, file = document.require_signed(), folder / "signed"
    with ports.blobs.as_file(signed.blob_key, content_of(signed)) as source:
        file.write_bytes(source.read_bytes())
    answer = dss.judge(file, at=NOW + 5.5 * YEAR, revocation=True)
    return [(one["level"][-3:], one["indication"]) for one in answer["signatures"]]


@pytest.mark.parametrize("kind", SignatureType)
def test_an_archive_timestamp_of_another_authority_brings_what_validates_it(
    room: Room, ports: Ports, dss: Dss, tmp_path: Path, kind: SignatureType
) -> None:
    document = completed(room, ports, Level.B_LTA, kind)

    assert (document.level, document.level_detail) == (Level.B_LTA, None)
    assert said_in_five_years(ports, document, dss, tmp_path) == [("LTA", "TOTAL_PASSED")]


def test_without_it_the_file_has_its_level_and_says_what_is_missing(
    room: Room, ports: Ports, outside: Outside, dss: Dss, tmp_path: Path
) -> None:
    paths = outside.site.paths
    path = f"/{three_tiers.stamper(OTHER).issuers[0].slug}"
    told = paths[path]
    paths[path] = lambda exchange: exchange.answer(b"?", status=503)
    try:
        document = completed(room, ports, Level.B_LTA)
    finally:
        paths[path] = told

    assert (document.status, document.level) == (DocumentStatus.COMPLETED, Level.B_LTA)
    assert document.level_detail is not None
    assert document.level_detail.startswith("The archive timestamp's authority is not proven in the file: ")
    assert not document.awaits_level
    assert said_in_five_years(ports, document, dss, tmp_path) == [("LTA", "INDETERMINATE")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_token_that_is_larger_than_the_space_for_it_gets_more(room: Room, ports: Ports, outside: Outside) -> None:
    outside.padding = 20_000
    try:
        document = completed(room, ports, Level.B_LTA)
        for _ in range(5):  # where the machine is slow, the rest comes by the job
            asyncio.run(archive_document(ports, document.id))
            document = room.read(document)
    finally:
        outside.padding = 0

    assert (document.level, document.level_detail) == (Level.B_LTA, None)
    assert document.require_signed().length > 2 * 20_000


def test_two_providers_take_turns_with_the_timestamps_of_documents(room: Room, outside: Outside) -> None:
    """Whoever only asks by which contexts tokens are judged takes nobody's turn."""
    outside.generation, outside.following = 0, None
    pair = [replace(outside.provider, name=name, url=f"{outside.provider.url}?{name}") for name in ("one", "two")]
    providers = RemoteAuthorities(pair)
    ports = replace(room.ports, trust=outside.trust(), timestamps=providers)
    room.clock.time = NOW
    room.service.jobs.start(jobs(ports), execute=False)
    before = len(outside.site.seen)

    completed(room, ports, Level.B_LTA)

    asked = [one.target for one in outside.site.seen[before:] if one.target.startswith("/tsa")]
    assert sorted(asked) == ["/tsa?one", "/tsa?two"]
    providers.close()


def test_a_slow_authority_holds_one_document_and_not_those_that_follow(
    room: Room, ports: Ports, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raise_level, "_STAMP_SECONDS", 1.5)  # a busy machine, too, has asked by then
    outside.down = frozenset({"slow-tsa"})
    before = len(outside.site.seen)
    try:
        found = [completed(room, ports, Level.B_LTA) for _ in range(3)]
    finally:
        outside.down = frozenset()

    assert [(one.status, one.level) for one in found] == [(DocumentStatus.COMPLETED, Level.B_B)] * 3
    assert len({one.level_detail for one in found}) == 1
    assert all(one.awaits_level for one in found)
    assert len(outside.site.seen) - before == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_authority_that_hangs_is_asked_once_for_all_documents_of_a_session(
    room: Room, ports: Ports, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when they are made at the same time; and what one has waited is not there any more for the others."""
    monkeypatch.setattr(raise_level, "_STAMP_SECONDS", 0.5)
    outside.down = frozenset({"slow-tsa"})
    before = len(outside.site.seen)

    async def sign() -> list[UUID]:
        source = Content(lambda: _bytes(FILES[SignatureType.CMS]), "debt", None)
        document = NewDocument(source, signature_type=SignatureType.CMS, options=wanting(Level.B_T))
        opened = await open_session(ports, room.caller, OpenSession(documents=(document,) * 4))
        signer = three_tiers.signer("p256")
        preparation = await prepare_signing(ports, opened.session_id, signer.chain)
        values = {item.document_id: signer.sign(item.prepared.to_sign) for item in preparation.items}
        await finish_signing(ports, opened.session_id, preparation.id, values, lambda page: page)
        await asyncio.gather(*(process_document(ports, document_id) for document_id in values))
        assert ports.waits.left(opened.session_id, SIGNING_SECONDS) < SIGNING_SECONDS
        return list(values)

    try:
        found = asyncio.run(sign())
    finally:
        outside.down = frozenset()

    with ports.store.read() as work:
        documents = [work.documents.of_any_tenant(one) for one in found]
    assert {(one.status, one.level, one.awaits_level) for one in documents} == {
        (DocumentStatus.COMPLETED, Level.B_B, True)
    }
    assert [one.target for one in outside.site.seen[before:]].count("/tsa") == 1
