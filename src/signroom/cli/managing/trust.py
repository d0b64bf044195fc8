"""``signroom trust``: whom this installation trusts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from signroom.cli.configuration import installed_settings, require_database, settings_for_rows
from signroom.cli.printing import print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signroom.domain.security_context import TrustedRoot
    from signroom.settings import Settings

trust = App(name="trust", help="Whom this installation trusts: roots, and the trusted lists of the EU.")


@trust.command(name="list")
def list_roots(*, context: str | None = None, json: bool = False) -> None:
    """Print the roots of the built-in security contexts: fingerprint (SHA-256), end, subject.

    Of the trusted lists also the country, what the service is for, and whether it counts today.

    Args:
        context: only this one, like eu
        json: print a JSON list instead of text
    """
    from signroom.wiring import trusted_roots

    found = [root for root in trusted_roots(settings_for_rows()) if context in {None, root.context}]
    if json:
        print_json([_facts(root) for root in found])
        return
    for root in found:
        certificate = root.certificate
        listed = "" if root.territory is None else f" {root.territory} {root.use}"
        withdrawn = "" if root.counts else " (withdrawn)"
        until, subject = f"{certificate.not_after:%Y-%m-%d}", certificate.subject.dn_string
        print_line(f"{root.context}{listed}{withdrawn} {certificate.sha256.hex()} until {until} {subject}")


@trust.command(name="import")
def import_lists(files: list[Path], *, json: bool = False) -> int:
    """Take trusted lists of the EU from files, for a machine without internet.

    Each is verified as if it had been fetched: first the list of the lists, then the national ones. A list that is
    not good is left out, and the one that was there before is kept. Exit code 3 when one was left out.

    Args:
        files: XML files: the list of the lists (eu-lotl.xml), national lists, or both
        json: print a JSON list instead of text
    """
    from signroom.domain.security_context import EU
    from signroom.service.access.operators import this_operator
    from signroom.service.subscriptions.record_trust import record_trust, require_log
    from signroom.wiring import managing

    settings = installed_settings()
    with managing(settings) as ports:
        require_log(ports)
        results = _imported(settings, files)
        kept = [f"{found['territory']} {found['sequence']}" for found in results if "refused" not in found]
        record_trust(ports, this_operator(), EU, kept)
    if json:
        print_json(results)
    else:
        for result in results:
            what = result.get("refused") or f"{result['territory']} number {result['sequence']} is kept."
            print_line(f"{result['file']}: {what}")
    return 3 if any("refused" in result for result in results) else 0


def _imported(settings: Settings, files: Sequence[Path]) -> list[dict[str, object]]:
    """What came of each file."""
    from signroom.domain.errors import BadTrustedList
    from signroom.wiring import import_list

    waiting, results = list(files), list[dict[str, object]]()
    # What names the others comes first, whatever the order of the files: a list that is refused is tried once more.
    for last in (False, True):
        left = []
        for file in waiting:
            try:
                with file.open("rb") as opened:
                    found = import_list(settings, opened.read(_MOST))
                results.append({"file": str(file), "territory": found.territory, "sequence": found.sequence})
            except OSError as error:
                results.append({"file": str(file), "refused": f"It cannot be read: {error.strerror}."})
            except BadTrustedList as error:
                left.append(file)
                if last:
                    results.append({"file": str(file), "refused": error.detail or error.message, "code": error.code})
        waiting = left
    return results


@trust.command
def refresh(*, json: bool = False) -> int:
    """Fetch the trusted lists of the EU that SIGNROOM_EU_TRUST_LISTS names, now. Exit code 3 when one was refused.

    Args:
        json: print a JSON object instead of text
    """
    from signroom.domain.errors import BadInput
    from signroom.wiring import fetching_trusted_lists

    settings = settings_for_rows()
    if settings.eu_trust_lists is None:
        raise BadInput("SIGNROOM_EU_TRUST_LISTS is off: set it to all, or to countries like PT,ES.")
    require_database(settings)
    lists = fetching_trusted_lists(settings)
    tried, found = lists.refresh(), lists.load()
    kept = {each.territory: each.sequence for each in (found.master, *found.national) if each is not None}
    if json:
        print_json({"kept": kept, "refused": tried.refused})
    else:
        for territory, sequence in kept.items():
            print_line(f"{territory}: number {sequence} is kept.")
        for territory, reason in tried.refused.items():
            print_line(f"{territory}: refused. {reason}")
    return 3 if tried.refused else 0


@trust.command(name="icp-brasil")
def icp_brasil(file: Path, *, fingerprint: list[str] | None = None, json: bool = False) -> None:
    """Take the roots of ICP-Brasil from a file into the trust folder.

    Fetch the file from https://acraiz.icpbrasil.gov.br/credenciadas/RAIZ/ (ICP-Brasilv5.crt, ICP-Brasilv12.crt,
    ICP-Brasilv13.crt, or the archive of all authorities, ACcompactado.zip). Roots whose SHA-256 fingerprints are
    known here are taken; of others the operator names the fingerprint. The service reads them within five seconds.

    Args:
        file: PEM, DER, PKCS #7 or ZIP
        fingerprint: SHA-256 of a further root, compared with what ITI publishes; may be given several times
        json: print a JSON list instead of text
    """
    from signroom.domain.errors import BadInput
    from signroom.domain.security_context import ICP_BRASIL, TrustedRoot
    from signroom.service.access.operators import this_operator
    from signroom.service.subscriptions.record_trust import record_trust, require_log
    from signroom.wiring import keep_icp_brasil_roots, managing

    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
    settings = installed_settings()
    with managing(settings) as ports:
        require_log(ports)
        kept = keep_icp_brasil_roots(settings, content, fingerprint or ())
        record_trust(ports, this_operator(), ICP_BRASIL, [certificate.sha256.hex() for certificate in kept])
    roots = [TrustedRoot(ICP_BRASIL.name, certificate) for certificate in kept]
    if json:
        print_json([_facts(root) for root in roots])
    else:
        for root in roots:
            print_line(f"{root.certificate.sha256.hex()} {root.certificate.subject.dn_string}")


_MOST = (16 << 20) + 1
"""Bytes that are read of a file: one more than any may have."""


def _facts(root: TrustedRoot) -> dict[str, object]:
    certificate = root.certificate
    return {
        "context": root.context,
        "fingerprint": certificate.sha256.hex(),
        "subject": certificate.subject.dn_string,
        "notAfter": f"{certificate.not_after:%Y-%m-%dT%H:%M:%SZ}",
        "territory": root.territory,
        "use": root.use,
        "counts": root.counts,
    }
