"""What a security context says of timestamps and digests holds for what is signed, raised and inspected."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import DigestNotAccepted
from signroom.domain.level import Level
from signroom.domain.security_context import ContextRules, DigestRule, RevocationRule
from signroom.domain.signature import DigestAlgorithm, SignatureType
from signroom.page.views import document_view
from signroom.ports import Ports
from signroom.service.certificates.authenticate_person import begin_authentication, complete_authentication
from signroom.service.levels.archive_document import archive_document
from signroom.service.subscriptions.manage_security_contexts import DescribeContext, change_context, create_context
from signroom.service.verification.inspect_signature import signers_of_document
from signroom.timestamps.authorities import RemoteAuthorities
from signroom.worker.steps import jobs
from tests.pki import three_tiers
from tests.pki.outside import Outside, running_outside
from tests.pki.three_tiers import NOW
from tests.service.conftest import Room
from tests.service.levels.test_archive_document import completed
from tests.timestamps import openssl_tsa

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ROOT = three_tiers.root().der
PLAIN = ContextRules(revocation=RevocationRule.NOT_ASKED)
SHA384 = DigestRule(DigestAlgorithm.SHA384)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with running_outside() as running:
        yield running


@pytest.fixture
def ports(room: Room, outside: Outside) -> Iterator[Ports]:
    room.clock.time = NOW
    providers = RemoteAuthorities([outside.provider])
    ports = replace(room.ports, trust=outside.trust(), timestamps=providers)
    room.service.jobs.start(jobs(ports), execute=False)
    yield ports
    providers.close()


def made(room: Room, ports: Ports, rules: ContextRules, name: str = "acme") -> UUID:
    return create_context(ports, room.caller, DescribeContext(name, (ROOT,), rules=rules)).id


def proven(room: Room, ports: Ports, document: Document) -> bool:
    """An inspection takes the timestamp as the proof of the signature's time."""
    (signer,) = asyncio.run(signers_of_document(ports, room.caller, document.id))
    return signer.proven_at is not None


@one_database
def test_timestamps_count_by_the_authorities_that_a_context_names_and_by_no_others(
    room: Room, ports: Ports, outside: Outside
) -> None:
    strict = replace(PLAIN, timestamp_roots=(openssl_tsa.root_der(),))
    context_id, before = made(room, ports, strict), len(outside.site.seen)

    refused = [completed(room, ports, Level.B_T, context_id=context_id) for _ in range(3)]
    asked = [one.target for one in outside.site.seen[before:]].count("/tsa")
    change = DescribeContext("acme", (ROOT,), rules=replace(PLAIN, timestamp_roots=(ROOT,)))
    change_context(ports, room.caller, context_id, change)
    taken = completed(room, ports, Level.B_T, context_id=context_id)

    for document in refused:
        assert (document.status, document.level) == (DocumentStatus.COMPLETED, Level.B_B)
        assert document.level_detail is not None
        assert document.level_detail.startswith("No timestamp authority of this tier is one whose timestamps count")
        assert document_view(ports, document, downloads=False).awaits_level, "the page says so"
    assert not document_view(ports, taken, downloads=False).awaits_level
    assert asked == 1  # whose tokens the provider gives is known by then, and another one would be paid for
    assert (taken.level, proven(room, ports, taken)) == (Level.B_T, True)

    assert asyncio.run(archive_document(ports, refused[0].id)) is None
    assert proven(room, ports, room.read(refused[0]))
    change_context(ports, room.caller, context_id, DescribeContext("acme", (ROOT,), rules=strict))
    assert not proven(room, ports, taken)
    change_context(ports, room.caller, context_id, DescribeContext("acme", (ROOT,), rules=PLAIN))
    assert proven(room, ports, taken)


@one_database
@pytest.mark.parametrize("kind", SignatureType)
def test_signatures_and_timestamps_have_a_digest_that_the_context_accepts(
    room: Room, ports: Ports, outside: Outside, kind: SignatureType
) -> None:
    """A signature with another one could not be finished: its value is checked with the digest that was prepared."""
    context_id, before = made(room, ports, replace(PLAIN, digests=(SHA384,))), len(outside.site.seen)

    document = completed(room, ports, Level.B_T, kind, context_id=context_id, holder=three_tiers.sha384_signer())

    assert (document.status, document.level, document.level_detail) == (DocumentStatus.COMPLETED, Level.B_T, None)
    assert document.preparation_id is not None
    with ports.store.read() as work:
        prepared = work.preparations.prepared(document.preparation_id, document.id)
    assert prepared.digest_algorithm is DigestAlgorithm.SHA384
    (query,) = (one.body for one in outside.site.seen[before:] if one.target == "/tsa")
    assert b"\x60\x86\x48\x01\x65\x03\x04\x02\x02" in query  # SHA-384, of the imprint
    assert proven(room, ports, document)


@one_database
def test_a_context_whose_digests_have_ended_refuses_before_anybody_consents(room: Room, ports: Ports) -> None:
    over = replace(SHA384, until=NOW - timedelta(days=1))
    context_id = made(room, ports, replace(PLAIN, digests=(over,)))

    with pytest.raises(DigestNotAccepted):
        completed(room, ports, None, context_id=context_id, holder=three_tiers.sha384_signer())
    with pytest.raises(DigestNotAccepted):
        begin_authentication(ports, room.caller, context_id, revocation_may_be_unknown=False)


@one_database
def test_a_log_in_has_a_digest_that_the_context_accepts(room: Room, ports: Ports) -> None:
    holder = three_tiers.sha384_signer()
    assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
    for accepted, hashed in ((None, hashes.SHA256()), ("SHA384", hashes.SHA384()), ("SHA512", hashes.SHA512())):
        rules = () if accepted is None else (DigestRule(DigestAlgorithm(accepted)),)
        context_id = made(room, ports, replace(PLAIN, digests=rules), f"acme-{accepted}".lower())

        begun = begin_authentication(ports, room.caller, context_id, revocation_may_be_unknown=False)
        value = holder.key.sign(begun.digest, ec.ECDSA(utils.Prehashed(hashed)))
        completing = complete_authentication(ports, room.caller, begun.state, holder.chain.certificate, value)

        assert begun.algorithm == (accepted or "SHA256")
        assert asyncio.run(completing).failure == ("CertificateFailedValidation" if accepted == "SHA512" else None)
