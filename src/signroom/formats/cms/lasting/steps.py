"""Raise a signature of a CMS object to a higher level: laid out first, done when the timestamp is there.

- B-T: a signature timestamp as an unsigned attribute of the SignerInfo (EN 319 122-1, 5.3).
- B-LT: certificates in SignedData.certificates, revocation lists and OCSP responses in SignedData.crls (6.3; RFC 5940).
- B-LTA: an archive timestamp of version 3 (5.5.3).

What stands in the object keeps its octets. The object itself is written anew around its content, which is read once in
each step and never held in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from signroom.domain.augmentation import Augmentation, LaidOutAugmentation, TimestampUse, ValidationData
from signroom.domain.errors import (
    AugmentationImpossible,
    BrokenSignature,
    CmsTooComplex,
    DataFileRequired,
    DataMismatch,
    InvalidCms,
    NotSigned,
    VerificationFailed,
)
from signroom.domain.signature import Indication
from signroom.formats.cms.bounds import MAX_CERTIFICATE, MAX_CERTIFICATES
from signroom.formats.cms.facts import attributes_of
from signroom.formats.cms.hashing import digest_name, digest_of, new_hash
from signroom.formats.cms.lasting.archive import Indexed, imprint, require_der, require_no_old_archive
from signroom.formats.cms.lasting.identifiers import ARCHIVE_TIMESTAMP_V3, OCSP_RESPONSE, SIGNATURE_TIMESTAMP
from signroom.formats.cms.lasting.tokens import (
    MAX_TOKENS,
    attribute,
    certificates_in,
    require_token,
    signature_timestamp,
    with_hash_index,
)
from signroom.formats.cms.parts import Parts, SignerParts, inside, read_parts
from signroom.formats.cms.reading import MAX_AROUND, CmsFile, Outline, only_refusals, read_cms, read_outline, whole
from signroom.formats.cms.verification import Data, beside, judge_signer
from signroom.formats.cms.writing import Body, sequence, write_object
from signroom.ports.files import Augmented, Stored

_SEQUENCE, _OTHER = 0x30, 0xA1
_VERSION_5 = bytes([0x02, 1, 5])
"""Of a SignedData with revocation information that is no list (RFC 5652, 5.1)."""
_ROOM = 64 << 10
"""Bytes around the content that are left for what comes after this step."""


@dataclass(frozen=True)
class _Step:
    """An object with the validation data of a step in it, and the signer that the step is about."""

    found: Outline
    parts: Parts
    """With the data."""
    number: int | None
    """Which signer; None: the step has no timestamp, and is about all."""

    @property
    def place(self) -> int:
        """The number, for what is about one signer only."""
        if self.number is None:
            raise AugmentationImpossible
        return self.number

    @cached_property
    def read(self) -> CmsFile:
        """For what must be looked into. Whoever does a step that was laid out has looked."""
        return self.found if isinstance(self.found, CmsFile) else self.found.parsed()

    @property
    def signer(self) -> SignerParts:
        return self.parts.signers[self.place]

    def index(self, name: str) -> bytes:
        return Indexed(self.parts.certificates, self.parts.lists).index(self.signer.attributes(), name)


def lay_out(file: Path, augmentation: Augmentation, data: Path | None) -> LaidOutAugmentation:
    """Say what the authority is to stamp.

    Raises: NotSigned, AugmentationImpossible, BrokenSignature, DataFileRequired, DataMismatch, InvalidCms.
    """
    name = augmentation.digest_algorithm.value.lower()
    with only_refusals():
        step = _step(read_cms(file), augmentation)
        digest, index = None, b""
        if augmentation.use is not None:
            _require_cades(step)
        if augmentation.use is TimestampUse.SIGNATURE:
            _require_sound(step, _Claimed(step))
            digest = digest_of(step.signer.value, name)
        elif augmentation.use is TimestampUse.ARCHIVE:
            require_der(step.signer)
            content = _content_digest(step, data, name)
            index = step.index(name)
            digest = imprint(step.parts.content_type, content, step.signer, index, name)
    around = hashlib.sha256(step.found.octets).digest()
    return LaidOutAugmentation(augmentation, digest, file.stat().st_size, before=index, file_digest=around)


def augment(file: Path, laid_out: LaidOutAugmentation, token: bytes | None, data: Path | None) -> Augmented:
    """Do the step. `file` is replaced when all is well, and stays as it was when not.

    Raises: VerificationFailed, TimestampTooLarge, AugmentationImpossible when the file has changed since, InvalidCms.
    """
    augmentation = laid_out.augmentation
    if (token is None) is not (laid_out.imprint is None):
        raise AugmentationImpossible("A timestamp is missing, or there is one too many.")
    if file.stat().st_size != laid_out.file_length:
        raise _changed()
    output = file.with_name(f"{file.name}.augmented")
    try:
        with only_refusals():
            found = read_outline(file)
            if found is None or hashlib.sha256(found.octets).digest() != laid_out.file_digest:
                raise _changed()
            step = _step(found, augmentation)
            body = _with_token(step, laid_out, token)
            stored = _write(output, step, body, laid_out, data)
            _require_kept(step, read_outline(output))
        output.replace(file)
    finally:
        output.unlink(missing_ok=True)
    return Augmented(stored)


# -- the object with its data ----------------------------------------------------------------------


def _step(found: Outline | None, augmentation: Augmentation) -> _Step:
    parts = None if found is None else read_parts(found)
    if found is None or parts is None or not parts.signers:
        raise NotSigned
    require_no_old_archive(parts)
    number = _number(parts.signers, augmentation)
    with_data = _with_data(parts, augmentation, number)
    size = sum(len(one) for one in (*with_data.certificates, *with_data.lists, *(s.octets for s in parts.signers)))
    if size > MAX_AROUND - _ROOM:
        raise AugmentationImpossible("There would be too much around its content.")
    return _Step(found, with_data, number)


def _number(signers: tuple[SignerParts, ...], augmentation: Augmentation) -> int | None:
    """Which signer a step is about."""
    value = augmentation.signature_value
    chosen = [number for number, one in enumerate(signers) if value is None or one.value == value]
    if not chosen:
        raise AugmentationImpossible("It does not have this signature.")
    if augmentation.use is None:
        return None
    if value is None and len(signers) > 1:
        raise AugmentationImpossible("It has several signatures: a timestamp is about one of them.")
    return chosen[0]


def _with_data(parts: Parts, augmentation: Augmentation, number: int | None) -> Parts:
    """What is there already is not added once more."""
    data = augmentation.data
    _require_values(data)
    if data.is_empty:
        return parts
    tokens = [token for one in _about(parts, augmentation, number) for token in _tokens(one)]
    if len(tokens) > MAX_TOKENS:
        raise CmsTooComplex(f"It has more than {MAX_TOKENS} timestamps.")
    # Those of B-LT are in SignedData (EN 319 122-1, 6.3).
    authorities = [der for token in tokens for der in certificates_in(token)]
    certificates = dict.fromkeys([*parts.certificates, *data.certificates, *authorities])
    if len(certificates) > MAX_CERTIFICATES:
        raise AugmentationImpossible("It would have too many certificates.")
    responses = [sequence(_OTHER, OCSP_RESPONSE, response) for response in data.responses]
    lists = dict.fromkeys([*parts.lists, *data.lists, *responses])
    version = _VERSION_5 if any(one[0] == _OTHER for one in lists) else parts.version
    return replace(parts, version=version, certificates=tuple(certificates), lists=tuple(lists))


def _about(parts: Parts, augmentation: Augmentation, number: int | None) -> Iterable[SignerParts]:
    if number is not None:
        return [parts.signers[number]]
    value = augmentation.signature_value
    return [one for one in parts.signers if value is None or one.value == value]


def _tokens(signer: SignerParts) -> list[bytes]:
    """The timestamps of a signer."""
    try:
        attributes = signer.attributes()
    except InvalidCms:  # an odd one of somebody else's; the data is added all the same
        return []
    kinds = {SIGNATURE_TIMESTAMP, ARCHIVE_TIMESTAMP_V3}
    return [value for one in attributes if one.kind in kinds for value in one.values]


def _require_values(data: ValidationData) -> None:
    """Each is one whole SEQUENCE: what is not would make the object unreadable. Raises: AugmentationImpossible."""
    for one in (*data.certificates, *data.lists, *data.responses):
        try:
            whole_value = one[:1] == bytes([_SEQUENCE]) and sequence(_SEQUENCE, *inside(one)) == one
        except InvalidCms as error:
            raise AugmentationImpossible("The validation data is malformed.") from error
        if not whole_value:
            raise AugmentationImpossible("The validation data is malformed.")
    if any(len(one) > MAX_CERTIFICATE for one in data.certificates):
        raise AugmentationImpossible("A certificate of the validation data is too large.")


# -- the digest of the content ---------------------------------------------------------------------


class _Claimed:
    """The content as its signer has it, by the signed digest: nothing is read."""

    def __init__(self, step: _Step) -> None:
        self._name, self._digest = _claimed(step)

    def digest(self, algorithm: str) -> bytes | None:
        return self._digest if algorithm == self._name else None

    def looks_like_attributes(self) -> bool:
        return False


def _claimed(step: _Step) -> tuple[str | None, bytes | None]:
    """The signer's digest algorithm, and the signed digest of the content (RFC 5652, 11.2)."""
    signer = step.read.signed["signer_infos"][step.place]
    digest = attributes_of(signer).get("message_digest")
    return digest_name(signer["digest_algorithm"]), None if digest is None else digest.native


