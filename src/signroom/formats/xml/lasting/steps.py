"""One step of an XML signature to a higher level, in two halves: what is to be stamped, and the token put in.

Only octets inside xades:QualifyingProperties of the one signature are added, behind all unsigned signature properties
that there are. Not one octet goes away or changes. Signatures and timestamps that held before hold after.

The first half looks at the file as it will be, but for the token, which is one text inside an element of ours. The
second half puts that text into the same file, by its digest, and looks at nothing else again.

Usually nothing in the file is about the place of the addition, and the place is certain. Then what holds before holds
after, and the file after the step is not parsed. With the least doubt it is, and what holds in it is judged anew.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree  # type: ignore[import-untyped]

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
from signroom.formats.xml.canonical import standalone_octets
from signroom.formats.xml.lasting import properties
from signroom.formats.xml.lasting.imprints import imprint, usual_method
from signroom.formats.xml.lasting.levels import WORK_OF_A_TOKEN, ReadSignature, read_one, read_signatures
from signroom.formats.xml.lasting.sorting import split, without
from signroom.formats.xml.lasting.tokens import read_token
from signroom.formats.xml.lasting.unsigned import Unsigned, read_unsigned
from signroom.formats.xml.places import Place, Splice, in_encoding_of
from signroom.formats.xml.places import splice as splice_of
from signroom.formats.xml.reading import SIGNATURE, XmlDocument, only_refusals
from signroom.formats.xml.signature import CANONICALIZATIONS, EXC_C14N, XADES, Fault, read_signature
from signroom.formats.xml.transforms import takes_in
from signroom.formats.xml.verification import JudgedSignature, judge_signature
from signroom.ports.files import Stored

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

_PARTS = 16
"""Of a file, between which what was hashed is kept."""
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
    raised = _raised(data, augmentation, digest)
    state = _State.of(raised.document)
    _require_unharmed(data, state, raised)
    raised.document.spend(WORK_OF_A_TOKEN)  # whoever reads the file with the token needs that, too
    splice, place = raised.splice, raised.places[0]
    marker = in_encoding_of(data, properties.before_token(_named(_name(digest, place), augmentation.use)))
    before, found, behind = splice.octets.partition(marker)
    if not found:
        raise AugmentationImpossible("The place of the timestamp could not be found.")
    return LaidOutAugmentation(
        augmentation,
        _imprint(state, place, augmentation, raised),
        len(data),
        file_digest=digest,
        before=before + found,
        after=behind,
        replaced=(splice.start, splice.end),
    )


def augment(file: Path, laid_out: LaidOutAugmentation, token: bytes | None) -> Stored:
    """Change `file`. Raises: as `lay_out`, VerificationFailed, TimestampTooLarge; then the file is as it was."""
    data = file.read_bytes()
    augmentation = laid_out.augmentation
    beginnings = _beginnings(data)
    digest = beginnings[-1][1].digest()
    if digest != laid_out.file_digest:
        raise AugmentationImpossible("The file is not the one that the step was laid out for.")
    if (token is None) is not (augmentation.use is None):
        raise VerificationFailed("A step with a timestamp needs a token, and another one has none.")
    if token is not None:
        _require_token(token, laid_out)
        text = in_encoding_of(data, base64.b64encode(token))
        splice = Splice(*laid_out.replaced, b"".join((laid_out.before, text, laid_out.after)))
        after, same = splice.into(data), splice.start
    else:
        raised = _raised(data, augmentation, digest)
        _require_unharmed(data, _State.of(raised.document), raised)
        after, same = raised.content, 0 if raised.behind is None else raised.splice.start
    _write(file, after)
    return Stored(len(after), _digest(after, beginnings, same))


def _beginnings(data: bytes) -> list[tuple[int, Hash]]:
    """What SHA-256 has taken in of `data` after each of some parts; the last is all."""
    found, running, size = [(0, hashlib.sha256())], hashlib.sha256(), len(data) // _PARTS + 1
    for start in range(0, len(data), size):
        running.update(memoryview(data)[start : start + size])
        found.append((min(start + size, len(data)), running.copy()))
    return found


def _digest(data: bytes, beginnings: list[tuple[int, Hash]], same: int) -> bytes:
    """SHA-256 of `data`, of which the first `same` octets are those of the `beginnings`: few are hashed once more."""
    end, running = next(one for one in reversed(beginnings) if one[0] <= same)
    found = running.copy()
    found.update(memoryview(data)[end:])
    return found.digest()


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


@dataclass(frozen=True, slots=True)
class _Raised:
    """What a step comes to, but for the token of the step."""

    document: XmlDocument
    """After the step; with `behind` before it."""
    places: list[int]
    """Of its signatures that were raised."""
    splice: Splice
    """What was done last. A step with a timestamp does one thing."""
    behind: tuple[bytes, ...] | None = None
    """Where the document before the step says all of that after it: the canonical forms, exclusive, of the unsigned
    properties that are added before the timestamp."""

    @property
    def content(self) -> bytes:
        return self.document.data if self.behind is None else self.splice.into(self.document.data)


def _raised(data: bytes, augmentation: Augmentation, digest: bytes) -> _Raised:
    """Raises: NotSigned, AugmentationImpossible, EmptyFile, InvalidXml, XmlTooComplex, TimestampTooLarge."""
    properties.require_fitting(augmentation.data)
    document = XmlDocument(data)
    targets = _targets(document, augmentation)
    places = [one.place for one in targets]
    splice = Splice(0, 0, b"")
    for number, target in enumerate(targets):
        one = target if number == 0 else read_one(document, target.place, compare=False)
        # The same step has the same names in both halves.
        name = _name(digest, target.place)
        change = None if one is None else _change(document, one, augmentation, name)
        if change is None:
            continue
        splice = change.splice
        if len(targets) == 1 and change.is_apart(document, target):
            return _Raised(document, places, splice, change.forms())
        # Two trees of a large file are enough: that before the change is used up, or it goes first.
        before, document = document, XmlDocument(splice.into(document.data), work=document.work)
        _require_in_place(document, target.place, name)
        if len(targets) == 1:
            document.take_over(before, target.place)
        del before, change, one, target
    return _Raised(document, places, splice)


def _name(digest: bytes, place: int) -> str:
    return f"lasting-{digest.hex()[:32]}-{place}"


def _named(name: str, use: TimestampUse | None) -> str:
    """The Id of the step's timestamp."""
    return f"{name}-{use}"


