"""Nouns to the wire's models: what a stranger has put into a file must not hide it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

from signroom.api.translation.models import _signer_summaries
from signroom.domain.document import Document, DocumentStatus, StoredFile, Version
from signroom.domain.level import Level
from signroom.domain.signature import INVISIBLE, Indication, Inspection, SignatureType, SignatureVerdict, Verdict
from signroom.ports import Ports
from signroom.trust.contexts import open_trust
from tests.pki import authority

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


def a_verdict(certificate: bytes, signed_at: datetime | None) -> SignatureVerdict:
    return SignatureVerdict("Field", Indication.TOTAL_PASSED, None, certificate, signed_at, covers_whole_file=True)


def test_an_earlier_signer_whose_certificate_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    good = authority.leaf("p256").certificate_der
    file = StoredFile("key", "a.pdf", "application/pdf", 1, b"d" * 32)
    document = Document(
        id=uuid4(),
        subscription_id=uuid4(),
        application_id=uuid4(),
        session_id=uuid4(),
        position=0,
        status=DocumentStatus.COMPLETED,
        original=file,
        inspection=Inspection(SignatureType.PDF, "application/pdf", 1, 1),
        options=INVISIBLE,
        created_at=NOW,
        key="2345" * 4,
        versions=(Version(Level.B_B, file, NOW),),
        signed_at=NOW,
        verdict=Verdict((a_verdict(b"no certificate", NOW), a_verdict(good, None))),
    )
    ports = cast(Ports, SimpleNamespace(trust=open_trust(tmp_path, None)))

    (signer,) = _signer_summaries(ports, document)

    assert signer.certificate.subject_common_name == "Signer p256"
    assert signer.date == NOW.replace(microsecond=0)
