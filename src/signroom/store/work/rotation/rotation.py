"""Statements about what depends on the secret key."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from signroom.domain.session import SessionStatus
from signroom.ports.store.rotation import SealedPlace, SealedSecret, SessionLink
from signroom.store import tables
from signroom.store.work.statements import insert

_VALIDATIONS, _WEBHOOKS, _PROVIDERS = tables.file_validations, tables.webhooks, tables.timestamp_providers
_COLUMNS = {
    SealedPlace.VALIDATION_ENDPOINT: (_VALIDATIONS, _VALIDATIONS.c.subscription_id, _VALIDATIONS.c.endpoint_secret),
    SealedPlace.WEBHOOK_ENDPOINT: (_WEBHOOKS, _WEBHOOKS.c.id, _WEBHOOKS.c.secret),
    SealedPlace.WEBHOOK_SIGNATURE: (_WEBHOOKS, _WEBHOOKS.c.id, _WEBHOOKS.c.signing_secret),
    SealedPlace.WEBHOOK_SIGNATURE_BEFORE: (_WEBHOOKS, _WEBHOOKS.c.id, _WEBHOOKS.c.previous_secret),
    SealedPlace.TIMESTAMP_PROVIDER: (_PROVIDERS, _PROVIDERS.c.id, _PROVIDERS.c.secret),
}
_S = tables.sessions
_OF_LINK = (
    _S.c.id.label("session_id"),
    _S.c.subscription_id,
    _S.c.application_id,
    _S.c.status,
    _S.c.link_hash,
    _S.c.expires_at,
)


class SqlRotation:
    """The part `rotation` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sealed(self, place: SealedPlace, after: UUID | None, limit: int) -> list[SealedSecret]:
        table, key, secret = _COLUMNS[place]
        owner = table.c.get("subscription_id", sa.null())
        query = sa.select(key, owner.label("owner"), secret).where(secret.is_not(None))
        if after is not None:
            query = query.where(key > after)
        found = self._connection.execute(query.order_by(key).limit(limit))
        return [SealedSecret(place, row_id, owner, value) for row_id, owner, value in found]

    def replace_sealed(self, secret: SealedSecret, value: bytes) -> bool:
        table, key, column = _COLUMNS[secret.place]
        change = sa.update(table).where(key == secret.row_id, column == secret.value).values({column: value})
        return self._connection.execute(change).rowcount == 1

    def links(self, after: UUID | None, limit: int) -> list[SessionLink]:
        t = tables.sessions
        query = sa.select(*_OF_LINK).where(t.c.erased_at.is_(None))
        if after is not None:
            query = query.where(t.c.id > after)
        return [_link(row) for row in self._connection.execute(query.order_by(t.c.id).limit(limit)).mappings()]

    def open_links(self, now: datetime) -> list[SessionLink]:
        t = tables.sessions
        query = sa.select(*_OF_LINK).where(t.c.status == SessionStatus.PENDING.value, t.c.expires_at > now)
        return [_link(row) for row in self._connection.execute(query).mappings()]

    def replace_link(self, link: SessionLink, link_hash: bytes) -> bool:
        t = tables.sessions
        change = sa.update(t).where(t.c.id == link.session_id, t.c.link_hash == link.link_hash)
        return self._connection.execute(change.values(link_hash=link_hash)).rowcount == 1

    def resealed_at(self, key_id: bytes) -> datetime | None:
        t = tables.secret_keys
        return self._connection.execute(sa.select(t.c.resealed_at).where(t.c.id == key_id)).scalar_one_or_none()

    def set_resealed(self, key_id: bytes, at: datetime) -> None:
        t = tables.secret_keys
        self._connection.execute(sa.delete(t).where(t.c.id == key_id))
        insert(self._connection, t, {"id": key_id, "resealed_at": at})


def _link(row: RowMapping) -> SessionLink:
    return SessionLink(**{**row, "status": SessionStatus(row["status"])})
