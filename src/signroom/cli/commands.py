"""The command line: parses, calls, prints. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from signroom.cli.configuration import current_settings, settings_for_rows
from signroom.cli.keeping.backups import add_commands as add_backups
from signroom.cli.managing.applications import applications, subscriptions
from signroom.cli.managing.audit_log import audit
from signroom.cli.managing.documents import documents
from signroom.cli.managing.jobs import jobs, sessions
from signroom.cli.managing.keys import keys
from signroom.cli.managing.page_settings import branding, file_validation
from signroom.cli.managing.persons import persons
from signroom.cli.managing.policies import policies
from signroom.cli.managing.secret_keys import secrets
from signroom.cli.managing.security_contexts import contexts
from signroom.cli.managing.statistics import statistics
from signroom.cli.managing.timestamp_providers import timestamp_providers
from signroom.cli.managing.trust import trust
from signroom.cli.managing.webhooks import webhooks
from signroom.cli.printing import Json, tell
from signroom.domain.demo import DemoFailure

USAGE = 2
REFUSED = 3

app = App(name="signroom", help="Self-hosted digital signature sessions.", help_format="plaintext")
for group in (
    keys,
    applications,
    subscriptions,
    audit,
    file_validation,
    branding,
    webhooks,
    jobs,
    sessions,
    documents,
    secrets,
    contexts,
    persons,
    trust,
    policies,
    timestamp_providers,
):
    app.command(group)
add_backups(app)
app.command(statistics)


def run(arguments: Sequence[str]) -> int:
    """Exit code: 0 done, 2 wrong usage or settings, 3 refused by the service; the robot and `extend` add 4."""
    from signroom.domain.errors import ApplicationNotFound, DatabaseNotFound, SignroomError, SubscriptionNotFound
    from signroom.settings import SettingsError

    try:
        result = app(arguments, exit_on_error=False, print_error=True)
        sys.stdout.flush()
    except CycloptsError:
        return USAGE
    except BrokenPipeError:
        # Who reads has enough, as `head` does. What is still to be written at the end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SettingsError as error:
        print(f"signroom: {error}", file=sys.stderr)
        return USAGE
    except SignroomError as error:
        print(f"signroom: {error.code}: {error}", file=sys.stderr)
        if isinstance(error, ApplicationNotFound | DatabaseNotFound | SubscriptionNotFound):
            _say_where()
        return REFUSED
    return result if isinstance(result, int) else 0


def _say_where() -> None:
    """A command that runs in another folder than the service looks into another database, and finds nothing there."""
    from urllib.parse import urlsplit

    from signroom.cli.configuration import current_settings

    url = urlsplit(current_settings({"PUBLIC_URL": "http://localhost"}).database_url)
    # Without user and password.
    database = url.path.removeprefix("/") if url.scheme.startswith("sqlite") else f"{url.hostname or ''}{url.path}"
    print(
        f"It was looked for in the database {database}. Is that the service's? Otherwise run the command in the folder "
        "of the service, or set SIGNROOM_DATA or SIGNROOM_DATABASE_URL as the service has it. A new installation "
        "begins with `signroom migrate`.",
        file=sys.stderr,
    )


@app.command
def demo(
    *,
    data: Path | None = None,
    port: int = 8400,
    no_browser: bool = False,
    json: bool = False,
    fail: list[DemoFailure] | None = None,
) -> int:
    """Run everything in one process: service, example application, test certificates.

    Args:
        data: folder for database, files, keys (default .signroom)
        port: port of the service; the example application gets the next one
        no_browser: do not open a browser
        json: print one JSON line instead of text; implies --no-browser
        fail: switch off what makes signatures last, to see what happens; may be given several times
    """
    from signroom.cli.demo import run_demo

    browser = not (no_browser or json)
    return run_demo(data=data, port=port, browser=browser, as_json=json, fail=frozenset(fail or ()))


@app.command
def serve(*, no_jobs: bool = False) -> int:
    """Run the service: web and jobs in one process.

    Args:
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
def doctor(*, json: bool = False, blobs: bool = False, offline: bool = False) -> int:
    """Look at this installation: one line per check, and the fix of what fails. Exit code 1 when anything fails.

    Args:
        json: print a JSON list instead of text
        blobs: also read every stored file and compare it with what was stored; takes as long as reading them takes
        offline: ask no timestamp provider for a timestamp, and no responder or list about revocation
    """
    from signroom.cli.doctor import run_doctor

    return run_doctor(as_json=json, blobs=blobs, offline=offline)


