"""``signroom contexts``: whom a subscription trusts, and what it asks of those who sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for
from signroom.cli.printing import print_line

if TYPE_CHECKING:
    from signroom.domain.security_context import SecurityContext
    from signroom.service.subscriptions.manage_security_contexts import DescribeContext

RevocationName = Literal["Required", "IfKnown", "NotAsked"]
LevelName = Literal["B-B", "B-T", "B-LT", "B-LTA"]
Files = Annotated[list[Path] | None, Parameter(negative=())]
Texts = Annotated[list[str] | None, Parameter(negative=())]

contexts = App(name="contexts", help="Security contexts: whom a subscription trusts.")


@contexts.command(name="list")
def list_all(*, subscription: str) -> None:
    """Print the built-in contexts and the subscription's own."""
    from signroom.service.subscriptions.manage_security_contexts import list_contexts

    with acting_for(subscription) as (ports, caller):
        for found in list_contexts(ports, caller):
            _print(found)


@contexts.command
def create(
    name: str,
    *,
    subscription: str,
    root: Files = None,
    intermediate: Files = None,
    policy: Texts = None,
    purpose: Texts = None,
    revocation: RevocationName = "Required",
    level: LevelName | None = None,
) -> None:
    """Make a context. Sessions name it by the id that is printed.

    Parameters
    ----------
    name: up to 50 lower-case letters, digits and hyphens
    subscription: name of the subscription
    root: file of a trusted authority, PEM or DER; may be given several times
    intermediate: file of an authority below a root that signers need not send
    policy: dotted OID; one of them must hold for the signer's certificate
    purpose: dotted OID of a further purpose (extended key usage) that lets a certificate sign
    revocation: what it means that nobody says whether a certificate was revoked
    level: that signed files reach unless a session says otherwise
    """
    from signroom.service.subscriptions.manage_security_contexts import create_context

    command = _command(name, root, intermediate, policy, purpose, revocation, level)
    with acting_for(subscription) as (ports, caller):
        _print(create_context(ports, caller, command))


@contexts.command
def change(
    context_id: UUID,
    *,
    name: str,
    subscription: str,
    root: Files = None,
    intermediate: Files = None,
    policy: Texts = None,
    purpose: Texts = None,
    revocation: RevocationName = "Required",
    level: LevelName | None = None,
) -> None:
    """Replace a context by this one; what is left out is cleared. The parameters are those of `create`."""
    from signroom.service.subscriptions.manage_security_contexts import change_context

    command = _command(name, root, intermediate, policy, purpose, revocation, level)
    with acting_for(subscription) as (ports, caller):
        _print(change_context(ports, caller, context_id, command))


@contexts.command
def delete(context_id: UUID, *, subscription: str, force: bool = False) -> None:
    """Delete a context.

    Parameters
    ----------
    context_id: as `list` prints it
    subscription: name of the subscription
    force: also while sessions need it; nobody can sign in these any more
    """
    from signroom.service.subscriptions.manage_security_contexts import delete_context

    with acting_for(subscription) as (ports, caller):
        delete_context(ports, caller, context_id, force=force)


def _command(  # noqa: PLR0917
    name: str,
    root: list[Path] | None,
    intermediate: list[Path] | None,
    policy: list[str] | None,
    purpose: list[str] | None,
    revocation: str,
    level: str | None,
) -> DescribeContext:
    """Raises: BadSecurityContext."""
    from signroom.domain.level import Level
    from signroom.domain.security_context import ContextRules, RevocationRule
    from signroom.service.subscriptions.manage_security_contexts import DescribeContext

    rules = ContextRules(
        tuple(policy or ()),
        tuple(purpose or ()),
        RevocationRule(revocation),
        level=None if level is None else Level(level),
    )
    return DescribeContext(name, _certificates(root), _certificates(intermediate), rules)


def _certificates(files: list[Path] | None) -> tuple[bytes, ...]:
    """DER of all certificates in the files. Raises: BadSecurityContext."""
    from asn1crypto import pem

    from signroom.domain.errors import BadSecurityContext

    found: list[bytes] = []
    for file in files or ():
        try:
            content = file.read_bytes()
            found += [der for _, _, der in pem.unarmor(content, multiple=True)] if pem.detect(content) else [content]
        except (OSError, ValueError) as error:
            raise BadSecurityContext(f"{file} cannot be read.") from error
    return tuple(found)


def _print(context: SecurityContext) -> None:
    kind = "own" if context.is_own else "built in"
    roots = f"  {len(context.roots)} roots" if context.is_own else ""
    print_line(f"{context.id}  {context.name}  {kind}{roots}")
