"""The whole outside on one page: what the verbs need, as promises and refusals.

Drivers live in the rooms of the same names (``blobs/``, ``store/``, ``jobs/`` ...) and are known by name only to
``wiring``. Nothing foreign crosses a port: a driver catches its library's errors at the call and raises ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from signroom.domain.document import Document
from signroom.domain.event import RecordedEvent
from signroom.domain.key_source import KeySources
from signroom.domain.places import Lines, Shares, Waits
from signroom.domain.security_context import SecurityContext
from signroom.domain.session import Session
from signroom.domain.signature_policy import SignaturePolicy
from signroom.domain.webhook import DeliverySchedule
from signroom.ports.certificates import DemoAuthority, Trust
from signroom.ports.changes import Changes
from signroom.ports.files import Blobs, Cache, NamePatterns, Pictures, Sandbox
from signroom.ports.jobs import Jobs
from signroom.ports.operations import Clock, Meter
from signroom.ports.outside import AnswerStore, Fetch
from signroom.ports.secrets import ResultTokens, Secrets, Tokens
from signroom.ports.store import Store
from signroom.ports.timestamps import TimestampAuthorities


@dataclass(frozen=True, slots=True)
class Limits:
    """What this installation accepts. ``max_file`` in bytes."""

    max_file: int
    session_lifetime: timedelta
    longest_session: timedelta
    """How long a session stays open at most while its signer asks for more time."""
    page_token_lifetime: timedelta
    download_lifetime: timedelta
    events_kept: timedelta
    """How long a receiver of events may be down and still catch up."""

    audit_kept: timedelta
    """How long it is known who changed what."""
    api_key_lifetime: timedelta | None
    """Of keys for which nobody says when they end; None: they do not end."""
    webhook_waits: DeliverySchedule
    """When deliveries are tried again."""
    webhook_timeout: timedelta
    """For one try of a delivery, from the look-up of the name to the answer."""
    files_compared_within: timedelta
    """In this time every stored file is compared once with what was stored."""
    archives_renewed_before: timedelta | None
    """So long before an archive timestamp ends its file gets another one; None: only when somebody asks for it."""


class EventBodies(Protocol):
    """Events as the wire tells them to applications."""

    def render(self, ports: Ports, event: RecordedEvent, session: Session | None, document: Document | None) -> bytes:
        """JSON in UTF-8, made now: its download addresses are fresh."""


class Policies(Protocol):
    """Signature policies of the operator."""

    def __call__(self) -> Sequence[SignaturePolicy]:
        """As they are now; a change is seen within five seconds."""


class ManagementPorts(Protocol):
    """What a verb needs that manages a subscription, its applications or its webhooks.

    A service passes its `Ports`. A command passes `wiring.managing`, which opens each part when it is first asked for.
    """

    @property
    def store(self) -> Store: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def tokens(self) -> Tokens: ...

    @property
    def trust(self) -> Trust: ...

    @property
    def timestamps(self) -> TimestampAuthorities: ...

    @property
    def pictures(self) -> Pictures: ...

    @property
    def name_patterns(self) -> NamePatterns: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def limits(self) -> Limits: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a verb may need, built once by ``wiring``."""

    store: Store
    jobs: Jobs
    changes: Changes
    blobs: Blobs
    lines: Lines
    """Where callers wait who would hold threads for long: to open a stored file, to have certificates judged."""
    waits: Waits
    """How long the documents of each session have waited for others, while their signer may be waiting."""
    delivery_shares: Shares
    """Of the places in which this process asks webhooks' endpoints: owners are subscriptions."""
    formats: Sandbox
    trust: Trust
    fetch: Fetch
    answers: AnswerStore
    timestamps: TimestampAuthorities
    pictures: Pictures
    name_patterns: NamePatterns
    secrets: Secrets
    previews: Cache
    default_context: SecurityContext
    demo: DemoAuthority | None
    """None in production: the test certificate is not offered there."""
    key_sources: KeySources
    tokens: Tokens
    result_tokens: ResultTokens
    event_bodies: EventBodies
    clock: Clock
    limits: Limits
    meter: Meter
    policies: Policies
    """Signature policies of the operator, beside those that every installation knows."""
    public_url: str
    """Without a trailing slash."""
