"""The bounds of what a subscription keeps as security contexts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signroom.domain.application import Role
from signroom.domain.errors import BadSecurityContext, TooManySecurityContexts
from signroom.domain.security_context import MAX_AUTHORITIES, MAX_CONTEXTS
from signroom.service.subscriptions.manage_security_contexts import (
    DescribeContext,
    create_context,
    delete_context,
)
from tests.pki import three_tiers
from tests.service.conftest import Room


def test_a_subscription_makes_so_many_contexts_and_no_more(room: Room) -> None:
    manager, root = replace(room.caller, roles=frozenset({Role.MANAGER})), three_tiers.root().der
    made = [
        create_context(room.ports, manager, DescribeContext(f"own-{number}", (root,))) for number in range(MAX_CONTEXTS)
    ]
    with pytest.raises(TooManySecurityContexts):
        create_context(room.ports, manager, DescribeContext("one-more", (root,)))
    delete_context(room.ports, manager, made[0].id)
    create_context(room.ports, manager, DescribeContext("one-more", (root,)))


def test_the_certificates_of_a_context_have_so_many_bytes(room: Room) -> None:
    manager = replace(room.caller, roles=frozenset({Role.MANAGER}))
    with pytest.raises(BadSecurityContext, match="128 KB"):
        create_context(room.ports, manager, DescribeContext("own", (bytes(MAX_AUTHORITIES + 1),)))
