"""The audit log: every change that somebody made to the settings of an installation, as it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from signroom.domain.application import ApiKey, Application, Subscription
from signroom.domain.branding import Branding, Logo
from signroom.domain.erasure import Erasure
from signroom.domain.file_validation import FileValidation
from signroom.domain.security_context import SecurityContext
from signroom.domain.timestamp_provider import StoredProvider
from signroom.domain.webhook import Webhook

Fact: TypeAlias = str | int | bool | list[str] | None
Facts: TypeAlias = Mapping[str, Fact]
"""What may be told of a setting: no secret, no hash of one, and of an address only its origin."""

NOTHING: Facts = {}
"""Of what did not exist before, or does not exist any more."""


class Action(StrEnum):
    """What was done. The names are in rows of every version: they stay."""

    SUBSCRIPTION_CREATED = "SubscriptionCreated"
    SUBSCRIPTION_CHANGED = "SubscriptionChanged"
    SUBSCRIPTION_DELETED = "SubscriptionDeleted"
    APPLICATION_CREATED = "ApplicationCreated"
    APPLICATION_CHANGED = "ApplicationChanged"
    APPLICATION_DELETED = "ApplicationDeleted"
    API_KEY_CREATED = "ApiKeyCreated"
    API_KEY_CHANGED = "ApiKeyChanged"
    API_KEY_REVOKED = "ApiKeyRevoked"
    BRANDING_CHANGED = "BrandingChanged"
    FILE_VALIDATION_CHANGED = "FileValidationChanged"
    SECURITY_CONTEXT_CREATED = "SecurityContextCreated"
    SECURITY_CONTEXT_CHANGED = "SecurityContextChanged"
    SECURITY_CONTEXT_DELETED = "SecurityContextDeleted"
    WEBHOOK_CREATED = "WebhookCreated"
    WEBHOOK_CHANGED = "WebhookChanged"
    WEBHOOK_REMOVED = "WebhookRemoved"
    WEBHOOK_SECRET_ROTATED = "WebhookSecretRotated"  # noqa: S105  (a name)
    WEBHOOK_TESTED = "WebhookTested"
    DELIVERIES_REPLAYED = "DeliveriesReplayed"
    SESSION_RETRIED = "SessionRetried"
    SESSION_ERASED = "SessionErased"
    DOCUMENT_ERASED = "DocumentErased"
    PERSON_EXPORTED = "PersonExported"
    PERSON_ERASED = "PersonErased"
    TIMESTAMP_PROVIDER_CREATED = "TimestampProviderCreated"
    TIMESTAMP_PROVIDER_CHANGED = "TimestampProviderChanged"
    TIMESTAMP_PROVIDER_DELETED = "TimestampProviderDeleted"
    TRUST_CHANGED = "TrustChanged"
    SIGNATURE_POLICIES_IMPORTED = "SignaturePoliciesImported"
    FILE_EXTENDED = "FileExtended"
    SECRETS_RESEALED = "SecretsResealed"
    LINKS_REVOKED = "LinksRevoked"
    SIGNERS_LISTED = "SignersListed"
    BACKED_UP = "BackedUp"
    RESTORED = "Restored"
    IMPORTED = "Imported"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the audit log."""

    id: UUID
    at: datetime
    subscription_id: UUID | None
    """None: of no subscription, or of one that is gone."""
    actor: str
    """Who did it, as `Caller.name` says."""
    key_id: UUID | None
    """The API key that was shown; None: an operator's command."""
    action: Action
    subject_id: UUID
    """Of what was changed."""
    before: Facts
    """Only what differs."""
    after: Facts
    position: int = 0
    """Ascending in the order of writing; 0 until it is written."""


def differing(before: Facts, after: Facts) -> tuple[Facts, Facts]:
    """Both without what is the same in both."""
    same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
    return ({n: v for n, v in before.items() if n not in same}, {n: v for n, v in after.items() if n not in same})


