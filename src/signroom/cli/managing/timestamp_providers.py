"""``signroom timestamp-providers``: the authorities that this installation asks for timestamps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.configuration import installed_settings, require_database
from signroom.cli.printing import Json, print_json, print_line, show, tell

if TYPE_CHECKING:
    from signroom.domain.timestamp import TimestampProvider
    from signroom.domain.timestamp_provider import StoredProvider
    from signroom.service.timestamps.manage_providers import DescribeProvider

AuthName = Literal["None", "Basic", "Bearer", "ApiKey", "MutualTls"]
Secret = Annotated[str | None, Parameter(env_var="SIGNROOM_PROVIDER_SECRET")]

timestamp_providers = App(name="timestamp-providers", help="Authorities that are asked for timestamps.")


@timestamp_providers.command(name="list")
def list_all(*, json: bool = False) -> None:
    """Print all providers, those of SIGNROOM_TIMESTAMP_PROVIDERS too. Secrets are not shown.

    Args:
        json: print a JSON list instead of text
    """
    from signroom import wiring
    from signroom.service.access.operators import this_operator
    from signroom.service.timestamps.manage_providers import list_providers

    with wiring.managing(installed_settings()) as ports:
        found = list_providers(ports, this_operator())
    entries = [*map(_entry, found.stored), *map(_configured_entry, found.configured)]
    if json:
        print_json(entries)
        return
    for entry in entries:
        place = entry["id"] or "(file of settings)"
        auth = "" if entry["auth"] is None else f", {entry['auth']}"
        print_line(
            f"{place} {entry['name']}: {entry['tier']} {entry['priority']} {entry['url']}, {entry['context']}{auth}"
        )


@timestamp_providers.command(name="show")
def show_provider(provider: UUID, *, json: Json = False) -> None:
    """Print all of a provider; of its secret only whether there is one.

    Args:
        provider: id of the provider
    """
    from signroom import wiring
    from signroom.domain.errors import TimestampProviderNotFound
    from signroom.service.access.operators import this_operator
    from signroom.service.timestamps.manage_providers import list_providers

    with wiring.managing(installed_settings()) as ports:
        known = next((one for one in list_providers(ports, this_operator()).stored if one.id == provider), None)
    if known is None:
        raise TimestampProviderNotFound
    show(_entry(known), as_json=json)


@timestamp_providers.command(name="create")
def create(
    name: str,
    url: str,
    *,
    context: str,
    tier: str = "default",
    priority: int = 1,
    auth: AuthName = "None",
    user: str | None = None,
    secret: Secret = None,
    certificate: Path | None = None,
    key: Path | None = None,
    json: bool = False,
) -> None:
    """Add a provider. Running processes ask it within seconds.

    Args:
        name: what the log calls it
        url: address of the authority
        context: security context whose roots its certificate must lead to, like icp-brasil
        tier: name that applications ask for
        priority: 1 to 100; the lowest is asked first
        auth: how it is told who asks
        user: user of Basic, or name of the header of ApiKey (default: X-Api-Key)
        secret: password, token or key; better in the environment, SIGNROOM_PROVIDER_SECRET
        certificate: file with the certificate for MutualTls, PEM, with its chain
        key: file with its key, PEM, without a password
        json: print a JSON object instead of the id
    """
    from signroom import wiring
    from signroom.service.access.operators import this_operator
    from signroom.service.timestamps.manage_providers import create_provider

    described = _described(
        name, url, context, tier=tier, priority=priority, auth=auth, user=user, secret=_secret(secret, certificate, key)
    )
    with wiring.managing(installed_settings()) as ports:
        made = create_provider(ports, this_operator(), described)
    _tell(made, json=json)


@timestamp_providers.command(name="change")
def change(
    provider: UUID,
    *,
    name: str | None = None,
    url: str | None = None,
    context: str | None = None,
    tier: str | None = None,
    priority: int | None = None,
    auth: AuthName | None = None,
    user: str | None = None,
    secret: Secret = None,
    certificate: Path | None = None,
    key: Path | None = None,
    force: bool = False,
    json: bool = False,
) -> None:
    """Change a provider. What is left out stays; the secret only while url, auth and user stay.

    Args:
        provider: id of the provider
        name: what the log calls it
        url: address of the authority
        context: security context whose roots its certificate must lead to
        tier: name that applications ask for
        priority: 1 to 100; the lowest is asked first
        auth: how it is told who asks
        user: user of Basic, or name of the header of ApiKey
        secret: password, token or key; better in the environment, SIGNROOM_PROVIDER_SECRET
        certificate: file with the certificate for MutualTls, PEM, with its chain
        key: file with its key, PEM, without a password
        force: also take the last provider out of its tier
        json: print a JSON object instead of the id
    """
    from signroom import wiring
    from signroom.domain.errors import TimestampProviderNotFound
    from signroom.service.access.operators import this_operator
    from signroom.service.timestamps.manage_providers import change_provider, list_providers

    with wiring.managing(installed_settings()) as ports:
        known = next((one for one in list_providers(ports, this_operator()).stored if one.id == provider), None)
        if known is None:
            raise TimestampProviderNotFound
        described = _described(
            name or known.name,
            url or known.url,
            context or known.context_name,
            tier=tier or known.tier,
            priority=known.priority if priority is None else priority,
            auth=auth or known.auth.value,
            # The user of one kind is not the header of another.
            user=user or (known.user if auth in {None, known.auth.value} else None),
            secret=_secret(secret, certificate, key),
        )
        changed = change_provider(ports, this_operator(), provider, described, force=force)
    _tell(changed, json=json)


@timestamp_providers.command(name="delete")
def delete(provider: UUID, *, force: bool = False, json: Json = False) -> None:
    """Delete a provider. Running processes ask it no more within seconds.

    Args:
        provider: id of the provider
        force: also the last one of its tier
    """
    from signroom import wiring
    from signroom.service.access.operators import this_operator
    from signroom.service.timestamps.manage_providers import delete_provider

    with wiring.managing(installed_settings()) as ports:
        delete_provider(ports, this_operator(), provider, force=force)
    tell({"id": str(provider), "deleted": True}, as_json=json)


@timestamp_providers.command(name="test")
def try_out(provider: UUID, *, json: bool = False) -> int:
    """Get one timestamp and say what was checked. Exit code 1 when a check fails.

    Args:
        provider: id of the provider
        json: print a JSON list instead of text
    """
    import asyncio

    from signroom import wiring
    from signroom.cli.configuration import current_settings
    from signroom.service.access.operators import this_operator
    from signroom.service.timestamps.manage_providers import try_provider

    settings = current_settings()
    require_database(settings)
    with wiring.operating(settings) as ports:
        checks = asyncio.run(try_provider(ports, this_operator(), provider))
    if json:
        print_json([{"name": one.name, "passed": one.passed, "detail": one.detail} for one in checks])
    else:
        for one in checks:
            print_line(f"{'ok  ' if one.passed else 'FAIL'} {one.name}: {one.detail}")
    return 0 if all(one.passed for one in checks) else 1


def _secret(secret: str | None, certificate: Path | None, key: Path | None) -> str | None:
    """Raises: BadInput."""
    from signroom.domain.errors import BadInput

    if certificate is None and key is None:
        return secret
    if certificate is None or key is None:
        raise BadInput("Give --certificate and --key together.")
    try:
        return f"{certificate.read_text('ascii')}\n{key.read_text('ascii')}"
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("The files of certificate and key cannot be read as PEM.") from error


def _described(
    name: str,
    url: str,
    context: str,
    *,
    tier: str,
    priority: int,
    auth: str,
    user: str | None,
    secret: str | None,
) -> DescribeProvider:
    from signroom.domain.timestamp_provider import ProviderAuth
    from signroom.service.timestamps.manage_providers import DescribeProvider

    return DescribeProvider(name, url, context, tier, priority, ProviderAuth(auth), user, secret)


def _tell(provider: StoredProvider, *, json: bool) -> None:
    if json:
        print_json(_entry(provider))
    else:
        print(provider.id)


def _entry(provider: StoredProvider) -> dict[str, object]:
    return {
        "id": str(provider.id),
        "name": provider.name,
        "url": provider.url,
        "context": provider.context_name,
        "tier": provider.tier,
        "priority": provider.priority,
        "auth": provider.auth.value,
        "user": provider.user,
        "hasSecret": provider.sealed_secret is not None,
    }


def _configured_entry(provider: TimestampProvider) -> dict[str, object]:
    return {
        "id": None,
        "name": provider.name,
        "url": provider.url,
        "context": provider.context.name,
        "tier": provider.tier,
        "priority": provider.priority,
        "auth": None,
        "user": None,
        "hasSecret": provider.credentials is not None,
    }
