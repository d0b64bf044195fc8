"""A timestamp token in an XML signature, read and checked by itself (RFC 3161, 2.4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from asn1crypto.tsp import TSTInfo

from signroom.domain.errors import Refused
from signroom.domain.signature import CertificateChain
from signroom.formats.cms.foreign import Integrity, judge_contents
from signroom.formats.cms.hashing import digest_name
from signroom.formats.cms.reading import only_refusals, read_cms_octets

_KIND = "ETSI.RFC3161"


@dataclass(frozen=True, slots=True)
class Token:
    """A token with one authority, its certificate and a time."""

    time: datetime
    authority: CertificateChain
    algorithm: str
    """Of the message imprint, in upper case, as hashlib knows it."""
    imprint: bytes
    is_intact: bool
    """The authority's value fits what the token says; whom to trust is judged elsewhere."""


@lru_cache(maxsize=256)
def read_token(octets: bytes) -> Token | None:
    """None for what is no such token. The same tokens are read several times while a file gets another one."""
    try:
        found = read_cms_octets(octets)
        if found is None or found.content is None:
            return None
        with only_refusals():
            if len(found.signed["signer_infos"]) != 1:  # each of them costs a signature to judge
                return None
            ders = dict.fromkeys(
                choice.chosen.dump() for choice in found.signed["certificates"] or () if choice.name == "certificate"
            )
            info = TSTInfo.load(b"".join(found.content.chunks()))
            algorithm = digest_name(info["message_imprint"]["hash_algorithm"])
            imprint: bytes = info["message_imprint"]["hashed_message"].native
            time = info["gen_time"].native.astimezone(UTC)
        # Whether the imprint is that of the file is compared elsewhere: here it is taken as it stands.
        (one,) = judge_contents(octets, _KIND, lambda _: imprint)
    except (Refused, ValueError):
        return None
    if one.certificate is None or algorithm is None:
        return None
    others = tuple(der for der in ders if der != one.certificate)
    chain = CertificateChain(one.certificate, others)
    return Token(time, chain, algorithm.upper(), imprint, is_intact=one.integrity is Integrity.INTACT)