def _content_digest(step: _Step, data: Path | None, name: str) -> bytes:
    """The digest of the content of a signature that holds: the content is read once.

    A detached object whose content is not here has the digest that is signed, where that is by the same algorithm.
    """
    content = beside(step.read, data, ())
    if content.content is None:
        _require_sound(step, _Claimed(step))
        return _signed_digest(step, name)
    algorithm = _claimed(step)[0]
    _read_once(content, {name} if algorithm is None else {name, algorithm})
    _require_sound(step, content)
    return content.known[name]


def _signed_digest(step: _Step, name: str) -> bytes:
    algorithm, digest = _claimed(step)
    if digest is None or algorithm != name:
        raise DataFileRequired
    return digest


def _read_once(data: Data, names: set[str]) -> None:
    if data.content is None:
        return
    hashes = {name: new_hash(name) for name in names}
    for chunk in data.content.chunks():
        for one in hashes.values():
            one.update(chunk)
    data.known.update({name: one.digest() for name, one in hashes.items()})


def _require_cades(step: _Step) -> None:
    """The signature is CAdES: its signed attributes name the signer's certificate (EN 319 122-1, 5.2.2).

    Others would be raised for nothing: to validators they have no level.
    """
    signer = step.read.signed["signer_infos"][step.place]
    if not {"signing_certificate", "signing_certificate_v2"} & attributes_of(signer).keys():
        raise AugmentationImpossible("It does not name its signer's certificate, so it is no CAdES signature.")


