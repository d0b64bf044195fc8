"""Who somebody is: never decided where every issuer is accepted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from signroom.domain.errors import SecurityContextNotConfigured
from signroom.domain.requirement import CertificateRequirement, RequirementKind
from signroom.domain.security_context import ANY, ICP_BRASIL, TEST
from signroom.ports import Ports
from signroom.service.certificates.authenticate_person import begin_authentication, complete_authentication
from signroom.service.certificates.judge_certificate import find_deciding_context
from signroom.service.sessions.open_session import OpenSession, open_session
from tests.harness.server import signature
from tests.pki import authority
from tests.service.conftest import Room

DEVICE = CertificateRequirement(RequirementKind.CRYPTO_DEVICE)
BOTH = pytest.mark.parametrize("context_id", [None, ANY.id], ids=["default", "named"])


def in_production(room: Room) -> Ports:
    """There is no demo authority there."""
    return replace(room.ports, demo=None)


@BOTH
def test_nobody_logs_in_where_every_issuer_is_accepted(room: Room, context_id: UUID | None) -> None:
    with pytest.raises(SecurityContextNotConfigured, match="every issuer"):
        begin_authentication(in_production(room), room.caller, context_id, revocation_may_be_unknown=True)


def test_a_state_of_an_earlier_version_logs_nobody_in(room: Room) -> None:
    """It named the context `any`, which was judged."""
    owner = f"{room.caller.subscription_id}/{room.caller.application.id}"
    subject = "~".join(("bm9uY2U=", owner, str(ANY.id), "1"))
    state = room.ports.tokens.issue("authentication", subject, room.clock.now())
    signer = authority.leaf("rsa2048")
    assert isinstance(signer.key, rsa.RSAPrivateKey)
    value = signature(signer.key, b"nonce")
    completing = complete_authentication(in_production(room), room.caller, state, signer.certificate_der, value)
    with pytest.raises(SecurityContextNotConfigured):
        asyncio.run(completing)


@BOTH
def test_no_requirement_is_judged_where_every_issuer_is_accepted(room: Room, context_id: UUID | None) -> None:
    command = OpenSession(requirements=(DEVICE,), security_context_id=context_id)
    with pytest.raises(SecurityContextNotConfigured, match="every issuer"):
        asyncio.run(open_session(in_production(room), room.caller, command))


@BOTH
def test_while_the_service_is_tried_out_the_test_context_decides(room: Room, context_id: UUID | None) -> None:
    assert find_deciding_context(room.ports, room.caller.subscription_id, context_id) == TEST
    opened = asyncio.run(
        open_session(room.ports, room.caller, OpenSession(requirements=(DEVICE,), security_context_id=context_id))
    )
    with room.ports.store.read() as work:
        assert work.sessions.of_any_tenant(opened.session_id).security_context_id == TEST.id


def test_a_context_without_roots_decides_nothing(room: Room) -> None:
    with pytest.raises(SecurityContextNotConfigured):
        find_deciding_context(room.ports, room.caller.subscription_id, ICP_BRASIL.id)
