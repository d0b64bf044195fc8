"""Timestamp tokens as they stand in a CMS object (RFC 3161, 2.4.2): read, judged, and put into an attribute.

A token is judged for itself: its value fits, and it is about what it should be about. Whom to trust is judged
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from signroom.domain.augmentation import EmbeddedTimestamp, TimestampUse
from signroom.domain.errors import InvalidCms, TimestampTooLarge, VerificationFailed
from signroom.domain.signature import CertificateChain
from signroom.formats.cms.facts import certificates_of, issuers_of
from signroom.formats.cms.foreign import Integrity, judge_contents
from signroom.formats.cms.hashing import digest_of, is_known
from signroom.formats.cms.lasting.identifiers import HASH_INDEX_V3, SIGNATURE_TIMESTAMP
from signroom.formats.cms.parts import SignerParts, inside, read_parts, read_signer
from signroom.formats.cms.reading import only_refusals, read_cms_octets, read_outline_octets
from signroom.formats.cms.writing import sequence

MAX_TOKEN = 256 << 10
"""Bytes. Real tokens have 1 to 8 KB; no timestamp authority's answer is larger here."""
MAX_TOKENS = 500
"""Timestamps of one file. Each takes some milliseconds."""
_SEQUENCE, _SET, _EXPLICIT_0 = 0x30, 0x31, 0xA0
_KIND = "ETSI.RFC3161"

DigestOf = Callable[[str], bytes | None]
"""The digest of what a token is about, by the algorithm of this name; None when it cannot be known."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that could be read."""

    time: datetime
    authority: CertificateChain
    """The certificate is empty where the token does not have it."""
    intact: bool
    broken: bool
    """It was computed and does not fit. What is neither intact nor broken cannot be computed here."""
    lists: tuple[bytes, ...]
    """Revocation lists that came along in it."""

    def embedded(self, use: TimestampUse) -> EmbeddedTimestamp:
        return EmbeddedTimestamp(use, self.time, self.authority, self.intact)


def read_token(octets: bytes, digest_of_subject: DigestOf) -> Token | None:
    """None for what is no token of one authority."""
    if len(octets) > MAX_TOKEN:
        return None
    judged = judge_contents(octets, _KIND, digest_of_subject)
    if len(judged) != 1 or judged[0].claimed_at is None:
        return None
    try:
        with only_refusals():
            inside(octets)  # nothing may stand behind it
            found = read_cms_octets(octets)
            signed = None if found is None else found.signed
            certificates = [] if signed is None else certificates_of(signed)
            lists = [] if signed is None or not signed["crls"] else [one.dump() for one in signed["crls"]]
            certificate = judged[0].certificate or b""
            chain = CertificateChain(certificate, issuers_of(certificate, certificates))
    except InvalidCms:
        return None
    plain = tuple(one for one in lists if one[0] == _SEQUENCE)
    integrity = judged[0].integrity
    return Token(judged[0].claimed_at, chain, integrity is Integrity.INTACT, integrity is Integrity.BROKEN, plain)


def certificates_in(octets: bytes) -> tuple[bytes, ...]:
    """The certificates that came along in a token, as they stand. Nothing is judged; none for what is no token."""
    if len(octets) > MAX_TOKEN:
        return ()
    try:
        with only_refusals():
            inside(octets)  # nothing may stand behind it
            found = read_outline_octets(octets)
            parts = None if found is None else read_parts(found)
    except InvalidCms:
        return ()
    if parts is None or len(parts.signers) != 1:
        return ()
    return tuple(one for one in parts.certificates if one[0] == _SEQUENCE)


def require_token(octets: bytes, digest_of_subject: DigestOf) -> None:
    """The token holds, and it is about the right thing. Raises: VerificationFailed, TimestampTooLarge."""
    if len(octets) > MAX_TOKEN:
        raise TimestampTooLarge(f"It has more than {MAX_TOKEN >> 10} KB.")
    judged = judge_contents(octets, _KIND, digest_of_subject)
    if len(judged) != 1 or judged[0].claimed_at is None or judged[0].integrity is not Integrity.INTACT:
        raise VerificationFailed("The timestamp does not hold, or is about something else.")
    try:
        inside(octets)  # nothing may stand behind it
    except InvalidCms as error:
        raise VerificationFailed("The timestamp has something else behind it.") from error


def signature_timestamp(value: bytes, token: bytes) -> bytes:
    """The attribute that puts `token` on a signature `value` (EN 319 122-1, 5.3).

    Raises: VerificationFailed, TimestampTooLarge.
    """
    require_token(token, lambda name: digest_of(value, name) if is_known(name) else None)
    return attribute(SIGNATURE_TIMESTAMP, token)


def attribute(kind: bytes, value: bytes) -> bytes:
    """One attribute with one value (RFC 5652, 5.3)."""
    return sequence(_SEQUENCE, kind, sequence(_SET, value))


def with_hash_index(token: bytes, index: bytes) -> bytes:
    """`token` with an ats-hash-index-v3 among its unsigned attributes (EN 319 122-1, 5.5.2).

    Nothing else of it changes. Raises: VerificationFailed when it has one already.
    """
    kind, explicit = inside(token)
    (signed,) = inside(explicit)
    *before, signers = inside(signed)
    (signer,) = inside(signers)
    if hash_index_of(read_signer(signer)) is not None:
        raise VerificationFailed("The timestamp has a hash index already.")
    signer = read_signer(signer).with_attribute(attribute(HASH_INDEX_V3, index))
    signed = sequence(_SEQUENCE, *before, sequence(_SET, signer))
    return sequence(_SEQUENCE, kind, sequence(_EXPLICIT_0, signed))


def hash_index_of_token(token: bytes) -> bytes | None:
    """Its ATSHashIndexV3; None when there is none, or not one. Raises: InvalidCms, ValueError."""
    _, explicit = inside(token)
    (signed,) = inside(explicit)
    (signer,) = inside(inside(signed)[-1])
    return hash_index_of(read_signer(signer))


def hash_index_of(signer: SignerParts) -> bytes | None:
    """Of a token's signer. Raises: InvalidCms."""
    values = [value for one in signer.attributes() if one.kind == HASH_INDEX_V3 for value in one.values]
    return values[0] if len(values) == 1 else None
