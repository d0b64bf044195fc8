"""``signroom policies``: the signature policies that signatures here can name."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from signroom.cli.configuration import installed_settings, settings_for_rows
from signroom.cli.printing import print_json, print_line

policies = App(name="policies", help="Signature policies that a signature can name.")


@policies.command(name="list")
def list_all(*, json: bool = False) -> None:
    """Print the policies that this version knows, and the operator's own: name, OID, type, digest, source.

    Args:
        json: print a JSON list instead of text
    """
    from signroom.domain.signature_policy import known_policies
    from signroom.wiring import own_policies

    own = own_policies(settings_for_rows())
    if json:
        print_json([{**one.facts, "own": one in own} for one in (*known_policies(), *own)])
        return
    for one in (*known_policies(), *own):
        kind = "own" if one in own else "known"
        values = f"{one.oid} {one.signature_type} {one.level} {one.digest_algorithm}:{one.digest.hex()}"
        print_line(f"{one.name} {kind} {values} {one.uri} ({one.source})")


@policies.command(name="import")
def import_file(file: Path, *, json: bool = False) -> None:
    """Take policies from a file. They take the place of those that were imported before.

    The service reads them within five seconds. Documents that name one keep it as it was.

    Args:
        file: TOML with a table [[policy]] for each, as the guide says
        json: print a JSON list instead of text
    """
    from signroom.domain.errors import BadInput
    from signroom.domain.signature_policy import MAX_FILE
    from signroom.service.access.operators import this_operator
    from signroom.service.subscriptions.record_trust import record_policies, require_log
    from signroom.wiring import keep_policies, managing

    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE + 1)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
    settings = installed_settings()
    with managing(settings) as ports:
        require_log(ports)
        kept = keep_policies(settings, content)
        record_policies(ports, this_operator(), kept)
    if json:
        print_json([one.facts for one in kept])
        return
    for one in kept:
        print_line(f"{one.name} {one.oid} {one.digest_algorithm}:{one.digest.hex()}")
