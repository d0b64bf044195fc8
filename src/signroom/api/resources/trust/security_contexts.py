"""``/api/settings/security-contexts``: whom a subscription trusts, and what it asks of those who sign."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from uuid import UUID

from litestar import delete, get, post, put

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.shapes.wire import Base64Text
from signroom.api.translation.commands import level_of, member, moment_of, requirements_of
from signroom.api.translation.models import certificate_summary, seconds
from signroom.domain.certificate import KeyKind
from signroom.domain.errors import BadInput, at
from signroom.domain.security_context import (
    RULED_KINDS,
    ContextRules,
    DigestRule,
    KeyRule,
    ResponderRule,
    RevocationRule,
    SecurityContext,
)
from signroom.domain.signature import DigestAlgorithm
from signroom.ports import Ports
from signroom.service.certificates.read_pem import certificates_in
from signroom.service.subscriptions.manage_security_contexts import (
    DescribeContext,
    change_context,
    create_context,
    delete_context,
    list_contexts,
)

_TAGS = ["Settings"]
_CONTEXTS = "/api/settings/security-contexts"
_CONTEXT = f"{_CONTEXTS}/{{context_id:str}}"


@get(_CONTEXTS, responses=ANSWERS, summary="List security contexts", tags=_TAGS)
async def list_all(ports: InjectedPorts, caller: InjectedCaller) -> list[shapes.SecurityContextModel]:
    """Addition. The built-in ones first. The roots of those are the operator's, and are not shown."""
    return await asyncio.to_thread(lambda: [_model(ports, found) for found in list_contexts(ports, caller)])


@post(
    _CONTEXTS,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Make a security context",
    tags=_TAGS,
)
async def create(
    data: shapes.SecurityContextRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.SecurityContextModel:
    """Addition. Needs the role Manager. Sessions name it in `securityContextId`."""
    command = _command(data)
    return await asyncio.to_thread(lambda: _model(ports, create_context(ports, caller, command)))


@put(
    _CONTEXT,
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Change a security context",
    tags=_TAGS,
)
async def change(
    context_id: UUID, data: shapes.SecurityContextRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.SecurityContextModel:
    """Addition. Needs the role Manager. What is left out is cleared. Open sessions are judged by it from now on."""
    command = _command(data)
    return await asyncio.to_thread(lambda: _model(ports, change_context(ports, caller, context_id, command)))


@delete(_CONTEXT, status_code=204, responses=ANSWERS, summary="Delete a security context", tags=_TAGS)
async def remove(context_id: UUID, ports: InjectedPorts, caller: InjectedCaller, force: bool = False) -> None:
    """Addition. Needs the role Manager. Refused while sessions need it, unless `force` is true."""
    await asyncio.to_thread(lambda: delete_context(ports, caller, context_id, force=force))


def _command(data: shapes.SecurityContextRequest) -> DescribeContext:
    """Raises: BadInput."""
    rules = ContextRules(
        policies=tuple(data.policies or ()),
        purposes=tuple(data.purposes or ()),
        revocation=member(RevocationRule, data.revocation or RevocationRule.REQUIRED, "revocation"),
        keys=tuple(_key_rule(one, f"keys[{number}]") for number, one in enumerate(data.keys or ())),
        requirements=requirements_of(data.requirements, "requirements"),
        level=level_of(data.level),
        digests=tuple(
            DigestRule(
                member(DigestAlgorithm, one.algorithm, f"digests[{number}].algorithm"),
                moment_of(one.until, f"digests[{number}].until"),
            )
            for number, one in enumerate(data.digests or ())
        ),
        responders=member(ResponderRule, data.responders or ResponderRule.APPOINTED, "responders"),
        timestamp_roots=_certificates(data.timestamp_roots or (), "timestampRoots"),
    )
    roots = _certificates(data.roots, "roots")
    return DescribeContext(data.name, roots, _certificates(data.intermediates or (), "intermediates"), rules)


def _key_rule(given: shapes.KeyRuleModel, place: str) -> KeyRule:
    """Raises: BadInput."""
    with at(place):
        return KeyRule(_key_kind(given.kind), given.least_bits, moment_of(given.until, "until"))


def _key_kind(text: str) -> KeyKind:
    """Raises: BadInput."""
    for kind in RULED_KINDS:
        if kind.value == text.upper():
            return kind
    raise BadInput(f"keys.kind is one of {', '.join(RULED_KINDS)}.", path="kind")


def _certificates(texts: Iterable[str], field: str) -> tuple[bytes, ...]:
    """DER of all certificates in these texts. Raises: BadInput."""
    found: list[bytes] = []
    for number, text in enumerate(texts):
        place = f"{field}[{number}]"
        try:
            pem = text.encode("ascii") if "-----BEGIN" in text else b"".join(Base64Text(text).decoded())
            found += certificates_in(pem)
        except ValueError as error:
            raise BadInput(f"{field} are certificates, DER or PEM.", path=place) from error
    return tuple(found)


def _model(ports: Ports, context: SecurityContext) -> shapes.SecurityContextModel:
    rules = context.rules
    return shapes.SecurityContextModel(
        id=context.id,
        name=context.name,
        built_in=not context.is_own,
        any_issuer=context.any_issuer,
        roots=_summaries(ports, context.roots),
        intermediates=_summaries(ports, context.intermediates),
        policies=list(rules.policies),
        purposes=list(rules.purposes),
        revocation=rules.revocation.value,
        keys=[
            shapes.KeyRuleModel(kind=one.kind.value, least_bits=one.least_bits, until=seconds(one.until))
            for one in rules.keys
        ],
        requirements=[
            shapes.RequirementModel(type=one.kind.value, argument=one.argument) for one in rules.requirements
        ],
        level=rules.level,
        digests=[
            shapes.DigestRuleModel(algorithm=one.algorithm.value, until=seconds(one.until)) for one in rules.digests
        ],
        responders=rules.responders.value,
        timestamp_roots=_summaries(ports, rules.timestamp_roots),
    )


def _summaries(ports: Ports, certificates: Iterable[bytes]) -> list[shapes.CertificateSummary]:
    return [certificate_summary(ports.trust.read(der)) for der in certificates]
