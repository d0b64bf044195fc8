"""Signature policies that a signature can name (explicit policy, EPES): data, each with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from signroom.domain.errors import BadInput, SignaturePolicyNotFound
from signroom.domain.level import Level
from signroom.domain.signature import DigestAlgorithm, SignatureType

_DATA = "signature_policies.toml"


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """A published policy. `digest` is the one inside it, which signatures state, not that of its file."""

    name: str
    oid: str
    signature_type: SignatureType
    digest_algorithm: DigestAlgorithm
    digest: bytes
    uri: str
    level: Level
    """The least level that a signature under the policy has."""
    source: str
    """Where these values were read."""


@cache
def known_policies() -> Sequence[SignaturePolicy]:
    """All that this version knows."""
    found = tomllib.loads(resources.files("signroom.domain").joinpath(_DATA).read_text("utf-8"))
    return tuple(
        SignaturePolicy(
            name=one["name"],
            oid=one["oid"],
            signature_type=SignatureType(one["type"]),
            digest_algorithm=DigestAlgorithm(one["digest_algorithm"]),
            digest=bytes.fromhex(one["digest"]),
            uri=one["uri"],
            level=Level(one["level"]),
            source=one["source"],
        )
        for one in found["policy"]
    )


def find_policy(name_or_oid: str, signature_type: SignatureType) -> SignaturePolicy:
    """The policy of that name or OID for signatures of that type. Raises: SignaturePolicyNotFound."""
    for one in known_policies():
        if one.signature_type is signature_type and name_or_oid.casefold() in {one.name.casefold(), one.oid}:
            return one
    raise SignaturePolicyNotFound(f"For {signature_type} there are {_names(signature_type)}.")


def level_under(policy: SignaturePolicy | None, level: Level | None) -> Level | None:
    """The level that is wanted where `policy` asks for one. Raises: BadInput when less is asked for."""
    if policy is None or policy.level is Level.B_B:
        return level
    if level is not None and not level.reaches(policy.level):
        raise BadInput(f"The policy {policy.name} asks for the level {policy.level}.", path="level")
    return level or policy.level


def _names(signature_type: SignatureType) -> str:
    return ", ".join(one.name for one in known_policies() if one.signature_type is signature_type) or "none"
