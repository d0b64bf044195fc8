"""What managers of a subscription do: applications, their keys, the audit log."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from signroom_client import models
from signroom_client.calling import listing, operation
from signroom_client.decoding import decode
from signroom_client.encoding import timestamp
from signroom_client.errors import UnexpectedAnswerError
from signroom_client.requests import Id, id_text
from signroom_client.service import Connected, segment

_APPLICATIONS = "api/applications"


class ManagingOperations(Connected):
    """They need a key with the role Manager, where nothing else is said."""

    # -- applications ----------------------------------------------------------------------------

    @operation
    async def list_applications(self) -> tuple[models.Application, ...]:
        """All applications of the subscription, by name. Needs the role Manager.

        Example:
            for application in manager.list_applications():
                print(application.name, application.usable_keys)
        """
        return decode(_Applications, await self._service.get(_APPLICATIONS)).items

    @operation
    async def get_application(self, application_id: Id) -> models.Application:
        """One of them. Needs the role Manager.

        Example:
            print(manager.get_application(application_id).last_used_on)
        """
        return decode(models.Application, await self._service.get(_application(application_id)))

    @operation
    async def change_application(
        self, application_id: Id, *, name: str | None = None, strict: bool | None = None
    ) -> models.Application:
        """Give it another name, or say whether it is strict. What is None stays. Its keys go on working.

        Requests of a strict application that have a field that there is not are refused (``UnknownField``).

        Example:
            manager.change_application(application_id, strict=True)
        """
        body = {"name": name, "strict": strict}
        return decode(models.Application, await self._service.put(_application(application_id), body))

    @operation
    async def disable_application(self, application_id: Id) -> models.Application:
        """Close it: its keys open nothing, its pages are closed, its webhooks hold. Disabled already: the same answer.

        Raises `RefusedError` (``OwnApplication``) for the application that the key is of.

        Example:
            manager.disable_application(application_id)
        """
        path = f"{_application(application_id)}/disable"
        return decode(models.Application, await self._service.post(path, {}, repeatable=True))

    @operation
    async def enable_application(self, application_id: Id) -> models.Application:
        """Open it again: it goes on where it was disabled.

        Example:
            manager.enable_application(application_id)
        """
        path = f"{_application(application_id)}/enable"
        return decode(models.Application, await self._service.post(path, {}, repeatable=True))

    @operation
    async def delete_application(self, application_id: Id, *, force: bool = False) -> models.Application:
        """Delete it for good, with all that belongs to it. Needs the role Admin.

        It is closed at once (``deleting_since``), and gone within minutes. Raises `RefusedError` (``StillInUse``) while
        sessions are open, which `force` cancels, or documents are in processing.

        Example:
            manager.delete_application(application_id, force=True)
        """
        params = [("force", "true")] if force else []
        return decode(models.Application, await self._service.delete(_application(application_id), params))

    # -- API keys --------------------------------------------------------------------------------

    @operation
    async def list_api_keys(self, application_id: Id) -> tuple[models.ApiKey, ...]:
        """The keys of an application, newest first, revoked and expired ones too. Their secrets are not shown.

        Example:
            print([key.id for key in manager.list_api_keys(application_id) if key.revoked_on is None])
        """
        return decode(_ApiKeys, await self._service.get(_keys(application_id))).items

    @operation
    async def create_api_key(
        self, application_id: Id, *, description: str | None = None, expires_on: datetime | None = None
    ) -> models.NewApiKey:
        """A new key. It is shown here and never again, so this is sent once: an answer that is lost is lost.

        Example:
            created = manager.create_api_key(application_id, description="billing")
            print(created.key)  # it is shown only now
        """
        body = {"description": description, "expiresOn": None if expires_on is None else timestamp(expires_on)}
        return decode(models.NewApiKey, await self._service.post(_keys(application_id), body))

    @operation
    async def end_api_key(self, application_id: Id, key_id: Id, expires_on: datetime) -> models.ApiKey:
        """Give a key a last moment that lies ahead.

        Example:
            manager.end_api_key(application_id, key_id, datetime.now(UTC) + timedelta(days=1))
        """
        body = {"expiresOn": timestamp(expires_on)}
        return decode(models.ApiKey, await self._service.put(_key(application_id, key_id), body))

    @operation
    async def revoke_api_key(self, application_id: Id, key_id: Id) -> models.ApiKey:
        """Take a key back: it opens nothing from now on. Revoked already: the same answer.

        Example:
            manager.revoke_api_key(application_id, key_id)
        """
        return decode(models.ApiKey, await self._service.delete(_key(application_id, key_id)))

    @operation
    async def rotate_api_key(
        self, application_id: Id, key_id: Id, *, previous_hours: int | None = None
    ) -> models.NewApiKey:
        """A new key like this one, which works for `previous_hours` more (24 unless given, 0 ends it at once).

        Example:
            fresh = manager.rotate_api_key(application_id, key_id, previous_hours=2)
            print(fresh.key)
        """
        body = {"previousHours": previous_hours}
        return decode(models.NewApiKey, await self._service.post(f"{_key(application_id, key_id)}/rotate", body))

    # -- audit log -------------------------------------------------------------------------------

    @listing
    async def audit_log(
        self,
        *,
        action: str | None = None,
        subject_id: Id | None = None,
        key_id: Id | None = None,
        since: datetime | None = None,
        page_size: int = 50,
    ) -> AsyncGenerator[models.Change, None]:
        """Every change of the subscription's settings, newest first: of what and by whom.

        Example:
            for change in manager.audit_log(action="ApiKeyRevoked"):
                print(change.created_at, change.actor, change.subject_id)
        """
        chosen = [
            ("action", action),
            ("subjectId", id_text(subject_id)),
            ("keyId", id_text(key_id)),
            ("since", None if since is None else timestamp(since)),
        ]
        params = [("limit", str(page_size)), *((name, value) for name, value in chosen if value is not None)]
        after: list[tuple[str, str]] = []
        while True:
            answer = await self._service.get("api/settings/audit-log", [*params, *after])
            if not isinstance(answer, dict):
                raise UnexpectedAnswerError("The audit log should come in pages.")
            for item in answer.get("items") or ():
                yield decode(models.Change, item)
            if not answer.get("next"):
                return
            after = [("after", str(answer["next"]))]


def _application(application_id: Id) -> str:
    return f"{_APPLICATIONS}/{segment(application_id)}"


def _keys(application_id: Id) -> str:
    return f"{_application(application_id)}/api-keys"


def _key(application_id: Id, key_id: Id) -> str:
    return f"{_keys(application_id)}/{segment(key_id)}"


@dataclass(frozen=True, slots=True)
class _Applications:
    items: tuple[models.Application, ...]


@dataclass(frozen=True, slots=True)
class _ApiKeys:
    items: tuple[models.ApiKey, ...]