def _require_in_place(document: XmlDocument, place: int, name: str) -> None:
    """What was added stands in its signature: then all octets around it mean what they did. Raises: InvalidXml."""
    signatures = document.signatures[place : place + 1]
    unsigned = None if not signatures else read_unsigned(document, signatures[0])
    if unsigned is None or not any(each.get("Id", "").startswith(name) for each in unsigned.properties):
        raise InvalidXml("Its elements cannot be told apart.")


@dataclass(frozen=True, slots=True)
class _Change:
    """What one signature gets."""

    splice: Splice
    anchor: Element
    """The element that gets longer."""
    method: str
    """The canonicalization of the timestamp, where there is one."""
    before: bytes
    """The added properties that the timestamp is about, as they are written."""

    def is_apart(self, document: XmlDocument, target: ReadSignature) -> bool:
        """Whether all that holds in `document` holds after the change, and nothing else. True is certain."""
        return (
            self.splice.is_certain
            and document.has_room_for(self.splice.octets, self.anchor)
            and (self.method == EXC_C14N or not self.before)
            and next(target.parts.element.iterancestors(SIGNATURE), None) is None
            and not any(_is_about(document, each, self.anchor) for each in document.signatures)
        )

    def forms(self) -> tuple[bytes, ...]:
        """The exclusive canonical forms of `before`: each declares its own namespaces, so these do not depend on where
        it stands. Raises: InvalidXml, XmlTooComplex."""
        if not self.before:
            return ()
        with only_refusals():
            around = etree.fromstring(b"<around>%b</around>" % self.before)
        return tuple(map(standalone_octets, around))


