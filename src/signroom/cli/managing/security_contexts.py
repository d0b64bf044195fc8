"""``signroom contexts``: whom a subscription trusts, and what it asks of those who sign."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for
from signroom.cli.printing import Json, moment, print_json, print_line, tell

if TYPE_CHECKING:
    from signroom.domain.requirement import CertificateRequirement
    from signroom.domain.security_context import DigestRule, KeyRule, SecurityContext
    from signroom.ports import ManagementPorts

RevocationName = Literal["Required", "IfKnown", "NotAsked"]
LevelName = Literal["B-B", "B-T", "B-LT", "B-LTA"]
ResponderName = Literal["Appointed", "Issuer"]
Clearable = Literal[
    "intermediates", "policies", "purposes", "keys", "requirements", "level", "digests", "timestamp-roots"
]
Files = Annotated[list[Path] | None, Parameter(negative=())]
Texts = Annotated[list[str] | None, Parameter(negative=())]

contexts = App(name="contexts", help="Security contexts: whom a subscription trusts.")


@contexts.command(name="list")
def list_all(*, subscription: str, json: bool = False) -> None:
    """Print the built-in contexts and the subscription's own, with their rules.

    Args:
        subscription: name of the subscription
        json: print a JSON list instead of text
    """
    from signroom.service.subscriptions.manage_security_contexts import list_contexts

    with acting_for(subscription) as (ports, caller):
        found = list_contexts(ports, caller)
        if json:
            print_json([_facts(ports, context) for context in found])
        else:
            for context in found:
                _print(context)


@contexts.command
def show(context: str, *, subscription: str, json: bool = False) -> None:
    """Print all of a context.

    Args:
        context: its id or its name
        subscription: name of the subscription
        json: print JSON instead of text
    """
    from signroom.service.subscriptions.manage_security_contexts import find_context

    with acting_for(subscription) as (ports, caller):
        facts = _facts(ports, find_context(ports, caller, context))
        if json:
            print_json(facts)
            return
        for name, value in facts.items():
            for one in value if isinstance(value, list) else [value]:
                print_line(f"{name}: {'-' if one is None else one}")


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
    key: Texts = None,
    requirement: Texts = None,
    level: LevelName | None = None,
    digest: Texts = None,
    responders: ResponderName = "Appointed",
    timestamp_root: Files = None,
    json: Json = False,
) -> None:
    """Make a context. Sessions name it by the id that is printed.

    Args:
        name: up to 50 lower-case letters, digits and hyphens
        subscription: name of the subscription
        root: file of a trusted authority, PEM or DER; may be given several times
        intermediate: file of an authority below a root that signers need not send
        policy: dotted OID; one of them must hold for the signer's certificate
        purpose: dotted OID of a further purpose (extended key usage) that lets a certificate sign
        revocation: what it means that nobody says whether a certificate was revoked
        key: keys that are accepted, like RSA:3072 or EC:256:2030-01-01 (until then); without it every key that is safe
        requirement: that each session has beside its own, like Qualified or Person=PNOEE-38001085718
        level: that signed files reach unless a session says otherwise
        digest: that signatures, certificates and answers about revocation may have, like SHA384 or SHA256:2035-01-01
        responders: whose OCSP responses count: those of whom the issuer has appointed, or the issuer's own
        timestamp_root: file of an authority whose timestamps count, and no others then; may be given several times
    """
    from signroom.domain.level import Level
    from signroom.domain.security_context import ContextRules, ResponderRule, RevocationRule
    from signroom.service.subscriptions.manage_security_contexts import DescribeContext, create_context

    rules = ContextRules(
        policies=tuple(policy or ()),
        purposes=tuple(purpose or ()),
        revocation=RevocationRule(revocation),
        keys=tuple(map(_key, key or ())),
        requirements=tuple(map(_requirement, requirement or ())),
        level=None if level is None else Level(level),
        digests=tuple(map(_digest, digest or ())),
        responders=ResponderRule(responders),
        timestamp_roots=_certificates(timestamp_root or ()),
    )
    command = DescribeContext(name, _certificates(root or ()), _certificates(intermediate or ()), rules)
    with acting_for(subscription) as (ports, caller):
        _tell(ports, create_context(ports, caller, command), as_json=json)


@contexts.command
def change(
    context_id: UUID,
    *,
    subscription: str,
    name: str | None = None,
    root: Files = None,
    intermediate: Files = None,
    policy: Texts = None,
    purpose: Texts = None,
    revocation: RevocationName | None = None,
    key: Texts = None,
    requirement: Texts = None,
    level: LevelName | None = None,
    digest: Texts = None,
    responders: ResponderName | None = None,
    timestamp_root: Files = None,
    clear: Annotated[list[Clearable] | None, Parameter(negative=())] = None,
    json: Json = False,
) -> None:
    """Change what is given; everything else stays. What is given replaces all that was there of its kind.

    Args:
        context_id: as `list` prints it
        subscription: name of the subscription
        name: a new name
        root: file of a trusted authority, PEM or DER; may be given several times
        intermediate: file of an authority below a root that signers need not send
        policy: dotted OID; one of them must hold for the signer's certificate
        purpose: dotted OID of a further purpose (extended key usage) that lets a certificate sign
        revocation: what it means that nobody says whether a certificate was revoked
        key: keys that are accepted, like RSA:3072 or EC:256:2030-01-01 (until then)
        requirement: that each session has beside its own, like Qualified or Person=PNOEE-38001085718
        level: that signed files reach unless a session says otherwise
        digest: that signatures, certificates and answers about revocation may have, like SHA384 or SHA256:2035-01-01
        responders: whose OCSP responses count: those of whom the issuer has appointed, or the issuer's own
        timestamp_root: file of an authority whose timestamps count, and no others then; may be given several times
        clear: what there shall be none of from now on; may be given several times
    """
    from signroom.domain.errors import BadInput
    from signroom.domain.level import Level
    from signroom.domain.security_context import ResponderRule, RevocationRule
    from signroom.service.subscriptions.manage_security_contexts import PatchContext, change_context

    given: dict[str, tuple[Any, ...] | None] = {
        "intermediates": None if intermediate is None else _certificates(intermediate),
        "policies": None if policy is None else tuple(policy),
        "purposes": None if purpose is None else tuple(purpose),
        "keys": None if key is None else tuple(map(_key, key)),
        "requirements": None if requirement is None else tuple(map(_requirement, requirement)),
        "digests": None if digest is None else tuple(map(_digest, digest)),
        "timestamp_roots": None if timestamp_root is None else _certificates(timestamp_root),
    }
    cleared = {one.replace("-", "_") for one in clear or ()}
    for one in sorted(cleared):
        if given.get(one) is not None or (one == "level" and level is not None):
            raise BadInput(f"{one.replace('_', '-')} cannot be given and cleared at the same time.")
    command = PatchContext(
        name=name,
        roots=None if root is None else _certificates(root),
        revocation=None if revocation is None else RevocationRule(revocation),
        level=None if level is None else Level(level),
        clear_level="level" in cleared,
        responders=None if responders is None else ResponderRule(responders),
        **{one: () if one in cleared else value for one, value in given.items()},
    )
    with acting_for(subscription) as (ports, caller):
        _tell(ports, change_context(ports, caller, context_id, command), as_json=json)


@contexts.command
def delete(context_id: UUID, *, subscription: str, force: bool = False, json: Json = False) -> None:
    """Delete a context.

    Args:
        context_id: as `list` prints it
        subscription: name of the subscription
        force: also while sessions need it; nobody can sign in these any more
    """
    from signroom.service.subscriptions.manage_security_contexts import delete_context

    with acting_for(subscription) as (ports, caller):
        delete_context(ports, caller, context_id, force=force)
    tell({"id": str(context_id), "deleted": True}, as_json=json)


def _key(text: str) -> KeyRule:
    """``RSA:3072`` or ``EC:256:2030-01-01``. Raises: BadInput."""
    from signroom.domain.errors import BadInput
    from signroom.domain.security_context import RULED_KINDS, KeyRule

    kind, _, rest = text.partition(":")
    bits, _, until = rest.partition(":")
    try:
        return KeyRule({one.value: one for one in RULED_KINDS}[kind.upper()], int(bits), _end(until))
    except (KeyError, ValueError, OverflowError) as error:
        raise BadInput(f"--key is like RSA:3072 or EC:256:2030-01-01, and not {text}.") from error


def _digest(text: str) -> DigestRule:
    """``SHA384`` or ``SHA256:2035-01-01``. Raises: BadInput."""
    from signroom.domain.errors import BadInput
    from signroom.domain.security_context import DigestRule
    from signroom.domain.signature import DigestAlgorithm

    name, _, until = text.partition(":")
    try:
        return DigestRule(DigestAlgorithm(name.upper()), _end(until))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"--digest is like SHA384 or SHA256:2035-01-01, and not {text}.") from error


def _end(text: str) -> datetime | None:
    """Raises: ValueError, OverflowError."""
    if not text:
        return None
    end = datetime.fromisoformat(text)
    return end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)


def _requirement(text: str) -> CertificateRequirement:
    """``Qualified`` or ``Person=PNOEE-38001085718``. Raises: BadInput."""
    from signroom.domain.errors import BadInput
    from signroom.domain.requirement import CertificateRequirement, RequirementKind

    name, _, argument = text.partition("=")
    for kind in RequirementKind:
        if kind.value.casefold() == name.casefold():
            return CertificateRequirement.of(kind, argument or None)
    raise BadInput(f"--requirement is one of {', '.join(RequirementKind)}.")


def _certificates(files: list[Path] | tuple[()]) -> tuple[bytes, ...]:
    """DER of all certificates in the files. Raises: BadSecurityContext."""
    from signroom.domain.errors import BadSecurityContext
    from signroom.service.certificates.read_pem import certificates_in

    found: list[bytes] = []
    for file in files:
        try:
            found += certificates_in(file.read_bytes())
        except (OSError, ValueError) as error:
            raise BadSecurityContext(f"{file} cannot be read.") from error
    return tuple(found)


def _facts(ports: ManagementPorts, context: SecurityContext) -> dict[str, Any]:
    """As JSON, and in this order as text."""

    def named(certificates: tuple[bytes, ...]) -> list[str]:
        read = [ports.trust.read(der) for der in certificates]
        return [f"{' '.join(one.subject.every('CN')) or '?'} (SHA-256 {one.sha256.hex()})" for one in read]

    return {
        "id": str(context.id),
        "name": context.name,
        "kind": _kind(context),
        "root": named(context.roots),
        "intermediate": named(context.intermediates),
        "timestamp-root": named(context.rules.timestamp_roots),
        **_rules(context),
    }


def _rules(context: SecurityContext) -> dict[str, Any]:
    """Spelled as the options are."""
    rules = context.rules
    return {
        "policy": list(rules.policies),
        "purpose": list(rules.purposes),
        "revocation": rules.revocation.value,
        "key": [":".join(filter(None, (k.kind.value, str(k.least_bits), moment(k.until)))) for k in rules.keys],
        "requirement": ["=".join(filter(None, (r.kind.value, r.argument))) for r in rules.requirements],
        "level": None if rules.level is None else rules.level.value,
        "digest": [":".join(filter(None, (d.algorithm.value, moment(d.until)))) for d in rules.digests],
        "responders": rules.responders.value,
    }


def _kind(context: SecurityContext) -> str:
    return "own" if context.is_own else "built in"


def _tell(ports: ManagementPorts, context: SecurityContext, *, as_json: bool) -> None:
    if as_json:
        print_json(_facts(ports, context))
    else:
        _print(context)


def _print(context: SecurityContext) -> None:
    roots = f"  {len(context.roots)} roots" if context.is_own else ""
    if context.rules.timestamp_roots:
        roots += f"  {len(context.rules.timestamp_roots)} timestamp roots"
    rules = "".join(
        f"  {name}={','.join(value) if isinstance(value, list) else value}"
        for name, value in (_rules(context) if context.is_own else {}).items()
        if value
    )
    print_line(f"{context.id}  {context.name}  {_kind(context)}{roots}{rules}")
