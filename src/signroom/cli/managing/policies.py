"""``signroom policies``: the signature policies that signatures here can name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cyclopts import App

from signroom.cli.configuration import installed_settings, settings_for_rows
from signroom.cli.printing import print_json, print_line

NOT_APPROVED = 4
_MOST = 2 << 20
"""Bytes that are read of a file: more than any may have."""

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


@policies.command(name="check")
def check(
    listed: Path,
    signature: Path,
    *,
    policy: list[Path] | None = None,
    signer: list[str] | None = None,
    json: bool = False,
) -> int:
    """Verify a list of the policies that ICP-Brasil has approved (LPA), and print what it says of those that are here.

    Nothing is kept. Exit code 3: the list, or a policy's file, is not what it should be. Exit code 4: a policy that a
    signature here can name is not approved today, or is another one than the file of its publisher.

    Args:
        listed: the list in DER, like LPA_PAdES.der
        signature: its signature, like LPA_PAdES.p7s
        policy: a policy's file in DER, like PA_PAdES_AD_RB_v1_3.der, to be compared with the list and with what is
            here; may be given several times
        signer: SHA-256 fingerprint of the certificate that has signed the list, where it does not bear the number of
            ITI; may be given several times
        json: print a JSON object instead of text
    """
    from signroom.domain.signature_policy import known_policies
    from signroom.wiring import approved_policies, own_policies, published_policy

    settings, now = settings_for_rows(), datetime.now(UTC)
    signers = [text.replace(":", "").lower() for text in signer or ()]
    found = approved_policies(settings, _content(listed), _content(signature), signers)
    here = [one for one in (*known_policies(), *own_policies(settings)) if found.is_about(one.oid)]
    standings = [{"name": one.name, "oid": one.oid, "standing": found.standing(one.oid, now).value} for one in here]
    files = list[dict[str, str | bool | None]]()
    for content in map(_content, policy or ()):
        read = published_policy(content)
        entry = found.find(read.oid)
        same = [one.digest == read.digest for one in here if one.oid == read.oid]
        files.append(
            {
                "oid": read.oid,
                "digestAlgorithm": read.digest_algorithm,
                "digest": read.digest.hex(),
                "asListed": entry is not None and entry.is_of(content),
                "asHere": all(same) if same else None,
            }
        )
    if json:
        until = f"{found.next_update:%Y-%m-%dT%H:%M:%SZ}"
        signed_by = {"subject": found.signer.subject.dn_string, "fingerprint": found.signer.sha256.hex()}
        print_json({"nextUpdate": until, "signer": signed_by, "policies": standings, "files": files})
    else:
        print_line(f"The list is good until {found.next_update:%Y-%m-%d}. {found.signer.subject.dn_string} signed it.")
        for one in standings:
            print_line(f"{one['name']} {one['oid']}: {one['standing']}")
        for file in files:
            as_here = "" if file["asHere"] is None else ", as here" if file["asHere"] else ", another one than here"
            as_listed = "as listed" if file["asListed"] else "not as listed"
            print_line(f"{file['oid']} {file['digestAlgorithm']}:{file['digest']} {as_listed}{as_here}")
    bad_file = any(not one["asListed"] or one["asHere"] is False for one in files)
    return NOT_APPROVED if bad_file or any(one["standing"] != "Approved" for one in standings) else 0


def _content(file: Path) -> bytes:
    """Raises: BadInput."""
    from signroom.domain.errors import BadInput

    try:
        with file.open("rb") as opened:
            return opened.read(_MOST)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
