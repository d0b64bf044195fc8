"""How the signing page of a subscription looks: read and set, by its managers and by the operator."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action, branding_facts
from signroom.domain.branding import NO_BRANDING, Branding, Logo, new_branding
from signroom.domain.errors import NotFound
from signroom.ports import ManagementPorts, Ports
from signroom.ports.files import Turn
from signroom.service.events.record_change import record_change


@dataclass(frozen=True, slots=True)
class SetBranding:
    """The command: all of the branding, as it shall be. ``logo``: the picture's bytes."""

    name: str | None = None
    accent: str | None = None
    accent_dark: str | None = None
    logo: bytes | None = None


@dataclass(frozen=True, slots=True)
class WholeBranding:
    branding: Branding = NO_BRANDING
    logo: Logo | None = None


def read_branding(ports: ManagementPorts, caller: Caller) -> WholeBranding:
    """Raises: NotAllowed."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return WholeBranding(
            work.subscriptions.branding(caller.subscription_id), work.subscriptions.logo(caller.subscription_id)
        )


async def set_branding(ports: ManagementPorts, caller: Caller, command: SetBranding) -> WholeBranding:
    """Raises: NotAllowed, BadInput, BadLogo, LowContrast, Unavailable."""
    caller.require(MANAGERS)
    logo = None if command.logo is None else await ports.pictures.read_logo(Turn.of_caller(caller), command.logo)
    branding = new_branding(
        name=command.name, accent=command.accent, accent_dark=command.accent_dark, has_logo=logo is not None
    )
    await asyncio.to_thread(_save, ports, caller, WholeBranding(branding, logo))
    return WholeBranding(branding, logo)


def _save(ports: ManagementPorts, caller: Caller, whole: WholeBranding) -> None:
    with ports.store.work() as work:
        subscription_id = caller.subscription_id
        before = branding_facts(work.subscriptions.branding(subscription_id), work.subscriptions.logo(subscription_id))
        work.subscriptions.save_branding(subscription_id, whole.branding, whole.logo)
        after, now = branding_facts(whole.branding, whole.logo), ports.clock.now()
        record_change(work, caller, Action.BRANDING_CHANGED, subscription_id, now, before=before, after=after)


def read_logo_of_page(ports: Ports, session_id: UUID) -> Logo:
    """For the holder of a page token. Raises: SignatureSessionNotFound, NotFound."""
    with ports.store.read() as work:
        logo = work.subscriptions.logo(work.sessions.of_any_tenant(session_id).subscription_id)
    if logo is None:
        raise NotFound("The subscription has no logo.")
    return logo