def subscription_facts(s: Subscription) -> Facts:
    return {
        "name": s.name,
        "retentionDays": s.retention_days,
        "disabledOn": _moment(s.disabled_at),
        "deletingSince": _moment(s.deleting_since),
    }


def application_facts(a: Application) -> Facts:
    return {
        "name": a.name,
        "roles": sorted(a.roles),
        "defaultMetadata": [f"{name}: {value}" for name, values in a.default_metadata for value in values],
        "returnUrls": [_origin(url) for url in a.return_urls],
        "frameOrigins": list(a.frame_origins),
        "strict": a.strict,
        "disabledOn": _moment(a.disabled_at),
        "deletingSince": _moment(a.deleting_since),
    }


def security_context_facts(c: SecurityContext) -> Facts:
    """Authorities by the SHA-256 of their certificates."""
    rules = c.rules
    return {
        "name": c.name,
        "roots": [hashlib.sha256(der).hexdigest() for der in c.roots],
        "intermediates": [hashlib.sha256(der).hexdigest() for der in c.intermediates],
        "policies": list(rules.policies),
        "purposes": list(rules.purposes),
        "revocation": rules.revocation.value,
        "keys": [f"{k.kind} {k.least_bits} {'' if k.until is None else k.until.isoformat()}" for k in rules.keys],
        "requirements": [f"{r.kind} {r.masked or ''}" for r in rules.requirements],
        "level": rules.level,
        "digests": [f"{d.algorithm} {'' if d.until is None else d.until.isoformat()}" for d in rules.digests],
        "responders": rules.responders.value,
        "timestampRoots": [hashlib.sha256(der).hexdigest() for der in rules.timestamp_roots],
    }


def api_key_facts(k: ApiKey) -> Facts:
    return {
        "applicationId": str(k.application_id),
        "role": k.role,
        "description": k.description,
        "expiresOn": _moment(k.expires_at),
        "revokedOn": _moment(k.revoked_at),
    }


def branding_facts(b: Branding, logo: Logo | None) -> Facts:
    return {
        "name": b.name,
        "accent": b.accent,
        "accentDark": b.accent_dark,
        "logo": None if logo is None else f"{logo.content_type}, {len(logo.content)} bytes",
    }


def file_validation_facts(v: FileValidation) -> Facts:
    e = v.endpoint
    return {
        "fileNamePattern": v.file_name_pattern,
        "endpoint": None if e is None else _origin(e.url),
        "auth": None if e is None else e.auth,
        "user": None if e is None else e.user,
        "hasSecret": e is not None and e.sealed_secret is not None,
    }


def webhook_facts(w: Webhook) -> Facts:
    e = w.endpoint
    return {
        "applicationId": None if w.application_id is None else str(w.application_id),
        "endpoint": None if e is None else _origin(e.url),
        "auth": None if e is None else e.auth,
        "user": None if e is None else e.user,
        "eventTypes": list(w.event_types),
        "description": w.description,
        "pausedOn": _moment(w.paused_at),
    }


def timestamp_provider_facts(p: StoredProvider) -> Facts:
    return {
        "name": p.name,
        "url": _origin(p.url),
        "tier": p.tier,
        "priority": p.priority,
        "context": p.context_name,
        "auth": p.auth,
        "user": p.user,
        "hasSecret": p.sealed_secret is not None,
    }


def erasure_facts(e: Erasure) -> Facts:
    """What was erased, by kind and number, and the digests that stay."""
    removed = e.removed
    return {
        "documents": removed.documents,
        "files": removed.files,
        "preparations": removed.preparations,
        "deliveries": removed.deliveries,
        "metadataValues": removed.metadata_values,
        "idempotencyKeys": removed.idempotency_keys,
        "digestsKept": [proof.sha256 for proof in e.proofs if proof.sha256 is not None],
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _origin(url: str) -> str:
    # Paths and queries of such addresses are often secrets.
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
