"""A timestamp token in an XML signature: read, and compared with what it is about (RFC 3161, 2.4.2)."""

from __future__ import annotations

from collections.abc import Callable

from signroom.domain.augmentation import EmbeddedTimestamp, TimestampUse
from signroom.domain.errors import InvalidCms, Refused
from signroom.domain.signature import CertificateChain
from signroom.formats.cms.foreign import Integrity, judge_contents
from signroom.formats.cms.reading import only_refusals, read_cms_octets

DigestOf = Callable[[str], bytes | None]
"""The digest of what a timestamp is about by a hash of this name (upper case); None where it cannot be computed."""
_KIND = "ETSI.RFC3161"


def read_token(use: TimestampUse, token: bytes, digest_of: DigestOf) -> EmbeddedTimestamp | None:
    """None for what is no token with one authority, its certificate and a time."""
    try:
        certificates = _certificates(token)
        judged = judge_contents(token, _KIND, lambda name: digest_of(name.upper()))
    except (InvalidCms, Refused):
        return None
    if certificates is None or len(judged) != 1:
        return None
    (one,) = judged
    if one.certificate is None or one.claimed_at is None:
        return None
    others = tuple(der for der in certificates if der != one.certificate)
    chain = CertificateChain(one.certificate, others)
    return EmbeddedTimestamp(use, one.claimed_at, chain, intact=one.integrity is Integrity.INTACT)


def _certificates(token: bytes) -> tuple[bytes, ...] | None:
    """Those that came along; None where it has not one signer. Raises: InvalidCms."""
    found = read_cms_octets(token)
    if found is None or found.content is None:
        return None
    with only_refusals():
        if len(found.signed["signer_infos"]) != 1:  # each of them costs a signature to judge
            return None
        ders = (choice.chosen.dump() for choice in found.signed["certificates"] or () if choice.name == "certificate")
        return tuple(dict.fromkeys(ders))
