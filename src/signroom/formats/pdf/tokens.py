"""Timestamp tokens (RFC 3161, 2.4.2) that are put into a PDF, or that one has: do they fit what they are about?

Whom to trust is judged elsewhere. A token that is broken is never written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from signroom.domain.augmentation import EmbeddedTimestamp, TimestampUse
from signroom.domain.errors import InvalidCms, VerificationFailed
from signroom.domain.signature import CertificateChain
from signroom.formats.cms.facts import certificates_of, issuers_of
from signroom.formats.cms.foreign import Integrity, judge_contents
from signroom.formats.cms.reading import only_refusals, read_cms_octets

_KIND = "ETSI.RFC3161"

DigestOf = Callable[[str], bytes | None]
"""The digest of what a token is about, by the algorithm of this name; None when it is not known."""


def require_timestamp(token: bytes, stamped: bytes) -> None:
    """`token` is intact and about the digest of `stamped`. Raises: VerificationFailed."""
    require_intact(token, lambda name: digest_of(stamped, name))


def require_intact(token: bytes, digest: DigestOf) -> None:
    """And no algorithm of it is weak today. Raises: VerificationFailed."""
    judged = judge_contents(token, _KIND, digest)
    is_good = [one.integrity for one in judged] == [Integrity.INTACT] and not judged[0].is_weak
    if not is_good or judged[0].certificate is None:
        raise VerificationFailed(f"The timestamp does not fit: {judged[0].reason or 'it has no certificate'}")


def read_timestamp(token: bytes, use: TimestampUse, digest: DigestOf) -> EmbeddedTimestamp | None:
    """A token of a file, padding behind it allowed; None for what is no token."""
    judged = judge_contents(token, _KIND, digest)[0]
    if judged.certificate is None or judged.claimed_at is None:
        return None
    return EmbeddedTimestamp(
        use=use,
        time=judged.claimed_at,
        authority=CertificateChain(judged.certificate, issuers_of(judged.certificate, _certificates(token))),
        intact=judged.integrity is Integrity.INTACT,
    )


def certificates_in(container: bytes) -> tuple[bytes, ...]:
    """Of a CMS object, DER; none of one that cannot be read."""
    return tuple(one.dump() for one in _certificates(container))


def digest_of(octets: bytes, name: str) -> bytes | None:
    try:
        return hashlib.new(name, octets, usedforsecurity=False).digest()
    except (ValueError, TypeError):
        return None


def _certificates(container: bytes) -> list[Any]:
    try:
        with only_refusals():
            found = read_cms_octets(container)
            return [] if found is None else certificates_of(found.signed)
    except InvalidCms:
        return []
