"""``signroom file-validation`` and ``signroom branding``: what holds for a whole subscription."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for
from signroom.cli.printing import Json, OfSubscription, tell

if TYPE_CHECKING:
    from signroom.domain.file_validation import FileValidation
    from signroom.service.subscriptions.manage_branding import WholeBranding

AuthName = Literal["None", "Basic", "Bearer", "ApiKey"]

file_validation = App(name="file-validation", help="Which files of its signers a subscription accepts.")
branding = App(name="branding", help="How the signing page of a subscription looks.")


@file_validation.command(name="show")
def show_validation(*, subscription: OfSubscription, json: Json = False) -> None:
    """Print the settings; of a secret only whether there is one."""
    from signroom.service.subscriptions.manage_file_validation import read_file_validation

    with acting_for(subscription) as (ports, caller):
        _print_validation(read_file_validation(ports, caller), as_json=json)


@file_validation.command(name="set")
def set_validation(
    *,
    subscription: str,
    pattern: str | None = None,
    endpoint: str | None = None,
    auth: AuthName = "None",
    user: str | None = None,
    secret: Annotated[str | None, Parameter(env_var="SIGNROOM_ENDPOINT_SECRET")] = None,
    json: Json = False,
) -> None:
    """Replace the settings by these; what is left out is cleared, without any every file is accepted.

    Args:
        subscription: name of the subscription
        pattern: regular expression (RE2) that must match the whole name of a file
        endpoint: address of the application that is asked about each file
        auth: how we say there who we are; ApiKey is the header X-Api-Key
        user: for Basic
        secret: password, token or key; better in the environment, SIGNROOM_ENDPOINT_SECRET. Without it the one is kept
            that is stored for the same endpoint, auth and user
    """
    from signroom.domain.endpoint import EndpointAuth
    from signroom.service.subscriptions.manage_file_validation import SetFileValidation, set_file_validation
    from signroom.service.webhooks.endpoint_credentials import GivenEndpoint

    given = None if endpoint is None else GivenEndpoint(endpoint, EndpointAuth(auth), user, secret)
    with acting_for(subscription) as (ports, caller):
        _print_validation(set_file_validation(ports, caller, SetFileValidation(pattern, given)), as_json=json)


@branding.command(name="show")
def show_brand(*, subscription: OfSubscription, json: Json = False) -> None:
    """Print the branding."""
    from signroom.service.subscriptions.manage_branding import read_branding

    with acting_for(subscription) as (ports, caller):
        _print_branding(read_branding(ports, caller), as_json=json)


@branding.command(name="set")
def set_brand(
    *,
    subscription: str,
    name: str | None = None,
    logo: Path | None = None,
    accent: str | None = None,
    accent_dark: str | None = None,
    json: Json = False,
) -> int:
    """Replace the branding by this; what is left out is cleared.

    Args:
        subscription: name of the subscription
        name: what the page says above its first step
        logo: PNG, JPEG or WebP file of at most 100 KB
        accent: colour of buttons and links, like #17594a; it must stand out from the page (4.5:1)
        accent_dark: the same for people who read light on dark
    """
    import asyncio
    import sys

    from signroom.service.subscriptions.manage_branding import SetBranding, set_branding

    try:
        content = None if logo is None else logo.read_bytes()
    except OSError as error:
        print(f"signroom: {logo} cannot be read: {error.strerror}.", file=sys.stderr)
        return 2
    with acting_for(subscription) as (ports, caller):
        command = SetBranding(name, accent, accent_dark, content)
        _print_branding(asyncio.run(set_branding(ports, caller, command)), as_json=json)
    return 0


def _print_validation(found: FileValidation, *, as_json: bool) -> None:
    endpoint = found.endpoint
    lines = [f"file names: {found.file_name_pattern or 'any'}"]
    if endpoint is None:
        lines.append("endpoint: none")
        asked = None
    else:
        user = "" if endpoint.user is None else f", user {endpoint.user}"
        secret = "" if endpoint.sealed_secret is None else ", secret set"
        lines.append(f"endpoint: {endpoint.url} ({endpoint.auth}{user}{secret})")
        asked = {
            "url": endpoint.url,
            "auth": endpoint.auth.value,
            "user": endpoint.user,
            "hasSecret": endpoint.sealed_secret is not None,
        }
    tell({"fileNamePattern": found.file_name_pattern, "endpoint": asked}, *lines, as_json=as_json)


def _print_branding(found: WholeBranding, *, as_json: bool) -> None:
    brand, logo = found.branding, found.logo
    picture = None if logo is None else {"contentType": logo.content_type, "length": len(logo.content)}
    tell(
        {"name": brand.name, "logo": picture, "accent": brand.accent, "accentDark": brand.accent_dark},
        f"name: {brand.name or 'none'}",
        f"logo: {'none' if logo is None else f'{logo.content_type}, {len(logo.content)} bytes'}",
        f"accent: {brand.accent or 'none'}",
        f"accent dark: {brand.accent_dark or 'none'}",
        as_json=as_json,
    )
