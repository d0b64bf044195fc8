"""The command line: parses, calls, prints. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from signroom.cli.acting import acting_for, acting_for_application
from signroom.cli.configuration import current_settings, settings_for_rows
from signroom.cli.job_commands import jobs, sessions
from signroom.cli.subscription_commands import branding, file_validation
from signroom.cli.webhook_commands import webhooks

USAGE = 2
REFUSED = 3

RoleName = Literal["Worker", "Manager", "Admin", "Monitor"]

app = App(name="signroom", help="Self-hosted digital signature sessions.", help_format="plaintext")
keys = App(name="keys", help="API keys.")
applications = App(name="applications", help="Applications of a subscription.")
subscriptions = App(name="subscriptions", help="Subscriptions (tenants).")
for group in (keys, applications, subscriptions, file_validation, branding, webhooks, jobs, sessions):
    app.command(group)


def run(arguments: Sequence[str]) -> int:
    """Exit code: 0 done, 2 wrong usage or settings, 3 refused by the service; the robot adds 4."""
    from signroom.domain.errors import SignroomError
    from signroom.settings import SettingsError

    try:
        result = app(arguments, exit_on_error=False, print_error=True)
    except CycloptsError:
        return USAGE
    except SettingsError as error:
        print(f"signroom: {error}", file=sys.stderr)
        return USAGE
    except SignroomError as error:
        print(f"signroom: {error.code}: {error}", file=sys.stderr)
        return REFUSED
    return result if isinstance(result, int) else 0


@app.command
def demo(*, data: Path | None = None, port: int = 8400, no_browser: bool = False, json: bool = False) -> int:
    """Run everything in one process: service, example application, test certificates.

    Parameters
    ----------
    data: folder for database, files, keys (default .signroom)
    port: port of the service; the example application gets the next one
    no_browser: do not open a browser
    json: print one JSON line instead of text; implies --no-browser
    """
    from signroom.cli.demo import run_demo

    return run_demo(data=data, port=port, browser=not (no_browser or json), as_json=json)


@app.command
def serve(*, no_jobs: bool = False) -> int:
    """Run the service: web and jobs in one process.

    Parameters
    ----------
    no_jobs: web only; another process runs the jobs
    """
    from signroom.cli.serve import run_server

    return run_server(current_settings(), execute_jobs=not no_jobs)


@app.command
def worker() -> int:
    """Run jobs only. Its port (SIGNROOM_PORT; 0 takes a free one) answers /health and /metrics, nothing else."""
    from signroom.cli.worker import run_worker

    return run_worker(current_settings())


@app.command
def doctor(*, json: bool = False, blobs: bool = False) -> int:
    """Look at this installation: one line per check, and the fix of what fails. Exit code 1 when anything fails.

    Parameters
    ----------
    json: print a JSON list instead of text
    blobs: also read every stored file and compare it with what was stored; takes as long as reading them takes
    """
    from signroom.cli.doctor import run_doctor

    return run_doctor(as_json=json, blobs=blobs)


@app.command
def migrate() -> None:
    """Bring the database to this version. `serve` does it too; run it first when several machines start at once."""
    from signroom.wiring import migrate_database

    migrate_database(settings_for_rows())
    print("The database is up to date.")


@subscriptions.command(name="create")
def create_subscription(name: str) -> None:
    """Make a subscription: the wall between tenants."""
    from signroom import wiring
    from signroom.service.access.operators import this_operator
    from signroom.service.subscriptions.manage_applications import create_subscription as create

    with wiring.managing(settings_for_rows()) as ports:
        subscription = create(ports, this_operator(), name)
    print(f"{subscription.id} {subscription.name}")


@subscriptions.command(name="retention")
def subscription_retention(
    name: str, *, days: int | None = None, keep: Annotated[bool, Parameter(negative=())] = False
) -> int:
    """Print how long signed documents of a subscription are kept, or set it.

    It holds for documents that are completed from then on.

    Parameters
    ----------
    name: name of the subscription
    days: remove files that many days after they were signed
    keep: keep them until somebody removes them
    """
    import sys

    from signroom.service.subscriptions.manage_retention import read_retention, set_retention

    if days is not None and keep:
        print("signroom: --days and --keep exclude each other.", file=sys.stderr)
        return 2
    with acting_for(name) as (ports, caller):
        reads = days is None and not keep
        kept = read_retention(ports, caller) if reads else set_retention(ports, caller, days)
    print("signed documents are kept" + ("" if kept is None else f" for {kept} days"))
    return 0


@applications.command(name="create")
def create_application(
    name: str, *, subscription: str, role: Annotated[list[RoleName] | None, Parameter(negative=())] = None
) -> None:
    """Make an application of a subscription.

    Parameters
    ----------
    name: unique in its subscription; it is the part before the pipe in its keys, and signers read it on the page
    subscription: name of the subscription that it belongs to
    role: what keys may do that are made by API; may be given several times
    """
    from signroom.domain.application import Role
    from signroom.service.subscriptions.manage_applications import create_application as create

    with acting_for(subscription) as (ports, caller):
        application = create(ports, caller, name, map(Role, role or ()))
    print(f"{application.id} {application.name}")


@applications.command(name="return-urls")
def set_return_urls(name: str, *urls: str, subscription: str | None = None) -> None:
    """Say where sessions of an application may return to. Without any URL: anywhere.

    Parameters
    ----------
    name: name of the application
    urls: addresses; a session's returnUrl must lie below one of them
    subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import set_return_urls as change

    with acting_for_application(name, subscription) as (ports, caller, application):
        for url in change(ports, caller, application.id, urls).return_urls:
            print(url)


