"""What managers do by the client: applications, keys, the audit log, erasing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from signroom_client import (
    AsyncSignroomClient,
    DocumentStatus,
    ErasedError,
    ForbiddenError,
    RefusedError,
    SignroomClient,
    UnauthorizedError,
)

from tests.client.conftest import sign
from tests.harness.commands import signroom as command
from tests.harness.server import Server
from tests.harness.tenants import Tenant, new_tenant


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    return new_tenant(server)


@pytest.fixture
def manager(tenant: Tenant) -> Iterator[SignroomClient]:
    with SignroomClient(tenant.server.url, tenant.manager["X-Api-Key"]) as client:
        yield client


@pytest.fixture
def shop(tenant: Tenant, request: pytest.FixtureRequest) -> UUID:
    """Another application of the subscription."""
    name = f"{tenant.name} {request.node.name}"[:100]
    made = command(
        tenant.server, "applications", "create", name, "--subscription", tenant.name, "--role", "Worker"
    )  # fmt: skip
    return UUID(made.partition(" ")[0])


def test_keys_from_their_making_to_their_end(tenant: Tenant, manager: SignroomClient, shop: UUID) -> None:
    new = manager.create_api_key(shop, description="CI", expires_on=datetime.now(UTC) + timedelta(days=9))
    assert new.key not in repr(new)
    with SignroomClient(tenant.server.url, new.key) as worker:
        assert list(worker.list_sessions()) is not None
    end = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    assert manager.end_api_key(shop, new.info.id, end).expires_on == end
    after = manager.rotate_api_key(shop, new.info.id, previous_hours=1)
    revoked = manager.revoke_api_key(shop, new.info.id)

    assert manager.revoke_api_key(shop, new.info.id) == revoked
    assert [key.id for key in manager.list_api_keys(shop)] == [after.info.id, new.info.id]
    assert revoked.revoked_on is not None
    with SignroomClient(tenant.server.url, new.key) as worker, pytest.raises(UnauthorizedError):
        list(worker.list_sessions())
    changes = list(manager.audit_log(subject_id=new.info.id, page_size=1))
    assert [change.action for change in changes][:2] == ["ApiKeyRevoked", "ApiKeyChanged"]
    assert changes[0].before == {"revokedOn": None}
    assert list(manager.audit_log(action="ApiKeyCreated", since=datetime.now(UTC) + timedelta(days=1))) == []


def test_applications_are_renamed_closed_and_deleted(tenant: Tenant, manager: SignroomClient, shop: UUID) -> None:
    before = manager.get_application(shop)
    changed = manager.change_application(shop, name=f"{tenant.name} 2", strict=True)
    disabled = manager.disable_application(shop)

    assert (changed.name, changed.strict, before.strict, before.roles) == (f"{tenant.name} 2", True, False, ("Worker",))
    assert (disabled.enabled, manager.enable_application(shop).enabled) == (False, True)
    assert manager.get_application(shop) in manager.list_applications()
    with pytest.raises(ForbiddenError):
        manager.delete_application(shop)
    with pytest.raises(RefusedError, match="OwnApplication"):
        manager.disable_application(tenant.application_id)
    admin = command(tenant.server, "keys", "create", "--application", tenant.name, "--role", "Admin")
    with SignroomClient(tenant.server.url, admin) as client:
        assert client.delete_application(shop, force=True).deleting_since is not None


def test_sessions_and_documents_are_erased(tenant: Tenant, manager: SignroomClient, pdf: Path) -> None:
    created = manager.create_session(documents=[pdf, pdf])
    sign(tenant.server, created.redirect_url)
    first, second = manager.when_completed(created.session_id, timeout=60).documents

    one = manager.erase_document(first.id)
    all_of_it = manager.erase_session(created.session_id)

    assert manager.erase_document(first.id) == one
    assert [document.id for document in one.documents] == [first.id]
    (proof,) = [document for document in all_of_it.documents if document.id == second.id]
    assert (proof.key, proof.status, proof.signatures_intact) == (second.key, DocumentStatus.COMPLETED, True)
    assert all_of_it.removed.files > 0
    with pytest.raises(ErasedError):
        manager.get_session(created.session_id)


def test_the_awaited_client_does_the_same(tenant: Tenant) -> None:
    async def use() -> None:
        async with AsyncSignroomClient(tenant.server.url, tenant.manager["X-Api-Key"]) as client:
            (own,) = [a for a in await client.list_applications() if str(a.id) == tenant.application_id]
            assert own.name == tenant.name
            assert [change.actor async for change in client.audit_log()]

    asyncio.run(use())
