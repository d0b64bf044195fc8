"""Which files of its signers a subscription accepts: read and set, by its managers and by the operator."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action, file_validation_facts
from signroom.domain.errors import at
from signroom.domain.file_validation import FileValidation
from signroom.ports import ManagementPorts
from signroom.service.events.record_change import record_change
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint, sealed_endpoint


@dataclass(frozen=True, slots=True)
class SetFileValidation:
    """The command: all of the settings, as they shall be."""

    file_name_pattern: str | None = None
    endpoint: GivenEndpoint | None = None


def read_file_validation(ports: ManagementPorts, caller: Caller) -> FileValidation:
    """Raises: NotAllowed."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.subscriptions.file_validation(caller.subscription_id)


def set_file_validation(ports: ManagementPorts, caller: Caller, command: SetFileValidation) -> FileValidation:
    """Raises: NotAllowed, BadInput, BadFileNamePattern."""
    caller.require(MANAGERS)
    pattern = command.file_name_pattern or None
    if pattern is not None:
        ports.name_patterns.require_valid(pattern)
    endpoint = None
    with ports.store.work() as work:
        found = work.subscriptions.file_validation(caller.subscription_id)
        if command.endpoint is not None:
            owner = secret_owner(caller.subscription_id)
            with at("endpoint"):
                endpoint = sealed_endpoint(command.endpoint, found.endpoint, ports.secrets, owner)
        changed = FileValidation(pattern, endpoint)
        work.subscriptions.save_file_validation(caller.subscription_id, changed)
        record_change(
            work,
            caller,
            Action.FILE_VALIDATION_CHANGED,
            caller.subscription_id,
            ports.clock.now(),
            before=file_validation_facts(found),
            after=file_validation_facts(changed),
        )
    return changed


def secret_owner(subscription_id: UUID) -> str:
    """For whom the endpoint's secret is sealed."""
    return f"file-validation:{subscription_id}"
