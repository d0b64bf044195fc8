"""One step of an XML signature to a higher level, in two halves: what is to be stamped, and the token put in.

Only octets inside xades:QualifyingProperties of the one signature are added, behind all unsigned signature properties
that there are. Not one octet goes away or changes. Signatures and timestamps that held before hold after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from signroom.domain.augmentation import Augmentation, LaidOutAugmentation, TimestampUse
from signroom.domain.errors import (
    AugmentationImpossible,
    BrokenSignature,
    InvalidXml,
    NotSigned,
    VerificationFailed,
)
from signroom.domain.signature import Indication, XmlInsertion
from signroom.domain.validation import Check
from signroom.formats.xml.lasting import properties
from signroom.formats.xml.lasting.imprints import imprint, usual_method
from signroom.formats.xml.lasting.levels import ReadSignature, read_one, read_signatures
from signroom.formats.xml.lasting.sorting import split, without
from signroom.formats.xml.lasting.tokens import read_token
from signroom.formats.xml.lasting.unsigned import Unsigned
from signroom.formats.xml.places import Place, insert
from signroom.formats.xml.reading import XmlDocument
from signroom.formats.xml.signature import CANONICALIZATIONS, XADES, Fault
from signroom.formats.xml.verification import JudgedSignature, judge_signature
from signroom.ports.files import Stored

_NO_TOKEN = b""
"""In the place of the token while the step is laid out."""


def lay_out(file: Path, augmentation: Augmentation) -> LaidOutAugmentation:
    """A step without a timestamp is looked at by `augment` alone.

    Raises: NotSigned, AugmentationImpossible, BrokenSignature, EmptyFile, InvalidXml, XmlTooComplex.
    """
    data = file.read_bytes()
    digest = hashlib.sha256(data).digest()
    if augmentation.use is None:  # nobody is asked for anything: `augment` does all of it, and looks once
        return LaidOutAugmentation(augmentation, None, len(data), file_digest=digest)
    after, targets = _raised(data, augmentation, digest, _NO_TOKEN)
    state = _State.of(after)
    _require_unharmed(data, state, targets)
    return LaidOutAugmentation(augmentation, _imprint(state, targets[0], augmentation), len(data), file_digest=digest)


def augment(file: Path, laid_out: LaidOutAugmentation, token: bytes | None) -> Stored:
    """Change `file`. Raises: as `lay_out`, VerificationFailed, TimestampTooLarge; then the file is as it was."""
    data = file.read_bytes()
    augmentation = laid_out.augmentation
    digest = hashlib.sha256(data).digest()
    if digest != laid_out.file_digest:
        raise AugmentationImpossible("The file is not the one that the step was laid out for.")
    if (token is None) is not (augmentation.use is None):
        raise VerificationFailed("A step with a timestamp needs a token, and another one has none.")
    if token is not None:
        _require_token(token, laid_out)
    after, targets = _raised(data, augmentation, digest, token or _NO_TOKEN)
    state = _State.of(after)
    _require_unharmed(data, state, targets)
    if token is not None:
        one = _at(state.read, targets[0])
        if not one.embedded or one.embedded[-1][0].token != token or not one.embedded[-1][1].intact:
            raise VerificationFailed("The timestamp does not hold in its place.")
    _write(file, after.data)
    return Stored(len(after.data), hashlib.sha256(after.data).digest())


def _write(file: Path, content: bytes) -> None:
    """All of it or nothing."""
    beside = file.with_name(f"{file.name}.augmented")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _require_token(token: bytes, laid_out: LaidOutAugmentation) -> None:
    """Raises: VerificationFailed, TimestampTooLarge."""
    properties.require_token_size(token)
    found = read_token(token)
    wanted = (laid_out.augmentation.digest_algorithm.value, laid_out.imprint)
    if found is None or not found.is_intact or (found.algorithm, found.imprint) != wanted:
        raise VerificationFailed("The token is not one of what was to be stamped.")


# -- what is added ---------------------------------------------------------------------------------


def _raised(data: bytes, augmentation: Augmentation, digest: bytes, token: bytes) -> tuple[XmlDocument, list[int]]:
    """The document after the step, and the places of its signatures that were raised.

    Raises: NotSigned, AugmentationImpossible, EmptyFile, InvalidXml, XmlTooComplex, TimestampTooLarge.
    """
    properties.require_fitting(augmentation.data)
    document = XmlDocument(data)
    places = [one.place for one in _targets(document, augmentation)]
    for place in places:
        # The same step has the same names in both halves.
        content = _with_more(document, place, augmentation, f"lasting-{digest.hex()[:32]}-{place}", token)
        if content is not None:
            # Two trees of a large file are enough: that before the change goes first.
            work = document.work
            del document
            document = XmlDocument(content, work=work)
    return document, places


def _with_more(document: XmlDocument, place: int, augmentation: Augmentation, name: str, token: bytes) -> bytes | None:
    """The file with what the signature at `place` gets; None when that is nothing."""
    one = read_one(document, place, compare=False)
    added = b"" if one is None else _added(one, augmentation, name, token)
    if one is None or not added:
        return None
    where, content = _wrapped(one.unsigned, added)
    return insert(document, where, content)


def _targets(document: XmlDocument, augmentation: Augmentation) -> list[ReadSignature]:
    if not document.signatures:
        raise NotSigned
    found = read_signatures(document, compare=False, value=augmentation.signature_value)
    if not found:
        raise AugmentationImpossible("No signature of the file is the one that was meant and a XAdES signature.")
    if augmentation.use is not None and len(found) > 1:
        raise AugmentationImpossible("It has several such signatures, and a timestamp is about one.")
    for one in found:
        if augmentation.use is TimestampUse.SIGNATURE and one.unsigned.is_archived:
            raise AugmentationImpossible("It has an archive timestamp: a signature timestamp comes before that.")
        if augmentation.use is TimestampUse.ARCHIVE and not _is_stamped(one):
            raise AugmentationImpossible("It has no signature timestamp, on which an archive timestamp builds.")
    return found


def _is_stamped(one: ReadSignature) -> bool:
    return any(stamp.use is TimestampUse.SIGNATURE for stamp in one.level.timestamps)


def _added(one: ReadSignature, augmentation: Augmentation, name: str, token: bytes) -> bytes:
    """The new unsigned signature properties, in their order."""
    stamp = b""
    if augmentation.use is not None:
        use = augmentation.use
        method = usual_method(one.parts, use)
        stamp = properties.timestamp(use, f"{name}-{use.value}", token, method)
    values = _values(one, augmentation, name)
    # An archive timestamp is about what stands before it.
    return values + stamp if augmentation.use is TimestampUse.ARCHIVE else stamp + values


def _values(one: ReadSignature, augmentation: Augmentation, name: str) -> bytes:
    """The data that is not there yet, at the places that are free."""
    data = without(augmentation.data, one.data)
    newest = one.embedded[-1][0].property.get("Id") if one.embedded else None
    if one.unsigned.is_archived or one.unsigned.has_values:
        return properties.values_of_timestamp(data, f"{name}-data", newest)
    authorities = [stamp.authority.certificate for stamp in one.level.timestamps]
    of_signer, of_stamps = split(data, one.level.chain.certificate, authorities, one.data.certificates)
    # Next to the timestamp that it is about, which is the newest (5.5.1).
    return properties.values_of_timestamp(of_stamps, f"{name}-data", newest) + properties.values(of_signer, name)


def _wrapped(unsigned: Unsigned, added: bytes) -> tuple[Place, bytes]:
    """Where it goes, with the elements around it that are not there yet."""
    anchor = unsigned.of_signature
    if anchor is not None:
        return Place(anchor, XmlInsertion.APPEND_CHILD), added
    declared = f'xmlns:xades="{XADES}"'.encode()
    if unsigned.holder is not None:
        # The schema has it before the properties of data objects.
        around = b"<xades:UnsignedSignatureProperties %b>%b</xades:UnsignedSignatureProperties>" % (declared, added)
        return Place(unsigned.holder, XmlInsertion.PREPEND_CHILD), around
    around = (
        b"<xades:UnsignedProperties %b><xades:UnsignedSignatureProperties>%b</xades:UnsignedSignatureProperties>"
        b"</xades:UnsignedProperties>" % (declared, added)
    )
    return Place(unsigned.qualifying, XmlInsertion.APPEND_CHILD), around


# -- what must hold --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _State:
    """What holds in a document."""

    document: XmlDocument
    judged: tuple[JudgedSignature, ...]
    read: tuple[ReadSignature, ...]

    @classmethod
    def of(cls, document: XmlDocument) -> _State:
        judged = tuple(judge_signature(document, element) for element in document.signatures)
        return cls(document, judged, tuple(read_signatures(document)))

    def failed(self) -> set[object]:
        """What does not hold: signatures by their place, timestamps by their place and number."""
        signatures: set[object] = {
            place for place, one in enumerate(self.judged) if one.verdict.indication is Indication.TOTAL_FAILED
        }
        stamps = {
            (one.place, number)
            for one in self.read
            for number, (_, stamp) in enumerate(one.embedded)
            if not stamp.intact
        }
        return signatures | stamps


def _at(signatures: Sequence[ReadSignature], place: int) -> ReadSignature:
    found = next((one for one in signatures if one.place == place), None)
    if found is None:
        raise AugmentationImpossible("The signature could not be read any more.")
    return found


def _require_unharmed(before: bytes, after: _State, targets: Sequence[int]) -> None:
    """Raises: BrokenSignature, AugmentationImpossible."""
    # Nobody can say what a step does to a signature of which is not known what it signs.
    if any(one.fault is not None and _is_unknown(one.fault) for one in after.judged):
        raise AugmentationImpossible("It has a signature of a kind that is not supported here.")
    failed = after.failed()
    if not failed:
        return
    failed_before = _State.of(XmlDocument(before, work=after.document.work)).failed()
    broken = [place for place in targets if place in failed_before]
    if broken:
        raise BrokenSignature(after.judged[broken[0]].verdict.reason)
    if failed - failed_before:
        raise AugmentationImpossible("Another signature or timestamp of the file would break.")


def _is_unknown(fault: Fault) -> bool:
    return fault.indication is Indication.INDETERMINATE and fault.check is Check.XML_DSIG_CORE_VALIDATION_FAILED


def _imprint(state: _State, place: int, augmentation: Augmentation) -> bytes:
    """Raises: AugmentationImpossible, XmlTooComplex."""
    one = _at(state.read, place)
    use = augmentation.use or TimestampUse.SIGNATURE
    try:
        return imprint(
            state.document,
            one.parts,
            use,
            before=one.unsigned.properties[:-1] if use is TimestampUse.ARCHIVE else (),
            method=CANONICALIZATIONS[usual_method(one.parts, use)],
            algorithm=augmentation.digest_algorithm.value,
        )
    except (Fault, InvalidXml) as error:
        raise AugmentationImpossible("What the timestamp is about cannot be told.") from error