def _require_sound(step: _Step, content: Data | _Claimed) -> None:
    """A broken signature is not worth a timestamp. Raises: BrokenSignature, DataMismatch."""
    verdict = judge_signer(step.read, step.place, content).verdict
    if verdict.indication is Indication.TOTAL_FAILED:
        if verdict.reason == "HASH_FAILURE" and step.found.content is None:
            raise DataMismatch
        raise BrokenSignature(verdict.reason)


# -- the new object --------------------------------------------------------------------------------


def _with_token(step: _Step, laid_out: LaidOutAugmentation, token: bytes | None) -> Body:
    parts, augmentation = step.parts, laid_out.augmentation
    signers = [one.octets for one in parts.signers]
    name = augmentation.digest_algorithm.value.lower()
    if token is not None and step.number is not None:
        if augmentation.use is TimestampUse.SIGNATURE:
            added = signature_timestamp(step.signer.value, token)
        else:
            require_token(token, lambda asked: laid_out.imprint if asked == name else None)
            added = attribute(ARCHIVE_TIMESTAMP_V3, with_hash_index(token, laid_out.before))
        signers[step.number] = step.signer.with_attribute(added)
    return Body(parts.version, parts.algorithms, parts.content_type, parts.certificates, parts.lists, signers)


def _write(output: Path, step: _Step, body: Body, laid_out: LaidOutAugmentation, data: Path | None) -> Stored:
    """The content is compared with what was laid out on its way."""
    content = step.found.content
    archived = laid_out.augmentation.use is TimestampUse.ARCHIVE
    name = laid_out.augmentation.digest_algorithm.value.lower()
    hashed = content if content is not None or data is None else whole(data)
    algorithm = name if archived and hashed is not None else None
    stored, digest = write_object(output, body, content, hashed=hashed, algorithm=algorithm)
    if archived:
        known = _signed_digest(step, name) if digest is None else digest
        if imprint(step.parts.content_type, known, step.signer, laid_out.before, name) != laid_out.imprint:
            raise _changed()
    return stored


def _require_kept(step: _Step, found: Outline | None) -> None:
    """All that was there is there. Raises: VerificationFailed."""
    parts = None if found is None else read_parts(found)
    if (
        parts is None
        or sorted(one.fields for one in parts.signers) != sorted(one.fields for one in step.parts.signers)
        or set(parts.certificates) != set(step.parts.certificates)
        or set(parts.lists) != set(step.parts.lists)
    ):
        raise VerificationFailed


def _changed() -> AugmentationImpossible:
    return AugmentationImpossible("The file has changed since the step was laid out.")