@applications.command(name="frame-origins")
def set_frame_origins(name: str, *origins: str, subscription: str | None = None) -> None:
    """Say whose pages may show an application's sessions in a frame. Without any origin: nobody's.

    Parameters
    ----------
    name: name of the application
    origins: like https://app.example; in a frame the page takes no key file
    subscription: name of its subscription, when several have an application of that name
    """
    from signroom.service.subscriptions.manage_applications import set_frame_origins as change

    with acting_for_application(name, subscription) as (ports, caller, application):
        for origin in change(ports, caller, application.id, origins).frame_origins:
            print(origin)


@keys.command(name="create")
def create_key(
    *,
    application: str,
    role: Annotated[RoleName, Parameter()] = "Worker",
    expires: datetime | None = None,
    subscription: str | None = None,
) -> None:
    """Make an API key. It is printed here, once: only its hash is stored.

    Parameters
    ----------
    application: name of the application
    role: what the key may do
    expires: last moment of the key, like 2027-01-31 (UTC)
    subscription: name of its subscription, when several have an application of that name
    """
    from signroom.domain.application import Role
    from signroom.service.subscriptions.manage_applications import CreateKey
    from signroom.service.subscriptions.manage_applications import create_key as create

    limit = expires.replace(tzinfo=expires.tzinfo or UTC) if expires else None
    with acting_for_application(application, subscription) as (ports, caller, owner):
        print(create(ports, caller, owner.id, CreateKey(expires_at=limit, role=Role(role))).text)


@app.command
def robot(
    redirect_url: str,
    *,
    file: Annotated[list[Path] | None, Parameter(negative=())] = None,
    demo: Annotated[bool, Parameter(negative=())] = False,
    pfx: Path | None = None,
    password: Annotated[str | None, Parameter(env_var="SIGNROOM_PFX_PASSWORD")] = None,
    cancel: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Sign (or cancel) a session as a signer would, without a browser: for the test suites of integrators.

    The last line of the output is the URL on which a browser would end (`closed` without a returnUrl).
    Exit code: 0 done, 2 wrong usage, 3 refused by the service, 4 processing error.

    Parameters
    ----------
    redirect_url: the session's redirectUrl
    file: PDF to upload; may be given several times
    demo: sign with a demo key
    pfx: sign with the key of this PKCS#12 file
    password: password of the file; better in the environment, SIGNROOM_PFX_PASSWORD
    cancel: give up instead of signing
    """
    from signroom.cli.robot import run_robot

    return run_robot(redirect_url, files=file or [], demo=demo, pfx=pfx, password=password or "", cancel=cancel)


@app.command
def listen(
    *,
    forward_to: str,
    url: str,
    api_key: Annotated[str, Parameter(env_var="SIGNROOM_API_KEY")],
    secret: Annotated[str | None, Parameter(env_var="SIGNROOM_WEBHOOK_SECRET")] = None,
    after: str | None = None,
    from_start: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Relay the events of a subscription to your machine, as webhooks would bring them. Ends with Ctrl-C.

    Parameters
    ----------
    forward_to: where your application listens, like http://localhost:3000/webhook
    url: address of the service, like https://sign.example
    api_key: a key of the subscription; better in the environment, SIGNROOM_API_KEY
    secret: signs what is relayed (whsec_...); a new one is made and printed otherwise (SIGNROOM_WEBHOOK_SECRET)
    after: cursor of the last event that you have; without it only what happens from now on
    from_start: everything that is still kept, from the oldest
    """
    from signroom.cli.listen import Wanted, run_listen

    return run_listen(Wanted(url, api_key, forward_to, secret, after, from_start))
