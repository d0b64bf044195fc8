"""Signature policies that a signature can name (explicit policy, EPES): data, each with its source.

Every installation knows those of the file beside this one. An operator may have further ones, in a file of the same
form. A document keeps the policy that it is signed under: a known one by its OID, one of the operator's as a whole, so
that a file which is changed meanwhile changes no signature.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from signroom.domain.errors import BadInput, SignaturePolicyNotFound
from signroom.domain.level import Level
from signroom.domain.signature import DigestAlgorithm, SignatureType

_DATA = "signature_policies.toml"
MAX_FILE = 256 << 10
"""Bytes of an operator's file."""
_MOST, _LONGEST = 100, 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]{0,38})){1,30}")
_FIELDS = frozenset({"name", "oid", "type", "digest_algorithm", "digest", "uri", "level", "source"})
_BYTES = {DigestAlgorithm.SHA256: 32, DigestAlgorithm.SHA384: 48, DigestAlgorithm.SHA512: 64}


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

    @property
    def stated(self) -> str:
        """As the options of a document keep it; `stated_policy` reads it."""
        return self.oid if self in known_policies() else json.dumps(self.facts)

    @property
    def facts(self) -> dict[str, str]:
        """As a table of the file has it."""
        return {
            "name": self.name,
            "oid": self.oid,
            "type": self.signature_type.value,
            "digest_algorithm": self.digest_algorithm.value,
            "digest": self.digest.hex(),
            "uri": self.uri,
            "level": self.level.value,
            "source": self.source,
        }


@cache
def known_policies() -> Sequence[SignaturePolicy]:
    """All that this version knows."""
    found = tomllib.loads(resources.files("signroom.domain").joinpath(_DATA).read_text("utf-8"))
    return tuple(map(_policy, found["policy"]))


def read_policies(content: bytes) -> Sequence[SignaturePolicy]:
    """Those of an operator's file. One that this version knows meanwhile is of no use, and no fault.

    Raises: BadInput, with the policy and what is wrong with it.
    """
    if len(content) > MAX_FILE:
        raise BadInput(f"The file has more than {MAX_FILE >> 10} KB.")
    try:
        tables = tomllib.loads(content.decode("utf-8")).get("policy")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"The file is no TOML: {error}.") from error
    if not isinstance(tables, list) or not 0 < len(tables) <= _MOST:
        raise BadInput(f"The file has 1 to {_MOST} tables [[policy]].")
    found = [_checked(number, table) for number, table in enumerate(tables, 1)]
    _require_different(found)
    return tuple(found)


def require_new(policies: Sequence[SignaturePolicy]) -> None:
    """None of them has the name or the OID of one that this version knows. Raises: BadInput."""
    _require_different([*known_policies(), *policies])


def _require_different(policies: Sequence[SignaturePolicy]) -> None:
    """Raises: BadInput."""
    for names in ([one.name.casefold() for one in policies], [one.oid for one in policies]):
        twice = next((text for text in names if names.count(text) > 1), None)
        if twice is not None:
            raise BadInput(f"There are two policies {twice}.")


def find_policy(
    name_or_oid: str, signature_type: SignatureType, own: Sequence[SignaturePolicy] = ()
) -> SignaturePolicy:
    """The policy of that name or OID for signatures of that type, known or the operator's `own`.

    Raises: SignaturePolicyNotFound.
    """
    fitting = [one for one in (*known_policies(), *own) if one.signature_type is signature_type]
    for one in fitting:
        if name_or_oid.casefold() in {one.name.casefold(), one.oid}:
            return one
    raise SignaturePolicyNotFound(f"For {signature_type} there are {', '.join(one.name for one in fitting) or 'none'}.")


def stated_policy(stated: str | None, signature_type: SignatureType) -> SignaturePolicy | None:
    """The policy that the options of a document keep. Never for what a request says.

    Raises: SignaturePolicyNotFound.
    """
    if not stated:
        return None
    return _policy(json.loads(stated)) if stated.startswith("{") else find_policy(stated, signature_type)


def level_under(policy: SignaturePolicy | None, level: Level | None) -> Level | None:
    """The level that is wanted where `policy` asks for one. Raises: BadInput when less is asked for."""
    if policy is None or policy.level is Level.B_B:
        return level
    if level is not None and not level.reaches(policy.level):
        raise BadInput(f"The policy {policy.name} asks for the level {policy.level}.", path="level")
    return level or policy.level


def _checked(number: int, table: object) -> SignaturePolicy:
    """Raises: BadInput."""
    where = f"Policy {number}"
    if not isinstance(table, dict) or table.keys() != _FIELDS:
        raise BadInput(f"{where} has not just the fields {', '.join(sorted(_FIELDS))}.")
    if not all(isinstance(value, str) and 0 < len(value) <= _LONGEST for value in table.values()):
        raise BadInput(f"{where}: each field is a text of up to {_LONGEST} characters.")
    try:
        found = _policy(table)
    except ValueError as error:
        raise BadInput(f"{where}: {error}.") from error
    if not _NAME.fullmatch(found.name) or not _OID.fullmatch(found.oid):
        raise BadInput(f"{where}: its name has letters, digits, -, _ and ., and its oid is a dotted OID.")
    if len(found.digest) != _BYTES[found.digest_algorithm]:
        raise BadInput(f"{where}: a digest of {found.digest_algorithm} has {_BYTES[found.digest_algorithm]} bytes.")
    if not _is_address(found.uri):
        raise BadInput(f"{where}: its uri is an http or https address in ASCII.")
    return found


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    plain = uri.isascii() and uri.isprintable() and " " not in uri
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _policy(table: Mapping[str, Any]) -> SignaturePolicy:
    """Raises: ValueError."""
    return SignaturePolicy(
        name=table["name"],
        oid=table["oid"],
        signature_type=SignatureType(table["type"]),
        digest_algorithm=DigestAlgorithm(table["digest_algorithm"]),
        digest=bytes.fromhex(table["digest"]),
        uri=table["uri"],
        level=Level(table["level"]),
        source=table["source"],
    )
