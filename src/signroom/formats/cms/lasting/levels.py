"""How far the signatures of a CMS object have come (EN 319 122-1, 6.1): which parts of a level are there.

A timestamp that does not fit is no part of a level. One that cannot be computed here is: it may well fit.

Old forms of strangers count too: certificate-values, revocation-values and archive timestamps before version 3
(EN 319 122-2, A). The imprint of those timestamps is not computed, so they are never called intact.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from signroom.domain.augmentation import EmbeddedTimestamp, FileLevels, SignatureLevel, TimestampUse, ValidationData
from signroom.domain.errors import CmsTooComplex, InvalidCms, NotSigned
from signroom.domain.level import Level
from signroom.domain.signature import CertificateChain
from signroom.formats.cms.facts import SignerCertificates, attributes_of, certificates_of, issuers_of
from signroom.formats.cms.hashing import digest_name, digest_of, is_known
from signroom.formats.cms.lasting.archive import Indexed, imprint
from signroom.formats.cms.lasting.identifiers import (
    ARCHIVE_TIMESTAMP_V3,
    DIGESTS,
    LONG_TERM_VALIDATION,
    OLD_ARCHIVE_TIMESTAMPS,
    SIGNATURE_TIMESTAMP,
)
from signroom.formats.cms.lasting.material import Known, material_of_attributes, material_of_object
from signroom.formats.cms.lasting.tokens import MAX_TOKENS, DigestOf, Token, hash_index_of_token, read_token
from signroom.formats.cms.parts import Attribute, Parts, SignerParts, read_parts
from signroom.formats.cms.reading import CmsFile, only_refusals, read_cms
from signroom.formats.cms.verification import Data, beside
from signroom.formats.malformed import MALFORMED

_MANY_LISTS = 1_000
"""Revocation information in SignedData. Real files have some dozens."""
_OLD = {LONG_TERM_VALIDATION, *OLD_ARCHIVE_TIMESTAMPS}


@dataclass(frozen=True, slots=True)
class _Signer:
    """What was read of one signer."""

    parts: SignerParts
    chain: CertificateChain
    timestamps: tuple[EmbeddedTimestamp, ...]
    counted: tuple[EmbeddedTimestamp, ...]
    """Those that are not broken: anybody can put a timestamp of something else there."""
    data: ValidationData
    """Of its unsigned attributes and its timestamps."""


def read_levels(file: Path, data: Path | None) -> FileLevels:
    """`data`: the content of a detached object. Raises: NotSigned, InvalidCms, CmsTooComplex."""
    with only_refusals():
        found = read_cms(file)
        parts = None if found is None else read_parts(found)
        if found is None or parts is None or not parts.signers:
            raise NotSigned
        if len(parts.lists) > _MANY_LISTS:
            raise CmsTooComplex(f"It has more than {_MANY_LISTS} revocation lists.")
        reader = _Reader(found, parts, beside(found, data, ()))
        signers = [reader.signer(number) for number in range(len(parts.signers))]
        together = material_of_object(parts.certificates, parts.lists)
        for one in signers:
            together += one.data
        known = Known(together)
        return FileLevels(tuple(_level(one, known) for one in signers), together)


def _level(signer: _Signer, known: Known) -> SignatureLevel:
    level = Level.B_B
    on_value = [one for one in signer.counted if one.use is TimestampUse.SIGNATURE]
    if on_value:
        level = Level.B_T
        wanted = {signer.chain.certificate, *(one.authority.certificate for one in on_value)}
        if all(known.is_complete_for(certificate) for certificate in wanted):
            level = Level.B_LTA if len(on_value) < len(signer.counted) else Level.B_LT
    return SignatureLevel(signer.parts.value, signer.chain, level, signer.timestamps)


class _Reader:
    """Reads the signers of one object."""

    def __init__(self, found: CmsFile, parts: Parts, content: Data) -> None:
        self._found, self._parts, self._content = found, parts, content
        self._by_signer = SignerCertificates(found.signed)
        self._certificates = certificates_of(found.signed)
        self._indexed = Indexed(parts.certificates, parts.lists)
        self._left = MAX_TOKENS

    def signer(self, number: int) -> _Signer:
        """The number counts from 0, in the order of the object."""
        parts = self._parts.signers[number]
        certificate = self._by_signer.of(self._found.signed["signer_infos"][number])
        der = b"" if certificate is None else certificate.dump()
        chain = CertificateChain(der, issuers_of(der, self._certificates))
        try:
            attributes = parts.attributes()
        except InvalidCms:  # of one signer: it must not hide the others
            attributes = ()
        tokens = [(use, token) for use, token in self._tokens(number, attributes) if token is not None]
        tokens.sort(key=lambda pair: (pair[1].time, pair[0] is TimestampUse.ARCHIVE))
        data = material_of_attributes(attributes)
        for _use, token in tokens:
            own = token.authority.certificate
            data += ValidationData((*((own,) if own else ()), *token.authority.issuers), token.lists)
        return _Signer(
            parts,
            chain,
            timestamps=tuple(token.embedded(use) for use, token in tokens),
            counted=tuple(token.embedded(use) for use, token in tokens if not token.broken),
            data=data,
        )

    def _tokens(self, number: int, attributes: tuple[Attribute, ...]) -> list[tuple[TimestampUse, Token | None]]:
        found = []
        for one in attributes:
            for value in one.values:
                if one.kind == SIGNATURE_TIMESTAMP:
                    found.append((TimestampUse.SIGNATURE, self._read(value, self._of_value(number))))
                elif one.kind == ARCHIVE_TIMESTAMP_V3:
                    subject = self._of_archive(number, attributes, value)
                    found.append((TimestampUse.ARCHIVE, self._read(value, subject)))
                elif one.kind in _OLD:
                    found.append((TimestampUse.ARCHIVE, self._read(value, lambda _name: None)))
        return found

    def _read(self, value: bytes, subject: DigestOf) -> Token | None:
        self._left -= 1
        if self._left < 0:
            raise CmsTooComplex(f"It has more than {MAX_TOKENS} timestamps.")
        return read_token(value, subject)

    def _of_value(self, number: int) -> DigestOf:
        value = self._parts.signers[number].value
        return lambda name: digest_of(value, name) if is_known(name) else None

    def _of_archive(self, number: int, attributes: tuple[Attribute, ...], token: bytes) -> DigestOf:
        """The imprint by the index that the token has; an index that lists what is not there fits nothing."""

        def compute(name: str) -> bytes | None:
            try:
                index = hash_index_of_token(token)
                content = self._digest(number, name)
                if content is None or name not in DIGESTS:
                    return None
                if index is None or not self._indexed.has_all_of(index, attributes, name):
                    return b""
                return imprint(self._parts.content_type, content, self._parts.signers[number], index, name)
            except (InvalidCms, *MALFORMED):
                return None

        return compute

    def _digest(self, number: int, name: str) -> bytes | None:
        """Of the content: its own, or the signed one where it is elsewhere."""
        if self._content.content is not None:
            return self._content.digest(name)
        signer = self._found.signed["signer_infos"][number]
        digest = attributes_of(signer).get("message_digest")
        same = digest is not None and digest_name(signer["digest_algorithm"]) == name
        return digest.native if digest is not None and same else None
