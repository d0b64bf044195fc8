"""Every format and variant, at every level, with every kind of key: signed by the service, judged by others.

The authorities are three tiers, asked over HTTP. The files are made once, and one process of DSS judges them all.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.level import Level
from signroom.domain.security_context import TEST
from signroom.domain.signature import (
    ATTACHED,
    INVISIBLE,
    WHOLE_DOCUMENT,
    CmsOptions,
    Indication,
    OptionsByType,
    PdfOptions,
    SignatureType,
    XmlOptions,
)
from signroom.ports import Ports
from signroom.ports.files import content_of
from signroom.sandbox.pool import PooledFormats
from signroom.service.documents.add_document import NewDocument
from signroom.service.documents.file_sources import Content
from signroom.service.sessions.open_session import OpenSession, open_session
from signroom.service.signing.finish_signing import finish_signing
from signroom.service.signing.prepare_signing import prepare_signing
from signroom.service.signing.process_document import process_document
from signroom.timestamps.authorities import RemoteAuthorities
from signroom.trust.asking.answers import Ages
from signroom.worker.steps import jobs
from tests.formats.cms.lasting.raised import timestamps, values
from tests.formats.xml.files import INVOICE
from tests.harness.databases import copy_new_database
from tests.pki import three_tiers
from tests.pki.outside import running_outside
from tests.pki.three_tiers import NOW, YEAR
from tests.service.conftest import Room, open_room
from tests.timestamps.openssl_tsa import is_good_token
from tests.vectors import lasting_pdfs
from tests.verifiers import programs
from tests.verifiers import xml as xml_verifier
from tests.verifiers.ades import pyhanko_says
from tests.verifiers.cms import judged_by_pyhanko, openssl_accepts
from tests.verifiers.dss import Dss

ROOT = three_tiers.root().der
ROOT_PEM = three_tiers.root().certificate.public_bytes(Encoding.PEM)
DEBT = b"I owe 1 EUR, \x00\xff and not a cent more."
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Variant:
    kind: SignatureType
    content: bytes
    change: tuple[bytes, bytes]
    """What makes a tampered copy."""
    pdf: PdfOptions = INVISIBLE
    cms: CmsOptions = ATTACHED
    xml: XmlOptions = WHOLE_DOCUMENT

    def options(self, level: Level) -> OptionsByType:
        return OptionsByType(
            replace(self.pdf, level=level), replace(self.cms, level=level), replace(self.xml, level=level)
        )


_HEADER = (b"%PDF-1.", b"%PDF-2.")
_CENT = (b"not a cent", b"not a Cent")
_TEXT = (b"1 &lt; 2", b"1 &lt; 3")
VARIANTS = {
    "pdf-table": Variant(SignatureType.PDF, lasting_pdfs.KINDS["table"](), _HEADER),
    "pdf-stream": Variant(SignatureType.PDF, lasting_pdfs.KINDS["cross-reference-stream"](), _HEADER),
    "pdf-visible": Variant(SignatureType.PDF, lasting_pdfs.KINDS["table"](), _HEADER, pdf=lasting_pdfs.VISIBLE),
    "cms-attached": Variant(SignatureType.CMS, DEBT, _CENT),
    "cms-detached": Variant(SignatureType.CMS, DEBT, _CENT, cms=CmsOptions(detached=True)),
    "xml-enveloped": Variant(SignatureType.XML, INVOICE, _TEXT),
    "xml-element": Variant(SignatureType.XML, INVOICE, _TEXT, xml=XmlOptions(element_id="total")),
}


def cells(*kinds: SignatureType) -> list[Any]:
    return [
        pytest.param(name, level, key, id=f"{name}-{level}-{key}")
        for name, variant in VARIANTS.items()
        if variant.kind in kinds
        for level in Level
        for key in three_tiers.KINDS
    ]


PREFIX = {SignatureType.PDF: "PAdES", SignatureType.CMS: "CAdES", SignatureType.XML: "XAdES"}


@dataclass(frozen=True)
class Made:
    document: Document
    file: Path


Matrix = Mapping[tuple[str, Level, str], Made]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, formats: PooledFormats) -> Matrix:
    """By variant, level, and kind of key. A session has one document of each variant."""
    folder = tmp_path_factory.mktemp("matrix")
    database = folder / "signroom.db"
    copy_new_database(database)
    with running_outside() as outside, open_room(f"sqlite:///{database}", folder, formats) as room:
        room.clock.time = NOW
        providers = RemoteAuthorities([outside.provider])
        ports = replace(room.ports, trust=outside.trust(Ages(DAY, DAY)), timestamps=providers)
        room.service.jobs.start(jobs(ports), execute=False)
        try:
            return {
                (name, level, key): made
                for level in Level
                for key in three_tiers.KINDS
                for name, made in asyncio.run(_signed(room, ports, level, key, folder))
            }
        finally:
            providers.close()


async def _signed(room: Room, ports: Ports, level: Level, key: str, folder: Path) -> list[tuple[str, Made]]:
    signer = three_tiers.signer(key)
    documents = tuple(
        NewDocument(Content(_source(one.content), name, None), signature_type=one.kind, options=one.options(level))
        for name, one in VARIANTS.items()
    )
    command = OpenSession(documents=documents, security_context_id=TEST.id)
    opened = await open_session(ports, room.caller, command)
    preparation = await prepare_signing(ports, opened.session_id, signer.chain)
    signatures = {one.document_id: signer.sign(one.prepared.to_sign) for one in preparation.items}
    await finish_signing(ports, opened.session_id, preparation.id, signatures, lambda page: page)
    return [await _processed(ports, document_id, folder / f"{level}-{key}") for document_id in signatures]


def _source(content: bytes) -> Any:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return chunks


async def _processed(ports: Ports, document_id: UUID, place: Path) -> tuple[str, Made]:
    await process_document(ports, document_id)
    with ports.store.read() as work:
        document = work.documents.of_any_tenant(document_id)
    name, signed = document.original.name, document.require_signed()
    place.mkdir(exist_ok=True)
    file = place / f"{name}.signed"
    with ports.blobs.as_file(signed.blob_key, content_of(signed)) as source:
        shutil.copyfile(source, file)
    return name, Made(document, file)


@pytest.fixture(scope="module")
def nss(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return programs.nss_database(tmp_path_factory.mktemp("nss"), [ROOT])


@pytest.fixture
def content(tmp_path: Path) -> Path:
    file = tmp_path / "content"
    file.write_bytes(DEBT)
    return file


def said_by(dss: Dss, file: Path, **how: Any) -> list[tuple[str, str]]:
    return [(one["level"], one["indication"]) for one in dss.judge(file, **how)["signatures"]]


@pytest.mark.parametrize(("name", "level", "key"), cells(*SignatureType))
def test_what_the_service_signs_is_what_it_says(matrix: Matrix, name: str, level: Level, key: str) -> None:
    document = matrix[name, level, key].document

    assert (document.status, document.level, document.level_detail) == (DocumentStatus.COMPLETED, level, None)
    assert document.verdict is not None
    assert [one.indication for one in document.verdict.signatures] == [Indication.TOTAL_PASSED]


@pytest.mark.parametrize(("name", "level", "key"), cells(*SignatureType))
def test_dss_finds_the_level_and_a_tampered_copy_fails(
    matrix: Matrix, dss: Dss, tmp_path: Path, content: Path, name: str, level: Level, key: str
) -> None:
    variant, file = VARIANTS[name], matrix[name, level, key].file
    beside = content if variant.cms.detached else None
    lasting = level.reaches(Level.B_LT)
    wanted = f"{PREFIX[variant.kind]}-BASELINE-{level.removeprefix('B-')}"

    assert said_by(dss, file, revocation=lasting, content=beside) == [(wanted, "TOTAL_PASSED")]
    if level is Level.B_LTA:  # the signer's and the authorities' certificates have ended
        assert said_by(dss, file, revocation=True, content=beside, at=NOW + 5.5 * YEAR) == [(wanted, "TOTAL_PASSED")]

    changed, beside = tampered(variant, file, tmp_path)
    assert [one for _, one in said_by(dss, changed, content=beside)] == ["TOTAL_FAILED"]


def tampered(variant: Variant, file: Path, folder: Path) -> tuple[Path, Path | None]:
    """A copy of the file with another content, and the content that lies beside it."""
    target = folder / "changed"
    target.write_bytes(file.read_bytes().replace(*variant.change, 1))
    if not variant.cms.detached:
        assert target.read_bytes() != file.read_bytes()
        return target, None
    beside = folder / "changed content"
    beside.write_bytes(DEBT.replace(*variant.change, 1))
    return target, beside


@pytest.mark.parametrize(("name", "level", "key"), cells(SignatureType.PDF))
def test_readers_of_pdfs_accept_each_cell(
    matrix: Matrix, nss: Path, tmp_path: Path, name: str, level: Level, key: str
) -> None:
    file = matrix[name, level, key].file
    assert programs.pdfsig(file, nss)[0].valid  # it cannot find the way over three tiers, whoever has signed
    assert programs.mutool(file)[0]  # it does not know document timestamps, which come second
    assert programs.qpdf_accepts(file)
    if level.reaches(Level.B_LTA):
        assert pyhanko_says(file, [ROOT]) == ["PASSED OK"]

    changed, _ = tampered(VARIANTS[name], file, tmp_path)
    assert not programs.pdfsig(changed, nss)[0].valid
    assert not programs.mutool(changed)[0]
    if level.reaches(Level.B_LTA):
        assert "PASSED" not in pyhanko_says(changed, [ROOT])[0]


@pytest.mark.parametrize(("name", "level", "key"), cells(SignatureType.CMS))
def test_readers_of_cms_accept_each_cell(
    matrix: Matrix, tmp_path: Path, content: Path, name: str, level: Level, key: str
) -> None:
    variant, file = VARIANTS[name], matrix[name, level, key].file
    beside = content if variant.cms.detached else None
    assert openssl_accepts(file, ROOT_PEM, beside) == DEBT
    if level.reaches(Level.B_LT):
        assert judged_by_pyhanko(file, ROOT, beside) == ("AdESPassed.OK", NOW)
    root = tmp_path / "root.pem"
    root.write_bytes(ROOT_PEM)
    found = timestamps(file, values(file)[0], hashlib.sha256(DEBT).digest())
    assert [len(one) for one in found] == [int(level.reaches(Level.B_T)), int(level.reaches(Level.B_LTA))]
    for one in (*found[0], *found[1]):
        assert is_good_token(hashlib.sha256(one.subject).digest(), one.token, root, tmp_path)
        assert not is_good_token(hashlib.sha256(one.subject[:-1]).digest(), one.token, root, tmp_path)

    changed, beside = tampered(variant, file, tmp_path)
    assert openssl_accepts(changed, ROOT_PEM, beside) is None


@pytest.mark.parametrize(("name", "level", "key"), cells(SignatureType.XML))
def test_readers_of_xml_accept_each_cell(matrix: Matrix, tmp_path: Path, name: str, level: Level, key: str) -> None:
    variant, file = VARIANTS[name], matrix[name, level, key].file
    elements = ["urn:invoice:total"] if variant.xml.element_id else []
    xml_verifier.require_accepted(file, ROOT_PEM, id_elements=elements)

    changed, _ = tampered(variant, file, tmp_path)
    assert not xml_verifier.xmlsec1(changed, ROOT_PEM, id_elements=elements).valid
