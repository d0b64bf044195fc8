"""How the signing page of a subscription looks: read and set, by its managers and by the operator."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.branding import NO_BRANDING, Branding, Logo, new_branding
from signroom.domain.errors import NotFound
from signroom.ports import Ports
from signroom.ports.files import Pictures
from signroom.ports.store import Store, Work


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


def read_branding(ports: Ports, caller: Caller) -> WholeBranding:
    """Raises: NotAllowed."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return _whole(work, caller.subscription_id)


def change_branding(ports: Ports, caller: Caller, command: SetBranding) -> WholeBranding:
    """Raises: NotAllowed, BadInput, BadLogo, LowContrast, ProcessingUnavailable."""
    caller.require(MANAGERS)
    changed = _checked(command, ports.pictures)
    with ports.store.work() as work:
        work.subscriptions.save_branding(caller.subscription_id, changed.branding, changed.logo)
    return changed


def show_branding(store: Store, subscription: str) -> WholeBranding:
    """By the operator. Raises: SubscriptionNotFound."""
    with store.read() as work:
        return _whole(work, work.subscriptions.named(subscription).id)


def set_branding(store: Store, pictures: Pictures, subscription: str, command: SetBranding) -> WholeBranding:
    """By the operator. Raises: SubscriptionNotFound, BadInput, BadLogo, LowContrast, ProcessingUnavailable."""
    changed = _checked(command, pictures)
    with store.work() as work:
        work.subscriptions.save_branding(work.subscriptions.named(subscription).id, changed.branding, changed.logo)
    return changed


def read_logo_of_page(ports: Ports, session_id: UUID) -> Logo:
    """For the holder of a page token. Raises: SignatureSessionNotFound, NotFound."""
    with ports.store.read() as work:
        logo = work.subscriptions.logo(work.sessions.get(session_id).subscription_id)
    if logo is None:
        raise NotFound("The subscription has no logo.")
    return logo


def _whole(work: Work, subscription_id: UUID) -> WholeBranding:
    return WholeBranding(work.subscriptions.branding(subscription_id), work.subscriptions.logo(subscription_id))


def _checked(command: SetBranding, pictures: Pictures) -> WholeBranding:
    logo = None if command.logo is None else pictures.read_logo(command.logo)
    branding = new_branding(
        name=command.name, accent=command.accent, accent_dark=command.accent_dark, has_logo=logo is not None
    )
    return WholeBranding(branding, logo)