def _change(document: XmlDocument, one: ReadSignature, augmentation: Augmentation, name: str) -> _Change | None:
    """What the signature gets; None when that is nothing."""
    use = augmentation.use
    values = _values(one, augmentation, name)
    method, stamp = EXC_C14N, b""
    if use is not None:
        method = usual_method(one.parts, use)
        stamp = properties.timestamp(use, _named(name, use), _NO_TOKEN, method)
    # The new properties in their order: an archive timestamp is about what stands before it.
    is_archive = use is TimestampUse.ARCHIVE
    added = values + stamp if is_archive else stamp + values
    if not added:
        return None
    where, content = _wrapped(one.unsigned, added)
    return _Change(splice_of(document, where, content), where.anchor, method, values if is_archive else b"")


def _is_about(document: XmlDocument, signature: Element, anchor: Element) -> bool:
    """Whether a signature signs what is in `anchor`, or may do so."""
    try:
        parts = read_signature(signature)
        return any(takes_in(document, signature, reference, anchor) for reference in parts.references)
    except Fault:
        return True


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
    return any(stamp.use is TimestampUse.SIGNATURE for stamp in one.timestamps)


def _values(one: ReadSignature, augmentation: Augmentation, name: str) -> bytes:
    """The data that is not there yet, at the places that are free."""
    data = without(augmentation.data, one.data)
    newest = one.embedded[-1][0].property.get("Id") if one.embedded else None
    if one.unsigned.is_archived or one.unsigned.has_values:
        return properties.values_of_timestamp(data, f"{name}-data", newest)
    authorities = [stamp.authority.certificate for stamp in one.timestamps]
    of_signer, of_stamps = split(data, one.chain.certificate, authorities, one.data.certificates)
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


def _require_unharmed(before: bytes, after: _State, raised: _Raised) -> None:
    """Raises: BrokenSignature, AugmentationImpossible."""
    # Nobody can say what a step does to a signature of which is not known what it signs.
    if any(one.fault is not None and _is_unknown(one.fault) for one in after.judged):
        raise AugmentationImpossible("It has a signature of a kind that is not supported here.")
    failed = after.failed()
    if not failed:
        return
    if raised.behind is None:
        failed_before = _State.of(XmlDocument(before, work=after.document.work)).failed()
    else:
        failed_before = failed
    broken = [place for place in raised.places if place in failed_before]
    if broken:
        raise BrokenSignature(after.judged[broken[0]].verdict.reason)
    if failed - failed_before:
        raise AugmentationImpossible("Another signature or timestamp of the file would break.")


def _is_unknown(fault: Fault) -> bool:
    return fault.indication is Indication.INDETERMINATE and fault.check is Check.XML_DSIG_CORE_VALIDATION_FAILED


def _imprint(state: _State, place: int, augmentation: Augmentation, raised: _Raised) -> bytes:
    """Raises: AugmentationImpossible, XmlTooComplex."""
    one = _at(state.read, place)
    use = augmentation.use or TimestampUse.SIGNATURE
    before = one.unsigned.properties if raised.behind is not None else one.unsigned.properties[:-1]
    try:
        return imprint(
            state.document,
            one.parts,
            use,
            before=before if use is TimestampUse.ARCHIVE else (),
            behind=raised.behind or (),
            method=CANONICALIZATIONS[usual_method(one.parts, use)],
            algorithm=augmentation.digest_algorithm.value,
        )
    except (Fault, InvalidXml) as error:
        raise AugmentationImpossible("What the timestamp is about cannot be told.") from error
