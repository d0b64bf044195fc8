"""What an archive timestamp of version 3 is about (EN 319 122-1, 5.5.2 and 5.5.3).

Its imprint is the digest of:

1. eContentType,
2. the digest of the content,
3. the fields of the SignerInfo from its version to its signature value,
4. the hash index: digests of each certificate, of each revocation information and of each unsigned attribute value
   that was there. It is kept in the token, so whatever is added later breaks nothing.

All octets count as they stand, identifier and length included. What is not DER is not archived: verifiers differ in
whether they write it anew before they hash it.
"""

from __future__ import annotations

from collections.abc import Iterable

from signroom.domain.errors import AugmentationImpossible
from signroom.formats.cms.hashing import digest_of
from signroom.formats.cms.lasting.identifiers import DIGESTS, LONG_TERM_VALIDATION, OLD_ARCHIVE_TIMESTAMPS
from signroom.formats.cms.parts import Attribute, Parts, SignerParts, inside, octets_of
from signroom.formats.cms.reading import header
from signroom.formats.cms.writing import sequence

_OCTETS, _SEQUENCE, _CONSTRUCTED = 0x04, 0x30, 0x20
_STRING_IN_PIECES = 0x24
_DEPTH = 24


class Indexed:
    """The parts of an object that a hash index lists. Digests are kept: there may be many archive timestamps."""

    def __init__(self, certificates: Iterable[bytes], lists: Iterable[bytes]) -> None:
        self._certificates = tuple(certificates)
        self._lists = tuple(lists)
        self._known: dict[str, tuple[list[bytes], list[bytes]]] = {}

    def index(self, attributes: Iterable[Attribute], name: str) -> bytes:
        """ATSHashIndexV3 with all that is there, DER. `name`: a digest of `DIGESTS`."""
        certificates, lists = self._digests(name)
        algorithm = sequence(_SEQUENCE, DIGESTS[name])
        return sequence(
            _SEQUENCE, algorithm, _hashes(certificates), _hashes(lists), _hashes(_of_attributes(attributes, name))
        )

    def has_all_of(self, index: bytes, attributes: Iterable[Attribute], name: str) -> bool:
        """Each digest that `index` lists is one of something that is there. Raises: InvalidCms, ValueError."""
        *_, certificates, lists, values = inside(index)
        there = (*self._digests(name), list(_of_attributes(attributes, name)))
        listed = [{octets_of(one) for one in inside(part)} for part in (certificates, lists, values)]
        return all(part <= set(known) for part, known in zip(listed, there, strict=True))

    def _digests(self, name: str) -> tuple[list[bytes], list[bytes]]:
        if name not in self._known:
            self._known[name] = (
                [digest_of(one, name) for one in self._certificates],
                [digest_of(one, name) for one in self._lists],
            )
        return self._known[name]


def imprint(content_type: bytes, content_digest: bytes, signer: SignerParts, index: bytes, name: str) -> bytes:
    """The digest by `name` that an archive timestamp is about."""
    return digest_of(content_type + content_digest + signer.fields + index, name)


def require_der(signer: SignerParts) -> None:
    """Raises: AugmentationImpossible when two verifiers could hash different octets of `signer`."""
    attributes = inside(signer.signed) if signer.signed else []
    whole = sequence(_SEQUENCE, signer.fields)
    if not _is_der(whole) or attributes != sorted(attributes):
        raise AugmentationImpossible("The signature is not written in DER, so an archive timestamp would not hold.")


def require_no_old_archive(parts: Parts) -> None:
    """Archive timestamps of earlier versions break when anything is added beside them (EN 319 122-2, A.2.4 and A.2.5).

    Raises: AugmentationImpossible.
    """
    old = {LONG_TERM_VALIDATION, *OLD_ARCHIVE_TIMESTAMPS}
    if any(any(kind in one.unsigned for kind in old) for one in parts.signers):
        raise AugmentationImpossible(
            "It has an archive timestamp of an old kind, which would not hold any more when something is added."
        )


def _hashes(digests: Iterable[bytes]) -> bytes:
    return sequence(_SEQUENCE, *(sequence(_OCTETS, one) for one in digests))


def _of_attributes(attributes: Iterable[Attribute], name: str) -> list[bytes]:
    """Each value has a digest of its own, with the attribute's type before it."""
    return [digest_of(one.kind + value, name) for one in attributes for value in one.values]


def _is_der(value: bytes, depth: int = 0) -> bool:
    """Lengths are definite and short, and no string is in pieces (X.690, 10.1 and 10.2)."""
    sizes = (len(value) - octets for octets in range(2, 7))
    if depth > _DEPTH or not any(
        size >= 0 and value.startswith(begin := header(value[0], size)) and len(begin) + size == len(value)
        for size in sizes
    ):
        return False
    if not value[0] & _CONSTRUCTED:
        return True
    return value[0] != _STRING_IN_PIECES and all(_is_der(one, depth + 1) for one in inside(value))