@app.command
def migrate(*, json: Json = False) -> None:
    """Bring the database to this version. `serve` does it too; run it first when several machines start at once."""
    from signroom.wiring import migrate_database

    migrate_database(settings_for_rows())
    tell({"upToDate": True}, "The database is up to date.", as_json=json)


@app.command
def extend(
    file: Path,
    *,
    level: Literal["T", "LT", "LTA", "B-T", "B-LT", "B-LTA"],
    output: Path | None = None,
    data: Path | None = None,
    context: str | None = None,
    subscription: str | None = None,
    tier: str = "default",
    force: Annotated[bool, Parameter(negative=())] = False,
    json: bool = False,
) -> int:
    """Raise the signatures of a signed file (PDF, CMS, XML) with the timestamp providers of this installation.

    Prints the level of each signature, and what is missing. Exit code: 0 all have the level, 4 one has not.

    Args:
        file: signed file; it stays as it is
        level: that every signature shall reach
        output: the raised file (default: beside the signed one, with the level in its name)
        data: the file that a detached CMS signature is about
        context: security context by which the signers are judged (default: that of the settings)
        subscription: whose own context it is
        tier: of the timestamp providers that are asked
        force: overwrite the output
        json: print JSON instead of text
    """
    from signroom.cli.extend import Wanted, run_extend
    from signroom.domain.level import Level

    wanted = Level(level if level.startswith("B-") else f"B-{level}")
    return run_extend(Wanted(file, wanted, output, data, context, subscription, tier, force, json))


@app.command
def robot(
    redirect_url: str,
    *,
    file: Annotated[list[Path] | None, Parameter(negative=())] = None,
    demo: Annotated[bool, Parameter(negative=())] = False,
    pfx: Path | None = None,
    password: Annotated[str | None, Parameter(env_var="SIGNROOM_PFX_PASSWORD")] = None,
    cancel: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> int:
    """Sign (or cancel) a session as a signer would, without a browser: for the test suites of integrators.

    The last line of the output is the URL on which a browser would end (`closed` without a returnUrl).
    Exit code: 0 done, 2 wrong usage, 3 refused by the service, 4 processing error.

    Args:
        redirect_url: the session's redirectUrl
        file: PDF to upload; may be given several times
        demo: sign with a test certificate
        pfx: sign with the key of this PKCS#12 file
        password: password of the file; better in the environment, SIGNROOM_PFX_PASSWORD
        cancel: give up instead of signing
    """
    from signroom.cli.robot import Task, run_robot

    return run_robot(Task(redirect_url, file or [], demo, pfx, password or "", cancel, json))


@app.command
def listen(
    *,
    forward_to: str,
    url: str,
    api_key: Annotated[str, Parameter(env_var="SIGNROOM_API_KEY")],
    secret: Annotated[str | None, Parameter(env_var="SIGNROOM_WEBHOOK_SECRET")] = None,
    event: Annotated[list[str] | None, Parameter(negative=())] = None,
    after: str | None = None,
    from_start: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> int:
    """Relay the events of a subscription to your machine, as webhooks would bring them. Ends with Ctrl-C.

    Args:
        forward_to: where your application listens, like http://localhost:3000/webhook
        url: address of the service, like https://sign.example
        api_key: a key of the subscription; better in the environment, SIGNROOM_API_KEY
        secret: signs what is relayed (whsec_...); a new one is made and printed otherwise (SIGNROOM_WEBHOOK_SECRET)
        event: type of event, like SessionExpired; may be given several times (default: DocumentSignatureCompleted)
        after: cursor of the last event that you have; without it only what happens from now on
        from_start: everything that is still kept, from the oldest
    """
    from signroom.cli.listen import Wanted, run_listen

    return run_listen(Wanted(url, api_key, forward_to, secret, tuple(event or ()), after, from_start, json))


@app.command
def completion(shell: Literal["bash", "zsh", "fish", "powershell"]) -> None:
    """Print a script that completes commands and options in a shell. docs/operate/command-line.md says where to put it.

    Args:
        shell: for which shell
    """
    print(app.generate_completion(shell=shell))
