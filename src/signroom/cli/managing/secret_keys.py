"""``signroom secrets``: the installation's secret key, and what is sealed with it."""

from __future__ import annotations

from cyclopts import App

from signroom.cli.configuration import installed_settings
from signroom.cli.printing import print_json, print_line

secrets = App(name="secrets", help="What depends on SIGNROOM_SECRET_KEY.")


@secrets.command(name="reseal")
def reseal_secrets(*, revoke_links: bool = False, json: bool = False) -> int:
    """Seal with SIGNROOM_SECRET_KEY what SIGNROOM_SECOND_SECRET_KEY has sealed; safe at any time, and repeatable.

    Exit code 1 when a secret opens with neither key: it must be set again. Exit code 3 when no second key is set
    here, unless --revoke-links is all that is to be done.

    Args:
        revoke_links: also end the links of all sessions that another key has made, for a key that others know
        json: print a JSON object instead of text
    """
    from signroom import wiring
    from signroom.service.access.operators import this_operator
    from signroom.service.maintenance.change_secret_key import Resealed, knows_two_keys, reseal
    from signroom.service.maintenance.change_secret_key import revoke_links as revoke

    with wiring.managing(installed_settings()) as ports:
        links_only = revoke_links and not knows_two_keys(ports.tokens)
        done = Resealed(0, 0, 0) if links_only else reseal(ports, this_operator())
        revoked = revoke(ports, this_operator()) if revoke_links else 0
    if json:
        found = {"resealed": done.resealed, "changedMeanwhile": done.changed, "unreadable": done.unreadable}
        print_json({**found, "revokedLinks": revoked})
    else:
        print_line(f"{done.resealed} secrets were sealed anew.")
        if done.changed:
            print_line(f"{done.changed} were changed meanwhile: run this once more.")
        if done.unreadable:
            print_line(f"{done.unreadable} open with neither key: `signroom doctor` says more.")
        if revoke_links:
            print_line(f"{revoked} links of sessions were ended.")
    return 1 if done.unreadable or done.changed else 0
