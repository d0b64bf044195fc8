"""Which files of its signers a subscription accepts: read and set, by its managers and by the operator."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.file_validation import FileValidation
from signroom.ports import Ports
from signroom.ports.files import NamePatterns
from signroom.ports.secrets import Secrets
from signroom.ports.store import Store, Work
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint, sealed_endpoint


@dataclass(frozen=True, slots=True)
class SetFileValidation:
    """The command: all of the settings, as they shall be."""

    file_name_pattern: str | None = None
    endpoint: GivenEndpoint | None = None


def read_file_validation(ports: Ports, caller: Caller) -> FileValidation:
    """Raises: NotAllowed."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.subscriptions.file_validation(caller.subscription_id)


def change_file_validation(ports: Ports, caller: Caller, command: SetFileValidation) -> FileValidation:
    """Raises: NotAllowed, BadInput, BadFileNamePattern."""
    caller.require(MANAGERS)
    with ports.store.work() as work:
        return _change(work, caller.subscription_id, command, ports.secrets, ports.name_patterns)


def show_file_validation(store: Store, subscription: str) -> FileValidation:
    """By the operator. Raises: SubscriptionNotFound."""
    with store.read() as work:
        return work.subscriptions.file_validation(work.subscriptions.named(subscription).id)


def set_file_validation(
    store: Store, secrets: Secrets, patterns: NamePatterns, subscription: str, command: SetFileValidation
) -> FileValidation:
    """By the operator. Raises: SubscriptionNotFound, BadInput, BadFileNamePattern."""
    with store.work() as work:
        return _change(work, work.subscriptions.named(subscription).id, command, secrets, patterns)


def secret_owner(subscription_id: UUID) -> str:
    """For whom the endpoint's secret is sealed."""
    return f"file-validation:{subscription_id}"


def _change(
    work: Work, subscription_id: UUID, command: SetFileValidation, secrets: Secrets, patterns: NamePatterns
) -> FileValidation:
    pattern = command.file_name_pattern or None
    if pattern is not None:
        patterns.require_valid(pattern)
    endpoint = None
    if command.endpoint is not None:
        known = work.subscriptions.file_validation(subscription_id).endpoint
        endpoint = sealed_endpoint(command.endpoint, known, secrets, secret_owner(subscription_id))
    changed = FileValidation(pattern, endpoint)
    work.subscriptions.save_file_validation(subscription_id, changed)
    return changed
