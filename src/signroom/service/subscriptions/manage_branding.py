"""How the signing page of a subscription looks: read and set, by its managers and by the operator."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.branding import NO_BRANDING, Branding, Logo, new_branding
from signroom.domain.errors import NotFound
from signroom.ports import ManagementPorts, Ports
from signroom.ports.files import Turn


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
    await asyncio.to_thread(_save, ports, caller.subscription_id, WholeBranding(branding, logo))
    return WholeBranding(branding, logo)


def _save(ports: ManagementPorts, subscription_id: UUID, whole: WholeBranding) -> None:
    with ports.store.work() as work:
        work.subscriptions.save_branding(subscription_id, whole.branding, whole.logo)


def read_logo_of_page(ports: Ports, session_id: UUID) -> Logo:
    """For the holder of a page token. Raises: SignatureSessionNotFound, NotFound."""
    with ports.store.read() as work:
        logo = work.subscriptions.logo(work.sessions.of_any_tenant(session_id).subscription_id)
    if logo is None:
        raise NotFound("The subscription has no logo.")
    return logo
